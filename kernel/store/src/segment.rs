//! Sealed segments: rows in, one Parquet file out, sorted by the space-time key so that page statistics prune boxes of
//! space and time; and what the manifest says of it. The rows that stay in memory are read back at start.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{SortColumn, SortOptions, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use coding_system::{Key, Position, Profile};
use kernel_model::TimeUs;
use kernel_model::schema::Table;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::log::sync_dir;
use crate::rows::fixed;

const ROWS_PER_GROUP: usize = 131_072;
const ROWS_PER_PAGE: usize = 8_192;

/// What the manifest says of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SegmentMeta {
    pub(crate) table: String,
    pub(crate) file: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) crc32c: u32,
    /// First and last phenomenon time (or fix time) in microseconds, where the table has one.
    pub(crate) time_us: Option<(i64, i64)>,
    /// First and last commit.
    pub(crate) sequence: (u64, u64),
}

impl SegmentMeta {
    /// The file as readers open it.
    pub(crate) fn reference(&self, dir: &Path) -> SegmentRef {
        SegmentRef { path: dir.join("segments").join(&self.file), rows: self.rows, time_us: self.time_us }
    }
}

/// A sealed segment a reader can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRef {
    /// The Parquet file.
    pub path: PathBuf,
    /// Number of rows.
    pub rows: u64,
    /// First and last time of its rows, UTC microseconds.
    pub time_us: Option<(i64, i64)>,
}

impl SegmentRef {
    /// Reads the given columns of the file, in the table's schema.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read(&self, table: Table, columns: &[usize]) -> Result<Vec<RecordBatch>, Error> {
        read(&self.path, table, Some(columns))
    }
}

/// The 128-bit key of a place and an instant, space first; none off the globe.
pub(crate) fn space_time_key(lon_deg: f64, lat_deg: f64, at: Option<TimeUs>) -> Option<[u8; 16]> {
    let position = Position::new_2d(lon_deg, lat_deg).ok()?;
    Key::new_2d(&position, at.map(|t| t.0), Profile::SpaceFirst).ok().map(Key::to_be_bytes)
}

/// Columns of place and time by table: (lon, lat, time).
fn key_columns(table: Table) -> Option<(usize, usize, usize)> {
    match table {
        Table::Observations => Some((5, 6, 1)),
        Table::Positions => Some((2, 3, 1)),
        _ => None,
    }
}

/// Column of the sequence number by table.
fn sequence_column(table: Table) -> usize {
    match table {
        Table::Entities | Table::Datastreams => 1,
        Table::Observations | Table::Positions => 7,
        Table::Contents | Table::Rejected => 5,
    }
}

fn sorted(table: Table, rows: &RecordBatch) -> Result<RecordBatch, Error> {
    let Some((lon, lat, time)) = key_columns(table) else { return Ok(rows.clone()) };
    let (lons, lats) = (rows.column(lon).as_primitive::<Float64Type>(), rows.column(lat).as_primitive::<Float64Type>());
    let times = rows.column(time).as_primitive::<TimestampMicrosecondType>();
    let keys: Vec<Option<[u8; 16]>> = (0..rows.num_rows())
        .map(|row| match lons.is_valid(row) && lats.is_valid(row) {
            true => space_time_key(lons.value(row), lats.value(row), Some(TimeUs(times.value(row)))),
            false => None,
        })
        .collect();
    let key: ArrayRef = fixed(16, keys.iter().map(|key| key.as_ref().map(<[u8; 16]>::as_slice)))?;
    let by = |values: ArrayRef| SortColumn { values, options: Some(SortOptions::default()) };
    let order = lexsort_to_indices(&[by(key), by(rows.column(0).clone()), by(rows.column(time).clone())], None)
        .and_then(|order| take_record_batch(rows, &order));
    order.map_err(Error::arrow("sort a segment"))
}

fn properties(table: Table) -> Result<WriterProperties, Error> {
    let zstd = ZstdLevel::try_new(3).map_err(Error::parquet("set up compression"))?;
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .set_data_page_row_count_limit(ROWS_PER_PAGE)
        .set_created_by(concat!("urbis ", env!("CARGO_PKG_VERSION")).to_owned());
    if table == Table::Entities {
        let geo = r#"{"version":"1.1.0","primary_column":"geometry","columns":{"geometry":{"encoding":"WKB","geometry_types":[]}}}"#;
        builder = builder.set_key_value_metadata(Some(vec![KeyValue::new("geo".to_owned(), geo.to_owned())]));
    }
    Ok(builder.build())
}

/// Writes rows of one table durably as `dir/segments/<name>.parquet`. Nothing to write: `None`.
pub(crate) fn write(
    dir: &Path,
    table: Table,
    name: &str,
    batches: &[RecordBatch],
) -> Result<Option<SegmentMeta>, Error> {
    let rows = concat_batches(&table.schema(), batches).map_err(Error::arrow("gather a segment"))?;
    if rows.num_rows() == 0 {
        return Ok(None);
    }
    let rows = sorted(table, &rows)?;
    let folder = dir.join("segments");
    let file = format!("{name}.parquet");
    let path = folder.join(&file);
    let out = File::create(&path).map_err(Error::io(&path))?;
    let what = || format!("write {}", path.display());
    let mut writer =
        ArrowWriter::try_new(out, table.schema(), Some(properties(table)?)).map_err(Error::parquet(what()))?;
    writer.write(&rows).map_err(Error::parquet(what()))?;
    writer.into_inner().map_err(Error::parquet(what()))?.sync_all().map_err(Error::io(&path))?;
    sync_dir(&folder)?;
    let (bytes, crc32c) = measure(&path)?;
    let sequences = rows.column(sequence_column(table)).as_primitive::<UInt64Type>().values();
    Ok(Some(SegmentMeta {
        table: table.name().to_owned(),
        file,
        rows: rows.num_rows() as u64,
        bytes,
        crc32c,
        time_us: key_columns(table).and_then(|(_, _, time)| time_range(&rows, time)),
        sequence: (sequences.iter().copied().min().unwrap_or(0), sequences.iter().copied().max().unwrap_or(0)),
    }))
}

fn time_range(rows: &RecordBatch, column: usize) -> Option<(i64, i64)> {
    let times = rows.column(column).as_primitive::<TimestampMicrosecondType>().values();
    Some((*times.iter().min()?, *times.iter().max()?))
}

/// Length and CRC-32C of a file.
pub(crate) fn measure(path: &Path) -> Result<(u64, u32), Error> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let (mut bytes, mut sum, mut buffer) = (0_u64, 0_u32, vec![0_u8; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(Error::io(path))? {
            0 => return Ok((bytes, sum)),
            n => {
                sum = crc32c::crc32c_append(sum, &buffer[..n]);
                bytes += n as u64;
            }
        }
    }
}

/// Reads a segment whole, in the table's schema; `columns` picks some of them.
pub(crate) fn read(path: &Path, table: Table, columns: Option<&[usize]>) -> Result<Vec<RecordBatch>, Error> {
    let what = || format!("read {}", path.display());
    let file = File::open(path).map_err(Error::io(path))?;
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(what()))?;
    if let Some(columns) = columns {
        let mask = parquet::arrow::ProjectionMask::roots(reader.parquet_schema(), columns.iter().copied());
        reader = reader.with_projection(mask);
    }
    let reader = reader.with_batch_size(65_536).build().map_err(Error::parquet(what()))?;
    let schema = match columns {
        None => table.schema(),
        Some(columns) => Arc::new(table.schema().project(columns).map_err(Error::arrow(what()))?),
    };
    reader
        .map(|batch| {
            let batch = batch.map_err(Error::arrow(what()))?;
            RecordBatch::try_new(schema.clone(), batch.columns().to_vec()).map_err(Error::arrow(what()))
        })
        .collect()
}
