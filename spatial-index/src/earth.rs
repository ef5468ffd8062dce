//! Distances on the ellipsoid, and bounds of them for boxes. Degrees and metres come in and go out.
//!
//! The distance of two places is the straight line between them through the earth (both at height 0 on the ellipsoid), bent
//! to an arc of the mean radius. It differs from the geodesic by under 1 mm at 10 km, 1 cm at 100 km, 0.2 % at 10,000 km
//! and 4.2 % from pole to pole, where straight lines hardly grow any more; it orders pairs as the straight line does, and
//! needs no iteration. Bounds for boxes rest on a theorem: on a convex body whose radii of curvature lie between r and R,
//! two points with the normals n and m lie between r |n - m| and R |n - m| apart (Blaschke). Here r = a (1 - e²),
//! R = a / sqrt(1 - e²), and |n - m| follows from longitude and latitude.

use std::f64::consts::PI;

use crate::bounds::{LonLatBox, wrap_deg};

/// Half axis, metres: WGS 84 and CGCS2000.
const A: f64 = 6_378_137.0;
/// First eccentricity squared, WGS 84.
const E2: f64 = 0.006_694_379_990_141_317;
/// Least radius of curvature, metres.
pub(crate) const LEAST_RADIUS: f64 = A * (1.0 - E2);
/// Greatest radius of curvature, metres (a little more than a / sqrt(1 - e²)).
const MOST_RADIUS: f64 = 6_399_593.7;
/// Room for the rounding of earth-centred metres in the square of a short distance, metres²: 10 nm at 100 m.
const ROUNDING: f64 = 2e-6;
/// Mean radius, metres: to bend a straight line to an arc.
const ARC_RADIUS: f64 = 6_371_008.8;

/// Metres along the ground between two places given as longitude and latitude in degrees.
pub fn distance_m(a: [f64; 2], b: [f64; 2]) -> f64 {
    arc_of(Site::new(a, 0.0).straight_squared(b, 0.0))
}

/// Metres in a straight line between two points given as longitude, latitude and height above the ellipsoid.
pub fn straight_m(a: [f64; 3], b: [f64; 3]) -> f64 {
    Site::new([a[0], a[1]], a[2]).straight_squared([b[0], b[1]], b[2]).sqrt()
}

/// Whether it is a length: 0 or more, perhaps infinite.
pub(crate) fn is_length(metres: f64) -> bool {
    metres >= 0.0
}

/// The arc over a straight line, whose square is given.
pub(crate) fn arc_of(straight_squared: f64) -> f64 {
    2.0 * ARC_RADIUS * (straight_squared.sqrt() / (2.0 * ARC_RADIUS)).min(1.0).asin()
}

/// The square of the straight line under an arc; infinite where the arc is longer than any.
pub(crate) fn straight_squared_of(arc_m: f64) -> f64 {
    if arc_m >= PI * ARC_RADIUS {
        return f64::INFINITY;
    }
    (2.0 * ARC_RADIUS * (arc_m / (2.0 * ARC_RADIUS)).sin()).powi(2)
}

/// Earth-centred coordinates in metres.
pub(crate) fn centred([lon, lat, height_m]: [f64; 3]) -> [f64; 3] {
    let (axis, up) = meridian(lat, height_m);
    let (sin, cos) = lon.to_radians().sin_cos();
    [axis * cos, axis * sin, up]
}

/// Distance from the axis and height over the equator's plane.
fn meridian(lat: f64, height_m: f64) -> (f64, f64) {
    let (sin, cos) = lat.to_radians().sin_cos();
    let normal = A / (1.0 - E2 * sin * sin).sqrt();
    ((normal + height_m) * cos, (normal * (1.0 - E2) + height_m) * sin)
}

/// A box around all that is at most so many metres, in a straight line on the ground, from a box.
pub(crate) fn widened(around: LonLatBox, straight_m: f64) -> LonLatBox {
    let angle = 2.0 * (straight_m / (2.0 * LEAST_RADIUS)).min(1.0).asin() * (1.0 + 1e-9) + 1e-12;
    let (south, north) = (around.min[1] - angle.to_degrees(), around.max[1] + angle.to_degrees());
    if !(south > -90.0 && north < 90.0) {
        return LonLatBox { min: [-180.0, south], max: [180.0, north] };
    }
    let steepest = around.min[1].abs().max(around.max[1].abs()).to_radians().cos();
    let aside = (angle.sin() / steepest).min(1.0).asin().to_degrees() * (1.0 + 1e-9) + 1e-12;
    LonLatBox { min: [around.min[0] - aside, south], max: [around.max[0] + aside, north] }
}

/// A point to measure from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Site {
    lon: f64,
    lat: f64,
    cos: f64,
    axis: f64,
    up: f64,
    /// First, second and third derivative of axis distance and height over the equator by latitude, on the ellipsoid.
    slopes: [[f64; 2]; 3],
}

impl Site {
    pub(crate) fn new([lon, lat]: [f64; 2], height_m: f64) -> Self {
        let (axis, up) = meridian(lat, height_m);
        let (s, c) = lat.to_radians().sin_cos();
        let w = 1.0 - E2 * s * s;
        let m = LEAST_RADIUS / (w * w.sqrt());
        let m1 = 3.0 * E2 * m * s * c / w;
        let m2 = 3.0 * E2 * (m1 * s * c / w + m * (c * c - s * s) / w + 2.0 * E2 * m * (s * c / w).powi(2));
        let slopes = [
            [-m * s, m * c],
            [-m1 * s - m * c, m1 * c - m * s],
            [-m2 * s - 2.0 * m1 * c + m * s, m2 * c - 2.0 * m1 * s - m * c],
        ];
        Self { lon: wrap_deg(lon), lat, cos: c.max(0.0), axis, up, slopes }
    }

    pub(crate) fn place(&self) -> [f64; 2] {
        [self.lon, self.lat]
    }

    /// The square of the straight line to a point, metres².
    #[inline]
    pub(crate) fn straight_squared(&self, [lon, lat]: [f64; 2], height_m: f64) -> f64 {
        let (axis, up) = meridian(lat, height_m);
        let half = ((lon - self.lon) * 0.5).to_radians().sin();
        (axis - self.axis).powi(2) + (up - self.up).powi(2) + 4.0 * axis * self.axis * half * half
    }

    /// The same for a place at height 0, seen from a site at height 0, to within 1 mm of its root, without trigonometry;
    /// `None` farther than some 30 km off.
    #[inline]
    pub(crate) fn about(&self, [lon, lat]: [f64; 2]) -> Option<f64> {
        let turn = (lon - self.lon).to_radians();
        let y = (lat - self.lat).to_radians();
        if !(y.abs() <= 0.005 && turn.abs() <= 0.05) {
            return None;
        }
        let [p, q, r] = self.slopes;
        let over = |k: usize| y * (p[k] + y * (q[k] / 2.0 + y * (r[k] / 6.0)));
        let (across, along) = (over(0), over(1));
        let t2 = turn * turn;
        let bend = t2 * (1.0 - t2 / 12.0 * (1.0 - t2 / 30.0));
        Some(across * across + along * along + self.axis * (self.axis + across) * bend)
    }

    /// No more than the square of the straight line to any point of the box on the ground.
    #[inline]
    pub(crate) fn at_least(&self, lo: [f64; 2], hi: [f64; 2]) -> f64 {
        let y = (lo[1] - self.lat).max(self.lat - hi[1]).max(0.0).to_radians();
        let x = self.gap(lo[0], hi[0]).to_radians();
        let flattest = cos_low(lo[1].abs().max(hi[1].abs()).to_radians());
        let (sy, sx) = (sin_low(y * 0.5), sin_low(x * 0.5));
        (LEAST_RADIUS * LEAST_RADIUS * (4.0 - 1e-9) * (sy * sy + self.cos * flattest * sx * sx) - ROUNDING).max(0.0)
    }

    /// No less than the square of the straight line to any point of the box on the ground.
    pub(crate) fn at_most(&self, lo: [f64; 2], hi: [f64; 2]) -> f64 {
        let y = (hi[1] - self.lat).abs().max((lo[1] - self.lat).abs()).to_radians();
        let x = self.reach(lo[0], hi[0]).to_radians();
        let nearest_equator = if lo[1] <= 0.0 && hi[1] >= 0.0 { 0.0 } else { lo[1].abs().min(hi[1].abs()) };
        let steepest = cos_high(nearest_equator.to_radians());
        let (sy, sx) = ((y * 0.5).min(1.0), (x * 0.5).min(1.0));
        MOST_RADIUS * MOST_RADIUS * (4.0 + 1e-9) * (sy * sy + self.cos * steepest * sx * sx) + ROUNDING
    }

    /// Degrees of longitude from here to the nearest meridian of a box.
    fn gap(&self, west: f64, east: f64) -> f64 {
        if west <= self.lon && self.lon <= east {
            return 0.0;
        }
        let (a, b) = (west - self.lon, self.lon - east);
        let turn = |d: f64| if d < 0.0 { d + 360.0 } else { d };
        turn(a).min(turn(b)).clamp(0.0, 180.0)
    }

    /// Degrees of longitude from here to the farthest meridian of a box.
    fn reach(&self, west: f64, east: f64) -> f64 {
        let (a, b) = ((west - self.lon).abs(), (east - self.lon).abs());
        let opposite = if self.lon < 0.0 { self.lon + 180.0 } else { self.lon - 180.0 };
        if west <= opposite && opposite <= east {
            return 180.0;
        }
        a.min((360.0 - a).abs()).max(b.min((360.0 - b).abs()))
    }
}

/// No more than sin x, 0 to pi / 2.
fn sin_low(x: f64) -> f64 {
    let z = x * x;
    x * (1.0 - z / 6.0 * (1.0 - z / 20.0 * (1.0 - z / 42.0)))
}

/// No more than cos x, 0 to pi / 2, and not below 0.
fn cos_low(x: f64) -> f64 {
    let z = x * x;
    (1.0 - z / 2.0 * (1.0 - z / 12.0 * (1.0 - z / 30.0))).max(0.0)
}

/// No less than cos x, 0 to pi / 2.
fn cos_high(x: f64) -> f64 {
    let z = x * x;
    1.0 - z / 2.0 * (1.0 - z / 12.0)
}

#[cfg(test)]
mod tests {
    use geo::{Distance, Geodesic, Point};
    use proptest::prelude::*;

    use super::*;

    fn place() -> impl Strategy<Value = [f64; 2]> {
        (-180.0..180.0, -90.0..90.0).prop_map(|(lon, lat)| [lon, lat])
    }

    proptest! {
        #[test]
        fn near_distances_are_geodesic(a in place(), turn in 0.0..360.0_f64, metres in 0.1..100_000.0_f64) {
            use geo::Destination;
            let far = Geodesic.destination(Point::from((a[0], a[1])), turn, metres);
            let geodesic = Geodesic.distance(Point::from((a[0], a[1])), far);
            let ours = distance_m(a, [far.x(), far.y()]);
            // The arc of the mean radius R is off by d^3 / 24 (1 / r^2 - 1 / R^2), r the radius of curvature along the way, which
            // is least along the meridian at the equator: 1.18e-17 d^3.
            let bent = geodesic.powi(3) * 1.2e-17;
            prop_assert!((ours - geodesic).abs() < 0.001 + bent, "{ours} {geodesic}");
        }

        #[test]
        fn far_distances_are_roughly_geodesic(a in place(), b in place()) {
            let geodesic = Geodesic.distance(Point::from((a[0], a[1])), Point::from((b[0], b[1])));
            let ours = distance_m(a, b);
            // From pole to pole the chord is 2 b: 1 - 2 R asin(b / R) / geodesic = 4.2 %, the worst there is.
            let part = if geodesic < 1e7 { 0.002 } else { 0.044 };
            prop_assert!((ours - geodesic).abs() <= part * geodesic + 0.001, "{ours} {geodesic}");
        }

        #[test]
        fn the_quick_way_is_within_a_millimetre(a in place(), x in -0.1..0.1_f64, y in -0.25..0.25_f64) {
            let b = [a[0] + x, (a[1] + y).clamp(-90.0, 90.0)];
            let site = Site::new(a, 0.0);
            let exact = site.straight_squared(b, 0.0).sqrt();
            let about = site.about(b).unwrap().sqrt();
            prop_assert!((exact - about).abs() < 0.001, "{exact} {about}");
        }

        #[test]
        fn bounds_hold_for_every_point_of_a_box(
            a in place(), b in place(), size in (0.0..1.0_f64, 0.0..1.0_f64), scale in prop::sample::select(vec![0.01, 1.0, 60.0]),
            within in (0.0..=1.0_f64, 0.0..=1.0_f64),
        ) {
            let lo = b;
            let hi = [(lo[0] + size.0 * scale).min(180.0), (lo[1] + size.1 * scale).min(90.0)];
            let point = [lo[0] + (hi[0] - lo[0]) * within.0, lo[1] + (hi[1] - lo[1]) * within.1];
            let site = Site::new(a, 0.0);
            let exact = site.straight_squared(point, 0.0);
            prop_assert!(site.at_least(lo, hi) <= exact * (1.0 + 1e-12), "{} {exact}", site.at_least(lo, hi));
            prop_assert!(site.at_most(lo, hi) >= exact * (1.0 - 1e-12), "{} {exact}", site.at_most(lo, hi));
        }
    }
}
