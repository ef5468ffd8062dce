//! A flat frame at a place: x east, y north, z up, in metres, straight lines staying straight. Shapes of such a frame
//! (a view's frustum, a ray) become regions of longitude, latitude and height.

use crate::{
    bounds::{Bounds, LonLatBox, Volume},
    earth::{centred, widened},
    error::Error,
    region::{Region, Relation},
};

/// How much of the earth's curve a box may span and still be bounded closely, degrees.
const FLAT_DEG: f64 = 5.0;

/// East, north and up at an origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalFrame {
    place: [f64; 2],
    origin: [f64; 3],
    /// East, north, up as earth-centred directions.
    axes: [[f64; 3]; 3],
}

impl LocalFrame {
    /// The frame at a longitude and latitude in degrees and a height above the ellipsoid in metres.
    ///
    /// # Errors
    /// [`Error::Shape`] where it is not a point.
    pub fn new(origin: [f64; 3]) -> Result<Self, Error> {
        if !origin.iter().all(|value| value.is_finite()) || origin[1].abs() > 90.0 {
            let what = "its origin is not a point; give longitude and latitude in degrees and metres";
            return Err(Error::Shape { shape: "frame", what });
        }
        let (sin_lon, cos_lon) = origin[0].to_radians().sin_cos();
        let (sin_lat, cos_lat) = origin[1].to_radians().sin_cos();
        let axes = [
            [-sin_lon, cos_lon, 0.0],
            [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        ];
        Ok(Self { place: [origin[0], origin[1]], origin: centred(origin), axes })
    }

    /// A point of longitude, latitude and height in this frame, metres.
    pub fn to_local(&self, point: [f64; 3]) -> [f64; 3] {
        let at = centred(point);
        let from: [f64; 3] = std::array::from_fn(|axis| at[axis] - self.origin[axis]);
        self.axes.map(|axis| dot(&axis, &from))
    }

    /// A box in this frame around a box of longitude, latitude and height; `None` where there is no close one.
    ///
    /// It holds the eight corners, widened by as much as the earth's curve can stand out between them.
    pub(crate) fn around(&self, lo: &[f64; 3], hi: &[f64; 3]) -> Option<([f64; 3], [f64; 3])> {
        let span = (hi[0] - lo[0]).max(hi[1] - lo[1]);
        if !(span <= FLAT_DEG && lo[2].is_finite() && hi[2].is_finite()) {
            return None;
        }
        let (mut least, mut most) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        for corner in 0..8 {
            let pick = |axis: usize| if corner >> axis & 1 == 0 { lo[axis] } else { hi[axis] };
            let local = self.to_local([pick(0), pick(1), pick(2)]);
            for axis in 0..3 {
                least[axis] = least[axis].min(local[axis]);
                most[axis] = most[axis].max(local[axis]);
            }
        }
        let radius = 6_400_000.0 + hi[2].abs().max(lo[2].abs());
        let turn = |d: f64| d.to_radians().powi(2) / 8.0;
        let bulge = radius * 1.01 * (turn(hi[0] - lo[0]) + turn(hi[1] - lo[1])) + 1e-6;
        Some((least.map(|value| value - bulge), most.map(|value| value + bulge)))
    }
}

pub(crate) fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// A shape in the metres of a [`LocalFrame`].
pub trait LocalShape {
    /// How it lies to a box with its edges along x, y and z; like [`Region::relate`].
    fn relate(&self, lo: &[f64; 3], hi: &[f64; 3]) -> Relation;

    /// Whether it holds a point.
    fn holds(&self, at: &[f64; 3]) -> bool;

    /// How far from the frame's origin it reaches, metres; infinite where it does not end.
    fn reach_m(&self) -> f64;
}

/// A shape of a local frame as a region of longitude, latitude and height.
#[derive(Debug, Clone, PartialEq)]
pub struct InFrame<S> {
    /// Where the shape's coordinates are.
    pub frame: LocalFrame,
    /// The shape.
    pub shape: S,
}

impl<S: LocalShape> Region<3> for InFrame<S> {
    fn relate(&self, lo: &[f64; 3], hi: &[f64; 3]) -> Relation {
        self.frame.around(lo, hi).map_or(Relation::Meets, |(lo, hi)| self.shape.relate(&lo, &hi))
    }

    fn holds(&self, at: &[f64; 3]) -> bool {
        at[2].is_finite() && self.shape.holds(&self.frame.to_local(*at))
    }

    fn bounds(&self) -> Volume {
        // A point more than 60 km down lies closer to the frame's axis than its place on the ground says.
        let around = match self.shape.reach_m() {
            reach if reach.is_finite() => widened(Bounds::point(self.frame.place), reach * 1.01),
            _ => LonLatBox::GLOBE,
        };
        around.between(f64::NEG_INFINITY, f64::INFINITY)
    }
}
