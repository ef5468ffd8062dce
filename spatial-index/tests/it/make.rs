//! Random things, and what brute force says of them. Places come from the city, from both sides of the antimeridian and
//! from near a pole, partly on a lattice so that borders are met.

use std::collections::BTreeSet;

use proptest::prelude::*;
use spatial_index::{
    Area, Bounds, Circle, Corridor, Extruded, Frustum, InFrame, LocalFrame, LonLatBox, Ray, Region, Relation, Volume,
    Windows,
};

/// A region of the plane of any kind.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Windows(Windows<2>),
    Circle(Circle),
    Area(Area),
    Corridor(Corridor),
}

impl Region<2> for Shape {
    fn relate(&self, lo: &[f64; 2], hi: &[f64; 2]) -> Relation {
        match self {
            Self::Windows(shape) => shape.relate(lo, hi),
            Self::Circle(shape) => shape.relate(lo, hi),
            Self::Area(shape) => shape.relate(lo, hi),
            Self::Corridor(shape) => shape.relate(lo, hi),
        }
    }

    fn holds(&self, at: &[f64; 2]) -> bool {
        match self {
            Self::Windows(shape) => shape.holds(at),
            Self::Circle(shape) => shape.holds(at),
            Self::Area(shape) => shape.holds(at),
            Self::Corridor(shape) => shape.holds(at),
        }
    }

    fn bounds(&self) -> LonLatBox {
        match self {
            Self::Windows(shape) => shape.bounds(),
            Self::Circle(shape) => shape.bounds(),
            Self::Area(shape) => shape.bounds(),
            Self::Corridor(shape) => shape.bounds(),
        }
    }
}

/// A region of space of any kind.
#[derive(Debug, Clone)]
pub(crate) enum Solid {
    Windows(Windows<3>),
    Extruded(Extruded<Shape>),
    Frustum(InFrame<Frustum>),
    Beam(InFrame<Ray>),
}

impl Region<3> for Solid {
    fn relate(&self, lo: &[f64; 3], hi: &[f64; 3]) -> Relation {
        match self {
            Self::Windows(solid) => solid.relate(lo, hi),
            Self::Extruded(solid) => solid.relate(lo, hi),
            Self::Frustum(solid) => solid.relate(lo, hi),
            Self::Beam(solid) => solid.relate(lo, hi),
        }
    }

    fn holds(&self, at: &[f64; 3]) -> bool {
        match self {
            Self::Windows(solid) => solid.holds(at),
            Self::Extruded(solid) => solid.holds(at),
            Self::Frustum(solid) => solid.holds(at),
            Self::Beam(solid) => solid.holds(at),
        }
    }

    fn bounds(&self) -> Volume {
        match self {
            Self::Windows(solid) => solid.bounds(),
            Self::Extruded(solid) => solid.bounds(),
            Self::Frustum(solid) => solid.bounds(),
            Self::Beam(solid) => solid.bounds(),
        }
    }
}

fn turned([lon, lat]: [f64; 2]) -> [f64; 2] {
    [if lon > 180.0 { lon - 360.0 } else { lon }, lat.clamp(-90.0, 90.0)]
}

/// Where a test takes place: a corner and how many degrees wide.
fn scene() -> impl Strategy<Value = ([f64; 2], f64)> {
    prop::sample::select(vec![
        ([116.0, 39.0], 0.0625),
        ([116.0, 39.0], 2.0),
        ([179.0, -18.0], 2.0),
        ([-20.0, 88.0], 2.0),
        ([100.0, -60.0], 120.0),
    ])
}

/// A place of a scene, half of them on a lattice of a sixteenth of its width; longitude may be beyond 180.
fn running((corner, width): ([f64; 2], f64)) -> impl Strategy<Value = [f64; 2]> {
    let lattice = (0..=16_i32, 0..=16_i32).prop_map(|(x, y)| [f64::from(x) / 16.0, f64::from(y) / 16.0]);
    let free = (0.0..=1.0_f64, 0.0..=1.0_f64).prop_map(|(x, y)| [x, y]);
    prop_oneof![lattice, free]
        .prop_map(move |[x, y]| [corner[0] + x * width, (corner[1] + y * width).clamp(-90.0, 90.0)])
}

pub(crate) fn place(scene: ([f64; 2], f64)) -> impl Strategy<Value = [f64; 2]> {
    running(scene).prop_map(turned)
}

fn height() -> impl Strategy<Value = f64> {
    prop_oneof![(0..40_i32).prop_map(|n| f64::from(n) * 5.0), -50.0..12_000.0_f64]
}

pub(crate) fn point(scene: ([f64; 2], f64)) -> impl Strategy<Value = [f64; 3]> {
    (place(scene), height()).prop_map(|([lon, lat], height)| [lon, lat, height])
}

pub(crate) fn lon_lat_box(scene: ([f64; 2], f64)) -> impl Strategy<Value = LonLatBox> {
    (running(scene), running(scene), prop::bool::ANY).prop_map(|(a, b, small)| {
        let near = |axis: usize| if small { a[axis] + (b[axis] - a[axis]) / 16.0 } else { b[axis] };
        let (x, y) = (near(0), near(1));
        let min = turned([a[0].min(x), a[1].min(y)]);
        let max = turned([a[0].max(x), a[1].max(y)]);
        LonLatBox { min, max }
    })
}

pub(crate) fn volume(scene: ([f64; 2], f64)) -> impl Strategy<Value = Volume> {
    (lon_lat_box(scene), height(), height()).prop_map(|(base, a, b)| base.between(a.min(b), a.max(b)))
}

pub(crate) fn shape(scene: ([f64; 2], f64)) -> impl Strategy<Value = Shape> {
    let metres = scene.1 * 111_000.0;
    let circle = (place(scene), 0.0..metres).prop_map(|(at, r)| Shape::Circle(Circle::new(at, r).unwrap()));
    let ring = prop::collection::vec(running(scene), 3..12).prop_map(|ring| Shape::Area(Area::new(&[ring]).unwrap()));
    let short = (scene.0, scene.1.min(2.0));
    let line = (prop::collection::vec(running(short), 1..4), 0.0..metres.min(30_000.0));
    prop_oneof![
        lon_lat_box(scene).prop_map(|bounds| Shape::Windows(bounds.region())),
        circle,
        ring,
        line.prop_map(|(line, w)| Shape::Corridor(Corridor::new(&line, w).unwrap())),
    ]
}

pub(crate) fn solid(scene: ([f64; 2], f64)) -> impl Strategy<Value = Solid> {
    let direction = (-1.0..1.0_f64, -1.0..1.0_f64, -0.2..0.2_f64);
    let planes = prop::collection::vec((-1.0..1.0_f64, -1.0..1.0_f64, -1.0..1.0_f64, -0.5..1.0_f64), 6);
    let metres = scene.1 * 111_000.0;
    let extruded = (shape(scene), height(), height())
        .prop_map(|(base, a, b)| Solid::Extruded(Extruded { base, bottom_m: a.min(b), top_m: a.max(b) }));
    let frustum = (point(scene), planes).prop_map(move |(origin, planes)| {
        let planes = std::array::from_fn(|n| {
            let (a, b, c, d) = planes[n];
            [a + 0.01, b, c, d * metres]
        });
        let shape = Frustum::new(planes, f64::INFINITY).unwrap();
        Solid::Frustum(InFrame { frame: LocalFrame::new(origin).unwrap(), shape })
    });
    let beam =
        (point(scene), direction, 0.0..1.0_f64, 0.0..0.2_f64).prop_map(move |(origin, (x, y, z), far, thick)| {
            let shape = Ray::new([0.0; 3], [x + 1e-3, y, z], far * metres, thick * metres).unwrap();
            Solid::Beam(InFrame { frame: LocalFrame::new(origin).unwrap(), shape })
        });
    prop_oneof![volume(scene).prop_map(|bounds| Solid::Windows(bounds.region())), extruded, frustum, beam]
}

/// A scene, and what is made of it.
pub(crate) fn in_scene<T: std::fmt::Debug, S: Strategy<Value = T>>(
    make: impl Fn(([f64; 2], f64)) -> S,
) -> impl Strategy<Value = T> {
    scene().prop_flat_map(make)
}

/// Whether two boxes share a point, said another way than the indexes do: by quarter turns of a clock of longitude.
pub(crate) fn meet<const D: usize>(a: &Bounds<D>, b: &Bounds<D>) -> bool {
    let upright = (1..D).all(|axis| a.min[axis] <= b.max[axis] && b.min[axis] <= a.max[axis]);
    let within = |lon: f64, other: &Bounds<D>| {
        let (west, east) = (other.min[0], other.max[0]);
        let on = |lon: f64| if west <= east { west <= lon && lon <= east } else { lon >= west || lon <= east };
        on(lon) || (lon.abs() == 180.0 && on(-lon))
    };
    upright && (within(a.min[0], b) || within(b.min[0], a))
}

pub(crate) fn set(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
    numbers.into_iter().collect()
}

/// A number in no more than one place.
pub(crate) fn once(numbers: &[u32]) -> bool {
    set(numbers.iter().copied()).len() == numbers.len()
}
