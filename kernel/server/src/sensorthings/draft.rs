//! What clients write becomes changes: JSON of entities comes in, with entities and links in it (OGC 18-088, clause 10), and
//! changes for the one writer go out, all of them one commit. What is missing, unknown or of the wrong type is refused by
//! name, and then nothing is written.

use kernel_model::{Change, EntityDraft, EntityId, Geometry, HeightReference, Kind, SourceKey, TimeUs};
use serde_json::{Value as Json, json};

use super::city::{Document, OWN, THINGS, column, feature_place};
use super::fields::{
    Fields, absent, checked, conflict, document, fresh_key, instant, is_link, linked, list_of, located, object, set_own,
};
use super::item::Item;
use super::series::NewReading;
use super::set::{Id, Set};
use super::world::World;
use crate::error::ApiError;

/// An entity within an entity goes so deep.
const MOST_DEEP: usize = 6;

/// What is written.
#[derive(Debug, Clone)]
pub(super) enum Made {
    Thing(SourceKey),
    Datastream(SourceKey),
    Document(Set, String),
    Observation(NewReading),
}

/// Changes on the way to the writer.
pub(super) struct Drafts<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) changes: Vec<Change>,
    /// Observations in the order in which they were given.
    pub(super) readings: Vec<NewReading>,
    depth: usize,
}

impl<'a> Drafts<'a> {
    pub(super) fn new(world: &'a World<'a>) -> Self {
        Self { world, changes: Vec::new(), readings: Vec::new(), depth: 0 }
    }

    pub(super) fn deeper<T>(&mut self, make: impl FnOnce(&mut Self) -> Result<T, ApiError>) -> Result<T, ApiError> {
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
    pub(super) fn no_own_id(set: Set, json: &Json) -> Result<(), ApiError> {
        if json.get("@iot.id").is_none() {
            return Ok(());
        }
        Err(ApiError::bad_request(format!("the id of a {} is given by the service: leave @iot.id out", set.entity())))
    }

    pub(super) fn thing(&mut self, json: &Json, from: Option<&Item>) -> Result<SourceKey, ApiError> {
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
                return Err(ApiError::bad_request(format!(
                    "{address} follows of a thing and cannot be another's: create a Location"
                )));
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
                None => {
                    return Err(ApiError::bad_request(
                        "a Location is created with links to Things: {\"@iot.id\": \"...\"}",
                    ));
                }
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
            _ => {
                return Err(ApiError::bad_request(
                    "a HistoricalLocation needs a Thing: {\"Thing\": {\"@iot.id\": \"...\"}}",
                ));
            }
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
    pub(super) fn plain(&mut self, set: Set, json: &Json) -> Result<String, ApiError> {
        let fields = checked(set, json, true)?;
        let key = match json.get("@iot.id").map(|id| Id::of(id).ok_or(id)) {
            Some(Ok(Id::Text(key)))
                if !key.is_empty() && !key.contains(['@', '\u{0}']) && key.parse::<EntityId>().is_err() =>
            {
                key
            }
            Some(_) => {
                return Err(ApiError::bad_request(
                    "@iot.id: give a text of your own that is no UUID and has no @, or leave it out",
                ));
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
    pub(super) fn there(&self, set: Set, json: &Json) -> Result<Option<Item>, ApiError> {
        let Some(id) = linked(json) else { return Ok(None) };
        match self.world.find(set, &id) {
            Ok(item) => Ok(Some(item)),
            Err(error) if is_link(json) || error.status.is_server_error() => Err(absent(error)),
            Err(_) => Ok(None),
        }
    }

    /// Whether it is told in these changes.
    pub(super) fn is_new(&self, set: Set, key: &str) -> bool {
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
}

impl World<'_> {
    /// What its source calls a thing.
    pub(super) fn source_of(&self, id: &EntityId) -> Result<SourceKey, ApiError> {
        use arrow::array::AsArray;
        let (batch, row) =
            self.city.thing(id).ok_or_else(|| super::world::none(Set::Things, &Id::Text(id.to_string())))?;
        let text = |column: usize| batch.column(column).as_string::<i32>().value(row);
        Ok(SourceKey::new(text(column::DATASET), text(column::SOURCE)))
    }

    /// A thing as it stands, to be described anew.
    pub(super) fn draft_of(&self, id: &EntityId) -> Result<EntityDraft, ApiError> {
        use arrow::array::{Array, AsArray};
        let source = self.source_of(id)?;
        let (batch, row) =
            self.city.thing(id).ok_or_else(|| super::world::none(Set::Things, &Id::Text(id.to_string())))?;
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
