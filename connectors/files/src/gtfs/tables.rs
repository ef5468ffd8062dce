//! One table of a feed: rows of a CSV member, fields by their names in the header. A row of another width than the header
//! is told apart; blanks around values are not part of them.

use std::io::BufRead;

use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::archive::Bundle;
use crate::error::Error;
use crate::metered::{Meter, Metered};

pub(super) struct Table {
    reader: Reader<Metered<Box<dyn BufRead + Send>>>,
    meter: Meter,
    names: Vec<String>,
    record: ByteRecord,
    file: String,
    /// The table's name with its ending, as places name it.
    pub(super) name: &'static str,
}

impl Table {
    /// Opens a table; `None` where the feed does not have it.
    pub(super) fn open(bundle: &Bundle, name: &'static str, file: &str) -> Result<Option<Self>, Error> {
        let Some(member) = bundle.find(name) else { return Ok(None) };
        let meter = Meter::default();
        let reader = meter.reader(bundle.read(member)?);
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(reader);
        let mut record = ByteRecord::new();
        reader.read_byte_record(&mut record).map_err(|e| from_csv(file, name, e))?;
        let text = |field: &[u8]| String::from_utf8_lossy(field).trim_start_matches('\u{feff}').trim().to_owned();
        let names = record.iter().map(text).collect();
        Ok(Some(Self { reader, meter, names, record, file: file.to_owned(), name }))
    }

    /// The next row; `Err` inside: its width is not the header's.
    pub(super) fn next(&mut self) -> Result<Option<Result<Row<'_>, String>>, Error> {
        self.meter.begin();
        if !self.reader.read_byte_record(&mut self.record).map_err(|e| from_csv(&self.file, self.name, e))? {
            return Ok(None);
        }
        let (found, wanted) = (self.record.len(), self.names.len());
        if found == wanted {
            return Ok(Some(Ok(Row { record: &self.record, names: &self.names })));
        }
        Ok(Some(Err(format!("{found} fields where the header has {wanted}"))))
    }

    /// Where the row stands that was read last.
    pub(super) fn place(&self) -> String {
        format!("{} line {}", self.name, self.record.position().map_or(0, csv::Position::line))
    }

    /// The row that was read last, as text.
    pub(super) fn sample(&self) -> String {
        self.record.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
    }
}

#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    record: &'a ByteRecord,
    names: &'a [String],
}

impl<'a> Row<'a> {
    /// The field's text, empty where the column is missing or not UTF-8.
    pub(super) fn at(self, column: Option<usize>) -> &'a str {
        let field = column.and_then(|at| self.record.get(at)).unwrap_or_default();
        std::str::from_utf8(field.trim_ascii()).unwrap_or_default()
    }

    pub(super) fn get(self, name: &str) -> &'a str {
        self.at(self.names.iter().position(|n| n == name))
    }

    /// The field's text where it has one.
    pub(super) fn some(self, name: &str) -> Option<&'a str> {
        Some(self.get(name)).filter(|text| !text.is_empty())
    }

    /// All fields that have a value, by their names, as properties.
    pub(super) fn properties(self) -> serde_json::Map<String, serde_json::Value> {
        let fields = self.names.iter().enumerate().map(|(at, name)| (name, self.at(Some(at))));
        fields.filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name.clone(), text.into())).collect()
    }
}

fn from_csv(file: &str, table: &str, error: csv::Error) -> Error {
    let reason = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::from_io(file, source),
        _ => Error::Malformed { file: file.to_owned(), place: table.to_owned(), reason },
    }
}
