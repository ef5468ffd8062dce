//! What clients write becomes changes: JSON of entities comes in, with entities and links in it (OGC 18-088, clause 10), and
//! changes for the one writer go out, all of them one commit. What is missing, unknown or of the wrong type is refused by
//! name, and then nothing is written.

use kernel_model::{
    Change, DatastreamDraft, EntityDraft, EntityId, Geometry, HeightReference, Kind, Observation, ObservationBatch, Place,
    Quality, SourceKey, TimeUs,
};
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde_json::{Map, Value as Json, json};

use super::city::{Document, OWN, Stream, THINGS, column, feature_place};
use super::item::Item;
use super::set::{Id, Set};
use super::world::World;
use crate::error::ApiError;

/// An entity within an entity goes so deep.
const MOST_DEEP: usize = 6;
pub(super) const GEOJSON: [&str; 2] = ["application/geo+json", "application/vnd.geo+json"];

/// The members of a JSON object.
pub(super) type Fields = Map<String, Json>;

/// What is written.
#[derive(Debug, Clone)]
pub(super) enum Made {
    Thing(SourceKey),
    Datastream(SourceKey),
    Document(Set, String),
    Observation(NewReading),
}

/// An observation that is to be kept.
#[derive(Debug, Clone)]
pub(super) struct NewReading {
    pub(super) datastream: SourceKey,
    pub(super) row: Observation,
    pub(super) place: Option<[f64; 2]>,
    /// What has no column: parameters, validTime, resultQuality.
    pub(super) besides: Fields,
}

/// Changes on the way to the writer.
pub(super) struct Drafts<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) changes: Vec<Change>,
    /// Observations in the order in which they were given.
    pub(super) readings: Vec<NewReading>,
    depth: usize,
}

/// The object of a document.
pub(super) fn object(json: &Json) -> Result<&Fields, ApiError> {
    json.as_object().ok_or_else(|| ApiError::bad_request("an entity is a JSON object"))
}

/// The id of `{"@iot.id": 7}`, which links to an entity that is there, whatever else is said of it.
pub(super) fn linked(json: &Json) -> Option<Id> {
    json.get("@iot.id").and_then(Id::of)
}

/// Whether it says nothing but an id.
pub(super) fn is_link(json: &Json) -> bool {
    json.as_object().is_some_and(|object| object.keys().all(|name| name.starts_with("@iot.")))
}

/// Checks the properties of an entity; `whole`: what must be there is there.
pub(super) fn checked(set: Set, json: &Json, whole: bool) -> Result<Fields, ApiError> {
    let (entity, mut out) = (set.entity(), Map::new());
    for (name, value) in object(json)? {
        if name.starts_with("@iot.") || name.ends_with("@iot.navigationLink") || set.link(name).is_some() {
            continue;
        }
        if set.property(name).is_none() {
            return Err(ApiError::bad_request(format!("a {entity} has no `{name}`, it has: {}", set.words())));
        }
        let fits = match name.as_str() {
            "name" | "description" | "definition" | "encodingType" | "observationType" | "time" => value.is_string(),
            "phenomenonTime" | "resultTime" | "validTime" => value.is_string() || value.is_null(),
            "unitOfMeasurement" => value.is_object(),
            "properties" | "parameters" | "observedArea" => value.is_object() || value.is_null(),
            _ => true,
        };
        if value.get(OWN).is_some() && name == "properties" {
            return Err(ApiError::bad_request(format!("properties: the name `{OWN}` is kept for the service")));
        }
        if !fits {
            return Err(ApiError::bad_request(format!("`{name}` of a {entity} is of another type: {value}")));
        }
        out.insert(name.clone(), value.clone());
    }
    let is_geojson = out.get("encodingType").and_then(Json::as_str).is_some_and(|name| GEOJSON.contains(&name));
    for place in ["location", "feature"] {
        if let (true, Some(value)) = (is_geojson, out.get(place)) {
            geometry(value)?;
        }
    }
    if let Some(missing) = set.mandatory().iter().find(|name| whole && !out.contains_key(**name)) {
        return Err(ApiError::bad_request(format!("a {entity} needs `{missing}`")));
    }
    Ok(out)
}

/// A GeoJSON geometry or feature in the kernel's frame.
pub(super) fn geometry(json: &Json) -> Result<Geometry, ApiError> {
    let json = if json["type"] == "Feature" { &json["geometry"] } else { json };
    Geometry::from_geojson(json).map_err(ApiError::bad_request)
}

/// An instant.
pub(super) fn instant(name: &str, json: &Json) -> Result<TimeUs, ApiError> {
    let text = json.as_str().unwrap_or_default();
    if text.contains('/') {
        return Err(ApiError::bad_request(format!("{name} `{text}` is an interval: an instant is wanted, such as its end")));
    }
    TimeUs::parse(text).map_err(|error| ApiError::bad_request(format!("{name}: {error}")))
}

/// A name that no other has.
pub(super) fn fresh_key() -> Result<String, ApiError> {
    let mut bits = [0_u8; 8];
    OsRng.try_fill_bytes(&mut bits).map_err(ApiError::internal)?;
    Ok(hex::encode(bits))
}

/// Keeps what has no place elsewhere in the properties of a thing.
pub(super) fn set_own(properties: &mut Fields, name: &str, value: Json) {
    let mut own = match properties.remove(OWN) {
        Some(Json::Object(own)) => own,
        _ => Fields::new(),
    };
    own.insert(name.to_owned(), value);
    properties.insert(OWN.to_owned(), own.into());
}

/// The change that keeps a document.
pub(super) fn document(set: Set, key: &str, mut fields: Fields) -> Change {
    let mut draft = EntityDraft::new(Document::source(set, key), Kind::Other, set.entity());
    draft.name = fields.remove("name").and_then(|name| name.as_str().map(str::to_owned));
    fields.retain(|_, value| !value.is_null());
    draft.properties = fields;
    Change::Entity(draft)
}

impl<'a> Drafts<'a> {
    pub(super) fn new(world: &'a World<'a>) -> Self {
        Self { world, changes: Vec::new(), readings: Vec::new(), depth: 0 }
    }

    fn deeper<T>(&mut self, make: impl FnOnce(&mut Self) -> Result<T, ApiError>) -> Result<T, ApiError> {
        if self.depth == MOST_DEEP {
            return Err(ApiError::bad_request(format!("entities are nested more than {MOST_DEEP} deep")));
        }
        self.depth += 1;
        let made = make(self);
        self.depth -= 1;
        made
    }

    /// An entity of any set. `from`: the entity whose collection it is created in.
    pub(super) fn entity(&mut self, set: Set, json: &Json, from: Option<&Item>) -> Result<Made, ApiError> {
        self.deeper(|drafts| match set {
            Set::Things => drafts.thing(json, from).map(Made::Thing),
            Set::Datastreams => drafts.datastream(json, from, None).map(Made::Datastream),
            Set::Observations => drafts.observation(json, from, None).map(Made::Observation),
            Set::Locations => drafts.location(json, from).map(|key| Made::Document(set, key)),
            Set::HistoricalLocations => drafts.historical(json, from).map(|key| Made::Document(set, key)),
            Set::Sensors | Set::ObservedProperties | Set::FeaturesOfInterest => {
                let key = drafts.plain(set, json)?;
                let source = |list: &str| json.get(list).map_or(Ok(Vec::new()), list_of);
                for inner in source("Datastreams")? {
                    let mut inner = object(inner)?.clone();
                    inner.insert(set.entity().to_owned(), json!({ "@iot.id": key }));
                    drafts.deeper(|drafts| drafts.datastream(&inner.into(), None, None))?;
                }
                Ok(Made::Document(set, key))
            }
        })
    }

    /// Refuses an id where the store gives them.
    fn no_own_id(set: Set, json: &Json) -> Result<(), ApiError> {
        if json.get("@iot.id").is_none() {
            return Ok(());
        }
        Err(ApiError::bad_request(format!("the id of a {} is given by the service: leave @iot.id out", set.entity())))
    }

    fn thing(&mut self, json: &Json, from: Option<&Item>) -> Result<SourceKey, ApiError> {
        Self::no_own_id(Set::Things, json)?;
        let mut fields = checked(Set::Things, json, true)?;
        let source = SourceKey::new(THINGS, fresh_key()?);
        let mut draft = EntityDraft::new(source.clone(), Kind::Sensor, "thing");
        draft.name = fields.remove("name").and_then(|name| name.as_str().map(str::to_owned));
        let mut locations = Vec::new();
        for location in json.get("Locations").map_or(Ok(Vec::new()), list_of)? {
            locations.push(self.deeper(|drafts| drafts.location_of(location))?);
        }
        if let Some(Item::Told(Set::Locations, document)) = from {
            locations.push((document.key.clone(), located(&document.fields)));
        }
        let properties = fields.remove("properties").unwrap_or_default();
        draft.properties = properties.as_object().cloned().unwrap_or_default();
        set_own(&mut draft.properties, "description", fields.remove("description").unwrap_or_default());
        self.place(draft, &locations, TimeUs::now())?;
        for datastream in json.get("Datastreams").map_or(Ok(Vec::new()), list_of)? {
            self.deeper(|drafts| drafts.datastream(datastream, None, Some(&source)))?;
        }
        Ok(source)
    }

    /// Describes a thing at Locations, with word of it since when.
    pub(super) fn place(
        &mut self,
        mut draft: EntityDraft,
        locations: &[(String, Option<Geometry>)],
        at: TimeUs,
    ) -> Result<(), ApiError> {
        let source = draft.source.to_string();
        if !locations.is_empty() {
            let keys: Vec<_> = locations.iter().map(|(key, _)| key.as_str()).collect();
            if let Some(geometry) = locations.iter().find_map(|(_, geometry)| geometry.clone()) {
                // GeoJSON means the ellipsoid where it has heights (RFC 7946, 4).
                draft.height_reference =
                    if geometry.has_height { HeightReference::Ellipsoid } else { HeightReference::None };
                draft.geometry = Some(geometry);
            }
            set_own(&mut draft.properties, "locations", json!(keys));
            let told = json!({ "time": at.to_string(), "thing": source, "locations": keys });
            self.changes.push(document(Set::HistoricalLocations, &fresh_key()?, object(&told)?.clone()));
        }
        self.changes.push(Change::Entity(draft));
        Ok(())
    }

    /// A Location that is there, or a new one: its key and its geometry.
    pub(super) fn location_of(&mut self, json: &Json) -> Result<(String, Option<Geometry>), ApiError> {
        match self.there(Set::Locations, json)? {
            Some(Item::Told(_, document)) => return Ok((document.key.clone(), located(&document.fields))),
            Some(other) => {
                let address = other.address();
                return Err(ApiError::bad_request(format!("{address} follows of a thing and cannot be another's: create a Location")));
            }
            None => {}
        }
        let key = self.plain(Set::Locations, json)?;
        Ok((key, located(object(json)?)))
    }

    fn location(&mut self, json: &Json, from: Option<&Item>) -> Result<String, ApiError> {
        let key = self.plain(Set::Locations, json)?;
        let location = [(key.clone(), located(object(json)?))];
        let mut things = Vec::new();
        for thing in json.get("Things").map_or(Ok(Vec::new()), list_of)? {
            match linked(thing) {
                Some(id) => things.push(self.world.find(Set::Things, &id).map_err(absent)?),
                None => return Err(ApiError::bad_request("a Location is created with links to Things: {\"@iot.id\": \"...\"}")),
            }
        }
        things.extend(from.cloned());
        for item in things {
            if let Item::Thing(id) = item {
                let draft = self.world.draft_of(&id)?;
                self.place(draft, &location, TimeUs::now())?;
            }
        }
        Ok(key)
    }

    fn historical(&mut self, json: &Json, from: Option<&Item>) -> Result<String, ApiError> {
        let fields = checked(Set::HistoricalLocations, json, true)?;
        let at = instant("time", &fields["time"])?;
        let linked_thing = json.get("Thing").and_then(linked);
        let thing = match (from, linked_thing) {
            (Some(Item::Thing(id)), _) => *id,
            (_, Some(id)) => match self.world.find(Set::Things, &id).map_err(absent)? {
                Item::Thing(id) => id,
                _ => return Err(ApiError::bad_request("`Thing` links to no Thing")),
            },
            _ => return Err(ApiError::bad_request("a HistoricalLocation needs a Thing: {\"Thing\": {\"@iot.id\": \"...\"}}")),
        };
        let mut keys = Vec::new();
        for location in json.get("Locations").map_or(Ok(Vec::new()), list_of)? {
            keys.push(self.deeper(|drafts| drafts.location_of(location))?.0);
        }
        if keys.is_empty() {
            return Err(ApiError::bad_request("a HistoricalLocation needs Locations"));
        }
        // The thing is known by its source, and is marked as one of which something was told.
        let draft = self.world.draft_of(&thing)?;
        let told = json!({ "time": at.to_string(), "thing": draft.source.to_string(), "locations": keys });
        self.changes.push(Change::Entity(draft));
        let key = fresh_key()?;
        self.changes.push(document(Set::HistoricalLocations, &key, object(&told)?.clone()));
        Ok(key)
    }

    /// A Location, Sensor, ObservedProperty or FeatureOfInterest.
    fn plain(&mut self, set: Set, json: &Json) -> Result<String, ApiError> {
        let fields = checked(set, json, true)?;
        let key = match json.get("@iot.id").map(|id| Id::of(id).ok_or(id)) {
            Some(Ok(Id::Text(key))) if !key.is_empty() && !key.contains(['@', '\u{0}']) && key.parse::<EntityId>().is_err() => key,
            Some(_) => {
                return Err(ApiError::bad_request("@iot.id: give a text of your own that is no UUID and has no @, or leave it out"));
            }
            None if set == Set::ObservedProperties => self.property_key(&fields)?,
            None => fresh_key()?,
        };
        if self.world.city.told(set, &key).is_some() || self.is_new(set, &key) {
            return Err(conflict(format!("there is a {} {key} already", set.entity())));
        }
        if let (Set::FeaturesOfInterest, Some(place)) = (set, feature_place(&fields))
            && let Some(other) = self.world.city.features_at.get(&place.map(f64::to_bits))
        {
            return Err(conflict(format!("at this place is the FeatureOfInterest {other} already: link to it")));
        }
        self.changes.push(document(set, &key, fields));
        Ok(key)
    }

    /// The entity that is linked to; none where a new one is described, with an id of its own perhaps.
    fn there(&self, set: Set, json: &Json) -> Result<Option<Item>, ApiError> {
        let Some(id) = linked(json) else { return Ok(None) };
        match self.world.find(set, &id) {
            Ok(item) => Ok(Some(item)),
            Err(error) if is_link(json) || error.status.is_server_error() => Err(absent(error)),
            Err(_) => Ok(None),
        }
    }

    /// Whether it is told in these changes.
    fn is_new(&self, set: Set, key: &str) -> bool {
        let source = Document::source(set, key);
        self.changes.iter().any(|change| matches!(change, Change::Entity(draft) if draft.source == source))
    }

    /// The name of a property in the table `datastreams`: that of the ObservedProperty, as far as it can stand there.
    fn property_key(&self, fields: &Fields) -> Result<String, ApiError> {
        let name = fields.get("name").and_then(Json::as_str).unwrap_or_default().to_lowercase();
        let word = |c: char| if c.is_alphanumeric() { c } else { '_' };
        let name: String = name.trim().chars().take(48).map(word).collect();
        let is_taken = |name: &str| {
            self.world.city.told(Set::ObservedProperties, name).is_some()
                || self.world.city.of_property.contains_key(name)
                || self.is_new(Set::ObservedProperties, name)
        };
        if name.is_empty() || is_taken(&name) { Ok(format!("{name}_{}", fresh_key()?)) } else { Ok(name) }
    }

    /// The key of an entity that is linked to, or created here.
    fn one_of(&mut self, set: Set, json: Option<&Json>) -> Result<Target, ApiError> {
        let Some(json) = json else {
            return Err(ApiError::bad_request(format!("a Datastream needs a {}", set.entity())));
        };
        if let Some(Id::Text(key)) = linked(json).filter(|id| self.is_new(set, &id.text())) {
            return Ok(Target::New(key));
        }
        match self.there(set, json)? {
            Some(item) => Ok(Target::There(item)),
            None => self.deeper(|drafts| drafts.plain(set, json)).map(Target::New),
        }
    }

    fn datastream(&mut self, json: &Json, from: Option<&Item>, of: Option<&SourceKey>) -> Result<SourceKey, ApiError> {
        Self::no_own_id(Set::Datastreams, json)?;
        let mut fields = checked(Set::Datastreams, json, true)?;
        let thing = match (of, from, json.get("Thing")) {
            (Some(source), ..) => source.clone(),
            (None, Some(Item::Thing(id)), _) => self.world.source_of(id)?,
            (None, _, Some(json)) => match linked(json) {
                Some(id) => match self.world.find(Set::Things, &id).map_err(absent)? {
                    Item::Thing(id) => self.world.source_of(&id)?,
                    _ => return Err(ApiError::bad_request("`Thing` links to no Thing")),
                },
                None => self.deeper(|drafts| drafts.thing(json, None))?,
            },
            _ => return Err(ApiError::bad_request("a Datastream needs a Thing")),
        };
        let link = |set: Set| match from {
            Some(item) if item.set() == set => Some(json!({ "@iot.id": item.id().json() })),
            _ => json.get(set.entity()).cloned(),
        };
        let sensor = match self.one_of(Set::Sensors, link(Set::Sensors).as_ref())? {
            Target::New(key) => Some(key),
            Target::There(Item::Told(_, document)) => Some(document.key.clone()),
            Target::There(Item::Of(_, id)) if self.world.source_of(&id)? == thing => None,
            Target::There(other) => {
                return Err(ApiError::bad_request(format!("{} is another thing itself: create a Sensor", other.address())));
            }
        };
        let property = match self.one_of(Set::ObservedProperties, link(Set::ObservedProperties).as_ref())? {
            Target::New(key) => key,
            Target::There(item) => item.id().text(),
        };
        let unit = unit_of(fields.get("unitOfMeasurement"));
        let name = fields.remove("name").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
        let source = SourceKey::new(THINGS, fresh_key()?);
        fields.extend(sensor.map(|key| ("sensor".to_owned(), key.into())));
        self.changes.push(document(Set::Datastreams, &Stream::key(&source), fields));
        let draft = DatastreamDraft { source: source.clone(), entity: thing, property, unit, name };
        self.changes.push(Change::Datastream(draft));
        for observation in json.get("Observations").map_or(Ok(Vec::new()), list_of)? {
            self.deeper(|drafts| drafts.observation(observation, None, Some(&source)))?;
        }
        Ok(source)
    }

    /// An observation, of a Datastream that is there or comes with it.
    pub(super) fn observation(
        &mut self,
        json: &Json,
        from: Option<&Item>,
        of: Option<&SourceKey>,
    ) -> Result<NewReading, ApiError> {
        Self::no_own_id(Set::Observations, json)?;
        let mut fields = checked(Set::Observations, json, true)?;
        let (source, thing) = self.series(json, from, of)?;
        let place = match (json.get("FeatureOfInterest"), from) {
            (Some(json), _) => self.feature(json, thing)?,
            (None, Some(Item::Told(Set::FeaturesOfInterest, document))) => feature_place(&document.fields),
            _ => None,
        };
        let row = Observation {
            phenomenon_time: match fields.remove("phenomenonTime").filter(|time| !time.is_null()) {
                Some(time) => instant("phenomenonTime", &time)?,
                None => TimeUs::now(),
            },
            result_time: match fields.remove("resultTime").filter(|time| !time.is_null()) {
                Some(time) => Some(instant("resultTime", &time)?),
                None => None,
            },
            value: result(fields.remove("result").as_ref())?,
            quality: Quality::Good,
        };
        fields.retain(|_, value| !value.is_null());
        let reading = NewReading { datastream: source, row, place, besides: fields };
        self.changes.push(reading.change());
        self.readings.push(reading.clone());
        Ok(reading)
    }

    fn series(
        &mut self,
        json: &Json,
        from: Option<&Item>,
        of: Option<&SourceKey>,
    ) -> Result<(SourceKey, Option<EntityId>), ApiError> {
        if let Some(source) = of {
            return Ok((source.clone(), None));
        }
        let said = json.get("Datastream");
        let one = "say one Datastream, in the address (Datastreams(7)/Observations) or as {\"Datastream\": {\"@iot.id\": 7}}";
        let item = match (from, said.map(|json| (json, linked(json)))) {
            (Some(item @ Item::Datastream(_)), None) => item.clone(),
            (Some(item @ Item::Datastream(_)), Some((_, Some(id)))) if item.id() == id => item.clone(),
            (Some(Item::Datastream(_)), Some(_)) => return Err(ApiError::bad_request(one)),
            (_, Some((_, Some(id)))) => self.world.find(Set::Datastreams, &id)?,
            (_, Some((json, None))) => return Ok((self.deeper(|drafts| drafts.datastream(json, None, None))?, None)),
            (_, None) => return Err(ApiError::bad_request(one)),
        };
        let Item::Datastream(id) = item else { return Err(ApiError::bad_request(one)) };
        let stream = self.world.city.streams.get(&id).ok_or_else(|| super::world::none(Set::Datastreams, &Id::Number(id.0)))?;
        Ok((stream.info.source.clone(), Some(stream.info.entity)))
    }

    /// The place of a FeatureOfInterest; none for the thing itself.
    fn feature(&mut self, json: &Json, thing: Option<EntityId>) -> Result<Option<[f64; 2]>, ApiError> {
        match self.there(Set::FeaturesOfInterest, json)? {
            Some(Item::Told(_, document)) => return feature_place(&document.fields).map(Some).ok_or_else(no_place),
            Some(Item::Of(_, id)) if thing == Some(id) => return Ok(None),
            Some(other) => {
                return Err(ApiError::bad_request(format!("{} is not where this Datastream measures", other.address())));
            }
            None => {}
        }
        let fields = checked(Set::FeaturesOfInterest, json, true)?;
        let place = feature_place(&fields).ok_or_else(no_place)?;
        let is_there = self.world.city.features_at.contains_key(&place.map(f64::to_bits));
        if !is_there {
            let known = self.changes.iter().any(|change| matches!(change, Change::Entity(draft)
                if draft.class == Set::FeaturesOfInterest.entity() && feature_place(&draft.properties) == Some(place)));
            if !known {
                self.deeper(|drafts| drafts.plain(Set::FeaturesOfInterest, json))?;
            }
        }
        Ok(Some(place))
    }
}

/// One that is there, or the key of one that comes.
enum Target {
    There(Item),
    New(String),
}

impl NewReading {
    pub(super) fn change(&self) -> Change {
        let place = self.place.map(|[lon_deg, lat_deg]| Place { lon_deg, lat_deg, height_m: None });
        Change::Observations(ObservationBatch {
            datastream: self.datastream.clone(),
            unit: None,
            rows: vec![self.row],
            places: place.into_iter().collect(),
        })
    }
}

/// The number of a result.
pub(super) fn result(json: Option<&Json>) -> Result<f64, ApiError> {
    let number = json.and_then(Json::as_f64);
    number.ok_or_else(|| ApiError::bad_request("the result is no number: only numbers are kept"))
}

/// The geometry of a Location, where it is GeoJSON.
pub(super) fn located(fields: &Fields) -> Option<Geometry> {
    let is_geojson = fields.get("encodingType").and_then(Json::as_str).is_some_and(|name| GEOJSON.contains(&name));
    fields.get("location").filter(|_| is_geojson).and_then(|json| geometry(json).ok())
}

/// The unit in UCUM where the definition says so, else the symbol as it is; `1` where there is none.
pub(super) fn unit_of(json: Option<&Json>) -> String {
    let text = |name: &str| json.and_then(|unit| unit[name].as_str()).map(str::trim).filter(|text| !text.is_empty());
    let ucum = text("definition").and_then(|text| text.strip_prefix("ucum:"));
    ucum.or(text("symbol")).or(text("name")).unwrap_or("1").to_owned()
}

/// The entities of a list.
fn list_of(json: &Json) -> Result<Vec<&Json>, ApiError> {
    match json {
        Json::Array(list) => Ok(list.iter().collect()),
        Json::Object(_) => Ok(vec![json]),
        _ => Err(ApiError::bad_request("a list of entities is wanted")),
    }
}

/// A link in a body that leads nowhere is the body's fault.
fn absent(error: ApiError) -> ApiError {
    ApiError::bad_request(error.description)
}

fn no_place() -> ApiError {
    ApiError::bad_request("a FeatureOfInterest of observations needs a place: a GeoJSON geometry with its encodingType")
}

pub(super) fn conflict(description: String) -> ApiError {
    ApiError { status: axum::http::StatusCode::CONFLICT, description }
}

impl World<'_> {
    /// What its source calls a thing.
    pub(super) fn source_of(&self, id: &EntityId) -> Result<SourceKey, ApiError> {
        use arrow::array::AsArray;
        let (batch, row) = self.city.thing(id).ok_or_else(|| super::world::none(Set::Things, &Id::Text(id.to_string())))?;
        let text = |column: usize| batch.column(column).as_string::<i32>().value(row);
        Ok(SourceKey::new(text(column::DATASET), text(column::SOURCE)))
    }

    /// A thing as it stands, to be described anew.
    pub(super) fn draft_of(&self, id: &EntityId) -> Result<EntityDraft, ApiError> {
        use arrow::array::{Array, AsArray};
        let source = self.source_of(id)?;
        let (batch, row) = self.city.thing(id).ok_or_else(|| super::world::none(Set::Things, &Id::Text(id.to_string())))?;
        let text = |column: usize| batch.column(column).as_string::<i32>();
        let kind = text(column::KIND).value(row).parse().map_err(ApiError::internal)?;
        let mut draft = EntityDraft::new(source, kind, text(column::CLASS).value(row));
        draft.name = text(column::NAME).is_valid(row).then(|| text(column::NAME).value(row).to_owned());
        let wkb = batch.column(column::GEOMETRY).as_binary::<i32>();
        if wkb.is_valid(row) {
            draft.geometry = Some(Geometry::from_wkb(wkb.value(row)).map_err(ApiError::internal)?);
        }
        draft.height_reference = text(column::HEIGHT_REFERENCE).value(row).parse().map_err(ApiError::internal)?;
        let parent = batch.column(column::PARENT).as_fixed_size_binary();
        if let Some(parent) = parent.is_valid(row).then(|| EntityId::from_slice(parent.value(row))).flatten() {
            draft.parent = Some(self.source_of(&parent)?);
        }
        draft.lineage = text(column::LINEAGE).value(row).into();
        draft.properties = serde_json::from_str(text(column::PROPERTIES).value(row)).map_err(ApiError::internal)?;
        draft.properties.entry(OWN).or_insert_with(|| json!({}));
        // What was so before stays so.
        draft.valid_from = Some(TimeUs::now());
        Ok(draft)
    }
}
