//! `POST /sql`: one question that only reads, as JSON `{"sql", "format", "limit", "recorded"}` or as plain text with
//! `?format=`. With `recorded` every stored table is that of what had been told by that instant. An answer that was cut says so: in the JSON member `truncated`, and for every format in the header `urbis-truncated`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel_query::format::{self, Format};
use kernel_query::{Answer, ExtraTable, Limits, View};
use kernel_store::Snapshot;
use serde::Deserialize;

use crate::alarms::AlarmDoor;
use crate::error::ApiError;
use crate::memory;
use crate::quality;
use crate::state::AppState;
use crate::times::Times;

/// Header that says why rows are missing.
const TRUNCATED: HeaderName = HeaderName::from_static("urbis-truncated");
/// Header that says as of which commit the answer is.
const SEQUENCE: HeaderName = HeaderName::from_static("urbis-sequence");

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    #[serde(default)]
    sql: String,
    format: Option<String>,
    limit: Option<usize>,
    recorded: Option<String>,
}

pub(crate) async fn post(
    State(state): State<Arc<AppState>>,
    Query(outside): Query<Question>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let question = read(&headers, &body)?;
    let name = question.format.or(outside.format).unwrap_or_else(|| "json".to_owned());
    let format: Format = name.parse().map_err(ApiError::bad_request)?;
    let most = state.settings.sql_rows;
    let max_rows = question.limit.or(outside.limit).unwrap_or(most).min(most);
    let times = Times::read(None, question.recorded.or(outside.recorded).as_deref())?;
    let limits = Limits { deadline: state.settings.sql_deadline, max_rows };
    let _place = state.sql_places.acquire().await.map_err(ApiError::internal)?;
    let snapshot = times.known(state.reader.snapshot());
    let beside = beside(&state, &snapshot);
    let result = state.engine.query(&snapshot, &beside, &question.sql, limits).await.map_err(refused)?;
    let answer = result.collect().await.map_err(refused)?;
    respond(format, &answer, snapshot.sequence().0)
}

/// What SQL can name beside the tables of a snapshot.
fn beside(state: &Arc<AppState>, snapshot: &Snapshot) -> Vec<ExtraTable> {
    let mut beside = vec![state.registrar.table(), memory::table(snapshot, state), quality::table(state)];
    beside.extend(state.alarms.as_ref().map(AlarmDoor::table));
    beside
}

/// What a question over another wire is asked of: all that is known now, with the same tables that `POST /sql` has.
pub fn view(state: &Arc<AppState>) -> View {
    let snapshot = state.reader.snapshot();
    let beside = beside(state, &snapshot);
    View::new(snapshot, beside)
}

fn read(headers: &HeaderMap, body: &Bytes) -> Result<Question, ApiError> {
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if json {
        return serde_json::from_slice(body).map_err(|e| {
            ApiError::bad_request(format!("the body is not {{\"sql\": \"SELECT ...\", \"format\": \"json\"}}: {e}"))
        });
    }
    let sql = std::str::from_utf8(body).map_err(|_| ApiError::bad_request("the question is not UTF-8 text"))?;
    Ok(Question { sql: sql.to_owned(), ..Question::default() })
}

/// The answer to a question that the engine did not answer.
pub(crate) fn refused(error: kernel_query::Error) -> ApiError {
    let status = match &error {
        kernel_query::Error::Memory(_) | kernel_query::Error::PlanDeadline(_) => StatusCode::SERVICE_UNAVAILABLE,
        kernel_query::Error::Internal(_) | kernel_query::Error::Start(_) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    ApiError { status, description: error.to_string() }
}

fn respond(format: Format, answer: &Answer, sequence: u64) -> Result<Response, ApiError> {
    let rows = format::bytes(format, &answer.schema, &answer.batches).map_err(refused)?;
    let cut = answer.truncated.map(|cut| cut.to_string());
    let body = match format {
        Format::Json => envelope(&rows, cut.as_deref(), sequence),
        _ => rows,
    };
    let mut response = ([(header::CONTENT_TYPE, format.media_type())], body).into_response();
    response.headers_mut().insert(SEQUENCE, HeaderValue::from(sequence));
    if let Some(cut) = cut.and_then(|cut| HeaderValue::from_str(&cut).ok()) {
        response.headers_mut().insert(TRUNCATED, cut);
    }
    Ok(response)
}

/// `{"sequence", "truncated", "rows"}` around the array of rows.
fn envelope(rows: &[u8], cut: Option<&str>, sequence: u64) -> Vec<u8> {
    let mut body = format!("{{\"sequence\":{sequence},\"truncated\":{},\"rows\":", serde_json::json!(cut)).into_bytes();
    body.extend(rows);
    body.push(b'}');
    body
}
