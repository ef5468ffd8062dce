//! Japan's Spatial ID. A [`Position`], its geoid height and a zoom come in, the voxel goes out; a text comes in, the voxel's box and its
//! heights above sea level go out. Floors may have a zoom of their own: then the text is the extended `zoom/x/y/floor zoom/floor` instead
//! of `zoom/floor/x/y`. The geoid is always the caller's: it is never guessed and never taken as zero.

mod grid;
mod text;

pub use grid::Grid;

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use crate::Position;
use crate::area::HeightBand;
use crate::error::{Error, check_level, no_such_cell};

pub(crate) const SCHEME: &str = "Spatial ID";
/// Finest zoom accepted.
pub const FINEST_ZOOM: u8 = 35;
/// The latitude where the square of Web Mercator ends, degrees.
pub const LIMIT_LAT_DEG: f64 = 85.051_128_779_806_6;
/// Height of the one voxel of zoom 0, metres.
const TOP_M: f64 = 33_554_432.0;

/// One voxel. [`crate::GridCell`] says what it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    zoom: u8,
    floor_zoom: u8,
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
    encode_with_floor_zoom(position, geoid_height_m, zoom, zoom)
}

/// As [`encode`], with floors of a zoom of their own: a floor is 2^(25 - `floor_zoom`) metres high.
///
/// # Errors
/// As [`encode`].
pub fn encode_with_floor_zoom(
    position: &Position,
    geoid_height_m: f64,
    zoom: u8,
    floor_zoom: u8,
) -> Result<Cell, Error> {
    check_level(SCHEME, zoom, 0, FINEST_ZOOM)?;
    check_level(SCHEME, floor_zoom, 0, FINEST_ZOOM)?;
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
    let floor = ((1u64 << floor_zoom) as f64 * above_sea_m / TOP_M).floor() as i64;
    // The sum above rounds a hair before 180 degrees up to it: such a place stays in the last column, 180 itself begins anew.
    let x = if position.lon_deg() >= 180.0 { 0 } else { x.min(last) };
    Ok(Cell { zoom, floor_zoom, floor, x, y: y.min(last) })
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
        Self::with_floor_zoom(zoom, x, y, zoom, floor)
    }

    /// A voxel whose floors have a zoom of their own.
    ///
    /// # Errors
    /// As [`Cell::new`].
    pub fn with_floor_zoom(zoom: u8, x: u64, y: u64, floor_zoom: u8, floor: i64) -> Result<Self, Error> {
        check_level(SCHEME, zoom, 0, FINEST_ZOOM)?;
        check_level(SCHEME, floor_zoom, 0, FINEST_ZOOM)?;
        let cell = Self { zoom, floor_zoom, floor, x, y };
        let side = 1u64 << zoom;
        if x >= side || y >= side {
            return Err(no_such_cell(SCHEME, &text::write(&cell), "x and y are below 2^zoom"));
        }
        let floors = 1i64 << floor_zoom;
        if !(-floors..floors).contains(&floor) {
            return Err(no_such_cell(SCHEME, &text::write(&cell), "the floor is from -2^zoom to 2^zoom - 1"));
        }
        Ok(cell)
    }

    /// Zoom of x and y, 0 to 35.
    pub fn zoom(&self) -> u8 {
        self.zoom
    }

    /// Zoom of the floor, 0 to 35; the same as [`Cell::zoom`] unless another was given.
    pub fn floor_zoom(&self) -> u8 {
        self.floor_zoom
    }

    /// The voxel's heights, metres above sea level.
    pub(crate) fn band(&self) -> HeightBand {
        let size_m = TOP_M / (1u64 << self.floor_zoom) as f64;
        HeightBand { low_m: self.floor as f64 * size_m, high_m: (self.floor + 1) as f64 * size_m }
    }

    /// Floor, x and y.
    pub fn numbers(&self) -> (i64, u64, u64) {
        (self.floor, self.x, self.y)
    }

    /// Reads `zoom/floor/x/y`, or the extended `zoom/x/y/floor zoom/floor` when the two zooms differ.
    ///
    /// # Errors
    /// [`Error::Character`], [`Error::Length`] or [`Error::NoSuchCell`] naming the fault.
    pub fn parse(code: &str) -> Result<Self, Error> {
        text::read(code)
    }
}

impl FromStr for Cell {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self, Error> {
        Self::parse(code)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&text::write(self))
    }
}
