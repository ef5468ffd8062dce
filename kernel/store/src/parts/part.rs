//! A part: sorted rows with their zone map, in memory or sealed; and its columns, chunk by chunk.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use kernel_model::schema::Table;
use spatial_index::{Columns, TimeBand, Zones};

use super::filter::{Filter, Mark};
use super::layout::{self, Layout};
use super::order::merged;
use super::sealed::Segment;
use crate::error::Error;

/// Rows of a chunk: what is decoded together. The last one of a part may have fewer.
pub const CHUNK_ROWS: usize = 131_072;
/// A sealed part is read for its filter once one row for so many was looked for in it: what looking cost until then is about
/// what reading costs.
const LOOKS_FOR_A_FILTER: usize = 512;
/// Held by the one thread that reads a part for its filter: the rest waits, so that what it holds in memory is one part's.
static FILTERING: Mutex<()> = Mutex::new(());

/// Rows of one table in the order of their space-time keys. Cheap to clone; it never changes.
#[derive(Debug, Clone)]
pub struct Part {
    table: Table,
    rows: usize,
    band: Option<TimeBand>,
    data: Data,
    late: Arc<Late>,
}

#[derive(Debug, Clone)]
enum Data {
    Memory(Arc<Memory>),
    Sealed(Arc<Segment>),
}

#[derive(Debug)]
struct Memory {
    rows: RecordBatch,
    placed: usize,
    zones: Arc<Zones>,
    /// Series and row, ascending; made when a series is first asked for.
    series: OnceLock<Vec<(u64, u32)>>,
}

impl Memory {
    fn series(&self, layout: Layout) -> &[(u64, u32)] {
        self.series.get_or_init(|| {
            let numbers = layout::series(self.rows.column(layout.series));
            let mut rows: Vec<(u64, u32)> = layout::numbers(&numbers).iter().copied().zip(0..).collect();
            rows.sort_unstable();
            rows
        })
    }
}

/// What is kept for late rows, where there are any.
#[derive(Debug, Default)]
struct Late {
    filter: OnceLock<Filter>,
    /// How many rows were looked for without one.
    looks: AtomicUsize,
    /// Set while a thread makes one.
    is_made: AtomicBool,
}

impl Part {
    /// A part in memory of the rows of some batches.
    pub(crate) fn of(table: Table, batches: &[RecordBatch]) -> Result<Self, Error> {
        let (rows, placed) = merged(table, batches)?;
        let zones = Layout::of(table).map(|layout| zones_of(layout, &rows, placed));
        let zones = zones.unwrap_or_else(|| Zones::over(&Columns::default()));
        Ok(Self {
            table,
            rows: rows.num_rows(),
            band: zones.time_band(),
            data: Data::Memory(Arc::new(Memory { rows, placed, zones: Arc::new(zones), series: OnceLock::new() })),
            late: Arc::default(),
        })
    }

    /// A sealed part.
    pub(crate) fn sealed(segment: Arc<Segment>) -> Self {
        let band = segment.meta.time_us.map(|(from_us, to_us)| TimeBand { from_us, to_us });
        let (table, rows) = (segment.table, segment.meta.rows as usize);
        Self { table, rows, band, data: Data::Sealed(segment), late: Arc::default() }
    }

    /// Its table.
    pub fn table(&self) -> Table {
        self.table
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// First and last instant of its rows.
    pub fn time_band(&self) -> Option<TimeBand> {
        self.band
    }

    /// The rows, where they are in memory.
    pub fn batch(&self) -> Option<&RecordBatch> {
        self.in_memory().map(|(rows, _)| rows)
    }

    /// The rows and how many of the first ones have a place, where they are in memory.
    pub(crate) fn in_memory(&self) -> Option<(&RecordBatch, usize)> {
        match &self.data {
            Data::Memory(memory) => Some((&memory.rows, memory.placed)),
            Data::Sealed(_) => None,
        }
    }

    /// The file, where it is sealed.
    pub(crate) fn segment(&self) -> Option<&Arc<Segment>> {
        match &self.data {
            Data::Memory(_) => None,
            Data::Sealed(segment) => Some(segment),
        }
    }

    /// The zone map of its rows.
    ///
    /// # Errors
    /// Where its file cannot be read.
    pub fn zones(&self) -> Result<&Arc<Zones>, Error> {
        match &self.data {
            Data::Memory(memory) => Ok(&memory.zones),
            Data::Sealed(segment) => segment.zones(),
        }
    }

    /// Rows of a series, ascending, where they are in memory: found at once, wherever they lie.
    pub(crate) fn rows_of_series(&self, layout: Layout, series: u64) -> impl Iterator<Item = usize> + '_ {
        let all = match &self.data {
            Data::Memory(memory) => memory.series(layout),
            Data::Sealed(_) => &[],
        };
        let from = all.partition_point(|(own, _)| *own < series);
        all[from..].iter().take_while(move |(own, _)| *own == series).map(|(_, row)| *row as usize)
    }

    /// Bytes of its zone map, its filter and its rows by series, where they are in memory.
    pub(crate) fn zone_map_bytes(&self) -> usize {
        let zones = match &self.data {
            Data::Memory(memory) => {
                memory.zones.memory_bytes() + memory.series.get().map_or(0, |rows| size_of_val(rows.as_slice()))
            }
            Data::Sealed(segment) => segment.zones_in_memory().map_or(0, |zones| zones.memory_bytes()),
        };
        zones + self.late.filter.get().map_or(0, Filter::memory_bytes)
    }

    /// Those of some rows, each with its mark, that may be there: by the filter of the part, or all of them while it has none.
    ///
    /// # Errors
    /// Where its file cannot be read.
    pub(crate) fn may_hold(&self, layout: Layout, rows: &mut Vec<(Mark, u32)>) -> Result<(), Error> {
        if let Some(filter) = self.filter(layout, rows.len())? {
            rows.retain(|(mark, _)| filter.may_hold(*mark));
        }
        Ok(())
    }

    /// The filter, for so many rows. A sealed part's is worth its memory once many were looked for; then a thread makes it, and
    /// nobody waits for that but who asks for as many at once.
    fn filter(&self, layout: Layout, wanted: usize) -> Result<Option<&Filter>, Error> {
        if let Some(filter) = self.late.filter.get() {
            return Ok(Some(filter));
        }
        let worth = self.rows / LOOKS_FOR_A_FILTER;
        if self.segment().is_none() || wanted > worth {
            return self.make_filter(layout).map(Some);
        }
        let looks = self.late.looks.fetch_add(wanted, Ordering::Relaxed);
        if looks > worth && !self.late.is_made.swap(true, Ordering::AcqRel) {
            let part = self.clone();
            std::thread::spawn(move || part.make_filter_aside(layout));
        }
        Ok(None)
    }

    /// Makes the filter, one part after the other. Where that fails, rows go on being looked for without one, and it is tried
    /// again after as many as before.
    fn make_filter_aside(&self, layout: Layout) {
        let _turn = FILTERING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.make_filter(layout) {
            tracing::warn!(%error, table = self.table.name(), "late rows are looked for one by one");
            self.late.looks.store(0, Ordering::Relaxed);
        }
        self.late.is_made.store(false, Ordering::Release);
    }

    fn make_filter(&self, layout: Layout) -> Result<&Filter, Error> {
        let mut filter = Filter::with_room(self.rows);
        for chunk in 0..self.chunks() {
            filter.add(&self.column_once(chunk, layout.series)?, &self.column_once(chunk, layout.time)?);
        }
        Ok(self.late.filter.get_or_init(|| filter))
    }

    /// How many chunks it has; all but the last have [`CHUNK_ROWS`] rows.
    pub fn chunks(&self) -> usize {
        self.rows.div_ceil(CHUNK_ROWS)
    }

    /// In how many pieces it is read whole: its chunks, or what a file of a table without places was written in.
    pub(crate) fn groups(&self) -> Result<usize, Error> {
        match &self.data {
            Data::Memory(_) => Ok(self.chunks()),
            Data::Sealed(segment) => segment.groups(),
        }
    }

    /// Rows of a chunk.
    pub fn chunk(&self, chunk: usize) -> Range<usize> {
        chunk * CHUNK_ROWS..self.rows.min((chunk + 1) * CHUNK_ROWS)
    }

    /// As [`Part::column`], past the cache.
    pub(crate) fn column_once(&self, chunk: usize, column: usize) -> Result<ArrayRef, Error> {
        match &self.data {
            Data::Memory(_) => self.column(chunk, column),
            Data::Sealed(segment) => segment.decode(chunk, column),
        }
    }

    /// A column of a chunk, by its place in the table's schema.
    ///
    /// # Errors
    /// Where its file cannot be read.
    pub fn column(&self, chunk: usize, column: usize) -> Result<ArrayRef, Error> {
        match &self.data {
            Data::Memory(memory) => {
                let range = self.chunk(chunk);
                Ok(memory.rows.column(column).slice(range.start, range.len()))
            }
            Data::Sealed(segment) => segment.column(chunk, column),
        }
    }
}

/// The zone map of sorted rows, of which the first `placed` have a place.
fn zones_of(layout: Layout, rows: &RecordBatch, placed: usize) -> Zones {
    with_columns(layout, rows, placed, Zones::over)
}

/// Does something with the columns that a zone map is made of.
pub(super) fn with_columns<T>(
    layout: Layout,
    rows: &RecordBatch,
    placed: usize,
    does: impl FnOnce(&Columns<'_>) -> T,
) -> T {
    let heights = layout.height.map(|column| layout::heights(rows.column(column)));
    let series = layout::series(rows.column(layout.series));
    does(&Columns {
        lon: layout::degrees(rows.column(layout.lon)),
        lat: layout::degrees(rows.column(layout.lat)),
        placed,
        height_m: heights.as_ref().map(layout::degrees),
        time_us: Some(layout::instants(rows.column(layout.time))),
        series: Some(layout::numbers(&series)),
    })
}
