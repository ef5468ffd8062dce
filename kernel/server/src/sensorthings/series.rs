//! New Datastreams and Observations: JSON of them comes in, with the entities in it, and changes for the one writer go out.

use kernel_model::{
    Change, DatastreamDraft, EntityId, Observation, ObservationBatch, Place, Quality, SourceKey, TimeUs,
};
use serde_json::{Value as Json, json};

use super::city::{Stream, THINGS, feature_place};
use super::draft::Drafts;
use super::fields::{
    Fields, absent, checked, document, fresh_key, instant, linked, list_of, no_place, result, unit_of,
};
use super::item::Item;
use super::set::{Id, Set};
use crate::error::ApiError;

/// An observation that is to be kept.
#[derive(Debug, Clone)]
pub(super) struct NewReading {
    pub(super) datastream: SourceKey,
    pub(super) row: Observation,
    pub(super) place: Option<[f64; 2]>,
    /// What has no column: parameters, validTime, resultQuality.
    pub(super) besides: Fields,
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

impl Drafts<'_> {
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

    pub(super) fn datastream(
        &mut self,
        json: &Json,
        from: Option<&Item>,
        of: Option<&SourceKey>,
    ) -> Result<SourceKey, ApiError> {
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
                return Err(ApiError::bad_request(format!(
                    "{} is another thing itself: create a Sensor",
                    other.address()
                )));
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
        let one =
            "say one Datastream, in the address (Datastreams(7)/Observations) or as {\"Datastream\": {\"@iot.id\": 7}}";
        let item = match (from, said.map(|json| (json, linked(json)))) {
            (Some(item @ Item::Datastream(_)), None) => item.clone(),
            (Some(item @ Item::Datastream(_)), Some((_, Some(id)))) if item.id() == id => item.clone(),
            (Some(Item::Datastream(_)), Some(_)) => return Err(ApiError::bad_request(one)),
            (_, Some((_, Some(id)))) => self.world.find(Set::Datastreams, &id)?,
            (_, Some((json, None))) => return Ok((self.deeper(|drafts| drafts.datastream(json, None, None))?, None)),
            (_, None) => return Err(ApiError::bad_request(one)),
        };
        let Item::Datastream(id) = item else { return Err(ApiError::bad_request(one)) };
        let stream =
            self.world.city.streams.get(&id).ok_or_else(|| super::world::none(Set::Datastreams, &Id::Number(id.0)))?;
        Ok((stream.info.source.clone(), Some(stream.info.entity)))
    }

    /// The place of a FeatureOfInterest; none for the thing itself.
    fn feature(&mut self, json: &Json, thing: Option<EntityId>) -> Result<Option<[f64; 2]>, ApiError> {
        match self.there(Set::FeaturesOfInterest, json)? {
            Some(Item::Told(_, document)) => return feature_place(&document.fields).map(Some).ok_or_else(no_place),
            Some(Item::Of(_, id)) if thing == Some(id) => return Ok(None),
            Some(other) => {
                return Err(ApiError::bad_request(format!(
                    "{} is not where this Datastream measures",
                    other.address()
                )));
            }
            None => {}
        }
        let fields = checked(Set::FeaturesOfInterest, json, true)?;
        let place = feature_place(&fields).ok_or_else(no_place)?;
        let is_there = self.world.city.features_at.contains_key(&place.map(f64::to_bits));
        if !is_there {
            let known = self.changes.iter().any(|change| {
                matches!(change, Change::Entity(draft)
                if draft.class == Set::FeaturesOfInterest.entity() && feature_place(&draft.properties) == Some(place))
            });
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
