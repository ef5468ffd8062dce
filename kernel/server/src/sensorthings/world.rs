//! What one question looks at: a snapshot, what there is by it, and the bounds of the question. Ids and links come in,
//! entities go out. Nothing here writes, and no question outlives its deadline.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use kernel_model::{DatastreamId, EntityId, Span, TimeUs};
use kernel_query::{Cut, Limits};
use kernel_store::Snapshot;
use serde_json::Value as Json;
use tokio::runtime::Handle;

use super::city::City;
use super::history::HistoryScope;
use super::item::{Item, fix_of};
use super::reading::{COLUMNS, Reading, ReadingId};
use super::readings::Scope;
use super::service::Service;
use super::set::{Id, Link, Set};
use crate::error::ApiError;
use crate::state::AppState;
use crate::times::Times;

/// Where a collection comes from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// These.
    Items(Vec<Item>),
    /// All of a set that is in memory.
    All(Set),
    Readings(Scope),
    History(HistoryScope),
}

/// What a question looks at.
pub(super) struct World<'a> {
    pub(super) service: &'a Service,
    pub(super) app: &'a AppState,
    pub(super) snapshot: Snapshot,
    pub(super) city: Arc<City>,
    pub(super) times: Times,
    /// The address of the service, without a slash at its end.
    pub(super) root: String,
    /// The instant of the question.
    pub(super) now: TimeUs,
    pub(super) until: Instant,
    pub(super) runtime: Handle,
}

impl World<'_> {
    /// The same with what was committed meanwhile.
    pub(super) fn renewed(&self) -> Self {
        self.service.world(self.times, self.root.clone(), self.runtime.clone())
    }

    /// Refuses to go on where the question took too long.
    pub(super) fn check_deadline(&self) -> Result<(), ApiError> {
        if Instant::now() < self.until {
            return Ok(());
        }
        let seconds = self.app.settings.sql_deadline.as_secs();
        Err(ApiError::bad_request(format!(
            "this question took more than {seconds} s: narrow its $filter, leave $count out or expand less"
        )))
    }

    /// Rows of a statement.
    pub(super) fn ask(&self, sql: &str, most: usize) -> Result<Vec<RecordBatch>, ApiError> {
        self.check_deadline()?;
        let deadline = self.until.saturating_duration_since(Instant::now());
        let answer = self.runtime.block_on(async {
            let _place = self.app.sql_places.acquire().await.map_err(ApiError::internal)?;
            let limits = Limits { deadline, max_rows: most };
            let found = self.app.engine.query(&self.snapshot, &[], sql, limits).await.map_err(failed)?;
            found.collect().await.map_err(failed)
        })?;
        match answer.truncated {
            Some(Cut::Rows(_)) | None => Ok(answer.batches),
            Some(_) => {
                self.check_deadline()?;
                Err(ApiError::bad_request("this question took too long: narrow its $filter"))
            }
        }
    }

    /// When readings are to have been.
    pub(super) fn readings_span(&self) -> Option<Span> {
        self.times.readings()
    }

    /// The entity of an id.
    pub(super) fn find(&self, set: Set, id: &Id) -> Result<Item, ApiError> {
        let found = match (set, id) {
            (Set::Datastreams, Id::Number(number)) => self.datastream(DatastreamId(*number)),
            (Set::Observations, Id::Text(text)) => return self.observation(text),
            (Set::Datastreams | Set::Observations, _) | (_, Id::Number(_)) => None,
            (_, Id::Text(text)) => self.by_text(set, text)?,
        };
        found.ok_or_else(|| none(set, id))
    }

    fn by_text(&self, set: Set, id: &str) -> Result<Option<Item>, ApiError> {
        if let Some(document) = self.city.told(set, id) {
            return Ok(Some(Item::Told(set, document.clone())));
        }
        if set == Set::ObservedProperties {
            return Ok(self.city.of_property.contains_key(id).then(|| Item::Observed(id.into())));
        }
        if let Some((thing, time)) = fix_of(id).filter(|_| matches!(set, Set::Locations | Set::HistoricalLocations)) {
            if self.city.thing(&thing).is_none() {
                return Ok(None);
            }
            let fix = self.fix_at(&thing, time)?;
            return Ok(fix.map(|fix| Item::Fix(set, Box::new((thing, fix)))));
        }
        let Ok(thing) = id.parse::<EntityId>() else { return Ok(None) };
        Ok(match set {
            Set::Things => self.city.thing(&thing).map(|_| Item::Thing(thing)),
            Set::Locations => self.city.is_own_location(&thing).then_some(Item::Of(set, thing)),
            Set::FeaturesOfInterest => self
                .city
                .thing(&thing)
                .filter(|_| self.city.placed.binary_search(&thing).is_ok())
                .map(|_| Item::Of(set, thing)),
            Set::Sensors => self.city.sensing.binary_search(&thing).is_ok().then_some(Item::Of(set, thing)),
            _ => None,
        })
    }

    fn observation(&self, id: &str) -> Result<Item, ApiError> {
        let none = || none(Set::Observations, &Id::Text(id.to_owned()));
        let row = match self.city.told(Set::Observations, id) {
            Some(told) => told.fields.get("row").and_then(Json::as_str).ok_or_else(none)?,
            None => id,
        };
        let row = ReadingId::parse(row).ok_or_else(none)?;
        let visible = self.city.streams.contains_key(&row.datastream) && !self.city.gone.contains(&row);
        let reading = if visible { self.reading(row)? } else { None };
        reading.map(|reading| self.told_reading(reading)).ok_or_else(none)
    }

    /// The row of an observation, by the index.
    pub(super) fn reading(&self, id: ReadingId) -> Result<Option<Reading>, ApiError> {
        let (datastream, time) = (id.datastream, super::readings::instant(id.time));
        let sql =
            format!("SELECT {COLUMNS} FROM observations WHERE datastream = {datastream} AND phenomenon_time = {time}");
        let rows = self.ask(&sql, self.app.settings.sql_rows)?;
        Ok(rows.iter().flat_map(|batch| Reading::of(batch).collect::<Vec<_>>()).find(|row| row.id == id))
    }

    /// A row with the id under which it is known.
    pub(super) fn told_reading(&self, reading: Reading) -> Item {
        let known = self.city.notes.get(&reading.id).map(|told| told.key.clone());
        let id = Id::Text(known.unwrap_or_else(|| reading.id.to_string()));
        Item::Observation(Box::new((reading, id)))
    }

    pub(super) fn datastream(&self, id: DatastreamId) -> Option<Item> {
        self.city.streams.contains_key(&id).then_some(Item::Datastream(id))
    }

    /// What a link leads to.
    pub(super) fn related(&self, item: &Item, link: &Link) -> Source {
        match link.to {
            Set::Things => Source::Items(self.things_of(item)),
            Set::Datastreams => Source::Items(self.datastreams_of(item)),
            Set::Locations => Source::Items(self.locations_of(item)),
            Set::HistoricalLocations => Source::History(HistoryScope::of(item)),
            Set::Observations => Source::Readings(self.scope_of(item)),
            Set::Sensors => Source::Items(self.sensor_of(item)),
            Set::ObservedProperties => Source::Items(self.property_of(item)),
            Set::FeaturesOfInterest => Source::Items(self.feature_of(item)),
        }
    }

    /// The entity that a link to one leads to.
    pub(super) fn related_one(&self, item: &Item, link: &Link) -> Option<Item> {
        match self.related(item, link) {
            Source::Items(items) => items.into_iter().next(),
            _ => None,
        }
    }

    fn thing(&self, id: &EntityId) -> Option<Item> {
        self.city.thing(id).map(|_| Item::Thing(*id))
    }

    fn things_of(&self, item: &Item) -> Vec<Item> {
        match item {
            Item::Told(Set::Locations, document) => {
                let things = self.city.at_location.get(&document.key).into_iter().flatten();
                things.filter_map(|id| self.thing(id)).collect()
            }
            Item::Told(_, document) => {
                let thing = document.fields.get("thing").and_then(Json::as_str);
                thing.and_then(|source| self.thing(self.city.sources.get(source)?)).into_iter().collect()
            }
            Item::Of(_, thing) => self.thing(thing).into_iter().collect(),
            Item::Fix(_, fix) => self.thing(&fix.0).into_iter().collect(),
            Item::Datastream(id) => {
                let stream = self.city.streams.get(id);
                stream.and_then(|stream| self.thing(&stream.info.entity)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn datastreams_of(&self, item: &Item) -> Vec<Item> {
        let all = |ids: Option<&Vec<DatastreamId>>| {
            ids.into_iter().flatten().filter_map(|id| self.datastream(*id)).collect::<Vec<_>>()
        };
        match item {
            Item::Thing(thing) => all(self.city.of_thing.get(thing)),
            Item::Told(Set::Sensors, document) => all(self.city.of_sensor.get(&document.key)),
            Item::Told(Set::ObservedProperties, document) => all(self.city.of_property.get(&document.key)),
            Item::Observed(name) => all(self.city.of_property.get(&**name)),
            Item::Of(Set::Sensors, thing) => {
                let mut streams = all(self.city.of_thing.get(thing));
                let is_own =
                    |id: &DatastreamId| self.city.streams.get(id).is_some_and(|stream| stream.sensor().is_none());
                streams.retain(|item| matches!(item, Item::Datastream(id) if is_own(id)));
                streams
            }
            Item::Observation(row) => self.datastream(row.0.id.datastream).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn locations_of(&self, item: &Item) -> Vec<Item> {
        let told = |key: &String| {
            self.city.told(Set::Locations, key).map(|document| Item::Told(Set::Locations, document.clone()))
        };
        match item {
            Item::Thing(thing) if self.city.is_own_location(thing) => vec![Item::Of(Set::Locations, *thing)],
            Item::Thing(thing) => self.city.locations_of.get(thing).into_iter().flatten().filter_map(told).collect(),
            Item::Told(_, document) => document.texts("locations").iter().filter_map(told).collect(),
            Item::Fix(_, fix) => vec![Item::Fix(Set::Locations, fix.clone())],
            _ => Vec::new(),
        }
    }

    fn sensor_of(&self, item: &Item) -> Vec<Item> {
        let Item::Datastream(id) = item else { return Vec::new() };
        let Some(stream) = self.city.streams.get(id) else { return Vec::new() };
        let found = match stream.sensor() {
            None => Some(Item::Of(Set::Sensors, stream.info.entity)),
            Some(key) => self.city.told(Set::Sensors, key).map(|told| Item::Told(Set::Sensors, told.clone())),
        };
        found.into_iter().collect()
    }

    fn property_of(&self, item: &Item) -> Vec<Item> {
        let Item::Datastream(id) = item else { return Vec::new() };
        let Some(stream) = self.city.streams.get(id) else { return Vec::new() };
        let property = &stream.info.property;
        vec![match self.city.told(Set::ObservedProperties, property) {
            Some(told) => Item::Told(Set::ObservedProperties, told.clone()),
            None => Item::Observed(property.as_str().into()),
        }]
    }

    /// The FeatureOfInterest that was told at the row's place, else the thing itself.
    fn feature_of(&self, item: &Item) -> Vec<Item> {
        let Item::Observation(row) = item else { return Vec::new() };
        let told = row.0.place.and_then(|place| self.city.features_at.get(&place.map(f64::to_bits)));
        if let Some(told) = told.and_then(|key| self.city.told(Set::FeaturesOfInterest, key)) {
            return vec![Item::Told(Set::FeaturesOfInterest, told.clone())];
        }
        let thing = self.city.streams.get(&row.0.id.datastream).map(|stream| stream.info.entity);
        let thing = thing.filter(|thing| self.city.placed.binary_search(thing).is_ok());
        thing.map(|thing| Item::Of(Set::FeaturesOfInterest, thing)).into_iter().collect()
    }

    fn scope_of(&self, item: &Item) -> Scope {
        match item {
            Item::Datastream(id) => Scope { datastreams: Some(vec![*id]), ..Scope::default() },
            Item::Told(_, document) => match super::city::feature_place(&document.fields) {
                Some(place) => Scope { place: Some(place), ..Scope::default() },
                None => Scope { datastreams: Some(Vec::new()), ..Scope::default() },
            },
            Item::Of(_, thing) => {
                let datastreams = self.city.of_thing.get(thing).cloned().unwrap_or_default();
                Scope { datastreams: Some(datastreams), own_place: true, ..Scope::default() }
            }
            _ => Scope { datastreams: Some(Vec::new()), ..Scope::default() },
        }
    }
}

/// There is no such entity.
pub(super) fn none(set: Set, id: &Id) -> ApiError {
    ApiError::not_found(format!("there is no {} {}", set.entity(), id.text()))
}

fn failed(error: kernel_query::Error) -> ApiError {
    match error {
        kernel_query::Error::Internal(_) | kernel_query::Error::Start(_) => ApiError::internal(error),
        other => ApiError::bad_request(other),
    }
}
