//! `POST /observations` and `POST /positions`: an Arrow IPC stream of rows, answered when they are durable. A small body is one
//! commit, and rows that are refused are said. A large one (`?bulk=true`, or more than [`SMALL_BYTES`] announced) is received to
//! the disk, then written straight into segments, all of it or nothing. Units, time zone, datum and height reference are
//! never guessed: see `docs/arrow.md`.

mod bulk;
mod columns;
mod known;
mod plain;
mod read;
mod said;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Buf;
use futures_util::StreamExt;
use kernel_model::Change;
use serde_json::{Value, json};

pub(crate) use self::bulk::received;
pub(crate) use self::read::Door;
pub(crate) use self::said::Parameters;
use crate::changes::first_refused;
use crate::error::ApiError;
use crate::parameters;
use crate::state::AppState;

/// A body that is not said to be taken in bulk is held in memory, so many bytes at most.
const SMALL_BYTES: usize = 64 << 20;

/// Takes readings.
pub(crate) async fn observations(
    State(state): State<Arc<AppState>>,
    parameters: parameters::Parameters<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    take(&state, Door::Observations, parameters.0, &headers, body).await
}

/// Takes fixes.
pub(crate) async fn positions(
    State(state): State<Arc<AppState>>,
    parameters: parameters::Parameters<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    take(&state, Door::Positions, parameters.0, &headers, body).await
}

async fn take(
    state: &Arc<AppState>,
    door: Door,
    parameters: Parameters,
    headers: &HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    state.ingest.may_write().map_err(ApiError::unavailable)?;
    state.access.may_write(headers)?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if parameters.bulk || length.is_some_and(|length| length > SMALL_BYTES) {
        return bulk::take(state, door, parameters, body).await;
    }
    let body = whole(body, length.unwrap_or(0)).await?;
    small(state, door, parameters, body).await
}

/// Takes an Arrow IPC stream that is in memory as one commit.
pub(crate) async fn small(
    state: &AppState,
    door: Door,
    parameters: Parameters,
    body: Vec<u8>,
) -> Result<Json<Value>, ApiError> {
    let reading = move || -> Result<Vec<Change>, ApiError> {
        plain::check(&mut std::io::Cursor::new(&body))?;
        let mut changes = Vec::new();
        for batch in StreamReader::try_new(body.as_slice(), None).map_err(no_stream)? {
            changes.extend(door.read(&batch.map_err(no_stream)?, &parameters)?);
        }
        Ok(changes)
    };
    let changes = tokio::task::spawn_blocking(reading).await.map_err(ApiError::internal)??;
    commit(state, changes).await
}

/// Commits readings and fixes and says what became of them.
pub(crate) async fn commit(state: &AppState, changes: Vec<Change>) -> Result<Json<Value>, ApiError> {
    let is_row = |change: &&Change| {
        matches!(change, Change::Observations(_) | Change::Positions(_) | Change::Readings(_) | Change::Fixes(_))
    };
    let rows: usize = changes.iter().filter(is_row).map(Change::row_count).sum();
    if rows == 0 && changes.iter().all(|change| is_row(&change)) {
        return Ok(answer(state.reader.snapshot().sequence().0, [0, 0, 0], &[]));
    }
    let receipt = state.ingest.commit(changes).await.map_err(ApiError::unwritten)?;
    let outcome = receipt.outcome;
    let (taken, unchanged) = (outcome.observations + outcome.positions, outcome.unchanged);
    let first = first_refused(&outcome);
    let refused = (rows as u64).saturating_sub(taken + unchanged).max(u64::from(rows == 0 && !first.is_empty()));
    Ok(answer(receipt.sequence.0, [taken, unchanged, refused], &first))
}

/// What became of rows.
fn answer(sequence: u64, [taken, unchanged, refused]: [u64; 3], first_refused: &[Value]) -> Json<Value> {
    Json(json!({
        "sequence": sequence,
        "taken": taken,
        "unchanged": unchanged,
        "refused": refused,
        "first_refused": first_refused,
    }))
}

/// A body in memory.
pub(crate) async fn whole(body: Body, announced: usize) -> Result<Vec<u8>, ApiError> {
    let mut whole = Vec::with_capacity(announced.min(SMALL_BYTES));
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ApiError::bad_request(format!("the body broke off: {error}")))?;
        if whole.len() + chunk.remaining() > SMALL_BYTES {
            let description =
                format!("more than {SMALL_BYTES} bytes: send them with ?bulk=true, or in several requests");
            return Err(ApiError { status: StatusCode::PAYLOAD_TOO_LARGE, description });
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}

fn no_stream(error: arrow::error::ArrowError) -> ApiError {
    ApiError::bad_request(format!("the body is not an Arrow IPC stream that can be read (uncompressed): {error}"))
}

/// Batches of a stream that failed say so.
type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, ApiError>> + Send + 'a>;
