//! Batches against the codes of single positions, and their refusals.

use coding_system::batch::{self, Positions, Times};
use coding_system::{Dimension, Error, Grid, GridCell, Key, Position, Profile, beidou, geosot, h3, rslc};
use proptest::prelude::*;

use crate::laws::position;

fn columns(places: &[Position]) -> [Vec<f64>; 3] {
    let of = |part: fn(&Position) -> f64| places.iter().map(part).collect();
    [of(Position::lon_deg), of(Position::lat_deg), of(|p| p.height_m().unwrap_or(0.0))]
}

fn texts(width: usize, bytes: &[u8]) -> Vec<&str> {
    bytes.chunks(width).map(|text| std::str::from_utf8(text).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_batch_gives_what_single_positions_give(places in prop::collection::vec(position(87.9), 1..1200), t in -4_000_000_000_000_000i64..4_000_000_000_000_000, level in 1u8..=10) {
        let [lon, lat, height] = columns(&places);
        let (flat, solid) = (Positions::new_2d(&lon, &lat).unwrap(), Positions::new_3d(&lon, &lat, &height).unwrap());
        let n = places.len();
        let times: Vec<i64> = (0..n as i64).map(|i| t + i * 1_800_000_000).collect();
        let single: Vec<Position> = places.iter().zip(&height).map(|(p, h)| Position::new(p.lon_deg(), p.lat_deg(), Some(*h)).unwrap()).collect();
        let (mut keys, mut codes, mut ids, mut morton) = (vec![0; n], vec![0; n], vec![0; n], vec![0; n]);
        for profile in [Profile::SpaceFirst, Profile::TimeFirst] {
            batch::keys_2d(&solid, Times::Each(&times), profile, &mut keys).unwrap();
            prop_assert!(single.iter().zip(&times).map(|(p, t)| Key::new_2d(p, Some(*t), profile).unwrap().to_u128()).eq(keys.iter().copied()));
            batch::keys_3d(&solid, Times::One(t), profile, &mut keys).unwrap();
            prop_assert!(single.iter().map(|p| Key::new(p, Some(t), profile).unwrap().to_u128()).eq(keys.iter().copied()));
            batch::keys_2d(&flat, Times::None, profile, &mut keys).unwrap();
            prop_assert!(single.iter().map(|p| Key::new_2d(p, None, profile).unwrap().to_u128()).eq(keys.iter().copied()));
        }
        batch::morton_2d(&flat, &mut ids).unwrap();
        prop_assert!(single.iter().map(geosot::morton_2d).eq(ids.iter().copied()));
        batch::morton_3d(&solid, &mut codes).unwrap();
        prop_assert!(single.iter().map(|p| geosot::morton_3d(p).unwrap()).eq(codes.iter().copied()));
        batch::h3(&flat, level, &mut morton).unwrap();
        prop_assert!(single.iter().map(|p| h3::Cell::of(p, level).unwrap().to_u64()).eq(morton.iter().copied()));

        let mut out = vec![0; n * beidou::width_2d(level).unwrap()];
        let width = batch::beidou_2d(&solid, level, &mut out).unwrap();
        prop_assert!(single.iter().map(|p| beidou::encode_2d(p, level).unwrap().to_string()).eq(texts(width, &out)));
        let mut out = vec![0; n * beidou::width_3d(level).unwrap()];
        let width = batch::beidou_3d(&solid, level, &mut out).unwrap();
        prop_assert!(single.iter().map(|p| beidou::encode_3d(p, level).unwrap().to_string()).eq(texts(width, &out)));
        let mut out = vec![0; n * (usize::from(level) * 3 + 1)];
        let width = batch::geosot(&flat, level * 3, &mut out).unwrap();
        prop_assert!(single.iter().map(|p| geosot::Cell::of_2d(p, level * 3).unwrap().to_string()).eq(texts(width, &out)));
        let mut out = vec![0; n * (usize::from(level) * 3 + 2)];
        let width = batch::geosot(&solid, level * 3, &mut out).unwrap();
        prop_assert!(single.iter().map(|p| geosot::Cell::of(p, level * 3).unwrap().to_string()).eq(texts(width, &out)));
        let grid = rslc::Grid(Dimension::Plane);
        let width = grid.encode(&single[0], level).unwrap().text().len();
        let mut out = vec![0; n * width];
        batch::texts(&grid, &flat, level, width, &mut out).unwrap();
        prop_assert!(single.iter().map(|p| grid.encode(p, level).unwrap().to_string()).eq(texts(width, &out)));
    }
}

#[test]
fn the_row_that_is_refused_is_named() {
    let (mut lon, lat) = (vec![116.3; 2000], vec![39.9; 2000]);
    let mut keys = vec![0; 2000];
    for bad in [f64::NAN, f64::INFINITY, -180.000_001] {
        lon[1500] = bad;
        let positions = Positions::new_2d(&lon, &lat).unwrap();
        let error = batch::keys_2d(&positions, Times::None, Profile::SpaceFirst, &mut keys).unwrap_err();
        assert!(
            matches!(&error, Error::Row { row: 1500, refusal } if matches!(**refusal, Error::OutOfRange { .. })),
            "{error}"
        );
        assert!(error.to_string().starts_with("row 1500: longitude (degrees) is "));
    }
    lon[1500] = 0.0;
    let positions = Positions::new_2d(&lon, &lat).unwrap();
    let mut times = vec![0; 2000];
    times[7] = i64::MAX;
    let error = batch::keys_2d(&positions, Times::Each(&times), Profile::TimeFirst, &mut keys).unwrap_err();
    assert!(matches!(error, Error::Row { row: 7, .. }), "{error}");
    let polar = vec![89.0; 2000];
    let mut text = vec![0; 2000 * 20];
    let cold = Positions::new_2d(&lon, &polar).unwrap();
    let error = batch::beidou_2d(&cold, 10, &mut text).unwrap_err();
    assert!(matches!(&error, Error::Row { row: 0, refusal } if **refusal == Error::PolarDetail), "{error}");
    assert_eq!(batch::beidou_2d(&cold, 2, &mut text[..12_000]).unwrap(), 6);
}

#[test]
fn slices_that_do_not_belong_together_are_refused() {
    let (lon, lat) = ([116.3; 8], [39.9; 8]);
    assert!(matches!(Positions::new_2d(&lon, &lat[1..]), Err(Error::Slice { found: 7, rows: 8, .. })));
    assert!(matches!(Positions::new_3d(&lon, &lat, &lat[1..]), Err(Error::Slice { .. })));
    let positions = Positions::new_2d(&lon, &lat).unwrap();
    assert!(!positions.is_empty() && positions.len() == 8);
    assert!(matches!(batch::morton_2d(&positions, &mut [0; 7]), Err(Error::Slice { .. })));
    assert!(matches!(batch::morton_3d(&positions, &mut [0; 8]), Err(Error::NeedsHeight { .. })));
    assert!(matches!(
        batch::keys_3d(&positions, Times::None, Profile::SpaceFirst, &mut [0; 8]),
        Err(Error::NeedsHeight { .. })
    ));
    assert!(matches!(
        batch::keys_2d(&positions, Times::Each(&[0; 3]), Profile::SpaceFirst, &mut [0; 8]),
        Err(Error::Slice { .. })
    ));
    assert!(matches!(batch::beidou_2d(&positions, 5, &mut [0; 8 * 11 - 1]), Err(Error::Slice { expected: 88, .. })));
    assert!(matches!(batch::beidou_2d(&positions, 11, &mut [0; 8]), Err(Error::Level { .. })));
    assert!(matches!(batch::geosot(&positions, 33, &mut []), Err(Error::Level { .. })));
    assert!(matches!(batch::h3(&positions, 16, &mut [0; 8]), Err(Error::Level { .. })));
    let grid = coding_system::spatialid::Grid { geoid_height_m: 0.0 };
    assert!(batch::texts(&grid, &positions, 5, 3, &mut [0; 24]).is_err());
    assert!(matches!(batch::texts(&grid, &positions, 5, 0, &mut []), Err(Error::Slice { what: "the width", .. })));
    assert_eq!(batch::geosot(&positions, 0, &mut [0; 8]).unwrap(), 1);
    assert!(batch::morton_2d(&Positions::new_2d(&[], &[]).unwrap(), &mut []).is_ok());
}

/// Positions that stay in cells, walk over their edges and meet them again: each has the cell it has alone. The places are in
/// the city, at the corners of the icosahedron's faces and at its pentagons, near a pole and on both sides of the antimeridian.
#[test]
fn hexagons_of_positions_that_stay_near_are_their_own() {
    let centres = [
        (116.3, 39.9),
        (-179.9999, 10.0),
        (179.9999, -60.0),
        (10.536, 64.7),
        (58.157, 10.447),
        (-36.7, 50.1),
        (0.0, 0.0),
        (25.0, 84.9),
        (25.0, 89.7),
    ];
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    for resolution in 0..=15_u8 {
        let size = 120.0 * 7.0_f64.sqrt().powi(-i32::from(resolution));
        for (lon, lat) in centres {
            let (mut lons, mut lats) = (Vec::new(), Vec::new());
            let (mut east, mut north) = (0.0, 0.0);
            for n in 0..1500 {
                let step = if n % 100 == 0 { size } else { size / 12.0 };
                east += random() * step;
                north += random() * step;
                let shifted: f64 = lon + east;
                lons.push((shifted + 540.0).rem_euclid(360.0) - 180.0);
                lats.push((lat + north).clamp(-90.0, 90.0));
            }
            let mut cells = vec![0; lons.len()];
            batch::h3(&Positions::new_2d(&lons, &lats).unwrap(), resolution, &mut cells).unwrap();
            for ((cell, lon), lat) in cells.iter().zip(&lons).zip(&lats) {
                let alone = h3::Cell::of(&Position::new_2d(*lon, *lat).unwrap(), resolution).unwrap();
                assert_eq!(*cell, alone.to_u64(), "{lon} {lat} at resolution {resolution}");
            }
        }
    }
}
