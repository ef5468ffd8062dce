//! What must hold for every position, text and key, by random trial.

use coding_system::cover::{cover_box, cover_box_cells};
use coding_system::{
    Error, GridCell, Key, LonLatBox, Position, Profile, Scheme, SpaceTimeCode, beidou, decode, encode,
    encode_with_geoid, geosot, h3, rslc, scheme,
};
use proptest::prelude::*;

/// Longitudes with the edges that break things: 0, the antimeridian, cell edges and places a hair beside them.
fn lon() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -180.0..=180.0f64,
        1 => (-30..=30i32).prop_map(|z| f64::from(z) * 6.0),
        1 => (-180..=179i32, 0..3600i32).prop_map(|(d, s)| f64::from(d) + f64::from(s) / 3600.0),
        1 => prop::sample::select(vec![-180.0, 180.0, 0.0, -0.0, -1e-12, 1e-12, 179.999_999_999, -179.999_999_999]),
    ]
}

fn lat(limit: f64) -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -limit..limit,
        1 => (-84..=83i32, 0..3600i32).prop_map(|(d, s)| f64::from(d) + f64::from(s) / 3600.0),
        1 => prop::sample::select(vec![0.0, -0.0, -1e-12, 1e-12, 84.0, -84.0]),
    ]
}

fn height() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        Just(None),
        (-11_000.0..50_000.0f64).prop_map(Some),
        (-6e6..5e8f64).prop_map(Some),
        Just(Some(0.0)),
        Just(Some(-0.01))
    ]
}

pub(crate) fn position(limit: f64) -> impl Strategy<Value = Position> {
    (lon(), lat(limit), height()).prop_map(|(lon, lat, height)| Position::new(lon, lat, height).unwrap())
}

/// A box wider by the last place of the division that turns units into degrees.
fn slack(b: &LonLatBox) -> LonLatBox {
    let d = 1e-12;
    let (west, east) = ((b.west_deg() - d).max(-180.0), (b.east_deg() + d).min(180.0));
    LonLatBox::new(west, (b.south_deg() - d).max(-90.0), east, (b.north_deg() + d).min(90.0)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_decoded_cell_holds_what_was_coded(p in position(84.9), level in 0u8..=32, which in 0usize..5) {
        let scheme = Scheme::ALL[which];
        match encode_with_geoid(scheme, level, &p, None, Some(0.0)) {
            Ok(text) => {
                let decoded = decode(&text).unwrap();
                prop_assert_eq!((decoded.scheme, decoded.level), (scheme, level));
                prop_assert!(slack(&decoded.area).contains(&p), "{} {:?}", text, decoded.area);
                let (lon, lat) = decoded.centre_deg;
                prop_assert!(slack(&decoded.area).contains(&Position::new_2d(lon, lat).unwrap()));
                if let (Some(band), Some(h)) = (decoded.height_band, p.height_m()) {
                    let d = 1e-6 + h.abs() * 1e-9;
                    prop_assert!(h >= band.low_m - d && h <= band.high_m + d, "{} {:?} {}", text, band, h);
                }
            }
            Err(Error::Level { .. } | Error::NeedsHeight { .. } | Error::OutOfRange { .. }) => {}
            Err(other) => prop_assert!(false, "{scheme} {level}: {other}"),
        }
    }

    #[test]
    fn coarser_codes_are_prefixes(p in position(87.9), a in 1u8..=10, b in 1u8..=10) {
        let (a, b) = (a.min(b), a.max(b));
        prop_assert!(beidou::encode_2d(&p, b).unwrap().starts_with(beidou::encode_2d(&p, a).unwrap().as_str()));
        prop_assert!(beidou::encode(&p, b).unwrap().starts_with(beidou::encode(&p, a).unwrap().as_str()));
        prop_assert!(rslc::encode(&p, b).unwrap().starts_with(rslc::encode(&p, a).unwrap().as_str()));
        prop_assert!(geosot::Cell::of(&p, b).unwrap().text().starts_with(geosot::Cell::of(&p, a).unwrap().text().as_str()));
        let (coarse, fine) = (geosot::Cell::of(&p, a).unwrap(), geosot::Cell::of(&p, b).unwrap());
        prop_assert!(coarse.contains(&fine) && fine.parent(a) == Some(coarse));
    }

    /// The exact bridge between the two standards: BeiDou levels 4 to 10 are GeoSOT levels 15 to 32.
    #[test]
    fn beidou_cells_are_geosot_cells(p in position(87.9)) {
        prop_assume!(p.lon_deg() < 180.0);
        for (bd, gs) in [(4, 15), (5, 19), (6, 20), (7, 23), (8, 26), (9, 29), (10, 32)] {
            let bd = beidou::encode_2d(&p, bd).unwrap().parse::<beidou::Cell>().unwrap();
            let gs = geosot::Cell::of_2d(&p, gs).unwrap();
            if p.lon_deg() > -180.0 {
                prop_assert_eq!(bd.area(), gs.area());
            }
        }
    }

    #[test]
    fn polar_cells_hold_what_was_coded(lon in lon(), lat in prop_oneof![88.0..=90.0f64, -90.0..=-88.0f64], level in 0u8..=2) {
        let p = Position::new_2d(lon, lat).unwrap();
        let text = beidou::encode_2d(&p, level).unwrap();
        let cell = beidou::Cell::parse(&text).unwrap();
        prop_assert!(cell.to_string() == text.as_str() && cell.level() == level && slack(&cell.area()).contains(&p), "{} {:?}", text, cell.area());
        prop_assert!(matches!(beidou::encode_2d(&p, level + 3), Err(Error::PolarDetail)));
        let cell = geosot::Cell::of(&p, level * 16).unwrap();
        prop_assert!(slack(&cell.area()).contains(&p) && geosot::Cell::parse(&cell.text()).unwrap() == cell);
    }

    #[test]
    fn every_scheme_goes_into_a_space_time_code(p in position(84.9), t: i64, which in 0usize..5) {
        let p = Position::new(p.lon_deg(), p.lat_deg(), Some(p.height_m().unwrap_or(0.0).min(1e6))).unwrap();
        let text = encode_with_geoid(Scheme::ALL[which], 9, &p, Some(t), Some(12.5)).unwrap();
        let decoded = decode(&text).unwrap();
        prop_assert_eq!((decoded.scheme, decoded.place_scheme, decoded.level), (Scheme::SpaceTime, Scheme::ALL[which], 9));
        prop_assert!(decoded.interval.unwrap().contains(t) || t > i64::MAX - 3_600_000_000);
        prop_assert_eq!(SpaceTimeCode::parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn random_texts_never_panic(text in ".{0,40}") {
        if let Ok(decoded) = decode(&text) {
            prop_assert!(decoded.area.south_deg() <= decoded.area.north_deg());
        }
    }

    #[test]
    fn texts_that_look_like_codes_are_read_and_printed_alike(
        text in "[NS][01]{0,1}[0-6][0-9][A-W][0-9A-F]{0,28}|[NS][EW][0-3]{0,2}[01][0-9][A-L][0-9]{0,38}|G[0-4]{0,33}|GZ[0-8]{0,33}|G[0-3]{9}-[0-3]{6}-[0-3]{0,6}.?[0-3]{0,11}|[0-9a-f]{15}|8[0-9a-f]{14}|[0-9]{1,2}/-?[0-9]{1,6}/[0-9]{1,6}/[0-9]{1,6}|[NS]000[0-4]{0,3}|BD:N50J47@.{0,30}\\*."
    ) {
        if let Ok(decoded) = decode(&text) {
            let printed = match decoded.scheme {
                Scheme::BeiDou => beidou::Cell::parse(&text).unwrap().to_string(),
                Scheme::GeoSot if text.contains('-') => geosot::Cell::parse(&text).unwrap().dashed().to_string(),
                Scheme::GeoSot => geosot::Cell::parse(&text).unwrap().to_string(),
                Scheme::Rslc => rslc::Cell::parse(&text).unwrap().to_string(),
                Scheme::H3 => h3::Cell::parse(&text).unwrap().to_string(),
                Scheme::SpatialId => coding_system::spatialid::Cell::parse(&text).unwrap().to_string(),
                Scheme::SpaceTime => SpaceTimeCode::parse(&text).unwrap().to_string(),
            };
            prop_assert_eq!(printed, text);
        }
    }

    #[test]
    fn a_changed_character_is_refused(p in position(84.0), t in 0i64..4_000_000_000_000_000, at: prop::sample::Index, to in "[0-9A-Z]") {
        let text = encode(Scheme::SpaceTime, 8, &p, Some(t)).unwrap();
        prop_assert_eq!(SpaceTimeCode::parse(&text).unwrap().to_string(), text.as_str());
        let decoded = decode(&text).unwrap();
        prop_assert!(decoded.interval.unwrap().contains(t) && slack(&decoded.area).contains(&p));
        let at = at.index(text.len());
        if text[at..=at] == to {
            return Ok(());
        }
        let changed = format!("{}{to}{}", &text[..at], &text[at + 1..]);
        prop_assert!(decode(&changed).is_err(), "{changed}");
    }
}

/// Boxes of all sizes, some across the antimeridian, with edges on and beside cell edges.
fn area() -> impl Strategy<Value = LonLatBox> {
    let side = prop_oneof![Just(0.0), 0.0..0.0001f64, 0.0..0.5f64, 0.0..90.0f64];
    (lon(), lat(89.9), side.clone(), side).prop_map(|(west, south, wide, high)| {
        let east = west + wide;
        LonLatBox::new(west, south, if east > 180.0 { east - 360.0 } else { east }, (south + high).min(90.0)).unwrap()
    })
}

/// A position of a box by two shares of its sides.
fn place_in(b: &LonLatBox, u: f64, v: f64) -> Position {
    let wide = b.east_deg() - b.west_deg() + if b.crosses_antimeridian() { 360.0 } else { 0.0 };
    let lon = if u >= 1.0 { b.east_deg() } else { b.west_deg() + wide * u };
    let lat = if v >= 1.0 { b.north_deg() } else { b.south_deg() + (b.north_deg() - b.south_deg()) * v };
    Position::new_2d(if lon > 180.0 { lon - 360.0 } else { lon }, lat.clamp(b.south_deg(), b.north_deg())).unwrap()
}

fn share() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..=1.0f64, Just(0.0), Just(1.0)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_cover_holds_the_box_and_inner_ranges_lie_inside(b in area(), max in 1usize..64, finest in 0u8..=32, u in share(), v in share(), other in position(90.0)) {
        let cover = cover_box(&b, max, finest).unwrap();
        prop_assert!(cover.len() <= max && !cover.is_empty());
        prop_assert!(cover.windows(2).all(|w| w[0].last < w[1].first && (w[0].inner != w[1].inner || w[0].last + 1 < w[1].first)));
        let p = place_in(&b, u, v);
        prop_assume!(b.contains(&p));
        let code = geosot::morton_2d(&p);
        prop_assert!(cover.iter().any(|r| r.contains(code)), "{b:?} {p:?} {cover:?}");
        let key = Key::new_2d(&p, Some(0), Profile::SpaceFirst).unwrap().to_u128();
        prop_assert!(cover.iter().any(|r| Key::range_of(r).contains(&key)));
        // Any position at all whose code is in an inner range lies in the box.
        if cover.iter().any(|r| r.inner && r.contains(geosot::morton_2d(&other))) {
            prop_assert!(slack_any(&b, &other));
        }
        for (cell, inner) in cover_box_cells(&b, max, finest).unwrap() {
            let a = cell.area();
            for (u, v) in [(0.0, 0.0), (1.0, 1.0), (0.5, 0.5), (0.0, 1.0)] {
                prop_assert!(!inner || slack_any(&b, &place_in(&a, u, v)), "{cell} {a:?} not in {b:?}");
            }
        }
    }

    #[test]
    fn an_h3_cover_holds_its_box(lon in -180.0..180.0f64, lat in -80.0..80.0f64, wide in 0.001..0.3f64, high in 0.001..0.3f64, res in 0u8..=7, u in share(), v in share()) {
        let east = lon + wide;
        let b = LonLatBox::new(lon, lat, if east > 180.0 { east - 360.0 } else { east }, lat + high).unwrap();
        let cover = h3::cover_box(&b, res, 2000).unwrap();
        let p = place_in(&b, u, v);
        let cell = h3::Cell::of(&p, res).unwrap();
        prop_assert!(cover.iter().any(|c| c.cell == cell), "{b:?} {p:?} {cell} not among {}", cover.len());
        for c in cover.iter().filter(|c| c.inner) {
            prop_assert!(c.cell.boundary_deg().iter().all(|q| b.contains(&Position::new_2d(q.0, q.1).unwrap())));
        }
    }
}

/// In the box but for the last place of a division.
fn slack_any(b: &LonLatBox, p: &Position) -> bool {
    [0.0, 1e-12, -1e-12].iter().any(|d| {
        let lon = (p.lon_deg() + d).clamp(-180.0, 180.0);
        [0.0, 1e-12, -1e-12]
            .iter()
            .any(|e| b.contains(&Position::new_2d(lon, (p.lat_deg() + e).clamp(-90.0, 90.0)).unwrap()))
    })
}

#[test]
fn refusals_say_what_to_do() {
    let cases = [
        ("N50J4X", "BeiDou code 'N50J4X': character 6 is 'X', allowed here: 0-7"),
        ("N61J", "BeiDou code 'N61J': character 3 is '1', allowed here: 01-60 (zone, 6 degrees each)"),
        ("N50J4", "BeiDou code 'N50J4' has 5 characters: a 2D code has 1, 4, 6, 7, 9, 11, 12, 14, 16, 18 or 20"),
        ("G0013103223", "GeoSOT code 'G0013103223'"),
        ("G4", "GeoSOT code 'G4': character 2 is '4', allowed here: 0-3"),
        ("8931AA50107ffff", "H3 code '8931AA50107ffff': character 5 is 'A', allowed here: 0-9 or a-f"),
        ("hello", "'hello' is no code of a known scheme"),
        ("é", "'é' is no code of a known scheme"),
    ];
    for (text, expected) in cases {
        match decode(text) {
            Err(error) => assert!(error.to_string().starts_with(expected), "{text}: {error}"),
            Ok(decoded) => assert_eq!(text, "G0013103223", "{decoded:?}"),
        }
    }
    // Minute 60 to 63 and degrees beyond the Earth.
    for virtual_cell in ["G000000000-3333", "G0333", "GZ000000000111111"] {
        assert!(matches!(decode(virtual_cell), Err(Error::NoSuchCell { .. })), "{virtual_cell}");
    }
    let p = Position::new_2d(116.3, 39.9).unwrap();
    assert!(matches!(encode(Scheme::SpatialId, 18, &p, None), Err(Error::NeedsGeoid)));
    assert!(matches!(encode(Scheme::SpaceTime, 8, &p, None), Err(Error::NeedsTime)));
    assert!(matches!(beidou::encode_3d(&p, 8), Err(Error::NeedsHeight { .. })));
    assert!(matches!(
        encode(Scheme::Rslc, 8, &Position::new_2d(1.0, 88.5).unwrap(), None),
        Err(Error::Latitude { .. })
    ));
    assert!(scheme::recognise("").is_err());
}

#[test]
fn covers_of_known_shape() {
    // One degree cell, given exactly: one inner range, itself.
    let b = LonLatBox::new(116.0, 39.0, 117.0, 40.0).unwrap();
    let cell = geosot::Cell::of(&Position::new_2d(116.5, 39.5).unwrap(), 9).unwrap();
    let (first, last) = cell.range_u64();
    let cover = cover_box(&b, 100, 32).unwrap();
    assert!(cover.iter().any(|r| r.inner && r.first == first && r.last == last), "{cover:?}");
    // The whole Earth is inner at a few cells.
    let world = LonLatBox::new(-180.0, -90.0, 180.0, 90.0).unwrap();
    assert!(cover_box(&world, 4, 32).unwrap().iter().all(|r| r.inner));
    assert!(matches!(cover_box(&world, 0, 32), Err(Error::Cover { .. })));
    // More cells follow a box of a city more closely: the surplus falls to a tenth of the box.
    let b = LonLatBox::new(116.31, 39.87, 116.42, 39.95).unwrap();
    let size = |b: &LonLatBox| (b.east_deg() - b.west_deg()) * (b.north_deg() - b.south_deg());
    let surplus = |max| {
        cover_box_cells(&b, max, 32).unwrap().iter().map(|(cell, _)| size(&cell.area())).sum::<f64>() / size(&b) - 1.0
    };
    assert!(
        surplus(256) < 0.1 && surplus(64) < 0.5 && surplus(8) < 1.0,
        "{} {} {}",
        surplus(256),
        surplus(64),
        surplus(8)
    );
    // Across the antimeridian both sides are met.
    let b = LonLatBox::new(179.0, 10.0, -179.0, 11.0).unwrap();
    let cover = cover_box(&b, 64, 32).unwrap();
    for lon in [179.5, -179.5, 180.0, -180.0] {
        let code = geosot::morton_2d(&Position::new_2d(lon, 10.5).unwrap());
        assert!(cover.iter().any(|r| r.contains(code)), "{lon}");
    }
}

#[test]
fn h3_covers_of_polygons() {
    let triangle = [(116.0, 39.0), (117.0, 39.0), (116.5, 40.0)];
    let cover = h3::cover_polygon(&triangle, 6, 5000).unwrap();
    assert!(cover.iter().any(|c| c.inner) && cover.iter().any(|c| !c.inner));
    let outside = h3::Cell::of(&Position::new_2d(116.05, 39.9).unwrap(), 6).unwrap();
    assert!(cover.iter().all(|c| c.cell != outside));
    // The triangle has 4,796 square kilometres on the sphere: the inner cells have less together, all cells more.
    let area_km2 = |inner_only: bool| -> f64 {
        let cells = cover.iter().filter(|c| c.inner || !inner_only);
        cells.map(|c| h3o::CellIndex::try_from(c.cell.to_u64()).unwrap().area_km2()).sum()
    };
    assert!(area_km2(true) < 4_796.0 && area_km2(false) > 4_796.0, "{} {}", area_km2(true), area_km2(false));
    assert!(area_km2(true) > 2_400.0 && area_km2(false) < 9_600.0, "{} {}", area_km2(true), area_km2(false));
    assert!(matches!(h3::cover_polygon(&triangle, 9, 100), Err(Error::Cover { .. })));
    assert!(matches!(h3::cover_polygon(&triangle[..2], 6, 100), Err(Error::Cover { .. })));
    let across = [(179.5, 0.0), (-179.5, 0.0), (-179.5, 1.0), (179.5, 1.0)];
    let cell = h3::Cell::of(&Position::new_2d(-179.9, 0.5).unwrap(), 5).unwrap();
    assert!(h3::cover_polygon(&across, 5, 500).unwrap().iter().any(|c| c.cell == cell));
}
