//! What a camera sees: the space between six planes of a local frame.

use crate::{
    earth::is_length,
    error::Error,
    frame::{LocalShape, dot},
    region::Relation,
};

/// The points on the inner side of six planes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frustum {
    planes: [[f64; 4]; 6],
    reach_m: f64,
}

impl Frustum {
    /// From six planes `[a, b, c, d]`: a point is inside where `a x + b y + c z + d >= 0` for all. `reach_m` says how far
    /// from the frame's origin it may reach (the camera's distance from it plus the far plane's), or is infinite.
    ///
    /// # Errors
    /// [`Error::Shape`] where a plane has no direction or the reach is not a length.
    pub fn new(planes: [[f64; 4]; 6], reach_m: f64) -> Result<Self, Error> {
        let shape = |what| Error::Shape { shape: "frustum", what };
        let is_plane = |p: &[f64; 4]| p.iter().all(|v| v.is_finite()) && p[..3].iter().any(|v| *v != 0.0);
        if !planes.iter().all(is_plane) {
            return Err(shape("a plane has no direction; give a, b, c, d with a normal that is not 0"));
        }
        if !is_length(reach_m) {
            return Err(shape("its reach is not a length; give metres, or infinite"));
        }
        Ok(Self { planes, reach_m })
    }

    /// From a projection times view matrix in columns, which takes metres of the frame to clip space with depth 0 to 1.
    ///
    /// # Errors
    /// As [`Frustum::new`]; a matrix with an infinite far plane has no sixth plane and is refused.
    pub fn from_matrix(columns: [[f64; 4]; 4], reach_m: f64) -> Result<Self, Error> {
        let row = |r: usize| -> [f64; 4] { std::array::from_fn(|c| columns[c][r]) };
        let [x, y, z, w] = [row(0), row(1), row(2), row(3)];
        let add = |b: [f64; 4], sign: f64| -> [f64; 4] { std::array::from_fn(|i| w[i] + sign * b[i]) };
        Self::new([add(x, 1.0), add(x, -1.0), add(y, 1.0), add(y, -1.0), z, add(z, -1.0)], reach_m)
    }
}

fn side(plane: &[f64; 4], at: &[f64; 3]) -> f64 {
    dot(&[plane[0], plane[1], plane[2]], at) + plane[3]
}

impl LocalShape for Frustum {
    fn relate(&self, lo: &[f64; 3], hi: &[f64; 3]) -> Relation {
        let mut relation = Relation::Covers;
        for plane in &self.planes {
            let inmost = std::array::from_fn(|axis| if plane[axis] >= 0.0 { hi[axis] } else { lo[axis] });
            if side(plane, &inmost) < 0.0 {
                return Relation::Apart;
            }
            let outmost = std::array::from_fn(|axis| if plane[axis] >= 0.0 { lo[axis] } else { hi[axis] });
            if side(plane, &outmost) < 0.0 {
                relation = Relation::Meets;
            }
        }
        relation
    }

    fn holds(&self, at: &[f64; 3]) -> bool {
        self.planes.iter().all(|plane| side(plane, at) >= 0.0)
    }

    fn reach_m(&self) -> f64 {
        self.reach_m
    }
}
