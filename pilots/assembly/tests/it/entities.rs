//! Parts as things.

use kernel_model::{Change, HeightReference};
use pilots_assembly::{Placement, changes, make_glb};

use crate::made;

fn placement() -> Placement {
    let height_reference = HeightReference::Ellipsoid;
    Placement { lon_deg: 116.31, lat_deg: 39.99, height_m: 50.0, height_reference, heading_deg: 0.0 }
}

#[test]
fn parts_have_places_codes_and_a_parent_and_the_file_is_kept() {
    let (made, bytes) = (made(10), make_glb(10, 7).unwrap());
    let changes = changes(&made, &placement(), "stations", bytes.clone()).unwrap();
    let things: Vec<_> = changes
        .iter()
        .filter_map(|change| if let Change::Entity(draft) = change { Some(draft) } else { None })
        .collect();
    assert_eq!(things.len(), 11);
    assert!(changes.iter().any(|change| matches!(change, Change::Content(content) if content.bytes == bytes)));
    for thing in &things[1..] {
        assert_eq!(thing.parent.as_ref(), Some(&things[0].source));
        assert!(thing.lineage.contains("glTF in mm"));
        let code = thing.properties["code"].as_str().unwrap();
        let decoded = coding_system::decode(code).unwrap();
        let anchor = thing.geometry.as_ref().unwrap().anchor().unwrap();
        let (lon, lat) = decoded.centre_deg;
        assert!((lon - anchor.lon_deg).abs() < 1e-6 && (lat - anchor.lat_deg).abs() < 1e-6, "{code}");
        assert!(decoded.height_band.is_some(), "a code in space");
    }
    // The first plate: 56 mm wide around the origin, from 10 mm below it up to it.
    let plate = things[1].geometry.as_ref().unwrap();
    let (low, high) = plate.height_range_m().unwrap();
    assert!((low - 49.99).abs() < 1e-4 && (high - 50.0).abs() < 1e-4, "{low} {high}");
    let region = plate.region();
    // Its box is turned with it.
    let wide_m = (region.east - region.west) * 85_398.0;
    assert!((0.0559..0.0793).contains(&wide_m), "{wide_m}");
}

#[test]
fn what_is_no_place_is_refused_and_other_heights_have_flat_codes() {
    let (made, bytes) = (made(5), Vec::new());
    for wrong in [
        Placement { lat_deg: 116.0, lon_deg: 39.0, ..placement() },
        Placement { height_reference: HeightReference::None, ..placement() },
        Placement { heading_deg: f64::NAN, ..placement() },
    ] {
        assert!(changes(&made, &wrong, "x", bytes.clone()).is_err(), "{wrong:?}");
    }
    let above_sea = Placement { height_reference: HeightReference::Vertical("EPSG:5709".to_owned()), ..placement() };
    let changes = changes(&made, &above_sea, "x", bytes).unwrap();
    let Change::Entity(first) = &changes[0] else { panic!("the assembly comes first") };
    let decoded = coding_system::decode(first.properties["code"].as_str().unwrap()).unwrap();
    assert!(decoded.height_band.is_none());
}
