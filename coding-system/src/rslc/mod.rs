//! Location code of basic geographic entities, 3D Real Scene China (RSLC). A [`Position`] and a level 1-16 come in, a text of up to 26
//! (2D) or 44 (3D) characters goes out, and back. The rule was read from two printed examples, so it is single-source, and the height
//! parts of levels 1-3 are unverified; places at |lat| >= 88 degrees have no code and are refused. [`identity`] makes the national spatial
//! identity code of it.

mod grid;
pub mod identity;

pub use grid::Grid;

use std::fmt;
use std::str::FromStr;

use crate::Position;
use crate::cover::grids::LatticeScheme;
use crate::error::{Error, bad_length, check_level};
use crate::lattice::{self, Cell as Corner, Form, Reader, Step};
use crate::quantum::UNITS_PER_DEGREE;
use crate::text::CodeText;

pub(crate) const SCHEME: &str = "RSLC";
/// Finest level, cells of 1/2048 arc-second.
pub const FINEST_LEVEL: u8 = 16;
pub(crate) const LIMIT_DEG: u32 = 88;
const LENGTHS: &str = "a 2D code has 3, 6-11, 13, 15-18, 20, 22, 24 or 26; a 3D code 5, 10, 12, 14, 16, 18, 20, 23, 26, 28, 30, 32, 35, 38, 41 or 44";

/// What covers must know of the grid.
pub(crate) const LATTICE: LatticeScheme =
    LatticeScheme { name: SCHEME, steps: &STEPS, end_y: LIMIT_DEG * UNITS_PER_DEGREE, text };

/// Cell sizes in units of 1/2048 arc-second (longitude, latitude, height), children per axis.
pub(crate) const STEPS: [Step; 16] = [
    Step::new(Form::Single, [90 * DEGREE, 44 * DEGREE, 128 * DEGREE], [2, 2, 2]),
    Step::new(Form::Band, [6 * DEGREE, 4 * DEGREE, 4 * DEGREE], [15, 11, 32]),
    Step::new(Form::Single, [3 * DEGREE, 2 * DEGREE, 2 * DEGREE], [2, 2, 2]),
    Step::new(Form::Single, [DEGREE, DEGREE, DEGREE], [3, 2, 2]),
    Step::new(Form::Single, [30 * MINUTE, 30 * MINUTE, 30 * MINUTE], [2, 2, 2]),
    Step::new(Form::Single, [15 * MINUTE, 10 * MINUTE, 10 * MINUTE], [2, 3, 3]),
    Step::new(Form::Single, [5 * MINUTE, 5 * MINUTE, 5 * MINUTE], [3, 2, 2]),
    Step::new(Form::Pair, [MINUTE, MINUTE, MINUTE], [5, 5, 5]),
    Step::new(Form::Pair, [12 * SECOND, 12 * SECOND, 12 * SECOND], [5, 5, 5]),
    Step::new(Form::Single, [4 * SECOND, 4 * SECOND, 4 * SECOND], [3, 3, 3]),
    Step::new(Form::Single, [2 * SECOND, 2 * SECOND, 2 * SECOND], [2, 2, 2]),
    Step::new(Form::Single, [SECOND, SECOND, SECOND], [2, 2, 2]),
    Step::new(Form::Pair, [512, 512, 512], [4, 4, 4]),
    Step::new(Form::Pair, [64, 64, 64], [8, 8, 8]),
    Step::new(Form::Pair, [8, 8, 8], [8, 8, 8]),
    Step::new(Form::Pair, [1, 1, 1], [8, 8, 8]),
];
const DEGREE: u32 = UNITS_PER_DEGREE;
const MINUTE: u32 = DEGREE / 60;
const SECOND: u32 = DEGREE / 3600;

/// The code of a position at level 1 to 16: 3D when it has a height, 2D otherwise. Longitude +180 is coded as -180.
///
/// # Errors
/// [`Error::Level`] outside 1..=16, [`Error::Latitude`] at |lat| >= 88 degrees.
pub fn encode(position: &Position, level: u8) -> Result<CodeText, Error> {
    Cell::of(position, level).map(|cell| text(&cell.0))
}

/// One RSLC cell, 2D or 3D. Read it with `str::parse`; printing it gives the same text again.
/// [`crate::GridCell`] says what it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell(Corner);

impl Cell {
    /// The cell of a position.
    ///
    /// # Errors
    /// As [`encode`].
    pub fn of(position: &Position, level: u8) -> Result<Self, Error> {
        check_level(SCHEME, level, 1, FINEST_LEVEL)?;
        let corner = Corner::of_position(position);
        if corner.y >= LIMIT_DEG * UNITS_PER_DEGREE {
            return Err(Error::Latitude {
                scheme: SCHEME,
                lat_deg: position.lat_deg(),
                limit_deg: f64::from(LIMIT_DEG),
            });
        }
        Ok(Self(corner.truncated(&STEPS, level)))
    }

    /// Reads a 2D or 3D code; which of the two it is shows in the place of the row letter.
    ///
    /// # Errors
    /// [`Error::Character`] or [`Error::Length`] naming the fault.
    pub fn parse(code: &str) -> Result<Self, Error> {
        let bytes = code.as_bytes();
        let is_3d = bytes.len() == 5 || (bytes.get(7).is_some_and(u8::is_ascii_uppercase) && bytes[5].is_ascii_digit());
        let mut reader = Reader::new(SCHEME, LENGTHS, code);
        let south = reader.one_of("NS", "N or S")? == 1;
        let west = reader.one_of("EW", "E or W")? == 1;
        let z = if is_3d { Some((reader.one_of("01", "0 (above) or 1 (below the ellipsoid)")? == 1, 0)) } else { None };
        if reader.is_done() {
            return Err(bad_length(SCHEME, code, LENGTHS));
        }
        let mut corner = Corner { south, west, x: 0, y: 0, z, level: 0 };
        reader.levels(&STEPS, &mut corner)?;
        Ok(Self(corner))
    }

    pub(crate) fn from_corner(corner: Corner) -> Self {
        Self(corner)
    }

    pub(crate) fn corner(&self) -> &Corner {
        &self.0
    }
}

fn text(corner: &Corner) -> CodeText {
    let mut out = CodeText::new();
    out.push(if corner.south { b'S' } else { b'N' });
    out.push(if corner.west { b'W' } else { b'E' });
    if let Some((below, _)) = corner.z {
        out.push(b'0' + u8::from(below));
    }
    lattice::write(&STEPS, corner, &mut out);
    out
}

impl FromStr for Cell {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self, Error> {
        Self::parse(code)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&text(&self.0))
    }
}
