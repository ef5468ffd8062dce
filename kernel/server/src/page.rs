//! The page: files built by `viewer/web`, embedded in the program, with their Brotli twins where the browser takes them.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../viewer/web/dist"]
struct Files;

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Urbis</title><p>The page was not built into this \
                         program: run <code>make page</code> and build again. The APIs work: <a href=/ogc>/ogc</a>, \
                         <a href=/health>/health</a>.";

/// Serves a file, or the page itself at `/`.
pub(crate) async fn page(uri: Uri, headers: HeaderMap) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let plain = Files::get(path);
    let Some(plain) = plain else {
        return match path {
            "index.html" => (StatusCode::OK, [(header::CONTENT_TYPE, "text/html")], NOT_BUILT).into_response(),
            _ => (StatusCode::NOT_FOUND, "there is no such page").into_response(),
        };
    };
    let takes_brotli = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|coding| coding.trim().starts_with("br")));
    let brotli = takes_brotli.then(|| Files::get(&format!("{path}.br"))).flatten();
    respond(path, &headers, &plain, brotli)
}

fn respond(path: &str, headers: &HeaderMap, plain: &EmbeddedFile, brotli: Option<EmbeddedFile>) -> Response {
    let tag = format!("\"{}\"", hex::encode(&plain.metadata.sha256_hash()[..16]));
    if headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    // Files under page/ carry their hash in their name.
    let cache = if path.starts_with("page/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = Response::builder()
        .header(header::CONTENT_TYPE, plain.metadata.mimetype())
        .header(header::ETAG, tag)
        .header(header::VARY, "accept-encoding")
        .header(header::CACHE_CONTROL, cache);
    if brotli.is_some() {
        response = response.header(header::CONTENT_ENCODING, "br");
    }
    let body = brotli.map_or_else(|| plain.data.clone(), |file| file.data).into_owned();
    response.body(Body::from(body)).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
