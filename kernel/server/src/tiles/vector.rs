//! `/tiles/{collection}.json` (TileJSON 3.0) and `/tiles/{collection}/{z}/{x}/{y}.mvt`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use kernel_model::Region;
use kernel_tiles::What;
use kernel_tiles::vector::{Address, MAX_ZOOM};
use serde_json::{Value, json};

use super::{Asked, Tiles, kind, number, question, site, without};
use crate::error::ApiError;
use crate::parameters::{Parameters, Path};

/// Media type of a vector tile.
pub(super) const MEDIA: &str = "application/vnd.mapbox-vector-tile";
/// Deeper than this a map may stretch what it has.
const ENOUGH_ZOOM: u8 = 16;

/// What features say of themselves.
pub(super) const FIELDS: [(&str, &str, &str); 4] = [
    ("id", "string", "The thing's id, a UUID"),
    ("class", "string", "A finer word than its kind"),
    ("name", "string", "Its name, where it has one"),
    ("height_m", "number", "How high it stands, metres, where that is known"),
];

pub(super) async fn tile_json(
    State(tiles): State<Arc<Tiles>>,
    Path(file): Path<String>,
    Parameters(asked): Parameters<Asked>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let kind = kind(without(&file, ".json")?)?;
    let times = asked.times()?;
    let reach = tiles.make(move |tiler| tiler.reach(kind, times)).await?;
    if reach.is_empty() {
        return Err(ApiError::not_found(format!("there is nothing of the collection `{kind}`")));
    }
    let query = query.filter(|query| !query.is_empty()).map(|query| format!("?{query}")).unwrap_or_default();
    let fields: serde_json::Map<_, _> =
        FIELDS.iter().map(|(name, _, text)| ((*name).to_owned(), json!(text))).collect();
    let Region { west, south, east, north } = on_map(&reach);
    Ok(Json(json!({
        "tilejson": "3.0.0",
        "name": kind.name(),
        "tiles": [format!("{}/tiles/{kind}/{{z}}/{{x}}/{{y}}.mvt{query}", site(&headers))],
        "vector_layers": [{ "id": kind.name(), "fields": fields }],
        "bounds": [west, south, east, north],
        "center": [f64::midpoint(west, east), f64::midpoint(south, north), 14],
        "minzoom": 0,
        "maxzoom": ENOUGH_ZOOM,
    })))
}

/// What of a region a map of Web Mercator shows.
pub(super) fn on_map(reach: &Region) -> Region {
    let lat = |lat: f64| lat.clamp(-85.051_128_779_8, 85.051_128_779_8);
    let lon = |lon: f64| lon.clamp(-180.0, 180.0);
    Region { west: lon(reach.west), south: lat(reach.south), east: lon(reach.east), north: lat(reach.north) }
}

pub(super) async fn tile(
    State(tiles): State<Arc<Tiles>>,
    Path((collection, z, x, file)): Path<(String, String, String, String)>,
    Parameters(asked): Parameters<Asked>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let y = number("y", without(&file, ".mvt")?)?;
    let at = address(number("z", &z)?, number("x", &x)?, y)?;
    let question = question(kind(&collection)?, &asked, What::Vector(at))?;
    tiles.answer(question, &headers, MEDIA, StatusCode::NO_CONTENT).await
}

pub(super) fn address(zoom: u32, x: u32, y: u32) -> Result<Address, ApiError> {
    let at = u8::try_from(zoom).ok().and_then(|zoom| Address::new(zoom, x, y));
    at.ok_or_else(|| ApiError::not_found(format!("there is no tile {zoom}/{x}/{y}: zooms go from 0 to {MAX_ZOOM}")))
}
