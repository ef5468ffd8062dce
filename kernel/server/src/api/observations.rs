//! `GET /api/datastreams/{id}/observations?limit=`: the newest readings of a series, oldest first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use axum::Json;
use axum::extract::{Path, Query, State};
use kernel_model::DatastreamId;
use kernel_model::schema::Table;
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

/// The newest readings of each series as (UTC microseconds, value), oldest first. Memory is looked at first; segments
/// only while a series has too few, newest segment first.
pub(crate) fn newest(
    snapshot: &Snapshot,
    series: &[DatastreamId],
    limit: usize,
) -> Result<Vec<Vec<(i64, f64)>>, ApiError> {
    let mut found: HashMap<u64, BTreeMap<i64, f64>> = series.iter().map(|id| (id.0, BTreeMap::new())).collect();
    if series.is_empty() || limit == 0 {
        return Ok(vec![Vec::new(); series.len()]);
    }
    for batch in snapshot.batches(Table::Observations) {
        collect(&batch, limit, &mut found);
    }
    for segment in snapshot.segments(Table::Observations).iter().rev() {
        if found.values().all(|rows| rows.len() >= limit) {
            break;
        }
        for batch in segment.read(Table::Observations, &[0, 1, 3]).map_err(ApiError::internal)? {
            collect_columns(&batch, [0, 1, 2], limit, &mut found);
        }
    }
    Ok(series.iter().map(|id| found.remove(&id.0).unwrap_or_default().into_iter().collect()).collect())
}

fn collect(batch: &RecordBatch, limit: usize, found: &mut HashMap<u64, BTreeMap<i64, f64>>) {
    collect_columns(batch, [0, 1, 3], limit, found);
}

fn collect_columns(
    batch: &RecordBatch,
    [id, time, value]: [usize; 3],
    limit: usize,
    found: &mut HashMap<u64, BTreeMap<i64, f64>>,
) {
    let ids = batch.column(id).as_primitive::<UInt64Type>().values();
    let times = batch.column(time).as_primitive::<TimestampMicrosecondType>().values();
    let values = batch.column(value).as_primitive::<Float64Type>().values();
    for (row, id) in ids.iter().enumerate() {
        let Some(rows) = found.get_mut(id) else { continue };
        rows.insert(times[row], values[row]);
        if rows.len() > limit {
            rows.pop_first();
        }
    }
}
