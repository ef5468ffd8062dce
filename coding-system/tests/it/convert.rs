//! Conversions: equal cells are equal in every level of the table and nowhere else, and a cover by another scheme says the truth about every
//! place, asked by coding the place in both schemes.

use coding_system::convert::{self, Target, to_beidou, to_geosot, to_rslc};
use coding_system::cover::Limits;
use coding_system::{
    Error, GridCell, HeightBand, Position, Scheme, beidou, decode, encode_with_geoid, geosot, h3, rslc,
};
use proptest::prelude::*;

/// GeoSOT, BeiDou and RSLC levels whose cells are equal, and whether they are in 3D too.
type Row = (Option<u8>, Option<u8>, Option<u8>, bool);

const TABLE: [Row; 14] = [
    (None, Some(1), Some(2), true),
    (Some(9), None, Some(4), true),
    (None, Some(2), Some(5), true),
    (None, Some(3), Some(6), false),
    (Some(15), Some(4), Some(8), true),
    (Some(19), Some(5), Some(10), true),
    (Some(20), Some(6), Some(11), true),
    (Some(21), None, Some(12), true),
    (Some(23), Some(7), Some(13), true),
    (Some(26), Some(8), Some(14), true),
    (Some(29), Some(9), Some(15), true),
    (Some(32), Some(10), Some(16), true),
    (None, None, Some(7), true),
    (None, None, Some(1), true),
];

fn place() -> impl Strategy<Value = Position> {
    let height = prop_oneof![Just(None), (-9000.0..90_000.0f64).prop_map(Some), Just(Some(0.0))];
    (-179.999..179.999f64, -87.9..87.9f64, height).prop_map(|(lon, lat, h)| Position::new(lon, lat, h).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_table_holds(p in place()) {
        for (gs, bd, rs, in_3d) in TABLE {
            if !in_3d && p.height_m().is_some() {
                continue;
            }
            let gs = gs.map(|level| geosot::Cell::of(&p, level).unwrap());
            let bd = bd.map(|level| beidou::Cell::parse(&beidou::encode(&p, level).unwrap()).unwrap());
            let rs = rs.map(|level| rslc::Cell::of(&p, level).unwrap());
            if let Some(gs) = gs {
                prop_assert_eq!(to_beidou(&gs).ok(), bd);
                prop_assert_eq!(to_rslc(&gs).ok(), rs);
            }
            if let Some(bd) = bd {
                prop_assert_eq!(to_geosot(&bd).ok(), gs.filter(|gs| gs.area() == bd.area()));
                prop_assert_eq!(to_rslc(&bd).ok(), rs);
            }
            if let Some(rs) = rs {
                prop_assert_eq!(to_beidou(&rs).ok(), bd);
                prop_assert!(gs.is_none() || to_geosot(&rs).ok() == gs);
            }
        }
    }

    /// What is given spans the same; where nothing is given, no cell there spans the same.
    #[test]
    fn equal_cells_span_the_same_and_refusals_are_right(p in place(), level in 1u8..=32, which in 0usize..3) {
        let scheme = [Scheme::BeiDou, Scheme::GeoSot, Scheme::Rslc][which];
        let Ok(code) = encode_with_geoid(scheme, level, &p, None, None) else { return Ok(()) };
        let from = decode(&code).unwrap();
        for to in [Scheme::BeiDou, Scheme::GeoSot, Scheme::Rslc] {
            let spans = |text: &str| {
                let there = decode(text).unwrap();
                (there.area == from.area && there.height_band == from.height_band).then_some(there.level)
            };
            let all = (0..=32).filter_map(|level| encode_with_geoid(to, level, &p, None, None).ok());
            let equal = all.fold(None, |last, text| if spans(&text).is_some() { Some(text) } else { last });
            match convert::exact(&code, to) {
                Ok(text) => prop_assert_eq!(Some(text.to_string()), if scheme == to { Some(code.clone()) } else { equal }),
                Err(refusal) => {
                    prop_assert!(matches!(refusal, Error::NoEqualCell { .. }), "{refusal}");
                    prop_assert!(equal.is_none(), "{code} is {equal:?}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn covers_by_another_scheme_say_the_truth(lon in -180.0..=180.0f64, lat in -84.0..84.0f64, height in prop_oneof![Just(None), (-100.0..500.0f64).prop_map(Some)], from in 0usize..5, to in 0usize..5, level in 1u8..=32, finer in 0u8..=6, max in 300usize..600, moves in prop::collection::vec((-0.8..0.8f64, -0.8..0.8f64, -0.8..0.8f64), 24)) {
        const GEOID_M: f64 = -8.25;
        let (from, to) = (Scheme::ALL[from], Scheme::ALL[to]);
        let height = if from == Scheme::SpatialId { Some(height.unwrap_or(12.0)) } else { height };
        let p = Position::new(lon, lat, height).unwrap();
        let Ok(code) = encode_with_geoid(from, level, &p, None, Some(GEOID_M)) else { return Ok(()) };
        let source = decode(&code).unwrap();
        prop_assume!(source.area.north_deg() < 84.9 && source.area.south_deg() > -84.9 && source.level > 2);
        // About as fine as the source, whatever the scheme: cells not wider than it.
        let wide = width(&source.area);
        let finest = (1..=35u8).find(|level| encode_with_geoid(to, *level, &Position::new(lon, lat, Some(5.0)).unwrap(), None, Some(GEOID_M)).is_ok_and(|c| width(&decode(&c).unwrap().area) <= wide)).unwrap_or(1);
        let finest = (finest + finer).min(match to { Scheme::BeiDou => 10, Scheme::GeoSot => 32, Scheme::Rslc => 16, Scheme::H3 => 15.min(finest + 1), _ => 35 });
        let heights = HeightBand { low_m: -20.0, high_m: 80.0 };
        let target = Target { scheme: to, limits: Limits { max_cells: max, finest_level: finest }, heights: Some(heights).filter(|_| to == Scheme::SpatialId), geoid_height_m: Some(GEOID_M) };
        let cover = match convert::cover(&code, &target) {
            Ok(cover) => cover,
            // One resolution for all cells, or the coarsest cells there are, can be more than the limit.
            Err(Error::Cover { .. }) if to == Scheme::H3 || wide > 10.0 => return Ok(()),
            Err(refusal) => return Err(TestCaseError::fail(refusal.to_string())),
        };
        prop_assert!(!cover.is_empty() && cover.len() <= max);
        let is_3d = source.height_band.is_some();
        let band = source.height_band.map_or((-20.0, 80.0), |b| (b.low_m, b.high_m));
        let (middle, _) = source.area.centre_deg();
        for (u, v, w) in moves {
            let q_lon = middle + wide * u;
            let q_lon = if q_lon > 180.0 { q_lon - 360.0 } else if q_lon < -180.0 { q_lon + 360.0 } else { q_lon };
            let q_lat = source.area.centre_deg().1 + (source.area.north_deg() - source.area.south_deg()) * v;
            let shift = if from == Scheme::SpatialId { GEOID_M } else { 0.0 };
            let q_h = shift + f64::midpoint(band.0, band.1) + (band.1 - band.0) * w;
            let Ok(q) = Position::new(q_lon, q_lat.clamp(-84.9, 84.9), Some(q_h)) else { continue };
            let lies_in = |code: &str, solid: bool| {
                let level = decode(code).unwrap().level;
                let q = if solid { q } else { q.without_height() };
                let scheme = decode(code).unwrap().scheme;
                encode_with_geoid(scheme, level, &q, None, Some(GEOID_M)).is_ok_and(|at| at == code)
            };
            let wanted = lies_in(&code, is_3d) && (is_3d || to != Scheme::SpatialId || (band.0..=band.1).contains(&q_h));
            let found = cover.iter().find(|(cell, _)| lies_in(cell, decode(cell).unwrap().height_band.is_some()));
            prop_assert!(!wanted || found.is_some(), "{code} by {to}: {q:?} is left out");
            let truly = if to == Scheme::H3 { lies_in_ground(&code, &q, GEOID_M) } else { wanted };
            prop_assert!(truly || !found.is_some_and(|f| f.1), "{code} by {to}: {q:?} is in {found:?} and not in it");
        }
    }
}

/// Does the position lie over or under the code's ground?
fn lies_in_ground(code: &str, q: &Position, geoid_m: f64) -> bool {
    let said = decode(code).unwrap();
    let heights = said.height_band.map(|band| {
        f64::midpoint(band.low_m, band.high_m) + if said.scheme == Scheme::SpatialId { geoid_m } else { 0.0 }
    });
    let q = Position::new(q.lon_deg(), q.lat_deg(), heights).unwrap();
    encode_with_geoid(said.scheme, said.level, &q, None, Some(geoid_m)).is_ok_and(|at| at == code)
}

fn width(area: &coding_system::LonLatBox) -> f64 {
    area.east_deg() - area.west_deg() + if area.crosses_antimeridian() { 360.0 } else { 0.0 }
}

#[test]
fn a_cell_of_one_standard_is_covered_by_its_equal_alone() {
    for (lon, lat) in [(116.31, 39.99), (-73.98, -40.75), (-0.001, 0.001), (-179.999, 60.0)] {
        let p = Position::new_2d(lon, lat).unwrap();
        let target = Target {
            scheme: Scheme::Rslc,
            limits: Limits { max_cells: 100, finest_level: 16 },
            heights: None,
            geoid_height_m: None,
        };
        let bd = beidou::encode_2d(&p, 7).unwrap();
        let rs = rslc::encode(&p, 13).unwrap();
        assert_eq!(convert::cover(&bd, &target).unwrap(), [(rs, true)]);
        // A BeiDou 6 by 4 degree cell is 24 degree cells of GeoSOT.
        let target = Target { scheme: Scheme::GeoSot, limits: Limits { finest_level: 9, ..target.limits }, ..target };
        let cells = convert::cover(&beidou::encode_2d(&p, 1).unwrap(), &target).unwrap();
        let area = |code: &str| {
            width(&decode(code).unwrap().area)
                * (decode(code).unwrap().area.north_deg() - decode(code).unwrap().area.south_deg())
        };
        let inner: f64 = cells.iter().filter(|c| c.1).map(|c| area(&c.0)).sum();
        assert!((inner - 24.0).abs() < 1e-9, "{inner} {cells:?}");
    }
}

#[test]
fn what_cannot_be_converted_is_refused_by_name() {
    let refusal = convert::exact("N50J475", Scheme::GeoSot).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "GeoSOT has no cell equal to 'N50J475': take a cover of it, whose cells say which of them are inside"
    );
    for (code, to) in [
        ("N50J47539", Scheme::H3),
        ("8931aa50107ffff", Scheme::BeiDou),
        ("N000", Scheme::GeoSot),
        ("G001310322", Scheme::SpatialId),
        ("G", Scheme::Rslc),
        ("N", Scheme::GeoSot),
    ] {
        assert!(matches!(convert::exact(code, to), Err(Error::NoEqualCell { .. })), "{code} to {to}");
    }
    assert!(matches!(convert::exact("N50X", Scheme::GeoSot), Err(Error::Character { .. })));
    let target = Target {
        scheme: Scheme::SpatialId,
        limits: Limits { max_cells: 10, finest_level: 20 },
        heights: None,
        geoid_height_m: None,
    };
    assert!(matches!(convert::cover("N50J475", &target), Err(Error::NeedsGeoid)));
    let target = Target { geoid_height_m: Some(1.0), ..target };
    assert!(matches!(convert::cover("N50J475", &target), Err(Error::NeedsHeight { .. })));
    let target = Target { scheme: Scheme::BeiDou, ..target };
    assert!(matches!(convert::cover("N50J475", &target), Err(Error::Level { .. })));
    assert!(matches!(
        convert::cover("N000", &Target { limits: Limits { finest_level: 3, ..target.limits }, ..target }),
        Err(Error::Latitude { .. })
    ));
    let pole = h3::Cell::of(&Position::new_2d(0.0, 90.0).unwrap(), 3).unwrap();
    let target = Target { scheme: Scheme::GeoSot, ..target };
    let cells = convert::cover(&pole.text(), &target).unwrap();
    assert!(cells.iter().all(|cell| !cell.1) && !cells.is_empty());
}
