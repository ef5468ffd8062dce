//! `GET /api/info`: the city in short. `GET /health`: whether it can be used.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use axum::Json;
use axum::extract::State;
use kernel_model::schema::Table;
use kernel_model::{Region, TimeUs};
use kernel_store::Snapshot;
use serde_json::{Value, json};

use crate::state::AppState;

/// The dataset of the demo; its things are labelled synthetic one by one.
const DEMO: &str = "district";

pub(crate) async fn info(State(state): State<Arc<AppState>>) -> Json<Value> {
    let snapshot = state.reader.snapshot();
    let present = Present::of(&snapshot);
    let region = present.region;
    Json(json!({
        "name": "Urbis",
        "version": env!("CARGO_PKG_VERSION"),
        "synthetic": present.is_demo,
        "region": (!region.is_empty()).then_some([region.west, region.south, region.east, region.north]),
        "counts": present.counts,
        "datastreams": snapshot.datastream_count(),
        // Rows that are not sifted are counted for who sees all of them.
        "observations": snapshot.is_whole().then(|| snapshot.row_count(Table::Observations)),
        "positions": snapshot.is_whole().then(|| snapshot.row_count(Table::Positions)),
        "assets": snapshot.is_whole().then(|| state.registrar.ledger().asset_count()),
        "sequence": snapshot.sequence().0,
        "time": TimeUs::now().to_string(),
    }))
}

/// What there is.
struct Present {
    counts: BTreeMap<String, u64>,
    region: Region,
    is_demo: bool,
}

impl Present {
    fn of(snapshot: &Snapshot) -> Self {
        let mut present = Self { counts: BTreeMap::new(), region: Region::EMPTY, is_demo: false };
        for (batch, marks) in snapshot.entities() {
            let text = |column: usize| batch.column(column).as_string::<i32>();
            let (kinds, datasets) = (text(3), text(7));
            let sides = [14, 15, 16, 17].map(|column| batch.column(column).as_primitive::<Float64Type>());
            present.is_demo |= datasets.iter().flatten().any(|dataset| dataset == DEMO);
            for row in marks.values().set_indices() {
                match present.counts.get_mut(kinds.value(row)) {
                    Some(count) => *count += 1,
                    None => drop(present.counts.insert(kinds.value(row).to_owned(), 1)),
                }
                if sides.iter().all(|side| side.is_valid(row)) {
                    let [west, south, east, north] = sides.map(|side| side.value(row));
                    present.region = present.region.union(&Region { west, south, east, north });
                }
            }
        }
        present
    }
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
