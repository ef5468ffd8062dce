//! The resources around the features: landing page, API description, conformance, collections.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::collections::{SCHEMA, describe, listed_links, title};
use super::request::{Asked, link};
use super::{Features, html, openapi};
use crate::error::ApiError;
use crate::parameters::Path;

const JSON: &str = "application/json";

/// The classes that are met, and no others; there is none yet for OpenAPI 3.1. QGIS asks for the drafts' name of the basic spatial class.
const CLASSES: [&str; 21] = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/create-replace-delete",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/update",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/optimistic-locking-etags",
];

fn answer(asked: &Asked, title: &str, document: &Value) -> Result<Response, ApiError> {
    Ok(match asked.is_page()? {
        false => html::text(JSON, document.to_string()),
        true => html::document_page(title, &asked.base, document),
    })
}

pub(super) async fn landing(asked: Asked) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let base = &asked.base;
    let mut links = asked.own_links(JSON);
    links.extend([
        link(&format!("{base}/api?f=json"), "service-desc", openapi::MEDIA, "The API description"),
        link(&format!("{base}/api?f=html"), "service-doc", "text/html", "The API description as a page"),
        link(&format!("{base}/conformance"), "conformance", JSON, "Classes of the standard that are met"),
        link(&format!("{base}/collections"), "data", JSON, "The collections"),
    ]);
    links.extend(crate::tiles::landing_links(base));
    let document = json!({
        "title": "Urbis: features",
        "description": "The present city as features, by kind (OGC API - Features, Parts 1 to 4). Positions are longitude and \
                        latitude on WGS 84 / CGCS2000 unless `crs` says another system; heights are metres above what each feature's height_reference names.",
        "links": links,
    });
    answer(&asked, "Features of the city", &document)
}

pub(super) async fn api(
    State(features): State<Arc<Features>>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let mut document = openapi::description(&features, &asked.base)?;
    if asked.is_page()? {
        document["links"] = asked.own_links(openapi::MEDIA).into();
        return Ok(html::document_page("The API", &asked.base, &document));
    }
    // Clients that know OpenAPI 3.0 by its media type, as GDAL, take any JSON too, but not that of another version.
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = accept.contains("version=3.0") && accept.contains(JSON);
    Ok(html::text(if plain { JSON } else { openapi::MEDIA }, document.to_string()))
}

/// What a filter can say of a collection's features.
pub(super) async fn queryables(
    State(features): State<Arc<Features>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let (kind, _) = features.kind(&name)?;
    let shared = features.clone();
    let known = tokio::task::spawn_blocking(move || shared.queryables(kind)).await.map_err(ApiError::internal)??;
    let here = format!("{}/collections/{kind}/queryables", asked.base);
    let document = known.document(&here, &title(kind));
    Ok(match asked.is_page()? {
        false => html::text(SCHEMA, document.to_string()),
        true => html::document_page(&format!("{}: what can be asked", title(kind)), &asked.base, &document),
    })
}

pub(super) async fn conformance(asked: Asked) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let document = json!({ "conformsTo": CLASSES.iter().chain(&crate::tiles::CLASSES).collect::<Vec<_>>(), "links": asked.own_links(JSON) });
    answer(&asked, "Conformance", &document)
}

pub(super) async fn collections(State(features): State<Arc<Features>>, asked: Asked) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let summary = features.summary()?;
    let list: Vec<_> = summary
        .kinds
        .iter()
        .map(|(kind, extent)| describe(*kind, extent, &asked.base, listed_links(*kind, &asked)))
        .collect();
    let document = json!({ "collections": list, "links": asked.own_links(JSON) });
    answer(&asked, "Collections", &document)
}

pub(super) async fn collection(
    State(features): State<Arc<Features>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let (kind, extent) = features.kind(&name)?;
    let document = describe(kind, &extent, &asked.base, asked.own_links(JSON));
    answer(&asked, &title(kind), &document)
}

/// Any other address below the mount.
pub(super) async fn nothing(Path(other): Path<String>) -> ApiError {
    ApiError::not_found(format!("there is no `{other}` here; the landing page links to all there is"))
}
