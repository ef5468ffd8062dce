//! One CityObject: its JSON in, a [`CityObject`] of the common model out. What it says beside its geometry is kept as JSON.

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::geometry::Builder;
use super::lenient::{self, Lenient};
use super::written::Geometries;
use crate::city::CityObject;
use crate::intake::Refusal;

/// An object as the file has it; `Other` is none.
#[derive(Debug)]
pub(super) enum Object {
    Read(Box<Fields>),
    Other(Value),
}

#[derive(Debug, Default)]
pub(super) struct Fields {
    object_type: Value,
    attributes: Value,
    parents: Value,
    address: Value,
    /// The objects of a group: `members` in 1.0, `children` later.
    members: Value,
    geometry: Geometries,
}

impl Object {
    /// The object's first parent, where it has one.
    pub(super) fn parent(&self) -> Option<&str> {
        match self {
            Self::Read(fields) => fields.parents.as_array()?.first()?.as_str(),
            Self::Other(_) => None,
        }
    }

    /// The start of a refused object.
    pub(super) fn sample(&self) -> String {
        match self {
            Self::Read(fields) => json!({ "type": fields.object_type, "attributes": fields.attributes }).to_string(),
            Self::Other(value) => value.to_string(),
        }
    }

    /// The object in the common model.
    pub(super) fn city_object(&mut self, id: &str, builder: &Builder<'_>) -> Result<CityObject, Refusal> {
        let Self::Read(fields) = self else { return Err("the object is not a JSON object".to_owned()) };
        let object_type = fields.object_type.as_str().ok_or("the object has no `type`")?.to_owned();
        let parent = fields.parents.as_array().and_then(|p| p.first()?.as_str()).map(str::to_owned);
        let attributes = match fields.attributes.take() {
            Value::Object(attributes) => attributes,
            Value::Null => Map::new(),
            other => {
                fields.attributes = other;
                return Err("`attributes` is not a JSON object".to_owned());
            }
        };
        let built = match builder.build(&fields.geometry) {
            Ok(built) => built,
            Err(reason) => {
                fields.attributes = Value::Object(attributes);
                return Err(reason);
            }
        };
        let mut attributes = attributes;
        if object_type == "CityObjectGroup" && fields.members.is_array() {
            attributes.entry("members").or_insert(fields.members.take());
        }
        let address = builder.address(fields.address.take());
        Ok(CityObject { id: id.to_owned(), object_type, parent, attributes, address, built })
    }
}

impl<'de> Lenient<'de> for Object {
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "type" => fields.object_type = map.next_value()?,
                "attributes" => fields.attributes = map.next_value()?,
                "parents" => fields.parents = map.next_value()?,
                "address" => fields.address = map.next_value()?,
                "members" | "children" => fields.members = map.next_value()?,
                "geometry" => fields.geometry = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Self::Read(Box::new(fields)))
    }

    fn other(value: Value) -> Self {
        Self::Other(value)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::read(deserializer)
    }
}
