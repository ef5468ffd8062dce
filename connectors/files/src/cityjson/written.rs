//! Geometry objects and templates as they are written, before any index is followed.

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::lenient::{self, Lenient};
use super::nested::Nested;
use crate::city::Lod;

/// The member `geometry`.
#[derive(Debug, Default)]
pub(super) enum Geometries {
    #[default]
    None,
    List(Vec<Written>),
    Other,
}

/// One geometry object; all is empty of what is none.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) kind: Value,
    pub(super) lod: Value,
    pub(super) boundaries: Nested,
    pub(super) semantics: Semantics,
    pub(super) template: Option<u32>,
    pub(super) matrix: Value,
}

/// The surfaces of a geometry and which face is of which.
#[derive(Debug, Default)]
pub(super) struct Semantics {
    pub(super) surfaces: Vec<Value>,
    pub(super) values: Nested,
}

impl Written {
    /// The level of detail: a number in 1.0, a text later.
    pub(super) fn lod(&self) -> Lod {
        match &self.lod {
            Value::String(text) => Lod::of(Some(text)),
            Value::Number(number) => Lod::of(Some(&number.to_string())),
            _ => Lod::of(None),
        }
    }
}

impl<'de> Lenient<'de> for Geometries {
    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut list = Vec::new();
        while let Some(geometry) = seq.next_element()? {
            list.push(geometry);
        }
        Ok(Self::List(list))
    }

    fn other(value: Value) -> Self {
        if value.is_null() { Self::None } else { Self::Other }
    }
}

impl<'de> Lenient<'de> for Written {
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut written = Self::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "type" => written.kind = map.next_value()?,
                "lod" => written.lod = map.next_value()?,
                "boundaries" => written.boundaries = map.next_value()?,
                "semantics" => written.semantics = map.next_value()?,
                "template" => written.template = map.next_value::<Value>()?.as_u64().and_then(|at| at.try_into().ok()),
                "transformationMatrix" => written.matrix = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(written)
    }

    fn other(_: Value) -> Self {
        Self::default()
    }
}

impl<'de> Lenient<'de> for Semantics {
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut semantics = Self::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "surfaces" => {
                    semantics.surfaces =
                        map.next_value::<Value>()?.as_array_mut().map(std::mem::take).unwrap_or_default();
                }
                "values" => semantics.values = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(semantics)
    }

    fn other(_: Value) -> Self {
        Self::default()
    }
}

impl<'de> Deserialize<'de> for Geometries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::read(deserializer)
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::read(deserializer)
    }
}

impl<'de> Deserialize<'de> for Semantics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::read(deserializer)
    }
}
