//! A part: sorted rows with their zone map, in memory or sealed; and its columns, chunk by chunk.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use kernel_model::schema::Table;
use spatial_index::{Columns, TimeBand, Zones};

use super::layout::{self, Layout};
use super::order::merged;
use super::sealed::Segment;
use crate::error::Error;

/// Rows of a chunk: what is decoded together. The last one of a part may have fewer.
pub const CHUNK_ROWS: usize = 131_072;

/// Rows of one table in the order of their space-time keys. Cheap to clone; it never changes.
#[derive(Debug, Clone)]
pub struct Part {
    table: Table,
    rows: usize,
    band: Option<TimeBand>,
    data: Data,
}

#[derive(Debug, Clone)]
enum Data {
    Memory { rows: RecordBatch, placed: usize, zones: Arc<Zones> },
    Sealed(Arc<Segment>),
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
            data: Data::Memory { rows, placed, zones: Arc::new(zones) },
        })
    }

    /// A sealed part.
    pub(crate) fn sealed(segment: Arc<Segment>) -> Self {
        let band = segment.meta.time_us.map(|(from_us, to_us)| TimeBand { from_us, to_us });
        Self { table: segment.table, rows: segment.meta.rows as usize, band, data: Data::Sealed(segment) }
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
            Data::Memory { rows, placed, .. } => Some((rows, *placed)),
            Data::Sealed(_) => None,
        }
    }

    /// The file, where it is sealed.
    pub(crate) fn segment(&self) -> Option<&Arc<Segment>> {
        match &self.data {
            Data::Memory { .. } => None,
            Data::Sealed(segment) => Some(segment),
        }
    }

    /// The zone map of its rows.
    ///
    /// # Errors
    /// Where its file cannot be read.
    pub fn zones(&self) -> Result<&Arc<Zones>, Error> {
        match &self.data {
            Data::Memory { zones, .. } => Ok(zones),
            Data::Sealed(segment) => segment.zones(),
        }
    }

    /// Bytes of its zone map, where that is in memory.
    pub(crate) fn zone_map_bytes(&self) -> usize {
        match &self.data {
            Data::Memory { zones, .. } => zones.memory_bytes(),
            Data::Sealed(segment) => segment.zones_in_memory().map_or(0, |zones| zones.memory_bytes()),
        }
    }

    /// How many chunks it has; all but the last have [`CHUNK_ROWS`] rows.
    pub fn chunks(&self) -> usize {
        self.rows.div_ceil(CHUNK_ROWS)
    }

    /// Rows of a chunk.
    pub fn chunk(&self, chunk: usize) -> Range<usize> {
        chunk * CHUNK_ROWS..self.rows.min((chunk + 1) * CHUNK_ROWS)
    }

    /// As [`Part::column`], past the cache.
    pub(crate) fn column_once(&self, chunk: usize, column: usize) -> Result<ArrayRef, Error> {
        match &self.data {
            Data::Memory { .. } => self.column(chunk, column),
            Data::Sealed(segment) => segment.decode(chunk, column),
        }
    }

    /// A column of a chunk, by its place in the table's schema.
    ///
    /// # Errors
    /// Where its file cannot be read.
    pub fn column(&self, chunk: usize, column: usize) -> Result<ArrayRef, Error> {
        match &self.data {
            Data::Memory { rows, .. } => {
                let range = self.chunk(chunk);
                Ok(rows.column(column).slice(range.start, range.len()))
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
