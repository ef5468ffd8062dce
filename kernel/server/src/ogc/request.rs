//! What was asked: address, headers and parameters in, a checked question out. A parameter that the API description does
//! not name, or that has no valid value, is refused (Part 1, /req/core/query-param-unknown and -invalid).

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use axum::http::{HeaderMap, Uri, header, request::Parts};
use kernel_model::EntityId;
use serde_json::{Value, json};

use super::Features;
use super::collections::GEOJSON;
use super::cql::Language;
use super::system::System;
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
    /// Rows as they are written by [`kernel_query::format`].
    Rows(kernel_query::format::Format),
}

/// Name in `f=`, media types in `Accept`, the answer's media type first.
type Named = (Format, &'static str, &'static [&'static str]);

const FORMATS: [Named; 6] = [
    (
        Format::Json,
        "json",
        &["application/geo+json", "application/json", "application/vnd.oai.openapi+json", "application/schema+json"],
    ),
    (Format::Html, "html", &["text/html", "application/xhtml+xml"]),
    (Format::Rows(kernel_query::format::Format::Csv), "csv", &["text/csv"]),
    (Format::Rows(kernel_query::format::Format::ArrowIpc), "arrow", &["application/vnd.apache.arrow.stream"]),
    (Format::Rows(kernel_query::format::Format::Parquet), "parquet", &["application/vnd.apache.parquet"]),
    (Format::Rows(kernel_query::format::Format::FlatGeobuf), "fgb", &["application/flatgeobuf"]),
];

impl Format {
    /// The form of a name in `f=`; JSON for any other.
    pub(super) fn named(name: &str) -> Self {
        FORMATS.into_iter().find(|(_, known, _)| *known == name).map_or(Self::Json, |(format, ..)| format)
    }

    /// Names in `f=`.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        FORMATS.into_iter().map(|(_, name, _)| name)
    }

    fn name(self) -> &'static str {
        FORMATS.into_iter().find(|(format, ..)| *format == self).map_or("json", |(_, name, _)| name)
    }

    /// The media type of features.
    pub(super) fn media_type(self) -> &'static str {
        FORMATS.into_iter().find(|(format, ..)| *format == self).map_or(GEOJSON, |(.., types)| types[0])
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
    /// `f=` says the form.
    is_explicit: bool,
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
        let said = parameters.iter().find(|(name, _)| name == "f").map(|(_, value)| value.as_str());
        let format = match said {
            None => accepted(headers),
            Some("geojson") => Format::Json,
            Some(said) => {
                let named = FORMATS.into_iter().find(|(_, name, _)| *name == said).map(|(format, ..)| format);
                let names = || Format::names().collect::<Vec<_>>().join(", ");
                named.ok_or_else(|| ApiError::bad_request(format!("f={said}: give one of {}", names())))?
            }
        };
        let is_explicit = said.is_some();
        let path = uri.path().strip_prefix(mount).unwrap_or(uri.path()).trim_end_matches('/').to_owned();
        Ok(Self { format, base: format!("{}{mount}", site(headers)), path, parameters, is_explicit })
    }

    /// Refuses every parameter but `f` and the named ones, and any that stands twice.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        let others = self.others(names)?;
        others.first().map_or(Ok(()), |(name, _)| Err(unknown(name, names)))
    }

    /// Parameters that are not among the named ones; refuses any that stands twice.
    pub(super) fn others(&self, names: &[&str]) -> Result<Vec<(&str, &str)>, ApiError> {
        let mut others = Vec::new();
        for (i, (name, value)) in self.parameters.iter().enumerate() {
            if self.parameters[..i].iter().any(|(earlier, _)| earlier == name) {
                return Err(ApiError::bad_request(format!("the parameter `{name}` stands twice")));
            }
            if name != "f" && !names.contains(&name.as_str()) {
                others.push((name.as_str(), value.as_str()));
            }
        }
        Ok(others)
    }

    /// Whether a document that is no features is wanted as a page; its forms are JSON and HTML.
    pub(super) fn is_page(&self) -> Result<bool, ApiError> {
        match self.format {
            Format::Html => Ok(true),
            Format::Json => Ok(false),
            Format::Rows(_) if !self.is_explicit => Ok(false),
            other @ Format::Rows(_) => {
                Err(ApiError::bad_request(format!("f={}: this is given as json or html", other.name())))
            }
        }
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

    /// The four or six numbers of `bbox`.
    pub(super) fn sides(&self) -> Result<Option<[f64; 4]>, ApiError> {
        self.parameter("bbox").map(sides).transpose()
    }

    /// `crs`, `bbox-crs` or `filter-crs`; longitude and latitude where it does not stand.
    pub(super) fn system(&self, name: &str) -> Result<System, ApiError> {
        self.parameter(name).map_or(Ok(System::stored()), |text| System::read(name, text))
    }

    /// `filter` and its language.
    pub(super) fn filter(&self) -> Result<Option<(&str, Language)>, ApiError> {
        let language = self.parameter("filter-lang").map_or(Ok(Language::Text), Language::read)?;
        Ok(self.parameter("filter").map(|filter| (filter, language)))
    }

    /// `resultType`: only the number of features is wanted.
    pub(super) fn hits(&self) -> Result<bool, ApiError> {
        match self.parameter("resultType") {
            None | Some("results") => Ok(false),
            Some("hits") => Ok(true),
            Some(other) => Err(ApiError::bad_request(format!("resultType={other}: give results or hits"))),
        }
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

    /// `token`: where the page begins, as a `next` link said it.
    pub(super) fn after(&self) -> Result<Option<EntityId>, ApiError> {
        let read = |text: &str| EntityId::from_slice(&hex::decode(text).ok()?);
        let wrong = || ApiError::bad_request("token: this is none that a `next` link gave; begin without it");
        self.parameter("token").map(|text| read(text).ok_or_else(wrong)).transpose()
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
        self.address(&[("token", &hex::encode(last.bytes()))])
    }

    /// Links to this document and to its other form; `json` is the media type of the JSON form.
    pub(super) fn own_links(&self, json: &str) -> Vec<Value> {
        let (own, other, others) =
            if self.format == Format::Html { ("text/html", "json", json) } else { (json, "html", "text/html") };
        vec![
            link(&self.address(&[]), "self", own, "This document"),
            link(&self.address(&[("f", other)]), "alternate", others, &format!("This document as {other}")),
        ]
    }

    /// Links to these features in this form and in all others.
    pub(super) fn feature_links(&self) -> Vec<Value> {
        let alternate = |(format, name, types): Named| {
            let address = self.address(&[("f", name)]);
            (format != self.format).then(|| link(&address, "alternate", types[0], &format!("This document as {name}")))
        };
        let own = link(&self.address(&[]), "self", self.format.media_type(), "This document");
        std::iter::once(own).chain(FORMATS.into_iter().filter_map(alternate)).collect()
    }
}

fn unknown(name: &str, names: &[&str]) -> ApiError {
    let known = if names.is_empty() { "f".to_owned() } else { format!("f, {}", names.join(", ")) };
    ApiError::bad_request(format!("there is no parameter `{name}` here, there are: {known}"))
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

/// The form that the client likes best; JSON where it likes none better.
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
    let mut best = (Format::Json, weight(FORMATS[0].2));
    for (format, _, types) in FORMATS.into_iter().skip(1) {
        if weight(types) > best.1 {
            best = (format, weight(types));
        }
    }
    best.0
}

fn sides(text: &str) -> Result<[f64; 4], ApiError> {
    let numbers = text.split(',').map(|n| n.trim().parse::<f64>().ok().filter(|n| n.is_finite()));
    let numbers: Option<Vec<f64>> = numbers.collect();
    numbers.as_deref().and_then(super::cql::sides).ok_or_else(|| {
        ApiError::bad_request(format!(
            "bbox={text}: give west,south,east,north in degrees, such as 116.30,39.97,116.32,39.99, or in the order of \
             bbox-crs; or six numbers with heights at places 3 and 6"
        ))
    })
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
        assert_eq!(form("/ogc/", "application/vnd.apache.parquet;q=0.9,application/geo+json;q=0.5"), FORMATS[4].0);
        assert_eq!(form("/ogc/?f=fgb", "text/html"), FORMATS[5].0);
        assert!(asked("/ogc/?f=gml", "*/*").is_err());
        assert!(asked("/ogc/?f=csv", "*/*").unwrap().is_page().is_err(), "no form of a document");
        assert_eq!(asked("/ogc/", "text/csv").unwrap().is_page(), Ok(false));
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
             &limit=5&token=0192f0c17b1e7cc29a532f4f7d6b1a10"
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
        for wrong in ["bbox=1,2,3", "bbox=a,b,c,d", "bbox=NaN,0,1,1", "bbox=", "bbox=1,2,9,3,4,5"] {
            assert!(with(wrong).sides().is_err(), "{wrong}");
        }
        assert_eq!(with("bbox=1,2,-5,3,4,50").sides(), Ok(Some([1.0, 2.0, 3.0, 4.0])));
        assert!(with("token=0192").after().is_err() && with("token=x").after().is_err());
        assert!(with("crs=EPSG:4979").system("crs").is_err() && with("filter-lang=sql&filter=1").filter().is_err());
        assert!(with("datetime=yesterday").times().is_err() && with("recorded=../..").times().is_err());
        assert_eq!(with("recorded=a%2Bb&limit=3").times_written(), "&recorded=a%2Bb");
    }

    #[test]
    fn an_odd_host_is_not_repeated() {
        let headers = HeaderMap::from_iter([(header::HOST, "a/b\"<script>".parse().unwrap())]);
        assert_eq!(Asked::read(&"/ogc/".parse().unwrap(), &headers, "/ogc").unwrap().base, "/ogc");
    }
}
