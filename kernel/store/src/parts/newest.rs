//! The newest readings of a series: spans of time that grow backward from the last instant, until there are enough.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use kernel_model::DatastreamId;
use spatial_index::{Spans, TimeBand};

use super::layout;
use super::part::{CHUNK_ROWS, Part};
use crate::error::Error;

/// The first span looked at, microseconds.
const FIRST_US: i64 = 3_600_000_000;
/// By how much the next one is longer.
const GROWTH: i64 = 8;
/// Columns of `observations`.
const TIME: usize = 1;
const VALUE: usize = 3;

/// The newest readings of a datastream as (UTC microseconds, value), oldest first; of one instant the last one stands.
pub(crate) fn newest(parts: &[Part], datastream: DatastreamId, limit: usize) -> Result<Vec<(i64, f64)>, Error> {
    let bands = || parts.iter().filter_map(Part::time_band);
    let (Some(first), Some(last)) = (bands().map(|b| b.from_us).min(), bands().map(|b| b.to_us).max()) else {
        return Ok(Vec::new());
    };
    let mut length = FIRST_US;
    loop {
        let from_us = last.saturating_sub(length);
        let mut found = readings(parts, datastream, TimeBand { from_us, to_us: last })?;
        if found.len() >= limit || from_us <= first {
            while found.len() > limit {
                found.pop_first();
            }
            return Ok(found.into_iter().collect());
        }
        length = length.saturating_mul(GROWTH);
    }
}

fn readings(parts: &[Part], datastream: DatastreamId, band: TimeBand) -> Result<BTreeMap<i64, f64>, Error> {
    let spans = Spans { band, series: Some((datastream.0, datastream.0)) };
    let mut found = BTreeMap::new();
    for part in parts.iter().filter(|part| part.time_band().is_some_and(|own| own.meets(band))) {
        for rows in part.rows_in_spans(&spans)? {
            for row in rows {
                let (chunk, at) = (row / CHUNK_ROWS, row % CHUNK_ROWS);
                let (time, value) = (part.column(chunk, TIME)?, part.column(chunk, VALUE)?);
                found.insert(layout::instants(&time)[at], value.as_primitive::<Float64Type>().value(at));
            }
        }
    }
    Ok(found)
}
