//! The crates one would take instead, asked the same questions.

use geo::{Intersects, LineString, Point, Polygon};
use geo_index::rtree::{
    RTree as PackedTree, RTreeBuilder, RTreeIndex,
    sort::{HilbertSort, STRSort},
};
use rstar::{AABB, RTree, primitives::GeomWithData};
use spatial_index::LonLatBox;

/// rstar over places in degrees.
pub(crate) struct Planar(RTree<GeomWithData<[f64; 2], u32>>);

impl Planar {
    pub(crate) fn new(places: &[[f64; 2]]) -> Self {
        Self(RTree::bulk_load(places.iter().zip(0..).map(|(at, n)| GeomWithData::new(*at, n)).collect()))
    }

    pub(crate) fn in_box(&self, bounds: &LonLatBox) -> Vec<u32> {
        self.0.locate_in_envelope(&AABB::from_corners(bounds.min, bounds.max)).map(|at| at.data).collect()
    }

    pub(crate) fn in_polygon(&self, ring: &[[f64; 2]], places: &[[f64; 2]]) -> Vec<u32> {
        let (mut min, mut max) = (ring[0], ring[0]);
        for at in ring {
            (0..2).for_each(|axis| (min[axis], max[axis]) = (min[axis].min(at[axis]), max[axis].max(at[axis])));
        }
        let polygon = Polygon::new(LineString::from(ring.iter().map(|at| (at[0], at[1])).collect::<Vec<_>>()), vec![]);
        let holds = |n: &u32| polygon.intersects(&Point::from(places[*n as usize]));
        self.in_box(&LonLatBox { min, max }).into_iter().filter(holds).collect()
    }

    pub(crate) fn step(&mut self, number: u32, before: [f64; 2], after: [f64; 2]) {
        self.0.remove(&GeomWithData::new(before, number));
        self.0.insert(GeomWithData::new(after, number));
    }
}

/// rstar over earth-centred coordinates, where its distance orders as ours does.
pub(crate) struct Earth(RTree<GeomWithData<[f64; 3], u32>>);

fn centred([lon, lat]: &[f64; 2]) -> [f64; 3] {
    let (sin, cos) = lat.to_radians().sin_cos();
    let (a, e2) = (6_378_137.0, 0.006_694_379_990_141_317);
    let normal = a / (1.0 - e2 * sin * sin).sqrt();
    let (sin_lon, cos_lon) = lon.to_radians().sin_cos();
    [normal * cos * cos_lon, normal * cos * sin_lon, normal * (1.0 - e2) * sin]
}

impl Earth {
    pub(crate) fn new(places: &[[f64; 2]]) -> Self {
        Self(RTree::bulk_load(places.iter().zip(0..).map(|(at, n)| GeomWithData::new(centred(at), n)).collect()))
    }

    pub(crate) fn nearest(&self, from: &[f64; 2], k: usize) -> Vec<u32> {
        self.0.nearest_neighbor_iter(&centred(from)).take(k).map(|at| at.data).collect()
    }
}

/// geo-index: a packed tree of boxes.
pub(crate) struct Hilbert(PackedTree<f64>);

impl Hilbert {
    pub(crate) fn points(places: &[[f64; 2]]) -> Self {
        Self(Self::of(places.iter().map(|at| (*at, *at)), places.len()).finish::<HilbertSort>())
    }

    pub(crate) fn points_str(places: &[[f64; 2]]) -> Self {
        Self(Self::of(places.iter().map(|at| (*at, *at)), places.len()).finish::<STRSort>())
    }

    pub(crate) fn boxes(boxes: &[LonLatBox]) -> Self {
        Self(Self::of(boxes.iter().map(|bounds| (bounds.min, bounds.max)), boxes.len()).finish::<HilbertSort>())
    }

    fn of(corners: impl Iterator<Item = ([f64; 2], [f64; 2])>, count: usize) -> RTreeBuilder<f64> {
        let mut builder = RTreeBuilder::new(count as u32);
        corners.for_each(|(min, max)| {
            builder.add(min[0], min[1], max[0], max[1]);
        });
        builder
    }

    pub(crate) fn in_box(&self, bounds: &LonLatBox) -> Vec<u32> {
        self.0.search(bounds.min[0], bounds.min[1], bounds.max[0], bounds.max[1])
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.clone().into_inner().len()
    }
}
