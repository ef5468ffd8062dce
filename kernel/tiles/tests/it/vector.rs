//! Vector tiles against the entities in the box.

use std::collections::{BTreeMap, BTreeSet};

use kernel_model::{Coord, Geometry, Kind, Region, Shape, Span, TimeUs};
use kernel_tiles::vector::{Address, MAX_BYTES, MAX_FEATURES};
use kernel_tiles::{Times, What};

use crate::mvt::{self, Feature, Value, area};
use crate::support::{City, building, bytes, line, point, solid, strewn};

/// Metres of Web Mercator to units of a tile, by the textbook.
fn units(zoom: u8, x: u32, y: u32, lon: f64, lat: f64) -> [f64; 2] {
    let side = f64::from(1_u32 << zoom);
    let rad = lat.to_radians();
    let down = (1.0 - (rad.tan() + 1.0 / rad.cos()).ln() / std::f64::consts::PI) / 2.0;
    [((lon + 180.0) / 360.0 * side - f64::from(x)) * 4096.0, (down * side - f64::from(y)) * 4096.0]
}

/// The tile's number, found without the crate.
fn tile_of(zoom: u8, lon: f64, lat: f64) -> (u32, u32) {
    let [x, y] = units(zoom, 0, 0, lon, lat);
    ((x / 4096.0) as u32, (y / 4096.0) as u32)
}

fn features(city: &City, kind: Kind, zoom: u8, x: u32, y: u32) -> Vec<Feature> {
    let answer = city.ask(kind, What::Vector(Address::new(zoom, x, y).unwrap()));
    let Some(layer) = mvt::read(&bytes(&answer)) else { return Vec::new() };
    assert_eq!(layer.name, kind.name());
    let ids: BTreeSet<u64> = layer.features.iter().map(|feature| feature.id).collect();
    assert_eq!(ids.len(), layer.features.len(), "feature ids are unique");
    assert!(ids.iter().all(|id| *id < 1 << 53), "and exact in JavaScript");
    layer.features
}

/// A box in units of a tile: left, top, right, bottom.
fn in_units(at: &Region, zoom: u8, x: u32, y: u32) -> [f64; 4] {
    let ([left, top], [right, bottom]) = (units(zoom, x, y, at.west, at.north), units(zoom, x, y, at.east, at.south));
    [left, top, right, bottom]
}

#[test]
fn a_tile_holds_the_buildings_in_its_box_and_their_shapes() {
    let boxes = strewn(3_000, 1);
    let city = City::of(boxes.iter().enumerate().map(|(n, at)| building(n, at, 10.0 + n as f64)));
    let ids = city.ids();
    let mut seen = 0;
    for zoom in [14, 15, 16, 18] {
        for (lon, lat) in [(116.305, 39.975), (116.32, 39.99), (116.3399, 40.0099), (116.2999, 39.97)] {
            let (x, y) = tile_of(zoom, lon, lat);
            let features = features(&city, Kind::Building, zoom, x, y);
            let by_id: BTreeMap<&str, &Feature> = features.iter().map(|f| (f.text("id"), f)).collect();
            assert_eq!(by_id.len(), features.len());
            for (number, at) in boxes.iter().enumerate() {
                let [left, top, right, bottom] = in_units(at, zoom, x, y);
                let cut = [left.max(-64.0), top.max(-64.0), right.min(4160.0), bottom.min(4160.0)];
                let (wide, high) = (cut[2] - cut[0], cut[3] - cut[1]);
                let found = by_id.get(ids[&number.to_string()].as_str());
                if wide < -0.5 || high < -0.5 {
                    assert!(found.is_none(), "{number} is not in {zoom}/{x}/{y}");
                } else if wide > 1.5 && high > 1.5 {
                    let found = found.unwrap_or_else(|| panic!("{number} is in {zoom}/{x}/{y}: {cut:?}"));
                    seen += 1;
                    assert_eq!((found.form, found.paths.len()), (3, 1));
                    assert!(area(&found.paths[0]) > 0, "an outer ring");
                    let side = |axis: usize, pick: fn(f64, f64) -> f64, start: f64| {
                        found.paths[0].iter().map(|p| p[axis] as f64).fold(start, pick)
                    };
                    let got = [
                        side(0, f64::min, 1e9),
                        side(1, f64::min, 1e9),
                        side(0, f64::max, -1e9),
                        side(1, f64::max, -1e9),
                    ];
                    assert!(got.iter().zip(cut).all(|(a, b)| (a - b).abs() <= 0.51), "{got:?} {cut:?}");
                    assert_eq!(found.tags["height_m"], Value::Float(10.0 + number as f32));
                    assert_eq!(found.text("class"), "residential");
                }
            }
        }
    }
    assert!(seen > 2_000, "{seen}");
}

#[test]
fn points_and_lines_are_cut_at_the_border() {
    let city = City::of([
        point("in", 116.306, 39.971),
        point("out", 117.0, 40.0),
        line("long", &[(115.0, 39.971), (118.0, 39.971)]),
        line("twice", &[(116.306, 30.0), (116.306, 50.0), (116.307, 50.0), (116.307, 30.0)]),
        line("apart", &[(110.0, 39.0), (111.0, 39.0)]),
    ]);
    let (x, y) = tile_of(14, 116.306, 39.971);
    let points = features(&city, Kind::Poi, 14, x, y);
    let at = units(14, x, y, 116.306, 39.971).map(|v| v.round() as i64);
    assert_eq!((points.len(), points[0].form, &points[0].paths), (1, 1, &vec![vec![at]]));
    let lines = features(&city, Kind::Road, 14, x, y);
    let paths: BTreeMap<&str, usize> = lines.iter().map(|f| (f.text("id"), f.paths.len())).collect();
    let ids = city.ids();
    assert_eq!(paths, BTreeMap::from([(ids["long"].as_str(), 1), (ids["twice"].as_str(), 2)]));
    let long = lines.iter().find(|f| f.text("id") == ids["long"]).unwrap();
    assert_eq!((long.paths[0][0][0], long.paths[0].last().unwrap()[0]), (-64, 4160));
}

#[test]
fn holes_stay_holes_and_of_a_solid_its_floor_is_shown() {
    let outer = Region { west: 116.306, south: 39.97, east: 116.308, north: 39.972 };
    let inner = Region { west: 116.3065, south: 39.9705, east: 116.3075, north: 39.9715 };
    let mut court = building("court", &outer, 9.0);
    court.geometry = Some(Geometry::flat(Shape::Polygon(vec![
        crate::support::ring(&outer, 0.0),
        crate::support::ring(&inner, 0.0),
    ])));
    let far = Region { west: 116.310, south: 39.97, east: 116.312, north: 39.972 };
    let city = City::of([court, solid("block", &far, 20.0, 32.5)]);
    let (x, y) = tile_of(14, 116.307, 39.971);
    let features = features(&city, Kind::Building, 14, x, y);
    let ids = city.ids();
    let of = |name: &str| features.iter().find(|f| f.text("id") == ids[name]).unwrap();
    let signs: Vec<bool> = of("court").paths.iter().map(|ring| area(ring) > 0).collect();
    assert_eq!(signs, [true, false], "an outer ring and a hole, though both ran the same way");
    assert_eq!(of("block").paths.len(), 1, "one floor, no walls, no roof");
    let [left, top, right, bottom] = in_units(&far, 14, x, y);
    assert!((area(&of("block").paths[0]) as f64 / 2.0 - (right - left) * (bottom - top)).abs() < 2000.0);
    assert_eq!(of("block").tags["height_m"], Value::Float(12.5));
}

#[test]
fn a_tile_of_a_whole_city_is_bounded_and_keeps_what_is_large() {
    let boxes = strewn(4_000, 2);
    let mut drafts: Vec<_> = boxes.iter().enumerate().map(|(n, at)| building(n, at, 10.0)).collect();
    drafts.extend(
        (0..MAX_FEATURES + 5_000)
            .map(|n| point(format!("p{n}"), 116.30 + (n % 150) as f64 * 2e-4, 39.97 + (n / 150) as f64 * 2e-4)),
    );
    let city = City::of(drafts);
    let ids = city.ids();
    // A unit of zoom 10 is 7.3 m: what is smaller than four of them is left out.
    let (x, y) = tile_of(10, 116.31, 39.98);
    let shown = features(&city, Kind::Building, 10, x, y);
    let shown: BTreeSet<&str> = shown.iter().map(|f| f.text("id")).collect();
    for (number, at) in boxes.iter().enumerate() {
        let [left, top, right, bottom] = in_units(at, 10, x, y);
        let size = (right - left).hypot(bottom - top);
        let is_shown = shown.contains(ids[&number.to_string()].as_str());
        if (size - 4.0).abs() > 0.1 {
            assert_eq!(is_shown, size > 4.0, "{number} {size}");
        }
    }
    let mut before = BTreeSet::new();
    for zoom in [9, 12, 13] {
        let (x, y) = tile_of(zoom, 116.31, 39.98);
        let tile = features(&city, Kind::Poi, zoom, x, y);
        assert!(tile.len() <= MAX_FEATURES && tile.len() > 1_000);
        assert!(
            bytes(&city.ask(Kind::Poi, What::Vector(Address::new(zoom, x, y).unwrap()))).len() < MAX_BYTES + (1 << 12)
        );
        let ids: BTreeSet<String> = tile.iter().map(|f| f.text("id").to_owned()).collect();
        if zoom == 9 {
            assert_eq!(ids.len(), MAX_FEATURES, "as many as there may be");
            before = ids;
        } else {
            let inside = |f: &&Feature| f.paths[0].iter().flatten().all(|v| (0..4096).contains(v));
            let shown_before = tile.iter().filter(inside).filter(|f| before.contains(f.text("id"))).count();
            assert!(shown_before > 0, "what is shown stays shown");
        }
    }
}

#[test]
fn a_tile_is_of_any_time() {
    let day = |day: i64| TimeUs(day * 86_400_000_000);
    let small = Region { west: 116.306, south: 39.97, east: 116.307, north: 39.971 };
    let wide = Region { east: 116.309, ..small };
    let described = |at: &Region, from: i64| {
        let mut draft = building("house", at, 10.0);
        draft.valid_from = Some(day(from));
        draft
    };
    let mut city = City::of([described(&small, 10)]);
    let told_first = TimeUs::now();
    std::thread::sleep(std::time::Duration::from_millis(2));
    city.tell([described(&wide, 20)]);
    city.retire("house", day(30));
    let (x, y) = tile_of(14, 116.3065, 39.9705);
    let what = What::Vector(Address::new(14, x, y).unwrap());
    let width = |valid: Option<i64>, recorded: Option<TimeUs>| {
        let times = Times { valid: valid.map(|at| Span::at(day(at))), recorded };
        let layer = mvt::read(&bytes(&city.ask_at(Kind::Building, what, times)))?;
        let xs: Vec<i64> = layer.features[0].paths[0].iter().map(|p| p[0]).collect();
        Some(xs.iter().max().unwrap() - xs.iter().min().unwrap())
    };
    let (narrow, broad) = (width(Some(15), None).unwrap(), width(Some(25), None).unwrap());
    assert!(broad > 2 * narrow, "{narrow} {broad}");
    assert_eq!([width(None, None), width(Some(5), None), width(Some(35), None)], [None, None, None]);
    assert_eq!(width(Some(35), Some(told_first)), Some(narrow), "nobody had told yet that it would be gone");
    assert_eq!(width(None, Some(told_first)), Some(narrow));
}

#[test]
fn odd_rows_are_no_trouble() {
    let far = |lon: f64, lat: f64| Coord::new(lon, lat, 0.0);
    let mut flat = building("flat", &Region { west: 116.3, south: 39.97, east: 116.3, north: 39.98 }, 3.0);
    flat.class = "line".to_owned();
    let mut open = building("open", &Region::WORLD, 3.0);
    open.geometry = Some(Geometry::flat(Shape::Polygon(vec![vec![far(116.3, 39.97)], vec![]])));
    let mut empty = building("empty", &Region::WORLD, 3.0);
    empty.geometry = Some(Geometry::flat(Shape::MultiPolygon(vec![])));
    let mut none = building("none", &Region::WORLD, 3.0);
    none.geometry = None;
    let city = City::of([flat, open, empty, none, building("world", &Region::WORLD, 3.0)]);
    for (zoom, lon, lat) in [(0, 0.0, 0.0), (14, 116.3, 39.971), (22, 116.3, 39.971), (5, 179.9, -85.0)] {
        let (x, y) = tile_of(zoom, lon, lat);
        let shown = features(&city, Kind::Building, zoom, x, y);
        assert_eq!(shown.len(), 1, "the world's outline fills every tile: {shown:?}");
        let whole = 2 * 4224_i64 * 4224;
        assert!(area(&shown[0].paths[0]) >= 2 * 4096 * 4096 && area(&shown[0].paths[0]) <= whole);
    }
}
