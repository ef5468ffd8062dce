//! GeoSOT, GB/T 40087-2021. A [`Position`] and a level 0-32 come in; a [`Cell`], its text (`G...`, dashed, `GZ...` in 3D) and its Morton
//! code go out; texts and codes come in and become cells again. The virtual cells (minutes and seconds 60-63) and places off the Earth
//! are refused, never returned.
//!
//! Longitude +180 stays east here (degree 180 of the eastern side), as the programs compared with do.

mod axis;
mod grid;
mod morton;
mod text;

pub(crate) use axis::count as count_on_axis;
pub use grid::Grid;

use axis::span;
pub(crate) use morton::{join2, join3, split2, split3};

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, check_level, no_such_cell};
use crate::quantum::{Signed, UNITS_PER_DEGREE};
use crate::text::CodeText;
use crate::{Position, height};

pub(crate) const SCHEME: &str = "GeoSOT";
/// Finest level, cells of 1/2048 arc-second.
pub const FINEST_LEVEL: u8 = 32;

/// The 64-bit Morton code of a position at level 32: longitude in the even bits, latitude in the odd ones.
#[inline]
pub fn morton_2d(position: &Position) -> u64 {
    join2(axis::pack(position.lon()), axis::pack(position.lat()))
}

/// The 96-bit Morton code of a position at level 32 in the low bits of a u128; nothing without a height.
#[inline]
pub fn morton_3d(position: &Position) -> Option<u128> {
    position.height_m().map(|height_m| morton_with(position, height_m))
}

/// The 96-bit Morton code of a position at a height.
#[inline]
pub(crate) fn morton_with(position: &Position, height_m: f64) -> u128 {
    join3(axis::pack(position.lon()), axis::pack(position.lat()), height_layer(height_m))
}

/// The height layer number: sign (1 below the ellipsoid) and extended degree, minute, second of the transformed height.
#[inline]
pub fn height_layer(height_m: f64) -> u32 {
    axis::pack(height::units(height_m))
}

/// One GeoSOT cell, 2D or 3D. Always a real one: never virtual, never off the Earth. [`crate::GridCell`] says what it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    lon: u32,
    lat: u32,
    height: Option<u32>,
    level: u8,
}

impl Cell {
    /// The cell of a position at a level: 3D when the position has a height, 2D otherwise.
    ///
    /// # Errors
    /// [`Error::Level`] beyond level 32.
    #[inline]
    pub fn of(position: &Position, level: u8) -> Result<Self, Error> {
        check_level(SCHEME, level, 0, FINEST_LEVEL)?;
        let keep = mask(level);
        Ok(Self {
            lon: axis::pack(position.lon()) & keep,
            lat: axis::pack(position.lat()) & keep,
            height: position.height_m().map(|h| height_layer(h) & keep),
            level,
        })
    }

    /// The 2D cell of a position, its height left aside.
    ///
    /// # Errors
    /// [`Error::Level`] beyond level 32.
    #[inline]
    pub fn of_2d(position: &Position, level: u8) -> Result<Self, Error> {
        Self::of(&position.without_height(), level)
    }

    /// The 3D cell of a position.
    ///
    /// # Errors
    /// [`Error::NeedsHeight`] without height, [`Error::Level`] beyond level 32.
    #[inline]
    pub fn of_3d(position: &Position, level: u8) -> Result<Self, Error> {
        if position.height_m().is_none() {
            return Err(Error::NeedsHeight { scheme: "GeoSOT 3D" });
        }
        Self::of(position, level)
    }

    /// The 2D cell of a left-aligned 64-bit Morton code and its level.
    ///
    /// # Errors
    /// [`Error::NoSuchCell`] for a virtual cell, a place off the Earth, or bits set below the level.
    pub fn from_u64(code: u64, level: u8) -> Result<Self, Error> {
        let (lon, lat) = split2(code);
        Self::checked(lon, lat, None, level, || code.to_string())
    }

    /// The 3D cell of a left-aligned 96-bit Morton code (the low 96 bits of the u128) and its level.
    ///
    /// # Errors
    /// [`Error::NoSuchCell`] for a virtual cell, a place off the Earth, bits set below the level or above bit 95.
    pub fn from_u96(code: u128, level: u8) -> Result<Self, Error> {
        if code >> 96 != 0 {
            return Err(no_such_cell(SCHEME, &code.to_string(), "a 3D code has 96 bits and this number has more"));
        }
        let (lon, lat, height) = split3(code);
        Self::checked(lon, lat, Some(height), level, || code.to_string())
    }

    /// A cell of axes that are known to be real at the level, with the bits below it cleared.
    pub(crate) const fn from_axes(lon: u32, lat: u32, height: Option<u32>, level: u8) -> Self {
        Self { lon, lat, height, level }
    }

    /// A cell of the three axes, checked to be a real one.
    fn checked(lon: u32, lat: u32, height: Option<u32>, level: u8, code: impl Fn() -> String) -> Result<Self, Error> {
        check_level(SCHEME, level, 0, FINEST_LEVEL)?;
        let refuse = |why| Err(no_such_cell(SCHEME, &code(), why));
        if (lon | lat | height.unwrap_or(0)) & !mask(level) != 0 {
            return refuse("bits are set below its level: clear them, or give the finer level");
        }
        let (Some(x), Some(y)) = (span(lon, level), span(lat, level)) else {
            return refuse("it is virtual, minutes and seconds run from 0 to 59");
        };
        if height.is_some_and(|z| span(z, level).is_none()) {
            return refuse("its height is virtual, minutes and seconds run from 0 to 59");
        }
        if x.start > 180 * UNITS_PER_DEGREE || y.start > 90 * UNITS_PER_DEGREE {
            return refuse("it lies beyond longitude 180 or latitude 90 degrees");
        }
        Ok(Self { lon, lat, height, level })
    }

    /// The left-aligned 64-bit Morton code of the plane part (of a 3D cell too).
    #[inline]
    pub fn to_u64(&self) -> u64 {
        join2(self.lon, self.lat)
    }

    /// The left-aligned 96-bit Morton code of a 3D cell in the low bits of a u128; nothing for a 2D cell.
    #[inline]
    pub fn to_u96(&self) -> Option<u128> {
        self.height.map(|z| join3(self.lon, self.lat, z))
    }

    /// The height layer number with the bits below the level cleared; nothing for a 2D cell.
    pub fn height_layer(&self) -> Option<u32> {
        self.height
    }

    /// First and last level-32 Morton code (u64) of the plane part: a half of what a range query needs.
    pub fn range_u64(&self) -> (u64, u64) {
        let first = self.to_u64();
        let low = if self.level == 0 { u64::MAX } else { (1u64 << (64 - 2 * u32::from(self.level))).wrapping_sub(1) };
        (first, first | if self.level == 32 { 0 } else { low })
    }

    /// The dashed text `Gddddddddd-mmmmmm-ssssss.uuuuuuuuuuu`, as far as the level goes.
    pub fn dashed(&self) -> CodeText {
        text::write(self, true)
    }

    /// Reads a plain or dashed text.
    ///
    /// # Errors
    /// [`Error::Character`] or [`Error::Length`] naming the fault, [`Error::NoSuchCell`] for virtual cells and places off the Earth.
    pub fn parse(code: &str) -> Result<Self, Error> {
        text::read(code)
    }

    /// Longitude and latitude axis.
    pub(crate) fn axes(&self) -> (u32, u32) {
        (self.lon, self.lat)
    }
}

/// The text of level 32 of a position, 33 characters without a height and 34 with one: the text of any level is a prefix of it.
#[inline]
pub(crate) fn digits(position: &Position) -> [u8; 34] {
    text::full(morton_2d(position), morton_3d(position)).0
}

/// The cell of a level that holds the given units, each with its side of zero; nothing off the Earth.
pub(crate) fn of_units(lon: (bool, u32), lat: (bool, u32), height: Option<(bool, u32)>, level: u8) -> Option<Cell> {
    let axis = |(negative, units): (bool, u32)| axis::pack(Signed { negative, units }) & mask(level);
    Cell::checked(axis(lon), axis(lat), height.map(axis), level, String::new).ok()
}

/// Sign, first unit inside and first unit outside of an axis at a level; nothing for virtual cells.
pub(crate) fn span_of_axis(axis: u32, level: u8) -> Option<(bool, u32, u32)> {
    span(axis, level).map(|s| (s.negative, s.start, s.end))
}

/// The bits an axis keeps at a level.
#[inline]
fn mask(level: u8) -> u32 {
    if level == 0 { 0 } else { u32::MAX << (32 - u32::from(level.min(32))) }
}

impl FromStr for Cell {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self, Error> {
        Self::parse(code)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&text::write(self, false))
    }
}
