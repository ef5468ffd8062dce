//! OGC API - Features, Part 1 (OGC 17-069r4): the city as collections of features, one for each kind of thing that there
//! is; as it stands, as it was (`datetime`), as it was known to be (`recorded`, which goes beyond the standard). Requests
//! come in, GeoJSON and HTML go out, read from one snapshot each; nothing is ever written here and no reader makes the
//! writer wait.
//!
//! Met are the classes Core, GeoJSON, HTML and OpenAPI 3.0. One freedom is taken and told of in every description:
//! heights are given as they are stored, and the property `height_reference` of a feature says what they are measured
//! from. Where that is not the ellipsoid, the third coordinate is not the one of CRS84h: nothing converts it silently.

mod collections;
mod feature;
mod geojson;
mod html;
mod items;
mod openapi;
mod pages;
mod request;
mod rows;
mod touch;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use kernel_model::Sequence;
use kernel_store::Reader;
use tokio::sync::Semaphore;

use collections::Summary;

/// Pages of items written at once: each may hold [`items::MAX_PAGE_BYTES`].
const PAGES_AT_ONCE: usize = 8;

/// What the handlers share.
struct Features {
    reader: Reader,
    /// Where the router is mounted, such as `/ogc`.
    mount: &'static str,
    summary: Mutex<Option<(Sequence, Arc<Summary>)>>,
    places: Semaphore,
}

/// The routes below `mount`, such as `/ogc`, to be merged into the server's. (Nesting would lose the landing page's
/// address with a slash at the end.)
pub(crate) fn router<S: Clone + Send + Sync + 'static>(reader: Reader, mount: &'static str) -> Router<S> {
    let features =
        Arc::new(Features { reader, mount, summary: Mutex::new(None), places: Semaphore::new(PAGES_AT_ONCE) });
    let at = |path: &str| format!("{mount}{path}");
    Router::new()
        .route(mount, get(pages::landing))
        .route(&at("/"), get(pages::landing))
        .route(&at("/api"), get(pages::api))
        .route(&at("/conformance"), get(pages::conformance))
        .route(&at("/collections"), get(pages::collections))
        .route(&at("/collections/{kind}"), get(pages::collection))
        .route(&at("/collections/{kind}/items"), get(items::items))
        .route(&at("/collections/{kind}/items/{id}"), get(items::item))
        .route(&at("/{*other}"), get(pages::nothing))
        .with_state(features)
}
