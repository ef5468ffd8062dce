//! A zone map as bytes. The zones go out; the levels above follow from them and are built again on the way in.
//!
//! All numbers are little-endian; z is the number of zones, the number of rows over 64 rounded up:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic `URBIZONE` |
//! | 1 | version, 1 |
//! | 1 | marks: bit 0 there are time bands, bit 1 there are spans of series |
//! | 6 | 0 |
//! | 8 | number of rows |
//! | 8 | how many of the first rows have a place |
//! | 24 z | lower corners: longitudes, latitudes, heights of all zones, f32 |
//! |  | upper corners: the same (each corner 12 z) |
//! | 16 z | first instants of all zones, then last instants, in microseconds, only with time bands |
//! | 16 z | least series numbers, then greatest, only with spans of series |
//! | 4 | CRC-32C of all before |

use super::{Block, ROWS, Sides, Zones, blocks, hull_of, levels};
use crate::{error::BytesError, region::LANES};

const MAGIC: &[u8; 8] = b"URBIZONE";
const VERSION: u8 = 1;
const HEAD: usize = 32;
const TIMES: u8 = 1;
const SERIES: u8 = 2;

impl Zones {
    /// The zone map as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let marks = if self.times.is_empty() { 0 } else { TIMES } | if self.series.is_empty() { 0 } else { SERIES };
        let zones = self.rows.div_ceil(ROWS);
        let mut bytes = Vec::with_capacity(length(marks, self.rows as u64).unwrap_or_default() as usize);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[VERSION, marks, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&(self.rows as u64).to_le_bytes());
        bytes.extend_from_slice(&(self.placed as u64).to_le_bytes());
        if let Some(boxes) = self.boxes.first() {
            for axis in 0..3 {
                put(&mut bytes, zones, boxes.iter().map(|block| &block.lo[axis]), f32::to_le_bytes);
            }
            for axis in 0..3 {
                put(&mut bytes, zones, boxes.iter().map(|block| &block.hi[axis]), f32::to_le_bytes);
            }
        }
        if let Some(times) = self.times.first() {
            put(&mut bytes, zones, times.iter().map(|block| &block.from), i64::to_le_bytes);
            put(&mut bytes, zones, times.iter().map(|block| &block.to), i64::to_le_bytes);
        }
        if let Some(series) = self.series.first() {
            put(&mut bytes, zones, series.iter().map(|block| &block.from), u64::to_le_bytes);
            put(&mut bytes, zones, series.iter().map(|block| &block.to), u64::to_le_bytes);
        }
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The zone map of such bytes.
    ///
    /// # Errors
    /// [`BytesError`], each variant saying what is wrong; any changed byte is found.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BytesError> {
        let (marks, rows, placed) = head(bytes)?;
        let (body, sum) = bytes.split_at(bytes.len() - 4);
        if sum != crc32c::crc32c(body).to_le_bytes() {
            return Err(BytesError::Checksum);
        }
        let zones = rows.div_ceil(ROWS);
        let mut rest = &body[HEAD..];
        let sides: [Vec<f32>; 6] = std::array::from_fn(|_| column(&mut rest, zones, f32::from_le_bytes));
        let corner = |first: usize, zone: usize| std::array::from_fn(|axis| sides[first + axis][zone]);
        let boxes = levels(blocks((0..zones).map(|zone| (corner(0, zone), corner(3, zone)))), hull_of);
        let (mut times, mut series) = (Vec::new(), Vec::new());
        if marks & TIMES != 0 {
            let (from, to) =
                (column(&mut rest, zones, i64::from_le_bytes), column(&mut rest, zones, i64::from_le_bytes));
            times = spans(from, to);
        }
        if marks & SERIES != 0 {
            let (from, to) =
                (column(&mut rest, zones, u64::from_le_bytes), column(&mut rest, zones, u64::from_le_bytes));
            series = spans(from, to);
        }
        Ok(Self { rows, placed, boxes, times, series })
    }
}

fn put<'a, T: Copy + 'a, const N: usize>(
    bytes: &mut Vec<u8>,
    zones: usize,
    sides: impl Iterator<Item = &'a [T; LANES]>,
    to_bytes: impl Fn(T) -> [u8; N],
) {
    bytes.extend(sides.flatten().take(zones).flat_map(|value| to_bytes(*value)));
}

/// Takes a column off the bytes.
fn column<T, const N: usize>(rest: &mut &[u8], zones: usize, from_bytes: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (column, after) = rest.split_at(N * zones);
    *rest = after;
    column.as_chunks::<N>().0.iter().map(|bytes| from_bytes(*bytes)).collect()
}

fn spans<T: Ord + Copy>(from: Vec<T>, to: Vec<T>) -> Vec<Vec<Sides<T>>>
where
    Sides<T>: Block<Lane = (T, T)>,
{
    levels(blocks(from.into_iter().zip(to)), Sides::hull)
}

/// Marks, number of rows and how many have a place, after everything that can be known from the head and the length.
fn head(bytes: &[u8]) -> Result<(u8, usize, usize), BytesError> {
    if !bytes.starts_with(MAGIC) {
        return Err(BytesError::Magic);
    }
    let found = bytes.len() as u64;
    let Some((head, _)) = bytes.split_first_chunk::<HEAD>() else {
        return Err(BytesError::Length { found, wanted: (HEAD + 4) as u64 });
    };
    let number = |at: usize| head[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let (version, marks, rows, placed) = (head[8], head[9], number(16), number(24));
    if version != VERSION {
        return Err(BytesError::Version { found: version, known: VERSION });
    }
    if marks & !(TIMES | SERIES) != 0 || head[10..16] != [0; 6] || placed > rows {
        return Err(BytesError::Marks { found: marks });
    }
    match length(marks, rows) {
        Some(wanted) if wanted == found => Ok((marks, rows as usize, placed as usize)),
        wanted => Err(BytesError::Length { found, wanted: wanted.unwrap_or(u64::MAX) }),
    }
}

/// How many bytes such a zone map has; `None` beyond what can be counted.
fn length(marks: u8, rows: u64) -> Option<u64> {
    let zone = 24 + 16 * u64::from(marks.count_ones());
    zone.checked_mul(rows.div_ceil(ROWS as u64))?.checked_add((HEAD + 4) as u64)
}
