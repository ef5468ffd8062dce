//! `GET /api/info`: the city in short. `GET /health`: whether it can be used.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use kernel_model::schema::Table;
use kernel_model::{Region, TimeUs};
use serde_json::{Value, json};

use crate::state::AppState;

/// The dataset of the demo; its things are labelled synthetic one by one.
const DEMO: &str = "district";

pub(crate) async fn info(State(state): State<Arc<AppState>>) -> Json<Value> {
    let snapshot = state.reader.snapshot();
    let (mut counts, mut region) = (BTreeMap::<&str, u64>::new(), Region::EMPTY);
    let datastreams = {
        let live = state.reader.live();
        for entity in live.entities() {
            *counts.entry(entity.kind.name()).or_default() += 1;
            if let Some(own) = &entity.region {
                region = region.union(own);
            }
        }
        live.datastream_count()
    };
    Json(json!({
        "name": "Urbis",
        "version": env!("CARGO_PKG_VERSION"),
        "synthetic": state.reader.live().knows_dataset(DEMO),
        "region": (!region.is_empty()).then_some([region.west, region.south, region.east, region.north]),
        "counts": counts,
        "datastreams": datastreams,
        "observations": snapshot.row_count(Table::Observations),
        "positions": snapshot.row_count(Table::Positions),
        "assets": state.registrar.ledger().asset_count(),
        "sequence": snapshot.sequence().0,
        "time": TimeUs::now().to_string(),
    }))
}

/// `degraded` while nothing can be written: everything is still answered, as of the last commit.
pub(crate) async fn health(State(state): State<Arc<AppState>>) -> Json<Value> {
    let trouble = state.ingest.trouble();
    Json(json!({
        "status": if trouble.is_none() { "ok" } else { "degraded" },
        "trouble": trouble,
        "version": env!("CARGO_PKG_VERSION"),
        "sequence": state.reader.snapshot().sequence().0,
        "registered": state.registrar.reached().borrow().0,
    }))
}
