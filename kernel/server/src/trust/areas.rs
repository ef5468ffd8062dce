//! Area proofs, consistency proofs and receipts of leaves.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use kernel_ledger::area::{Query, QueryError, Shows};
use serde::Deserialize;

use super::{blocking, refused};
use crate::error::ApiError;
use crate::parameters::{Parameters, Path};
use crate::state::AppState;

const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    bbox: Option<String>,
    cells: Option<String>,
    #[serde(default)]
    count: bool,
}

impl Asked {
    fn query(&self) -> Result<Query, ApiError> {
        match (&self.bbox, &self.cells) {
            (Some(text), None) => {
                let sides: Option<Vec<f64>> = text.split(',').map(|side| side.trim().parse().ok()).collect();
                let sides: Option<[f64; 4]> = sides.and_then(|sides| sides.try_into().ok());
                let wrong = || QueryError::Box(format!("`{text}` is not four numbers"));
                Query::of_box(sides.ok_or_else(wrong).map_err(ApiError::bad_request)?).map_err(ApiError::bad_request)
            }
            (None, Some(cells)) => Query::of_cells(cells.split([',', ' '])).map_err(ApiError::bad_request),
            _ => Err(ApiError::bad_request("give either bbox=W,S,E,N or cells=G...,G...")),
        }
    }
}

/// The proof of all assets in an area, or of their number.
pub(crate) async fn area(
    State(state): State<Arc<AppState>>,
    Parameters(asked): Parameters<Asked>,
) -> Result<impl IntoResponse, ApiError> {
    let query = asked.query()?;
    let shows = if asked.count { Shows::Count } else { Shows::Assets };
    let proof = blocking(move || {
        let mut areas = state.registrar.areas();
        let areas = areas.as_mut().ok_or_else(|| ApiError::unavailable("the map of areas is being made: ask again"))?;
        areas.prove(&query, shows).map_err(refused)
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"area.proof\""),
    ];
    Ok((headers, proof.await?))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Sizes {
    old: u64,
    new: Option<u64>,
}

/// The proof that the log of `new` leaves begins with that of `old` leaves.
pub(crate) async fn consistency(
    State(state): State<Arc<AppState>>,
    Parameters(sizes): Parameters<Sizes>,
) -> Result<impl IntoResponse, ApiError> {
    let lines = blocking(move || {
        let ledger = state.registrar.ledger();
        let new = sizes.new.unwrap_or_else(|| ledger.size());
        let proof = ledger.consistency(sizes.old, new).map_err(refused)?;
        Ok(kernel_ledger::hash_lines(&proof))
    });
    Ok(([(header::CONTENT_TYPE, TEXT)], lines.await?))
}

/// The receipt of a leaf.
pub(crate) async fn leaf(
    State(state): State<Arc<AppState>>,
    Path(index): Path<u64>,
) -> Result<impl IntoResponse, ApiError> {
    let receipt = blocking(move || state.registrar.ledger().receipt_of_leaf(index).map_err(refused));
    Ok(([(header::CONTENT_TYPE, TEXT)], receipt.await?.to_string()))
}

/// The signed checkpoint of the log of areas.
pub(crate) async fn checkpoint(State(state): State<Arc<AppState>>) -> Result<impl IntoResponse, ApiError> {
    let note = blocking(move || {
        let areas = state.registrar.areas();
        let note = areas.as_ref().map(|areas| areas.checkpoint().to_owned());
        note.ok_or_else(|| ApiError::unavailable("the map of areas is being made: ask again"))
    });
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, "no-cache")], note.await?))
}

/// The newest checkpoint that a witness has signed.
pub(crate) async fn cosigned(State(state): State<Arc<AppState>>) -> Result<impl IntoResponse, ApiError> {
    let note = state.registrar.ledger().cosigned_checkpoint().map(str::to_owned);
    let note = note.ok_or_else(|| ApiError::not_found("no witness has signed a checkpoint of this log yet"))?;
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, "no-cache")], note))
}
