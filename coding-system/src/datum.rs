//! The shifted coordinates of Chinese maps. Degrees in GCJ-02 (most Chinese web maps) or BD-09 (Baidu) come in with the name of their datum,
//! WGS 84 / CGCS2000 degrees go out, and back. The datum is named by the caller and never guessed from the numbers. Outside the box
//! longitude 72.004 to 137.8347, latitude 0.8293 to 55.8271 (a rectangle, not the border) nothing is shifted: both are the identity there.
//!
//! Neither shift is published by an authority; these are the formulas that independent programs agree on, with the radius 6378245 m (some
//! take 6378137 m: a centimetre of difference). WGS 84 and CGCS2000 differ by
//! centimetres at most and are one here. The inverse is iterated until it is exact to less than 0.01 mm.

use std::f64::consts::PI;

use crate::error::Error;
use crate::quantum::Position;

/// What longitude and latitude are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Datum {
    /// WGS 84, as satellites give it; EPSG:4326.
    Wgs84,
    /// CGCS2000, the national datum of China; EPSG:4490. Taken as equal to WGS 84.
    Cgcs2000,
    /// GCJ-02, the shifted coordinates of maps published in China.
    Gcj02,
    /// BD-09, Baidu's shift on top of GCJ-02, in degrees (not Baidu's metres).
    Bd09,
}

/// The rectangle in which GCJ-02 shifts, degrees.
const WEST_DEG: f64 = 72.004;
const EAST_DEG: f64 = 137.834_7;
const SOUTH_DEG: f64 = 0.829_3;
const NORTH_DEG: f64 = 55.827_1;
/// Semi-major axis, metres, and eccentricity squared of the ellipsoid in the shift (Krasovsky 1940).
const A_M: f64 = 6_378_245.0;
const E2: f64 = 0.006_693_421_622_965_943;
/// Baidu's constant offsets, degrees.
const BD_LON_DEG: f64 = 0.006_5;
const BD_LAT_DEG: f64 = 0.006;
/// Where an inverse stops: about 0.01 mm. The shifts are smooth, so a step of the iteration is the error that is left.
const EXACT_DEG: f64 = 1e-10;
const MOST_STEPS: usize = 40;

/// Longitude and latitude, degrees.
type Degrees = (f64, f64);

impl Position {
    /// A position given in a datum, the height above the ellipsoid in metres if known.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] as for [`Position::new`]; [`Error::Datum`] for GCJ-02 or BD-09 coordinates within a kilometre of the rectangle's
    /// border that belong to no place, or to two (one shifted and one not).
    pub fn from_datum(datum: Datum, lon_deg: f64, lat_deg: f64, height_m: Option<f64>) -> Result<Self, Error> {
        Self::new(lon_deg, lat_deg, height_m)?;
        let (lon_deg, lat_deg) = datum.place((lon_deg, lat_deg))?;
        Self::new(lon_deg, lat_deg, height_m)
    }

    /// Longitude and latitude in a datum, degrees; outside the rectangle of the shift they are those of WGS 84 in every datum.
    pub fn in_datum(&self, datum: Datum) -> (f64, f64) {
        let place = (self.lon_deg(), self.lat_deg());
        match datum.shift() {
            Some(shift) if is_shifted(place) => shift(place),
            _ => place,
        }
    }
}

impl Datum {
    /// How a place in the rectangle is moved; nothing where nothing is.
    fn shift(self) -> Option<fn(Degrees) -> Degrees> {
        match self {
            Self::Wgs84 | Self::Cgcs2000 => None,
            Self::Gcj02 => Some(gcj02),
            Self::Bd09 => Some(|place| bd09(gcj02(place))),
        }
    }

    /// The one place with these coordinates: one that is shifted there, or one where nothing is shifted.
    fn place(self, seen: Degrees) -> Result<Degrees, Error> {
        let Some(shift) = self.shift() else { return Ok(seen) };
        let place = solve(seen, shift);
        let why = match (is_shifted(place), is_shifted(seen)) {
            (true, true) => return Ok(place),
            (false, false) => return Ok(seen),
            (true, false) => "two places have these coordinates",
            (false, true) => "no place has these coordinates",
        };
        Err(Error::Datum { lon_deg: seen.0, lat_deg: seen.1, why })
    }
}

fn is_shifted((lon, lat): Degrees) -> bool {
    (WEST_DEG..=EAST_DEG).contains(&lon) && (SOUTH_DEG..=NORTH_DEG).contains(&lat)
}

/// WGS 84 to GCJ-02, wherever the place is.
fn gcj02((lon, lat): Degrees) -> Degrees {
    let (x, y) = (lon - 105.0, lat - 35.0);
    let wave = |angle: f64, size: f64| size * (angle * PI).sin();
    let common = wave(6.0 * x, 20.0) + wave(2.0 * x, 20.0);
    let north = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * x.abs().sqrt()
        + (common + wave(y, 20.0) + wave(y / 3.0, 40.0) + wave(y / 12.0, 160.0) + wave(y / 30.0, 320.0)) * 2.0 / 3.0;
    let east = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * x.abs().sqrt()
        + (common + wave(x, 20.0) + wave(x / 3.0, 40.0) + wave(x / 12.0, 150.0) + wave(x / 30.0, 300.0)) * 2.0 / 3.0;
    let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
    let w2 = 1.0 - E2 * sin_lat * sin_lat;
    let w = w2.sqrt();
    // Metres to degrees by the radii of curvature.
    let lon_shift = (east / (A_M / w * cos_lat)).to_degrees();
    let lat_shift = (north / (A_M * (1.0 - E2) / (w2 * w))).to_degrees();
    (lon + lon_shift, lat + lat_shift)
}

/// GCJ-02 to BD-09.
fn bd09((x, y): Degrees) -> Degrees {
    const PERIOD: f64 = PI * 3000.0 / 180.0;
    let radius = x.hypot(y) + 0.000_02 * (y * PERIOD).sin();
    let angle = y.atan2(x) + 0.000_003 * (x * PERIOD).cos();
    (radius * angle.cos() + BD_LON_DEG, radius * angle.sin() + BD_LAT_DEG)
}

/// The place that a smooth shift of a small part of a degree brings to `seen`: what is missing is added until nothing is.
fn solve(seen: Degrees, shift: fn(Degrees) -> Degrees) -> Degrees {
    let mut place = seen;
    for _ in 0..MOST_STEPS {
        let at = shift(place);
        let (east, north) = (seen.0 - at.0, seen.1 - at.1);
        place = (place.0 + east, place.1 + north);
        if east.abs().max(north.abs()) < EXACT_DEG {
            break;
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn metres(a: Degrees, b: Degrees) -> f64 {
        (111_320.0 * (a.0 - b.0) * a.1.to_radians().cos()).hypot(110_574.0 * (a.1 - b.1))
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same_place(lon in 72.02..137.82f64, lat in 0.85..55.81f64, bd: bool) {
            let datum = if bd { Datum::Bd09 } else { Datum::Gcj02 };
            let place = Position::new_2d(lon, lat).unwrap();
            let (x, y) = place.in_datum(datum);
            let back = Position::from_datum(datum, x, y, None).unwrap();
            let error_m = metres((lon, lat), (back.lon_deg(), back.lat_deg()));
            prop_assert!(error_m < 1e-5, "{error_m} m");
            let moved_m = metres((lon, lat), (x, y));
            prop_assert!(moved_m > 1.0 && moved_m < 2500.0, "{moved_m} m");
            // And the other way round.
            let seen = back.in_datum(datum);
            prop_assert!(metres(seen, (x, y)) < 1e-5);
        }

        #[test]
        fn every_answer_is_right_or_refused(lon in prop_oneof![-180.0..180.0f64, 71.9..72.1f64, 137.8..137.9f64], lat in prop_oneof![-89.9..89.9f64, 0.8..0.86f64, 55.8..55.85f64]) {
            for datum in [Datum::Wgs84, Datum::Cgcs2000, Datum::Gcj02, Datum::Bd09] {
                match Position::from_datum(datum, lon, lat, Some(1.0)) {
                    Ok(p) => {
                        let seen = p.in_datum(datum);
                        prop_assert!((seen.0 - lon).abs() < 2e-10 && (seen.1 - lat).abs() < 2e-10, "{datum:?} {p:?} {seen:?}");
                        prop_assert_eq!(p.height_m(), Some(1.0));
                    }
                    Err(Error::Datum { .. }) => {
                        let near = |v: f64, edge: f64| (v - edge).abs() < 0.03;
                        prop_assert!(near(lon, WEST_DEG) || near(lon, EAST_DEG) || near(lat, SOUTH_DEG) || near(lat, NORTH_DEG));
                    }
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
        }
    }

    #[test]
    fn nothing_is_shifted_outside() {
        for (lon, lat) in [(0.0, 0.0), (-73.98, 40.75), (151.2, -33.9), (139.7, 35.7), (37.6, 55.75)] {
            let p = Position::new_2d(lon, lat).unwrap();
            for datum in [Datum::Gcj02, Datum::Bd09] {
                assert_eq!(p.in_datum(datum), (lon, lat));
                assert_eq!(Position::from_datum(datum, lon, lat, None).unwrap(), p);
            }
        }
        assert!(matches!(Position::from_datum(Datum::Gcj02, f64::NAN, 0.0, None), Err(Error::OutOfRange { .. })));
    }

    /// Places and what independent programs say of them.
    #[test]
    fn known_places() {
        let near =
            |a: Degrees, b: Degrees| assert!((a.0 - b.0).abs() < 2e-6 && (a.1 - b.1).abs() < 2e-6, "{a:?} {b:?}");
        let p = Position::new_2d(116.404, 39.915).unwrap();
        near(p.in_datum(Datum::Gcj02), (116.410_244_499_169_38, 39.916_404_281_501_64));
        let gcj = Position::from_datum(Datum::Gcj02, 116.404, 39.915, None).unwrap();
        near(gcj.in_datum(Datum::Bd09), (116.410_369_493_710_29, 39.921_336_993_510_21));
    }
}
