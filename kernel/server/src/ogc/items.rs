//! Features out of one snapshot: a page of a collection, or one thing; as they stand, or as they last were within a stretch
//! of time, by what had been told by an instant. Pages follow the features' ids, so that a page neither repeats nor leaves
//! out what the pages before it showed, whatever is written meanwhile.

use std::collections::BinaryHeap;
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use axum::extract::{Path, State};
use axum::response::Response;
use kernel_model::{EntityId, Kind, Region, TimeUs};
use serde_json::{Value, json};

use super::collections::{GEOJSON, title};
use super::request::{Asked, Format, link};
use super::rows::{Columns, each_marked};
use super::{Features, feature, html, touch};
use crate::error::ApiError;
use crate::times::Times;

/// A page that grows longer ends early; `next` leads on.
pub(super) const MAX_PAGE_BYTES: usize = 32 << 20;

/// Revisions and which of them are meant.
type Marked = (RecordBatch, BooleanArray);

/// What is looked for.
#[derive(Debug)]
struct Wanted {
    kind: Kind,
    boxes: Vec<Region>,
    after: Option<EntityId>,
    limit: usize,
}

/// What was found: the first rows behind `after` in the order of ids, and how many match with no regard to pages.
#[derive(Debug)]
struct Found {
    /// Id, number of the batch, row.
    rows: Vec<(EntityId, usize, usize)>,
    more: bool,
    matched: u64,
}

impl Wanted {
    fn read(asked: &Asked, kind: Kind) -> Result<Self, ApiError> {
        Ok(Self { kind, boxes: asked.boxes()?, after: asked.after()?, limit: asked.limit()? })
    }

    fn takes(&self, columns: &Columns<'_>, row: usize) -> bool {
        columns.kind.value(row) == self.kind.name() && self.takes_place(columns, row)
    }

    /// Things without a geometry match any box (/req/core/fc-bbox-response, C).
    fn takes_place(&self, columns: &Columns<'_>, row: usize) -> bool {
        let Some(region) = columns.region(row).filter(|_| !self.boxes.is_empty()) else {
            return true;
        };
        self.boxes.iter().any(|wanted| {
            let within = wanted.contains(region.west, region.south) && wanted.contains(region.east, region.north);
            let exact = || feature::geometry(columns, row).is_some_and(|geometry| touch::meets(&geometry, wanted));
            within || (wanted.intersects(&region) && exact())
        })
    }

    /// Walks over all marked rows and keeps the smallest ids in a heap of one page and one more.
    fn find(&self, revisions: &[Marked]) -> Result<Found, ApiError> {
        let mut first = BinaryHeap::with_capacity(self.limit + 2);
        let mut matched = 0;
        each_marked(revisions, |batch, columns, row| {
            if !self.takes(columns, row) {
                return;
            }
            matched += 1;
            if let Some(id) = columns.id(row).filter(|id| self.after.is_none_or(|after| *id > after)) {
                first.push((id, batch, row));
                if first.len() > self.limit + 1 {
                    first.pop();
                }
            }
        })?;
        let mut rows = first.into_sorted_vec();
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        Ok(Found { rows, more, matched })
    }
}

pub(super) async fn items(
    State(features): State<Arc<Features>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let _place = features.places.acquire().await.map_err(ApiError::internal)?;
    let shared = features.clone();
    let answer = tokio::task::spawn_blocking(move || page(&shared, &name, &asked)).await;
    answer.map_err(ApiError::internal)?
}

fn page(features: &Features, name: &str, asked: &Asked) -> Result<Response, ApiError> {
    asked.only(&["bbox", "datetime", "recorded", "limit", "after"])?;
    let times = asked.times()?;
    let kind = features.kind_at(name, times)?;
    let wanted = Wanted::read(asked, kind)?;
    let revisions = times.known(features.reader.snapshot()).entities_within(times.valid);
    let mut found = wanted.find(&revisions)?;
    let written = write_features(&revisions, &found.rows)?;
    found.more |= written.len() < found.rows.len();
    found.rows.truncate(written.len());
    let mut links = asked.own_links(GEOJSON);
    let media = if asked.format == Format::Html { "text/html" } else { GEOJSON };
    if let Some((last, ..)) = found.rows.last().filter(|_| found.more) {
        links.push(link(&asked.next(last), "next", media, "The next page"));
    }
    let collection = format!("{}/collections/{kind}", asked.base);
    links.push(link(&collection, "collection", "application/json", "The collection"));
    Ok(match asked.format {
        Format::Json => html::text(GEOJSON, collection_text(&links, &found, &written)),
        Format::Html => {
            let head = json!({ "numberMatched": found.matched, "numberReturned": found.rows.len(), "links": links });
            html::features_page(&title(kind), &asked.base, &collection, &asked.times_written(), &head, &written)
        }
    })
}

/// One text for each feature, in order, until the page is full.
fn write_features(revisions: &[Marked], rows: &[(EntityId, usize, usize)]) -> Result<Vec<String>, ApiError> {
    let mut written = Vec::with_capacity(rows.len());
    let mut bytes = 0;
    for (id, batch, row) in rows {
        let columns = Columns::of(&revisions[*batch].0)?;
        let mut text = String::new();
        feature::write_open(&mut text, &columns, *row, id);
        text.push('}');
        bytes += text.len();
        // A feature that is longer than a page by itself is a page by itself.
        if bytes > MAX_PAGE_BYTES && !written.is_empty() {
            break;
        }
        written.push(text);
    }
    Ok(written)
}

fn collection_text(links: &[Value], found: &Found, written: &[String]) -> String {
    format!(
        r#"{{"type":"FeatureCollection","timeStamp":"{}","numberMatched":{},"numberReturned":{},"links":{},"features":[{}]}}"#,
        TimeUs::now(),
        found.matched,
        written.len(),
        Value::from(links),
        written.join(",")
    )
}

pub(super) async fn item(
    State(features): State<Arc<Features>>,
    Path((name, id)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.only(&["datetime", "recorded"])?;
    let times = asked.times()?;
    let kind = features.kind_at(&name, times)?;
    let then = if times == Times::default() { "" } else { " at that time" };
    let missing = || ApiError::not_found(format!("there is no feature `{id}` in the collection `{kind}`{then}"));
    let parsed: EntityId = id.parse().map_err(|_| missing())?;
    let row = times.known(features.reader.snapshot()).entity(&parsed, times.valid);
    let is_own = |row: &RecordBatch| Columns::of(row).is_ok_and(|columns| columns.kind.value(0) == kind.name());
    let row = row.filter(is_own).ok_or_else(missing)?;
    let mut links = asked.own_links(GEOJSON);
    let collection = format!("{}/collections/{kind}", asked.base);
    links.push(link(&collection, "collection", "application/json", "The collection"));
    let mut text = String::new();
    feature::write_open(&mut text, &Columns::of(&row)?, 0, &parsed);
    // Writing into a String cannot fail.
    let _ = write!(text, r#","links":{}}}"#, Value::from(links));
    match asked.format {
        Format::Json => Ok(html::text(GEOJSON, text)),
        Format::Html => {
            let document: Value = serde_json::from_str(&text).map_err(ApiError::internal)?;
            let name = document["properties"]["name"].as_str().map_or_else(|| id.clone(), str::to_owned);
            Ok(html::document_page(&name, &asked.base, &document))
        }
    }
}
