//! `GET /api/entities/{id}`: everything a card shows of one thing.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use axum::Json;
use axum::extract::{Path, State};
use kernel_model::{DatastreamId, EntityId, Observation, Place, PositionFix, TimeUs};
use kernel_store::{LiveView, PresentEntity, Reader};
use serde_json::{Value, json};

use super::observations::newest;
use crate::codes::codes;
use crate::error::ApiError;
use crate::registrar::Registrar;
use crate::state::AppState;

/// Readings of each datastream on a card.
const SERIES: usize = 120;

pub(crate) async fn entity(
    State(state): State<Arc<AppState>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id: EntityId = id.parse().map_err(ApiError::bad_request)?;
    let (mut card, datastreams) = {
        let live = state.reader.live();
        let entity = live.entity(&id).ok_or_else(|| ApiError::not_found(format!("there is no thing {id}")))?;
        (card(&live, entity), live.datastreams_of(&id).to_vec())
    };
    let reader = state.reader.clone();
    let series = tokio::task::spawn_blocking(move || described(&reader, &datastreams)).await;
    card["datastreams"] = Value::Array(series.map_err(ApiError::internal)??);
    card["receipt"] =
        receipt(&state.registrar, &id, card["sequence"].as_u64().unwrap_or(0), card["geometry_type"].is_string());
    Ok(Json(card))
}

fn card(live: &LiveView<'_>, entity: &PresentEntity) -> Value {
    let row = live.entity_row(entity);
    let fix = live.fix(&entity.id);
    let place = fix.map(|fix| fix.place).or(entity.place);
    let properties: Value = serde_json::from_str(text(&row, 19)).unwrap_or_default();
    json!({
        "id": entity.id,
        "kind": entity.kind.name(),
        "class": entity.class,
        "name": entity.name,
        "source": { "dataset": text(&row, 7), "id": text(&row, 8) },
        "lineage": text(&row, 23),
        "height_reference": entity.height_reference.to_string(),
        "place": place.as_ref().map(self::place),
        "region": entity.region,
        "geometry_type": row.column(9).is_valid(0).then_some("wkb"),
        "recorded_at": instant(&row, 2),
        "sequence": entity.sequence.0,
        "valid_from": instant(&row, 20),
        "valid_to": instant(&row, 21),
        "retired": entity.retired,
        "codes": place.map(|place| codes(&place, &entity.height_reference)),
        "properties": properties,
        "parent": row.column(6).is_valid(0).then(|| EntityId::from_slice(row.column(6).as_fixed_size_binary().value(0))),
        "position": fix.as_ref().map(position),
    })
}

fn text(row: &RecordBatch, column: usize) -> &str {
    row.column(column).as_string::<i32>().value(0)
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

fn described(reader: &Reader, datastreams: &[DatastreamId]) -> Result<Vec<Value>, ApiError> {
    let snapshot = reader.snapshot();
    let series = newest(&snapshot, datastreams, SERIES)?;
    let live = reader.live();
    let latest = |reading: Observation| json!({ "time": reading.phenomenon_time.to_string(), "value": reading.value, "quality": reading.quality });
    Ok(datastreams
        .iter()
        .zip(series)
        .filter_map(|(id, series)| {
            let info = live.datastream(*id)?;
            Some(json!({
                "id": info.id,
                "property": info.property,
                "name": info.name,
                "unit": info.unit,
                "latest": live.reading(*id).map(latest),
                "series": series,
            }))
        })
        .collect())
}

fn receipt(registrar: &Registrar, id: &EntityId, sequence: u64, has_geometry: bool) -> Value {
    let ledger = registrar.ledger();
    let registered = registrar.reached().borrow().0 >= sequence;
    match ledger.leaves_of_asset(&id.to_string()).last() {
        Some(index) if registered => {
            json!({ "state": "registered", "leaf_index": index, "log_size": ledger.size() })
        }
        None if registered || !has_geometry => json!({ "state": "none" }),
        _ => json!({ "state": "pending" }),
    }
}
