//! `GET /api/datastreams/{id}/observations?limit=&datetime=&recorded=`: the newest readings of a series, oldest first; by an
//! instant or within a stretch of time, by what had been told by an instant.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use kernel_model::DatastreamId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::newest::{newest_readings, pairs};
use crate::error::ApiError;
use crate::parameters::{Parameters, Path};
use crate::state::AppState;
use crate::times::Times;

const DEFAULT: usize = 500;
const MOST: usize = 10_000;

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    limit: Option<usize>,
    datetime: Option<String>,
    recorded: Option<String>,
}

pub(crate) async fn observations(
    State(state): State<Arc<AppState>>,
    Path(id): Path<u64>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let times = Times::read(wanted.datetime.as_deref(), wanted.recorded.as_deref())?;
    let limit = wanted.limit.unwrap_or(DEFAULT).min(MOST);
    let answer = tokio::task::spawn_blocking(move || answer(&state, DatastreamId(id), times, limit)).await;
    answer.map_err(ApiError::internal)?.map(Json)
}

fn answer(state: &AppState, id: DatastreamId, times: Times, limit: usize) -> Result<Value, ApiError> {
    let snapshot = times.known(state.reader.snapshot());
    let info = snapshot.datastream(id).ok_or_else(|| ApiError::not_found(format!("there is no datastream {id}")))?;
    let rows = newest_readings(&snapshot, id, times.readings(), limit)?;
    Ok(json!({ "id": id, "property": info.property, "unit": info.unit, "rows": pairs(&rows) }))
}
