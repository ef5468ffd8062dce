//! Which path leads where, and what stands around all of them.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::error::ApiError;
use crate::state::{AppState, Settings};
use crate::{
    alarms, api, assets, changes, hooks, live, metrics, ogc, page, rows, sensorthings, sql, tiles, traffic, trust,
};

/// Longest time in which nothing of a body comes.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// How long a browser may keep what it was told of other origins.
const ORIGINS_KEPT: Duration = Duration::from_secs(3_600);
/// What the page may load: its own files only; wasm needs its own word.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data: blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'";

/// The doors for whoever sees what the state's reader does.
pub(crate) fn doors(state: &Arc<AppState>) -> Router {
    let body = DefaultBodyLimit::max(state.settings.body_bytes);
    let own = Router::new()
        .route("/health", get(api::health))
        .route("/live", get(live::live))
        .route("/alerts", get(alarms::list))
        .route("/alerts/live", get(alarms::live))
        .route("/alerts/{number}/acknowledge", post(alarms::acknowledge))
        .route("/sql", post(sql::post))
        .route("/changes", post(changes::post).layer(body))
        .route("/observations", post(rows::observations).layer(DefaultBodyLimit::disable()))
        .route("/positions", post(rows::positions).layer(DefaultBodyLimit::disable()))
        .route("/hooks/{name}", post(hooks::post).layer(DefaultBodyLimit::disable()))
        .route("/assets/{id}/receipt", get(assets::receipt))
        .route("/log/checkpoint", get(assets::checkpoint))
        .route("/log/key", get(assets::public_key))
        .route("/api/info", get(api::info))
        .route("/api/search", get(api::search))
        .route("/api/entities/{id}", get(api::entity))
        .route("/api/datastreams/{id}/observations", get(api::observations))
        .fallback(page::page)
        .with_state(state.clone());
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    own.merge(sensorthings::router(state.clone()))
        .merge(ogc::router(state, "/ogc"))
        .merge(tiles::router(state.reader.clone()))
        .merge(of_everything(state))
        .layer(from_fn_with_state(state.gauges.traffic(), traffic::measure))
        .layer(header(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "same-origin"))
        .layer(TraceLayer::new_for_http())
}

/// Doors that tell of everything, and only to who sees it: figures of the server, leaves of the ledger.
fn of_everything(state: &Arc<AppState>) -> Router {
    if !state.reader.is_whole() {
        let shut = || async { ApiError::forbidden("this is told only to who may see everything") };
        let paths = [
            "/metrics",
            "/log/tile/{*leaf}",
            "/log/areas/{*tile}",
            "/log/leaf/{index}",
            "/assets/area",
            "/assets/{id}/{what}",
        ];
        return paths.into_iter().fold(Router::new(), |router, path| router.route(path, any(shut)));
    }
    let log = state.registrar.dir();
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .merge(trust::router())
        .with_state(state.clone())
        .nest_service("/log/tile", ServeDir::new(log.join("tile")))
        .nest_service("/log/areas/tile", ServeDir::new(log.join("areas/tile")))
}

/// What stands around the way in: a defect answers 500 and the server goes on, pages of other origins are let in where the
/// configuration names them, a body that does not come is not waited for.
pub(crate) fn around(router: Router, settings: &Settings) -> Router {
    let router = router.layer(RequestBodyTimeoutLayer::new(BODY_PATIENCE));
    let router = match settings.origins.as_slice() {
        [] => router,
        origins => router.layer(origins_layer(origins)),
    };
    router.layer(CatchPanicLayer::custom(panicked))
}

fn origins_layer(origins: &[HeaderValue]) -> CorsLayer {
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let sent = [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, HeaderName::from_static("x-api-key")];
    let told = ["urbis-sequence", "urbis-truncated", "x-request-id"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods(methods)
        .allow_headers(sent)
        .expose_headers(told.into_iter().chain([header::LOCATION, header::ETAG]).collect::<Vec<_>>())
        .max_age(ORIGINS_KEPT)
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
    tracing::error!("a request met a defect: {text}");
    ApiError::internal("a defect, which the log tells of; the server goes on").into_response()
}
