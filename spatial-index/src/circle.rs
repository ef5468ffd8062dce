//! All places within so many metres of one ([`crate::distance_m`]), borders included.

use crate::{
    bounds::{Bounds, LonLatBox},
    earth::{Site, is_length, straight_squared_of, widened},
    error::Error,
    region::{Region, Relation},
};

/// A radius around a place, in metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    site: Site,
    straight_squared: f64,
    /// Where the quick distance decides: below the first inside, above the second outside.
    sure: [f64; 2],
}

impl Circle {
    /// The circle around a longitude and latitude in degrees.
    ///
    /// # Errors
    /// [`Error::Shape`] where the centre is not a place or the radius is negative or not a number.
    pub fn new(center: [f64; 2], radius_m: f64) -> Result<Self, Error> {
        let shape = |what| Error::Shape { shape: "circle", what };
        if !center.iter().all(|value| value.is_finite()) || center[1].abs() > 90.0 {
            return Err(shape("its centre is not a longitude and latitude in degrees; give one"));
        }
        if !is_length(radius_m) {
            return Err(shape("its radius is not a length; give metres, 0 or more"));
        }
        let straight_squared = straight_squared_of(radius_m);
        let root = straight_squared.sqrt();
        let sure = [(root - 0.002).max(0.0).powi(2), (root + 0.002).powi(2)];
        Ok(Self { site: Site::new(center, 0.0), straight_squared, sure })
    }
}

impl Region<2> for Circle {
    fn relate(&self, lo: &[f64; 2], hi: &[f64; 2]) -> Relation {
        if self.site.at_least(*lo, *hi) > self.straight_squared {
            Relation::Apart
        } else if self.site.at_most(*lo, *hi) <= self.straight_squared {
            Relation::Covers
        } else {
            Relation::Meets
        }
    }

    #[inline]
    fn holds(&self, at: &[f64; 2]) -> bool {
        match self.site.about(*at) {
            Some(about) if about < self.sure[0] => true,
            Some(about) if about > self.sure[1] => false,
            _ => self.site.straight_squared(*at, 0.0) <= self.straight_squared,
        }
    }

    fn bounds(&self) -> LonLatBox {
        widened(Bounds::point(self.site.place()), self.straight_squared.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused() {
        assert!(Circle::new([f64::NAN, 0.0], 1.0).is_err());
        assert!(Circle::new([0.0, 91.0], 1.0).is_err());
        assert!(Circle::new([0.0, 0.0], -1.0).is_err());
        assert!(Circle::new([0.0, 0.0], f64::NAN).is_err());
    }

    #[test]
    fn a_circle_as_large_as_the_earth_holds_everything() {
        let all = Circle::new([116.0, 40.0], 3e7).unwrap();
        assert!(all.holds(&[-64.0, -40.0]));
        assert_eq!(all.bounds().max[0], 180.0);
    }

    #[test]
    fn a_circle_reaches_over_the_antimeridian() {
        let fiji = Circle::new([179.999, -17.0], 1_000.0).unwrap();
        assert!(fiji.holds(&[-179.999, -17.0]));
        assert!(!fiji.holds(&[-179.9, -17.0]));
        assert!(fiji.holds(&[179.998, -17.0]));
    }
}
