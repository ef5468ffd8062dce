//! OGC API - Features, Parts 1 to 4 (OGC 17-069r4, 18-058r1, 19-079r2, 20-002): the city as collections of features, one for
//! each kind of thing that there is; as it stands, as it was (`datetime`), as it was known to be (`recorded`, which goes
//! beyond the standard). Requests come in, features go out in the form that is asked for, read from one snapshot each; no
//! reader makes the writer wait. What is written goes through the one writer and is answered when it is durable.
//!
//! One freedom is taken and told of in every description: heights are given as they are stored, and the property
//! `height_reference` of a feature says what they are measured from. Where that is not the ellipsoid, the third coordinate is
//! not the one of CRS84h: nothing converts it silently.

mod collections;
mod cql;
mod feature;
mod find;
mod geojson;
mod html;
mod items;
mod openapi;
mod pages;
mod properties;
mod request;
mod rows;
mod system;
mod table;
mod touch;
mod write;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use kernel_query::Condition;
use tokio::sync::Semaphore;

use crate::state::AppState;
use collections::Summary;
use find::Marked;
use properties::Known;

/// Pages of items written at once: each may hold [`items::MAX_PAGE_BYTES`].
const PAGES_AT_ONCE: usize = 8;

/// What the handlers share.
struct Features {
    state: Arc<AppState>,
    /// Where the router is mounted, such as `/ogc`.
    mount: &'static str,
    /// The collections by so many revisions of things.
    summary: Mutex<Option<(u64, Arc<Summary>)>>,
    known: Mutex<Known>,
    /// What was last asked of the past: a walk over pages asks it again and again.
    past: Mutex<Option<(items::Past, Arc<Vec<Marked>>)>>,
    conditions: Mutex<HashMap<String, Arc<Condition>>>,
    places: Semaphore,
    /// Held from the look at a feature's state to the change that depends on it.
    changing: tokio::sync::Mutex<()>,
}

/// The routes below `mount`, such as `/ogc`, to be merged into the server's. (Nesting would lose the landing page's
/// address with a slash at the end.)
pub(crate) fn router<S: Clone + Send + Sync + 'static>(state: &Arc<AppState>, mount: &'static str) -> Router<S> {
    let features = Arc::new(Features {
        state: state.clone(),
        mount,
        summary: Mutex::default(),
        known: Mutex::default(),
        past: Mutex::default(),
        conditions: Mutex::default(),
        places: Semaphore::new(PAGES_AT_ONCE),
        changing: tokio::sync::Mutex::default(),
    });
    let at = |path: &str| format!("{mount}{path}");
    Router::new()
        .route(mount, get(pages::landing))
        .route(&at("/"), get(pages::landing))
        .route(&at("/api"), get(pages::api))
        .route(&at("/conformance"), get(pages::conformance))
        .route(&at("/collections"), get(pages::collections))
        .route(&at("/collections/{kind}"), get(pages::collection))
        .route(&at("/collections/{kind}/queryables"), get(pages::queryables))
        .route(
            &at("/collections/{kind}/items"),
            get(items::items).post(write::create).options(write::collection_options).layer(write::body_limit(state)),
        )
        .route(
            &at("/collections/{kind}/items/{id}"),
            get(items::item)
                .put(write::replace)
                .patch(write::update)
                .delete(write::delete)
                .options(write::item_options)
                .layer(write::body_limit(state)),
        )
        .route(&at("/{*other}"), get(pages::nothing))
        .with_state(features)
}
