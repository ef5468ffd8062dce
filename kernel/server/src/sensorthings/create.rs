//! Creating (OGC 18-088, 10.2): the JSON of an entity, with others in it, comes in; it is one commit, and answered with the
//! entity as it then stands and its address when that is durable.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel_model::{Change, TimeUs};
use serde_json::Value as Json;

use super::draft::{Drafts, Made};
use super::fields::{document, is_link, linked, object};
use super::item::Item;
use super::options::Options;
use super::path::{Part, Resource};
use super::reading::{COLUMNS, Reading, ReadingId};
use super::series::NewReading;
use super::set::{Id, Set};
use super::world::World;
use crate::error::ApiError;

/// `POST` to a collection.
pub(super) fn create(world: &World<'_>, resource: &Resource, body: &Json) -> Result<Response, ApiError> {
    if resource.is_entity() || resource.part != Part::Whole {
        return Err(ApiError {
            status: StatusCode::METHOD_NOT_ALLOWED,
            description: "entities are created in a collection: POST /Things".to_owned(),
        });
    }
    object(body)?;
    let from = match resource.links.split_last() {
        None => None,
        Some((_, before)) => Some(world.entity(&Resource { links: before.to_vec(), ..resource.clone() })?),
    };
    let set = resource.target();
    if let (Some(from), Some(id)) = (&from, linked(body))
        && (is_link(body) || world.find(set, &id).is_ok())
    {
        return super::update::link(world, from, set, &id);
    }
    let mut drafts = Drafts::new(world);
    let made = drafts.entity(set, body, from.as_ref())?;
    let (changes, readings) = (drafts.changes, drafts.readings);
    world.commit(changes)?;
    for reading in readings.iter().filter(|reading| !reading.besides.is_empty()) {
        world.tell_besides(reading)?;
    }
    let now = world.renewed();
    let item = now.made(&made)?;
    answer(&now, &item)
}

/// An entity that was created.
pub(super) fn answer(world: &World<'_>, item: &Item) -> Result<Response, ApiError> {
    let body = Json::Object(world.written(item, &Options::default())?);
    let headers = [(header::LOCATION, world.link(item)), (header::CONTENT_TYPE, "application/json".to_owned())];
    Ok((StatusCode::CREATED, headers, body.to_string()).into_response())
}

impl World<'_> {
    /// Writes changes as one commit; durable when it returns.
    pub(super) fn commit(&self, changes: Vec<Change>) -> Result<(), ApiError> {
        let receipt = self.runtime.block_on(self.app.ingest.commit(changes)).map_err(ApiError::unavailable)?;
        match receipt.outcome.rejected.first() {
            None => Ok(()),
            Some(refused) => {
                Err(ApiError { status: StatusCode::UNPROCESSABLE_ENTITY, description: refused.reason.clone() })
            }
        }
    }

    /// What became of what was made.
    pub(super) fn made(&self, made: &Made) -> Result<Item, ApiError> {
        let gone = || ApiError::internal("what was created cannot be found");
        Ok(match made {
            Made::Thing(source) => Item::Thing(self.app.reader.live().entity_of(source).ok_or_else(gone)?),
            Made::Datastream(source) => {
                Item::Datastream(self.app.reader.live().datastream_of(source).map(|info| info.id).ok_or_else(gone)?)
            }
            Made::Document(set, key) => self.find(*set, &Id::Text(key.clone()))?,
            Made::Observation(reading) => self.told_reading(self.row_of(reading)?),
        })
    }

    /// The row that the store made of an observation, or had of it.
    pub(super) fn row_of(&self, new: &NewReading) -> Result<Reading, ApiError> {
        let live = self.app.reader.live();
        let datastream = live.datastream_of(&new.datastream).map(|info| info.id);
        drop(live);
        let datastream = datastream.ok_or_else(|| ApiError::internal("its Datastream cannot be found"))?;
        let rows = self.rows_at(ReadingId { datastream, time: new.row.phenomenon_time, number: 0 })?;
        let same = rows.into_iter().filter(|row| {
            (row.value.to_bits() == new.row.value.to_bits() || (row.value.is_nan() && new.row.value.is_nan()))
                && row.quality >= new.row.quality.code()
        });
        // Of an older reading whose row has gone for its age there is no number any more.
        let newest = same.max_by_key(|row| row.id.number);
        newest.ok_or_else(|| ApiError::internal("the observation is kept, its number cannot be told"))
    }

    /// All rows of a Datastream at an instant.
    pub(super) fn rows_at(&self, id: ReadingId) -> Result<Vec<Reading>, ApiError> {
        let (datastream, time) = (id.datastream, super::readings::instant(id.time));
        let sql =
            format!("SELECT {COLUMNS} FROM observations WHERE datastream = {datastream} AND phenomenon_time = {time}");
        let batches = self.ask(&sql, self.app.settings.sql_rows)?;
        Ok(batches.iter().flat_map(|batch| Reading::of(batch).collect::<Vec<_>>()).collect())
    }

    /// Keeps what has no column, beside the row.
    fn tell_besides(&self, reading: &NewReading) -> Result<(), ApiError> {
        let row = self.renewed().row_of(reading)?.id.to_string();
        let mut fields = reading.besides.clone();
        fields.insert("row".to_owned(), row.as_str().into());
        self.commit(vec![document(Set::Observations, &row, fields)])
    }
}

/// The instant from which changed descriptions hold.
pub(super) fn since_now(change: Change) -> Change {
    match change {
        Change::Entity(mut draft) => {
            draft.valid_from = Some(TimeUs::now());
            Change::Entity(draft)
        }
        other => other,
    }
}
