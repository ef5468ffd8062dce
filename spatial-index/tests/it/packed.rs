//! The packed tree: points in a region are the brute-force answer, counts too; boxes are candidates; the nearest are nearest.

use proptest::prelude::*;
use spatial_index::{
    Along, Bounds, InFrame, LocalFrame, LocalShape, LonLatBox, Near, NearInSpace, Packed, PackedBuilder, Ranking, Ray,
    Region, Relation, TimeBand, distance_m, straight_m,
};

use crate::make::{in_scene, lon_lat_box, meet, once, place, point, set, shape, solid, volume};

pub(crate) fn of_points<const D: usize>(points: &[[f64; D]], bands: &[TimeBand]) -> Packed<D> {
    let mut builder = PackedBuilder::with_capacity(points.len());
    for (at, n) in points.iter().zip(0..) {
        builder.point(*at, n).unwrap();
        if let Some(band) = bands.get(n as usize) {
            builder.during(*band).unwrap();
        }
    }
    builder.build().unwrap()
}

pub(crate) fn of_boxes<const D: usize>(boxes: &[Bounds<D>]) -> Packed<D> {
    let mut builder = PackedBuilder::default();
    boxes.iter().zip(0..).for_each(|(bounds, n)| assert!(builder.boxed(*bounds, n).is_ok()));
    builder.build().unwrap()
}

/// Times in a short span, so that bands meet, touch and miss.
pub(crate) fn band() -> impl Strategy<Value = TimeBand> {
    (0..20_i64, 0..6_i64).prop_map(|(from_us, lasts)| TimeBand { from_us, to_us: from_us + lasts })
}

fn exact<const D: usize>(
    points: &[[f64; D]],
    bands: &[TimeBand],
    region: &impl Region<D>,
    asked: TimeBand,
) -> Result<(), TestCaseError> {
    let tree = of_points(points, bands);
    prop_assert_eq!(tree.len(), points.len());
    let in_time =
        |n: u32| bands.get(n as usize).is_none_or(|band| band.from_us <= asked.to_us && asked.from_us <= band.to_us);
    let held: Vec<u32> = points.iter().zip(0..).filter(|(at, _)| region.holds(at)).map(|(_, n)| n).collect();
    let found = tree.candidates(region);
    prop_assert!(once(&found));
    prop_assert_eq!(set(found), set(held.iter().copied()));
    prop_assert_eq!(tree.count(region), held.len());
    prop_assert_eq!(tree.any(region), !held.is_empty());
    let then = set(held.into_iter().filter(|n| in_time(*n)));
    prop_assert_eq!(tree.count_during(region, asked), then.len());
    prop_assert_eq!(set(tree.candidates_during(region, asked)), then);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn points_in_the_plane_and_in_time(
        (points, region, window) in in_scene(|s| (prop::collection::vec(place(s), 0..700), shape(s), lon_lat_box(s))),
        bands in prop::collection::vec(band(), 0..700), asked in band(),
    ) {
        exact(&points, &bands, &region, asked)?;
        exact(&points, &[], &window.region(), asked)?;
        let by_hand = points.iter().filter(|at| meet(&Bounds::point(**at), &window)).count();
        prop_assert_eq!(of_points(&points, &[]).count(&window.region()), by_hand);
    }

    #[test]
    fn points_in_space(
        (points, region, window) in in_scene(|s| (prop::collection::vec(point(s), 0..700), solid(s), volume(s))),
        asked in band(),
    ) {
        exact(&points, &[], &region, asked)?;
        exact(&points, &[], &window.region(), asked)?;
    }

    #[test]
    fn boxes_meet_as_brute_force_says(
        (boxes, query, volumes, space) in in_scene(|s| (
            prop::collection::vec(lon_lat_box(s), 0..300), lon_lat_box(s),
            prop::collection::vec(volume(s), 0..300), volume(s),
        )),
    ) {
        let tree = of_boxes(&boxes);
        let wanted = boxes.iter().zip(0..).filter(|(b, _)| meet(b, &query)).map(|(_, n)| n);
        prop_assert_eq!(set(tree.candidates(&query.region())), set(wanted));
        let tree = of_boxes(&volumes);
        let wanted = volumes.iter().zip(0..).filter(|(b, _)| meet(b, &space)).map(|(_, n)| n);
        prop_assert_eq!(set(tree.candidates(&space.region())), set(wanted));
    }

    #[test]
    fn boxes_are_candidates_of_every_region(
        (boxes, region, volumes, solid) in in_scene(|s| (
            prop::collection::vec(lon_lat_box(s), 0..300), shape(s), prop::collection::vec(volume(s), 0..300), solid(s),
        )),
    ) {
        let found = set(of_boxes(&boxes).candidates(&region));
        for (bounds, n) in boxes.iter().zip(0..) {
            prop_assert!(found.contains(&n) || ![bounds.min, bounds.max].iter().any(|corner| region.holds(corner)));
        }
        let found = set(of_boxes(&volumes).candidates(&solid));
        for (bounds, n) in volumes.iter().zip(0..) {
            prop_assert!(found.contains(&n) || ![bounds.min, bounds.max].iter().any(|corner| solid.holds(corner)));
        }
    }

    #[test]
    fn the_nearest_are_nearest(
        (points, from, k) in in_scene(|s| (prop::collection::vec(point(s), 0..500), point(s), 0..30_usize)),
        within in prop_oneof![Just(f64::INFINITY), 0.0..1e6_f64],
    ) {
        let flat: Vec<[f64; 2]> = points.iter().map(|p| [p[0], p[1]]).collect();
        let down = [from[0], from[1]];
        let near = Near::new(down, within).unwrap();
        let found: Vec<_> = of_points(&flat, &[]).nearest(near).take(k).collect();
        same_distances(&found, flat.iter().map(|at| distance_m(down, *at)).collect(), k, within)?;
        let near = NearInSpace::new(from, within).unwrap();
        let found: Vec<_> = of_points(&points, &[]).nearest(near).take(k).collect();
        same_distances(&found, points.iter().map(|at| straight_m(from, *at)).collect(), k, within)?;
    }

    #[test]
    fn a_ray_meets_in_order(
        (points, origin, to) in in_scene(|s| (prop::collection::vec(point(s), 0..500), point(s), point(s))), radius in 1.0..20_000.0_f64,
    ) {
        let frame = LocalFrame::new(origin).unwrap();
        let Ok(ray) = Ray::new([0.0; 3], frame.to_local(to), f64::INFINITY, radius) else { return Ok(()) };
        let tree = of_points(&points, &[]);
        let found: Vec<_> = tree.nearest(Along { frame, ray }).collect();
        prop_assert!(found.is_sorted_by(|a, b| a.1 <= b.1));
        let held = points.iter().zip(0..).filter(|(at, _)| ray.holds(&frame.to_local(**at))).map(|(_, n)| n);
        prop_assert_eq!(set(found.iter().map(|f| f.0)), set(held));
        prop_assert_eq!(set(tree.candidates(&InFrame { frame, shape: ray })), set(found.iter().map(|f| f.0)));
    }
}

fn same_distances(found: &[(u32, f64)], mut all: Vec<f64>, k: usize, within: f64) -> Result<(), TestCaseError> {
    for (number, metres) in found {
        prop_assert!((all[*number as usize] - metres).abs() < 1e-6);
    }
    all.retain(|metres| *metres <= within);
    all.sort_unstable_by(f64::total_cmp);
    all.truncate(k);
    prop_assert_eq!(found.len(), all.len());
    for ((_, metres), wanted) in found.iter().zip(all) {
        prop_assert!((metres - wanted).abs() < 1e-6, "{metres} {wanted}");
    }
    Ok(())
}

#[test]
fn what_a_region_covers_is_not_tested() {
    struct Counting(Bounds<2>, std::cell::Cell<usize>);
    impl Region<2> for Counting {
        fn relate(&self, lo: &[f64; 2], hi: &[f64; 2]) -> Relation {
            self.0.region().relate(lo, hi)
        }
        fn holds(&self, at: &[f64; 2]) -> bool {
            self.1.set(self.1.get() + 1);
            self.0.region().holds(at)
        }
        fn bounds(&self) -> LonLatBox {
            self.0
        }
    }
    let points: Vec<[f64; 2]> = (0..65_536).map(|n| [f64::from(n % 256) / 100.0, f64::from(n / 256) / 100.0]).collect();
    let region = Counting(LonLatBox { min: [0.503, 0.503], max: [2.0, 2.0] }, std::cell::Cell::new(0));
    assert_eq!(of_points(&points, &[]).count(&region), 150 * 150);
    assert!(region.1.get() < 4_000, "{} of 22,500 points were tested", region.1.get());
}

#[test]
fn nonsense_is_refused_by_name() {
    let mut builder = PackedBuilder::default();
    assert!(builder.point([f64::NAN, 0.0], 7).is_err());
    assert!(builder.boxed(LonLatBox { min: [0.0, 1.0], max: [0.0, 0.0] }, 8).is_err());
    builder.point([0.0, 0.0], 9).unwrap();
    assert!(builder.during(TimeBand { from_us: 1, to_us: 0 }).is_err());
    let tree = builder.build().unwrap();
    assert_eq!(tree.candidates(&LonLatBox::GLOBE.region()), [9]);
    let empty = PackedBuilder::<2>::default().build().unwrap();
    assert!(empty.is_empty() && !empty.any(&LonLatBox::GLOBE.region()));
    assert_eq!(empty.nearest(Near::new([0.0, 0.0], 1.0).unwrap()).count(), 0);
    assert!(Near::new([0.0, f64::NAN], 1.0).is_err());
    assert!(NearInSpace::new([0.0, 0.0, 0.0], f64::NAN).is_err());
    assert!(near_limit_is_kept());
}

fn near_limit_is_kept() -> bool {
    let near = Near::new([0.0, 0.0], 1_000.0).unwrap();
    (near.distance(near.limit()) - 1_000.0).abs() < 1e-6
}
