//! The HTML form of every answer: the same document as the JSON one, as a page with all its links. Everything that came
//! from outside is escaped; there is no script.

use std::fmt::Write;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#1b2733;background:#f6f8fa;margin:0}\
main{max-width:70rem;margin:0 auto;padding:1.5rem}header{background:#10324d}header a{display:block;max-width:70rem;\
margin:0 auto;padding:.7rem 1.5rem;color:#fff;text-decoration:none;font-weight:600}h1{font-size:1.5rem;margin:.2rem 0 1rem}\
a{color:#0b62a4}table{border-collapse:collapse;background:#fff;width:100%}td,th{border:1px solid #d8e0e7;padding:.35rem .6rem;\
text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:#eef3f7;font-weight:600;white-space:nowrap}\
nav{margin:1rem 0}nav a{margin-right:1rem}details{max-width:40rem}pre{white-space:pre-wrap;font-size:12px}\
@media(prefers-color-scheme:dark){body{background:#10161c;color:#dbe4ec}table{background:#161e26}td,th{border-color:#2b3946}\
th{background:#1c2732}a{color:#6bb8f0}}";

/// A text answer of a media type.
pub(super) fn text(media_type: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], body).into_response()
}

fn page(title: &str, base: &str, body: &str) -> Response {
    let (title, base) = (escape(title), escape(base));
    text(
        "text/html; charset=utf-8",
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><meta name=\"viewport\" \
             content=\"width=device-width\"><style>{STYLE}</style></head><body><header><a href=\"{base}/?f=html\">Urbis: \
             features</a></header><main><h1>{title}</h1>{body}</main></body></html>"
        ),
    )
}

/// Any document as a page of nested tables, its links last.
pub(super) fn document_page(title: &str, base: &str, document: &Value) -> Response {
    let mut body = String::new();
    value(&mut body, document);
    page(title, base, &body)
}

/// A page of features: counts, links, and one row for each feature; `times` goes on into the features' addresses.
pub(super) fn features_page(
    title: &str,
    base: &str,
    collection: &str,
    times: &str,
    head: &Value,
    features: &[Value],
) -> Response {
    let mut body = String::new();
    value(&mut body, head);
    body.push_str(
        "<h2>Features</h2><table><tr><th>Id</th><th>Name</th><th>Class</th><th>Geometry</th><th>Properties</th></tr>",
    );
    for feature in features {
        let id = escape(feature["id"].as_str().unwrap_or_default());
        let name = escape(feature["properties"]["name"].as_str().unwrap_or_default());
        let class = escape(feature["properties"]["class"].as_str().unwrap_or_default());
        let _ = write!(
            body,
            "<tr><td><a href=\"{}/items/{id}?f=html{}\">{id}</a></td><td>{name}</td><td>{class}</td><td>",
            escape(collection),
            escape(times)
        );
        geometry(&mut body, &feature["geometry"]);
        body.push_str("</td><td><details><summary>show</summary>");
        value(&mut body, &feature["properties"]);
        body.push_str("</details></td></tr>");
    }
    body.push_str("</table>");
    page(title, base, &body)
}

fn value(out: &mut String, value: &Value) {
    match value {
        Value::Object(members) => {
            out.push_str("<table>");
            for (name, member) in members.iter().filter(|(name, _)| *name != "links") {
                let _ = write!(out, "<tr><th>{}</th><td>", escape(name));
                if name == "geometry" {
                    geometry(out, member);
                } else {
                    self::value(out, member);
                }
                out.push_str("</td></tr>");
            }
            out.push_str("</table>");
            members.get("links").and_then(Value::as_array).into_iter().for_each(|list| links(out, list));
        }
        Value::Array(list) => list.iter().for_each(|member| {
            out.push_str("<div>");
            self::value(out, member);
            out.push_str("</div>");
        }),
        Value::String(text) if text.starts_with("http://") || text.starts_with("https://") => {
            let text = escape(text);
            let _ = write!(out, "<a href=\"{text}\">{text}</a>");
        }
        Value::String(text) => out.push_str(&escape(text)),
        Value::Null => out.push('–'),
        plain => out.push_str(&plain.to_string()),
    }
}

fn geometry(out: &mut String, geometry: &Value) {
    match geometry["type"].as_str() {
        Some(name) => {
            let _ =
                write!(out, "<details><summary>{name}</summary><pre>{}</pre></details>", escape(&geometry.to_string()));
        }
        None => out.push('–'),
    }
}

fn links(out: &mut String, links: &[Value]) {
    out.push_str("<nav>");
    for link in links {
        let part = |name: &str| escape(link[name].as_str().unwrap_or_default());
        let _ = write!(
            out,
            "<a href=\"{}\" rel=\"{}\" type=\"{}\">{}</a>",
            part("href"),
            part("rel"),
            part("type"),
            part("title")
        );
    }
    out.push_str("</nav>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
