//! `GET /alerts?since=N&limit=M`: the records after a number, as JSON; `POST /alerts/{number}/acknowledge`: somebody has taken
//! note of one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AlarmDoor, is_told};
use crate::error::ApiError;
use crate::parameters::{Parameters, Path, Said};
use crate::state::AppState;

/// Records of an answer, where nothing is said and at most.
const SOME: usize = 1_000;
const MOST: usize = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    since: u64,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Who {
    by: String,
}

/// The alarms, or word that there are none.
pub(super) fn door(state: &AppState) -> Result<&Arc<AlarmDoor>, ApiError> {
    let none = "this server has no alarm rules: give it some in the table [alarms] of its configuration";
    state.alarms.as_ref().ok_or_else(|| ApiError::not_found(none))
}

/// The records after a number, oldest first; `last` is the number to go on from.
pub(crate) async fn list(
    State(state): State<Arc<AppState>>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let reader = door(&state)?.reader().clone();
    let limit = wanted.limit.unwrap_or(SOME).min(MOST);
    let read = tokio::task::spawn_blocking(move || reader.after(wanted.since, limit)).await;
    let records = read.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    let last = records.last().map_or(wanted.since, |(number, _)| *number);
    let mut eye = state.reader.snapshot().eye();
    let told = records.iter().filter(|(_, record)| is_told(record, &mut eye));
    let alerts: Vec<Value> = told.map(|(number, record)| record.json(*number)).collect();
    Ok(Json(json!({ "last": last, "alerts": alerts })))
}

/// Notes who has seen an alert.
pub(crate) async fn acknowledge(
    State(state): State<Arc<AppState>>,
    Path(number): Path<u64>,
    headers: HeaderMap,
    Said(who): Said<Who>,
) -> Result<Json<Value>, ApiError> {
    state.access.may_write(&headers)?;
    let door = door(&state)?.clone();
    if who.by.trim().is_empty() {
        return Err(ApiError::bad_request("say who: {\"by\": \"name\"}"));
    }
    let noted = tokio::task::spawn_blocking(move || door.acknowledge(number, who.by.trim())).await;
    Ok(Json(json!({ "number": noted.map_err(ApiError::internal)?? })))
}
