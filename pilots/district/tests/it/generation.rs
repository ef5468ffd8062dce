//! The same seed gives the same bytes, another seed another city; everything is there in the numbers promised.

use std::collections::BTreeSet;

use kernel_model::{Change, Geometry, HeightReference, Kind, Region};
use pilots_district::District;

use crate::{AGAIN, CHANGES, DISTRICT, entities};

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |change: &Change| match change {
        Change::Entity(draft) => draft.geometry.as_ref().map(Geometry::to_wkb),
        _ => None,
    };
    let again = AGAIN.changes();
    assert!(again == *CHANGES, "two runs of one seed differ");
    assert!(again.iter().map(bytes).eq(CHANGES.iter().map(bytes)), "two runs of one seed differ in their bytes");
    assert!(District::generate(2).changes() != *CHANGES, "the seed does nothing");
}

#[test]
fn everything_is_there() {
    let count = |kind| entities(kind).count();
    assert!((1_900..=2_150).contains(&count(Kind::Building)), "{} buildings", count(Kind::Building));
    assert!((200..=400).contains(&count(Kind::Road)), "{} roads", count(Kind::Road));
    assert!(count(Kind::Vegetation) > 3_000, "{} trees", count(Kind::Vegetation));
    assert_eq!((count(Kind::Sensor), DISTRICT.sensors().len()), (500, 500));
    assert_eq!((count(Kind::Vehicle), count(Kind::Pedestrian), DISTRICT.movers().len()), (1_400, 600, 2_000));
    assert_eq!(CHANGES.iter().filter(|c| matches!(c, Change::Datastream(_))).count(), 500);
    let classes: BTreeSet<&str> = entities(Kind::Building).map(|b| b.class.as_str()).collect();
    for class in ["residential", "office", "commercial", "retail", "hutong", "industrial", "school", "university"] {
        assert!(classes.contains(class), "no {class}");
    }
    let roofs: BTreeSet<&str> = entities(Kind::Building).map(|b| b.properties["roof"].as_str().unwrap()).collect();
    assert_eq!(roofs, BTreeSet::from(["flat", "gabled", "hipped", "stepped", "tapered"]));
}

#[test]
fn every_entity_says_that_it_is_synthetic_and_has_its_own_id() {
    let mut ids = BTreeSet::new();
    let mut region = Region::EMPTY;
    for change in CHANGES.iter() {
        let Change::Entity(draft) = change else { continue };
        assert_eq!(draft.properties["synthetic"], true, "{}", draft.source);
        assert!(ids.insert(draft.source.clone()), "{} twice", draft.source);
        if let Some(geometry) = &draft.geometry {
            assert_eq!(draft.height_reference, HeightReference::Ellipsoid);
            assert!(geometry.has_height);
            region = region.union(&geometry.region());
        }
    }
    // About a square kilometre around the centre.
    let (width, depth) = ((region.east - region.west) * 85_415.0, (region.north - region.south) * 111_034.0);
    assert!((1_000.0..1_150.0).contains(&width) && (1_000.0..1_150.0).contains(&depth), "{width} x {depth} m");
}

#[test]
fn the_city_is_tallest_at_the_crossing() {
    let height = |b: &kernel_model::EntityDraft| b.properties["height_m"].as_f64().unwrap();
    let mut tall: Vec<_> = entities(Kind::Building).filter(|b| height(b) > 60.0).collect();
    tall.sort_by(|a, b| height(b).total_cmp(&height(a)));
    assert!(tall.len() >= 8 && height(tall[0]) > 150.0);
    assert_eq!(tall[0].name.as_deref(), Some("知行中心"));
    for building in &tall[..3] {
        let (lon, lat) = building.geometry.as_ref().unwrap().region().centre();
        let (x, y) = crate::metres(lon, lat);
        assert!(x.hypot(y) < 120.0, "{:?} stands {x:.0}, {y:.0} m off", building.name);
    }
}
