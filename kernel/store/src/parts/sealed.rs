//! A sealed file as readers use it: opened when it is first asked, its zone map and footer kept, its columns decoded chunk
//! by chunk through the cache.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use kernel_model::schema::Table;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use spatial_index::Zones;

use super::cache::{ColumnCache, Key};
use super::segment::{SegmentMeta, SegmentRef};
use crate::error::Error;

/// Numbers files in the cache; a number is never used twice.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// One sealed file of a table.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) meta: SegmentMeta,
    pub(crate) table: Table,
    pub(crate) path: PathBuf,
    number: u64,
    cache: Arc<ColumnCache>,
    footer: OnceLock<ArrowReaderMetadata>,
    zones: OnceLock<Arc<Zones>>,
    /// No manifest names it any more: its files go with the last reader.
    obsolete: AtomicBool,
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.obsolete.load(Ordering::Relaxed) {
            // A file that stays is an orphan and goes at the next start.
            drop(fs::remove_file(&self.path));
            drop(fs::remove_file(self.path.with_extension("zones")));
        }
    }
}

impl Segment {
    pub(crate) fn new(table: Table, meta: SegmentMeta, path: PathBuf, cache: Arc<ColumnCache>) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            meta,
            table,
            path,
            number,
            cache,
            footer: OnceLock::new(),
            zones: OnceLock::new(),
            obsolete: AtomicBool::new(false),
        }
    }

    /// Says that no manifest names it any more.
    pub(crate) fn retire(&self) {
        self.obsolete.store(true, Ordering::Relaxed);
    }

    /// What the file says of itself; a chunk is a row group.
    fn footer(&self) -> Result<&ArrowReaderMetadata, Error> {
        if let Some(footer) = self.footer.get() {
            return Ok(footer);
        }
        let file = self.open()?;
        let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default())
            .map_err(Error::parquet(format!("open {}", self.path.display())))?;
        Ok(self.footer.get_or_init(|| footer))
    }

    fn open(&self) -> Result<File, Error> {
        File::open(&self.path).map_err(Error::io(&self.path))
    }

    /// The zone map, read from its file at the first question.
    pub(crate) fn zones(&self) -> Result<&Arc<Zones>, Error> {
        if let Some(zones) = self.zones.get() {
            return Ok(zones);
        }
        let path = self.path.with_extension("zones");
        let bytes = fs::read(&path).map_err(Error::io(&path))?;
        let zones =
            Zones::from_bytes(&bytes).map_err(|error| Error::Damaged { path, at: 0, what: error.to_string() })?;
        Ok(self.zones.get_or_init(|| Arc::new(zones)))
    }

    /// The zone map, where it was asked already.
    pub(crate) fn zones_in_memory(&self) -> Option<&Arc<Zones>> {
        self.zones.get()
    }

    /// The file as others open it.
    pub(crate) fn reference(&self) -> SegmentRef {
        SegmentRef { path: self.path.clone(), rows: self.meta.rows, time_us: self.meta.time_us }
    }

    /// A column of a chunk, by its place in the table's schema; nulls where the file is older than the column.
    pub(crate) fn column(&self, chunk: usize, column: usize) -> Result<ArrayRef, Error> {
        let key = Key { file: self.number, chunk: chunk as u32, column: column as u32 };
        self.cache.get(key, || self.decode(chunk, column))
    }

    /// The same, past the cache.
    pub(crate) fn decode(&self, chunk: usize, column: usize) -> Result<ArrayRef, Error> {
        let what = || format!("read {}", self.path.display());
        let footer = self.footer()?;
        let rows = footer.metadata().row_group(chunk).num_rows() as usize;
        let field = self.table.schema().field(column).clone();
        if column >= footer.schema().fields().len() {
            return Ok(new_null_array(field.data_type(), rows));
        }
        let mask = ProjectionMask::roots(footer.parquet_schema(), [column]);
        let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.open()?, footer.clone())
            .with_row_groups(vec![chunk])
            .with_projection(mask)
            .with_batch_size(rows)
            .build()
            .map_err(Error::parquet(what()))?;
        let batch: Option<RecordBatch> = reader.next().transpose().map_err(Error::arrow(what()))?;
        let found = batch.filter(|batch| batch.num_rows() == rows).map(|batch| batch.column(0).clone());
        found.ok_or_else(|| Error::Damaged {
            path: self.path.clone(),
            at: 0,
            what: format!("row group {chunk} does not hold the {rows} rows that its footer says"),
        })
    }
}
