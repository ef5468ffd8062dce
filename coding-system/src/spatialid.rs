//! Japan's Spatial ID `z/f/x/y`. A [`Position`], its geoid height and a zoom come in, the voxel goes out; a text comes in, the voxel's box
//! and its heights above sea level go out. The geoid is always the caller's: it is never guessed and never taken as zero.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use crate::Position;
use crate::area::{HeightBand, LonLatBox};
use crate::error::{Error, bad_length, check_level, excerpt, no_such_cell};
use crate::text::CodeText;

pub(crate) const SCHEME: &str = "Spatial ID";
/// Finest zoom accepted.
pub const FINEST_ZOOM: u8 = 35;
/// The latitude where the square of Web Mercator ends, degrees.
pub const LIMIT_LAT_DEG: f64 = 85.051_128_779_806_6;
/// Height of the one voxel of zoom 0, metres.
const TOP_M: f64 = 33_554_432.0;
const SHAPE: &str = "write zoom/floor/x/y in whole numbers without leading zeros, such as 18/0/215770/99327";

/// One voxel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    zoom: u8,
    floor: i64,
    x: u64,
    y: u64,
}

/// The Spatial ID of a position. `geoid_height_m` is the height of the geoid above the ellipsoid there (its undulation), so that the
/// height above sea level is `height_m - geoid_height_m`. Longitude +180 is coded as -180.
///
/// # Errors
/// [`Error::NeedsHeight`] without height, [`Error::Level`] beyond zoom 35, [`Error::Latitude`] beyond the Mercator square,
/// [`Error::OutOfRange`] for a geoid height beyond 200 m or a height the zoom's floors do not reach.
pub fn encode(position: &Position, geoid_height_m: f64, zoom: u8) -> Result<Cell, Error> {
    check_level(SCHEME, zoom, 0, FINEST_ZOOM)?;
    let Some(height_m) = position.height_m() else { return Err(Error::NeedsHeight { scheme: SCHEME }) };
    check_geoid(geoid_height_m)?;
    let above_sea_m = height_m - geoid_height_m;
    check_above_sea(above_sea_m)?;
    let lat_deg = position.lat_deg();
    if lat_deg.abs() > LIMIT_LAT_DEG {
        return Err(Error::Latitude { scheme: SCHEME, lat_deg, limit_deg: LIMIT_LAT_DEG });
    }
    let side = (1u64 << zoom) as f64;
    let last = (1u64 << zoom) - 1;
    let x = (side * ((position.lon_deg() + 180.0) / 360.0)) as u64;
    let y = (side * (1.0 - lat_deg.to_radians().tan().asinh() / PI) / 2.0).max(0.0) as u64;
    let floor = (side * above_sea_m / TOP_M).floor() as i64;
    Ok(Cell { zoom, floor, x: if x > last { 0 } else { x }, y: y.min(last) })
}

/// The geoid stays within about 110 m of the ellipsoid; more is a height given in its place.
pub(crate) fn check_geoid(geoid_height_m: f64) -> Result<(), Error> {
    check("geoid height (metres)", geoid_height_m, 200.0)
}

/// Is the height within the floors there are?
pub(crate) fn check_above_sea(above_sea_m: f64) -> Result<(), Error> {
    check("height above sea level (metres)", above_sea_m, TOP_M - 1.0)
}

fn check(what: &'static str, value: f64, limit: f64) -> Result<(), Error> {
    if value.abs() <= limit { Ok(()) } else { Err(Error::OutOfRange { what, value, low: -limit, high: limit }) }
}

impl Cell {
    /// A voxel of its four numbers.
    ///
    /// # Errors
    /// [`Error::Level`] beyond zoom 35, [`Error::NoSuchCell`] for a number outside the zoom.
    pub fn new(zoom: u8, floor: i64, x: u64, y: u64) -> Result<Self, Error> {
        check_level(SCHEME, zoom, 0, FINEST_ZOOM)?;
        let cell = Self { zoom, floor, x, y };
        let side = 1u64 << zoom;
        if x >= side || y >= side {
            return Err(no_such_cell(SCHEME, &cell.text(), "x and y are below 2^zoom"));
        }
        if !(-(side as i64)..side as i64).contains(&floor) {
            return Err(no_such_cell(SCHEME, &cell.text(), "the floor is from -2^zoom to 2^zoom - 1"));
        }
        Ok(cell)
    }

    /// Zoom, 0 to 35.
    pub fn zoom(&self) -> u8 {
        self.zoom
    }

    /// Floor, x and y.
    pub fn numbers(&self) -> (i64, u64, u64) {
        (self.floor, self.x, self.y)
    }

    /// The voxel of a coarser zoom that holds this one: floors shift arithmetically.
    pub fn parent(&self, zoom: u8) -> Option<Self> {
        let up = self.zoom.checked_sub(zoom)?;
        Some(Self { zoom, floor: self.floor >> up, x: self.x >> up, y: self.y >> up })
    }

    /// The voxel's box, degrees.
    pub fn area(&self) -> LonLatBox {
        let side = (1u64 << self.zoom) as f64;
        let lon = |x: u64| x as f64 / side * 360.0 - 180.0;
        let lat = |y: u64| (PI * (1.0 - 2.0 * y as f64 / side)).sinh().atan().to_degrees();
        LonLatBox::from_sides(lon(self.x), lat(self.y + 1), lon(self.x + 1), lat(self.y))
    }

    /// The middle of the box as (longitude, latitude), degrees.
    pub fn centre_deg(&self) -> (f64, f64) {
        self.area().centre_deg()
    }

    /// The voxel's heights in metres above sea level (not above the ellipsoid).
    pub fn height_band_above_sea(&self) -> HeightBand {
        let size_m = TOP_M / (1u64 << self.zoom) as f64;
        HeightBand { low_m: self.floor as f64 * size_m, high_m: (self.floor + 1) as f64 * size_m }
    }

    /// The text `z/f/x/y`.
    pub fn text(&self) -> CodeText {
        use fmt::Write;
        let mut out = CodeText::new();
        // Four numbers of at most 11 digits always fit, so the write does not fail.
        let _ = write!(out, "{}/{}/{}/{}", self.zoom, self.floor, self.x, self.y);
        out
    }

    /// Reads a text `z/f/x/y`.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::NoSuchCell`] naming the fault.
    pub fn parse(code: &str) -> Result<Self, Error> {
        let mut parts = code.split('/');
        let (Some(z), Some(f), Some(x), Some(y), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad_length(SCHEME, code, SHAPE));
        };
        let refuse = || no_such_cell(SCHEME, code, SHAPE);
        let (zoom, x, y) = (whole(z).ok_or_else(refuse)?, whole(x).ok_or_else(refuse)?, whole(y).ok_or_else(refuse)?);
        let magnitude =
            whole(f.strip_prefix('-').unwrap_or(f)).and_then(|m| i64::try_from(m).ok()).ok_or_else(refuse)?;
        if f == "-0" {
            return Err(refuse());
        }
        let floor = if f.starts_with('-') { -magnitude } else { magnitude };
        let zoom = u8::try_from(zoom).map_err(|_| refuse())?;
        Self::new(zoom, floor, x, y).map_err(|e| match e {
            Error::NoSuchCell { why, .. } => Error::NoSuchCell { scheme: SCHEME, code: excerpt(code), why },
            other => other,
        })
    }
}

/// A whole number in its one canonical writing.
fn whole(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    if canonical { text.parse().ok() } else { None }
}

impl FromStr for Cell {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self, Error> {
        Self::parse(code)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}
