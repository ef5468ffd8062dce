//! A ray of a local frame, or a beam: all that lies within a radius of it. For picking, sight lines and shadows.

use crate::{
    earth::is_length,
    error::Error,
    frame::{LocalShape, dot},
    region::Relation,
};

/// A straight line from a point in a direction, of a length, with a radius around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ray {
    origin: [f64; 3],
    /// Of length 1.
    direction: [f64; 3],
    length_m: f64,
    radius_m: f64,
}

impl Ray {
    /// From an origin in metres of the frame along a direction of any length; `length_m` may be infinite, `radius_m` 0.
    ///
    /// # Errors
    /// [`Error::Shape`] where the direction is none or a length is not one.
    pub fn new(origin: [f64; 3], direction: [f64; 3], length_m: f64, radius_m: f64) -> Result<Self, Error> {
        let shape = |what| Error::Shape { shape: "ray", what };
        let size = dot(&direction, &direction).sqrt();
        if !(size > 0.0 && size.is_finite() && origin.iter().all(|value| value.is_finite())) {
            return Err(shape("it has no origin or no direction; give finite metres, and a direction that is not 0"));
        }
        if !(is_length(length_m) && is_length(radius_m) && radius_m.is_finite()) {
            return Err(shape("its length or radius is not a length; give metres, 0 or more"));
        }
        Ok(Self { origin, direction: direction.map(|value| value / size), length_m, radius_m })
    }

    /// How far along, in metres, the ray comes into a box, or to within its radius of it; `None` where it does not.
    pub fn entry(&self, lo: &[f64; 3], hi: &[f64; 3]) -> Option<f64> {
        let (mut enter, mut leave) = (-self.radius_m, self.length_m + self.radius_m);
        for axis in 0..3 {
            let (near, far) = (lo[axis] - self.radius_m, hi[axis] + self.radius_m);
            let (from, step) = (self.origin[axis], self.direction[axis]);
            if step == 0.0 {
                if from < near || from > far {
                    return None;
                }
                continue;
            }
            let (a, b) = ((near - from) / step, (far - from) / step);
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        // Room for the rounding of the divisions.
        let slack = 1e-9 * (1.0 + enter.abs());
        (enter <= leave + slack).then_some((enter - slack).max(0.0))
    }

    /// How far along, in metres, a point within the radius lies; `None` for one that is not within it.
    pub fn foot(&self, at: &[f64; 3]) -> Option<f64> {
        let from: [f64; 3] = std::array::from_fn(|axis| at[axis] - self.origin[axis]);
        let along = dot(&from, &self.direction).clamp(0.0, self.length_m);
        let off: [f64; 3] = std::array::from_fn(|axis| from[axis] - along * self.direction[axis]);
        (dot(&off, &off) <= self.radius_m * self.radius_m).then_some(along)
    }
}

impl LocalShape for Ray {
    fn relate(&self, lo: &[f64; 3], hi: &[f64; 3]) -> Relation {
        if self.entry(lo, hi).is_some() { Relation::Meets } else { Relation::Apart }
    }

    fn holds(&self, at: &[f64; 3]) -> bool {
        self.foot(at).is_some()
    }

    fn reach_m(&self) -> f64 {
        dot(&self.origin, &self.origin).sqrt() + self.length_m + self.radius_m
    }
}
