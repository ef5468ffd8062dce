//! `GET /api/search?q=&limit=`: things by id, by name, by class, and places by any space-time code.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use coding_system::decode;
use kernel_model::{EntityId, Place};
use kernel_store::{LiveView, PresentEntity};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::state::AppState;

const DEFAULT: usize = 20;
const MOST: usize = 100;

#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    #[serde(default)]
    q: String,
    limit: Option<usize>,
}

pub(crate) async fn search(State(state): State<Arc<AppState>>, Query(question): Query<Question>) -> Json<Vec<Value>> {
    let text = question.q.trim();
    let limit = question.limit.unwrap_or(DEFAULT).min(MOST);
    if text.is_empty() {
        return Json(Vec::new());
    }
    let live = state.reader.live();
    let mut hits: Vec<Value> = by_id(&live, text).into_iter().chain(by_code(text)).collect();
    hits.extend(by_words(&live, text, limit.saturating_sub(hits.len())));
    Json(hits)
}

fn place_of(live: &LiveView<'_>, entity: &PresentEntity) -> Option<Place> {
    live.fix(&entity.id).map(|fix| fix.place).or(entity.place)
}

fn hit(live: &LiveView<'_>, entity: &PresentEntity, matched: &str) -> Value {
    let place = place_of(live, entity);
    json!({
        "id": entity.id,
        "kind": entity.kind.name(),
        "class": entity.class,
        "name": entity.name,
        "other_names": entity.other_names,
        "lon": place.map(|p| p.lon_deg),
        "lat": place.map(|p| p.lat_deg),
        "height_m": place.and_then(|p| p.height_m),
        "match": matched,
    })
}

fn by_id(live: &LiveView<'_>, text: &str) -> Option<Value> {
    let id: EntityId = text.parse().ok()?;
    live.entity(&id).map(|entity| hit(live, entity, "id"))
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
fn by_words(live: &LiveView<'_>, text: &str, limit: usize) -> Vec<Value> {
    let wanted = text.to_lowercase();
    let mut ranked: [Vec<&PresentEntity>; 3] = Default::default();
    for entity in live.entities() {
        let names = entity.name.iter().chain(&entity.other_names).map(|name| name.to_lowercase());
        let found = names.filter_map(|name| name.find(&wanted)).min();
        let rank = match found {
            Some(0) => 0,
            Some(_) => 1,
            None if entity.class.to_lowercase() == wanted || entity.kind.name() == wanted => 2,
            None => continue,
        };
        if ranked[rank].len() < limit {
            ranked[rank].push(entity);
        }
    }
    let matched = ["name", "name", "class"];
    let hits = ranked
        .iter()
        .zip(matched)
        .flat_map(|(entities, matched)| entities.iter().map(move |entity| (*entity, matched)));
    hits.take(limit).map(|(entity, matched)| hit(live, entity, matched)).collect()
}
