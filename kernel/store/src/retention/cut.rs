//! Which rows of a part go, and the part again without them. A part comes in; a segment with the rows that stay comes out, in
//! their order.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{filter, filter_record_batch, max, min};
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;

use super::policy::Horizons;
use super::summary::{Key, Period};
use crate::error::Error;
use crate::parts::{Layout, Part, SegmentWriter};

/// What goes of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cut {
    before_us: i64,
    /// Where it matters when a row was told.
    told_us: Option<i64>,
    /// Summaries that are written anew.
    pub(crate) superseded: HashSet<Key>,
}

/// Rows that go for their age: how many, the first and the last instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Going {
    pub(crate) rows: u64,
    pub(crate) band_us: Option<(i64, i64)>,
    /// Rows that leave the part, also those that are written anew.
    pub(crate) leaving: u64,
}

/// What becomes of the rows of a chunk.
struct Chunk {
    old: BooleanArray,
    stay: BooleanArray,
    times: ArrayRef,
}

impl Cut {
    pub(crate) fn of(table: Table, horizons: &Horizons) -> Self {
        let told_us = (table == Table::Observations).then_some(horizons.told_us);
        Self { before_us: horizons.of(table), told_us, superseded: HashSet::new() }
    }

    /// Whether a row of a part may go.
    pub(crate) fn touches(&self, part: &Part) -> bool {
        let is_old = match part.time_band() {
            Some(band) => band.from_us < self.before_us,
            // Without a zone map only its rows say how old they are.
            None => Layout::of(part.table()).is_none() && self.before_us > i64::MIN,
        };
        is_old || !self.superseded.is_empty()
    }

    /// Whether a row goes for its age.
    pub(crate) fn is_old(&self, time_us: i64, recorded_us: Option<i64>) -> bool {
        let is_told = || self.told_us.zip(recorded_us).is_none_or(|(told, recorded)| recorded < told);
        time_us < self.before_us && is_told()
    }

    fn chunk(&self, part: &Part, chunk: usize) -> Result<Chunk, Error> {
        let table = part.table();
        let times = part.column_once(chunk, time_column(table))?;
        let recorded = self.told_us.map(|_| part.column_once(chunk, table.recorded_column())).transpose()?;
        let series = match Period::of(table) {
            Some(_) if !self.superseded.is_empty() => Some(part.column_once(chunk, 0)?),
            _ => None,
        };
        let instant = |column: &ArrayRef, row: usize| {
            let column = column.as_primitive::<TimestampMicrosecondType>();
            column.is_valid(row).then(|| column.value(row))
        };
        let is_old = |row: usize| {
            let recorded = recorded.as_ref().and_then(|recorded| instant(recorded, row));
            instant(&times, row).is_some_and(|time| self.is_old(time, recorded))
        };
        let is_superseded = |row: usize| {
            let series = series.as_ref().map(|series| series.as_primitive::<UInt64Type>().value(row));
            instant(&times, row).zip(series).is_some_and(|key| self.superseded.contains(&key))
        };
        let old: Vec<bool> = (0..times.len()).map(is_old).collect();
        let stay: Vec<bool> = old.iter().enumerate().map(|(row, old)| !old && !is_superseded(row)).collect();
        Ok(Chunk { old: old.into(), stay: stay.into(), times })
    }

    /// What goes of a part.
    pub(crate) fn going(&self, part: &Part) -> Result<Going, Error> {
        let mut going = Going::default();
        for chunk in 0..part.chunks() {
            let Chunk { old, stay, times } = self.chunk(part, chunk)?;
            going.leaving += stay.false_count() as u64;
            going.rows += old.true_count() as u64;
            let times = filter(&times, &old).map_err(Error::arrow("look for old rows"))?;
            let times = times.as_primitive::<TimestampMicrosecondType>();
            if let Some((first, last)) = min(times).zip(max(times)) {
                let (from, to) = going.band_us.unwrap_or((first, last));
                going.band_us = Some((from.min(first), to.max(last)));
            }
        }
        Ok(going)
    }

    /// Writes the rows of a part that stay.
    pub(crate) fn write_rest(&self, part: &Part, writer: &mut SegmentWriter) -> Result<(), Error> {
        let schema = part.table().schema();
        for chunk in 0..part.chunks() {
            let stay = self.chunk(part, chunk)?.stay;
            if stay.true_count() == 0 {
                continue;
            }
            let columns = (0..schema.fields().len()).map(|column| part.column_once(chunk, column));
            let rows = RecordBatch::try_new(schema.clone(), columns.collect::<Result<Vec<_>, _>>()?);
            let rows = rows.and_then(|rows| filter_record_batch(&rows, &stay)).map_err(Error::arrow("keep rows"))?;
            let unplaced = Layout::of(part.table()).map_or(rows.num_rows(), |at| rows.column(at.lon).null_count());
            writer.push(&rows, rows.num_rows() - unplaced)?;
        }
        Ok(())
    }
}

/// Where the instant stands by which a row grows old.
fn time_column(table: Table) -> usize {
    Layout::of(table).map_or(table.recorded_column(), |layout| layout.time)
}
