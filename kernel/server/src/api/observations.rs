//! `GET /api/datastreams/{id}/observations?limit=`: the newest readings of a series, oldest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use kernel_model::DatastreamId;
use kernel_store::Snapshot;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::state::AppState;

const DEFAULT: usize = 500;
const MOST: usize = 10_000;

#[derive(Debug, Deserialize)]
pub(crate) struct HowMany {
    limit: Option<usize>,
}

pub(crate) async fn observations(
    State(state): State<Arc<AppState>>,
    Path(id): Path<u64>,
    Query(how_many): Query<HowMany>,
) -> Result<Json<Value>, ApiError> {
    let id = DatastreamId(id);
    let limit = how_many.limit.unwrap_or(DEFAULT).min(MOST);
    let info = state.reader.live().datastream(id).cloned();
    let info = info.ok_or_else(|| ApiError::not_found(format!("there is no datastream {id}")))?;
    let snapshot = state.reader.snapshot();
    let rows = tokio::task::spawn_blocking(move || newest(&snapshot, &[id], limit)).await;
    let rows = rows.map_err(ApiError::internal)??.pop().unwrap_or_default();
    Ok(Json(json!({ "id": id, "property": info.property, "unit": info.unit, "rows": rows })))
}

/// The newest readings of each series as (UTC microseconds, value), oldest first.
pub(crate) fn newest(
    snapshot: &Snapshot,
    series: &[DatastreamId],
    limit: usize,
) -> Result<Vec<Vec<(i64, f64)>>, ApiError> {
    series.iter().map(|id| snapshot.newest_readings(*id, limit).map_err(ApiError::internal)).collect()
}
