//! Only the newest rows matter. A number comes in; what was asked of the index goes out with a time band that holds the newest
//! rows, so many at least: stretches that grow backward from the last instant are counted by the index until there are enough.

use std::ops::Range;

use arrow::array::RecordBatch;
use datafusion::error::Result;
use kernel_store::{CHUNK_ROWS, Part};
use spatial_index::TimeBand;

use super::asked::Asked;
use super::nearest::{Test, looked_at};
use super::parts::failed;

/// The first stretch, microseconds.
const FIRST_US: i64 = 60_000_000;
/// By how much the next one is longer.
const GROWTH: i64 = 8;

/// Narrows what is asked to the time of the newest rows; `test` is what the index does not answer.
pub(super) fn narrow(most: usize, asked: &mut Asked, parts: &[Part], test: Option<&Test>) -> Result<()> {
    let Some(TimeBand { from_us: first, to_us: last }) = asked.band_of(parts) else { return Ok(()) };
    let bound = looked_at(parts.iter().map(Part::rows).sum());
    let mut length = FIRST_US;
    loop {
        let from_us = last.saturating_sub(length).max(first);
        let asked_since = |part: &Part| asked.rows_since(part, from_us).map_err(failed);
        let rows = parts.iter().map(asked_since).collect::<Result<Vec<_>>>()?;
        let count: usize = rows.iter().flatten().map(Range::len).sum();
        if test.is_some() && count > bound {
            return Ok(());
        }
        let enough = match test {
            _ if count < most => false,
            None => true,
            Some(test) => passing(test, parts, &rows)? >= most,
        };
        if enough {
            asked.since(from_us);
            return Ok(());
        }
        if from_us <= first {
            return Ok(());
        }
        length = length.saturating_mul(GROWTH);
    }
}

/// How many of the rows of parts pass.
fn passing(test: &Test, parts: &[Part], rows: &[Vec<Range<usize>>]) -> Result<usize> {
    let mut passing = 0;
    for (part, runs) in parts.iter().zip(rows) {
        let numbers: Vec<usize> = runs.iter().cloned().flatten().collect();
        for chunk in numbers.chunk_by(|a, b| a / CHUNK_ROWS == b / CHUNK_ROWS) {
            let rows: RecordBatch = test.read(part, chunk)?;
            passing += test.mask(&rows)?.true_count();
        }
    }
    Ok(passing)
}
