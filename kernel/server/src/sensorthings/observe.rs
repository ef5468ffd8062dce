//! Many observations at once (OGC 18-088, 12.3): lists of rows of values come in, one for each Datastream; all rows that can be
//! kept are one commit, and each row is answered, in their order, with its address or the word `error`.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel_model::TimeUs;
use serde_json::{Map, Value as Json, json};

use super::draft::Drafts;
use super::series::NewReading;
use super::world::World;
use crate::error::ApiError;

/// Rows in one body at most.
const MOST_ROWS: usize = 100_000;

/// `POST /CreateObservations`.
pub(super) fn data_array(world: &World<'_>, body: &Json) -> Result<Response, ApiError> {
    let lists = body.as_array().ok_or_else(|| ApiError::bad_request("a list of dataArray values is wanted"))?;
    let mut drafts = Drafts::new(world);
    let mut rows: Vec<Option<NewReading>> = Vec::new();
    for list in lists {
        list_of(list, &mut drafts, &mut rows)?;
    }
    let (changes, besides) = (drafts.changes, drafts.readings.iter().any(|reading| !reading.besides.is_empty()));
    if besides {
        return Err(ApiError::bad_request(
            "parameters, validTime and resultQuality are not kept of a dataArray: send these Observations one by one",
        ));
    }
    let refused = match world.runtime.block_on(world.app.ingest.commit(changes)) {
        Ok(receipt) => !receipt.outcome.rejected.is_empty(),
        Err(error) => return Err(ApiError::unavailable(error)),
    };
    let now = world.renewed();
    let answer = |row: &Option<NewReading>| {
        let found = row.as_ref().map(|row| now.row_of(row)).transpose();
        match found {
            Ok(Some(row)) => Ok(Json::from(now.link(&now.told_reading(row)))),
            Ok(None) => Ok("error".into()),
            // One that a rule kept out has no row.
            Err(_) if refused => Ok("error".into()),
            Err(error) => Err(error),
        }
    };
    let body = rows.iter().map(answer).collect::<Result<Json, ApiError>>()?;
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response())
}

fn list_of(list: &Json, drafts: &mut Drafts<'_>, rows: &mut Vec<Option<NewReading>>) -> Result<(), ApiError> {
    let wrong = || {
        ApiError::bad_request(
            "each value has a Datastream, components and a dataArray of rows with a value for each of them",
        )
    };
    let names: Vec<_> = list["components"].as_array().ok_or_else(wrong)?.iter().map(Json::as_str).collect();
    let names = names.into_iter().collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
    let given = list["dataArray"].as_array().ok_or_else(wrong)?;
    if rows.len() + given.len() > MOST_ROWS {
        return Err(ApiError::bad_request(format!("more than {MOST_ROWS} rows are not taken at once")));
    }
    if super::fields::linked(&list["Datastream"]).is_none() {
        return Err(wrong());
    }
    let now = TimeUs::now();
    for (number, row) in (0_i64..).zip(given) {
        let values = row.as_array().filter(|row| row.len() == names.len()).ok_or_else(wrong)?;
        let mut observation = Map::from_iter([("Datastream".to_owned(), list["Datastream"].clone())]);
        for (name, value) in names.iter().zip(values) {
            match *name {
                "FeatureOfInterest/id" | "FeatureOfInterest/@iot.id" => {
                    observation.insert("FeatureOfInterest".to_owned(), json!({ "@iot.id": value }));
                }
                "id" | "@iot.id" => {}
                name => drop(observation.insert(name.to_owned(), value.clone())),
            }
        }
        // Rows without a time of their own are no duplicates of each other.
        observation.entry("phenomenonTime").or_insert_with(|| TimeUs(now.0.saturating_add(number)).to_string().into());
        // A row that is wrong leaves the others alone.
        rows.push(drafts.observation(&observation.into(), None, None).ok());
    }
    Ok(())
}
