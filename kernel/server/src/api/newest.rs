//! The newest readings and fixes of a snapshot within the times that are asked of. The present city is glanced at only for
//! where to begin: what it says is never given out, since it may be a commit ahead of the snapshot.

use kernel_model::{DatastreamId, EntityId, Observation, PositionFix, Span, TimeUs};
use kernel_store::{Reader, Snapshot};

use crate::error::ApiError;
use crate::times::Times;

/// The newest readings of a series, oldest first.
pub(super) fn newest_readings(
    reader: &Reader,
    snapshot: &Snapshot,
    datastream: DatastreamId,
    valid: Option<Span>,
    limit: usize,
) -> Result<Vec<Observation>, ApiError> {
    let newest = reader.glance().map(|live| live.reading(datastream).map(|reading| reading.phenomenon_time));
    match newest {
        Some(None) => Ok(Vec::new()),
        newest => {
            let valid = no_later(valid, newest.flatten());
            snapshot.newest_readings(datastream, valid, limit).map_err(ApiError::internal)
        }
    }
}

/// Where a thing was last by the end of the times that are asked of.
pub(super) fn newest_fix(
    reader: &Reader,
    snapshot: &Snapshot,
    entity: &EntityId,
    times: Times,
) -> Result<Option<PositionFix>, ApiError> {
    let Some(until) = times.until() else { return snapshot.latest_fix(entity).map_err(ApiError::internal) };
    let newest = reader.glance().map(|live| live.fix(entity).map(|fix| fix.time));
    match newest {
        Some(None) => Ok(None),
        newest => snapshot.newest_fix(entity, no_later(Some(until), newest.flatten())).map_err(ApiError::internal),
    }
}

/// A stretch of time that ends with an instant.
fn no_later(valid: Option<Span>, last: Option<TimeUs>) -> Option<Span> {
    let Some(end) = last.map(|last| TimeUs(last.0.saturating_add(1))) else { return valid };
    let valid = valid.unwrap_or_default();
    Some(Span { to: Some(valid.to.map_or(end, |to| to.min(end))), ..valid })
}

/// Readings as they stand in answers: UTC microseconds and value.
pub(super) fn pairs(readings: &[Observation]) -> Vec<(i64, f64)> {
    readings.iter().map(|reading| (reading.phenomenon_time.0, reading.value)).collect()
}
