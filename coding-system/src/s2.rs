//! S2 cells, thin over the crate s2. A [`Position`] and a level 0-30 come in, a [`Cell`] goes out; a token or a u64 comes in, centre and box go
//! out. Heights are left aside: S2 has none. It is here for exchange with others, so it does what that needs and is no [`crate::GridCell`];
//! tokens look like other hexadecimal numbers, so [`crate::decode`] does not guess them.

use std::fmt;
use std::str::FromStr;

use ::s2::cellid::{CellID, MAX_LEVEL};
use ::s2::latlng::LatLng;
use ::s2::s1;

use crate::Position;
use crate::area::LonLatBox;
use crate::error::{Error, bad_character, bad_length, check_level, no_such_cell};
use crate::text::CodeText;

pub(crate) const SCHEME: &str = "S2";
/// Finest level, cells of about a square centimetre.
pub const FINEST_LEVEL: u8 = MAX_LEVEL as u8;

/// One S2 cell. Cells order by their id, along the Hilbert curve; a cell stands in the middle of the cells below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell(u64);

impl Cell {
    /// The cell of a position at a level 0 to 30.
    ///
    /// # Errors
    /// [`Error::Level`] beyond level 30.
    pub fn of(position: &Position, level: u8) -> Result<Self, Error> {
        check_level(SCHEME, level, 0, FINEST_LEVEL)?;
        let place = LatLng::new(s1::Deg(position.lat_deg()).into(), s1::Deg(position.lon_deg()).into());
        Ok(Self(CellID::from(place).parent(level.into()).0))
    }

    /// The cell of its 64-bit id.
    ///
    /// # Errors
    /// [`Error::NoSuchCell`] when the number is no S2 cell id.
    pub fn from_u64(id: u64) -> Result<Self, Error> {
        if CellID(id).is_valid() {
            return Ok(Self(id));
        }
        Err(no_such_cell(SCHEME, &format!("{id:x}"), "the number is no S2 cell id"))
    }

    /// Reads a token: 1 to 16 lower-case hexadecimal digits without zeros at the end.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Character`] or [`Error::NoSuchCell`] naming the fault.
    pub fn parse(token: &str) -> Result<Self, Error> {
        if let Some(at) = token.bytes().position(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad_character(SCHEME, token, at, "0-9 or a-f"));
        }
        if token.is_empty() || token.len() > 16 {
            return Err(bad_length(SCHEME, token, "a token has 1 to 16"));
        }
        if token.ends_with('0') {
            return Err(bad_character(SCHEME, token, token.len() - 1, "1-9 or a-f, as a token has no zero at its end"));
        }
        // At most 16 digits, so the number fits.
        let digits = u64::from_str_radix(token, 16).unwrap_or_default();
        Self::from_u64(digits << (4 * (16 - token.len())))
            .map_err(|_| no_such_cell(SCHEME, token, "its bits are no S2 cell"))
    }

    /// The 64-bit id.
    pub fn to_u64(&self) -> u64 {
        self.0
    }

    /// Level, 0 to 30.
    pub fn level(&self) -> u8 {
        CellID(self.0).level() as u8
    }

    /// The cell of a coarser level that holds this one; itself at its own level, nothing at a finer one.
    pub fn parent(&self, level: u8) -> Option<Self> {
        (level <= self.level()).then(|| Self(CellID(self.0).parent(level.into()).0))
    }

    /// The four cells below this one along the curve; none at level 30.
    pub fn children(&self) -> impl Iterator<Item = Self> {
        let count = if self.level() < FINEST_LEVEL { 4 } else { 0 };
        CellID(self.0).children().into_iter().take(count).map(|child| Self(child.0))
    }

    /// Is the other cell this one or below it? Two comparisons.
    #[inline]
    pub fn contains(&self, other: &Self) -> bool {
        let (first, last) = self.range_u64();
        (first..=last).contains(&other.0)
    }

    /// First and last id of the cells in this one.
    #[inline]
    pub fn range_u64(&self) -> (u64, u64) {
        let below = (self.0 & self.0.wrapping_neg()) - 1;
        (self.0 - below, self.0 + below)
    }

    /// The middle as (longitude, latitude), degrees.
    pub fn centre_deg(&self) -> (f64, f64) {
        let centre = LatLng::from(CellID(self.0));
        (centre.lng.deg(), centre.lat.deg())
    }

    /// A box that holds the cell.
    pub fn area(&self) -> LonLatBox {
        let bound = ::s2::cell::Cell::from(CellID(self.0)).rect_bound();
        let lat = |radians: f64| radians.to_degrees().clamp(-90.0, 90.0);
        let lon = |radians: f64| radians.to_degrees().clamp(-180.0, 180.0);
        LonLatBox::from_sides(lon(bound.lng.lo), lat(bound.lat.lo), lon(bound.lng.hi), lat(bound.lat.hi))
    }

    /// The token.
    pub fn text(&self) -> CodeText {
        let mut out = CodeText::new();
        out.push_str(format!("{:016x}", self.0).trim_end_matches('0'));
        out
    }
}

impl FromStr for Cell {
    type Err = Error;
    fn from_str(token: &str) -> Result<Self, Error> {
        Self::parse(token)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_tokens_are_refused_by_name() {
        let said = |token: &str| Cell::parse(token).unwrap_err().to_string();
        assert!(said("35F").contains("character 3 is 'F'") && said("350").contains("character 3 is '0'"));
        assert!(said("").contains("1 to 16") && said("35f056b1fbb5e6651").contains("1 to 16"));
        assert!(said("f").contains("no S2 cell") && said("35f056b1fbb5e666").contains("no S2 cell"));
        assert!(Cell::from_u64(0).is_err() && Cell::from_u64(u64::MAX).is_err());
    }

    proptest! {
        #[test]
        fn cells_hold_their_places(lon in -180.0..=180.0f64, lat in -90.0..=90.0f64, level in 0u8..=30, coarse in 0u8..=30, any: u64) {
            let p = Position::new_2d(lon, lat).unwrap();
            let cell = Cell::of(&p, level).unwrap();
            prop_assert_eq!((cell.level(), Cell::parse(&cell.text()).unwrap()), (level, cell));
            prop_assert!(cell.area().contains(&p), "{cell} {:?}", cell.area());
            let (lon, lat) = cell.centre_deg();
            prop_assert_eq!(Cell::of(&Position::new_2d(lon, lat).unwrap(), level).unwrap(), cell);
            let coarse = coarse.min(level);
            let parent = cell.parent(coarse).unwrap();
            prop_assert!(parent == Cell::of(&p, coarse).unwrap() && parent.contains(&cell));
            prop_assert!(parent.children().all(|child| parent.contains(&child) && child.parent(coarse) == Some(parent)));
            if let Ok(cell) = Cell::from_u64(any) {
                prop_assert_eq!(Cell::parse(&cell.text()).unwrap().to_u64(), any);
            }
        }
    }
}
