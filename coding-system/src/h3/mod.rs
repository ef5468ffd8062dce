//! H3, thin over the crate h3o. A [`Position`] and a resolution 0-15 come in, a [`Cell`] goes out; a text or a u64 comes in, centre,
//! boundary and box go out; a box or a polygon comes in, the cells that meet it go out. Heights are left aside: H3 has none.
//!
//! H3 ids do not sort hierarchically: the resolution stands above the digits, so a cell's descendants are not one range of ids.

mod cover;
mod grid;
mod memory;
mod planar;
mod shape;

pub(crate) use cover::hulls;
pub use cover::{CoverCell, cover_box, cover_polygon, cover_polygons};
pub use grid::Grid;
pub(crate) use memory::Memory;

use std::fmt;
use std::str::FromStr;

use h3o::{CellIndex, LatLng, Resolution};

use crate::Position;
use crate::error::{Error, bad_character, bad_length, check_level, no_such_cell};
use crate::text::CodeText;

pub(crate) const SCHEME: &str = "H3";
/// Finest resolution, cells of about 0.9 square metres.
pub const FINEST_RESOLUTION: u8 = 15;

/// One H3 cell. Cells order by their id, which is not a hierarchical order. [`crate::GridCell`] says what it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell(CellIndex);

impl Cell {
    /// The cell of a position at a resolution 0 to 15.
    ///
    /// # Errors
    /// [`Error::Level`] beyond resolution 15.
    pub fn of(position: &Position, resolution: u8) -> Result<Self, Error> {
        Self::at(position, resolution_of(resolution)?)
    }

    #[inline]
    pub(crate) fn at(position: &Position, resolution: Resolution) -> Result<Self, Error> {
        let place = LatLng::new(position.lat_deg(), position.lon_deg())
            .map_err(|_| no_such_cell(SCHEME, "", "latitude and longitude must be finite"))?;
        Ok(Self(place.to_cell(resolution)))
    }

    /// The cell of its 64-bit id.
    ///
    /// # Errors
    /// [`Error::NoSuchCell`] when the number is no H3 cell id.
    pub fn from_u64(id: u64) -> Result<Self, Error> {
        CellIndex::try_from(id)
            .map(Self)
            .map_err(|_| no_such_cell(SCHEME, &format!("{id:x}"), "the number is no H3 cell id"))
    }

    /// Reads the 15 lower-case hexadecimal digits of a cell.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Character`] or [`Error::NoSuchCell`] naming the fault.
    pub fn parse(code: &str) -> Result<Self, Error> {
        if let Some(at) = code.bytes().position(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad_character(SCHEME, code, at, "0-9 or a-f"));
        }
        if code.len() != 15 {
            return Err(bad_length(SCHEME, code, "a cell has exactly 15"));
        }
        let id = u64::from_str_radix(code, 16).unwrap_or_default();
        CellIndex::try_from(id).map(Self).map_err(|_| no_such_cell(SCHEME, code, "its bits are no H3 cell"))
    }

    /// The 64-bit id.
    pub fn to_u64(&self) -> u64 {
        self.0.into()
    }
}

fn text(cell: Cell) -> CodeText {
    use fmt::Write;
    let mut out = CodeText::new();
    // A u64 in hexadecimal always fits, so the write does not fail.
    let _ = write!(out, "{:015x}", cell.to_u64());
    out
}

pub(crate) fn resolution_of(resolution: u8) -> Result<Resolution, Error> {
    check_level(SCHEME, resolution, 0, FINEST_RESOLUTION)?;
    Resolution::try_from(resolution).map_err(|_| Error::Level {
        scheme: SCHEME,
        level: resolution,
        low: 0,
        high: FINEST_RESOLUTION,
    })
}

impl FromStr for Cell {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self, Error> {
        Self::parse(code)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&text(*self))
    }
}
