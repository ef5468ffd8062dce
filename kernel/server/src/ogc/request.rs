//! What was asked: address, headers and parameters in, a checked question out. A parameter that the API description does
//! not name, or that has no valid value, is refused (Part 1, /req/core/query-param-unknown and -invalid).

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use axum::http::{HeaderMap, Uri, header, request::Parts};
use kernel_model::{EntityId, Region};
use serde_json::{Value, json};

use super::Features;
use crate::error::ApiError;
use crate::times::Times;

/// Features on a page where nothing is asked, and at most.
pub(super) const DEFAULT_LIMIT: usize = 100;
pub(super) const MAX_LIMIT: usize = 10_000;

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Html,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Html => "html",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Json => Self::Html,
            Self::Html => Self::Json,
        }
    }
}

/// A question to one of the resources.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub format: Format,
    /// Address of the landing page without a slash at the end; empty host where the client named none.
    pub base: String,
    /// Path below the base.
    path: String,
    parameters: Vec<(String, String)>,
}

impl FromRequestParts<Arc<Features>> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, features: &Arc<Features>) -> Result<Self, ApiError> {
        Self::read(&parts.uri, &parts.headers, features.mount)
    }
}

impl Asked {
    fn read(uri: &Uri, headers: &HeaderMap, mount: &str) -> Result<Self, ApiError> {
        let Query(parameters) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|e| ApiError::bad_request(format!("the parameters cannot be read: {e}")))?;
        let format = match parameters.iter().find(|(name, _)| name == "f").map(|(_, value)| value.as_str()) {
            Some("json") => Format::Json,
            Some("html") => Format::Html,
            Some(other) => return Err(ApiError::bad_request(format!("f={other}: give f=json or f=html"))),
            None => accepted(headers),
        };
        let path = uri.path().strip_prefix(mount).unwrap_or(uri.path()).trim_end_matches('/').to_owned();
        Ok(Self { format, base: format!("{}{mount}", site(headers)), path, parameters })
    }

    /// Refuses every parameter but `f` and the named ones, and any that stands twice.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        for (i, (name, _)) in self.parameters.iter().enumerate() {
            if name != "f" && !names.contains(&name.as_str()) {
                let known = if names.is_empty() { "f".to_owned() } else { format!("f, {}", names.join(", ")) };
                return Err(ApiError::bad_request(format!("there is no parameter `{name}` here, there are: {known}")));
            }
            if self.parameters[..i].iter().any(|(earlier, _)| earlier == name) {
                return Err(ApiError::bad_request(format!("the parameter `{name}` stands twice")));
            }
        }
        Ok(())
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `limit`: above the maximum it means the maximum (/req/core/fc-limit-response-1, C).
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.parameter("limit") else {
            return Ok(DEFAULT_LIMIT);
        };
        match text.parse::<u64>() {
            Ok(limit @ 1..) => Ok(usize::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT)),
            _ => Err(ApiError::bad_request(format!("limit={text}: give a whole number from 1 to {MAX_LIMIT}"))),
        }
    }

    /// `bbox`: one box, or two where it crosses the antimeridian; none where nothing is asked.
    pub(super) fn boxes(&self) -> Result<Vec<Region>, ApiError> {
        self.parameter("bbox").map_or(Ok(Vec::new()), boxes)
    }

    /// `datetime` and `recorded`.
    pub(super) fn times(&self) -> Result<Times, ApiError> {
        Times::read(self.parameter("datetime"), self.parameter("recorded"))
    }

    /// The times as they stand in an address, to be handed on to the features.
    pub(super) fn times_written(&self) -> String {
        let times = ["datetime", "recorded"].into_iter().filter_map(|name| Some((name, self.parameter(name)?)));
        let times: Vec<_> = times.map(|(name, value)| format!("&{name}={}", escape(value))).collect();
        times.concat()
    }

    /// `after`: the page begins behind this feature.
    pub(super) fn after(&self) -> Result<Option<EntityId>, ApiError> {
        self.parameter("after")
            .map(|text| text.parse().map_err(|e| ApiError::bad_request(format!("after: {e}"))))
            .transpose()
    }

    /// An address with these parameters changed, the others kept.
    fn address(&self, changed: &[(&str, &str)]) -> String {
        let kept = self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = kept.filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let pairs: Vec<_> = kept
            .chain(changed.iter().copied())
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .collect();
        let question = if pairs.is_empty() { "" } else { "?" };
        format!("{}{}{question}{}", self.base, self.path, pairs.join("&"))
    }

    /// The address of the page behind the feature.
    pub(super) fn next(&self, last: &EntityId) -> String {
        self.address(&[("after", &last.to_string())])
    }

    /// Links to this document and to its other form; `json` is the media type of the JSON form.
    pub(super) fn own_links(&self, json: &str) -> Vec<Value> {
        let media = |format| if format == Format::Json { json } else { "text/html" };
        let other = self.format.other();
        vec![
            link(&self.address(&[]), "self", media(self.format), "This document"),
            link(
                &self.address(&[("f", other.name())]),
                "alternate",
                media(other),
                &format!("This document as {}", other.name()),
            ),
        ]
    }
}

/// A link object (RFC 8288 in JSON, Part 1 schema link.yaml).
pub(super) fn link(href: &str, rel: &str, media_type: &str, title: &str) -> Value {
    json!({ "href": href, "rel": rel, "type": media_type, "title": title })
}

/// Scheme and host as the client knows them; empty, which makes links relative to the host, where the header is odd.
fn site(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let plain =
        |host: &&str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    text(header::HOST.as_str()).filter(plain).map(|host| format!("{scheme}://{host}")).unwrap_or_default()
}

/// HTML where the client likes it better than JSON, as browsers do; JSON else.
fn accepted(headers: &HeaderMap) -> Format {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let weight = |wanted: &[&str]| {
        let ranges = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().filter(|media| wanted.contains(media))?;
            let weight =
                parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0);
            Some((media, weight))
        });
        ranges.map(|(_, weight)| weight).fold(0.0, f32::max)
    };
    let html = weight(&["text/html", "application/xhtml+xml"]);
    let json = weight(&["application/json", "application/geo+json", "application/vnd.oai.openapi+json"]);
    if html > json { Format::Html } else { Format::Json }
}

fn boxes(text: &str) -> Result<Vec<Region>, ApiError> {
    let wrong = || {
        ApiError::bad_request(format!(
            "bbox={text}: give west,south,east,north in degrees, such as 116.30,39.97,116.32,39.99, or six numbers with \
             heights at places 3 and 6"
        ))
    };
    let numbers: Vec<f64> = text.split(',').map(|n| n.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let [west, south, east, north] = match numbers.as_slice() {
        [w, s, e, n] => [*w, *s, *e, *n],
        // Heights have mixed references here, so they choose nothing.
        [w, s, low, e, n, high] if low <= high => [*w, *s, *e, *n],
        _ => return Err(wrong()),
    };
    let on_globe = west.abs() <= 180.0 && east.abs() <= 180.0 && south.abs() <= 90.0 && north.abs() <= 90.0;
    if !on_globe || south > north {
        return Err(wrong());
    }
    if west <= east {
        return Ok(vec![Region { west, south, east, north }]);
    }
    Ok(vec![Region { west, south, east: 180.0, north }, Region { west: -180.0, south, east, north }])
}

/// Percent-encodes what may not stand in a query (RFC 3986, 3.4); commas, colons and slashes stay readable.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,:/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(uri: &str, accept: &str) -> Result<Asked, ApiError> {
        let headers = HeaderMap::from_iter([
            (header::HOST, "city.example:8080".parse().unwrap()),
            (header::ACCEPT, accept.parse().unwrap()),
        ]);
        Asked::read(&uri.parse().unwrap(), &headers, "/ogc")
    }

    #[test]
    fn the_form_is_the_one_asked_for() {
        let form = |uri, accept| asked(uri, accept).unwrap().format;
        assert_eq!(form("/ogc/", "*/*"), Format::Json);
        assert_eq!(form("/ogc/", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Format::Html);
        assert_eq!(form("/ogc/", "application/geo+json,text/html;q=0.5"), Format::Json);
        assert_eq!(form("/ogc/?f=json", "text/html"), Format::Json);
        assert!(asked("/ogc/?f=gml", "*/*").is_err());
    }

    #[test]
    fn the_next_page_keeps_the_question() {
        let asked = asked(
            "/ogc/collections/road/items?bbox=4,52,4.5,52.1&datetime=../2020-01-01T00:00:00%2B08:00&limit=5",
            "*/*",
        );
        let id: EntityId = "0192f0c1-7b1e-7cc2-9a53-2f4f7d6b1a10".parse().unwrap();
        assert_eq!(
            asked.unwrap().next(&id),
            "http://city.example:8080/ogc/collections/road/items?bbox=4,52,4.5,52.1&datetime=../2020-01-01T00:00:00%2B08:00\
             &limit=5&after=0192f0c1-7b1e-7cc2-9a53-2f4f7d6b1a10"
        );
    }

    #[test]
    fn parameters_are_checked() {
        let with = |query: &str| asked(&format!("/ogc/collections/road/items?{query}"), "*/*").unwrap();
        assert!(with("colour=red").only(&["bbox"]).unwrap_err().description.contains("no parameter `colour`"));
        assert!(with("limit=1&limit=2").only(&["limit"]).is_err());
        assert_eq!(with("limit=999999999999999999").limit(), Ok(MAX_LIMIT));
        for wrong in ["limit=0", "limit=-1", "limit=x"] {
            assert_eq!(with(wrong).limit().unwrap_err().status.as_u16(), 400);
        }
        for wrong in ["bbox=1,2,3", "bbox=1,3,2,2", "bbox=0,0,200,1", "bbox=a,b,c,d", "bbox=NaN,0,1,1", "bbox="] {
            assert!(with(wrong).boxes().is_err(), "{wrong}");
        }
        let crossing = with("bbox=170,-10,-170,10").boxes().unwrap();
        assert_eq!(crossing.iter().map(|b| (b.west, b.east)).collect::<Vec<_>>(), [(170.0, 180.0), (-180.0, -170.0)]);
        assert_eq!(with("bbox=1,2,-5,3,4,50").boxes().unwrap(), with("bbox=1,2,3,4").boxes().unwrap());
        assert!(with("datetime=yesterday").times().is_err() && with("recorded=../..").times().is_err());
        assert_eq!(with("recorded=a%2Bb&limit=3").times_written(), "&recorded=a%2Bb");
    }

    #[test]
    fn an_odd_host_is_not_repeated() {
        let headers = HeaderMap::from_iter([(header::HOST, "a/b\"<script>".parse().unwrap())]);
        assert_eq!(Asked::read(&"/ogc/".parse().unwrap(), &headers, "/ogc").unwrap().base, "/ogc");
    }
}
