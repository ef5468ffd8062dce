//! Answers as bytes. In: the columns, then batches of rows, in order. Out: JSON, CSV, a table for terminals, an Arrow IPC
//! stream, GeoParquet, FlatGeobuf or GeoJSON, written to whatever takes bytes. A value is never rounded or converted on the way, except that
//! the terminal's table shortens what does not fit.

mod arrow_ipc;
mod csv;
mod flatgeobuf;
mod geojson;
mod geometry;
mod json;
mod parquet;
mod table;

use std::io::Write;
use std::str::FromStr;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::FormatOptions;

use crate::error::Error;

/// A way to write answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An array of one object per row; geometry as GeoJSON (RFC 7946), times as RFC 3339 in UTC.
    Json,
    /// A header and a line per row (RFC 4180); geometry as WKT.
    Csv,
    /// Aligned columns, at most so many characters wide; geometry as WKT.
    Table {
        /// Columns of the terminal.
        width: usize,
    },
    /// Arrow IPC stream.
    ArrowIpc,
    /// Parquet with GeoParquet 1.1 metadata where there is geometry.
    Parquet,
    /// FlatGeobuf 3 without an index, in the order of the rows; there has to be geometry.
    FlatGeobuf,
    /// One FeatureCollection; there has to be geometry.
    GeoJson,
}

impl Format {
    /// The media type of what is written.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Table { .. } => "text/plain; charset=utf-8",
            Self::ArrowIpc => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::FlatGeobuf => "application/flatgeobuf",
            Self::GeoJson => "application/geo+json",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Csv => "CSV",
            Self::Table { .. } => "a table",
            Self::ArrowIpc => "Arrow",
            Self::Parquet => "Parquet",
            Self::FlatGeobuf => "FlatGeobuf",
            Self::GeoJson => "GeoJSON",
        }
    }

    fn failed(self, reason: impl std::fmt::Display) -> Error {
        Error::Format { format: self.name(), reason: reason.to_string().replace('\n', " ") }
    }
}

impl FromStr for Format {
    type Err = Error;

    /// `json`, `csv`, `table` (120 wide), `arrow`, `parquet`, `fgb` or `geojson`.
    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            "table" => Ok(Self::Table { width: 120 }),
            "arrow" => Ok(Self::ArrowIpc),
            "parquet" => Ok(Self::Parquet),
            "fgb" => Ok(Self::FlatGeobuf),
            "geojson" => Ok(Self::GeoJson),
            _ => Err(Error::Format {
                format: "that",
                reason: format!("'{name}' is no format: give json, csv, table, arrow, parquet, fgb or geojson"),
            }),
        }
    }
}

/// Writes one answer.
#[derive(Debug)]
pub struct Writer<W: Write + Send> {
    format: Format,
    inner: Inner<W>,
}

#[derive(Debug)]
enum Inner<W: Write + Send> {
    Json(json::Writer<W>),
    Csv(Box<csv::Writer<W>>),
    Table(table::Writer<W>),
    ArrowIpc(Box<arrow_ipc::Writer<W>>),
    Parquet(Box<parquet::Writer<W>>),
    FlatGeobuf(Box<flatgeobuf::Writer<W>>),
    GeoJson(Box<geojson::Writer<W>>),
}

/// How values are printed: times as RFC 3339. A time without a zone is UTC, as all times of the kernel are.
const PRINTED: FormatOptions<'static> = FormatOptions::new()
    .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
    .with_datetime_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));

/// A failure inside one of the writers.
type Failure = Box<dyn std::error::Error + Send + Sync>;

impl<W: Write + Send> Writer<W> {
    /// Begins an answer of columns `schema`.
    ///
    /// # Errors
    /// [`Error::Format`] where a column's type has no place in the format or `out` refuses bytes; so for all of these.
    pub fn new(format: Format, schema: &SchemaRef, out: W) -> Result<Self, Error> {
        let inner = match format {
            Format::Json => json::Writer::new(schema, out).map(Inner::Json),
            Format::Csv => csv::Writer::new(schema, out).map(|writer| Inner::Csv(Box::new(writer))),
            Format::Table { width } => Ok(Inner::Table(table::Writer::new(schema, out, width))),
            Format::ArrowIpc => arrow_ipc::Writer::new(schema, out).map(|writer| Inner::ArrowIpc(Box::new(writer))),
            Format::Parquet => parquet::Writer::new(schema, out).map(|writer| Inner::Parquet(Box::new(writer))),
            Format::FlatGeobuf => {
                flatgeobuf::Writer::new(schema, out).map(|writer| Inner::FlatGeobuf(Box::new(writer)))
            }
            Format::GeoJson => geojson::Writer::new(schema, out).map(|writer| Inner::GeoJson(Box::new(writer))),
        };
        Ok(Self { format, inner: inner.map_err(|error| format.failed(error))? })
    }

    /// Writes rows.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let done = match &mut self.inner {
            Inner::Json(writer) => writer.write(batch),
            Inner::Csv(writer) => writer.write(batch),
            Inner::Table(writer) => writer.write(batch),
            Inner::ArrowIpc(writer) => writer.write(batch),
            Inner::Parquet(writer) => writer.write(batch),
            Inner::FlatGeobuf(writer) => writer.write(batch),
            Inner::GeoJson(writer) => writer.write(batch),
        };
        done.map_err(|error| self.format.failed(error))
    }

    /// Ends the answer and gives `out` back.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn finish(self) -> Result<W, Error> {
        let done = match self.inner {
            Inner::Json(writer) => writer.finish(),
            Inner::Csv(writer) => writer.finish(),
            Inner::Table(writer) => writer.finish(),
            Inner::ArrowIpc(writer) => writer.finish(),
            Inner::Parquet(writer) => writer.finish(),
            Inner::FlatGeobuf(writer) => writer.finish(),
            Inner::GeoJson(writer) => writer.finish(),
        };
        done.map_err(|error| self.format.failed(error))
    }
}

/// A whole answer as bytes.
///
/// # Errors
/// As [`Writer::new`].
pub fn bytes(format: Format, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new(format, schema, Vec::new())?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()
}
