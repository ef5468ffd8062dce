//! Tiles over HTTP: vector tiles with TileJSON (`/tiles`), the same as OGC API - Tiles (`/ogc/.../tiles`), and 3D Tiles
//! (`/3dtiles`). Addresses come in, what [`kernel_tiles`] makes goes out, with an entity tag that changes only when the tile
//! shows something else, and compressed where the client takes gzip. Every path takes `datetime` and `recorded`.

mod ogc;
mod space;
#[cfg(test)]
mod tests;
mod vector;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kernel_model::Kind;
use kernel_store::Reader;
use kernel_tiles::{Answer, Question, Tiler, What};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::error::ApiError;
use crate::times::Times;

pub(crate) use ogc::{CLASSES, collection_links, landing_links};

/// Tiles made at once; who comes beyond waits.
const AT_ONCE: usize = 4;
/// Bytes of tiles that are kept in memory.
const CACHE_BYTES: u64 = 128 << 20;

/// What the handlers share.
struct Tiles {
    tiler: Arc<Tiler>,
    places: Semaphore,
}

/// The two times.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    datetime: Option<String>,
    recorded: Option<String>,
}

impl Asked {
    fn times(&self) -> Result<kernel_tiles::Times, ApiError> {
        let Times { valid, recorded } = Times::read(self.datetime.as_deref(), self.recorded.as_deref())?;
        Ok(kernel_tiles::Times { valid, recorded })
    }
}

/// The routes, to be merged into the server's.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(reader: Reader) -> Router<S> {
    let tiles = Arc::new(Tiles { tiler: Arc::new(Tiler::new(reader, CACHE_BYTES)), places: Semaphore::new(AT_ONCE) });
    Router::new()
        .route("/tiles/{file}", get(vector::tile_json))
        .route("/tiles/{collection}/{z}/{x}/{file}", get(vector::tile))
        .route("/3dtiles/{collection}/tileset.json", get(space::tileset))
        .route("/3dtiles/{collection}/{root}/{level}/{x}/{file}", get(space::content))
        .route("/3dtiles/{collection}/{root}/subtrees/{level}/{x}/{file}", get(space::subtree))
        .route("/ogc/tileMatrixSets", get(ogc::matrix_sets))
        .route("/ogc/tileMatrixSets/{set}", get(ogc::matrix_set))
        .route("/ogc/collections/{kind}/tiles", get(ogc::tilesets))
        .route("/ogc/collections/{kind}/tiles/{set}", get(ogc::tileset))
        .route("/ogc/collections/{kind}/tiles/{set}/{matrix}/{row}/{column}", get(ogc::tile))
        .with_state(tiles)
}

impl Tiles {
    /// Answers with a tile; an empty one by `empty`.
    async fn answer(
        &self,
        question: Question,
        headers: &HeaderMap,
        media: &'static str,
        empty: StatusCode,
    ) -> Result<Response, ApiError> {
        let known = known(headers);
        let answer = match self.tiler.at_hand(&question, known) {
            Some(answer) => answer,
            None => self.make(move |tiler| tiler.answer(&question, known)).await?,
        };
        let takes_gzip = takes_gzip(headers);
        let is_large = answer.body.as_ref().is_some_and(|body| body.plain().len() > 1 << 12);
        if !takes_gzip || !is_large {
            return Ok(respond(&answer, takes_gzip, media, empty));
        }
        // Compressing takes longer than a handler may.
        tokio::task::spawn_blocking(move || respond(&answer, true, media, empty)).await.map_err(ApiError::internal)
    }

    /// Does work that takes a while, where there is a place.
    async fn make<T: Send + 'static>(&self, make: impl FnOnce(&Tiler) -> T + Send + 'static) -> Result<T, ApiError> {
        let _place = self.places.acquire().await.map_err(ApiError::internal)?;
        let tiler = self.tiler.clone();
        tokio::task::spawn_blocking(move || make(&tiler)).await.map_err(ApiError::internal)
    }
}

fn kind(name: &str) -> Result<Kind, ApiError> {
    name.parse().map_err(|error| ApiError::not_found(format!("there is no collection `{name}`: {error}")))
}

/// A whole number of a path.
fn number(what: &str, text: &str) -> Result<u32, ApiError> {
    text.parse().map_err(|_| ApiError::bad_request(format!("{what}: `{text}` is not a whole number")))
}

/// The name of a file without what it must end with.
fn without<'a>(file: &'a str, ending: &str) -> Result<&'a str, ApiError> {
    file.strip_suffix(ending)
        .ok_or_else(|| ApiError::not_found(format!("there is no `{file}` here; addresses end with {ending}")))
}

fn respond(answer: &Answer, takes_gzip: bool, media: &'static str, empty: StatusCode) -> Response {
    // Weak: the compressed form has the same tag (RFC 9110, 8.8.1).
    let tag = format!("W/\"{:016x}\"", answer.tag);
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.extend(HeaderValue::try_from(tag).map(|tag| (header::ETAG, tag)));
    let Some(body) = &answer.body else { return (StatusCode::NOT_MODIFIED, headers).into_response() };
    if body.plain().is_empty() {
        return match empty {
            StatusCode::NOT_FOUND => ApiError::not_found("there is no such tile").into_response(),
            status => (status, headers).into_response(),
        };
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    match body.gzip().filter(|_| takes_gzip) {
        Some(gzip) => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            (headers, gzip.clone()).into_response()
        }
        None => (headers, body.plain().clone()).into_response(),
    }
}

/// The tag of what the client has (`If-None-Match`), where it is one of ours.
fn known(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?;
    let tags = text.split(',').map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'));
    tags.filter(|tag| tag.len() == 16).find_map(|tag| u64::from_str_radix(tag, 16).ok())
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip && !parts.any(|part| part.strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0)))
    })
}

/// Scheme and host as the client knows them.
fn site(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let plain =
        |host: &&str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    text(header::HOST.as_str()).filter(plain).map(|host| format!("{scheme}://{host}")).unwrap_or_default()
}

fn question(kind: Kind, asked: &Asked, what: What) -> Result<Question, ApiError> {
    Ok(Question { kind, times: asked.times()?, what })
}
