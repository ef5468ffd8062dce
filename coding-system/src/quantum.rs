//! The canonical integer grid all latitude-longitude schemes here share. A validated [`Position`] comes in, whole numbers of
//! [`UNITS_PER_DEGREE`] come out: one multiplication, one floor, integers ever after. Chains of degree, minute and second in floating
//! point never happen, because they lose the edges of cells.

use crate::{Error, height};

/// Units in one degree: a unit is 1/2048 of an arc-second, the finest step of BeiDou, GeoSOT and RSLC.
pub const UNITS_PER_DEGREE: u32 = 7_372_800;
/// Units in one arc-minute.
pub const UNITS_PER_MINUTE: u32 = UNITS_PER_DEGREE / 60;
/// Units in one arc-second.
pub const UNITS_PER_SECOND: u32 = UNITS_PER_DEGREE / 3600;

/// A place on or near the Earth in CGCS2000 / WGS 84: longitude and latitude in degrees, ellipsoidal height in metres if known.
///
/// The datum is the caller's to know: GCJ-02, BD-09 or a height above sea level must be converted before they come here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    lon_deg: f64,
    lat_deg: f64,
    height_m: Option<f64>,
}

impl Position {
    /// A position from longitude and latitude in degrees and an optional ellipsoidal height in metres.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless all are finite, the longitude in -180..=180, the latitude in -90..=90 and the height in
    /// [`height::LOWEST_M`]..=[`height::HIGHEST_M`].
    #[inline]
    pub fn new(lon_deg: f64, lat_deg: f64, height_m: Option<f64>) -> Result<Self, Error> {
        check_range("longitude (degrees)", lon_deg, -180.0, 180.0)?;
        check_range("latitude (degrees)", lat_deg, -90.0, 90.0)?;
        if let Some(h) = height_m {
            check_range("ellipsoidal height (metres)", h, height::LOWEST_M, height::HIGHEST_M)?;
        }
        Ok(Self { lon_deg, lat_deg, height_m })
    }

    /// A position whose numbers are known to be in range.
    #[inline]
    pub(crate) fn unchecked(lon_deg: f64, lat_deg: f64, height_m: Option<f64>) -> Self {
        Self { lon_deg, lat_deg, height_m }
    }

    /// A position without height.
    ///
    /// # Errors
    /// As [`Position::new`].
    #[inline]
    pub fn new_2d(lon_deg: f64, lat_deg: f64) -> Result<Self, Error> {
        Self::new(lon_deg, lat_deg, None)
    }

    /// Longitude in degrees, -180 to 180, east positive.
    #[inline]
    pub fn lon_deg(&self) -> f64 {
        self.lon_deg
    }

    /// Latitude in degrees, -90 to 90, north positive.
    #[inline]
    pub fn lat_deg(&self) -> f64 {
        self.lat_deg
    }

    /// Ellipsoidal height in metres, if known.
    #[inline]
    pub fn height_m(&self) -> Option<f64> {
        self.height_m
    }

    /// The same place without its height.
    #[inline]
    #[must_use]
    pub fn without_height(&self) -> Self {
        Self { height_m: None, ..*self }
    }

    #[inline]
    pub(crate) fn lon(&self) -> Signed {
        Signed::of_degrees(self.lon_deg)
    }

    #[inline]
    pub(crate) fn lat(&self) -> Signed {
        Signed::of_degrees(self.lat_deg)
    }
}

/// An angle on the grid as sign and whole units: `units = floor(|degrees| * UNITS_PER_DEGREE)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// West, south or below ground. Zero (and minus zero) is not negative.
    pub negative: bool,
    /// Magnitude in units, counted away from zero.
    pub units: u32,
}

impl Signed {
    /// The grid value of an angle of at most 180 degrees.
    #[inline]
    pub(crate) fn of_degrees(deg: f64) -> Self {
        // `as` truncates, which is the floor of a non-negative number.
        Self { negative: deg < 0.0, units: (deg.abs() * f64::from(UNITS_PER_DEGREE)) as u32 }
    }
}

/// Degrees of a count of units; exact to the last bit of the division.
#[inline]
pub(crate) fn degrees(negative: bool, units: u32) -> f64 {
    let deg = f64::from(units) / f64::from(UNITS_PER_DEGREE);
    if negative { -deg } else { deg }
}

#[inline]
fn check_range(what: &'static str, value: f64, low: f64, high: f64) -> Result<(), Error> {
    // NaN compares false, so it is refused here too.
    if value >= low && value <= high { Ok(()) } else { Err(Error::OutOfRange { what, value, low, high }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_outside_the_earth_are_refused() {
        for (lon, lat, height) in [
            (f64::NAN, 0.0, None),
            (0.0, f64::INFINITY, None),
            (180.1, 0.0, None),
            (0.0, -90.000_001, None),
            (0.0, 0.0, Some(f64::NAN)),
            (0.0, 0.0, Some(-6.4e6)),
            (0.0, 0.0, Some(6e8)),
        ] {
            assert!(matches!(Position::new(lon, lat, height), Err(Error::OutOfRange { .. })), "{lon} {lat} {height:?}");
        }
        assert!(Position::new(-180.0, 90.0, Some(height::LOWEST_M)).is_ok());
    }

    #[test]
    fn zero_is_never_west_or_south() {
        assert_eq!(Signed::of_degrees(-0.0), Signed { negative: false, units: 0 });
        assert_eq!(Signed::of_degrees(-180.0), Signed { negative: true, units: 180 * UNITS_PER_DEGREE });
    }
}
