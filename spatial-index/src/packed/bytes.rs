//! A packed tree as bytes. What a tree's slots hold goes out; the nodes follow from it and are built again on the way in
//! (a few milliseconds a million), so that bytes which pass the checksum cannot hold a node that lies about its items.
//!
//! All numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic `URBIPACK` |
//! | 1 | version, 1 |
//! | 1 | axes: 2 (longitude, latitude) or 3 (and height) |
//! | 1 | marks: bit 0 items are boxes, bit 1 items have time bands |
//! | 5 | 0 |
//! | 8 | count n |
//! | 4 n | numbers, in the tree's order |
//! | 8 n for each axis | lower corners (points: the points), f64 |
//! | 8 n for each axis | upper corners, only boxes |
//! | 8 n, 8 n | first and last instants in microseconds, only with time bands |
//! | 4 | CRC-32C of all before |

use super::{Block, Leaves, Packed};
use crate::{bounds::TimeBand, error::BytesError, region::LANES};

const MAGIC: &[u8; 8] = b"URBIPACK";
const VERSION: u8 = 1;
const HEAD: usize = 24;
const BOXES: u8 = 1;
const TIMES: u8 = 2;

impl<const D: usize> Packed<D> {
    /// The tree as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let marks = if self.is_of_points() { 0 } else { BOXES } | if self.times.is_some() { TIMES } else { 0 };
        let mut bytes = Vec::with_capacity(length(D, marks, self.len() as u64).unwrap_or_default() as usize);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[VERSION, D as u8, marks, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&(self.len() as u64).to_le_bytes());
        bytes.extend(self.numbers.iter().flat_map(|number| number.to_le_bytes()));
        for axis in 0..D {
            match &self.leaves {
                Leaves::Points(leaves) => self.put(&mut bytes, leaves.iter().map(|leaf| &leaf[axis])),
                Leaves::Boxes(leaves) => self.put(&mut bytes, leaves.iter().map(|leaf| &leaf.lo[axis])),
            }
        }
        if let Leaves::Boxes(leaves) = &self.leaves {
            (0..D).for_each(|axis| self.put(&mut bytes, leaves.iter().map(|leaf| &leaf.hi[axis])));
        }
        if let Some(times) = &self.times {
            bytes.extend(times.items.iter().flat_map(|band| band.from_us.to_le_bytes()));
            bytes.extend(times.items.iter().flat_map(|band| band.to_us.to_le_bytes()));
        }
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn put<'a>(&self, bytes: &mut Vec<u8>, sides: impl Iterator<Item = &'a [f64; LANES]>) {
        bytes.extend(sides.flatten().take(self.len()).flat_map(|value| value.to_le_bytes()));
    }

    /// The tree of such bytes.
    ///
    /// # Errors
    /// [`BytesError`], each variant saying what is wrong; any changed byte is found.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BytesError> {
        const { assert!(D == 2 || D == 3, "a packed tree has two axes or three") };
        let (marks, count) = head::<D>(bytes)?;
        let body = &bytes[HEAD..bytes.len() - 4];
        let stored = bytes[bytes.len() - 4..].iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        if crc32c::crc32c(&bytes[..bytes.len() - 4]) != stored {
            return Err(BytesError::Checksum);
        }
        let (numbers, mut rest) = body.split_at(4 * count);
        let numbers = numbers.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let mut column = || {
            let (column, after) = rest.split_at(8 * count);
            rest = after;
            column.as_chunks::<8>().0
        };
        let lo: [&[[u8; 8]]; D] = std::array::from_fn(|_| column());
        let leaves = if marks & BOXES == 0 {
            Leaves::Points(lanes(&lo, f64::INFINITY))
        } else {
            let hi: [&[[u8; 8]]; D] = std::array::from_fn(|_| column());
            let (lo, hi) = (lanes(&lo, f64::INFINITY), lanes(&hi, f64::NEG_INFINITY));
            Leaves::Boxes(lo.into_iter().zip(hi).map(|(lo, hi)| Block { lo, hi }).collect())
        };
        let times = (marks & TIMES != 0).then(|| {
            let ends = (column(), column());
            let band = |(from, to): (&[u8; 8], &[u8; 8])| TimeBand {
                from_us: i64::from_le_bytes(*from),
                to_us: i64::from_le_bytes(*to),
            };
            ends.0.iter().zip(ends.1).map(band).collect()
        });
        Ok(Self::over(numbers, leaves, times))
    }
}

/// Marks and count, after everything that can be known from the head and the length.
fn head<const D: usize>(bytes: &[u8]) -> Result<(u8, usize), BytesError> {
    if !bytes.starts_with(MAGIC) {
        return Err(BytesError::Magic);
    }
    let found = bytes.len() as u64;
    let Some((head, _)) = bytes.split_first_chunk::<HEAD>() else {
        return Err(BytesError::Length { found, wanted: (HEAD + 4) as u64 });
    };
    let [_, _, _, _, _, _, _, _, version, axes, marks, spare @ ..] = head;
    if *version != VERSION {
        return Err(BytesError::Version { found: *version, known: VERSION });
    }
    if usize::from(*axes) != D {
        return Err(BytesError::Axes { found: *axes, wanted: D as u8 });
    }
    if *marks & !(BOXES | TIMES) != 0 || spare[..5] != [0; 5] {
        return Err(BytesError::Marks { found: *marks });
    }
    let count = spare[5..].iter().rev().fold(0, |count, byte| count << 8 | u64::from(*byte));
    match length(D, *marks, count) {
        Some(wanted) if wanted == found && u32::try_from(count).is_ok() => Ok((*marks, count as usize)),
        wanted => Err(BytesError::Length { found, wanted: wanted.unwrap_or(u64::MAX) }),
    }
}

/// How many bytes such a tree has; `None` beyond what can be counted.
fn length(axes: usize, marks: u8, count: u64) -> Option<u64> {
    let corners = if marks & BOXES == 0 { 1 } else { 2 };
    let times = if marks & TIMES == 0 { 0 } else { 16 };
    let item = 4 + 8 * corners * axes as u64 + times;
    item.checked_mul(count)?.checked_add((HEAD + 4) as u64)
}

/// Columns of f64, sixteen side by side.
fn lanes<const D: usize>(columns: &[&[[u8; 8]]; D], empty: f64) -> Vec<[[f64; LANES]; D]> {
    let mut blocks = vec![[[empty; LANES]; D]; columns[0].len().div_ceil(LANES)];
    for (axis, column) in columns.iter().enumerate() {
        for (block, values) in blocks.iter_mut().zip(column.chunks(LANES)) {
            block[axis].iter_mut().zip(values).for_each(|(lane, bytes)| *lane = f64::from_le_bytes(*bytes));
        }
    }
    blocks
}
