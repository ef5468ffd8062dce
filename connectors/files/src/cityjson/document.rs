//! The outer shape of a CityJSON document or feature, as lenient as it can be: a vertex that is not three numbers is a
//! hole that only the objects using it fall into; an object is kept as JSON and judged on its own.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::lenient::{self, Lenient};
use super::object::Object;
use super::written::Written;

/// A document, or a line of a sequence.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) transform: Option<Transform>,
    #[serde(default)]
    metadata: Value,
    /// CityJSON 1.0 beta files have it at the top.
    #[serde(default)]
    crs: Value,
    #[serde(rename = "CityObjects", default, deserialize_with = "objects")]
    pub(super) city_objects: Vec<(String, Object)>,
    #[serde(default, deserialize_with = "vertices")]
    pub(super) vertices: Vec<Option<[f64; 3]>>,
    #[serde(rename = "geometry-templates", default)]
    pub(super) templates: Templates,
    #[serde(default)]
    pub(super) appearance: Appearance,
}

/// How many materials and textures there are: they are left out.
#[derive(Debug, Default)]
pub(super) struct Appearance {
    pub(super) materials: u64,
    pub(super) textures: u64,
}

impl<'de> Lenient<'de> for Appearance {
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut appearance = Self::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "materials" => appearance.materials = map.next_value::<Length>()?.0,
                "textures" => appearance.textures = map.next_value::<Length>()?.0,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(appearance)
    }

    fn other(_: Value) -> Self {
        Self::default()
    }
}

impl<'de> Deserialize<'de> for Appearance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::read(deserializer)
    }
}

/// How many members an array has.
struct Length(u64);

impl<'de> Lenient<'de> for Length {
    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut count = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Self(count))
    }

    fn other(_: Value) -> Self {
        Self(0)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::read(deserializer)
    }
}

/// Integer vertices to coordinates: `v * scale + translate`.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Transform {
    pub(super) scale: [f64; 3],
    pub(super) translate: [f64; 3],
}

impl Transform {
    /// A scale of 0.001 is no binary number, a thousand is: dividing by it gives the very number that the decimal text of
    /// the same coordinate is read as, so that CityGML of the same model has the same vertices.
    pub(super) fn apply(&self, vertex: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|i| {
            let inverse = (1.0 / self.scale[i]).round();
            let exact = inverse.abs() >= 1.0 && (1.0 / inverse).to_bits() == self.scale[i].to_bits();
            let scaled = if exact { vertex[i] / inverse } else { vertex[i] * self.scale[i] };
            scaled + self.translate[i]
        })
    }
}

impl Default for Transform {
    fn default() -> Self {
        Self { scale: [1.0; 3], translate: [0.0; 3] }
    }
}

/// Shapes used many times, in coordinates of their own.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Templates {
    #[serde(default)]
    pub(super) templates: Vec<Written>,
    #[serde(rename = "vertices-templates", default, deserialize_with = "vertices")]
    pub(super) vertices: Vec<Option<[f64; 3]>>,
}

/// The reference system's name in any of the places versions have put it: `metadata.referenceSystem`, its older
/// `metadata.crs.epsg`, or `crs.epsg` at the top.
pub(super) fn reference_system(document: &Document) -> Option<String> {
    let metadata = &document.metadata;
    for name in [&metadata["referenceSystem"], &metadata["crs"], &document.crs] {
        match name {
            Value::String(text) if !text.trim().is_empty() => return Some(text.clone()),
            Value::Number(code) => return Some(code.to_string()),
            Value::Object(object) => match object.get("epsg").or_else(|| object.get("name")) {
                Some(Value::Number(code)) => return Some(format!("EPSG:{code}")),
                Some(Value::String(text)) => return Some(text.clone()),
                _ => {}
            },
            _ => {}
        }
    }
    None
}

fn vertices<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<[f64; 3]>>, D::Error> {
    let vertices = Vec::<Vertex>::deserialize(deserializer)?;
    Ok(vertices.into_iter().map(|v| v.0).collect())
}

struct Vertex(Option<[f64; 3]>);

impl<'de> Lenient<'de> for Vertex {
    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut vertex = [0.0; 3];
        let mut count = 0;
        let mut sound = true;
        while let Some(value) = seq.next_element::<Value>()? {
            match (vertex.get_mut(count), value.as_f64().filter(|n| n.is_finite())) {
                (Some(place), Some(number)) => *place = number,
                _ => sound = false,
            }
            count += 1;
        }
        Ok(Self((sound && count == 3).then_some(vertex)))
    }

    fn other(_: Value) -> Self {
        Self(None)
    }
}

impl<'de> Deserialize<'de> for Vertex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::read(deserializer)
    }
}

/// The objects in the file's order.
fn objects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Object)>, D::Error> {
    deserializer.deserialize_map(ObjectsVisitor)
}

struct ObjectsVisitor;

impl<'de> Visitor<'de> for ObjectsVisitor {
    type Value = Vec<(String, Object)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of city objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut objects = Vec::new();
        while let Some(entry) = map.next_entry()? {
            objects.push(entry);
        }
        Ok(objects)
    }
}
