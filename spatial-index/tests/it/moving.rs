//! Moving objects: after any changes, answers are those of brute force over the newest positions.

use std::collections::BTreeMap;

use proptest::prelude::*;
use spatial_index::{LonLatBox, MovingIndex, Position, Region, distance_m};

use crate::make::{in_scene, once, place, point, set, shape, solid};

type Scene = ([f64; 2], f64);

/// A number, and where it goes, or that it is gone.
fn changes(scene: Scene) -> impl Strategy<Value = Vec<(u32, Option<[f64; 3]>)>> {
    prop::collection::vec((0..80_u32, prop::option::weighted(0.8, point(scene))), 0..400)
}

fn position(at: [f64; 3], time_us: i64) -> Position {
    Position { lon_deg: at[0], lat_deg: at[1], height_m: at[2], time_us }
}

proptest! {
    #[test]
    fn answers_are_those_of_the_newest_positions(
        (changes, region, solid, from) in in_scene(|s| (changes(s), shape(s), solid(s), place(s))),
        cells in prop::sample::select(vec![1.0, 16.0, 512.0, 100_000.0]), k in 0..20_usize,
        within in prop_oneof![Just(f64::INFINITY), 0.0..1e6_f64],
    ) {
        let mut index = MovingIndex::with_cells_a_degree(cells).unwrap();
        let mut truth: BTreeMap<u32, Position> = BTreeMap::new();
        for ((number, at), time) in changes.into_iter().zip(0..) {
            if let Some(at) = at {
                index.upsert(number, position(at, time)).unwrap();
                truth.insert(number, position(at, time));
            } else {
                prop_assert_eq!(index.remove(number), truth.remove(&number));
            }
        }
        let again: Vec<_> = truth.iter().map(|(number, position)| (*number, *position)).collect();
        index.upsert_all(&again).unwrap();
        prop_assert_eq!(index.len(), truth.len());
        prop_assert!((0..80).all(|number| index.get(number) == truth.get(&number).copied()));

        let held = set(truth.iter().filter(|(_, p)| region.holds(&[p.lon_deg, p.lat_deg])).map(|(n, _)| *n));
        let found = index.numbers_in(&region);
        prop_assert!(once(&found));
        prop_assert_eq!(index.count(&region), held.len());
        prop_assert_eq!(set(found), held);

        let held = set(truth.iter().filter(|(_, p)| solid.holds(&[p.lon_deg, p.lat_deg, p.height_m])).map(|(n, _)| *n));
        let mut found = Vec::new();
        index.visit_volume(&solid, |number, position| {
            assert_eq!(truth.get(&number), Some(position));
            found.push(number);
        });
        prop_assert!(once(&found));
        prop_assert_eq!(set(found), held);

        let mut all: Vec<f64> = truth.values().map(|p| distance_m(from, [p.lon_deg, p.lat_deg])).filter(|m| *m <= within).collect();
        all.sort_unstable_by(f64::total_cmp);
        all.truncate(k);
        let found = index.nearest(from, k, within).unwrap();
        prop_assert_eq!(found.len(), all.len());
        for ((number, metres), wanted) in found.iter().zip(all) {
            let at = truth[number];
            prop_assert!((distance_m(from, [at.lon_deg, at.lat_deg]) - metres).abs() < 1e-6);
            prop_assert!((metres - wanted).abs() < 1e-6);
        }
    }
}

#[test]
fn nonsense_leaves_an_object_where_it_was() {
    let mut index = MovingIndex::default();
    let good = position([116.0, 39.0, f64::NAN], 1);
    index.upsert(1, good).unwrap();
    for bad in [[f64::NAN, 0.0, 0.0], [0.0, 91.0, 0.0], [f64::INFINITY, 0.0, 0.0]] {
        assert!(index.upsert(1, position(bad, 2)).is_err());
    }
    assert_eq!(index.get(1).map(|p| p.time_us), Some(1));
    assert_eq!(index.numbers_in(&LonLatBox::GLOBE.region()), [1]);
    let mut in_space = 0;
    index.visit_volume(&LonLatBox::GLOBE.between(f64::NEG_INFINITY, f64::INFINITY).region(), |_, _| in_space += 1);
    assert_eq!(in_space, 0, "its height is not known");
    assert!(index.nearest([0.0, f64::NAN], 1, 1.0).is_err());
    assert!(MovingIndex::with_cells_a_degree(f64::NAN).is_err());
    assert_eq!(index.remove(2), None);
}
