//! `POST /changes`: a CBOR array of changes (`kernel_model::Change`), or a document of changes as people write them (JSON, see
//! `docs/changes.md`), written as one commit or not at all; so is a sequence of such arrays (`application/cbor-seq`, RFC 8742),
//! which is received to the disk and may be of any length. Answered when they are durable and, where they are assets,
//! registered.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use kernel_model::{Change, read_changes};
use kernel_store::Outcome;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::rows::received;
use crate::state::AppState;

/// Longest wait for the ledger after a commit.
const REGISTRATION: Duration = Duration::from_secs(60);

/// Writes the changes.
pub(crate) async fn post(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    state.ingest.may_write().map_err(ApiError::unavailable)?;
    state.access.may_write(&headers)?;
    let receipt = if is(&headers, b"application/cbor-seq") {
        if !state.reader.is_whole() || state.ingest.is_limited() {
            return Err(ApiError::forbidden("an import in pieces is for who sees everything and writes everywhere"));
        }
        let file = received(state.reader.snapshot().dir(), body).await?;
        state.ingest.import(Box::new(pieces(file))).await?
    } else {
        let body = axum::body::to_bytes(body, state.settings.body_bytes).await.map_err(|error| ApiError {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            description: format!("{error}: send them in several requests, or as application/cbor-seq"),
        })?;
        state.ingest.commit(read(&headers, &body)?).await.map_err(ApiError::unwritten)?
    };
    let mut reached = state.registrar.reached();
    let registered = tokio::time::timeout(REGISTRATION, reached.wait_for(|reached| *reached >= receipt.sequence)).await;
    let outcome = receipt.outcome;
    let first = first_refused(&outcome);
    Ok(Json(json!({
        "sequence": receipt.sequence.0,
        "registered": registered.is_ok(),
        "created": outcome.created,
        "revised": outcome.revised,
        "unchanged": outcome.unchanged,
        "retired": outcome.retired,
        "links": outcome.links,
        "observations": outcome.observations,
        "positions": outcome.positions,
        "contents": outcome.contents,
        "rejected": outcome.rejected.len(),
        "first_rejected": first,
    })))
}

/// The first records that were refused, with the reasons.
pub(crate) fn first_refused(outcome: &Outcome) -> Vec<Value> {
    let first = outcome.rejected.iter().take(20);
    first.map(|r| json!({ "source": r.source, "place": r.place, "reason": r.reason })).collect()
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Change>, ApiError> {
    if is(headers, b"application/json") {
        return read_changes(body, None).map_err(ApiError::bad_request);
    }
    ciborium::from_reader(body).map_err(|e| {
        ApiError::bad_request(format!("the body is not a CBOR array of changes: {e}; JSON says so in its content-type"))
    })
}

fn is(headers: &HeaderMap, media_type: &[u8]) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(media_type))
}

/// The arrays of a sequence, one after the other.
fn pieces(file: File) -> impl Iterator<Item = Result<Vec<Change>, ApiError>> + Send {
    let mut file = BufReader::new(file);
    std::iter::from_fn(move || match file.fill_buf() {
        Ok([]) => None,
        Ok(_) => Some(ciborium::from_reader(&mut file).map_err(|error| {
            ApiError::bad_request(format!("the body is not a sequence of CBOR arrays of changes: {error}"))
        })),
        Err(error) => Some(Err(ApiError::unavailable(error))),
    })
}
