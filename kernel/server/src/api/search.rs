//! `GET /api/search?q=&limit=&datetime=&recorded=`: things by id, by name, by class, and places by any space-time code; as
//! they stand or as they were, read from one snapshot.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use axum::Json;
use axum::extract::State;
use coding_system::decode;
use kernel_model::EntityId;
use kernel_store::{Reader, Snapshot};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::entity::place_of;
use super::newest::newest_fix;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::state::AppState;
use crate::times::Times;

const DEFAULT: usize = 20;
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    #[serde(default)]
    q: String,
    limit: Option<usize>,
    datetime: Option<String>,
    recorded: Option<String>,
}

pub(crate) async fn search(
    State(state): State<Arc<AppState>>,
    Parameters(question): Parameters<Question>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let times = Times::read(question.datetime.as_deref(), question.recorded.as_deref())?;
    let limit = question.limit.unwrap_or(DEFAULT).min(MOST);
    let text = question.q.trim().to_owned();
    if text.is_empty() {
        return Ok(Json(Vec::new()));
    }
    let hits = tokio::task::spawn_blocking(move || hits(&state.reader, &text, limit, times)).await;
    hits.map_err(ApiError::internal)?.map(Json)
}

fn hits(reader: &Reader, text: &str, limit: usize, times: Times) -> Result<Vec<Value>, ApiError> {
    let snapshot = times.known(reader.snapshot());
    let mut hits = Vec::new();
    if let Some(row) = by_id(&snapshot, text, times) {
        hits.push(hit(&snapshot, &row, "id", times)?);
    }
    hits.extend(by_code(text));
    for (row, matched) in by_words(&snapshot, text, limit.saturating_sub(hits.len()), times) {
        hits.push(hit(&snapshot, &row, matched, times)?);
    }
    Ok(hits)
}

/// A row of `entities` in short.
fn hit(snapshot: &Snapshot, row: &RecordBatch, matched: &str, times: Times) -> Result<Value, ApiError> {
    let text = |column: usize| row.column(column).as_string::<i32>().value(0);
    let id = EntityId::from_slice(row.column(0).as_fixed_size_binary().value(0));
    let id = id.ok_or_else(|| ApiError::internal("an id has not sixteen bytes"))?;
    let place = newest_fix(snapshot, &id, times)?.map(|fix| fix.place).or_else(|| place_of(row));
    Ok(json!({
        "id": id,
        "kind": text(3),
        "class": text(4),
        "name": row.column(5).is_valid(0).then(|| text(5)),
        "other_names": other_names(text(19)),
        "lon": place.map(|p| p.lon_deg),
        "lat": place.map(|p| p.lat_deg),
        "height_m": place.and_then(|p| p.height_m),
        "match": matched,
    }))
}

fn by_id(snapshot: &Snapshot, text: &str, times: Times) -> Option<RecordBatch> {
    let id: EntityId = text.parse().ok()?;
    match times.valid {
        None => snapshot.last_state(&id),
        valid => snapshot.entity(&id, valid),
    }
}

fn by_code(text: &str) -> Option<Value> {
    let code = decode(text).ok()?;
    let (lon, lat) = code.centre_deg;
    Some(json!({
        "id": null, "kind": "code", "class": code.scheme.name(), "name": text,
        "lon": lon, "lat": lat, "height_m": code.height_band.map(|band| band.centre_m()), "match": "code",
    }))
}

/// Names that begin with the text, then names that hold it, then classes and kinds that are it.
fn by_words(
    snapshot: &Snapshot,
    text: &str,
    limit: usize,
    times: Times,
) -> impl Iterator<Item = (RecordBatch, &'static str)> {
    let wanted = text.to_lowercase();
    let mut ranked: [Vec<RecordBatch>; 3] = Default::default();
    for (batch, marks) in snapshot.entities_within(times.valid) {
        let column = |column: usize| batch.column(column).as_string::<i32>();
        let (kinds, classes, names, properties) = (column(3), column(4), column(5), column(19));
        for row in marks.values().set_indices() {
            let name = names.is_valid(row).then(|| names.value(row).to_lowercase());
            let others = other_names(properties.value(row)).into_iter().map(|name| name.to_lowercase());
            let found = name.into_iter().chain(others).filter_map(|name| name.find(&wanted)).min();
            let rank = match found {
                Some(0) => 0,
                Some(_) => 1,
                None if classes.value(row).to_lowercase() == wanted || kinds.value(row) == wanted => 2,
                None => continue,
            };
            if ranked[rank].len() < limit {
                ranked[rank].push(batch.slice(row, 1));
            }
        }
    }
    let matched = ["name", "name", "class"];
    ranked
        .into_iter()
        .zip(matched)
        .flat_map(|(rows, matched)| rows.into_iter().map(move |row| (row, matched)))
        .take(limit)
}

/// What a thing is called in other languages: its properties `name:xx`.
fn other_names(properties: &str) -> Vec<String> {
    if !properties.contains("\"name:") {
        return Vec::new();
    }
    let properties: Map<String, Value> = serde_json::from_str(properties).unwrap_or_default();
    let translated = properties.iter().filter(|(key, _)| key.starts_with("name:"));
    translated.filter_map(|(_, name)| name.as_str().map(str::to_owned)).collect()
}
