//! A sealed file as readers use it: opened when it is first asked, its zone map and footer kept, its columns decoded chunk
//! by chunk through the cache. A column of a chunk lies in one piece: that piece is read, or fetched from an object store in
//! one request, and compared with its checksum before it is decoded. What is damaged ends the questions that need it and no
//! others.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use kernel_model::schema::Table;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;
use spatial_index::{BytesError, Zones, ZonesBuilder};

use super::cache::{ColumnCache, Key};
use super::layout::Layout;
use super::part::{CHUNK_ROWS, with_columns};
use super::segment::{Measured, SegmentMeta, SegmentRef, read, read_from};
use super::sums;
use crate::error::Error;
use crate::objects::{self, Objects, Window};

/// What is fetched of the end of a file to find its footer; the footer is most often in it.
const TAIL_BYTES: u64 = 128 << 10;

/// Numbers files in the cache; a number is never used twice.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// What a file says of itself.
#[derive(Debug)]
struct Footer {
    parquet: ArrowReaderMetadata,
    /// Of every column of every row group; none where the file is older than they are.
    sums: Option<Vec<u32>>,
}

/// Files that stay readable when another program removes them.
#[derive(Debug)]
struct Held {
    parquet: File,
    zones: Option<File>,
}

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
    footer: OnceLock<Footer>,
    zones: OnceLock<Arc<Zones>>,
    held: OnceLock<Held>,
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
            held: OnceLock::new(),
            obsolete: AtomicBool::new(false),
        }
    }

    /// Says that no manifest names it any more.
    pub(crate) fn retire(&self) {
        self.obsolete.store(true, Ordering::Relaxed);
    }

    /// Keeps its files open: another program may write in this folder, and remove them when it has merged them. Where so many
    /// cannot be open, they are opened when they are asked.
    ///
    /// # Errors
    /// Where they are gone already.
    pub(crate) fn hold(&self) -> Result<(), Error> {
        if self.objects.remote().is_some() {
            return Ok(());
        }
        let open = |name: &str| {
            let path = self.objects.path(name);
            match File::open(&path) {
                Err(source) if source.kind() == io::ErrorKind::NotFound => Err(Error::Io { path, source }),
                other => Ok(other.ok()),
            }
        };
        let zones = self.meta.zones.map(|_| open(&objects::zones(&self.meta.file))).transpose()?.flatten();
        if let Some(parquet) = open(&self.name)? {
            self.held.get_or_init(|| Held { parquet, zones });
        }
        Ok(())
    }

    /// What the file says of itself; a chunk is a row group.
    fn footer(&self) -> Result<&Footer, Error> {
        if let Some(footer) = self.footer.get() {
            return Ok(footer);
        }
        let size = self.meta.parquet.bytes;
        let tail = match self.meta.footer {
            Some(wanted) => {
                let tail = self.piece(size.saturating_sub(wanted.bytes)..size)?;
                if Measured::of_bytes(&tail.bytes) != wanted {
                    return Err(self.damaged(tail.start, "its footer is not as it was written".to_owned()));
                }
                tail
            }
            None => self.old_tail()?,
        };
        let parquet = ArrowReaderMetadata::load(&tail, ArrowReaderOptions::default());
        let parquet = parquet.map_err(Error::parquet(format!("open {}", self.place().display())))?;
        let footer = Footer { sums: sums::parse(parquet.metadata()), parquet };
        Ok(self.footer.get_or_init(|| footer))
    }

    /// How many row groups it has.
    pub(crate) fn groups(&self) -> Result<usize, Error> {
        Ok(self.footer()?.parquet.metadata().num_row_groups())
    }

    /// Where it belongs, for people.
    fn place(&self) -> PathBuf {
        self.objects.place(&self.name)
    }

    fn damaged(&self, at: u64, what: String) -> Error {
        Error::Damaged { path: self.place(), at, what }
    }

    /// Some bytes of the file.
    fn piece(&self, place: Range<u64>) -> Result<Window, Error> {
        let path = self.objects.path(&self.name);
        let bytes = match (self.held.get(), self.objects.open(&self.name)) {
            (Some(held), _) => sums::read(&held.parquet, &path, place.clone())?.into(),
            (None, Ok(Some(file))) => sums::read(&file, &path, place.clone())?.into(),
            (None, Ok(None)) => return self.objects.range(&self.name, place),
            (None, Err(error)) => return Err(error),
        };
        Ok(Window { start: place.start, bytes })
    }

    /// The end of a file of an older version with the whole footer in it, whose length stands before the last four bytes. Of
    /// such a file in the folder every byte is compared once.
    fn old_tail(&self) -> Result<Window, Error> {
        let size = self.meta.parquet.bytes;
        if self.objects.open(&self.name)?.is_some() {
            self.objects.whole(&self.name, Some(self.meta.parquet))?;
        }
        let tail = self.piece(size.saturating_sub(TAIL_BYTES)..size)?;
        let length = tail.bytes.last_chunk::<8>().map(|end| u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
        let needed = length.map(|length| u64::from(length) + 8).filter(|needed| *needed <= size);
        let needed = needed.ok_or_else(|| self.damaged(size, "its footer is longer than the file".to_owned()))?;
        match needed <= tail.bytes.len() as u64 {
            true => Ok(tail),
            false => self.piece(size - needed..size),
        }
    }

    /// The file, where it is in the folder, is as it was written, and stays there while this is read.
    pub(super) fn path(&self) -> Result<Option<PathBuf>, Error> {
        let path = self.objects.path(&self.name);
        if self.held.get().is_some() || !path.exists() {
            return Ok(None);
        }
        match Measured::of(&path)? == self.meta.parquet {
            true => Ok(Some(path)),
            false => Err(Error::not_as_named(path)),
        }
    }

    /// All its rows, in the table's schema.
    pub(super) fn read(&self) -> Result<Vec<RecordBatch>, Error> {
        if self.held.get().is_none() {
            return read(&self.objects, &self.meta, self.table);
        }
        let bytes = self.piece(0..self.meta.parquet.bytes)?.bytes;
        match Measured::of_bytes(&bytes) == self.meta.parquet {
            true => read_from(bytes, &self.place(), self.table),
            false => Err(Error::not_as_named(self.place())),
        }
    }

    /// The zone map, read from its file at the first question; where that is damaged, made anew from the rows.
    pub(crate) fn zones(&self) -> Result<&Arc<Zones>, Error> {
        if let Some(zones) = self.zones.get() {
            return Ok(zones);
        }
        let zones = match self.stored_zones() {
            Err(error @ Error::Objects { .. }) => return Err(error),
            Err(error) => self.new_zones(error)?,
            Ok(zones) => zones,
        };
        Ok(self.zones.get_or_init(|| Arc::new(zones)))
    }

    fn stored_zones(&self) -> Result<Zones, Error> {
        let name = objects::zones(&self.meta.file);
        let path = self.objects.path(&name);
        let bytes = match (self.held.get().and_then(|held| held.zones.as_ref()), self.meta.zones) {
            (Some(file), Some(wanted)) => sums::read(file, &path, 0..wanted.bytes)?.into(),
            (_, wanted) => self.objects.whole(&name, wanted)?,
        };
        let damaged = |error: BytesError| Error::Damaged { path: path.clone(), at: 0, what: error.to_string() };
        Zones::from_bytes(&bytes).map_err(damaged)
    }

    /// The zone map of the rows in the file, which must be the one that the manifest means; `error` says why it is needed.
    fn new_zones(&self, error: Error) -> Result<Zones, Error> {
        let (Some(layout), Some(wanted)) = (Layout::of(self.table), self.meta.zones) else { return Err(error) };
        let mut builder = ZonesBuilder::default();
        for chunk in 0..self.footer()?.parquet.metadata().num_row_groups() {
            let columns = (0..self.table.schema().fields().len()).map(|column| self.decode(chunk, column));
            let rows = RecordBatch::try_new(self.table.schema(), columns.collect::<Result<_, _>>()?);
            let rows = rows.map_err(Error::arrow("make a zone map anew"))?;
            let placed = rows.num_rows() - rows.column(layout.lon).null_count();
            with_columns(layout, &rows, placed, |columns| builder.push(columns));
        }
        let zones = builder.build();
        let bytes = zones.to_bytes();
        if Measured::of_bytes(&bytes) != wanted {
            return Err(error);
        }
        tracing::error!(%error, "the zone map was made anew from its rows");
        // A program that only reads cannot put it there, and need not.
        drop(self.objects.disk().replace(&self.objects.path(&objects::zones(&self.meta.file)), &bytes));
        Ok(zones)
    }

    /// The zone map, where it was asked already.
    pub(crate) fn zones_in_memory(&self) -> Option<&Arc<Zones>> {
        self.zones.get()
    }

    /// The file as others open it.
    pub(crate) fn reference(self: &Arc<Self>) -> SegmentRef {
        SegmentRef(self.clone())
    }

    /// A column of a chunk, by its place in the table's schema; nulls where the file is older than the column.
    pub(crate) fn column(&self, chunk: usize, column: usize) -> Result<ArrayRef, Error> {
        let key = Key { file: self.number, chunk: chunk as u32, column: column as u32 };
        self.cache.get(key, || self.decode(chunk, column))
    }

    /// The same, past the cache.
    pub(crate) fn decode(&self, chunk: usize, column: usize) -> Result<ArrayRef, Error> {
        let footer = self.footer()?;
        let group = footer.parquet.metadata().row_group(chunk);
        if column >= footer.parquet.schema().fields().len() {
            return Ok(new_null_array(self.table.schema().field(column).data_type(), group.num_rows() as usize));
        }
        let schema = group.schema_descr();
        let leaves = (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == column);
        let places: Vec<_> = leaves.map(|leaf| (leaf, sums::place(group, leaf))).collect();
        let bounds = places.iter().try_fold((u64::MAX, 0), |(from, to), (_, place)| {
            let place = place.as_ref()?;
            Some((from.min(place.start), to.max(place.end)))
        });
        let bounds = bounds.map(|(from, to)| from..to);
        let bounds = bounds.filter(|place| place.start < place.end && place.end <= self.meta.parquet.bytes);
        let bounds =
            bounds.ok_or_else(|| self.damaged(0, format!("its footer says that a column lies at {places:?}")))?;
        let piece = self.piece(bounds)?;
        for (leaf, place) in places {
            let wanted = footer.sums.as_ref().and_then(|sums| sums.get(chunk * schema.num_columns() + leaf));
            let (Some(wanted), Some(place)) = (wanted, place) else { continue };
            let (from, to) = ((place.start - piece.start) as usize, (place.end - piece.start) as usize);
            if crc32c::crc32c(&piece.bytes[from..to]) != *wanted {
                let name = schema.column(leaf).name().to_owned();
                let what =
                    format!("the column {name} of its rows from {} on is not as it was written", chunk * CHUNK_ROWS);
                return Err(self.damaged(place.start, what));
            }
        }
        self.decode_from(piece, &footer.parquet, chunk, column)
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
        let short = || self.damaged(0, format!("row group {chunk} does not hold the {rows} rows that its footer says"));
        found.ok_or_else(short)
    }
}
