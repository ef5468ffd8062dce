//! Which series and instants the rows of a part have, roughly: what the filter has not is not there, what it has is there
//! with few exceptions. So a late reading need not be looked for where it is not. Two bytes a row; eight bits for each
//! row in one block of 32 bytes (a split block Bloom filter, as in Parquet).

use super::layout;
use crate::hash::fold;
use arrow::array::ArrayRef;

/// Bits of a filter for each row.
const BITS_A_ROW: usize = 16;
/// Odd numbers, one for each word of a block, as in Parquet.
const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// A series and an instant as the filter knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Mark(pub(crate) u64);

impl Mark {
    /// Of a series by its number and an instant in microseconds.
    #[inline]
    pub(crate) fn of(series: u64, time_us: i64) -> Self {
        Self(fold(fold(0, series).rotate_left(23), time_us as u64))
    }

    #[inline]
    fn bits(self) -> [u32; 8] {
        SALT.map(|salt| 1 << ((self.0 as u32).wrapping_mul(salt) >> 27))
    }
}

/// Marks of many rows.
#[derive(Debug)]
pub(crate) struct Filter {
    blocks: Vec<[u32; 8]>,
}

impl Filter {
    /// For so many rows.
    pub(crate) fn with_room(rows: usize) -> Self {
        Self { blocks: vec![[0; 8]; (rows * BITS_A_ROW).div_ceil(256).max(1)] }
    }

    fn block(&self, mark: Mark) -> usize {
        ((mark.0 >> 32) as usize * self.blocks.len()) >> 32
    }

    /// Adds rows by their columns.
    pub(crate) fn add(&mut self, series: &ArrayRef, times: &ArrayRef) {
        let numbers = layout::series(series);
        for (series, time) in layout::numbers(&numbers).iter().zip(layout::instants(times)) {
            let mark = Mark::of(*series, *time);
            let block = self.block(mark);
            self.blocks[block].iter_mut().zip(mark.bits()).for_each(|(word, bit)| *word |= bit);
        }
    }

    /// Whether a row may be there.
    #[inline]
    pub(crate) fn may_hold(&self, mark: Mark) -> bool {
        let block = &self.blocks[self.block(mark)];
        block.iter().zip(mark.bits()).fold(0, |missing, (word, bit)| missing | (!word & bit)) == 0
    }

    /// Bytes of memory that are held.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(self.blocks.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{TimestampMicrosecondArray, UInt64Array};

    use super::*;

    #[test]
    fn all_that_is_there_is_held_and_little_else() {
        let rows = 50_000_u64;
        let series: ArrayRef = Arc::new(UInt64Array::from_iter_values((0..rows).map(|n| n % 21)));
        let times: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from_iter_values((0..rows).map(|n| n as i64 * 1_000_000)));
        let mut filter = Filter::with_room(rows as usize);
        filter.add(&series, &times);
        assert!((0..rows).all(|n| filter.may_hold(Mark::of(n % 21, n as i64 * 1_000_000))));
        let wrong = (0..rows).filter(|n| filter.may_hold(Mark::of(n % 21, *n as i64 * 1_000_000 + 1))).count();
        assert!(wrong < rows as usize / 200, "{wrong}");
        assert!(!Filter::with_room(0).may_hold(Mark::of(1, 1)));
    }
}
