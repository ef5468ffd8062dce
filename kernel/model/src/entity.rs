//! A thing in the city as a source describes it, before the store gives it an id and a sequence number.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::geometry::{Coord, Geometry};
use crate::id::SourceKey;
use crate::kind::Kind;
use crate::place::HeightReference;
use crate::time::TimeUs;

/// One description of one thing. The store compares it with what it holds: an equal one changes nothing, another one
/// becomes a new revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityDraft {
    /// What the source calls it.
    pub source: SourceKey,
    /// The sort of thing.
    pub kind: Kind,
    /// A finer word from the source (`residential`, `primary`, `air`), or empty.
    pub class: String,
    /// A name people use.
    pub name: Option<String>,
    /// The thing it is part of, in the same or an earlier change.
    pub parent: Option<SourceKey>,
    /// Where and what shape it is.
    pub geometry: Option<Geometry>,
    /// What the geometry's heights are measured from.
    pub height_reference: HeightReference,
    /// Everything else the source says, as a JSON object. Well-known keys: `height_m` (above ground, for footprints),
    /// `storeys`, `roof`.
    pub properties: serde_json::Map<String, serde_json::Value>,
    /// Since when it is so in the world. It holds until what begins next, also where that was told earlier. `None`: not
    /// stated; it then takes the place of everything that was told of the thing.
    pub valid_from: Option<TimeUs>,
    /// Until when it is so in the world; `None`: still, or until what begins next.
    pub valid_to: Option<TimeUs>,
    /// How the geometry came into the kernel's frame, such as `EPSG:7415 -> OGC:CRS84 (proj4rs 0.3.0)`.
    pub lineage: Arc<str>,
}

impl EntityDraft {
    /// A draft with nothing but its source, kind and class.
    pub fn new(source: SourceKey, kind: Kind, class: impl Into<String>) -> Self {
        Self {
            source,
            kind,
            class: class.into(),
            name: None,
            parent: None,
            geometry: None,
            height_reference: HeightReference::None,
            properties: serde_json::Map::new(),
            valid_from: None,
            valid_to: None,
            lineage: Arc::from(""),
        }
    }

    /// Bytes of memory that it holds, about.
    pub fn memory_bytes(&self) -> usize {
        let coordinates = self.geometry.as_ref().map_or(0, Geometry::coord_count) * size_of::<Coord>();
        let properties: usize = self.properties.iter().map(|(name, value)| name.len() + 64 + value_bytes(value)).sum();
        size_of::<Self>() + self.source.id.len() + coordinates + properties
    }

    /// The properties as JSON, members in the order of their names: the same properties are the same text, in whatever order a
    /// file has them.
    pub fn properties_text(&self) -> String {
        if self.properties.iter().all(|(_, value)| is_sorted(value)) && self.properties.keys().is_sorted() {
            return serde_json::to_string(&self.properties).unwrap_or_default();
        }
        let mut sorted = serde_json::Value::Object(self.properties.clone());
        sorted.sort_all_objects();
        sorted.to_string()
    }

    /// A hash of everything the draft says: equal hash, equal description.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(self.kind.name().as_bytes());
        part(self.class.as_bytes());
        part(self.name.as_deref().unwrap_or("\u{0}").as_bytes());
        part(self.parent.as_ref().map(ToString::to_string).unwrap_or_default().as_bytes());
        part(&self.geometry.as_ref().map(Geometry::to_wkb).unwrap_or_default());
        part(self.height_reference.to_string().as_bytes());
        part(self.properties_text().as_bytes());
        part(format!("{:?}/{:?}", self.valid_from, self.valid_to).as_bytes());
        part(self.lineage.as_bytes());
        hash.finalize().into()
    }
}

/// Bytes that a value holds beside itself, about.
fn value_bytes(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(values) => values.iter().map(|value| 32 + value_bytes(value)).sum(),
        serde_json::Value::Object(fields) => {
            fields.iter().map(|(name, value)| name.len() + 64 + value_bytes(value)).sum()
        }
        _ => 0,
    }
}

fn is_sorted(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Object(members) => members.keys().is_sorted() && members.values().all(is_sorted),
        serde_json::Value::Array(items) => items.iter().all(is_sorted),
        _ => true,
    }
}
