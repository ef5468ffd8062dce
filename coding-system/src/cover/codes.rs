//! The two kinds of GeoSOT codes covers are ranges of: 64-bit (2D) and 96-bit (3D). A code or an aligned block of codes comes in, whether it
//! is real, the cell it names and how many cells lie in it go out. Virtual codes (minutes and seconds 60-63, degrees off the Earth) hold
//! no position; a range may run over them, and joining ranges across them is what makes covers minimal.

use std::fmt::Debug;
use std::hash::Hash;

use super::fixed::{Rect, meet};
use super::tree::side_of_axis;
use crate::Position;
use crate::geosot::{Cell, FINEST_LEVEL, count_on_axis, join2, join3, morton_2d, morton_3d, split2, split3};
use crate::grid::GridCell;
use crate::quantum::UNITS_PER_DEGREE;

mod sealed {
    pub trait Sealed {}
    impl Sealed for u64 {}
    impl Sealed for u128 {}
}

/// A level-32 GeoSOT Morton code: `u64` in 2D, the low 96 bits of a `u128` in 3D.
pub trait Code: Copy + Ord + Debug + Hash + sealed::Sealed {
    /// The least code.
    const FIRST: Self;
    /// The greatest code.
    const LAST: Self;
    /// Has the code a height?
    const IS_3D: bool;

    /// The code of a position; nothing when a 3D code is wanted and the height is not known.
    fn of(position: &Position) -> Option<Self>;
    /// The next number; nothing after [`Code::LAST`].
    fn next(self) -> Option<Self>;
    /// The number before; nothing before 0.
    fn previous(self) -> Option<Self>;
    /// The last code with the same first `level` levels.
    #[must_use]
    fn block_last(self, level: u8) -> Self;
    /// The code with what is below the level cleared.
    #[must_use]
    fn block_first(self, level: u8) -> Self;
    /// The coarsest level at which a block begins with this code and does not reach beyond `last`.
    fn coarsest_block(self, last: Self) -> u8;
    /// The cell of the code at a level; nothing when it is virtual or off the Earth.
    fn cell(self, level: u8) -> Option<Cell>;
    /// First code of a cell; nothing when the cell is 2D and the code 3D.
    fn first_of(cell: &Cell) -> Option<Self>;
    /// The code as a number.
    fn to_u128(self) -> u128;
    /// How many real cells of a finer level lie in the code's cell of a level.
    fn count(self, level: u8, finer: u8) -> u128;
}

/// The least real code that is `code` or comes after it; nothing at the end.
pub(super) fn next_real<C: Code>(code: C) -> Option<C> {
    let mut code = code;
    loop {
        if code.cell(FINEST_LEVEL).is_some() {
            return Some(code);
        }
        // The coarsest virtual block here holds no position at all: step over it.
        let level = (1..=FINEST_LEVEL).find(|level| code.cell(*level).is_none())?;
        code = code.block_last(level).next()?;
    }
}

/// The last code before the real one that comes after `code`: virtual codes after a real one count with it.
pub(super) fn run_out<C: Code>(code: C) -> C {
    code.next().and_then(next_real).and_then(Code::previous).unwrap_or(C::LAST)
}

/// The axis prefix, if it is real and within so many degrees.
fn real(axis: u32, level: u8, limit: Rect, is_lat: bool) -> bool {
    let limit = if is_lat { limit.y } else { limit.x };
    level == 0 || side_of_axis(axis, level).is_some_and(|s| meet(s, limit))
}

fn plane_is_real(lon: u32, lat: u32, level: u8) -> bool {
    real(lon, level, Rect::WORLD, false) && real(lat, level, Rect::WORLD, true)
}

fn plane_count(cell: &Cell, finer: u8) -> u128 {
    let (lon, lat) = cell.axes();
    let count = |axis, limit_deg| u128::from(count_on_axis(axis, cell.level(), finer, limit_deg * UNITS_PER_DEGREE));
    count(lon, 180) * count(lat, 90)
}

impl Code for u64 {
    const FIRST: Self = 0;
    const LAST: Self = Self::MAX;
    const IS_3D: bool = false;

    fn of(position: &Position) -> Option<Self> {
        Some(morton_2d(position))
    }

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }

    fn block_last(self, level: u8) -> Self {
        self | Self::MAX.checked_shr(2 * u32::from(level)).unwrap_or(0)
    }

    fn block_first(self, level: u8) -> Self {
        self & !Self::MAX.checked_shr(2 * u32::from(level)).unwrap_or(0)
    }

    fn coarsest_block(self, last: Self) -> u8 {
        coarsest(self, last, self.trailing_zeros() / 2)
    }

    fn cell(self, level: u8) -> Option<Cell> {
        let (lon, lat) = split2(self.block_first(level));
        plane_is_real(lon, lat, level).then(|| Cell::from_axes(lon, lat, None, level))
    }

    fn first_of(cell: &Cell) -> Option<Self> {
        let (lon, lat) = cell.axes();
        Some(join2(lon, lat))
    }

    fn to_u128(self) -> u128 {
        self.into()
    }

    fn count(self, level: u8, finer: u8) -> u128 {
        self.cell(level).map_or(0, |cell| plane_count(&cell, finer))
    }
}

impl Code for u128 {
    const FIRST: Self = 0;
    const LAST: Self = (1 << 96) - 1;
    const IS_3D: bool = true;

    fn of(position: &Position) -> Option<Self> {
        morton_3d(position)
    }

    fn next(self) -> Option<Self> {
        (self < Self::LAST).then(|| self + 1)
    }

    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }

    fn block_last(self, level: u8) -> Self {
        self | Self::LAST >> (3 * u32::from(level))
    }

    fn block_first(self, level: u8) -> Self {
        self & !(Self::LAST >> (3 * u32::from(level)))
    }

    fn coarsest_block(self, last: Self) -> u8 {
        coarsest(self, last, self.trailing_zeros() / 3)
    }

    fn cell(self, level: u8) -> Option<Cell> {
        let (lon, lat, height) = split3(self.block_first(level));
        let is_real = plane_is_real(lon, lat, level) && (level == 0 || side_of_axis(height, level).is_some());
        is_real.then(|| Cell::from_axes(lon, lat, Some(height), level))
    }

    fn first_of(cell: &Cell) -> Option<Self> {
        let (lon, lat) = cell.axes();
        cell.height_layer().map(|height| join3(lon, lat, height))
    }

    fn to_u128(self) -> u128 {
        self
    }

    fn count(self, level: u8, finer: u8) -> u128 {
        let Some(cell) = self.cell(level) else { return 0 };
        let heights = count_on_axis(cell.height_layer().unwrap_or(0), level, finer, 256 * UNITS_PER_DEGREE - 1);
        plane_count(&cell, finer) * u128::from(heights)
    }
}

/// The coarsest level whose block begins at `code`, where `free` levels below it are zero, and ends by `last`.
fn coarsest<C: Code>(code: C, last: C, free: u32) -> u8 {
    let from = FINEST_LEVEL.saturating_sub(free.min(32) as u8);
    (from..FINEST_LEVEL).find(|level| code.block_last(*level) <= last).unwrap_or(FINEST_LEVEL)
}
