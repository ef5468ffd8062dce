//! Rows out of a stream of separated values, with their line numbers, or out of Parquet with their row numbers. A row of another width than the header's is told
//! apart from a file that ends in the middle of its last row.

use std::io::{BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::columns::Header;
use super::mapping::Layout;
use super::parquet::ParquetRows;
use crate::error::Error;
use crate::input::Input;

/// Bytes a row may have: an unclosed quotation mark takes the rest of the file with it.
const MAX_ROW_BYTES: usize = 1 << 20;

pub(super) struct Rows {
    pub(super) header: Header,
    source: Source,
    file: String,
    /// Lines before the table, which the line numbers count too.
    skipped: u64,
}

enum Source {
    Separated(Separated),
    Parquet(Box<ParquetRows>),
}

struct Separated {
    reader: Reader<Ending>,
    /// The stream is at its end and did not end a line.
    cut: Arc<AtomicBool>,
}

/// A row's standing.
pub(super) enum Row {
    Sound,
    Refused(String),
    End,
}

struct Ending {
    inner: Box<dyn BufRead + Send>,
    last_byte: u8,
    cut: Arc<AtomicBool>,
}

impl Read for Ending {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        match buf[..n].last() {
            Some(last) => self.last_byte = *last,
            None if !buf.is_empty() => self.cut.store(!matches!(self.last_byte, b'\n' | b'\r'), Ordering::Relaxed),
            None => {}
        }
        Ok(n)
    }
}

impl Rows {
    pub(super) fn open(input: &Input, layout: &Layout) -> Result<Self, Error> {
        if super::parquet::is_parquet(input)? {
            let rows = ParquetRows::open(input)?;
            let (header, source) = (rows.header(), Source::Parquet(Box::new(rows)));
            return Ok(Self { header, source, file: input.name.clone(), skipped: 0 });
        }
        let mut inner = input.open()?;
        let io = |e| Error::from_io(&input.name, e);
        for _ in 0..layout.skip_lines {
            let mut line = Vec::new();
            (&mut inner).take(MAX_ROW_BYTES as u64).read_until(b'\n', &mut line).map_err(io)?;
        }
        let cut = Arc::new(AtomicBool::new(false));
        let ending = Ending { inner, last_byte: b'\n', cut: Arc::clone(&cut) };
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(layout.delimiter as u8)
            .buffer_capacity(1 << 16)
            .from_reader(ending);
        let mut header = Header::none();
        if layout.header {
            let mut first = ByteRecord::new();
            reader.read_byte_record(&mut first).map_err(|e| from_csv(&input.name, e))?;
            header = Header::new(&first);
        }
        let source = Source::Separated(Separated { reader, cut });
        Ok(Self { header, source, file: input.name.clone(), skipped: layout.skip_lines as u64 })
    }

    /// Reads the next row into `record`.
    pub(super) fn next(&mut self, record: &mut ByteRecord) -> Result<Row, Error> {
        let separated = match &mut self.source {
            Source::Parquet(rows) => return rows.next(record),
            Source::Separated(separated) => separated,
        };
        if !separated.reader.read_byte_record(record).map_err(|e| from_csv(&self.file, e))? {
            return Ok(Row::End);
        }
        if record.as_slice().len() > MAX_ROW_BYTES {
            return Ok(Row::Refused("the row is longer than 1 MiB: a quotation mark is not closed".to_owned()));
        }
        match self.header.width().filter(|width| *width != record.len()) {
            None => Ok(Row::Sound),
            Some(width) if record.len() < width && separated.cut.load(Ordering::Relaxed) => Err(Error::Truncated {
                file: self.file.clone(),
                detail: format!("in the middle of line {}", self.line(record)),
            }),
            Some(width) => Ok(Row::Refused(format!("{} fields where the header has {width}", record.len()))),
        }
    }

    /// The row's line in the file, from 1.
    pub(super) fn line(&self, record: &ByteRecord) -> u64 {
        record.position().map_or(0, csv::Position::line) + self.skipped
    }
}

fn from_csv(file: &str, error: csv::Error) -> Error {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::from_io(file, source),
        _ => Error::Malformed { file: file.to_owned(), place: "table".to_owned(), reason: text },
    }
}
