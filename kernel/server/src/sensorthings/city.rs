//! What there is besides readings and fixes, as the standard sees it, of one snapshot: things are Things; what clients told of
//! Sensors, ObservedProperties, Locations and FeaturesOfInterest are documents, kept as entities of datasets of their own;
//! where nobody told of them they follow of the things and datastreams. Rows of `entities` and datastreams come in once for
//! all questions until one of them changes; looking up by id, and going on behind an id, costs no walk over all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use kernel_model::{DatastreamId, EntityId, SourceKey};
use kernel_store::{DatastreamInfo, Snapshot};
use serde_json::{Map, Value};

use super::reading::ReadingId;
use super::set::Set;
use crate::times::Times;

/// The dataset of Things that clients create.
pub(super) const THINGS: &str = "sensorthings";
/// How the datasets of documents begin; the name of the set follows.
const DOCUMENTS: &str = "sensorthings:";
/// The member of a thing's properties that holds what has no place elsewhere.
pub(super) const OWN: &str = "sensorthings";

/// Columns of `entities`.
pub(super) mod column {
    pub(crate) const KIND: usize = 3;
    pub(crate) const CLASS: usize = 4;
    pub(crate) const NAME: usize = 5;
    pub(crate) const PARENT: usize = 6;
    pub(crate) const DATASET: usize = 7;
    pub(crate) const SOURCE: usize = 8;
    pub(crate) const GEOMETRY: usize = 9;
    pub(crate) const HEIGHT_REFERENCE: usize = 10;
    pub(crate) const PROPERTIES: usize = 19;
    pub(crate) const LINEAGE: usize = 23;
}

/// What a client told of an entity that is no thing of the city.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    /// Its id within its set.
    pub(super) key: String,
    /// Its name.
    pub(super) name: String,
    /// Everything else, by the names of the standard.
    pub(super) fields: Map<String, Value>,
}

impl Document {
    /// The source key under which a document is kept.
    pub(super) fn source(set: Set, key: &str) -> SourceKey {
        SourceKey::new(format!("{DOCUMENTS}{}", set.name()), key)
    }

    /// The texts of a list.
    pub(super) fn texts(&self, field: &str) -> Vec<String> {
        texts(self.fields.get(field))
    }
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// A datastream and what was told of it besides.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) info: DatastreamInfo,
    pub(super) told: Option<Arc<Document>>,
}

impl Stream {
    /// The key of its document.
    pub(super) fn key(source: &SourceKey) -> String {
        source.to_string()
    }

    /// The Sensor that was told.
    pub(super) fn sensor(&self) -> Option<&str> {
        self.told.as_ref()?.fields.get("sensor")?.as_str()
    }
}

type Documents = BTreeMap<String, Arc<Document>>;

/// What there is.
#[derive(Debug, Default)]
pub(super) struct City {
    batches: Vec<RecordBatch>,
    /// By id, with batch and row.
    things: Vec<(EntityId, u32, u32)>,
    /// Things that are their own Location and FeatureOfInterest, by id.
    pub(super) placed: Vec<EntityId>,
    /// Things that are their own Sensor, by id.
    pub(super) sensing: Vec<EntityId>,
    documents: BTreeMap<Set, Documents>,
    pub(super) streams: BTreeMap<DatastreamId, Arc<Stream>>,
    /// Datastreams that were deleted, or whose things are gone.
    pub(super) hidden: Vec<DatastreamId>,
    pub(super) of_thing: HashMap<EntityId, Vec<DatastreamId>>,
    pub(super) of_sensor: HashMap<String, Vec<DatastreamId>>,
    /// All that datastreams observe, told or not.
    pub(super) of_property: BTreeMap<String, Vec<DatastreamId>>,
    /// Told Locations of things, and the things at them.
    pub(super) locations_of: HashMap<EntityId, Vec<String>>,
    pub(super) at_location: BTreeMap<String, Vec<EntityId>>,
    /// Things of which something was told, by their sources.
    pub(super) sources: HashMap<String, EntityId>,
    /// Told HistoricalLocations of things.
    pub(super) history_of: HashMap<EntityId, Vec<Arc<Document>>>,
    /// FeaturesOfInterest that were told, by the bits of longitude and latitude.
    pub(super) features_at: HashMap<[u64; 2], String>,
    /// Rows of observations that were deleted or told anew.
    pub(super) gone: BTreeSet<ReadingId>,
    /// Rows of which something was told besides, or that stand for one that was told before.
    pub(super) notes: HashMap<ReadingId, Arc<Document>>,
}

impl City {
    pub(super) fn of(snapshot: &Snapshot, times: Times) -> Self {
        let mut city = Self::default();
        for (number, (batch, marks)) in (0..).zip(snapshot.entities_within(times.valid)) {
            let (ids, datasets) =
                (batch.column(0).as_fixed_size_binary(), batch.column(column::DATASET).as_string::<i32>());
            for row in marks.values().set_indices() {
                let Some(id) = EntityId::from_slice(ids.value(row)) else { continue };
                match set_of(datasets.value(row)) {
                    Some(set) => city.document(set, &batch, row),
                    None => {
                        city.things.push((id, number, row as u32));
                        city.linked(id, &batch, row);
                    }
                }
            }
            city.batches.push(batch);
        }
        city.things.sort_unstable();
        city.streams(snapshot);
        city.places();
        city.history();
        city
    }

    fn document(&mut self, set: Set, batch: &RecordBatch, row: usize) {
        let text = |column: usize| batch.column(column).as_string::<i32>();
        let name = text(column::NAME);
        let document = Document {
            key: text(column::SOURCE).value(row).to_owned(),
            name: if name.is_valid(row) { name.value(row).to_owned() } else { String::new() },
            fields: serde_json::from_str(text(column::PROPERTIES).value(row)).unwrap_or_default(),
        };
        let document = Arc::new(document);
        if set == Set::Observations {
            self.note(&document);
        }
        self.documents.entry(set).or_default().insert(document.key.clone(), document);
    }

    /// Takes in what was told of an observation: rows that are no more, the row that stands for it.
    fn note(&mut self, document: &Arc<Document>) {
        self.gone.extend(document.texts("gone").iter().filter_map(|id| ReadingId::parse(id)));
        let row = document.fields.get("row").and_then(Value::as_str);
        if let Some(row) = row.and_then(ReadingId::parse) {
            self.notes.insert(row, document.clone());
        }
    }

    /// Takes in the Locations that a thing was linked to.
    fn linked(&mut self, id: EntityId, batch: &RecordBatch, row: usize) {
        let properties = batch.column(column::PROPERTIES).as_string::<i32>().value(row);
        if !properties.contains("\"sensorthings\"") {
            return;
        }
        let text = |column: usize| batch.column(column).as_string::<i32>().value(row);
        self.sources.insert(format!("{}/{}", text(column::DATASET), text(column::SOURCE)), id);
        let properties: Value = serde_json::from_str(properties).unwrap_or_default();
        let locations = texts(properties[OWN].get("locations"));
        for location in &locations {
            self.at_location.entry(location.clone()).or_default().push(id);
        }
        if !locations.is_empty() {
            self.locations_of.insert(id, locations);
        }
    }

    fn streams(&mut self, snapshot: &Snapshot) {
        for (id, info) in snapshot.all_datastreams() {
            let told = self.told(Set::Datastreams, &Stream::key(&info.source)).cloned();
            let deleted = told.as_ref().is_some_and(|told| told.fields.contains_key("deleted"));
            if deleted || self.thing(&info.entity).is_none() {
                self.hidden.push(id);
                continue;
            }
            let stream = Stream { info, told };
            self.of_thing.entry(stream.info.entity).or_default().push(id);
            self.of_property.entry(stream.info.property.clone()).or_default().push(id);
            match stream.sensor() {
                Some(sensor) => self.of_sensor.entry(sensor.to_owned()).or_default().push(id),
                None => self.sensing.push(stream.info.entity),
            }
            self.streams.insert(id, Arc::new(stream));
        }
        self.sensing.sort_unstable();
        self.sensing.dedup();
    }

    fn places(&mut self) {
        let has_place = |(id, batch, row): &(EntityId, u32, u32)| {
            let batch = &self.batches[*batch as usize];
            let kind = batch.column(column::KIND).as_string::<i32>().value(*row as usize);
            let moves = matches!(kind, "vehicle" | "pedestrian");
            (moves || batch.column(column::GEOMETRY).is_valid(*row as usize)).then_some(*id)
        };
        self.placed = self.things.iter().filter_map(has_place).collect();
        for (key, feature) in self.documents.get(&Set::FeaturesOfInterest).into_iter().flatten() {
            if let Some(place) = feature_place(&feature.fields) {
                self.features_at.insert(place.map(f64::to_bits), key.clone());
            }
        }
    }

    fn history(&mut self) {
        for document in self.documents.get(&Set::HistoricalLocations).into_iter().flat_map(BTreeMap::values) {
            let thing =
                document.fields.get("thing").and_then(Value::as_str).and_then(|source| self.sources.get(source));
            if let Some(thing) = thing {
                self.history_of.entry(*thing).or_default().push(document.clone());
            }
        }
    }

    /// The row of a thing.
    pub(super) fn thing(&self, id: &EntityId) -> Option<(&RecordBatch, usize)> {
        let at = self.things.binary_search_by_key(id, |(id, ..)| *id).ok()?;
        let (_, batch, row) = self.things[at];
        Some((self.batches.get(batch as usize)?, row as usize))
    }

    /// Things in the order of their ids, from a place in it on.
    pub(super) fn things_from(&self, at: usize) -> impl Iterator<Item = EntityId> + '_ {
        self.things[at.min(self.things.len())..].iter().map(|(id, ..)| *id)
    }

    /// How many things have an id that is not greater.
    pub(super) fn things_through(&self, id: &str) -> usize {
        self.things.partition_point(|(known, ..)| known.to_string().as_str() <= id)
    }

    pub(super) fn thing_count(&self) -> usize {
        self.things.len()
    }

    /// A document.
    pub(super) fn told(&self, set: Set, key: &str) -> Option<&Arc<Document>> {
        self.documents.get(&set)?.get(key)
    }

    /// The documents of a set by their ids.
    pub(super) fn all_told(&self, set: Set) -> Option<&Documents> {
        self.documents.get(&set)
    }

    /// Whether a thing's Location follows of itself: it has a place and no Location was told.
    pub(super) fn is_own_location(&self, id: &EntityId) -> bool {
        !self.locations_of.contains_key(id) && self.placed.binary_search(id).is_ok()
    }
}

/// The set of the documents of a dataset; none of things.
pub(super) fn set_of(dataset: &str) -> Option<Set> {
    dataset.strip_prefix(DOCUMENTS).and_then(Set::named)
}

/// The longitude and latitude that stand for a told FeatureOfInterest: observations of it are kept at this place.
pub(super) fn feature_place(fields: &Map<String, Value>) -> Option<[f64; 2]> {
    let feature = fields.get("feature")?;
    let feature = if feature["type"] == "Feature" { &feature["geometry"] } else { feature };
    let anchor = kernel_model::Geometry::from_geojson(feature).ok()?.anchor()?;
    Some([anchor.lon_deg, anchor.lat_deg])
}
