//! Polygons with holes, borders included. Rings of longitude and latitude come in; edges sorted into slabs of latitude lie
//! ready, so that a point or a small box looks at few of them. Whether a point lies left or right of an edge is decided by
//! exact arithmetic (crate robust), so that no point is lost between two areas that share a border.

use robust::{Coord, orient2d};

use crate::{
    bounds::LonLatBox,
    error::Error,
    region::{Region, Relation},
};

/// One polygon or many that do not overlap. A point is inside where a line from it crosses the rings an odd number of
/// times; edges are straight in degrees (RFC 7946, 3.1.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    edges: Vec<[[f64; 2]; 2]>,
    /// For each slab the run of `members` that it owns.
    starts: Vec<u32>,
    /// Edges by slab.
    members: Vec<u32>,
    pub(crate) min: [f64; 2],
    pub(crate) max: [f64; 2],
    slabs_a_degree: f64,
}

/// How a point lies to an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// Not in it.
    Outside,
    /// On an edge or a corner.
    Border,
    /// In it, not on its border.
    Inside,
}

impl Area {
    /// From rings, outer ones and holes in any order and direction, closed or not. An area over the antimeridian is given
    /// as two, or with its longitudes running on (170, 190).
    ///
    /// # Errors
    /// [`Error::Shape`] where a ring has fewer than three places or a coordinate is not a number in degrees.
    pub fn new<P: AsRef<[[f64; 2]]>>(rings: &[P]) -> Result<Self, Error> {
        let shape = |what| Error::Shape { shape: "area", what };
        let mut edges = Vec::new();
        for ring in rings {
            let ring = ring.as_ref();
            let ring = if ring.len() > 1 && ring.first() == ring.last() { &ring[1..] } else { ring };
            if ring.len() < 3 {
                return Err(shape("a ring has fewer than three places; leave it out"));
            }
            if !ring.iter().all(|[lon, lat]| lon.abs() <= 540.0 && lat.abs() <= 90.0) {
                return Err(shape("a place is not a longitude and latitude in degrees; mend it"));
            }
            let next = ring.iter().skip(1).chain(ring.first());
            edges.extend(ring.iter().zip(next).map(|(a, b)| [*a, *b]));
        }
        if edges.is_empty() {
            return Err(shape("it has no ring; give one"));
        }
        Ok(Self::over(edges))
    }

    fn over(edges: Vec<[[f64; 2]; 2]>) -> Self {
        let (mut min, mut max) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for [from, _] in &edges {
            for axis in 0..2 {
                min[axis] = min[axis].min(from[axis]);
                max[axis] = max[axis].max(from[axis]);
            }
        }
        let slabs = edges.len().clamp(1, 4096);
        let height = max[1] - min[1];
        let slabs_a_degree = if height > 0.0 { slabs as f64 / height } else { 0.0 };
        let mut area = Self { edges, starts: vec![0; slabs + 1], members: Vec::new(), min, max, slabs_a_degree };
        area.sort_into_slabs(slabs);
        area
    }

    fn sort_into_slabs(&mut self, slabs: usize) {
        let runs: Vec<_> =
            self.edges.iter().map(|[a, b]| (self.slab(a[1].min(b[1])), self.slab(a[1].max(b[1])))).collect();
        for (first, last) in &runs {
            (*first..=*last).for_each(|slab| self.starts[slab + 1] += 1);
        }
        (0..slabs).for_each(|slab| self.starts[slab + 1] += self.starts[slab]);
        self.members = vec![0; self.starts[slabs] as usize];
        let mut free = self.starts.clone();
        for (edge, (first, last)) in runs.into_iter().enumerate() {
            for place in &mut free[first..=last] {
                self.members[*place as usize] = edge as u32;
                *place += 1;
            }
        }
    }

    /// The slab of a latitude: never falls as the latitude rises.
    fn slab(&self, lat: f64) -> usize {
        (((lat - self.min[1]) * self.slabs_a_degree) as usize).min(self.starts.len() - 2)
    }

    pub(crate) fn edges_from(&self, south: f64, north: f64) -> impl Iterator<Item = &[[f64; 2]; 2]> {
        let (first, last) = (self.starts[self.slab(south)], self.starts[self.slab(north) + 1]);
        self.members[first as usize..last as usize].iter().map(|edge| &self.edges[*edge as usize])
    }

    /// Bytes on the heap.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.edges.capacity() * 32 + (self.starts.capacity() + self.members.capacity()) * 4
    }

    /// A place of every ring.
    pub(crate) fn parts(&self) -> impl Iterator<Item = [f64; 2]> {
        let begins = |at: &usize| *at == 0 || self.edges[at - 1][1] != self.edges[*at][0];
        (0..self.edges.len()).filter(begins).map(|at| self.edges[at][0])
    }

    /// Turns of the globe by which the area is to be seen: it may run on beyond 180 degrees.
    pub(crate) fn turns(&self) -> impl Iterator<Item = f64> {
        let (west, east) = (self.min[0], self.max[0]);
        [0.0, 360.0, -360.0].into_iter().filter(move |turn| west <= 180.0 + turn && east >= turn - 180.0)
    }

    /// Where a point lies to the area.
    pub fn locate(&self, at: &[f64; 2]) -> Location {
        self.turns().map(|turn| self.locate_as_is([at[0] + turn, at[1]])).max().unwrap_or(Location::Outside)
    }

    pub(crate) fn locate_as_is(&self, at: [f64; 2]) -> Location {
        if !(0..2).all(|axis| self.min[axis] <= at[axis] && at[axis] <= self.max[axis]) {
            return Location::Outside;
        }
        locate_among(self.edges_from(at[1], at[1]).copied(), at)
    }

    fn relate_as_is(&self, lo: [f64; 2], hi: [f64; 2]) -> Relation {
        if !(0..2).all(|axis| self.min[axis] <= hi[axis] && lo[axis] <= self.max[axis]) {
            return Relation::Apart;
        }
        if self.edges_from(lo[1], hi[1]).any(|edge| may_touch(edge, lo, hi)) {
            Relation::Meets
        } else if self.locate_as_is(lo) != Location::Outside {
            Relation::Covers
        } else {
            Relation::Apart
        }
    }
}

/// Where a point lies to what the edges enclose; edges that lie wholly above or below it may be left out.
#[inline]
pub(crate) fn locate_among(edges: impl Iterator<Item = [[f64; 2]; 2]>, at: [f64; 2]) -> Location {
    let [x, y] = at;
    let mut inside = false;
    for [a, b] in edges {
        if (a[1] > y) == (b[1] > y) {
            // Not crossed, but perhaps touched: an end, or an edge along the parallel.
            let along = a[1] == y && b[1] == y && a[0].min(b[0]) <= x && x <= a[0].max(b[0]);
            if along || a == at || b == at {
                return Location::Border;
            }
        } else if x < a[0].min(b[0]) {
            inside = !inside;
        } else if x <= a[0].max(b[0]) {
            let side = orient2d(coord(a), coord(b), coord(at));
            if side == 0.0 {
                return Location::Border;
            }
            inside ^= (side > 0.0) == (b[1] > a[1]);
        }
    }
    if inside { Location::Inside } else { Location::Outside }
}

fn coord([x, y]: [f64; 2]) -> Coord<f64> {
    Coord { x, y }
}

/// Whether an edge touches a box; may say so where it only comes within rounding of it.
pub(crate) fn may_touch([a, b]: &[[f64; 2]; 2], lo: [f64; 2], hi: [f64; 2]) -> bool {
    if !(0..2).all(|axis| a[axis].min(b[axis]) <= hi[axis] && lo[axis] <= a[axis].max(b[axis])) {
        return false;
    }
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let (mut left, mut right) = (false, false);
    for x in [lo[0], hi[0]] {
        for y in [lo[1], hi[1]] {
            let (p, q) = (dx * (y - a[1]), dy * (x - a[0]));
            let slack = 1e-14 * (p.abs() + q.abs()) + 1e-300;
            left |= p - q >= -slack;
            right |= p - q <= slack;
        }
    }
    left && right
}

impl Region<2> for Area {
    fn relate(&self, lo: &[f64; 2], hi: &[f64; 2]) -> Relation {
        let mut relation = Relation::Apart;
        for turn in self.turns() {
            // Room for the rounding of the turn.
            let slack = if turn == 0.0 { 0.0 } else { 1e-9 };
            match self.relate_as_is([lo[0] + turn - slack, lo[1]], [hi[0] + turn + slack, hi[1]]) {
                Relation::Covers => return Relation::Covers,
                Relation::Meets => relation = Relation::Meets,
                Relation::Apart => {}
            }
        }
        relation
    }

    #[inline]
    fn holds(&self, at: &[f64; 2]) -> bool {
        self.turns().any(|turn| self.locate_as_is([at[0] + turn, at[1]]) != Location::Outside)
    }

    fn bounds(&self) -> LonLatBox {
        LonLatBox { min: self.min, max: self.max }
    }
}

#[cfg(test)]
mod tests {
    use geo::{Contains, Coord, Intersects, LineString, Polygon};
    use proptest::prelude::*;

    use super::*;

    /// A star around a place: its rays go round once, so that it does not cross itself.
    fn star(center: [f64; 2], radii: Vec<f64>) -> Vec<[f64; 2]> {
        let step = std::f64::consts::TAU / radii.len() as f64;
        let ray = |(n, r): (usize, f64)| {
            let (sin, cos) = (n as f64 * step).sin_cos();
            // On a coarse lattice, so that points on borders and at corners are met.
            [center[0] + (r * cos * 4.0).round() / 4.0, center[1] + (r * sin * 4.0).round() / 4.0]
        };
        radii.into_iter().enumerate().map(ray).collect()
    }

    fn line(ring: &[[f64; 2]]) -> LineString {
        ring.iter().map(|[x, y]| Coord { x: *x, y: *y }).collect()
    }

    proptest! {
        #[test]
        fn points_are_held_as_geo_says(
            outer in prop::collection::vec(4.0..8.0_f64, 3..40), hole in prop::collection::vec(0.6..2.5_f64, 3..12),
            points in prop::collection::vec((-36..=36_i32, -36..=36_i32), 60),
        ) {
            let (outer, hole) = (star([10.0, 20.0], outer), star([10.0, 20.0], hole));
            let area = Area::new(&[&outer, &hole]).unwrap();
            let polygon = Polygon::new(line(&outer), vec![line(&hole)]);
            for (x, y) in points {
                let at = [10.0 + f64::from(x) / 4.0, 20.0 + f64::from(y) / 4.0];
                let point = geo::Point::new(at[0], at[1]);
                // Where the lattice folds a small hole to a line the two may take its border as they like.
                prop_assume!(!polygon.interiors()[0].contains(&point) && !polygon.exterior().intersects(&point));
                prop_assert_eq!(area.holds(&at), polygon.intersects(&point), "{:?}", at);
            }
        }

        #[test]
        fn points_on_a_border_are_held(ring in prop::collection::vec(4.0..8.0_f64, 3..40), n in 0..40_usize) {
            let ring = star([0.0, 0.0], ring);
            let at = ring[n % ring.len()];
            let after = ring[(n + 1) % ring.len()];
            let area = Area::new(&[&ring]).unwrap();
            prop_assert!(area.holds(&at));
            // A quarter of lattice steps halves exactly.
            prop_assert!(area.holds(&[at[0].midpoint(after[0]), at[1].midpoint(after[1])]));
        }
    }

    #[test]
    fn an_area_may_run_on_over_the_antimeridian() {
        let area = Area::new(&[[[170.0, 0.0], [190.0, 0.0], [190.0, 10.0], [170.0, 10.0]]]).unwrap();
        assert!(area.holds(&[175.0, 5.0]) && area.holds(&[-175.0, 5.0]) && area.holds(&[-180.0, 5.0]));
        assert!(!area.holds(&[-169.0, 5.0]) && !area.holds(&[0.0, 5.0]));
        assert_eq!(area.relate(&[-178.0, 1.0], &[-177.0, 2.0]), Relation::Covers);
        assert_eq!(area.relate(&[-60.0, 1.0], &[-50.0, 2.0]), Relation::Apart);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Area::new::<Vec<[f64; 2]>>(&[]).is_err());
        assert!(Area::new(&[vec![[0.0, 0.0], [1.0, 1.0]]]).is_err());
        assert!(Area::new(&[vec![[0.0, 0.0], [1.0, 1.0], [f64::NAN, 0.0]]]).is_err());
    }

    #[test]
    fn an_area_without_extent_holds_its_line() {
        let flat = Area::new(&[[[0.0, 1.0], [2.0, 1.0], [1.0, 1.0]]]).unwrap();
        assert!(flat.holds(&[0.5, 1.0]) && !flat.holds(&[0.5, 1.1]));
    }
}
