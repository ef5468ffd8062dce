//! GeoSOT, GB/T 40087-2021. A [`Position`] and a level 0-32 come in; a [`Cell`], its text (`G...`, dashed, `GZ...` in 3D) and its Morton
//! code go out; texts and codes come in and become cells again. The virtual cells (minutes and seconds 60-63) and places off the Earth
//! are refused, never returned.
//!
//! Longitude +180 stays east here (degree 180 of the eastern side), as the programs compared with do.

mod axis;
mod morton;
mod text;

pub(crate) use axis::count as count_on_axis;
use axis::span;
pub(crate) use morton::{join2, join3, split2, split3};

use std::fmt;
use std::str::FromStr;

use crate::area::{HeightBand, LonLatBox};
use crate::error::{Error, check_level, no_such_cell};
use crate::quantum::{UNITS_PER_DEGREE, degrees};
use crate::text::CodeText;
use crate::{Position, height, lattice};

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
    position.height_m().map(|h| join3(axis::pack(position.lon()), axis::pack(position.lat()), height_layer(h)))
}

/// The height layer number: sign (1 below the ellipsoid) and extended degree, minute, second of the transformed height.
#[inline]
pub fn height_layer(height_m: f64) -> u32 {
    axis::pack(height::units(height_m))
}

/// One GeoSOT cell, 2D or 3D. Always a real one: never virtual, never off the Earth.
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
    pub fn of_2d(position: &Position, level: u8) -> Result<Self, Error> {
        Self::of(&position.without_height(), level)
    }

    /// The 3D cell of a position.
    ///
    /// # Errors
    /// [`Error::NeedsHeight`] without height, [`Error::Level`] beyond level 32.
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

    /// Level, 0 (the world) to 32.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Does the cell have a height layer?
    pub fn is_3d(&self) -> bool {
        self.height.is_some()
    }

    /// The left-aligned 64-bit Morton code of the plane part (of a 3D cell too).
    pub fn to_u64(&self) -> u64 {
        join2(self.lon, self.lat)
    }

    /// The left-aligned 96-bit Morton code of a 3D cell in the low bits of a u128; nothing for a 2D cell.
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

    /// The cell of a coarser level that holds this one; itself at its own level, nothing at a finer one.
    pub fn parent(&self, level: u8) -> Option<Self> {
        let keep = mask(level);
        (level <= self.level).then(|| Self {
            lon: self.lon & keep,
            lat: self.lat & keep,
            height: self.height.map(|z| z & keep),
            level,
        })
    }

    /// Is the other cell this one or inside it? A 2D cell holds the whole column above and below it; a 3D cell holds no 2D cell.
    pub fn contains(&self, other: &Self) -> bool {
        let keep = mask(self.level);
        let inside = |a: u32, b: u32| a == b & keep;
        let height = match (self.height, other.height) {
            (None, _) => true,
            (Some(a), Some(b)) => inside(a, b),
            (Some(_), None) => false,
        };
        other.level >= self.level && inside(self.lon, other.lon) && inside(self.lat, other.lat) && height
    }

    /// The cell's box, cut at longitude 180 and latitude 90.
    pub fn area(&self) -> LonLatBox {
        let (west, east) = ends(self.lon, self.level, 180);
        let (south, north) = ends(self.lat, self.level, 90);
        LonLatBox::from_sides(west, south, east, north)
    }

    /// The corner nearest to (0 E, 0 N) as (longitude, latitude), degrees.
    pub fn anchor_deg(&self) -> (f64, f64) {
        let near = |axis| match span(axis, self.level) {
            Some(s) if self.level > 0 => degrees(s.negative, s.start),
            _ => 0.0,
        };
        (near(self.lon), near(self.lat))
    }

    /// The middle of the box as (longitude, latitude), degrees.
    pub fn centre_deg(&self) -> (f64, f64) {
        self.area().centre_deg()
    }

    /// The heights of a 3D cell, metres above the ellipsoid; nothing for a 2D one.
    pub fn height_band(&self) -> Option<HeightBand> {
        let z = self.height?;
        let whole = HeightBand { low_m: height::LOWEST_M, high_m: height::HIGHEST_M };
        if self.level == 0 {
            return Some(whole);
        }
        Some(span(z, self.level).map_or(whole, |s| lattice::band(s.negative, s.start, s.end - s.start)))
    }

    /// The text `G` + quaternary digits, or `GZ` + octal digits in 3D.
    pub fn text(&self) -> CodeText {
        text::write(self, false)
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

    /// The three bits of a level (1-32) as latitude, longitude, height.
    fn bits(&self, level: u8) -> (u32, u32, u32) {
        let bit = |axis: u32| axis >> (32 - u32::from(level)) & 1;
        (bit(self.lat), bit(self.lon), bit(self.height.unwrap_or(0)))
    }
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

/// Low and high end of an axis in degrees, cut at the Earth's limit.
fn ends(axis: u32, level: u8, limit_deg: u32) -> (f64, f64) {
    let limit = f64::from(limit_deg);
    match span(axis, level) {
        Some(s) if level > 0 => {
            let (near, far) =
                (degrees(s.negative, s.start), degrees(s.negative, s.end.min(limit_deg * UNITS_PER_DEGREE)));
            if s.negative { (far, near) } else { (near, far) }
        }
        _ => (-limit, limit),
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
