//! Which path leads where, and the listening socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use crate::error::Error;
use crate::state::AppState;
use crate::{alarms, api, assets, changes, hooks, live, metrics, ogc, page, rows, sensorthings, sql};

/// What the page may load: its own files only; wasm needs its own word.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data: blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'";

fn router(state: &Arc<AppState>) -> Router {
    let log = state.registrar.dir().to_owned();
    let body = DefaultBodyLimit::max(state.settings.body_bytes);
    let own = Router::new()
        .route("/health", get(api::health))
        .route("/metrics", get(metrics::metrics))
        .route("/live", get(live::live))
        .route("/alerts", get(alarms::list))
        .route("/alerts/live", get(alarms::live))
        .route("/alerts/{number}/acknowledge", post(alarms::acknowledge))
        .route("/sql", post(sql::post))
        .route("/changes", post(changes::post).layer(body))
        .route("/observations", post(rows::observations).layer(DefaultBodyLimit::disable()))
        .route("/positions", post(rows::positions).layer(DefaultBodyLimit::disable()))
        .route("/hooks/{name}", post(hooks::post).layer(DefaultBodyLimit::disable()))
        .route("/sta/v1.1/Observations", post(sensorthings::linked))
        .route("/sta/v1.1/{datastream}/Observations", post(sensorthings::in_datastream))
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
    own.merge(ogc::router(state.reader.clone(), "/ogc"))
        .nest_service("/log/tile", ServeDir::new(log.join("tile")))
        .layer(header(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "same-origin"))
        .layer(TraceLayer::new_for_http())
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    /// Where.
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
    stop: tokio::sync::watch::Sender<bool>,
}

impl Server {
    /// Takes no new requests, lets running ones end for a few seconds, then ends.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(Duration::from_secs(3), self.task).await;
        if ended.is_err() {
            tracing::info!("open connections were closed");
        }
    }

    /// Waits for the server, which ends only by a failure.
    ///
    /// # Errors
    /// The failure.
    pub async fn wait(&mut self) -> std::io::Result<()> {
        (&mut self.task).await.unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
    }
}

/// Listens at `address` (port 0: any free one) and answers.
///
/// # Errors
/// [`Error::Listen`] where the address is taken or not this machine's.
pub async fn serve(address: &str, state: Arc<AppState>) -> Result<Server, Error> {
    let listen = |source| Error::Listen { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let router = router(&state);
    let task = tokio::spawn(async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(async move { drop(stopped.wait_for(|stop| *stop).await) })
            .await
    });
    Ok(Server { address, task, stop })
}
