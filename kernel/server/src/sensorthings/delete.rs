//! Deleting (OGC 18-088, 10.4): an address comes in; the entity, and what cannot be without it (table 25), is gone for all
//! questions of now. What was told stays for questions of before: things are retired, an Observation is told to be missing.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel_model::{Change, DatastreamId, EntityId, Observation, Quality, TimeUs};
use serde_json::{Value as Json, json};

use super::city::{Document, Stream};
use super::create::since_now;
use super::fields::{Fields, conflict, document, set_own};
use super::item::Item;
use super::options::Options;
use super::path::{Part, Resource};
use super::readings::Scope;
use super::series::NewReading;
use super::set::Set;
use super::world::{Source, World};
use crate::error::ApiError;

/// `DELETE` of an entity.
pub(super) fn delete(world: &World<'_>, resource: &Resource) -> Result<Response, ApiError> {
    if !resource.is_entity() || resource.part != Part::Whole {
        return Err(ApiError::bad_request("one entity is deleted at its own address: DELETE /Things('...')"));
    }
    let item = world.entity(resource)?;
    let mut changes = Vec::new();
    match &item {
        Item::Thing(id) => changes.push(Change::Retire { source: world.source_of(id)?, at: TimeUs::now() }),
        Item::Datastream(id) => changes.extend(series(world, *id)),
        Item::Told(set, told) => {
            changes.push(Change::Retire { source: Document::source(*set, &told.key), at: TimeUs::now() });
            told_too(world, &item, &told.key, &mut changes)?;
        }
        Item::Observed(_) | Item::Of(Set::Sensors, _) => {
            for stream in streams_of(world, &item) {
                changes.extend(series(world, stream));
            }
        }
        Item::Observation(_) => return observation(world, &item),
        Item::Of(..) => {
            return Err(conflict(format!(
                "{} follows of the thing itself: delete that, or give it a Location",
                item.address()
            )));
        }
        Item::Fix(..) => return Err(conflict(format!("{} is what was measured and stays", item.address()))),
    }
    world.commit(changes)?;
    Ok(StatusCode::OK.into_response())
}

fn streams_of(world: &World<'_>, item: &Item) -> Vec<DatastreamId> {
    let link = item.set().link("Datastreams");
    let Some(Source::Items(items)) = link.map(|link| world.related(item, link)) else { return Vec::new() };
    let id = |item: Item| if let Item::Datastream(id) = item { Some(id) } else { None };
    items.into_iter().filter_map(id).collect()
}

/// Word that a Datastream is no more.
fn series(world: &World<'_>, id: DatastreamId) -> Option<Change> {
    let stream = world.city.streams.get(&id)?;
    let mut fields: Fields = stream.told.as_ref().map(|told| told.fields.clone()).unwrap_or_default();
    fields.insert("deleted".to_owned(), true.into());
    Some(since_now(document(Set::Datastreams, &Stream::key(&stream.info.source), fields)))
}

/// What goes with an entity that was told.
fn told_too(world: &World<'_>, item: &Item, key: &str, changes: &mut Vec<Change>) -> Result<(), ApiError> {
    match item.set() {
        Set::Sensors | Set::ObservedProperties => {
            for stream in streams_of(world, item) {
                changes.extend(series(world, stream));
            }
        }
        Set::FeaturesOfInterest => {
            let link = item.set().link("Observations");
            let scope = match link.map(|link| world.related(item, link)) {
                Some(Source::Readings(scope)) => scope,
                _ => Scope::default(),
            };
            if !world.readings(&scope, &Options { top: Some(1), ..Options::default() })?.items.is_empty() {
                return Err(conflict(format!("{} has Observations: delete these first", item.address())));
            }
        }
        Set::Locations => {
            for thing in world.city.at_location.get(key).into_iter().flatten() {
                changes.push(away(world, thing, key)?);
            }
            for told in world.city.history_of.values().flatten().filter(|told| told.texts("locations") == [key]) {
                changes.push(Change::Retire {
                    source: Document::source(Set::HistoricalLocations, &told.key),
                    at: TimeUs::now(),
                });
            }
        }
        _ => {}
    }
    Ok(())
}

/// A thing without one of its Locations. It stays where it stands.
fn away(world: &World<'_>, thing: &EntityId, key: &str) -> Result<Change, ApiError> {
    let mut draft = world.draft_of(thing)?;
    let kept = world.city.locations_of.get(thing).into_iter().flatten().filter(|other| *other != key);
    let kept: Vec<_> = kept.map(|key| Json::from(key.as_str())).collect();
    set_own(&mut draft.properties, "locations", kept.into());
    Ok(Change::Entity(draft))
}

/// An Observation is told to be missing, and neither row is shown any more.
fn observation(world: &World<'_>, item: &Item) -> Result<Response, ApiError> {
    let Item::Observation(row) = item else { return Ok(StatusCode::OK.into_response()) };
    let (before, id) = (row.0, item.id().text());
    let stream = world
        .city
        .streams
        .get(&before.id.datastream)
        .ok_or_else(|| ApiError::internal("an Observation has no Datastream"))?;
    let missing = NewReading {
        datastream: stream.info.source.clone(),
        row: Observation {
            phenomenon_time: before.id.time,
            result_time: before.result_time,
            value: f64::NAN,
            quality: Quality::Missing,
        },
        place: before.place,
        besides: Fields::new(),
    };
    world.commit(vec![missing.change()])?;
    let told = world.city.told(Set::Observations, &id);
    let mut gone = told.map(|told| told.texts("gone")).unwrap_or_default();
    gone.extend([before.id.to_string(), world.renewed().row_of(&missing)?.id.to_string()]);
    world.commit(vec![document(Set::Observations, &id, object_of(&gone))])?;
    Ok(StatusCode::OK.into_response())
}

fn object_of(gone: &[String]) -> Fields {
    Fields::from_iter([("gone".to_owned(), json!(gone))])
}
