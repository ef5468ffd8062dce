//! The properties of entities, by name: what was told where it was told, else what follows of things and datastreams. An
//! entity and a name come in, JSON goes out; what is not known is null.

use arrow::array::{Array, AsArray, RecordBatch};
use kernel_model::{EntityId, Geometry, Place};
use serde_json::{Map, Value as Json, json};

use super::city::{Document, OWN, Stream, THINGS, column};
use super::filter::{ID, SELF_LINK};
use super::item::Item;
use super::places;
use super::reading::Reading;
use super::set::{Id, Set};
use super::value::Value;
use super::world::World;
use crate::error::ApiError;

const GEOJSON: &str = "application/geo+json";
/// The kind of observation whose result is a number with a unit (table 14).
const MEASUREMENT: &str = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement";
/// Properties that are instants or intervals.
const TIMES: [&str; 4] = ["time", "phenomenonTime", "resultTime", "validTime"];

impl World<'_> {
    /// The value of a property as filters and orders see it.
    pub(super) fn value(&self, item: &Item, name: &str) -> Result<Value, ApiError> {
        if let Item::Observation(row) = item {
            match name {
                "result" => return Ok(row.0.result().map_or(Value::Null, Value::Number)),
                "phenomenonTime" => return Ok(Value::Time(row.0.id.time)),
                "resultTime" => return Ok(row.0.result_time.map_or(Value::Null, Value::Time)),
                _ => {}
            }
        }
        Ok(match self.property(item, name)? {
            Json::String(text) if TIMES.contains(&name) => Value::time(&text),
            other => Value::of(other),
        })
    }

    /// The value of a property as it is written.
    pub(super) fn property(&self, item: &Item, name: &str) -> Result<Json, ApiError> {
        match name {
            ID => return Ok(item.id().json()),
            SELF_LINK => return Ok(self.link(item).into()),
            _ => {}
        }
        Ok(match item {
            Item::Thing(id) => self.city.thing(id).map_or(Json::Null, |(batch, row)| thing(batch, row, name)),
            Item::Told(_, document) => told(document, name),
            Item::Of(set, id) => self.of_thing(*set, id, name)?,
            Item::Observed(property) => self.observed(item, property, name),
            Item::Datastream(id) => self.city.streams.get(id).map_or(Json::Null, |stream| self.of_stream(stream, name)),
            Item::Observation(row) => self.of_reading(&row.0, &row.1, name),
            Item::Fix(_, fix) => match name {
                "time" => fix.1.time.to_string().into(),
                "name" => format!("{} at {}", self.name_of(&fix.0), fix.1.time).into(),
                "description" => "where it was at an instant".into(),
                "encodingType" => GEOJSON.into(),
                "location" => point(&fix.1.place),
                _ => Json::Null,
            },
        })
    }

    /// The address of an entity.
    pub(super) fn link(&self, item: &Item) -> String {
        format!("{}/{}", self.root, item.address())
    }

    fn name_of(&self, thing: &EntityId) -> String {
        let found = self.city.thing(thing).map(|(batch, row)| self::thing(batch, row, "name"));
        found.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_else(|| thing.to_string())
    }

    fn of_thing(&self, set: Set, id: &EntityId, name: &str) -> Result<Json, ApiError> {
        let Some((batch, row)) = self.city.thing(id) else { return Ok(Json::Null) };
        Ok(match name {
            "name" => self.name_of(id).into(),
            "description" => match set {
                Set::Locations => "where the thing stands, or was seen last".into(),
                Set::Sensors => "the thing itself: nobody told what measures".into(),
                _ => "the thing itself, where it stands".into(),
            },
            "encodingType" if set == Set::Sensors => "text/plain".into(),
            "encodingType" => GEOJSON.into(),
            "metadata" => {
                let text = |column: usize| batch.column(column).as_string::<i32>().value(row);
                format!("{}/{}", text(column::DATASET), text(column::SOURCE)).into()
            }
            "location" | "feature" => match self.latest_place(id)? {
                Some(place) => point(&place),
                None => geometry(batch, row),
            },
            _ => Json::Null,
        })
    }

    /// Where what moves was last, within the times that are asked of.
    fn latest_place(&self, id: &EntityId) -> Result<Option<Place>, ApiError> {
        let Some(last) = self.snapshot.latest_fix(id).map_err(ApiError::internal)? else { return Ok(None) };
        let until = self.times.until();
        if until.and_then(|span| span.to).is_none_or(|to| last.time < to) {
            return Ok(Some(last.place));
        }
        let fix = self.snapshot.newest_fix(id, until).map_err(ApiError::internal)?;
        Ok(fix.map(|fix| fix.place))
    }

    fn observed(&self, item: &Item, property: &str, name: &str) -> Json {
        match name {
            "name" => property.into(),
            "description" => "a property that datastreams observe".into(),
            // Nobody told a definition: the address of the property says no more than is known.
            "definition" => self.link(item).into(),
            _ => Json::Null,
        }
    }

    fn of_stream(&self, stream: &Stream, name: &str) -> Json {
        let told = stream.told.as_ref().and_then(|told| told.fields.get(name)).cloned();
        let info = &stream.info;
        match (name, told) {
            ("name", _) => match info.name.as_str() {
                "" => info.property.as_str().into(),
                name => name.into(),
            },
            (_, Some(told)) => told,
            ("description", None) => format!("{} of {}", info.property, self.name_of(&info.entity)).into(),
            ("observationType", None) => MEASUREMENT.into(),
            ("unitOfMeasurement", None) => {
                json!({ "name": info.unit, "symbol": info.unit, "definition": format!("ucum:{}", info.unit) })
            }
            _ => Json::Null,
        }
    }

    fn of_reading(&self, reading: &Reading, id: &Id, name: &str) -> Json {
        let told = match id {
            Id::Text(id) => self.city.told(Set::Observations, id).and_then(|told| told.fields.get(name)),
            Id::Number(_) => None,
        };
        match name {
            "phenomenonTime" => reading.id.time.to_string().into(),
            "resultTime" => reading.result_time.map(|time| time.to_string()).into(),
            "result" => reading.result().map_or(Json::Null, number),
            "resultQuality" if told.is_none() => match reading.quality {
                0 => Json::Null,
                1 => "suspect".into(),
                _ => "missing".into(),
            },
            _ => told.cloned().unwrap_or_default(),
        }
    }
}

/// A whole number is written as one.
fn number(value: f64) -> Json {
    if value.fract() == 0.0 && value.abs() < 9.0e15 { (value as i64).into() } else { value.into() }
}

fn told(document: &Document, name: &str) -> Json {
    match name {
        "name" => document.name.as_str().into(),
        name => document.fields.get(name).cloned().unwrap_or_default(),
    }
}

fn point(place: &Place) -> Json {
    match place.height_m {
        Some(height) => json!({ "type": "Point", "coordinates": [place.lon_deg, place.lat_deg, height] }),
        None => json!({ "type": "Point", "coordinates": [place.lon_deg, place.lat_deg] }),
    }
}

fn geometry(batch: &RecordBatch, row: usize) -> Json {
    let column = batch.column(column::GEOMETRY).as_binary::<i32>();
    if !column.is_valid(row) {
        return Json::Null;
    }
    Geometry::from_wkb(column.value(row)).map_or(Json::Null, |geometry| places::geojson(&geometry))
}

/// A property of a thing of the city.
fn thing(batch: &RecordBatch, row: usize, name: &str) -> Json {
    let text = |column: usize| batch.column(column).as_string::<i32>();
    let (kind, class) = (text(column::KIND).value(row), text(column::CLASS).value(row));
    if name == "name" {
        let names = text(column::NAME);
        return match names.is_valid(row) {
            true => names.value(row).into(),
            false => format!("{kind} {}", text(column::SOURCE).value(row)).into(),
        };
    }
    let mut properties: Map<String, Json> =
        serde_json::from_str(text(column::PROPERTIES).value(row)).unwrap_or_default();
    let own = properties.remove(OWN).unwrap_or_default();
    match name {
        "description" => match (own.get("description"), properties.get("description")) {
            (Some(told), _) | (None, Some(told)) => told.clone(),
            _ => [kind, class].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ").into(),
        },
        "properties" => {
            if text(column::DATASET).value(row) != THINGS {
                properties.entry("kind").or_insert_with(|| kind.into());
                properties.entry("class").or_insert_with(|| class.into());
            }
            if properties.is_empty() { Json::Null } else { properties.into() }
        }
        _ => Json::Null,
    }
}
