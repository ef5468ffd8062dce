//! The 128-bit space-time key everything is sorted by. A position or a GeoSOT cell and an instant come in, a [`Key`] goes out whose
//! big-endian bytes sort like the number; a key comes in and its cell and hour come back. Containment is two compares and the keys
//! under a prefix are one range. A key never loses what dimension it has: 2D and 3D keys carry different tags and never mix.
//!
//! ```text
//! space first   tag 4 | cell 97                                   | hour 27
//! time first    tag 4 | hour 27 | cell 97
//! cell, 3D      GeoSOT Morton 96 (latitude, longitude, height bit by bit), cut at the level, then a sentinel 1, then zeros
//! cell, 2D      GeoSOT Morton 64 (latitude, longitude),            cut at the level, then a sentinel 1, then zeros (33 or more bits)
//! hour          0 = no time given; else UTC hours since 1970 + 2^26, so that hours before 1970 sort before later ones
//! tag           1 = 3D space first, 2 = 3D time first, 3 = 2D space first, 4 = 2D time first; others are refused
//! ```
//!
//! A position without height has a 2D key: it stands for the column above and below the place. In a 3D key height is interleaved with
//! the plane, so a box query over 3D keys needs a height band; sort by 2D keys where queries are by area alone.

use std::ops::RangeInclusive;

use crate::cover::{Code, CodeRange};
use crate::error::{Error, check_level};
use crate::geosot::{self, Cell, FINEST_LEVEL, morton_2d, morton_3d};
use crate::grid::GridCell;
use crate::time::{HOUR_US, Interval};
use crate::{Position, time};

const HOUR_BITS: u32 = 27;
const CELL_BITS: u32 = 97;
const CELL_MASK: u128 = (1 << CELL_BITS) - 1;
const HOUR_MASK: u128 = (1 << HOUR_BITS) - 1;
/// Added to hours since 1970; also keeps 0 free for "no time".
const HOUR_BIAS: i64 = 1 << 26;
/// Zeros after a 2D cell, which has 65 bits with its sentinel.
const PAD_2D: u32 = 32;

/// Which field of a key sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Cell, then hour: for things looked up by place.
    SpaceFirst,
    /// Hour, then cell: for streams.
    TimeFirst,
}

/// A 128-bit space-time key. Its order as a number, and of [`Key::to_be_bytes`], is the sort order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u128);

impl Key {
    /// The finest key of a position (level 32): 3D with a height, 2D without; `time_us` in UTC microseconds since 1970.
    ///
    /// # Errors
    /// [`Error::Time`] for an instant more than 7,655 years from 1970.
    #[inline]
    pub fn new(position: &Position, time_us: Option<i64>, profile: Profile) -> Result<Self, Error> {
        let hour = hour_field(time_us)?;
        Ok(match morton_3d(position) {
            Some(morton) => Self::pack_3d(morton, hour, profile),
            None => Self::pack_2d(morton_2d(position), hour, profile),
        })
    }

    /// The key of a 96-bit Morton code of level 32.
    #[inline]
    pub(crate) fn pack_3d(morton: u128, hour: u128, profile: Profile) -> Self {
        Self::pack(morton << 1 | 1, true, hour, profile)
    }

    /// The key of a 64-bit Morton code of level 32.
    #[inline]
    pub(crate) fn pack_2d(morton: u64, hour: u128, profile: Profile) -> Self {
        Self::pack((u128::from(morton) << 1 | 1) << PAD_2D, false, hour, profile)
    }

    /// The 2D key of a position, its height left aside.
    ///
    /// # Errors
    /// As [`Key::new`].
    #[inline]
    pub fn new_2d(position: &Position, time_us: Option<i64>, profile: Profile) -> Result<Self, Error> {
        Self::new(&position.without_height(), time_us, profile)
    }

    /// The key of a GeoSOT cell of any level.
    ///
    /// # Errors
    /// As [`Key::new`].
    pub fn of_cell(cell: &Cell, time_us: Option<i64>, profile: Profile) -> Result<Self, Error> {
        let up = u32::from(FINEST_LEVEL - cell.level());
        let hour = hour_field(time_us)?;
        Ok(match cell.to_u96() {
            Some(morton) => Self::pack(morton << 1 | 1 << (3 * up), true, hour, profile),
            None => Self::pack((u128::from(cell.to_u64()) << 1 | 1 << (2 * up)) << PAD_2D, false, hour, profile),
        })
    }

    /// A key read back from storage.
    ///
    /// # Errors
    /// [`Error::Key`] for an unknown tag or a missing or misplaced sentinel, [`Error::NoSuchCell`] for a virtual cell.
    pub fn from_u128(key: u128) -> Result<Self, Error> {
        if !(1..=4).contains(&(key >> 124)) {
            return Err(Error::Key { key, why: "its first four bits are no tag this version writes (1 to 4)" });
        }
        let parsed = Self(key);
        parsed.cell().map(|_| parsed)
    }

    /// A key of its big-endian bytes.
    ///
    /// # Errors
    /// As [`Key::from_u128`].
    pub fn from_be_bytes(bytes: [u8; 16]) -> Result<Self, Error> {
        Self::from_u128(u128::from_be_bytes(bytes))
    }

    /// The number.
    #[inline]
    pub fn to_u128(self) -> u128 {
        self.0
    }

    /// The bytes that sort like the key.
    #[inline]
    pub fn to_be_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Which field sorts first.
    pub fn profile(self) -> Profile {
        if self.tag() & 1 == 1 { Profile::SpaceFirst } else { Profile::TimeFirst }
    }

    /// Does the key hold a height?
    pub fn is_3d(self) -> bool {
        self.tag() <= 2
    }

    /// Level of the key's cell, 0 to 32.
    pub fn level(self) -> u8 {
        let zeros = self.cell_field().trailing_zeros();
        let up = if self.is_3d() { zeros / 3 } else { zeros.saturating_sub(PAD_2D) / 2 };
        FINEST_LEVEL.saturating_sub(up as u8)
    }

    /// The GeoSOT cell.
    ///
    /// # Errors
    /// [`Error::Key`] or [`Error::NoSuchCell`] when the cell field is malformed, which [`Key::from_u128`] refuses.
    pub fn cell(self) -> Result<Cell, Error> {
        let field = self.cell_field();
        let refuse = |why| Error::Key { key: self.0, why };
        if field == 0 {
            return Err(refuse("its cell has no sentinel bit"));
        }
        let zeros = field.trailing_zeros();
        let without_sentinel = field & (field - 1);
        if self.is_3d() {
            if !zeros.is_multiple_of(3) {
                return Err(refuse("its sentinel bit stands between two levels"));
            }
            return Cell::from_u96(without_sentinel >> 1, FINEST_LEVEL - (zeros / 3) as u8);
        }
        match zeros.checked_sub(PAD_2D) {
            Some(up) if up.is_multiple_of(2) => {
                Cell::from_u64((without_sentinel >> (PAD_2D + 1)) as u64, FINEST_LEVEL - (up / 2) as u8)
            }
            _ => Err(refuse("its sentinel bit stands between two levels")),
        }
    }

    /// The UTC hour the key lies in; nothing for a key without time.
    pub fn hour(self) -> Option<Interval> {
        let hour = self.hour_field() as i64;
        (hour != 0).then(|| time::Interval::hour_of((hour - HOUR_BIAS) * HOUR_US))
    }

    /// Is the other key of the same profile and dimension, in this key's cell, and in its hour if this key has one? To ask it of many keys,
    /// take [`Key::prefix_range`] once: then it is two comparisons each.
    #[inline]
    pub fn contains(self, other: Self) -> bool {
        if self.profile() == Profile::SpaceFirst { self.holds::<0>(other) } else { self.holds::<CELL_BITS>(other) }
    }

    /// [`Key::contains`] for a profile whose hours stand at a known place.
    #[inline]
    fn holds<const HOUR_AT: u32>(self, other: Self) -> bool {
        let hour = HOUR_MASK << HOUR_AT;
        // This key without its hour ends with its sentinel; `below` is the sentinel and all bits after it.
        let without = self.0 & !hour;
        let below = without ^ without.wrapping_sub(1);
        let differing = self.0 ^ other.0;
        // All bits before the sentinel are equal, and the other key has its sentinel no higher.
        let cell = differing & !below & !hour == 0 && other.0 & below & !hour != 0;
        cell && (self.0 & hour == 0 || differing & hour == 0)
    }

    /// All keys of the same profile and dimension in this key's cell: at any hour in the space-first profile, in this key's hour (or
    /// among those without time) in the time-first profile.
    pub fn prefix_range(self) -> RangeInclusive<u128> {
        let (first, last) = self.cell_range();
        let tag = u128::from(self.tag()) << 124;
        match self.profile() {
            Profile::SpaceFirst => tag | first << HOUR_BITS..=tag | last << HOUR_BITS | HOUR_MASK,
            Profile::TimeFirst => {
                let hour = self.hour_field() << CELL_BITS;
                tag | hour | first..=tag | hour | last
            }
        }
    }

    /// The 2D space-first keys (of any hour) that lie in one range of a cover: a key whose own cell is larger than the range is not among them.
    pub fn range_of(range: &CodeRange) -> RangeInclusive<u128> {
        let tag = u128::from(tag(false, Profile::SpaceFirst)) << 124;
        let field = |code: u64, low: u128| (u128::from(code) << (PAD_2D + 1) | low) << HOUR_BITS;
        tag | field(range.first, 0)..=tag | field(range.last, (1 << (PAD_2D + 1)) - 1) | HOUR_MASK
    }

    /// The keys of the range's cells from one hour to another, both inside: in the space-first profile one range that holds them and, unless
    /// the range is a single cell of level 32, keys of other hours too; in the time-first profile the hours must be one and the same.
    pub(crate) fn range_between<C: Code>(range: &CodeRange<C>, hours: (u128, u128), profile: Profile) -> (u128, u128) {
        let up = if C::IS_3D { 1 } else { PAD_2D + 1 };
        let (first, last) = (range.first.to_u128() << up, range.last.to_u128() << up | ((1 << up) - 1));
        let key = |cell, hour| Self::pack(cell, C::IS_3D, hour, profile).0;
        (key(first, hours.0), key(last, hours.1))
    }

    /// The key of the coarser cell that holds this one, with the same time; nothing at a finer level.
    pub fn parent(self, level: u8) -> Option<Self> {
        check_level(geosot::SCHEME, level, 0, self.level()).ok()?;
        let up = u32::from(FINEST_LEVEL - level);
        let sentinel = 1u128 << if self.is_3d() { 3 * up } else { 2 * up + PAD_2D };
        let cell = self.cell_field() & !(sentinel | (sentinel - 1)) | sentinel;
        Some(Self::pack(cell, self.is_3d(), self.hour_field(), self.profile()))
    }

    #[inline]
    fn pack(cell: u128, is_3d: bool, hour: u128, profile: Profile) -> Self {
        let tag = u128::from(tag(is_3d, profile)) << 124;
        Self(match profile {
            Profile::SpaceFirst => tag | cell << HOUR_BITS | hour,
            Profile::TimeFirst => tag | hour << CELL_BITS | cell,
        })
    }

    #[inline]
    fn tag(self) -> u8 {
        (self.0 >> 124) as u8
    }

    #[inline]
    fn cell_field(self) -> u128 {
        let field = if self.tag() & 1 == 1 { self.0 >> HOUR_BITS } else { self.0 };
        field & CELL_MASK
    }

    #[inline]
    fn hour_field(self) -> u128 {
        let field = if self.tag() & 1 == 1 { self.0 } else { self.0 >> CELL_BITS };
        field & HOUR_MASK
    }

    /// First and last cell field under this key's cell; the sentinel is the lowest set bit.
    #[inline]
    fn cell_range(self) -> (u128, u128) {
        let field = self.cell_field();
        let below = (field & field.wrapping_neg()).wrapping_sub(1);
        (field - below.min(field), field | below)
    }
}

#[inline]
fn tag(is_3d: bool, profile: Profile) -> u8 {
    match (is_3d, profile) {
        (true, Profile::SpaceFirst) => 1,
        (true, Profile::TimeFirst) => 2,
        (false, Profile::SpaceFirst) => 3,
        (false, Profile::TimeFirst) => 4,
    }
}

/// The hour field of an instant; 0 for none.
#[inline]
pub(crate) fn hour_field(time_us: Option<i64>) -> Result<u128, Error> {
    let Some(time_us) = time_us else { return Ok(0) };
    let hour = time_us.div_euclid(HOUR_US) + HOUR_BIAS;
    if (1..1 << HOUR_BITS).contains(&hour) {
        return Ok(hour as u128);
    }
    Err(Error::Time { text: time::format_iso(time_us), why: "keys hold the hours within 7,655 years of 1970" })
}

/// The key as 32 hexadecimal digits, which sort like it.
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({self})")
    }
}
