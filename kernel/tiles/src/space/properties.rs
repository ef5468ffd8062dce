//! What a tile says of its things: a property table (EXT_structural_metadata) with a row for each, in the order of their
//! numbers in the tile.

use kernel_model::EntityId;
use serde_json::{Value, json};

use super::gltf::Gltf;

/// What there is instead of a height that is not known.
const NO_HEIGHT: f32 = -1.0;

/// The columns of the table.
#[derive(Debug, Default)]
pub(super) struct Properties {
    ids: Texts,
    classes: Texts,
    names: Texts,
    references: Texts,
    heights_m: Vec<u8>,
    count: usize,
}

/// Texts one after the other, and where each begins and ends.
#[derive(Debug)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u8>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: vec![0; 4] }
    }
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.extend(text.as_bytes());
        self.ends.extend((self.bytes.len() as u32).to_le_bytes());
    }

    /// `None` where all are empty: a buffer view has at least one byte. The column is then left out, which says the same.
    fn write(self, gltf: &mut Gltf) -> Option<Value> {
        let values = (!self.bytes.is_empty()).then(|| gltf.view(&self.bytes, None))?;
        Some(json!({ "values": values, "stringOffsets": gltf.view(&self.ends, None), "stringOffsetType": "UINT32" }))
    }
}

impl Properties {
    pub(super) fn push(
        &mut self,
        id: Option<EntityId>,
        class: &str,
        name: &str,
        height_m: Option<f32>,
        reference: &str,
    ) {
        self.ids.push(&id.map(|id| id.to_string()).unwrap_or_default());
        self.classes.push(class);
        self.names.push(name);
        self.references.push(reference);
        self.heights_m.extend(height_m.unwrap_or(NO_HEIGHT).to_le_bytes());
        self.count += 1;
    }

    /// The extension at the top of the glTF.
    pub(super) fn write(self, gltf: &mut Gltf) -> Value {
        let mut properties = json!({ "height_m": { "values": gltf.view(&self.heights_m, None) } });
        let texts =
            [("id", self.ids), ("class", self.classes), ("name", self.names), ("height_reference", self.references)];
        for (name, texts) in texts {
            if let Some(column) = texts.write(gltf) {
                properties[name] = column;
            }
        }
        let table = json!({ "class": "entity", "count": self.count, "properties": properties });
        json!({ "schema": schema(), "propertyTables": [table] })
    }
}

fn schema() -> Value {
    let text = |description: &str| json!({ "type": "STRING", "noData": "", "description": description });
    json!({
        "id": "urbis",
        "classes": { "entity": { "properties": {
            "id": json!({ "type": "STRING", "required": true, "description": "The thing's id, a UUID" }),
            "class": text("A finer word than its kind"),
            "name": text("Its name"),
            "height_m": json!({
                "type": "SCALAR", "componentType": "FLOAT32", "noData": NO_HEIGHT,
                "description": "How high it stands, metres",
            }),
            "height_reference": text("What its heights are measured from"),
        } } },
    })
}
