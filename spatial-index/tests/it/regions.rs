//! Every region keeps its word: never "apart" of a box with a point of it, never "covers" of one with a point not of it,
//! and no point outside its bounds.

use proptest::prelude::*;
use spatial_index::{Bounds, Region, Relation};

use crate::make::{in_scene, lon_lat_box, point, shape, solid, volume};

fn keeps_its_word<const D: usize>(
    region: &impl Region<D>,
    bounds: Bounds<D>,
    within: &[[f64; 3]],
) -> Result<(), TestCaseError> {
    // Of a box over the antimeridian, the western part.
    let mut bounds = bounds;
    if bounds.crosses_antimeridian() {
        bounds.max[0] = 180.0;
    }
    let relation = region.relate(&bounds.min, &bounds.max);
    let outline = region.bounds().region();
    for part in within {
        let at: [f64; D] = std::array::from_fn(|axis| {
            (bounds.min[axis] + (bounds.max[axis] - bounds.min[axis]) * part[axis])
                .clamp(bounds.min[axis], bounds.max[axis])
        });
        if region.holds(&at) {
            prop_assert_ne!(relation, Relation::Apart, "{:?} is held", at);
            prop_assert!(outline.holds(&at), "{:?} is held outside {:?}", at, region.bounds());
        } else {
            prop_assert_ne!(relation, Relation::Covers, "{:?} is not held", at);
        }
    }
    Ok(())
}

fn parts() -> impl Strategy<Value = Vec<[f64; 3]>> {
    let part = || prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0_f64];
    prop::collection::vec((part(), part(), part()).prop_map(|(x, y, z)| [x, y, z]), 40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn in_the_plane((region, bounds) in in_scene(|s| (shape(s), lon_lat_box(s))), parts in parts()) {
        keeps_its_word(&region, bounds, &parts)?;
    }

    #[test]
    fn in_space((region, bounds) in in_scene(|s| (solid(s), volume(s))), parts in parts()) {
        keeps_its_word(&region, bounds, &parts)?;
    }

    #[test]
    fn points_are_boxes_too((region, at) in in_scene(|s| (solid(s), point(s)))) {
        prop_assert!(!region.holds(&at) || region.relate(&at, &at) != Relation::Apart);
    }
}
