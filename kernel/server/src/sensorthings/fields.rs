//! What clients write, checked before anything is made of it: JSON comes in; properties of the right names and types, links,
//! instants, places and units go out, or the word that says what is wrong.

use kernel_model::{Change, EntityDraft, Geometry, Kind, TimeUs};
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde_json::{Map, Value as Json};

use super::city::{Document, OWN};
use super::set::{Id, Set};
use crate::error::ApiError;

const GEOJSON: [&str; 2] = ["application/geo+json", "application/vnd.geo+json"];

/// The members of a JSON object.
pub(super) type Fields = Map<String, Json>;

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
        return Err(ApiError::bad_request(format!(
            "{name} `{text}` is an interval: an instant is wanted, such as its end"
        )));
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
pub(super) fn list_of(json: &Json) -> Result<Vec<&Json>, ApiError> {
    match json {
        Json::Array(list) => Ok(list.iter().collect()),
        Json::Object(_) => Ok(vec![json]),
        _ => Err(ApiError::bad_request("a list of entities is wanted")),
    }
}

/// A link in a body that leads nowhere is the body's fault.
pub(super) fn absent(error: ApiError) -> ApiError {
    ApiError::bad_request(error.description)
}

pub(super) fn no_place() -> ApiError {
    ApiError::bad_request("a FeatureOfInterest of observations needs a place: a GeoJSON geometry with its encodingType")
}

pub(super) fn conflict(description: String) -> ApiError {
    ApiError { status: axum::http::StatusCode::CONFLICT, description }
}
