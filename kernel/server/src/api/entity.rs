//! `GET /api/entities/{id}?datetime=&recorded=`: everything a card shows of one thing, as it stands or as it was, read from
//! one snapshot.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use axum::Json;
use axum::extract::State;
use kernel_model::{EntityId, HeightReference, Observation, Place, PositionFix, Region, TimeUs};
use kernel_store::{DatastreamInfo, Snapshot};
use serde::Deserialize;
use serde_json::{Value, json};

use super::newest::{newest_fix, newest_readings, pairs};
use crate::codes::codes;
use crate::error::ApiError;
use crate::parameters::{Parameters, Path};
use crate::registrar::Registrar;
use crate::state::AppState;
use crate::times::Times;

/// Readings of each datastream on a card.
const SERIES: usize = 120;

#[derive(Debug, Deserialize)]
pub(crate) struct When {
    datetime: Option<String>,
    recorded: Option<String>,
}

pub(crate) async fn entity(
    State(state): State<Arc<AppState>>,
    Path(id): Path<String>,
    Parameters(when): Parameters<When>,
) -> Result<Json<Value>, ApiError> {
    let id: EntityId = id.parse().map_err(ApiError::bad_request)?;
    let times = Times::read(when.datetime.as_deref(), when.recorded.as_deref())?;
    let card = tokio::task::spawn_blocking(move || card(&state, &id, times)).await;
    card.map_err(ApiError::internal)?.map(Json)
}

fn card(state: &AppState, id: &EntityId, times: Times) -> Result<Value, ApiError> {
    let snapshot = times.known(state.reader.snapshot());
    let row = match times.valid {
        None => snapshot.last_state(id),
        valid => snapshot.entity(id, valid),
    };
    let then = if times == Times::default() { "" } else { " at that time" };
    let row = row.ok_or_else(|| ApiError::not_found(format!("there is no thing {id}{then}")))?;
    let fix = newest_fix(&snapshot, id, times)?;
    let mut card = described(id, &row, fix.as_ref());
    card["datastreams"] = datastreams(&snapshot, id, times)?.into();
    card["receipt"] =
        receipt(&state.registrar, id, card["sequence"].as_u64().unwrap_or(0), card["geometry_type"].is_string());
    Ok(card)
}

fn described(id: &EntityId, row: &RecordBatch, fix: Option<&PositionFix>) -> Value {
    let place = fix.map(|fix| fix.place).or_else(|| place_of(row));
    let properties: Value = serde_json::from_str(text(row, 19)).unwrap_or_default();
    let reference: HeightReference = text(row, 10).parse().unwrap_or(HeightReference::Unknown);
    json!({
        "id": id,
        "kind": text(row, 3),
        "class": text(row, 4),
        "name": row.column(5).is_valid(0).then(|| text(row, 5)),
        "source": { "dataset": text(row, 7), "id": text(row, 8) },
        "lineage": text(row, 23),
        "height_reference": text(row, 10),
        "place": place.as_ref().map(self::place),
        "region": region(row),
        "geometry_type": row.column(9).is_valid(0).then_some("wkb"),
        "recorded_at": instant(row, 2),
        "sequence": row.column(1).as_primitive::<UInt64Type>().value(0),
        "valid_from": instant(row, 20),
        "valid_to": instant(row, 21),
        "retired": row.column(22).as_boolean().value(0),
        "codes": place.map(|place| codes(&place, &reference)),
        "properties": properties,
        "parent": row.column(6).is_valid(0).then(|| EntityId::from_slice(row.column(6).as_fixed_size_binary().value(0))),
        "position": fix.map(position),
    })
}

fn text(row: &RecordBatch, column: usize) -> &str {
    row.column(column).as_string::<i32>().value(0)
}

fn real(row: &RecordBatch, column: usize) -> Option<f64> {
    let column = row.column(column).as_primitive::<Float64Type>();
    column.is_valid(0).then(|| column.value(0))
}

/// The anchor of a row of `entities`.
pub(super) fn place_of(row: &RecordBatch) -> Option<Place> {
    let (lon_deg, lat_deg) = real(row, 11).zip(real(row, 12))?;
    Some(Place { lon_deg, lat_deg, height_m: real(row, 13) })
}

fn region(row: &RecordBatch) -> Option<Region> {
    let [west, south, east, north] = [14, 15, 16, 17].map(|column| real(row, column));
    Some(Region { west: west?, south: south?, east: east?, north: north? })
}

fn instant(row: &RecordBatch, column: usize) -> Option<String> {
    let times = row.column(column).as_primitive::<TimestampMicrosecondType>();
    times.is_valid(0).then(|| TimeUs(times.value(0)).to_string())
}

fn place(place: &Place) -> Value {
    json!({ "lon": place.lon_deg, "lat": place.lat_deg, "height_m": place.height_m })
}

fn position(fix: &PositionFix) -> Value {
    let mut position = place(&fix.place);
    position["time"] = fix.time.to_string().into();
    position["heading_deg"] = fix.heading_deg.into();
    position["speed_m_s"] = fix.speed_m_s.into();
    position
}

fn datastreams(snapshot: &Snapshot, id: &EntityId, times: Times) -> Result<Vec<Value>, ApiError> {
    let shown = |info: DatastreamInfo| {
        let rows = newest_readings(snapshot, info.id, times.until(), SERIES)?;
        Ok(json!({
            "id": info.id,
            "property": info.property,
            "name": info.name,
            "unit": info.unit,
            "latest": rows.last().map(latest),
            "series": pairs(&rows),
        }))
    };
    snapshot.datastreams_of(id).into_iter().map(shown).collect()
}

fn latest(reading: &Observation) -> Value {
    json!({ "time": reading.phenomenon_time.to_string(), "value": reading.value, "quality": reading.quality })
}

fn receipt(registrar: &Registrar, id: &EntityId, sequence: u64, has_geometry: bool) -> Value {
    let ledger = registrar.ledger();
    let registered = registrar.reached().borrow().0 >= sequence;
    let leaves = ledger.leaves_of_asset(&id.to_string()).unwrap_or_else(|error| {
        tracing::error!(%error, "the leaves of a thing cannot be looked up");
        Vec::new()
    });
    match leaves.last() {
        Some(index) if registered => {
            json!({ "state": "registered", "leaf_index": index, "log_size": ledger.size() })
        }
        None if registered || !has_geometry => json!({ "state": "none" }),
        _ => json!({ "state": "pending" }),
    }
}
