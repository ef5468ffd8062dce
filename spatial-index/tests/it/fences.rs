//! Fences against brute force: of every point those that hold it, under random change.

use std::collections::BTreeMap;

use proptest::prelude::*;
use spatial_index::{Circle, Faces, Fence, Fences, Held, LonLatBox, Region};

#[derive(Debug, Clone)]
enum Plane {
    Faces(Vec<Vec<Vec<[f64; 2]>>>),
    Circle([f64; 2], f64),
    Box(LonLatBox),
}

impl Plane {
    fn fence(&self) -> Fence {
        match self {
            Self::Faces(polygons) => Fence::polygons(polygons),
            Self::Circle(center, radius_m) => Fence::circle(*center, *radius_m),
            Self::Box(bounds) => Fence::boxed(*bounds),
        }
        .unwrap()
    }

    fn holds(&self, at: [f64; 2]) -> bool {
        match self {
            Self::Faces(polygons) => Faces::new(polygons).unwrap().holds(&at),
            Self::Circle(center, radius_m) => Circle::new(*center, *radius_m).unwrap().holds(&at),
            Self::Box(bounds) => bounds.region().holds(&at),
        }
    }
}

/// Places of the city, of the antimeridian and of a pole, partly on a lattice so that borders and cells' sides are met.
fn place() -> impl Strategy<Value = [f64; 2]> {
    let origin = prop_oneof![Just([116.0, 39.0]), Just([179.99, 10.0]), Just([-180.0, 10.0]), Just([20.0, 89.98])];
    let step = prop_oneof![Just(0.001_f64), Just(360.0 / f64::from(1 << 20)), 0.0..0.002_f64];
    (origin, -20..20_i32, -20..20_i32, step).prop_map(|(origin, x, y, step)| {
        let lon = origin[0] + f64::from(x) * step;
        [
            if lon > 180.0 {
                lon - 360.0
            } else if lon < -180.0 {
                lon + 360.0
            } else {
                lon
            },
            (origin[1] + f64::from(y) * step).min(90.0),
        ]
    })
}

/// A star around a place, its rays going round once; longitudes may run on over 180 degrees.
fn star(center: [f64; 2], radii: &[f64]) -> Vec<[f64; 2]> {
    let step = std::f64::consts::TAU / radii.len() as f64;
    let ray = |(n, r): (usize, &f64)| {
        let (sin, cos) = (n as f64 * step).sin_cos();
        [center[0] + r * cos, (center[1] + r * sin).clamp(-90.0, 90.0)]
    };
    radii.iter().enumerate().map(ray).collect()
}

fn plane() -> impl Strategy<Value = Plane> {
    let size = prop_oneof![Just(0.0005_f64), Just(0.01), Just(3.0)];
    let faces = (place(), prop::collection::vec(0.5..1.0_f64, 3..90), any::<bool>(), size.clone()).prop_map(
        |(center, radii, with_hole, size)| {
            let outer = star(center, &radii.iter().map(|r| r * size).collect::<Vec<_>>());
            let hole = star(center, &[size / 4.0; 5]);
            Plane::Faces(vec![if with_hole { vec![outer, hole] } else { vec![outer] }])
        },
    );
    let square = (place(), size).prop_map(|([west, south], size)| {
        let east = west + size;
        let max = [if east > 180.0 { east - 360.0 } else { east }, (south + size).min(90.0)];
        Plane::Box(LonLatBox { min: [west, south], max })
    });
    prop_oneof![faces, (place(), 0.0..3_000.0_f64).prop_map(|(center, radius)| Plane::Circle(center, radius)), square]
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u32, Plane, Option<(f64, f64)>),
    Remove(u32),
    Ask([f64; 2], Option<f64>),
}

fn step() -> impl Strategy<Value = Step> {
    let band = prop::option::of((-10..10_i32, 0..20_i32).prop_map(|(low, up)| (f64::from(low), f64::from(low + up))));
    let height = prop::option::of((-12..32_i32).prop_map(f64::from));
    prop_oneof![
        2 => (0..12_u32, plane(), band).prop_map(|(n, plane, band)| Step::Insert(n, plane, band)),
        1 => (0..12_u32).prop_map(Step::Remove),
        6 => (place(), height).prop_map(|(at, height)| Step::Ask(at, height)),
    ]
}

proptest! {
    #[test]
    fn a_point_is_in_the_fences_that_hold_it(steps in prop::collection::vec(step(), 1..120)) {
        let mut fences = Fences::new();
        let mut model: BTreeMap<u32, (Plane, Option<(f64, f64)>)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Insert(number, plane, band) => {
                    let fence = plane.fence();
                    let fence = band.map_or(Ok(fence.clone()), |(bottom, top)| fence.between(bottom, top)).unwrap();
                    fences.insert(number, fence).unwrap();
                    model.insert(number, (plane, band));
                }
                Step::Remove(number) => prop_assert_eq!(fences.remove(number), model.remove(&number).is_some()),
                Step::Ask(at, height_m) => {
                    let mut found = Vec::new();
                    fences.visit(at, height_m, |number, held| found.push((number, held == Held::Inside)));
                    found.sort_unstable();
                    let wanted: Vec<_> = model.iter().filter(|(_, (plane, _))| plane.holds(at)).filter_map(|(n, (_, band))| {
                        match (band, height_m) {
                            (None, _) => Some((*n, true)),
                            (Some(_), None) => Some((*n, false)),
                            (Some((bottom, top)), Some(h)) => (*bottom <= h && h <= *top).then_some((*n, true)),
                        }
                    }).collect();
                    prop_assert_eq!(found, wanted, "{:?}", at);
                }
            }
            prop_assert_eq!(fences.len(), model.len());
        }
    }
}
