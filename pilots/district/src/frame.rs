//! From the drawing board to the globe. The plan is drawn on a straight grid (`u` east, `v` north, metres); a gentle bend
//! makes streets curve as real ones do; the result, metres east and north of the centre, becomes longitude and latitude.

use crate::plane::{P, Ring, p};

/// Longitude of the district's centre, degrees (WGS 84 / CGCS2000).
pub const CENTRE_LON_DEG: f64 = 116.3125;
/// Latitude of the district's centre, degrees.
pub const CENTRE_LAT_DEG: f64 = 39.9830;
/// Height of the ground above the ellipsoid, metres: one number for the whole district, and as synthetic as the rest.
pub const GROUND_M: f64 = 42.0;

/// WGS 84 (NIMA TR8350.2): semi-major axis and first eccentricity squared.
const A_M: f64 = 6_378_137.0;
const E2: f64 = 6.694_379_990_141e-3;

/// Metres of one degree of longitude and of latitude at the centre.
fn metres_per_degree() -> (f64, f64) {
    let lat = CENTRE_LAT_DEG.to_radians();
    let w2 = 1.0 - E2 * lat.sin() * lat.sin();
    let normal = A_M / w2.sqrt();
    let meridian = A_M * (1.0 - E2) / (w2 * w2.sqrt());
    ((normal * lat.cos()).to_radians(), meridian.to_radians())
}

/// Longitude and latitude in degrees, to 0.1 mm.
pub(crate) fn lon_lat(at: P) -> (f64, f64) {
    let (east, north) = metres_per_degree();
    let fine = |deg: f64| (deg * 1e9).round() / 1e9;
    (fine(CENTRE_LON_DEG + at.x / east), fine(CENTRE_LAT_DEG + at.y / north))
}

/// Where a point of the drawing board lies.
pub(crate) fn bend(u: f64, v: f64) -> P {
    p(u + 7.0 * (v / 175.0 + 0.6).sin(), v + 6.0 * (u / 190.0 - 0.4).sin())
}

/// How the board is turned there, radians counter-clockwise: the mean of its two axes.
fn turn(u: f64, v: f64) -> f64 {
    let eastward = (6.0 / 190.0 * (u / 190.0 - 0.4).cos()).atan();
    let northward = (-7.0 / 175.0 * (v / 175.0 + 0.6).cos()).atan();
    f64::midpoint(eastward, northward)
}

/// A place on the ground where something is built: it is moved and turned there, never distorted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    at: P,
    east: P,
}

impl Site {
    /// At a point of the board, turned by `by` radians counter-clockwise from the board's axes.
    pub(crate) fn new(u: f64, v: f64, by: f64) -> Self {
        let angle = turn(u, v) + by;
        Self { at: bend(u, v), east: p(angle.cos(), angle.sin()) }
    }

    pub(crate) fn point(&self, local: P) -> P {
        p(
            self.at.x + local.x * self.east.x - local.y * self.east.y,
            self.at.y + local.x * self.east.y + local.y * self.east.x,
        )
    }

    pub(crate) fn ring(&self, local: &[P]) -> Ring {
        local.iter().map(|at| self.point(*at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_is_as_long_as_tables_say() {
        // At 40 degrees north: 85.39 km and 111.03 km (WGS 84).
        let (east, north) = metres_per_degree();
        assert!((east - 85_417.0).abs() < 60.0 && (north - 111_034.0).abs() < 20.0, "{east} {north}");
        assert_eq!(lon_lat(p(0.0, 0.0)), (CENTRE_LON_DEG, CENTRE_LAT_DEG));
    }
}
