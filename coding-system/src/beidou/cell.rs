//! A BeiDou cell read from its text. Strict: every character is checked at its place, and the refusal names the character, its place
//! and what was allowed there.

use std::fmt;
use std::str::FromStr;

use super::polar::{self, Sector};
use super::{SCHEME, STEPS};
use crate::area::{HeightBand, LonLatBox};
use crate::error::{Error, bad_character, bad_length};
use crate::height;
use crate::lattice::{self, Cell as Corner, Reader};
use crate::quantum::UNITS_PER_DEGREE;
use crate::text::CodeText;

const TEXT_2D: &str = "a 2D code has 1, 4, 6, 7, 9, 11, 12, 14, 16, 18 or 20";
const TEXT_3D: &str = "a 3D code has 2, 7, 10, 12, 15, 18, 20, 23, 26, 29 or 32";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Grid(Corner),
    Pole { south: bool, sector: Option<Sector> },
}

/// One BeiDou cell, 2D or 3D. Read it with `str::parse` or [`Cell::parse`]; printing it gives the same text again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cell(Kind);

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

    /// Level, 0 (a hemisphere) to 10.
    pub fn level(&self) -> u8 {
        match self.0 {
            Kind::Grid(corner) => corner.level,
            Kind::Pole { sector, .. } => 1 + u8::from(sector.is_some()),
        }
    }

    /// Does the code hold a height?
    pub fn is_3d(&self) -> bool {
        self.corner().is_some_and(|c| c.z.is_some())
    }

    /// The cell's box on the ellipsoid. For level 0 it is the whole hemisphere.
    pub fn area(&self) -> LonLatBox {
        match self.0 {
            Kind::Grid(c) if c.level == 0 => {
                let (south, north) = if c.south { (-90.0, 0.0) } else { (0.0, 90.0) };
                LonLatBox::from_sides(-180.0, south, 180.0, north)
            }
            Kind::Grid(c) => c.area(&STEPS[c.level as usize - 1]),
            Kind::Pole { south, sector } => sector.map_or(polar::cap(south), |s| s.area(south)),
        }
    }

    /// The cell's anchor (locating corner): the corner nearest to (0 E, 0 N), as (longitude, latitude) in degrees; for a polar cell
    /// its western end on the side of the equator.
    pub fn anchor_deg(&self) -> (f64, f64) {
        match &self.0 {
            Kind::Grid(c) => c.anchor_deg(),
            Kind::Pole { south, .. } => polar::anchor_deg(&self.area(), *south),
        }
    }

    /// The middle of the box as (longitude, latitude), degrees.
    pub fn centre_deg(&self) -> (f64, f64) {
        self.area().centre_deg()
    }

    /// The heights of a 3D cell in metres above the ellipsoid; nothing for a 2D one.
    pub fn height_band(&self) -> Option<HeightBand> {
        let corner = self.corner()?;
        match corner.level {
            0 => corner.z.map(|(below, _)| lattice::band(below, 0, 256 * UNITS_PER_DEGREE)),
            level => corner.height_band(&STEPS[level as usize - 1]),
        }
    }

    /// How heights below the ellipsoid are read (the standard leaves it open).
    pub fn below_ground(&self) -> height::BelowGround {
        height::BelowGround::default()
    }

    /// The code text.
    pub fn text(&self) -> CodeText {
        let mut out = CodeText::new();
        match self.0 {
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
