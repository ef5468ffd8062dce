//! A sealed file as readers use it: opened when it is first asked, its zone map and footer kept, its columns decoded chunk
//! by chunk through the cache. A column of a chunk lies in one piece: of a file that is in an object store only that piece is
//! fetched, in one request.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use kernel_model::schema::Table;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::ChunkReader;
use spatial_index::Zones;

use super::cache::{ColumnCache, Key};
use super::segment::{SegmentMeta, SegmentRef};
use crate::error::Error;
use crate::objects::{self, Objects, Window};

/// What is fetched of the end of a file to find its footer; the footer is most often in it.
const TAIL_BYTES: u64 = 128 << 10;

/// Numbers files in the cache; a number is never used twice.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// One sealed file of a table.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) meta: SegmentMeta,
    pub(crate) table: Table,
    objects: Objects,
    /// Under the data folder.
    name: String,
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
            self.objects.forget_segment(&self.meta);
        }
    }
}

impl Segment {
    pub(crate) fn new(table: Table, meta: SegmentMeta, objects: Objects, cache: Arc<ColumnCache>) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            name: objects::sealed(&meta.file),
            meta,
            table,
            objects,
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
        let options = ArrowReaderOptions::default();
        let footer = match self.objects.open(&self.name)? {
            Some(file) => ArrowReaderMetadata::load(&file, options),
            None => ArrowReaderMetadata::load(&self.tail()?, options),
        };
        let footer = footer.map_err(Error::parquet(format!("open {}", self.place().display())))?;
        Ok(self.footer.get_or_init(|| footer))
    }

    /// Where it belongs, for people.
    fn place(&self) -> PathBuf {
        self.objects.place(&self.name)
    }

    fn damaged(&self, what: String) -> Error {
        Error::Damaged { path: self.place(), at: 0, what }
    }

    /// The end of the file with the whole footer in it, whose length stands before the last four bytes.
    fn tail(&self) -> Result<Window, Error> {
        let size = self.meta.parquet.bytes;
        let tail = self.objects.range(&self.name, size.saturating_sub(TAIL_BYTES)..size)?;
        let length = tail.bytes.last_chunk::<8>().map(|end| u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
        let needed = length.map(|length| u64::from(length) + 8).filter(|needed| *needed <= size);
        let needed = needed.ok_or_else(|| self.damaged("its footer is longer than the file".to_owned()))?;
        match needed <= tail.bytes.len() as u64 {
            true => Ok(tail),
            false => self.objects.range(&self.name, size - needed..size),
        }
    }

    /// The zone map, read from its file at the first question.
    pub(crate) fn zones(&self) -> Result<&Arc<Zones>, Error> {
        if let Some(zones) = self.zones.get() {
            return Ok(zones);
        }
        let name = objects::zones(&self.meta.file);
        let bytes = self.objects.whole(&name, self.meta.zones)?;
        let damaged = |what: String| Error::Damaged { path: self.objects.place(&name), at: 0, what };
        let zones = Zones::from_bytes(&bytes).map_err(|error| damaged(error.to_string()))?;
        Ok(self.zones.get_or_init(|| Arc::new(zones)))
    }

    /// The zone map, where it was asked already.
    pub(crate) fn zones_in_memory(&self) -> Option<&Arc<Zones>> {
        self.zones.get()
    }

    /// The file as others open it.
    pub(crate) fn reference(&self) -> SegmentRef {
        SegmentRef { objects: self.objects.clone(), meta: self.meta.clone(), table: self.table }
    }

    /// A column of a chunk, by its place in the table's schema; nulls where the file is older than the column.
    pub(crate) fn column(&self, chunk: usize, column: usize) -> Result<ArrayRef, Error> {
        let key = Key { file: self.number, chunk: chunk as u32, column: column as u32 };
        self.cache.get(key, || self.decode(chunk, column))
    }

    /// The same, past the cache.
    pub(crate) fn decode(&self, chunk: usize, column: usize) -> Result<ArrayRef, Error> {
        let footer = self.footer()?;
        let group = footer.metadata().row_group(chunk);
        if column >= footer.schema().fields().len() {
            return Ok(new_null_array(self.table.schema().field(column).data_type(), group.num_rows() as usize));
        }
        if let Some(file) = self.objects.open(&self.name)? {
            return self.decode_from(file, footer, chunk, column);
        }
        let piece = self.piece(group, column)?;
        self.decode_from(self.objects.range(&self.name, piece)?, footer, chunk, column)
    }

    /// Where the bytes of a column of a row group lie.
    fn piece(&self, group: &RowGroupMetaData, column: usize) -> Result<Range<u64>, Error> {
        let schema = group.schema_descr();
        let leaves = (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == column);
        let ends = leaves.map(|leaf| {
            let leaf = group.column(leaf);
            let start = leaf.dictionary_page_offset().unwrap_or_else(|| leaf.data_page_offset());
            (start, start.saturating_add(leaf.compressed_size()))
        });
        let (from, to) = ends.fold((i64::MAX, 0), |all, one| (all.0.min(one.0), all.1.max(one.1)));
        match (u64::try_from(from), u64::try_from(to)) {
            (Ok(from), Ok(to)) if from < to && to <= self.meta.parquet.bytes => Ok(from..to),
            _ => Err(self.damaged(format!("its footer says that a column lies at bytes {from} to {to}"))),
        }
    }

    fn decode_from(
        &self,
        file: impl ChunkReader + 'static,
        footer: &ArrowReaderMetadata,
        chunk: usize,
        column: usize,
    ) -> Result<ArrayRef, Error> {
        let what = || format!("read {}", self.place().display());
        let rows = footer.metadata().row_group(chunk).num_rows() as usize;
        let mask = ProjectionMask::roots(footer.parquet_schema(), [column]);
        let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.clone())
            .with_row_groups(vec![chunk])
            .with_projection(mask)
            .with_batch_size(rows)
            .build()
            .map_err(|error| Error::parquet(what())(error))?;
        let batch: Option<RecordBatch> = reader.next().transpose().map_err(|error| Error::arrow(what())(error))?;
        let found = batch.filter(|batch| batch.num_rows() == rows).map(|batch| batch.column(0).clone());
        let short = || self.damaged(format!("row group {chunk} does not hold the {rows} rows that its footer says"));
        found.ok_or_else(short)
    }
}
