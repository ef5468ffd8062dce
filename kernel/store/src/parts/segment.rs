//! What a segment is: one Parquet file, sorted by the space-time key so that page statistics prune boxes of space and time,
//! its zone map beside it, and what the manifest says of both.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field};
use coding_system::{Key, Position, Profile};
use kernel_model::TimeUs;
use kernel_model::schema::Table;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::ChunkReader;
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::part::CHUNK_ROWS;
use super::sealed::Segment;
use crate::error::Error;
use crate::objects::{self, Objects};

const ROWS_PER_PAGE: usize = 8_192;

/// Length and CRC-32C of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) bytes: u64,
    pub(crate) crc32c: u32,
}

/// What the manifest says of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SegmentMeta {
    pub(crate) table: String,
    pub(crate) file: String,
    pub(crate) rows: u64,
    #[serde(flatten)]
    pub(crate) parquet: Measured,
    /// The end of the Parquet file, with its footer; segments of older versions say nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) footer: Option<Measured>,
    /// The file of its zone map, which has the same name with another ending; segments of version 1 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zones: Option<Measured>,
    /// First and last phenomenon time (or fix time) in microseconds, where the table has one.
    pub(crate) time_us: Option<(i64, i64)>,
    /// First and last commit.
    pub(crate) sequence: (u64, u64),
}

/// A sealed segment a reader can open.
#[derive(Debug, Clone)]
pub struct SegmentRef(pub(super) Arc<Segment>);

impl SegmentRef {
    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.0.meta.rows
    }

    /// Its Parquet file, where that is in the data folder and stays there.
    ///
    /// # Errors
    /// Where it is not as it was written.
    pub fn path(&self) -> Result<Option<PathBuf>, Error> {
        self.0.path()
    }

    /// Reads it whole, from wherever it is, in the table's schema.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(&self) -> Result<Vec<RecordBatch>, Error> {
        self.0.read()
    }
}

/// The 128-bit key of a place and an instant, space first; none off the globe.
pub(crate) fn space_time_key(lon_deg: f64, lat_deg: f64, at: Option<TimeUs>) -> Option<[u8; 16]> {
    let position = Position::new_2d(lon_deg, lat_deg).ok()?;
    Key::new_2d(&position, at.map(|t| t.0), Profile::SpaceFirst).ok().map(Key::to_be_bytes)
}

/// How a segment is written.
pub(super) fn properties(table: Table) -> Result<WriterProperties, Error> {
    let zstd = ZstdLevel::try_new(3).map_err(Error::parquet("set up compression"))?;
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(CHUNK_ROWS))
        .set_data_page_row_count_limit(ROWS_PER_PAGE)
        .set_created_by(concat!("urbis ", env!("CARGO_PKG_VERSION")).to_owned());
    for field in table.schema().fields() {
        if let Some(encoding) = encoding(table, field) {
            let column = ColumnPath::from(field.name().as_str());
            builder =
                builder.set_column_dictionary_enabled(column.clone(), false).set_column_encoding(column, encoding);
        }
    }
    if table == Table::Entities {
        let geo = r#"{"version":"1.1.0","primary_column":"geometry","columns":{"geometry":{"encoding":"WKB","geometry_types":[]}}}"#;
        builder = builder.set_key_value_metadata(Some(vec![KeyValue::new("geo".to_owned(), geo.to_owned())]));
    }
    Ok(builder.build())
}

/// Numbers of tables sorted by place: those of neighbours are alike in their first bytes, instants in their differences.
fn encoding(table: Table, column: &Field) -> Option<Encoding> {
    Layout::of(table)?;
    match column.data_type() {
        DataType::Float64 | DataType::Float32 => Some(Encoding::BYTE_STREAM_SPLIT),
        DataType::Timestamp(..) => Some(Encoding::DELTA_BINARY_PACKED),
        // Each has its own: a dictionary would hold them all.
        DataType::UInt64 if column.name() == "id" => Some(Encoding::DELTA_BINARY_PACKED),
        _ => None,
    }
}

impl Measured {
    /// Of bytes in memory.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, crc32c: crc32c::crc32c(bytes) }
    }

    /// Reads a file through.
    pub(crate) fn of(path: &Path) -> Result<Self, Error> {
        let mut file = File::open(path).map_err(Error::io(path))?;
        let (mut bytes, mut sum, mut buffer) = (0_u64, 0_u32, vec![0_u8; 1 << 20]);
        loop {
            match file.read(&mut buffer).map_err(Error::io(path))? {
                0 => return Ok(Self { bytes, crc32c: sum }),
                n => {
                    sum = crc32c::crc32c_append(sum, &buffer[..n]);
                    bytes += n as u64;
                }
            }
        }
    }
}

/// Whether a segment is of a table whose rows have a place and a time, and are read piece by piece.
pub(crate) fn is_placed(meta: &SegmentMeta) -> bool {
    Table::ALL.into_iter().any(|table| Layout::of(table).is_some() && table.name() == meta.table)
}

/// Reads a segment whole, from the folder where it is there, in the table's schema; every byte was compared first.
pub(crate) fn read(objects: &Objects, meta: &SegmentMeta, table: Table) -> Result<Vec<RecordBatch>, Error> {
    let name = objects::sealed(&meta.file);
    read_from(objects.whole(&name, Some(meta.parquet))?, &objects.place(&name), table)
}

/// Reads a Parquet file whole, in the table's schema. Columns that are younger than the file are null.
pub(crate) fn read_from(
    file: impl ChunkReader + 'static,
    place: &Path,
    table: Table,
) -> Result<Vec<RecordBatch>, Error> {
    let what = || format!("read {}", place.display());
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(what()))?;
    let held = reader.schema().fields().len();
    let schema = table.schema();
    let mask = ProjectionMask::roots(reader.parquet_schema(), 0..held.min(schema.fields().len()));
    let complete = |batch: RecordBatch| {
        let stored = batch.columns().iter().cloned();
        let younger = schema.fields().iter().skip(batch.num_columns());
        let nulls = younger.map(|field| new_null_array(field.data_type(), batch.num_rows()));
        RecordBatch::try_new(schema.clone(), stored.chain(nulls).collect())
    };
    let batches = reader.with_projection(mask).with_batch_size(65_536).build().map_err(Error::parquet(what()))?;
    batches.map(|batch| batch.and_then(&complete).map_err(Error::arrow(what()))).collect()
}
