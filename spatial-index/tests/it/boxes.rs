//! The dynamic index: candidates are the brute-force answer under change, in the plane and in space.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use spatial_index::{Bounds, BoxIndex, Boxes, LonLatBox, Near, NearInSpace, Ranking, Region};

use crate::make::{in_scene, lon_lat_box, meet, once, place, point, set, shape, solid, volume};

/// An index and, beside it, what it should hold.
fn changed<const D: usize>(
    first: &[Bounds<D>],
    then: &[Bounds<D>],
    gone: &[usize],
) -> Result<(Boxes<D>, Vec<(Bounds<D>, u32)>), TestCaseError> {
    let mut index = Boxes::default();
    let mut all: Vec<Option<Bounds<D>>> = first.iter().copied().map(Some).collect();
    prop_assert_eq!(index.extend(first.iter().copied().zip(0..)), first.len());
    for bounds in then {
        prop_assert!(index.insert(*bounds, all.len() as u32));
        all.push(Some(*bounds));
    }
    for n in gone {
        if let Some(bounds) = all.get_mut(*n).and_then(Option::take) {
            prop_assert!(index.remove(bounds, *n as u32));
            prop_assert!(!index.remove(bounds, *n as u32));
        }
    }
    prop_assert_eq!(index.len(), all.iter().flatten().count());
    Ok((index, all.into_iter().zip(0..).filter_map(|(bounds, n)| bounds.map(|bounds| (bounds, n))).collect()))
}

fn gone() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..120_usize, 0..60)
}

proptest! {
    #[test]
    fn boxes_meet_as_brute_force_says(
        (first, then, query) in in_scene(|s| (
            prop::collection::vec(lon_lat_box(s), 0..60), prop::collection::vec(lon_lat_box(s), 0..60), lon_lat_box(s),
        )),
        gone in gone(),
    ) {
        let (index, all) = changed(&first, &then, &gone)?;
        let wanted: BTreeSet<u32> = all.iter().filter(|(b, _)| meet(b, &query)).map(|(_, n)| *n).collect();
        let found: Vec<u32> = index.candidates(query).collect();
        prop_assert!(once(&found));
        prop_assert_eq!(set(found), wanted);
    }

    #[test]
    fn volumes_meet_as_brute_force_says(
        (first, then, query) in in_scene(|s| (
            prop::collection::vec(volume(s), 0..60), prop::collection::vec(volume(s), 0..60), volume(s),
        )),
        gone in gone(),
    ) {
        let (index, all) = changed(&first, &then, &gone)?;
        let wanted: BTreeSet<u32> = all.iter().filter(|(b, _)| meet(b, &query)).map(|(_, n)| *n).collect();
        prop_assert_eq!(set(index.candidates(query)), wanted);
    }

    #[test]
    fn candidates_contain_every_box_with_a_point_of_the_region(
        (boxes, region, solid, volumes) in in_scene(|s| (
            prop::collection::vec(lon_lat_box(s), 0..60), shape(s), solid(s), prop::collection::vec(volume(s), 0..60),
        )),
    ) {
        let (index, all) = changed(&boxes, &[], &[])?;
        let found = set(index.candidates_in(&region));
        for (bounds, number) in all {
            prop_assert!(found.contains(&number) || ![bounds.min, bounds.max].iter().any(|corner| region.holds(corner)));
        }
        let (index, all) = changed(&volumes, &[], &[])?;
        let found = set(index.candidates_in(&solid));
        for (bounds, number) in all {
            prop_assert!(found.contains(&number) || ![bounds.min, bounds.max].iter().any(|corner| solid.holds(corner)));
        }
    }

    #[test]
    fn the_nearest_come_with_bounds_that_hold(
        (boxes, volumes, from, above) in in_scene(|s| (
            prop::collection::vec(lon_lat_box(s), 0..60), prop::collection::vec(volume(s), 0..60), place(s), point(s),
        )),
    ) {
        let (index, all) = changed(&boxes, &[], &[])?;
        let near = Near::new(from, f64::INFINITY).unwrap();
        check_bounds(index.nearest(near), &all, &near)?;
        let (index, all) = changed(&volumes, &[], &[])?;
        let near = NearInSpace::new(above, f64::INFINITY).unwrap();
        check_bounds(index.nearest(near), &all, &near)?;
    }
}

fn check_bounds<const D: usize>(
    found: impl Iterator<Item = (u32, f64)>,
    all: &[(Bounds<D>, u32)],
    ranking: &impl Ranking<D>,
) -> Result<(), TestCaseError> {
    let found: Vec<_> = found.collect();
    prop_assert!(found.is_sorted_by(|a, b| a.1 <= b.1));
    prop_assert_eq!(found.len(), all.len());
    for (number, bound) in found {
        let bounds = all.iter().find(|(_, n)| *n == number).unwrap().0;
        for corner in [bounds.min, bounds.max] {
            prop_assert!(bound <= ranking.distance(ranking.at(&corner)) + 1e-6);
        }
    }
    Ok(())
}

#[test]
fn what_is_no_box_is_not_taken_in() {
    let mut index = BoxIndex::default();
    let good = LonLatBox { min: [0.0, 0.0], max: [1.0, 1.0] };
    let upside_down = LonLatBox { min: [0.0, 1.0], max: [1.0, 0.0] };
    let nowhere = LonLatBox { min: [f64::NAN, 0.0], max: [1.0, 1.0] };
    assert!(!index.insert(upside_down, 1) && !index.insert(nowhere, 2));
    assert_eq!(index.extend([(good, 3), (nowhere, 4)]), 1);
    assert_eq!(index.extend([(good, 5), (upside_down, 6)]), 1);
    assert!(!index.remove(nowhere, 4));
    assert_eq!(index.len(), 2);
    assert_eq!(index.candidates(nowhere).count(), 0);
    assert_eq!(index.candidates(upside_down).count(), 0);
    assert_eq!(set(index.candidates(LonLatBox::GLOBE)), set([3, 5]));
}

#[test]
fn an_endless_height_is_a_height() {
    let mut index = Boxes::<3>::default();
    let sky = LonLatBox { min: [0.0, 0.0], max: [1.0, 1.0] }.between(100.0, f64::INFINITY);
    (0..40).for_each(|n| assert!(index.insert(sky, n)));
    let at = |height| LonLatBox { min: [0.5, 0.5], max: [0.5, 0.5] }.between(height, height);
    assert_eq!(index.candidates(at(1e9)).count(), 40);
    assert_eq!(index.candidates(at(99.0)).count(), 0);
    assert!(index.remove(sky, 7));
}

#[test]
fn what_comes_after_a_bulk_load_of_any_size_finds_its_place() {
    let mut rng = SmallRng::seed_from_u64(7);
    let mut volume = |_| {
        let at: [f64; 3] = std::array::from_fn(|_| rng.random::<f64>());
        Bounds { min: at, max: at.map(|v| v + 0.05) }
    };
    for size in (0..200).chain([1_728, 1_729, 1_735, 1_800]) {
        let mut index = Boxes::<3>::default();
        index.extend((0..size).map(&mut volume).zip(0..));
        index.extend((0..100).map(&mut volume).zip(size as u32..));
        let all = LonLatBox::GLOBE.between(f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!(index.candidates(all).count(), size + 100, "after {size}");
    }
}
