//! OGC API - Tiles, Part 1 (OGC 20-057): the vector tiles as tilesets of the collections, in the tile matrix set
//! WebMercatorQuad (OGC 17-083r4).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use kernel_model::{Kind, Region};
use kernel_tiles::What;
use kernel_tiles::vector::MAX_ZOOM;
use serde_json::{Value, json};

use super::vector::{FIELDS, MEDIA, address, on_map};
use super::{Asked, Tiles, kind, number, question, site};
use crate::error::ApiError;
use crate::parameters::{Parameters, Path};

/// The classes that are met.
pub(crate) const CLASSES: [&str; 8] = [
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/datetime",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
];

const JSON: &str = "application/json";
const SET: &str = "WebMercatorQuad";
const SET_URI: &str = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad";
const CRS: &str = "http://www.opengis.net/def/crs/EPSG/0/3857";
const SCHEME: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme";
/// Half of the square's side, metres.
const HALF_M: f64 = 20_037_508.342_789_244;
/// A pixel of the standard, metres (OGC 17-083r4, 6.2: 0.28 mm).
const PIXEL_M: f64 = 0.000_28;

fn link(href: String, rel: &str, media: &str, title: &str) -> Value {
    json!({ "href": href, "rel": rel, "type": media, "title": title })
}

/// What the landing page at `base` links to.
pub(crate) fn landing_links(base: &str) -> [Value; 1] {
    let rel = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes";
    [link(format!("{base}/tileMatrixSets"), rel, JSON, "The tile matrix sets")]
}

/// What a collection at `here` links to.
pub(crate) fn collection_links(here: &str) -> [Value; 1] {
    let rel = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector";
    [link(format!("{here}/tiles"), rel, JSON, "The features as vector tiles")]
}

pub(super) async fn matrix_sets(headers: HeaderMap) -> Json<Value> {
    let href = format!("{}/ogc/tileMatrixSets/{SET}", site(&headers));
    let set = json!({ "id": SET, "title": "Web Mercator", "uri": SET_URI, "crs": CRS, "links": [link(href, "self", JSON, "Its definition")] });
    Json(json!({ "tileMatrixSets": [set] }))
}

pub(super) async fn matrix_set(Path(set): Path<String>) -> Result<Json<Value>, ApiError> {
    known(&set)?;
    let matrices = (0..=MAX_ZOOM).map(|zoom| {
        let side = 1_u64 << zoom;
        let cell_m = 2.0 * HALF_M / (side as f64 * 256.0);
        json!({
            "id": zoom.to_string(), "scaleDenominator": cell_m / PIXEL_M, "cellSize": cell_m,
            "pointOfOrigin": [-HALF_M, HALF_M], "tileWidth": 256, "tileHeight": 256, "matrixWidth": side, "matrixHeight": side,
        })
    });
    Ok(Json(json!({
        "id": SET, "title": "Web Mercator", "uri": SET_URI, "crs": CRS, "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": matrices.collect::<Vec<_>>(),
    })))
}

pub(super) async fn tilesets(Path(name): Path<String>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    let kind = kind(&name)?;
    let here = format!("{}/ogc/collections/{kind}/tiles", site(&headers));
    Ok(Json(json!({
        "tilesets": [described(kind, &headers)],
        "links": [link(here, "self", JSON, "This document")],
    })))
}

pub(super) async fn tileset(
    State(tiles): State<Arc<Tiles>>,
    Path((name, set)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let kind = kind(&name)?;
    known(&set)?;
    let reach = tiles.make(move |tiler| tiler.reach(kind, kernel_tiles::Times::default())).await?;
    let mut document = described(kind, &headers);
    if !reach.is_empty() {
        let Region { west, south, east, north } = on_map(&reach);
        let crs = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
        document["boundingBox"] = json!({ "lowerLeft": [west, south], "upperRight": [east, north], "crs": crs });
    }
    let fields =
        FIELDS.iter().map(|(name, sort, text)| ((*name).to_owned(), json!({ "type": sort, "description": text })));
    let properties: serde_json::Map<_, _> = fields.collect();
    let schema = json!({ "type": "object", "properties": properties });
    document["layers"] = json!([{ "id": kind.name(), "dataType": "vector", "propertiesSchema": schema }]);
    Ok(Json(document))
}

fn described(kind: Kind, headers: &HeaderMap) -> Value {
    let base = format!("{}/ogc", site(headers));
    let here = format!("{base}/collections/{kind}/tiles/{SET}");
    let mut tiles = link(format!("{here}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"), "item", MEDIA, "The tiles");
    tiles["templated"] = true.into();
    json!({
        "title": format!("{kind} as vector tiles"),
        "dataType": "vector",
        "crs": CRS,
        "tileMatrixSetURI": SET_URI,
        "links": [
            link(here, "self", JSON, "This tileset"),
            tiles,
            link(format!("{base}/tileMatrixSets/{SET}"), SCHEME, JSON, "Its tile matrix set"),
            link(format!("{base}/collections/{kind}"), "http://www.opengis.net/def/rel/ogc/1.0/geodata", JSON, "The collection"),
        ],
    })
}

pub(super) async fn tile(
    State(tiles): State<Arc<Tiles>>,
    Path((name, set, matrix, row, column)): Path<(String, String, String, String, String)>,
    Parameters(asked): Parameters<Asked>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    known(&set)?;
    let at = address(number("tileMatrix", &matrix)?, number("tileCol", &column)?, number("tileRow", &row)?)?;
    let question = question(kind(&name)?, &asked, What::Vector(at))?;
    tiles.answer(question, &headers, MEDIA, StatusCode::NO_CONTENT).await
}

fn known(set: &str) -> Result<(), ApiError> {
    match set {
        SET => Ok(()),
        other => Err(ApiError::not_found(format!("there is no tile matrix set `{other}`, only {SET}"))),
    }
}
