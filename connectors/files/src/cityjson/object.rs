//! One CityObject into one entity draft: its type to a kind, its attributes to properties, its parent to a key. What the
//! type or an attribute does not say is left out, never made up.

use kernel_model::{EntityDraft, Kind};
use serde_json::{Map, Value};

use super::geometry::Builder;
use crate::intake::{Intake, Refusal};

/// Attributes that CityJSON names itself and the kernel's well-known property for each.
const WELL_KNOWN: [(&str, &str); 3] =
    [("measuredHeight", "height_m"), ("storeysAboveGround", "storeys"), ("roofType", "roof")];
/// Where files put a name people use, best first.
const NAMES: [&str; 3] = ["name", "gml:name", "Name"];
/// Where files put a finer word than the type, best first.
const CLASSES: [&str; 2] = ["class", "function"];

/// The kind of a CityObject type (CityJSON 2.0 clause 3, the older names, extensions).
fn kind(object_type: &str) -> Kind {
    match object_type {
        "Building" => Kind::Building,
        "BuildingFurniture" | "CityFurniture" => Kind::Furniture,
        "Road" | "Railway" | "TransportSquare" => Kind::Road,
        "WaterBody" | "Waterway" => Kind::Water,
        "PlantCover" | "SolitaryVegetationObject" => Kind::Vegetation,
        "LandUse" => Kind::Landuse,
        "TINRelief" => Kind::Terrain,
        other if other.starts_with("Building") => Kind::BuildingPart,
        other if other.starts_with("Bridge") || other.starts_with("Tunnel") => Kind::Bridge,
        _ => Kind::Other,
    }
}

/// The object's first parent, where it has one.
pub(super) fn parent(object: &Value) -> Option<&str> {
    object["parents"].as_array()?.first()?.as_str()
}

/// The start of a refused object.
pub(super) fn sample(object: &Value) -> String {
    object.to_string().chars().take(200).collect()
}

/// Builds the draft; its lineage and height reference are stamped by the caller.
pub(super) fn draft(
    intake: &Intake<'_>,
    builder: &Builder<'_>,
    id: &str,
    object: &Value,
    known: impl Fn(&str) -> bool,
) -> Result<EntityDraft, Refusal> {
    let fields = object.as_object().ok_or("the object is not a JSON object")?;
    let object_type = object["type"].as_str().ok_or("the object has no `type`")?;
    let mut properties = match &object["attributes"] {
        Value::Object(attributes) => attributes.clone(),
        Value::Null => Map::new(),
        _ => return Err("`attributes` is not a JSON object".to_owned()),
    };
    let built = builder.build(&object["geometry"])?;
    let stated = CLASSES.iter().find_map(|key| properties.get(*key)?.as_str()).filter(|text| !text.is_empty());
    let class = stated.unwrap_or(object_type).to_owned();
    let name = NAMES.iter().find_map(|key| properties.get(*key)?.as_str()).filter(|n| !n.is_empty()).map(str::to_owned);
    for (theirs, ours) in WELL_KNOWN {
        if let Some(value) = properties.get(theirs).filter(|v| !v.is_null()).cloned() {
            properties.entry(ours).or_insert(value);
        }
    }
    properties.insert("cityjson_type".to_owned(), object_type.into());
    if let Some(lod) = built.lod {
        properties.insert("lod".to_owned(), lod.into());
    }
    if built.dropped_faces > 0 {
        properties.insert("degenerate_faces_dropped".to_owned(), built.dropped_faces.into());
    }
    if let Some(address) = fields.get("address").filter(|a| !a.is_null()) {
        properties.insert("address".to_owned(), address.clone());
    }
    let mut draft = EntityDraft::new(intake.key(id), kind(object_type), class);
    match parent(object) {
        Some(parent) if known(parent) => draft.parent = Some(intake.key(parent)),
        Some(parent) => {
            properties.insert("parent_missing".to_owned(), parent.into());
        }
        None => {}
    }
    draft.name = name;
    draft.geometry = built.geometry;
    draft.properties = properties;
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_standard_has_a_kind() {
        for (object_type, expected) in [
            ("Building", Kind::Building),
            ("BuildingPart", Kind::BuildingPart),
            ("BuildingStorey", Kind::BuildingPart),
            ("BuildingFurniture", Kind::Furniture),
            ("BridgeInstallation", Kind::Bridge),
            ("TunnelHollowSpace", Kind::Bridge),
            ("TransportSquare", Kind::Road),
            ("Waterway", Kind::Water),
            ("TINRelief", Kind::Terrain),
            ("OtherConstruction", Kind::Other),
            ("+NoiseBarrier", Kind::Other),
        ] {
            assert_eq!(kind(object_type), expected, "{object_type}");
        }
    }
}
