//! Boxes as they are given and as they are kept. A box whose west is east of its east goes over the antimeridian
//! (RFC 7946, 5.2). Inside, such a box either falls into pieces (where it asks) or runs on beyond 180 degrees (where it
//! is kept). What is not a box (NaN, infinite degrees, south above north) has neither form, and so never meets anything.

/// What an infinite height is kept as, metres: far from everything, and sums and products of it stay numbers.
const ENDLESS_M: f64 = 1e30;

/// A closed box: longitude and latitude in degrees, then height in metres where `D` is 3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds<const D: usize> {
    /// Lower corner: west, south, bottom. West may be greater than east: then the box goes over the antimeridian.
    pub min: [f64; D],
    /// Upper corner: east, north, top.
    pub max: [f64; D],
}

/// A closed box in degrees: west, south, east, north.
pub type LonLatBox = Bounds<2>;

/// A closed box in degrees with a height band in metres above the ellipsoid, which may be infinite.
pub type Volume = Bounds<3>;

/// A closed span of time in microseconds of UTC since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeBand {
    /// First instant.
    pub from_us: i64,
    /// Last instant.
    pub to_us: i64,
}

impl TimeBand {
    /// All time.
    pub const ALWAYS: Self = Self { from_us: i64::MIN, to_us: i64::MAX };

    /// Whether the two have an instant in common.
    pub fn meets(self, other: Self) -> bool {
        self.from_us <= other.to_us && other.from_us <= self.to_us
    }
}

impl LonLatBox {
    /// All there is.
    pub const GLOBE: Self = Self { min: [-180.0, -90.0], max: [180.0, 90.0] };

    /// The same with a height band, in metres.
    pub fn between(self, bottom_m: f64, top_m: f64) -> Volume {
        Bounds { min: [self.min[0], self.min[1], bottom_m], max: [self.max[0], self.max[1], top_m] }
    }
}

impl<const D: usize> Bounds<D> {
    /// The box of one point.
    pub fn point(at: [f64; D]) -> Self {
        Self { min: at, max: at }
    }

    /// Whether it goes over the antimeridian.
    pub fn crosses_antimeridian(&self) -> bool {
        self.min[0] > self.max[0]
    }

    /// With both longitudes brought between -180 and 180; `None` where this is not a box.
    fn normal(mut self) -> Option<Self> {
        let upright = (1..D).all(|axis| self.min[axis] <= self.max[axis]);
        let finite = (0..2).all(|axis| self.min[axis].is_finite() && self.max[axis].is_finite());
        if !upright || !finite {
            return None;
        }
        if self.max[0] - self.min[0] >= 360.0 {
            (self.min[0], self.max[0]) = (-180.0, 180.0);
        }
        self.min[0] = wrap_deg(self.min[0]);
        self.max[0] = wrap_deg(self.max[0]);
        for axis in 2..D {
            self.min[axis] = self.min[axis].clamp(-ENDLESS_M, ENDLESS_M);
            self.max[axis] = self.max[axis].clamp(-ENDLESS_M, ENDLESS_M);
        }
        Some(self)
    }

    /// As it is kept: lower and upper corner, where east runs on beyond 180 when the box goes over the antimeridian.
    pub(crate) fn kept(self) -> Option<([f64; D], [f64; D])> {
        let mut normal = self.normal()?;
        if normal.crosses_antimeridian() {
            normal.max[0] = (normal.max[0] + 360.0).next_up();
        }
        Some((normal.min, normal.max))
    }

    /// As it asks: at most three boxes between -180 and 180 which together are it. 180 and -180 are one meridian.
    pub(crate) fn pieces(self) -> ([Self; 3], usize) {
        let Some(normal) = self.normal() else { return ([self; 3], 0) };
        let (west, east) = (normal.min[0], normal.max[0]);
        let cut = |west, east| {
            let mut piece = normal;
            (piece.min[0], piece.max[0]) = (west, east);
            piece
        };
        if west > east {
            return ([cut(west, 180.0), cut(-180.0, east), normal], 2);
        }
        let mut pieces = [normal; 3];
        let mut count = 1;
        if west == -180.0 && east < 180.0 {
            pieces[count] = cut(180.0, 180.0);
            count += 1;
        }
        if east == 180.0 && west > -180.0 {
            pieces[count] = cut(-180.0, -180.0);
            count += 1;
        }
        (pieces, count)
    }
}

/// A longitude brought between -180 and 180; one that is there already stays bit for bit.
pub(crate) fn wrap_deg(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

/// A point with its longitude between -180 and 180; `None` where it is not one.
pub(crate) fn place<const D: usize>(mut at: [f64; D]) -> Option<[f64; D]> {
    if !(at[0].is_finite() && at[1].is_finite() && at.iter().all(|value| !value.is_nan())) {
        return None;
    }
    at[0] = wrap_deg(at[0]);
    at[2.min(D)..].iter_mut().for_each(|height_m| *height_m = height_m.clamp(-ENDLESS_M, ENDLESS_M));
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lons(west: f64, east: f64) -> Vec<[f64; 2]> {
        let (pieces, count) = Bounds { min: [west, 0.0], max: [east, 1.0] }.pieces();
        pieces[..count].iter().map(|piece| [piece.min[0], piece.max[0]]).collect()
    }

    #[test]
    fn a_box_over_the_antimeridian_falls_into_two() {
        assert_eq!(lons(170.0, -170.0), [[170.0, 180.0], [-180.0, -170.0]]);
        assert_eq!(lons(170.0, 190.0), [[170.0, 180.0], [-180.0, -170.0]]);
        assert_eq!(lons(-180.0, -170.0), [[-180.0, -170.0], [180.0, 180.0]]);
        assert_eq!(lons(-180.0, 180.0), [[-180.0, 180.0]]);
        assert_eq!(lons(-500.0, 500.0), [[-180.0, 180.0]]);
        assert_eq!(lons(10.0, 20.0), [[10.0, 20.0]]);
    }

    #[test]
    fn what_is_no_box_meets_nothing() {
        assert!(lons(f64::NAN, 1.0).is_empty());
        assert!(lons(0.0, f64::INFINITY).is_empty());
        assert_eq!(Bounds { min: [0.0, 2.0], max: [1.0, 1.0] }.kept(), None);
        assert_eq!(place([0.0, f64::NAN]), None);
        assert_eq!(place([190.0, 1.0, f64::INFINITY]), Some([-170.0, 1.0, ENDLESS_M]));
    }
}
