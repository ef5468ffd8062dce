//! Cells as bits: a GeoSOT cell (GB/T 40087-2021) in, the place where its entries stand in the map out. Of each level
//! there is a one and then the level's two bits of the Morton code, and a zero ends the cell: so no cell's bits begin
//! another's, and what lies in a cell stands below the cell's bits. A key is a place and the hash of an asset.

use coding_system::geosot::Cell;
use coding_system::{GridCell, LonLatBox};
use sha2::{Digest, Sha256};

/// Bits of a place; those after the cell's end are zero.
const PLACE_BITS: u16 = 128;
/// Bits of a key.
pub(super) const KEY_BITS: u16 = PLACE_BITS + 256;
/// Bytes of a key.
pub(super) const KEY_BYTES: usize = KEY_BITS as usize / 8;

/// A plane cell: its Morton code, aligned left, and its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapCell {
    code: u64,
    level: u8,
}

impl MapCell {
    /// The cell of a GeoSOT text, 2D or 3D, plain or dashed; heights are left aside. Nothing where it is no cell.
    pub fn of_text(text: &str) -> Option<Self> {
        Cell::parse(text).ok().map(|cell| Self::of(&cell))
    }

    /// The plane part of a cell.
    pub fn of(cell: &Cell) -> Self {
        Self { code: cell.to_u64(), level: cell.level() }
    }

    /// The cell of a code that may come from a stranger: nothing where it is virtual, off the Earth or not its level's.
    pub fn checked(code: u64, level: u8) -> Option<Self> {
        Cell::from_u64(code, level).ok().map(|_| Self { code, level })
    }

    /// Its Morton code, longitude in the even bits, aligned left.
    pub fn code(self) -> u64 {
        self.code
    }

    /// Its level, 0 (the world) to 32.
    pub fn level(self) -> u8 {
        self.level
    }

    /// Its dashed text; empty where it is no cell of the grid.
    pub fn text(self) -> String {
        Cell::from_u64(self.code, self.level).map(|cell| cell.dashed().as_str().to_owned()).unwrap_or_default()
    }

    /// The box it spans; nothing where it is no cell of the grid.
    pub(super) fn area(self) -> Option<LonLatBox> {
        Cell::from_u64(self.code, self.level).ok().map(|cell| cell.area())
    }

    /// Whether the other cell lies in this one or is it.
    pub fn holds(self, other: Self) -> bool {
        let kept = u64::MAX.checked_shl(64 - 2 * u32::from(self.level)).unwrap_or(0);
        other.level >= self.level && (self.code ^ other.code) & kept == 0
    }

    fn place(self) -> u128 {
        let level = |n: u8| 4 | u128::from(self.code >> (62 - 2 * n) & 3);
        (0..self.level).map(|n| level(n) << (125 - 3 * u32::from(n))).fold(0, |bits, level| bits | level)
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(pub [u8; KEY_BYTES]);

impl Key {
    pub(super) fn new(cell: MapCell, asset: &[u8; 32]) -> Self {
        let mut bytes = [0; KEY_BYTES];
        bytes[..16].copy_from_slice(&cell.place().to_be_bytes());
        bytes[16..].copy_from_slice(asset);
        Self(bytes)
    }

    /// The bit so many from the left.
    pub(super) fn bit(&self, at: u16) -> bool {
        self.0[usize::from(at / 8)] >> (7 - at % 8) & 1 == 1
    }

    /// How many bits from the left are the same.
    pub(super) fn common(&self, other: &Self) -> u16 {
        let differing = self.0.iter().zip(&other.0).position(|(a, b)| a != b);
        differing.map_or(KEY_BITS, |at| at as u16 * 8 + (self.0[at] ^ other.0[at]).leading_zeros() as u16)
    }
}

/// The bits that all keys below a node begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix {
    /// The bits after the first `len` are zero.
    pub bits: Key,
    pub len: u16,
}

impl Prefix {
    /// The first bits of a key.
    pub(super) fn of(key: &Key, len: u16) -> Self {
        let mut bits = *key;
        let whole = usize::from(len / 8);
        if len < KEY_BITS {
            bits.0[whole] &= !(u8::MAX >> (len % 8));
            bits.0[whole + 1..].fill(0);
        }
        Self { bits, len }
    }

    /// The bytes that hold the bits.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bits.0[..usize::from(self.len.div_ceil(8))]
    }

    /// A prefix of its length and bytes; nothing where bits beyond it are set.
    pub(super) fn from_bytes(len: u16, bytes: &[u8]) -> Option<Self> {
        let mut bits = Key([0; KEY_BYTES]);
        bits.0.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let prefix = Self { bits, len };
        (len <= KEY_BITS && prefix == Self::of(&bits, len)).then_some(prefix)
    }

    /// The finest cell that holds everything below, and whether everything below stands at that very cell.
    pub(super) fn cell(&self) -> (MapCell, bool) {
        let (mut code, mut level) = (0_u64, 0_u8);
        loop {
            let at = u16::from(level) * 3;
            if at < self.len && !self.bits.bit(at) {
                return (MapCell { code, level }, true);
            }
            if at + 3 > self.len || level == 32 {
                return (MapCell { code, level }, false);
            }
            let pair = u64::from(self.bits.bit(at + 1)) << 1 | u64::from(self.bits.bit(at + 2));
            code |= pair << (62 - 2 * level);
            level += 1;
        }
    }
}

/// The hash by which an asset is found.
pub(super) fn hash_of(asset: &str) -> [u8; 32] {
    Sha256::digest(asset.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use coding_system::Position;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_lies_in_a_cell_stands_below_its_bits(lon in -180.0..180.0_f64, lat in -90.0..90.0_f64, level in 0_u8..=32, finer in 0_u8..=32) {
            let place = Position::new_2d(lon, lat).unwrap();
            let [cell, other] = [level, finer].map(|level| MapCell::of(&Cell::of(&place, level).unwrap()));
            let (key, inner) = (Key::new(cell, &[7; 32]), Key::new(other, &[7; 32]));
            prop_assert_eq!(cell.holds(other), level <= finer);
            prop_assert_eq!(key.common(&inner) == KEY_BITS, level == finer);
            prop_assert_eq!(Prefix::of(&inner, KEY_BITS).cell(), (other, true));
            let cut = Prefix::of(&inner, u16::from(finer) * 3);
            prop_assert_eq!(cut.cell(), (other, false));
            prop_assert_eq!(Prefix::from_bytes(cut.len, cut.bytes()), Some(cut));
            prop_assert_eq!(MapCell::of_text(&other.text()), Some(other));
        }
    }

    #[test]
    fn bits_beyond_a_prefix_are_refused() {
        assert!(Prefix::from_bytes(3, &[0b1010_0000]).is_some());
        assert!(Prefix::from_bytes(3, &[0b1011_0000]).is_none());
        assert!(Prefix::from_bytes(385, &[0; 49]).is_none());
    }
}
