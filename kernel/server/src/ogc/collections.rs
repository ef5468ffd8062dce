//! Which collections there are and how far they reach in space and time: one walk over the present rows, kept until things
//! change (readings and fixes do not change them).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use arrow::array::Array;
use kernel_model::schema::Table;
use kernel_model::{HeightReference, Kind, Region, Span, TimeUs};
use kernel_store::Snapshot;
use serde_json::{Value, json};

use super::Features;
use super::request::{Asked, Format, link};
use super::rows::{Columns, each_marked};
use super::system::{self, CRS84, CRS84H};
use crate::error::ApiError;
use crate::times::Times;

/// Media type of queryables.
pub(super) const SCHEMA: &str = "application/schema+json";
/// Media type of features.
pub(super) const GEOJSON: &str = "application/geo+json";

/// The collections of one commit.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Of what is there.
    pub kinds: BTreeMap<Kind, Extent>,
    /// Of what is there or was.
    ever: BTreeSet<Kind>,
}

/// What one collection holds.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    pub count: u64,
    region: Region,
    span: Span,
    /// Some geometry has heights above the ellipsoid.
    ellipsoid: bool,
    /// Some geometry has heights above something else.
    elsewhere: bool,
}

impl Extent {
    const NOTHING: Self = Self {
        count: 0,
        region: Region::EMPTY,
        span: Span { from: Some(TimeUs(i64::MAX)), to: Some(TimeUs(i64::MIN)) },
        ellipsoid: false,
        elsewhere: false,
    };

    fn include(&mut self, region: Option<Region>, span: Span, height_reference: Option<&str>) {
        self.count += 1;
        if let Some(region) = region {
            self.region = self.region.union(&region);
        }
        // An end that one feature leaves open is open for all.
        self.span.from = self.span.from.zip(span.from).map(|(a, b)| a.min(b));
        self.span.to = self.span.to.zip(span.to).map(|(a, b)| a.max(b));
        match height_reference.map(str::parse) {
            Some(Ok(HeightReference::Ellipsoid)) => self.ellipsoid = true,
            Some(_) => self.elsewhere = true,
            None => {}
        }
    }

    /// Systems in which its coordinates can be had, the stored one first.
    fn systems(&self) -> Vec<String> {
        let mut systems = vec![self.crs().to_owned()];
        if self.crs() != CRS84 {
            systems.push(CRS84.to_owned());
        }
        if !self.region.is_empty() {
            systems.extend(system::reaching(&self.region));
        }
        systems
    }

    /// The reference system of the coordinates as they are written. CRS84h says that heights are ellipsoidal, so it
    /// stands only where all of them are.
    fn crs(&self) -> &'static str {
        if self.ellipsoid && !self.elsewhere { CRS84H } else { CRS84 }
    }
}

impl Summary {
    fn of(snapshot: &Snapshot) -> Result<Self, ApiError> {
        let mut summary = Self::default();
        for (batch, _) in snapshot.entities() {
            let kinds = Columns::of(batch)?.kind;
            let names: BTreeSet<&str> = kinds.iter().flatten().collect();
            summary.ever.extend(names.into_iter().filter_map(|name| name.parse::<Kind>().ok()));
        }
        each_marked(snapshot.entities(), |_, columns, row| {
            let Ok(kind) = columns.kind.value(row).parse() else { return };
            let reference = columns.top_m.is_valid(row).then(|| columns.height_reference.value(row));
            let extent = summary.kinds.entry(kind).or_insert(Extent::NOTHING);
            extent.include(columns.region(row), columns.span(row), reference);
        })?;
        Ok(summary)
    }
}

impl Features {
    /// The collections as of the last commit: revisions are only ever added, so their number says whether they changed.
    pub(super) fn summary(&self) -> Result<Arc<Summary>, ApiError> {
        let snapshot = self.state.reader.snapshot();
        let rows = snapshot.row_count(Table::Entities);
        let mut kept = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some((known, summary)) if *known == rows => Ok(summary.clone()),
            _ => {
                let summary = Arc::new(Summary::of(&snapshot)?);
                *kept = Some((rows, summary.clone()));
                Ok(summary)
            }
        }
    }

    /// The kind of a collection that there is, or, for a question of the past, that there was.
    pub(super) fn kind_at(&self, name: &str, times: Times) -> Result<Kind, ApiError> {
        let summary = self.summary()?;
        let was = |kind: &Kind| times != Times::default() && summary.ever.contains(kind);
        match name.parse().ok().filter(was) {
            Some(kind) => Ok(kind),
            None => self.kind(name).map(|(kind, _)| kind),
        }
    }

    /// The kind of a collection that there is.
    pub(super) fn kind(&self, name: &str) -> Result<(Kind, Extent), ApiError> {
        let summary = self.summary()?;
        let kind = name.parse().ok();
        kind.and_then(|kind| Some((kind, summary.kinds.get(&kind)?.clone()))).ok_or_else(|| {
            let names: Vec<_> = summary.kinds.keys().map(|kind| kind.name()).collect();
            let there = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
            ApiError::not_found(format!("there is no collection `{name}`; there are: {there}"))
        })
    }
}

/// The collection object (Part 1, schema collection.yaml).
pub(super) fn describe(kind: Kind, extent: &Extent, base: &str, mut links: Vec<Value>) -> Value {
    let here = format!("{base}/collections/{kind}");
    links.push(link(&format!("{here}/items?f=json"), "items", GEOJSON, "The features as GeoJSON"));
    links.push(link(&format!("{here}/items?f=html"), "items", "text/html", "The features as HTML"));
    links.extend(crate::tiles::collection_links(&here));
    for name in ["csv", "arrow", "parquet", "fgb"] {
        let media = Format::named(name).media_type();
        links.push(link(&format!("{here}/items?f={name}"), "items", media, &format!("The features as {name}")));
    }
    let queryables = "http://www.opengis.net/def/rel/ogc/1.0/queryables";
    links.push(link(&format!("{here}/queryables"), queryables, SCHEMA, "What a filter can say of the features"));
    let time = |end: Option<TimeUs>| end.map(|time| time.to_string());
    let mut reach = json!({ "temporal": { "interval": [[time(extent.span.from), time(extent.span.to)]] } });
    if !extent.region.is_empty() {
        let Region { west, south, east, north } = extent.region;
        reach["spatial"] = json!({ "bbox": [[west, south, east, north]], "crs": CRS84 });
    }
    let heights = if extent.elsewhere {
        " Heights are metres above what each feature's height_reference names, not always the ellipsoid."
    } else {
        ""
    };
    json!({
        "id": kind.name(),
        "title": title(kind),
        "description": format!("{} things of the kind {kind}, as they are at present.{heights}", extent.count),
        "itemType": "feature",
        "extent": reach,
        "crs": extent.systems(),
        "storageCrs": extent.crs(),
        "links": links,
    })
}

/// The kind as a heading.
pub(super) fn title(kind: Kind) -> String {
    let words = kind.name().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Links of a collection inside the list of all.
pub(super) fn listed_links(kind: Kind, asked: &Asked) -> Vec<Value> {
    let here = format!("{}/collections/{kind}", asked.base);
    vec![
        link(&format!("{here}?f=json"), "self", "application/json", "This collection"),
        link(&format!("{here}?f=html"), "alternate", "text/html", "This collection as html"),
    ]
}
