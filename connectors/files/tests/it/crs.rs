//! Against GDAL 3.6.2 (PROJ 9.1, without grid files): for each system a grid of 25 places over its area of use,
//! `gdaltransform -s_srs EPSG:4326 -t_srs EPSG:n`, kept in vectors/crs.csv.

use std::collections::BTreeMap;

use connectors_files::crs::{AxisOrder, Crs, Frame};

/// Datums whose one set of parameters does not hold over the whole area of use (Italy with its islands, the two parts of
/// former Czechoslovakia, Germany's old states): how far off in metres the worst place is, and what the lineage says then.
const LOOSE: [(u32, f64); 3] = [(3003, 75.0), (5514, 20.0), (31467, 4.0)];

#[test]
fn positions_agree_with_an_independent_implementation() {
    let mut worst: BTreeMap<u32, f64> = BTreeMap::new();
    let mut frames: BTreeMap<u32, Frame> = BTreeMap::new();
    for line in include_str!("vectors/crs.csv").lines().skip(1) {
        let fields: Vec<f64> = line.split(',').map(|f| f.parse().unwrap()).collect();
        let [code, lon, lat, x, y] = fields[..] else { panic!("{line}") };
        let code = code as u32;
        let frame = frames
            .entry(code)
            .or_insert_with(|| Frame::new(&Crs::parse(&format!("EPSG:{code}"), AxisOrder::LonLat).unwrap()).unwrap());
        let found = frame.locate(x, y, 12.5).unwrap();
        assert_eq!(found.height_m.to_bits(), 12.5_f64.to_bits(), "{code}: heights stay");
        let east_m = (found.lon_deg - lon) * 111_320.0 * lat.to_radians().cos();
        let north_m = (found.lat_deg - lat) * 111_320.0;
        let away = worst.entry(code).or_insert(0.0);
        *away = away.max(east_m.hypot(north_m));
    }
    for (code, away) in worst {
        let lineage = frames[&code].crs().lineage();
        let loose = LOOSE.iter().find(|(loose, _)| *loose == code);
        assert!(away <= loose.map_or(1.0, |l| l.1), "EPSG:{code} is {away} m off");
        let promises = lineage.contains("within 1 m") || lineage.contains("within 2 m") || lineage.contains("as given");
        assert_eq!(promises, loose.is_none(), "{lineage}");
    }
}

#[test]
fn a_place_far_outside_a_projection_is_not_at_home() {
    let utm = Frame::new(&Crs::parse("EPSG:32650", AxisOrder::Register).unwrap()).unwrap();
    assert!(utm.is_at_home(448_000.0, 4_418_000.0, 0.0));
    assert!(!utm.is_at_home(1e9, 1e9, 0.0));
    assert!(utm.locate(f64::NAN, 0.0, 0.0).is_err());
    assert!(utm.locate(500_000.0, 4e6, f64::INFINITY).is_err());
}

#[test]
fn geocentric_coordinates_get_ellipsoidal_heights() {
    let frame = Frame::new(&Crs::parse("EPSG:4978", AxisOrder::Register).unwrap()).unwrap();
    // EPSG Guidance Note 7-2, 2.2.1: 53 48 33.82 N, 2 7 46.38 E, 73.0 m.
    let found = frame.locate(3_771_793.968, 140_253.342, 5_124_304.349).unwrap();
    assert!((found.lat_deg - 53.809_394_4).abs() < 1e-6 && (found.lon_deg - 2.129_55).abs() < 1e-6, "{found:?}");
    assert!((found.height_m - 73.0).abs() < 0.01, "{found:?}");
    assert!(frame.locate(515_368.6, 4_918_340.4, 2_322.9).is_err(), "no place on the ground");
}
