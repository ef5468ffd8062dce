//! Binary glTF 2.0 (ISO/IEC 12113): arrays come in, become buffer views and accessors, and one file goes out.

use glam::DVec3;
use serde_json::{Value, json};

use super::earth::y_up;
use super::mesh::Mesh;

const ARRAY_BUFFER: u32 = 34_962;
const ELEMENT_ARRAY_BUFFER: u32 = 34_963;
const UNSIGNED_BYTE: u32 = 5_121;
const UNSIGNED_SHORT: u32 = 5_123;
const UNSIGNED_INT: u32 = 5_125;
const FLOAT: u32 = 5_126;

/// A file that grows.
#[derive(Debug, Default)]
pub(super) struct Gltf {
    binary: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
    primitives: Vec<Value>,
    materials: Vec<Value>,
    pub(super) textures: Vec<Value>,
    pub(super) images: Vec<Value>,
    pub(super) samplers: Vec<Value>,
}

impl Gltf {
    /// A buffer view, at a multiple of eight bytes, as property tables want it.
    pub(super) fn view(&mut self, bytes: &[u8], target: Option<u32>) -> usize {
        self.binary.resize(self.binary.len().next_multiple_of(8), 0);
        let mut view = json!({ "buffer": 0, "byteOffset": self.binary.len(), "byteLength": bytes.len() });
        if let Some(target) = target {
            view["target"] = target.into();
        }
        self.binary.extend_from_slice(bytes);
        self.views.push(view);
        self.views.len() - 1
    }

    fn accessor(&mut self, view: usize, component: u32, count: usize, sort: &str) -> usize {
        self.accessors.push(json!({ "bufferView": view, "componentType": component, "count": count, "type": sort }));
        self.accessors.len() - 1
    }

    /// An attribute of `N` floats a vertex.
    pub(super) fn floats<const N: usize>(&mut self, values: &[[f32; N]]) -> usize {
        let bytes: Vec<u8> = values.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        let view = self.view(&bytes, Some(ARRAY_BUFFER));
        self.accessor(view, FLOAT, values.len(), ["", "SCALAR", "VEC2", "VEC3", "VEC4"][N])
    }

    fn positions(&mut self, positions: &[[f32; 3]]) -> usize {
        let number = self.floats(positions);
        let fold = |start: f32, pick: fn(f32, f32) -> f32| {
            positions.iter().fold([start; 3], |all, at| [0, 1, 2].map(|axis| pick(all[axis], at[axis])))
        };
        self.accessors[number]["min"] = json!(fold(f32::INFINITY, f32::min));
        self.accessors[number]["max"] = json!(fold(f32::NEG_INFINITY, f32::max));
        number
    }

    fn indices(&mut self, indices: &[u32], vertices: usize) -> usize {
        // The greatest number of a type is not an index (glTF 2.0, 3.7.2.1).
        let is_short = vertices < usize::from(u16::MAX);
        let bytes: Vec<u8> = match is_short {
            true => indices.iter().flat_map(|index| (*index as u16).to_le_bytes()).collect(),
            false => indices.iter().flat_map(|index| index.to_le_bytes()).collect(),
        };
        let view = self.view(&bytes, Some(ELEMENT_ARRAY_BUFFER));
        self.accessor(view, if is_short { UNSIGNED_SHORT } else { UNSIGNED_INT }, indices.len(), "SCALAR")
    }

    /// A mesh of faces in their colours; nothing where it has no triangle.
    pub(super) fn coloured(&mut self, mesh: &Mesh, feature_count: usize) {
        if mesh.indices.is_empty() {
            return;
        }
        let colours = self.view(mesh.colours.as_flattened(), Some(ARRAY_BUFFER));
        let colours = self.accessor(colours, UNSIGNED_BYTE, mesh.colours.len(), "VEC4");
        self.accessors[colours]["normalized"] = true.into();
        let normals = self.floats(&mesh.normals);
        let features: Vec<[f32; 1]> = mesh.features.iter().map(|number| [*number]).collect();
        let attributes = json!({
            "POSITION": self.positions(&mesh.positions), "NORMAL": normals, "COLOR_0": colours,
            "_FEATURE_ID_0": self.floats(&features),
        });
        let indices = self.indices(&mesh.indices, mesh.positions.len());
        let look = json!({ "metallicFactor": 0.0, "roughnessFactor": 1.0 });
        self.primitive(
            attributes,
            Some(indices),
            json!({ "pbrMetallicRoughness": look, "doubleSided": true }),
            feature_count,
        );
    }

    /// Triangles with an image on them, all of one thing.
    pub(super) fn textured(
        &mut self,
        positions: &[[f32; 3]],
        uv: Option<&[[f32; 2]]>,
        feature: u32,
        material: Value,
        feature_count: usize,
    ) {
        let normals: Vec<[f32; 3]> = positions.chunks_exact(3).flat_map(flat_normals).collect();
        let features = vec![[feature as f32]; positions.len()];
        let mut attributes = json!({
            "POSITION": self.positions(positions), "NORMAL": self.floats(&normals), "_FEATURE_ID_0": self.floats(&features),
        });
        if let Some(uv) = uv {
            attributes["TEXCOORD_0"] = self.floats(uv).into();
        }
        self.primitive(attributes, None, material, feature_count);
    }

    fn primitive(&mut self, attributes: Value, indices: Option<usize>, material: Value, feature_count: usize) {
        let ids = json!([{ "featureCount": feature_count, "attribute": 0, "propertyTable": 0 }]);
        let mut primitive = json!({
            "attributes": attributes,
            "material": self.materials.len(),
            "extensions": { "EXT_mesh_features": { "featureIds": ids } },
        });
        if let Some(indices) = indices {
            primitive["indices"] = indices.into();
        }
        self.primitives.push(primitive);
        self.materials.push(material);
    }

    /// The file: one node around `middle`, metres from the earth's centre. `None` where there is no triangle.
    pub(super) fn finish(mut self, middle: DVec3, metadata: Value) -> Option<Vec<u8>> {
        if self.primitives.is_empty() {
            return None;
        }
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        let mut document = json!({
            "asset": { "version": "2.0", "generator": "Urbis" },
            "extensionsUsed": ["EXT_mesh_features", "EXT_structural_metadata"],
            "extensions": { "EXT_structural_metadata": metadata },
            "scene": 0, "scenes": [{ "nodes": [0] }],
            "nodes": [{ "mesh": 0, "translation": y_up(middle).to_array() }],
            "meshes": [{ "primitives": self.primitives }], "materials": self.materials,
            "accessors": self.accessors, "bufferViews": self.views, "buffers": [{ "byteLength": self.binary.len() }],
        });
        for (name, list) in [("images", self.images), ("textures", self.textures), ("samplers", self.samplers)] {
            if !list.is_empty() {
                document[name] = list.into();
            }
        }
        let mut text = document.to_string().into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let total = 28 + text.len() + self.binary.len();
        let mut file = Vec::with_capacity(total);
        file.extend(b"glTF");
        for word in [2, total as u32, text.len() as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend(b"JSON");
        file.extend(text);
        file.extend((self.binary.len() as u32).to_le_bytes());
        file.extend(b"BIN\0");
        file.extend(self.binary);
        Some(file)
    }
}

fn flat_normals(corners: &[[f32; 3]]) -> [[f32; 3]; 3] {
    let [a, b, c] = [0, 1, 2].map(|i| glam::Vec3::from(corners[i]));
    [(b - a).cross(c - a).normalize_or(glam::Vec3::Y).to_array(); 3]
}
