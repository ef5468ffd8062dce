//! A BeiDou cell read from its text. Strict: every character is checked at its place, and the refusal names the character, its place
//! and what was allowed there.

use std::fmt;
use std::str::FromStr;

use super::polar::{self, Sector};
use super::{SCHEME, STEPS};
use crate::error::{Error, bad_character, bad_length};
use crate::height;
use crate::lattice::{self, Cell as Corner, Reader};
use crate::text::CodeText;

const TEXT_2D: &str = "a 2D code has 1, 4, 6, 7, 9, 11, 12, 14, 16, 18 or 20";
const TEXT_3D: &str = "a 3D code has 2, 7, 10, 12, 15, 18, 20, 23, 26, 29 or 32";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Grid(Corner),
    Pole { south: bool, sector: Option<Sector> },
}

/// One BeiDou cell, 2D or 3D. Read it with `str::parse` or [`Cell::parse`]; printing it gives the same text again.
/// [`crate::GridCell`] says what it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell(pub(super) Kind);

impl Cell {
    /// Reads a 2D or 3D code; which of the two it is shows in the place of the row letter.
    ///
    /// # Errors
    /// [`Error::Character`] or [`Error::Length`] naming the fault, [`Error::PolarDetail`] beyond polar level 2.
    pub fn parse(code: &str) -> Result<Self, Error> {
        if polar::is_polar(code) {
            return Self::parse_polar(code);
        }
        let bytes = code.as_bytes();
        let is_3d = bytes.len() == 2 || (bytes.get(4).is_some_and(u8::is_ascii_uppercase) && bytes[3].is_ascii_digit());
        let mut reader = Reader::new(SCHEME, if is_3d { TEXT_3D } else { TEXT_2D }, code);
        let south = reader.one_of("NS", "N or S")? == 1;
        let z = if is_3d { Some((reader.one_of("01", "0 (above) or 1 (below the ellipsoid)")? == 1, 0)) } else { None };
        let mut corner = Corner { south, west: false, x: 0, y: 0, z, level: 0 };
        reader.levels(&STEPS, &mut corner)?;
        Ok(Self(Kind::Grid(corner)))
    }

    fn parse_polar(code: &str) -> Result<Self, Error> {
        let south = match code.as_bytes() {
            [b'N', ..] => false,
            [b'S', ..] => true,
            [] => return Err(bad_length(SCHEME, code, TEXT_2D)),
            _ => return Err(bad_character(SCHEME, code, 0, "N or S")),
        };
        Ok(Self(Kind::Pole { south, sector: polar::read(code)? }))
    }

    pub(crate) fn from_corner(corner: Corner) -> Self {
        Self(Kind::Grid(corner))
    }

    /// The grid corner, or nothing for a polar cell.
    pub(crate) fn corner(&self) -> Option<&Corner> {
        match &self.0 {
            Kind::Grid(corner) => Some(corner),
            Kind::Pole { .. } => None,
        }
    }

    /// How heights below the ellipsoid are read (the standard leaves it open).
    pub fn below_ground(&self) -> height::BelowGround {
        height::BelowGround::default()
    }
}

/// The code text.
pub(super) fn text(cell: &Cell) -> CodeText {
    let mut out = CodeText::new();
    match cell.0 {
        Kind::Grid(c) => {
            out.push(if c.south { b'S' } else { b'N' });
            if let Some((below, _)) = c.z {
                out.push(b'0' + u8::from(below));
            }
            lattice::write(&STEPS, &c, &mut out);
        }
        Kind::Pole { south, sector } => {
            out.push_str(if south { "S000" } else { "N000" });
            sector.iter().flat_map(|s| s.digits()).for_each(|d| out.push(d));
        }
    }
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
        f.pad(&text(self))
    }
}
