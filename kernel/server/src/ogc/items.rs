//! Features out of one snapshot: a page of a collection, or one thing; as they stand, or as they last were within a stretch
//! of time, by what had been told by an instant. Pages follow the features' ids, so that a page neither repeats nor leaves
//! out what the pages before it showed, whatever is written meanwhile. How many match is counted only where it costs nothing,
//! or where `resultType=hits` asks for it.

use std::io::Write;
use std::sync::{Arc, PoisonError};

use arrow::array::RecordBatch;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel_model::schema::Table;
use kernel_model::{EntityId, Kind, TimeUs};
use kernel_query::Condition;
use kernel_store::Snapshot;
use serde_json::{Value, json};

use super::collections::{GEOJSON, title};
use super::cql::{self, Context};
use super::find::{Found, Marked, Search, Wanted};
use super::request::{Asked, Format, link};
use super::rows::Columns;
use super::system::System;
use super::{Features, feature, html, table};
use crate::error::ApiError;
use crate::parameters::Path;
use crate::sql::refused;
use crate::times::Times;

/// A page that grows longer ends early; `next` leads on.
pub(super) const MAX_PAGE_BYTES: usize = 32 << 20;
/// Conditions that are kept planned.
const MOST_CONDITIONS: usize = 256;
/// The reference system of the answer's coordinates (Part 2, 6.3).
const CONTENT_CRS: HeaderName = HeaderName::from_static("content-crs");

/// Parameters of a page; all others are names of properties.
pub(super) const PARAMETERS: [&str; 12] = [
    "bbox",
    "bbox-crs",
    "datetime",
    "recorded",
    "limit",
    "token",
    "filter",
    "filter-lang",
    "filter-crs",
    "crs",
    "resultType",
    "f",
];

/// A question of the past: by how many revisions of things, and of what times.
pub(super) type Past = (u64, Times);

pub(super) async fn items(
    State(features): State<Arc<Features>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let _place = features.places.acquire().await.map_err(ApiError::internal)?;
    let (shared, question) = (features.clone(), asked.clone());
    let step = blocking(move || {
        Ok(match conditions(&shared, &name, &question)? {
            (kind, None) => Step::Answered(page(&shared, kind, None, &question)?),
            (kind, Some(sql)) => Step::Asks(kind, sql),
        })
    });
    match step.await? {
        Step::Answered(response) => Ok(response),
        Step::Asks(kind, sql) => {
            let condition = features.condition(sql).await?;
            let shared = features.clone();
            blocking(move || page(&shared, kind, Some(condition), &asked)).await
        }
    }
}

/// How far a page came.
enum Step {
    Answered(Response),
    /// A condition has to be planned first.
    Asks(Kind, String),
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?
}

/// What is asked of the properties and shapes of features, as SQL.
fn conditions(features: &Features, name: &str, asked: &Asked) -> Result<(Kind, Option<String>), ApiError> {
    let attributes = asked.others(&PARAMETERS)?;
    let kind = features.kind_at(name, asked.times()?)?;
    let filter = asked.filter()?;
    let mut parts = Vec::new();
    if filter.is_some() || !attributes.is_empty() {
        let names = features.queryables(kind)?;
        for (name, value) in attributes {
            parts.push(cql::equality(name, value, &names)?);
        }
        if let Some((filter, language)) = filter {
            let system = asked.system("filter-crs")?;
            parts.push(cql::condition(filter, language, Context { names: &names, system: &system })?);
        }
    }
    let system = asked.system("bbox-crs")?;
    if let Some(sides) = asked.sides()?.filter(|_| !system.is_stored()) {
        // Things without a geometry are in every box.
        let area = cql::literal(&cql::area(sides, &system)?);
        parts.push(format!("(geometry IS NULL OR st_intersects(geometry, {area}))"));
    }
    Ok((kind, (!parts.is_empty()).then(|| parts.join(" AND "))))
}

impl Wanted {
    fn read(
        features: &Features,
        asked: &Asked,
        kind: Kind,
        condition: Option<Arc<Condition>>,
    ) -> Result<Self, ApiError> {
        let system = asked.system("bbox-crs")?;
        let boxes = match asked.sides()? {
            None => Vec::new(),
            Some(sides) => {
                let area = cql::area(sides, &system)?;
                if system.is_stored() { cql::regions(sides) } else { vec![area.region()] }
            }
        };
        let deadline = features.state.settings.sql_deadline;
        Ok(Self { kind, boxes, condition, after: asked.after()?, limit: asked.limit()?, deadline })
    }
}

impl Features {
    /// A condition, planned when it is first asked: all pages of a walk ask the same.
    async fn condition(&self, sql: String) -> Result<Arc<Condition>, ApiError> {
        let lock = || self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&sql).cloned() {
            return Ok(known);
        }
        let condition = Arc::new(self.state.engine.condition(&sql).await.map_err(refused)?);
        let mut kept = lock();
        if kept.len() >= MOST_CONDITIONS {
            kept.clear();
        }
        kept.insert(sql, condition.clone());
        Ok(condition)
    }

    /// The revisions that are meant by some times.
    fn revisions(&self, snapshot: &Snapshot, times: Times) -> Arc<Vec<Marked>> {
        let asked = (snapshot.row_count(Table::Entities), times);
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        match past.as_ref() {
            Some((known, revisions)) if *known == asked => revisions.clone(),
            _ => {
                let revisions = Arc::new(times.known(snapshot.clone()).entities_within(times.valid));
                *past = Some((asked, revisions.clone()));
                revisions
            }
        }
    }

    fn present_count(&self, kind: Kind) -> Result<u64, ApiError> {
        Ok(self.summary()?.kinds.get(&kind).map_or(0, |extent| extent.count))
    }
}

fn page(
    features: &Features,
    kind: Kind,
    condition: Option<Arc<Condition>>,
    asked: &Asked,
) -> Result<Response, ApiError> {
    let system = asked.system("crs")?;
    let times = asked.times()?;
    let wanted = Wanted::read(features, asked, kind, condition)?;
    let snapshot = features.state.reader.snapshot();
    let past;
    let revisions: &[Marked] = if times == Times::default() {
        snapshot.entities()
    } else {
        past = features.revisions(&snapshot, times);
        &past
    };
    let search = Search::new(&wanted, &snapshot, revisions)?;
    let is_all = wanted.condition.is_none() && wanted.boxes.is_empty() && times == Times::default();
    if asked.hits()? {
        let matched = if is_all { features.present_count(kind)? } else { search.count()? };
        return Ok(hits(asked, kind, matched));
    }
    let matched = if is_all { Some(features.present_count(kind)?) } else { None };
    let found = search.page()?;
    let page = Page { asked, kind, system: &system, revisions, matched };
    let mut response = match asked.format {
        Format::Json => page.json(found)?,
        Format::Html => page.html(found)?,
        Format::Rows(format) => {
            let (rows, next) = page.rows(features, found, format != kernel_query::format::Format::Csv)?;
            let bytes = kernel_query::format::bytes(format, &rows.schema(), &[rows]).map_err(refused)?;
            page.bytes(bytes, next.as_ref())
        }
    };
    if let Ok(uri) = HeaderValue::from_str(&format!("<{}>", system.uri())) {
        response.headers_mut().insert(CONTENT_CRS, uri);
    }
    Ok(response)
}

/// How many there are, without features.
fn hits(asked: &Asked, kind: Kind, matched: u64) -> Response {
    let document = json!({
        "type": "FeatureCollection", "timeStamp": TimeUs::now().to_string(), "numberMatched": matched, "numberReturned": 0,
        "links": [link(&format!("{}/collections/{kind}", asked.base), "collection", "application/json", "The collection")],
        "features": [],
    });
    html::text(GEOJSON, document.to_string())
}

/// A page on its way out.
struct Page<'a> {
    asked: &'a Asked,
    kind: Kind,
    system: &'a System,
    revisions: &'a [Marked],
    /// How many match with no regard to pages, where that is known.
    matched: Option<u64>,
}

impl Page<'_> {
    fn collection(&self) -> String {
        format!("{}/collections/{}", self.asked.base, self.kind)
    }

    fn links(&self, next: Option<&EntityId>) -> Vec<Value> {
        let mut links = self.asked.feature_links();
        if let Some(last) = next {
            links.push(link(&self.asked.next(last), "next", self.asked.format.media_type(), "The next page"));
        }
        links.push(link(&self.collection(), "collection", "application/json", "The collection"));
        links
    }

    /// Features as one text, commas between; how many, and behind which the next page begins.
    fn write(&self, found: &Found, separator: &[u8]) -> Result<(Vec<u8>, usize, Option<EntityId>), ApiError> {
        let columns = self.revisions.iter().map(|(batch, _)| Columns::of(batch)).collect::<Result<Vec<_>, _>>()?;
        let mut text = Vec::with_capacity(found.rows.len() * 512);
        for (number, (_, batch, row)) in found.rows.iter().enumerate() {
            let begin = text.len();
            if number > 0 {
                text.extend(separator);
            }
            feature::write_open(&mut text, &columns[*batch], *row, self.system)?;
            text.push(b'}');
            // A feature that is longer than a page by itself is a page by itself.
            if text.len() > MAX_PAGE_BYTES && number > 0 {
                text.truncate(begin);
                return Ok((text, number, Some(found.rows[number - 1].0)));
            }
        }
        let next = found.rows.last().filter(|_| found.more).map(|(id, ..)| *id);
        Ok((text, found.rows.len(), next))
    }

    fn json(&self, found: Found) -> Result<Response, ApiError> {
        let (features, returned, next) = self.write(&found, b",")?;
        let mut body = Vec::with_capacity(features.len() + 2_048);
        // Writing into a Vec cannot fail.
        let _ = write!(body, r#"{{"type":"FeatureCollection","timeStamp":"{}","#, TimeUs::now());
        if let Some(matched) = self.matched {
            let _ = write!(body, r#""numberMatched":{matched},"#);
        }
        let links = Value::from(self.links(next.as_ref()));
        let _ = write!(body, r#""numberReturned":{returned},"links":{links},"features":["#);
        body.extend(features);
        body.extend(b"]}");
        Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(GEOJSON))], body).into_response())
    }

    fn html(&self, found: Found) -> Result<Response, ApiError> {
        let (features, returned, next) = self.write(&found, b",")?;
        let features: Vec<Value> =
            serde_json::from_slice(&[b"[".as_slice(), &features, b"]"].concat()).map_err(ApiError::internal)?;
        let mut head = json!({ "numberReturned": returned, "links": self.links(next.as_ref()) });
        if let Some(matched) = self.matched {
            head["numberMatched"] = matched.into();
        }
        let (base, times) = (&self.asked.base, self.asked.times_written());
        Ok(html::features_page(&title(self.kind), base, &self.collection(), &times, &head, &features))
    }

    /// Features as rows, and behind which the next page begins.
    fn rows(
        &self,
        features: &Features,
        found: Found,
        in_degrees: bool,
    ) -> Result<(RecordBatch, Option<EntityId>), ApiError> {
        if in_degrees && !self.system.is_stored() {
            return Err(ApiError::bad_request("this form is given in CRS84 only: leave crs out, or take json or csv"));
        }
        let names = features.queryables(self.kind)?;
        let rows = table::rows(self.revisions, &found.rows, &names, self.system)?;
        let next = found.rows.last().filter(|_| found.more).map(|(id, ..)| *id);
        Ok((rows, next))
    }

    fn bytes(&self, bytes: Vec<u8>, next: Option<&EntityId>) -> Response {
        let media = self.asked.format.media_type();
        let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static(media))], bytes).into_response();
        if let Some(last) = next {
            let text = format!("<{}>; rel=\"next\"; type=\"{media}\"", self.asked.next(last));
            if let Ok(value) = HeaderValue::from_str(&text) {
                response.headers_mut().insert(header::LINK, value);
            }
        }
        response
    }
}

pub(super) async fn item(
    State(features): State<Arc<Features>>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&["datetime", "recorded", "crs"])?;
    let times = asked.times()?;
    let system = asked.system("crs")?;
    let kind = features.kind_at(&name, times)?;
    let row = features.row(kind, &id, times)?;
    let columns = Columns::of(&row)?;
    let tag = etag(&columns);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| names_tag(known, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let mut links = asked.own_links(GEOJSON);
    let collection = format!("{}/collections/{kind}", asked.base);
    links.push(link(&collection, "collection", "application/json", "The collection"));
    let mut text = Vec::new();
    feature::write_open(&mut text, &columns, 0, &system)?;
    let _ = write!(text, r#","links":{}}}"#, Value::from(links));
    if asked.is_page()? {
        let document: Value = serde_json::from_slice(&text).map_err(ApiError::internal)?;
        let name = document["properties"]["name"].as_str().map_or_else(|| id.clone(), str::to_owned);
        return Ok(html::document_page(&name, &asked.base, &document));
    }
    let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static(GEOJSON))], text).into_response();
    response.headers_mut().insert(header::ETAG, tag);
    if let Ok(uri) = HeaderValue::from_str(&format!("<{}>", system.uri())) {
        response.headers_mut().insert(CONTENT_CRS, uri);
    }
    Ok(response)
}

impl Features {
    /// The one row of a feature of a collection.
    pub(super) fn row(&self, kind: Kind, id: &str, times: Times) -> Result<RecordBatch, ApiError> {
        let then = if times == Times::default() { "" } else { " at that time" };
        let missing = || ApiError::not_found(format!("there is no feature `{id}` in the collection `{kind}`{then}"));
        let parsed: EntityId = id.parse().map_err(|_| missing())?;
        let row = times.known(self.state.reader.snapshot()).entity(&parsed, times.valid);
        let is_own = |row: &RecordBatch| Columns::of(row).is_ok_and(|columns| columns.kind.value(0) == kind.name());
        row.filter(is_own).ok_or_else(missing)
    }
}

/// What names a state of a feature: the hash of its description.
pub(super) fn etag(columns: &Columns<'_>) -> HeaderValue {
    let text = format!("\"{}\"", hex::encode(&columns.digest.value(0)[..16]));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether a condition of a request names the state.
pub(super) fn names_tag(condition: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(condition), Ok(tag)) = (condition.to_str(), tag.to_str()) else { return false };
    condition.trim() == "*" || condition.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
}
