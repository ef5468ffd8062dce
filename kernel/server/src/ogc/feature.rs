//! One row of `entities` -> one GeoJSON feature. Our own properties come first; what the source said follows under its
//! own names, and a source's name that is one of ours is written `source:<name>`.

use arrow::array::Array;
use kernel_model::{EntityId, Geometry};
use serde_json::{Map, Value, json};

use super::geojson;
use super::rows::{Columns, instant};

/// Appends the feature without its closing brace, so that members can follow.
pub(super) fn write_open(out: &mut String, columns: &Columns<'_>, row: usize, id: &EntityId) {
    out.push_str(r#"{"type":"Feature","id":""#);
    out.push_str(&id.to_string());
    out.push_str(r#"","geometry":"#);
    match geometry(columns, row) {
        Some(geometry) => geojson::write(out, &geometry),
        None => out.push_str("null"),
    }
    out.push_str(r#","properties":"#);
    out.push_str(&properties(columns, row).to_string());
}

/// The stored geometry; `None` where there is none, or (which the store does not let happen) none that can be read.
pub(super) fn geometry(columns: &Columns<'_>, row: usize) -> Option<Geometry> {
    columns.geometry.is_valid(row).then(|| Geometry::from_wkb(columns.geometry.value(row)).ok()).flatten()
}

fn properties(columns: &Columns<'_>, row: usize) -> Value {
    let time = |column| instant(column, row).map(|time| time.to_string());
    let parent = columns.parent.is_valid(row).then(|| EntityId::from_slice(columns.parent.value(row))).flatten();
    let mut own = Map::new();
    let mut put = |name: &str, value: Value| drop(own.insert(name.to_owned(), value));
    put("kind", json!(columns.kind.value(row)));
    put("class", json!(columns.class.value(row)));
    put("name", json!(columns.name.is_valid(row).then(|| columns.name.value(row))));
    put("parent", json!(parent));
    put("dataset", json!(columns.dataset.value(row)));
    put("source_id", json!(columns.source_id.value(row)));
    put("height_reference", json!(columns.height_reference.value(row)));
    put("valid_from", json!(time(columns.valid_from)));
    put("valid_to", json!(time(columns.valid_to)));
    put("recorded_at", json!(time(columns.recorded_at)));
    put("sequence", json!(columns.sequence.value(row)));
    put("lineage", json!(columns.lineage.value(row)));
    let said: Map<String, Value> = serde_json::from_str(columns.properties.value(row)).unwrap_or_default();
    for (name, value) in said {
        let name = if own.contains_key(&name) { format!("source:{name}") } else { name };
        own.insert(name, value);
    }
    Value::Object(own)
}
