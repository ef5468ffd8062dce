//! Updating (OGC 18-088, 10.3): properties and links come in, and what is not given stays (`PATCH`) or becomes nothing (`PUT`).
//! Nothing is overwritten: a description becomes a new revision, an Observation a new row, and what was before is still
//! there for questions of before.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use kernel_model::{Change, DatastreamDraft, Observation, Quality, TimeUs};
use serde_json::{Value as Json, json};

use super::city::{Document, OWN, Stream};
use super::create::since_now;
use super::draft::Drafts;
use super::fields::{Fields, checked, conflict, document, instant, linked, located, result, set_own, unit_of};
use super::item::Item;
use super::options::Options;
use super::path::{Part, Resource};
use super::series::NewReading;
use super::set::{Id, Set};
use super::world::World;
use crate::error::ApiError;

/// `PATCH` or, `whole`, `PUT` of an entity.
pub(super) fn update(world: &World<'_>, resource: &Resource, body: &Json, whole: bool) -> Result<Response, ApiError> {
    if !resource.is_entity() || resource.part != Part::Whole {
        return Err(ApiError::bad_request("an entity is updated at its own address: PATCH /Things('...')"));
    }
    let item = world.entity(resource)?;
    let patched = match body {
        Json::Array(operations) if !whole => Some(Json::Object(patched(world, &item, operations)?)),
        _ => None,
    };
    let body = patched.as_ref().unwrap_or(body);
    let fields = checked(item.set(), body, whole)?;
    match &item {
        Item::Thing(_) => thing(world, &item, body, fields, whole)?,
        Item::Datastream(id) => {
            let stream = world
                .city
                .streams
                .get(id)
                .cloned()
                .ok_or_else(|| super::world::none(Set::Datastreams, &Id::Number(id.0)))?;
            datastream(world, &stream, body, fields, whole)?;
        }
        Item::Told(set, told) => self::told(world, *set, told, fields, whole)?,
        Item::Observed(name) => {
            let fields = described(&item, world, fields)?;
            world.commit(vec![document(Set::ObservedProperties, name, fields)])?;
        }
        Item::Observation(_) => observation(world, &item, fields, whole)?,
        Item::Of(..) => {
            let thing = world.related_one(&item, &super::set::Link { name: "Thing", to: Set::Things, many: false });
            let thing = thing.map_or_else(String::new, |thing| thing.address());
            return Err(conflict(format!(
                "{} follows of {thing}: update that, or create one of its own and link to it",
                item.address()
            )));
        }
        Item::Fix(..) => return Err(conflict(format!("{} is what was measured and stays", item.address()))),
    }
    let now = world.renewed();
    let item = now.find(item.set(), &item.id())?;
    let body = Json::Object(now.written(&item, &Options::default())?);
    Ok(([(header::CONTENT_TYPE, "application/json".to_owned()), (header::LOCATION, now.link(&item))], body.to_string())
        .into_response())
}

/// The properties that a JSON Patch changes.
fn patched(world: &World<'_>, item: &Item, operations: &[Json]) -> Result<Fields, ApiError> {
    let mut before = Fields::new();
    for name in item.set().properties() {
        let value = world.property(item, name)?;
        if !value.is_null() {
            before.insert((*name).to_owned(), value);
        }
    }
    super::json_patch::changed(&before, operations)
}

/// `POST` of a link to a collection of an entity.
pub(super) fn link(world: &World<'_>, from: &Item, set: Set, id: &Id) -> Result<Response, ApiError> {
    let other = world.find(set, id).map_err(|error| ApiError::bad_request(error.description))?;
    let (thing, location) = match (from, &other) {
        (Item::Thing(thing), Item::Told(Set::Locations, location)) => (thing, location),
        (Item::Told(Set::Locations, location), Item::Thing(thing)) => (thing, location),
        _ => {
            return Err(ApiError::bad_request(format!(
                "{} and {} are not linked so: update the one that has the link",
                from.address(),
                other.address()
            )));
        }
    };
    let mut drafts = Drafts::new(world);
    drafts.place(world.draft_of(thing)?, &[(location.key.clone(), located(&location.fields))], TimeUs::now())?;
    let changes = drafts.changes;
    world.commit(changes)?;
    super::create::answer(&world.renewed(), &other)
}

fn thing(world: &World<'_>, item: &Item, body: &Json, fields: Fields, whole: bool) -> Result<(), ApiError> {
    let Item::Thing(id) = item else { return Ok(()) };
    let mut draft = world.draft_of(id)?;
    let own = draft.properties.remove(OWN).unwrap_or_default();
    if whole || fields.contains_key("properties") {
        draft.properties = fields.get("properties").and_then(Json::as_object).cloned().unwrap_or_default();
    }
    draft.properties.insert(OWN.to_owned(), own);
    if let Some(name) = fields.get("name").and_then(Json::as_str) {
        draft.name = Some(name.to_owned());
    }
    if let Some(description) = fields.get("description") {
        set_own(&mut draft.properties, "description", description.clone());
    }
    let mut drafts = Drafts::new(world);
    let mut locations = Vec::new();
    let given = match body.get("Locations") {
        Some(Json::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for location in given {
        locations.push(drafts.location_of(location)?);
    }
    drafts.place(draft, &locations, TimeUs::now())?;
    world.commit(drafts.changes)
}

fn datastream(
    world: &World<'_>,
    stream: &Stream,
    body: &Json,
    mut fields: Fields,
    whole: bool,
) -> Result<(), ApiError> {
    let mut draft = DatastreamDraft {
        source: stream.info.source.clone(),
        entity: world.source_of(&stream.info.entity)?,
        property: stream.info.property.clone(),
        unit: stream.info.unit.clone(),
        name: stream.info.name.clone(),
    };
    let before = stream.told.as_ref().map(|told| told.fields.clone()).unwrap_or_default();
    let mut told = if whole {
        before.get("sensor").map(|key| ("sensor".to_owned(), key.clone())).into_iter().collect()
    } else {
        before
    };
    if let Some(unit) = fields.get("unitOfMeasurement") {
        let unit = unit_of(Some(unit));
        if unit != draft.unit {
            return Err(conflict(format!(
                "the unit is {} and cannot become {unit}: create another Datastream for the new unit",
                draft.unit
            )));
        }
    }
    if let Some(name) = fields.remove("name") {
        draft.name = name.as_str().unwrap_or_default().to_owned();
    }
    let target = |set: Set| {
        body.get(set.entity()).map(|json| {
            let id = linked(json).ok_or_else(|| {
                ApiError::bad_request(format!("`{}` wants a link: {{\"@iot.id\": ...}}", set.entity()))
            })?;
            world.find(set, &id).map_err(|error| ApiError::bad_request(error.description))
        })
    };
    if let Some(Item::Thing(id)) = target(Set::Things).transpose()? {
        draft.entity = world.source_of(&id)?;
    }
    if let Some(item) = target(Set::ObservedProperties).transpose()? {
        draft.property = item.id().text();
    }
    match target(Set::Sensors).transpose()? {
        Some(Item::Told(_, sensor)) => drop(told.insert("sensor".to_owned(), sensor.key.as_str().into())),
        Some(Item::Of(_, id)) if world.source_of(&id)? == draft.entity => drop(told.remove("sensor")),
        Some(other) => {
            return Err(ApiError::bad_request(format!("{} is another thing itself: create a Sensor", other.address())));
        }
        None => {}
    }
    told.extend(fields);
    let document = document(Set::Datastreams, &Stream::key(&draft.source), told);
    world.commit(vec![since_now(document), Change::Datastream(draft)])
}

/// An entity that was told.
fn told(world: &World<'_>, set: Set, told: &Document, fields: Fields, whole: bool) -> Result<(), ApiError> {
    let mut after = told.fields.clone();
    if whole {
        after.retain(|name, _| set.property(name).is_none());
    } else {
        after.insert("name".to_owned(), told.name.as_str().into());
    }
    if set == Set::HistoricalLocations
        && let Some(time) = fields.get("time")
    {
        instant("time", time)?;
    }
    after.extend(fields);
    let is_elsewhere = super::city::feature_place(&told.fields) != super::city::feature_place(&after);
    if set == Set::FeaturesOfInterest && is_elsewhere {
        return Err(conflict(
            "observations are kept at the place of their FeatureOfInterest: create another one".to_owned(),
        ));
    }
    let mut drafts = Drafts::new(world);
    let moved =
        located(&after).filter(|_| set == Set::Locations && after.get("location") != told.fields.get("location"));
    drafts.changes.push(since_now(document(set, &told.key, after)));
    if let Some(geometry) = moved {
        for thing in world.city.at_location.get(&told.key).into_iter().flatten() {
            let mut draft = world.draft_of(thing)?;
            draft.height_reference = if geometry.has_height {
                kernel_model::HeightReference::Ellipsoid
            } else {
                kernel_model::HeightReference::None
            };
            draft.geometry = Some(geometry.clone());
            drafts.changes.push(Change::Entity(draft));
        }
    }
    world.commit(drafts.changes)
}

/// What was told of a property that datastreams observe, with what is told now.
fn described(item: &Item, world: &World<'_>, fields: Fields) -> Result<Fields, ApiError> {
    let mut after = Fields::new();
    for name in ["name", "description", "definition"] {
        after.insert(name.to_owned(), world.property(item, name)?);
    }
    after.extend(fields);
    Ok(after)
}

fn observation(world: &World<'_>, item: &Item, mut fields: Fields, whole: bool) -> Result<(), ApiError> {
    let Item::Observation(row) = item else { return Ok(()) };
    let (before, id) = (row.0, item.id().text());
    let time = |fields: &mut Fields, name: &str, before: Option<TimeUs>| match fields.remove(name) {
        Some(Json::Null) => Ok(None),
        Some(time) => instant(name, &time).map(Some),
        None if whole => Ok(None),
        None => Ok(before),
    };
    let after = Observation {
        phenomenon_time: time(&mut fields, "phenomenonTime", Some(before.id.time))?.unwrap_or(before.id.time),
        result_time: time(&mut fields, "resultTime", before.result_time)?,
        value: match fields.remove("result") {
            Some(value) => result(Some(&value))?,
            None => before.value,
        },
        quality: Quality::Good,
    };
    let told = world.city.told(Set::Observations, &id);
    let mut note = told.map(|told| told.fields.clone()).unwrap_or_default();
    if whole {
        note.retain(|name, _| Set::Observations.property(name).is_none());
    }
    note.extend(fields);
    let is_same = after.phenomenon_time == before.id.time
        && after.result_time == before.result_time
        && after.value.to_bits() == before.value.to_bits();
    let mut now = before.id;
    if !is_same {
        let stream = world
            .city
            .streams
            .get(&before.id.datastream)
            .ok_or_else(|| ApiError::internal("an Observation has no Datastream"))?;
        let new = NewReading {
            datastream: stream.info.source.clone(),
            row: after,
            place: row.0.place,
            besides: Fields::new(),
        };
        world.commit(vec![new.change()])?;
        now = world.renewed().row_of(&new)?.id;
        if now == before.id {
            return Err(conflict(
                "of this instant the result was told already; its resultTime alone cannot change".to_owned(),
            ));
        }
        let mut gone = told.map(|told| told.texts("gone")).unwrap_or_default();
        gone.push(before.id.to_string());
        note.insert("gone".to_owned(), json!(gone));
    }
    note.insert("row".to_owned(), now.to_string().into());
    world.commit(vec![document(Set::Observations, &id, note)])
}
