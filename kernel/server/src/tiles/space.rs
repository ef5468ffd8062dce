//! `/3dtiles/{collection}/tileset.json` and what it leads to: subtrees and binary glTF.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use kernel_tiles::What;
use kernel_tiles::grid::Cell;
use kernel_tiles::space::{Address, Offsets};
use serde::Deserialize;

use super::{Asked, Tiles, kind, number, question, without};
use crate::error::ApiError;
use crate::parameters::{Parameters, Path};

/// The farthest that heights can be moved, metres.
const MOST_OFFSET_M: f64 = 10_000.0;

#[derive(Debug, Default, Deserialize)]
pub(super) struct AskedInSpace {
    datetime: Option<String>,
    recorded: Option<String>,
    undulation_m: Option<f64>,
    ground_m: Option<f64>,
}

impl AskedInSpace {
    fn parts(self) -> Result<(Asked, Offsets), ApiError> {
        let millimetres = |name: &str, metres: Option<f64>| {
            let metres = metres.unwrap_or_default();
            let is_near = metres.abs() <= MOST_OFFSET_M;
            let wrong = || ApiError::bad_request(format!("{name}={metres}: give metres between -10000 and 10000"));
            is_near.then(|| (metres * 1000.0).round() as i32).ok_or_else(wrong)
        };
        let offsets = Offsets {
            undulation_mm: millimetres("undulation_m", self.undulation_m)?,
            ground_mm: millimetres("ground_m", self.ground_m)?,
        };
        Ok((Asked { datetime: self.datetime, recorded: self.recorded }, offsets))
    }
}

pub(super) async fn tileset(
    State(tiles): State<Arc<Tiles>>,
    Path(collection): Path<String>,
    Parameters(asked): Parameters<AskedInSpace>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (asked, offsets) = asked.parts()?;
    let question = question(kind(&collection)?, &asked, What::Tileset(offsets))?;
    tiles.answer(question, &headers, "application/json", StatusCode::NOT_FOUND).await
}

pub(super) async fn content(
    State(tiles): State<Arc<Tiles>>,
    Path((collection, root, level, x, file)): Path<(String, String, String, String, String)>,
    Parameters(asked): Parameters<AskedInSpace>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let at = address(&root, &level, &x, without(&file, ".glb")?)?;
    let (asked, offsets) = asked.parts()?;
    let question = question(kind(&collection)?, &asked, What::Content(at, offsets))?;
    tiles.answer(question, &headers, "model/gltf-binary", StatusCode::NOT_FOUND).await
}

pub(super) async fn subtree(
    State(tiles): State<Arc<Tiles>>,
    Path((collection, root, level, x, file)): Path<(String, String, String, String, String)>,
    Parameters(asked): Parameters<AskedInSpace>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let at = address(&root, &level, &x, without(&file, ".subtree")?)?;
    let (asked, offsets) = asked.parts()?;
    let question = question(kind(&collection)?, &asked, What::Subtree(at, offsets))?;
    tiles.answer(question, &headers, "application/octet-stream", StatusCode::NOT_FOUND).await
}

/// `root`: level, x and y of a cell, joined by hyphens.
fn address(root: &str, level: &str, x: &str, y: &str) -> Result<Address, ApiError> {
    let numbers: Vec<u32> = root.split('-').filter_map(|part| part.parse().ok()).collect();
    let cell = match numbers.as_slice() {
        [level, x, y] => u8::try_from(*level).ok().and_then(|level| Cell::new(level, *x, *y)),
        _ => None,
    };
    let level = u8::try_from(number("level", level)?).ok();
    let (x, y) = (number("x", x)?, number("y", y)?);
    let at = cell.zip(level).and_then(|(cell, level)| Address::new(cell, level, x, y));
    at.ok_or_else(|| ApiError::not_found("there is no such tile; tileset.json says which there are"))
}
