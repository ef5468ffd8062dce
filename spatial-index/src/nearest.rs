//! Orders in which things are nearest. A box or a point comes in; a rank no greater than that of anything in the box, and
//! the rank of the point itself, come out. Best first over these ranks gives the nearest in order, from any index.

use std::{cmp::Ordering, collections::BinaryHeap};

use crate::{
    bounds::LonLatBox,
    earth::{LEAST_RADIUS, Site, arc_of, is_length, straight_squared_of, widened},
    error::Error,
    frame::LocalFrame,
    ray::Ray,
};

/// An order of points, with a bound for boxes. Ranks grow with distance; infinite is never.
pub trait Ranking<const D: usize> {
    /// No more than the rank of any point of the box, which may run on beyond 180 degrees of longitude.
    fn at_least(&self, lo: &[f64; D], hi: &[f64; D]) -> f64;

    /// The rank of a point.
    fn at(&self, point: &[f64; D]) -> f64;

    /// The distance that a rank stands for, in metres unless the order says otherwise.
    fn distance(&self, rank: f64) -> f64;

    /// The greatest rank that is asked for.
    fn limit(&self) -> f64;

    /// A box that holds every point of at most a rank, seen from above; nothing where none is known.
    fn around(&self, _rank: f64) -> Option<LonLatBox> {
        None
    }
}

/// Nearest to a place on the ground, by [`crate::distance_m`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    from: [f64; 2],
    site: Site,
    limit: f64,
}

impl Near {
    /// From a longitude and latitude in degrees, no farther than `within_m` metres (which may be infinite).
    ///
    /// # Errors
    /// [`Error::Shape`] where it is not a place or the limit not a length.
    pub fn new(from: [f64; 2], within_m: f64) -> Result<Self, Error> {
        check(&from, within_m)?;
        Ok(Self { from, site: Site::new(from, 0.0), limit: straight_squared_of(within_m) })
    }
}

impl Ranking<2> for Near {
    #[inline]
    fn at_least(&self, lo: &[f64; 2], hi: &[f64; 2]) -> f64 {
        self.site.at_least(*lo, *hi)
    }

    #[inline]
    fn at(&self, point: &[f64; 2]) -> f64 {
        self.site.straight_squared(*point, 0.0)
    }

    fn distance(&self, rank: f64) -> f64 {
        arc_of(rank)
    }

    fn limit(&self) -> f64 {
        self.limit
    }

    fn around(&self, rank: f64) -> Option<LonLatBox> {
        Some(widened(LonLatBox::point(self.from), rank.sqrt()))
    }
}

/// Nearest to a pair of numbers, by the straight line between the pairs: degrees are numbers here, without a globe, as the
/// predicates of planar geometry have it. Ranks are squares of degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearInDegrees {
    from: [f64; 2],
}

impl NearInDegrees {
    /// From a longitude and latitude in degrees.
    ///
    /// # Errors
    /// [`Error::Shape`] where it is not a place.
    pub fn new(from: [f64; 2]) -> Result<Self, Error> {
        check(&from, 0.0)?;
        Ok(Self { from })
    }
}

impl Ranking<2> for NearInDegrees {
    fn at_least(&self, lo: &[f64; 2], hi: &[f64; 2]) -> f64 {
        let gap = |lo: f64, hi: f64, at: f64| (lo - at).max(at - hi).max(0.0);
        let mut east = gap(lo[0], hi[0], self.from[0]);
        if hi[0] > 180.0 {
            east = gap(lo[0], 180.0, self.from[0]).min(gap(-180.0, hi[0] - 360.0, self.from[0]));
        }
        let north = gap(lo[1], hi[1], self.from[1]);
        east * east + north * north
    }

    fn at(&self, point: &[f64; 2]) -> f64 {
        let (east, north) = (point[0] - self.from[0], point[1] - self.from[1]);
        east * east + north * north
    }

    /// In degrees.
    fn distance(&self, rank: f64) -> f64 {
        rank.sqrt()
    }

    fn limit(&self) -> f64 {
        f64::INFINITY
    }

    fn around(&self, rank: f64) -> Option<LonLatBox> {
        // Room for the rounding of the root.
        let reach = rank.sqrt() * (1.0 + 1e-12) + f64::MIN_POSITIVE;
        let side = |by: f64| self.from.map(|at| at + by);
        Some(LonLatBox { min: side(-reach), max: side(reach) })
    }
}

/// An order of places as one of points in space: their heights do not matter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FromAbove<K>(pub K);

impl<K: Ranking<2>> Ranking<3> for FromAbove<K> {
    #[inline]
    fn at_least(&self, [west, south, _]: &[f64; 3], [east, north, _]: &[f64; 3]) -> f64 {
        self.0.at_least(&[*west, *south], &[*east, *north])
    }

    #[inline]
    fn at(&self, [lon, lat, _]: &[f64; 3]) -> f64 {
        self.0.at(&[*lon, *lat])
    }

    fn distance(&self, rank: f64) -> f64 {
        self.0.distance(rank)
    }

    fn limit(&self) -> f64 {
        self.0.limit()
    }

    fn around(&self, rank: f64) -> Option<LonLatBox> {
        self.0.around(rank)
    }
}

/// Nearest to a point in space, in a straight line, by [`crate::straight_m`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearInSpace {
    site: Site,
    height_m: f64,
    limit: f64,
}

impl NearInSpace {
    /// From a longitude and latitude in degrees and a height in metres, no farther than `within_m` metres.
    ///
    /// # Errors
    /// [`Error::Shape`] where it is not a point or the limit not a length.
    pub fn new(from: [f64; 3], within_m: f64) -> Result<Self, Error> {
        check(&from, within_m)?;
        Ok(Self { site: Site::new([from[0], from[1]], from[2]), height_m: from[2], limit: within_m * within_m })
    }
}

fn check(from: &[f64], within_m: f64) -> Result<(), Error> {
    if !from.iter().all(|value| value.is_finite()) || from[1].abs() > 90.0 {
        return Err(Error::Shape { shape: "nearest", what: "it is asked from what is not a place; give degrees" });
    }
    if !is_length(within_m) {
        return Err(Error::Shape { shape: "nearest", what: "its limit is not a length; give metres, 0 or more" });
    }
    Ok(())
}

impl Ranking<3> for NearInSpace {
    /// With D the straight line between the two normals' feet at the lower of both heights and g the difference of
    /// heights, the square of the distance is at least D² + g²: the surface at that height is convex.
    fn at_least(&self, lo: &[f64; 3], hi: &[f64; 3]) -> f64 {
        let gap = (lo[2] - self.height_m).max(self.height_m - hi[2]).max(0.0);
        let lower = self.height_m.min(lo[2]).max(-LEAST_RADIUS);
        let scale = ((LEAST_RADIUS + lower) / LEAST_RADIUS).powi(2);
        self.site.at_least([lo[0], lo[1]], [hi[0], hi[1]]) * scale * (1.0 - 1e-9) + gap * gap
    }

    fn at(&self, point: &[f64; 3]) -> f64 {
        self.site.straight_squared([point[0], point[1]], point[2])
    }

    fn distance(&self, rank: f64) -> f64 {
        rank.sqrt()
    }

    fn limit(&self) -> f64 {
        self.limit
    }
}

/// First along a ray of a local frame: what the ray enters first comes first.
#[derive(Debug, Clone, PartialEq)]
pub struct Along {
    /// Where the ray's coordinates are.
    pub frame: LocalFrame,
    /// The ray.
    pub ray: Ray,
}

impl Ranking<3> for Along {
    fn at_least(&self, lo: &[f64; 3], hi: &[f64; 3]) -> f64 {
        match self.frame.around(lo, hi) {
            Some((lo, hi)) => self.ray.entry(&lo, &hi).unwrap_or(f64::INFINITY),
            None => 0.0,
        }
    }

    fn at(&self, point: &[f64; 3]) -> f64 {
        self.ray.foot(&self.frame.to_local(*point)).unwrap_or(f64::INFINITY)
    }

    fn distance(&self, rank: f64) -> f64 {
        rank
    }

    fn limit(&self) -> f64 {
        f64::MAX
    }
}

/// Something that waits for its turn in a best-first search.
#[derive(Debug)]
struct Waiting<T> {
    rank: f64,
    what: T,
}

impl<T> PartialEq for Waiting<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Waiting<T> {}

impl<T> PartialOrd for Waiting<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Waiting<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank.total_cmp(&self.rank)
    }
}

/// What waits, nearest first; nothing beyond the limit is let in.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    heap: BinaryHeap<Waiting<T>>,
    limit: f64,
}

impl<T> Queue<T> {
    pub(crate) fn new(limit: f64) -> Self {
        Self { heap: BinaryHeap::with_capacity(128), limit: limit.min(f64::MAX) }
    }

    #[inline]
    pub(crate) fn push(&mut self, rank: f64, what: T) {
        if rank <= self.limit {
            self.heap.push(Waiting { rank, what });
        }
    }

    pub(crate) fn pop(&mut self) -> Option<(f64, T)> {
        self.heap.pop().map(|waiting| (waiting.rank, waiting.what))
    }
}
