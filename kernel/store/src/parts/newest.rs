//! The newest rows of a series: spans of time that grow backward from the last instant that is asked of, until there are
//! enough. Of one instant the row that came last stands.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId, Observation, PositionFix, Span, TimeUs};
use spatial_index::{Spans, TimeBand};

use super::layout;
use super::part::{CHUNK_ROWS, Part};
use crate::error::Error;
use crate::rows::{read_observations, read_positions};

/// The first span looked at, microseconds.
const FIRST_US: i64 = 3_600_000_000;
/// By how much the next one is longer.
const GROWTH: i64 = 8;

/// Rows by their instant, with the commit they came with.
type Found<T> = BTreeMap<i64, (u64, T)>;

/// When rows are to have been so and been told, and how many are enough.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) valid: Span,
    pub(crate) known: Option<TimeUs>,
    pub(crate) limit: usize,
}

/// The newest readings of a datastream, oldest first.
pub(crate) fn newest_readings(
    parts: &[Part],
    datastream: DatastreamId,
    asked: Asked,
) -> Result<Vec<Observation>, Error> {
    let found = backward(parts, datastream.0, asked, |row| {
        let mut reading = None;
        read_observations(row, |_, observation| reading = Some(observation));
        reading
    })?;
    Ok(found.into_values().map(|(_, reading)| reading).collect())
}

/// The newest fix of a moving thing.
pub(crate) fn newest_fix(parts: &[Part], entity: &EntityId, asked: Asked) -> Result<Option<PositionFix>, Error> {
    // Two things may share the number by which the index knows them.
    let found = backward(parts, layout::series_of(entity.bytes()), asked, |row| {
        let mut own = None;
        read_positions(row, |id, fix| own = (id == *entity).then_some(fix));
        own
    })?;
    Ok(found.into_values().next_back().map(|(_, fix)| fix))
}

fn backward<T>(
    parts: &[Part],
    series: u64,
    asked: Asked,
    read: impl Fn(&RecordBatch) -> Option<T>,
) -> Result<Found<T>, Error> {
    let bands = || parts.iter().filter_map(Part::time_band);
    let (Some(first), Some(last)) = (bands().map(|b| b.from_us).min(), bands().map(|b| b.to_us).max()) else {
        return Ok(BTreeMap::new());
    };
    let first = asked.valid.from.map_or(first, |from| first.max(from.0));
    let last = asked.valid.to.map_or(last, |to| last.min(to.0.saturating_sub(1)));
    let mut length = FIRST_US;
    loop {
        let from_us = last.saturating_sub(length).max(first);
        let mut found = BTreeMap::new();
        if from_us <= last {
            let spans = Spans { band: TimeBand { from_us, to_us: last }, series: Some((series, series)) };
            for part in parts.iter().filter(|part| part.time_band().is_some_and(|own| own.meets(spans.band))) {
                take(part, &spans, asked.known, &read, &mut found)?;
            }
        }
        if found.len() >= asked.limit || from_us <= first {
            while found.len() > asked.limit {
                found.pop_first();
            }
            return Ok(found);
        }
        length = length.saturating_mul(GROWTH);
    }
}

fn take<T>(
    part: &Part,
    spans: &Spans,
    known: Option<TimeUs>,
    read: impl Fn(&RecordBatch) -> Option<T>,
    found: &mut Found<T>,
) -> Result<(), Error> {
    let (schema, recorded) = (part.table().schema(), part.table().recorded_column());
    let time = schema.index_of(if part.table() == Table::Positions { "time" } else { "phenomenon_time" });
    let time = time.map_err(Error::arrow("read the newest rows"))?;
    let commit = schema.index_of("seq").map_err(Error::arrow("read the newest rows"))?;
    let mut chunk: Option<(usize, RecordBatch)> = None;
    for row in part.rows_in_spans(spans)?.into_iter().flatten() {
        let (number, at) = (row / CHUNK_ROWS, row % CHUNK_ROWS);
        let rows = match &chunk {
            Some((held, rows)) if *held == number => rows,
            _ => {
                let columns = (0..schema.fields().len()).map(|column| part.column(number, column));
                let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
                let rows = RecordBatch::try_new(schema.clone(), columns);
                &chunk.insert((number, rows.map_err(Error::arrow("read the newest rows"))?)).1
            }
        };
        let told = rows.column(recorded).as_primitive::<TimestampMicrosecondType>();
        let is_known = known.is_none_or(|known| told.is_null(at) || told.value(at) <= known.0);
        if let Some(row) = is_known.then(|| read(&rows.slice(at, 1))).flatten() {
            // In a part neighbours stand together, not what came together.
            let commit = rows.column(commit).as_primitive::<UInt64Type>().value(at);
            let at = layout::instants(rows.column(time))[at];
            if found.get(&at).is_none_or(|(before, _)| *before <= commit) {
                found.insert(at, (commit, row));
            }
        }
    }
    Ok(())
}
