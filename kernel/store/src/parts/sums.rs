//! Checksums of the pieces of a Parquet file that are read alone: each column of each row group, and the footer. Those of the
//! columns stand in the footer, in hexadecimal under a key of its own, row group after row group; that of the footer stands
//! in the manifest. So what is decoded was compared first, whatever little of a file is asked for. Other programs need not
//! know of it.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use parquet::file::metadata::{KeyValue, ParquetMetaData, RowGroupMetaData};

use super::segment::Measured;
use crate::error::Error;

/// The key in the footer.
const KEY: &str = "urbis.crc32c";
/// What stands after a footer: its length and a magic word.
const AFTER_FOOTER: u64 = 8;

/// Where a column of a row group lies.
pub(super) fn place(group: &RowGroupMetaData, leaf: usize) -> Option<Range<u64>> {
    let column = group.column(leaf);
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let end = start.checked_add(column.compressed_size())?;
    Some(u64::try_from(start).ok()?..u64::try_from(end).ok()?).filter(|place| place.start < place.end)
}

/// The checksums of all columns that were written to a file, for its footer.
pub(super) fn of(path: &Path, groups: &[RowGroupMetaData]) -> Result<KeyValue, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut text = String::new();
    for group in groups {
        for leaf in 0..group.num_columns() {
            let place = place(group, leaf).ok_or_else(|| Error::defect("a column was written nowhere"))?;
            text.push_str(&hex(crc32c::crc32c(&read(&file, path, place)?)));
        }
    }
    Ok(KeyValue::new(KEY.to_owned(), text))
}

fn hex(sum: u32) -> String {
    format!("{sum:08x}")
}

/// The checksums in a footer; none where the file is older than they are.
pub(super) fn parse(footer: &ParquetMetaData) -> Option<Vec<u32>> {
    let values = footer.file_metadata().key_value_metadata()?;
    let text = values.iter().find(|value| value.key == KEY)?.value.as_deref()?;
    text.as_bytes().chunks(8).map(|sum| u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()).collect()
}

/// Length and checksum of the footer at the end of a file, with what stands after it.
pub(super) fn footer(path: &Path, bytes: u64) -> Result<Measured, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let end = read(&file, path, bytes.saturating_sub(AFTER_FOOTER)..bytes)?;
    let length = end.first_chunk().map_or(0, |length| u64::from(u32::from_le_bytes(*length))) + AFTER_FOOTER;
    let footer = read(&file, path, bytes.saturating_sub(length)..bytes)?;
    Ok(Measured { bytes: length, crc32c: crc32c::crc32c(&footer) })
}

/// Some bytes of a file.
pub(super) fn read(file: &File, path: &Path, place: Range<u64>) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; place.end.saturating_sub(place.start) as usize];
    file.read_exact_at(&mut bytes, place.start).map_err(|source| match source.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            let what = format!("it ends before byte {}", place.end);
            Error::Damaged { path: path.to_owned(), at: place.start, what }
        }
        _ => Error::Io { path: path.to_owned(), source },
    })?;
    Ok(bytes)
}
