//! SensorThings (OGC 18-088), creating: `POST /sta/v1.1/Datastreams(7)/Observations` and `POST /sta/v1.1/Observations` with a
//! Datastream link. The id of a Datastream is the number of ours. Answered when the observation is durable, with its own
//! number in `Location`; one that was there already is answered as it was the first time.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, UInt64Type};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel_model::sensorthings::{self, NewObservation};
use kernel_model::{Change, DatastreamId, Names, ReadingColumns, TimeUs};
use kernel_query::Limits;
use serde_json::json;

use crate::error::ApiError;
use crate::state::AppState;

const ROOT: &str = "/sta/v1.1";

/// Into the Datastream of the address.
pub(crate) async fn in_datastream(
    State(state): State<Arc<AppState>>,
    Path(datastream): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let wrong = || ApiError::not_found(format!("`{datastream}` is no Datastream: write Datastreams(7)"));
    let datastream = sensorthings::datastream_of(&datastream).ok_or_else(wrong)?;
    create(&state, Some(datastream), &headers, &body).await
}

/// Into the Datastream that the body links to.
pub(crate) async fn linked(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    create(&state, None, &headers, &body).await
}

async fn create(
    state: &AppState,
    datastream: Option<DatastreamId>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, ApiError> {
    state.ingest.may_write().map_err(ApiError::unavailable)?;
    state.access.may_write(headers)?;
    let new = NewObservation::read(body, datastream).map_err(ApiError::bad_request)?;
    if state.reader.live().datastream(new.datastream).is_none() {
        return Err(ApiError::not_found(format!("there is no Datastream {}", new.datastream)));
    }
    let time = new.phenomenon_time.unwrap_or_else(TimeUs::now);
    let change = Change::Readings(ReadingColumns {
        datastreams: Names::Ids(vec![new.datastream]),
        unit: None,
        phenomenon_us: vec![time.0],
        result_us: new.result_time.map(|time| Some(time.0)).into_iter().collect(),
        value: vec![new.result],
        quality: Vec::new(),
        places: None,
    });
    let outcome = state.ingest.commit(vec![change]).await.map_err(ApiError::unwritten)?.outcome;
    if let Some(refused) = outcome.rejected.first() {
        return Err(ApiError { status: StatusCode::UNPROCESSABLE_ENTITY, description: refused.reason.clone() });
    }
    let id = number_of(state, new.datastream, time, new.result).await?;
    let link = format!("{ROOT}/Observations({id})");
    let body = json!({
        "@iot.id": id,
        "@iot.selfLink": link,
        "phenomenonTime": time.to_string(),
        "resultTime": new.result_time.map(|time| time.to_string()),
        "result": new.result,
        "Datastream@iot.navigationLink": format!("{link}/Datastream"),
    });
    Ok((StatusCode::CREATED, [(header::LOCATION, link)], Json(body)).into_response())
}

/// The number that the store gave a reading.
async fn number_of(state: &AppState, datastream: DatastreamId, time: TimeUs, value: f64) -> Result<u64, ApiError> {
    let sql = format!(
        "SELECT id, value FROM observations WHERE datastream = {datastream} AND phenomenon_time = TIMESTAMP '{time}'"
    );
    let limits = Limits { deadline: state.settings.sql_deadline, max_rows: state.settings.sql_rows };
    let found = state.engine.query(&state.reader.snapshot(), &[], &sql, limits).await.map_err(ApiError::internal)?;
    let found = found.collect().await.map_err(ApiError::internal)?;
    let rows = found.batches.iter().flat_map(|batch| {
        let (ids, values) =
            (batch.column(0).as_primitive::<UInt64Type>(), batch.column(1).as_primitive::<Float64Type>());
        ids.values().iter().zip(values.values()).map(|(id, value)| (*id, *value)).collect::<Vec<_>>()
    });
    // Of an older reading whose row has gone for its age there is no number any more.
    let same = rows.filter(|(_, found)| found.to_bits() == value.to_bits()).map(|(id, _)| id).max();
    same.ok_or_else(|| ApiError::internal("the observation is kept, its number cannot be told"))
}
