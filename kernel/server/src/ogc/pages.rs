//! The resources around the features: landing page, API description, conformance, collections.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::collections::{describe, listed_links, title};
use super::request::{Asked, Format, link};
use super::{Features, html, openapi};
use crate::error::ApiError;

const JSON: &str = "application/json";

/// The classes that are met, and no others.
const CLASSES: [&str; 4] = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
];

fn answer(asked: &Asked, title: &str, document: &Value) -> Response {
    match asked.format {
        Format::Json => html::text(JSON, document.to_string()),
        Format::Html => html::document_page(title, &asked.base, document),
    }
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
        "description": "The present city as features, by kind (OGC API - Features, Part 1). Positions are longitude and \
                        latitude on WGS 84 / CGCS2000; heights are metres above what each feature's height_reference names.",
        "links": links,
    });
    Ok(answer(&asked, "Features of the city", &document))
}

pub(super) async fn api(asked: Asked) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let mut document = openapi::description(&asked.base);
    Ok(match asked.format {
        Format::Json => html::text(openapi::MEDIA, document.to_string()),
        Format::Html => {
            document["links"] = asked.own_links(openapi::MEDIA).into();
            html::document_page("The API", &asked.base, &document)
        }
    })
}

pub(super) async fn conformance(asked: Asked) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let document = json!({ "conformsTo": CLASSES.iter().chain(&crate::tiles::CLASSES).collect::<Vec<_>>(), "links": asked.own_links(JSON) });
    Ok(answer(&asked, "Conformance", &document))
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
    Ok(answer(&asked, "Collections", &document))
}

pub(super) async fn collection(
    State(features): State<Arc<Features>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&[])?;
    let (kind, extent) = features.kind(&name)?;
    let document = describe(kind, &extent, &asked.base, asked.own_links(JSON));
    Ok(answer(&asked, &title(kind), &document))
}

/// Any other address below the mount.
pub(super) async fn nothing(Path(other): Path<String>) -> ApiError {
    ApiError::not_found(format!("there is no `{other}` here; the landing page links to all there is"))
}
