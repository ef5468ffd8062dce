//! The newest readings and fixes of a snapshot within the times that are asked of. Latest values stay known where their rows
//! have gone for their age: they are then the last word.

use kernel_model::{DatastreamId, EntityId, Observation, PositionFix, Span, TimeUs};
use kernel_store::Snapshot;

use crate::error::ApiError;
use crate::times::Times;

/// The newest readings of a series, oldest first.
pub(super) fn newest_readings(
    snapshot: &Snapshot,
    datastream: DatastreamId,
    valid: Option<Span>,
    limit: usize,
) -> Result<Vec<Observation>, ApiError> {
    let Some(last) = snapshot.latest_reading(datastream).map_err(ApiError::internal)? else { return Ok(Vec::new()) };
    let until = no_later(valid, last.phenomenon_time);
    let rows = snapshot.newest_readings(datastream, Some(until), limit).map_err(ApiError::internal)?;
    let row_has_gone = rows.is_empty() && limit > 0 && is_asked(valid, last.phenomenon_time);
    Ok(if row_has_gone { vec![last] } else { rows })
}

/// Where a thing was last by the end of the times that are asked of.
pub(super) fn newest_fix(
    snapshot: &Snapshot,
    entity: &EntityId,
    times: Times,
) -> Result<Option<PositionFix>, ApiError> {
    let Some(last) = snapshot.latest_fix(entity).map_err(ApiError::internal)? else { return Ok(None) };
    if is_asked(times.until(), last.time) {
        return Ok(Some(last));
    }
    snapshot.newest_fix(entity, times.until()).map_err(ApiError::internal)
}

fn is_asked(valid: Option<Span>, at: TimeUs) -> bool {
    let Span { from, to } = valid.unwrap_or_default();
    from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to)
}

/// A stretch of time that ends with an instant.
fn no_later(valid: Option<Span>, last: TimeUs) -> Span {
    let (valid, end) = (valid.unwrap_or_default(), TimeUs(last.0.saturating_add(1)));
    Span { to: Some(valid.to.map_or(end, |to| to.min(end))), ..valid }
}

/// Readings as they stand in answers: UTC microseconds and value.
pub(super) fn pairs(readings: &[Observation]) -> Vec<(i64, f64)> {
    readings.iter().map(|reading| (reading.phenomenon_time.0, reading.value)).collect()
}
