//! A city object as CityJSON and CityGML both have it: what either reader found in, one entity draft out. Both fill a
//! [`CityObject`] in CityJSON's words (OGC 20-072), so that the same building from both formats becomes the same entity.
//! What the file does not say is left out, never made up.

mod glb;
mod kinds;
mod shape;

use kernel_model::EntityDraft;
use serde_json::{Map, Value, json};

use crate::intake::Intake;

pub(crate) use glb::{Image, PaintedFace, Picture, Wrap, write as write_glb};
pub(crate) use shape::{Built, Lod, Shapes, closed, closed_with};

use kinds::kind;

/// Attributes that the standards name and the kernel's well-known property for each.
const WELL_KNOWN: [(&str, &str); 3] =
    [("measuredHeight", "height_m"), ("storeysAboveGround", "storeys"), ("roofType", "roof")];
/// Where files put a name people use, best first.
const NAMES: [&str; 3] = ["name", "gml:name", "Name"];
/// Where files put a finer word than the type, best first.
const CLASSES: [&str; 2] = ["class", "function"];

/// One object of a city model.
#[derive(Debug, Default)]
pub(crate) struct CityObject {
    /// Its id in the file.
    pub(crate) id: String,
    /// Its type, as CityJSON 2.0 writes it: `Building`, `+GenericCityObject`.
    pub(crate) object_type: String,
    /// The id of the object it is part of.
    pub(crate) parent: Option<String>,
    /// What the file says of it, under the standards' names.
    pub(crate) attributes: Map<String, Value>,
    /// Addresses as CityJSON 2.0 writes them; null where there are none.
    pub(crate) address: Value,
    /// The shape of its highest level of detail.
    pub(crate) built: Built,
}

impl CityObject {
    /// The draft; lineage and height reference are stamped by the caller. A parent that is not there (`parent_known` is
    /// false) is named in the property `parent_missing`.
    pub(crate) fn draft(self, intake: &Intake<'_>, parent_known: bool) -> EntityDraft {
        let mut properties = self.attributes;
        let text = |keys: &[&str]| {
            let found = keys.iter().find_map(|key| word(properties.get(*key)?));
            found.map(str::to_owned)
        };
        let (class, name) = (text(&CLASSES), text(&NAMES));
        for (theirs, ours) in WELL_KNOWN {
            // A measure with a unit of its own is no `height_m`.
            if let Some(value) = properties.get(theirs).filter(|v| v.is_number() || v.is_string()).cloned() {
                properties.entry(ours).or_insert(value);
            }
        }
        let Built { geometry, lod, surfaces, dropped_faces, .. } = self.built;
        let mut put = |key: &str, value: Value| properties.insert(key.to_owned(), value);
        if let Some(lod) = lod {
            put("lod", lod.into());
        }
        if !surfaces.is_empty() {
            put("surfaces", surfaces.into_iter().map(|(of, faces)| json!([of, faces])).collect());
        }
        if dropped_faces > 0 {
            put("degenerate_faces_dropped", dropped_faces.into());
        }
        if !self.address.is_null() {
            put("address", self.address);
        }
        let kind = kind(&self.object_type);
        put("city_object_type", self.object_type.as_str().into());
        let mut draft = EntityDraft::new(intake.key(self.id), kind, class.unwrap_or(self.object_type));
        match self.parent {
            Some(parent) if parent_known => draft.parent = Some(intake.key(parent)),
            Some(parent) => {
                properties.insert("parent_missing".to_owned(), parent.into());
            }
            None => {}
        }
        draft.name = name;
        draft.geometry = geometry;
        draft.properties = properties;
        draft
    }
}

/// The first text of a value that may be a list of them.
fn word(value: &Value) -> Option<&str> {
    let value = value.as_array().map_or(Some(value), |list| list.first())?;
    value.as_str().filter(|text| !text.is_empty())
}
