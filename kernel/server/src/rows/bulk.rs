//! A large body: received into a file that has no name, so that neither a slow sender holds the writer nor a large body the
//! memory, then read batch by batch into rows of the stored schema by the writer, who makes them one commit. A row that is not
//! right refuses all.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt8Array, UInt64Array,
};
use arrow::array::{FixedSizeBinaryArray, new_null_array};
use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamReader;
use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use futures_util::StreamExt;
use kernel_model::schema::{Table, timestamp};
use kernel_model::{Change, FixColumns, ReadingColumns};
use kernel_store::Reader;
use serde_json::Value;

use super::known::Known;
use super::read::Door;
use super::said::Parameters;
use super::{Batches, answer, no_stream, plain};
use crate::error::ApiError;
use crate::state::AppState;

/// The most bytes that are received.
const MOST_BYTES: u64 = 64 << 30;

/// Takes a body in bulk.
pub(super) async fn take(
    state: &Arc<AppState>,
    door: Door,
    parameters: Parameters,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    // Rows without a place get that of their thing, which must be the real one; and whose they are is not looked at.
    if !state.reader.is_whole() || state.ingest.is_limited() {
        let line = "a load in bulk is for who may see everything and write everywhere: send the rows in smaller bodies";
        return Err(ApiError::forbidden(line));
    }
    let file = received(state.reader.snapshot().dir(), body).await?;
    let reader = state.reader.clone();
    let file = tokio::task::spawn_blocking(|| looked_over(file)).await.map_err(ApiError::internal)??;
    let opened = StreamReader::try_new_buffered(file, None).map_err(no_stream)?;
    let rows: Batches<'static> = Box::new(stored(opened, door, parameters, reader));
    let table = match door {
        Door::Observations => Table::Observations,
        Door::Positions => Table::Positions,
    };
    let loaded = state.ingest.load(table, rows).await?;
    let sequence = loaded.sequence.unwrap_or_else(|| state.reader.snapshot().sequence());
    Ok(answer(sequence.0, [loaded.rows, loaded.unchanged, 0], &[]))
}

/// The body in a file of the data folder's disk that is gone when it is closed.
pub(crate) async fn received(dir: &Path, body: Body) -> Result<File, ApiError> {
    let unwritten =
        |error: std::io::Error| ApiError::unavailable(format!("the body cannot be received to the disk: {error}"));
    let mut file = tempfile::tempfile_in(dir).map_err(unwritten)?;
    let (mut bytes, mut chunks) = (0, body.into_data_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ApiError::bad_request(format!("the body broke off: {error}")))?;
        bytes += chunk.len() as u64;
        if bytes > MOST_BYTES {
            let description = format!("more than {MOST_BYTES} bytes: send them in several requests");
            return Err(ApiError { status: StatusCode::PAYLOAD_TOO_LARGE, description });
        }
        let written = tokio::task::spawn_blocking(move || file.write_all(&chunk).map(|()| file)).await;
        file = written.map_err(ApiError::internal)?.map_err(unwritten)?;
    }
    file.seek(SeekFrom::Start(0)).map_err(unwritten)?;
    Ok(file)
}

/// The same file, if nothing in it is compressed.
fn looked_over(file: File) -> Result<File, ApiError> {
    let mut reader = BufReader::new(file);
    plain::check(&mut reader)?;
    let mut file = reader.into_inner();
    file.seek(SeekFrom::Start(0)).map_err(ApiError::internal)?;
    Ok(file)
}

/// Batches in the schema of the table.
fn stored(
    batches: StreamReader<BufReader<File>>,
    door: Door,
    parameters: Parameters,
    reader: Reader,
) -> impl Iterator<Item = Result<RecordBatch, ApiError>> + Send {
    let mut known = Known::new(reader);
    batches.flat_map(move |batch| {
        let rows = batch.map_err(no_stream).and_then(|batch| {
            let changes = door.read(&batch, &parameters)?;
            changes.into_iter().map(|change| rows(change, &mut known)).collect::<Result<Vec<_>, _>>()
        });
        match rows {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    })
}

fn rows(change: Change, known: &mut Known) -> Result<RecordBatch, ApiError> {
    let (table, columns) = match change {
        Change::Readings(readings) => (Table::Observations, readings_columns(readings, known)?),
        Change::Fixes(fixes) => (Table::Positions, fixes_columns(fixes, known)?),
        _ => return Err(ApiError::internal("rows became something else")),
    };
    RecordBatch::try_new(table.schema(), columns).map_err(ApiError::bad_request)
}

fn readings_columns(mut readings: ReadingColumns, known: &mut Known) -> Result<Vec<ArrayRef>, ApiError> {
    let count = readings.len();
    let datastreams = known.datastreams(&readings.datastreams, readings.unit.as_deref())?;
    known.fill_places(&datastreams, &mut readings.places);
    let places = readings.places.unwrap_or_default();
    let quality = match readings.quality.len() {
        0 => vec![0; count],
        _ => readings.quality.iter().map(|quality| quality.code()).collect(),
    };
    let results = match readings.result_us.len() {
        0 => new_null_array(&timestamp(), count),
        _ => instants(readings.result_us.into()),
    };
    Ok(vec![
        Arc::new(UInt64Array::from(datastreams)),
        instants(readings.phenomenon_us.into()),
        results,
        Arc::new(Float64Array::from(readings.value)),
        Arc::new(UInt8Array::from(quality)),
        some(places.lon_deg, count),
        some(places.lat_deg, count),
        // The store numbers rows itself.
        Arc::new(UInt64Array::from(vec![0; count])),
        some(places.height_m, count),
        new_null_array(&arrow::datatypes::DataType::UInt64, count),
        new_null_array(&timestamp(), count),
    ])
}

fn fixes_columns(fixes: FixColumns, known: &mut Known) -> Result<Vec<ArrayRef>, ApiError> {
    let count = fixes.len();
    let things = known.things(&fixes.things, &fixes.height_reference)?;
    let ids = FixedSizeBinaryArray::new(16, Buffer::from_vec(things.concat()), None);
    let single = |values: Vec<f32>| -> ArrayRef {
        let values: Float32Array = match values.len() {
            0 => std::iter::repeat_n(None, count).collect(),
            _ => values.into_iter().map(|value| (!value.is_nan()).then_some(value)).collect(),
        };
        Arc::new(values)
    };
    Ok(vec![
        Arc::new(ids),
        instants(fixes.time_us.into()),
        Arc::new(Float64Array::from(fixes.places.lon_deg)),
        Arc::new(Float64Array::from(fixes.places.lat_deg)),
        some(fixes.places.height_m, count),
        single(fixes.heading_deg),
        single(fixes.speed_m_s),
        Arc::new(UInt64Array::from(vec![0; count])),
        new_null_array(&timestamp(), count),
    ])
}

fn instants(times: TimestampMicrosecondArray) -> ArrayRef {
    Arc::new(times.with_timezone("+00:00"))
}

/// Numbers, null where there is none.
fn some(values: Vec<f64>, count: usize) -> ArrayRef {
    let values: Float64Array = match values.len() {
        0 => std::iter::repeat_n(None, count).collect(),
        _ if values.iter().any(|value| value.is_nan()) => {
            values.into_iter().map(|value| (!value.is_nan()).then_some(value)).collect()
        }
        _ => values.into(),
    };
    Arc::new(values)
}
