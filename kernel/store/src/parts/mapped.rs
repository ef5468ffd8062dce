//! Rows as they stand in memory, in a file beside their segment: the file is mapped, so that rows which nobody asks for take no
//! memory that is not the system's to take back, and a start decodes nothing. The rows come in as batches, some thousands are
//! a piece of the file; out come batches whose columns lie in the file. It says nothing that the segment does not: one that is
//! missing or damaged is made anew.
//!
//! `URBIROWS`, version u32, 52 zero bytes; pieces, each an Arrow IPC stream of one batch that begins at a multiple of 64
//! bytes; for each piece its place u64, bytes u64, rows u64, CRC-32C u32, four zero bytes; then bytes u64 and CRC-32C u32
//! of the segment's Parquet file, the number of pieces u32, CRC-32C u32 of all since the pieces, `URBIROWE`.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow::array::{Array, RecordBatch};
use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;
use kernel_model::schema::Table;
use memmap2::{Mmap, MmapOptions};

use super::part::Part;
use super::segment::{Measured, SegmentMeta};
use super::{read_chunk, sums};
use crate::disk::{Disk, DiskFile};
use crate::error::Error;
use crate::record;

const MAGIC: &[u8; 8] = b"URBIROWS";
const END: &[u8; 8] = b"URBIROWE";
const VERSION: u32 = 1;
/// Bytes of the head; every piece begins at a multiple of them, so that no column has to be copied to be read.
const HEAD: u64 = 64;
const ENTRY: usize = 32;
const TAIL: usize = 28;
/// Rows of a piece and their bytes, at most.
const PIECE_ROWS: usize = 32_768;
const PIECE_BYTES: usize = 16 << 20;
/// Bytes compared at a time.
const WINDOW: u64 = 1 << 20;

/// Where the rows of a segment lie.
pub(crate) fn path(segment: &Path) -> PathBuf {
    segment.with_extension("rows")
}

/// Whether rows of a segment are beside it.
pub(crate) fn has_rows(meta: &SegmentMeta) -> bool {
    meta.table == Table::Entities.name()
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    at: u64,
    bytes: u64,
    rows: u64,
    crc32c: u32,
}

/// A file being written; without its end it is none.
pub(super) struct RowsWriter {
    table: Table,
    path: PathBuf,
    file: DiskFile,
    at: u64,
    pieces: Vec<Piece>,
}

impl RowsWriter {
    pub(super) fn create(disk: &Disk, table: Table, path: PathBuf) -> Result<Self, Error> {
        let mut file = disk.create(&path)?;
        let mut head = MAGIC.to_vec();
        head.extend(VERSION.to_le_bytes());
        head.resize(HEAD as usize, 0);
        file.write_all(&head).map_err(Error::io(&path))?;
        Ok(Self { table, path, file, at: HEAD, pieces: Vec::new() })
    }

    pub(super) fn push(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        pieces(rows, PIECE_ROWS, PIECE_BYTES).try_for_each(|piece| self.piece(&piece))
    }

    fn piece(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        let mut bytes = Vec::with_capacity(bytes_of(rows) + (16 << 10));
        record::stream(self.table, rows, &mut bytes).map_err(Error::arrow("write rows"))?;
        self.pieces.push(Piece {
            at: self.at,
            bytes: bytes.len() as u64,
            rows: rows.num_rows() as u64,
            crc32c: crc32c::crc32c(&bytes),
        });
        bytes.resize(bytes.len().next_multiple_of(HEAD as usize), 0);
        self.at += bytes.len() as u64;
        self.file.write_all(&bytes).map_err(Error::io(&self.path))
    }

    /// Makes it durable, as the rows of a Parquet file.
    pub(super) fn finish(mut self, of: Measured) -> Result<(), Error> {
        let mut end = Vec::new();
        for piece in &self.pieces {
            for number in [piece.at, piece.bytes, piece.rows, u64::from(piece.crc32c)] {
                end.extend(number.to_le_bytes());
            }
        }
        end.extend(of.bytes.to_le_bytes());
        end.extend(of.crc32c.to_le_bytes());
        end.extend((self.pieces.len() as u32).to_le_bytes());
        end.extend(crc32c::crc32c(&end).to_le_bytes());
        end.extend(END);
        self.file.write_all(&end).and_then(|()| self.file.sync_all()).map_err(Error::io(&self.path))
    }
}

/// Bytes of the rows of a batch, also where it is a slice of a larger one.
pub(crate) fn bytes_of(rows: &RecordBatch) -> usize {
    rows.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
}

/// A batch in pieces of so many rows and bytes at most, of at least one row each.
pub(super) fn pieces(rows: &RecordBatch, most_rows: usize, most_bytes: usize) -> impl Iterator<Item = RecordBatch> {
    let mut waiting = vec![rows.clone()];
    std::iter::from_fn(move || {
        loop {
            let next = waiting.pop().filter(|next| next.num_rows() > 0)?;
            let count = next.num_rows();
            if count == 1 || (count <= most_rows && bytes_of(&next) <= most_bytes) {
                return Some(next);
            }
            let half = (count / 2).min(most_rows);
            waiting.push(next.slice(half, count - half));
            waiting.push(next.slice(0, half));
        }
    })
}

/// Writes the rows of a segment beside it, a chunk at a time.
pub(crate) fn make(disk: &Disk, segment: &Path, part: &Part, of: Measured) -> Result<(), Error> {
    // Beside the one that may be there, which another program may have mapped.
    let new = segment.with_extension("rows-new");
    let mut writer = RowsWriter::create(disk, part.table(), new.clone())?;
    for group in 0..part.groups()? {
        writer.push(&read_chunk(part.table(), part, group)?)?;
    }
    writer.finish(of)?;
    disk.rename(&new, &path(segment))
}

/// The rows of a segment, mapped; every byte was compared first. `None` where there is no file.
pub(crate) fn open(segment: &Path, table: Table, of: Measured) -> Result<Option<Vec<RecordBatch>>, Error> {
    let path = path(segment);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::io(&path))?,
    };
    let pieces = checked(&file, &path, of)?;
    pieces.iter().map(|piece| decode(&file, &path, table, *piece)).collect::<Result<_, _>>().map(Some)
}

/// Compares every byte with its checksum, where there is such a file.
pub(crate) fn check(segment: &Path, of: Measured) -> Result<(), Error> {
    let path = path(segment);
    match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => checked(&other.map_err(Error::io(&path))?, &path, of).map(drop),
    }
}

fn damaged(path: &Path, at: u64, what: &str) -> Error {
    Error::Damaged { path: path.to_owned(), at, what: what.to_owned() }
}

fn checked(file: &File, path: &Path, of: Measured) -> Result<Vec<Piece>, Error> {
    let size = file.metadata().map_err(Error::io(path))?.len();
    let read = |place: Range<u64>| sums::read(file, path, place);
    let tail = read(size.saturating_sub(TAIL as u64)..size)?;
    let head = read(0..size.min(HEAD))?;
    let mut wanted = MAGIC.to_vec();
    wanted.extend(VERSION.to_le_bytes());
    wanted.resize(HEAD as usize, 0);
    if head != wanted || tail.len() < TAIL || tail[TAIL - 8..] != *END {
        return Err(damaged(path, 0, "it is no file of rows, or not all of it"));
    }
    let count = u64::from(u32::from_le_bytes([tail[12], tail[13], tail[14], tail[15]]));
    let begin = count.checked_mul(ENTRY as u64).and_then(|entries| size.checked_sub(TAIL as u64)?.checked_sub(entries));
    let begin = begin.ok_or_else(|| damaged(path, size, "it is shorter than its end says"))?;
    let end = read(begin..size - 12)?;
    if crc32c::crc32c(&end).to_le_bytes() != tail[16..20] {
        return Err(damaged(path, begin, "its end does not match its checksum"));
    }
    let of_parquet = [of.bytes.to_le_bytes().as_slice(), &of.crc32c.to_le_bytes()].concat();
    if tail[..12] != of_parquet {
        return Err(damaged(path, begin, "it holds the rows of another segment"));
    }
    let pieces: Vec<Piece> = end.chunks_exact(ENTRY).take(count as usize).map(entry).collect();
    let mut at = HEAD;
    for piece in &pieces {
        if piece.at != at || piece.bytes > begin.saturating_sub(at) {
            return Err(damaged(path, piece.at, "its pieces do not follow each other"));
        }
        at = at.saturating_add(piece.bytes.next_multiple_of(HEAD));
        if sum(file, path, piece.at..at.min(begin), piece.bytes)? != Some(piece.crc32c) {
            return Err(damaged(path, piece.at, "rows do not match their checksum"));
        }
    }
    if at == begin { Ok(pieces) } else { Err(damaged(path, at, "its pieces end elsewhere than it says")) }
}

fn entry(bytes: &[u8]) -> Piece {
    let number = |at: usize| bytes[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Piece { at: number(0), bytes: number(8), rows: number(16), crc32c: number(24) as u32 }
}

/// CRC-32C of the first bytes of a place; none where what fills it up is not zero.
fn sum(file: &File, path: &Path, place: Range<u64>, bytes: u64) -> Result<Option<u32>, Error> {
    let (mut sum, end) = (0, place.start + bytes);
    let mut at = place.start;
    while at < end {
        let next = end.min(at + WINDOW);
        sum = crc32c::crc32c_append(sum, &sums::read(file, path, at..next)?);
        at = next;
    }
    let rest = sums::read(file, path, end..place.end)?;
    Ok(rest.iter().all(|byte| *byte == 0).then_some(sum))
}

fn decode(file: &File, path: &Path, table: Table, piece: Piece) -> Result<RecordBatch, Error> {
    let bytes = Bytes::from_owner(map(file, piece.at, piece.bytes).map_err(Error::io(path))?);
    let (mut buffer, mut decoder) = (Buffer::from(bytes), StreamDecoder::new());
    let what = || format!("read {}", path.display());
    while !buffer.is_empty() {
        if let Some(rows) = decoder.decode(&mut buffer).map_err(|error| Error::arrow(what())(error))? {
            let rows = record::complete(table, rows)?;
            return match rows.num_rows() as u64 == piece.rows {
                true => Ok(rows),
                false => Err(damaged(path, piece.at, "a piece has another number of rows than it says")),
            };
        }
    }
    Err(damaged(path, piece.at, "a piece has no rows"))
}

#[expect(unsafe_code, reason = "a mapping is sound where nobody changes the file, which only the system can promise")]
fn map(file: &File, at: u64, bytes: u64) -> io::Result<Mmap> {
    // SAFETY: a file of rows is written once, by the process that holds the folder's lock, and never changed or shortened
    // after its end was written, without which it is not opened; it is replaced by another one under its name, or removed,
    // which leaves the mapping as it is. Whoever else can write in the folder could as well change the program.
    unsafe { MmapOptions::new().offset(at).len(bytes as usize).map(file) }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use kernel_model::{EntityDraft, EntityId, Kind, Sequence, SourceKey, TimeUs};

    use super::*;
    use crate::rows::{EntityRow, EntityRows};

    fn rows(count: u32) -> RecordBatch {
        let mut rows = EntityRows::default();
        for n in 0..count {
            let mut draft = EntityDraft::new(SourceKey::new("test", n.to_string()), Kind::Poi, "oak");
            draft.name = (n % 3 > 0).then(|| "x".repeat(n as usize % 50));
            let id = EntityId(uuid::Uuid::from_u128(u128::from(n)));
            rows.push(EntityRow { id, parent: None, digest: [n as u8; 32], draft: std::borrow::Cow::Owned(draft) });
        }
        rows.finish(Sequence(7), TimeUs(8)).unwrap()
    }

    const OF: Measured = Measured { bytes: 1_234, crc32c: 5_678 };

    #[test]
    fn rows_come_back_in_pieces_and_every_turned_bit_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let segment = dir.path().join("entities-1.parquet");
        let all = rows(700);
        let mut writer = RowsWriter::create(&Disk::default(), Table::Entities, path(&segment)).unwrap();
        for piece in pieces(&all, 300, 40 << 10) {
            assert!(piece.num_rows() <= 300 && bytes_of(&piece) <= 40 << 10);
            writer.piece(&piece).unwrap();
        }
        writer.finish(OF).unwrap();
        let read = open(&segment, Table::Entities, OF).unwrap().unwrap();
        assert!(read.len() > 2);
        assert_eq!(arrow::compute::concat_batches(&all.schema(), &read).unwrap(), all);
        assert!(open(&segment, Table::Entities, Measured { bytes: 1, ..OF }).is_err(), "of another segment");
        let good = std::fs::read(path(&segment)).unwrap();
        for bit in (0..good.len() * 8).step_by(331).chain(good.len() * 8 - 800..good.len() * 8) {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(path(&segment), bytes).unwrap();
            assert!(check(&segment, OF).is_err(), "bit {bit}");
        }
        for length in (0..good.len()).step_by(997) {
            std::fs::write(path(&segment), &good[..length]).unwrap();
            assert!(open(&segment, Table::Entities, OF).is_err(), "{length} bytes");
        }
        // The mapping is of the file that was opened, whatever stands under its name now.
        std::fs::remove_file(path(&segment)).unwrap();
        assert_eq!(read[0].column(8).as_string::<i32>().value(0), "0");
        assert!(open(&segment, Table::Entities, OF).unwrap().is_none());
    }
}
