//! A stored mesh with images (a content object, `model/gltf-binary`, in metres east, up and south of the anchor that its
//! node's extras name) as part of a tile. Bytes come in that anybody may have sent: what does not hold together gives
//! nothing, and the thing is then drawn by its geometry.

use glam::DVec3;
use serde_json::{Value, json};

use super::earth::{centred, degree_m, y_up};
use super::gltf::Gltf;

/// Vertices of a stored mesh that is taken.
const MOST_VERTICES: usize = 1 << 20;

/// A stored mesh that was read.
#[derive(Debug)]
pub(super) struct Stored {
    document: Value,
    binary: Vec<u8>,
    anchor: [f64; 3],
}

/// The two parts of a binary glTF.
fn parts(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = file.strip_prefix(b"glTF")?.get(8..)?;
    let chunk = |bytes: &[u8]| Some((u32::from_le_bytes(*bytes.first_chunk()?) as usize, bytes.get(4..8)?.to_vec()));
    let (length, sort) = chunk(rest)?;
    let text = rest.get(8..8_usize.checked_add(length)?).filter(|_| sort == b"JSON")?;
    let rest = &rest[8 + length..];
    let (length, sort) = chunk(rest)?;
    let binary = rest.get(8..8_usize.checked_add(length)?).filter(|_| sort == b"BIN\0")?;
    Some((text, binary))
}

fn index(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

impl Stored {
    pub(super) fn read(file: &[u8]) -> Option<Self> {
        let (text, binary) = parts(file)?;
        let document: Value = serde_json::from_slice(text).ok()?;
        let extras = &document["nodes"][0]["extras"];
        let anchor =
            [extras["lon_deg"].as_f64()?, extras["lat_deg"].as_f64()?, extras["height_m"].as_f64().unwrap_or(0.0)];
        let is_place = anchor.iter().all(|v| v.is_finite()) && anchor[0].abs() <= 180.0 && anchor[1].abs() <= 90.0;
        is_place.then(|| Self { document, binary: binary.to_vec(), anchor })
    }

    fn view(&self, number: usize) -> Option<&[u8]> {
        let view = &self.document["bufferViews"][number];
        let from = view.get("byteOffset").map_or(Some(0), index)?;
        self.binary.get(from..from.checked_add(index(&view["byteLength"])?)?)
    }

    /// The rows of an accessor of floats that lie one after the other.
    fn floats<const N: usize>(&self, accessor: &Value) -> Option<Vec<[f32; N]>> {
        let accessor = &self.document["accessors"][index(accessor)?];
        let sort = ["", "SCALAR", "VEC2", "VEC3"][N];
        let is_plain =
            accessor["componentType"] == 5126 && accessor["type"] == sort && accessor.get("sparse").is_none();
        let view = index(&accessor["bufferView"]).filter(|_| is_plain)?;
        if self.document["bufferViews"][view].get("byteStride").is_some() {
            return None;
        }
        let count = index(&accessor["count"]).filter(|count| *count <= MOST_VERTICES)?;
        let from = accessor.get("byteOffset").map_or(Some(0), index)?;
        let bytes = self.view(view)?.get(from..from.checked_add(count * N * 4)?)?;
        let mut floats = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let rows: Vec<[f32; N]> =
            (0..count).map(|_| std::array::from_fn(|_| floats.next().unwrap_or(f32::NAN))).collect();
        rows.iter().flatten().all(|value| value.is_finite()).then_some(rows)
    }

    /// Adds its triangles to a tile around `middle`; `false`, and nothing is added, where they cannot be read.
    pub(super) fn add(
        &self,
        gltf: &mut Gltf,
        middle: DVec3,
        offset_m: f64,
        feature: u32,
        feature_count: usize,
    ) -> bool {
        let Some(parts) = self.primitives() else { return false };
        let place = self.placing(offset_m, middle);
        for Part { positions, uv, image } in parts {
            let positions: Vec<[f32; 3]> = positions.iter().map(|at| place(*at)).collect();
            let material = image.map_or_else(plain, |(bytes, media, wrap)| gltf_image(gltf, bytes, media, wrap));
            gltf.textured(&positions, uv.as_deref(), feature, material, feature_count);
        }
        true
    }

    /// East, up and south of the anchor to metres from the middle of the tile.
    fn placing(&self, offset_m: f64, middle: DVec3) -> impl Fn([f32; 3]) -> [f32; 3] {
        let [lon, lat, height] = self.anchor;
        let [east_m, north_m] = degree_m(lat);
        move |[east, up, south]| {
            let degrees = [lon + f64::from(east) / east_m, lat - f64::from(south) / north_m];
            let place = centred([degrees[0], degrees[1], height + f64::from(up) + offset_m]);
            y_up(place - middle).as_vec3().to_array()
        }
    }

    fn primitives(&self) -> Option<Vec<Part<'_>>> {
        let mut parts = Vec::new();
        for primitive in self.document["meshes"][0]["primitives"].as_array()? {
            // What the importers write: triangles one after the other.
            if primitive.get("indices").is_some() || primitive.get("mode").is_some_and(|mode| mode != 4) {
                return None;
            }
            let positions = self.floats::<3>(&primitive["attributes"]["POSITION"])?;
            let image = self.image(primitive);
            let uv = match image {
                Some(_) => Some(self.floats::<2>(&primitive["attributes"]["TEXCOORD_0"])?),
                None => None,
            };
            let is_whole = positions.len() % 3 == 0 && uv.as_ref().is_none_or(|uv| uv.len() == positions.len());
            if !is_whole || positions.is_empty() {
                return None;
            }
            parts.push(Part { positions, uv, image });
        }
        (!parts.is_empty()).then_some(parts)
    }

    fn image(&self, primitive: &Value) -> Option<(&[u8], &'static str, u64)> {
        let material = &self.document["materials"][index(&primitive["material"])?];
        let texture = &material["pbrMetallicRoughness"]["baseColorTexture"]["index"];
        let texture = &self.document["textures"][index(texture)?];
        let image = &self.document["images"][index(&texture["source"])?];
        let bytes = self.view(index(&image["bufferView"])?)?;
        let media = match bytes {
            [0xff, 0xd8, ..] => "image/jpeg",
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            _ => return None,
        };
        let sampler = texture.get("sampler").and_then(index).map(|number| &self.document["samplers"][number]["wrapS"]);
        let wrap = sampler.and_then(Value::as_u64).filter(|wrap| [33_071, 33_648, 10_497].contains(wrap));
        Some((bytes, media, wrap.unwrap_or(10_497)))
    }
}

/// Triangles that share an image.
struct Part<'a> {
    positions: Vec<[f32; 3]>,
    uv: Option<Vec<[f32; 2]>>,
    image: Option<(&'a [u8], &'static str, u64)>,
}

fn plain() -> Value {
    json!({ "pbrMetallicRoughness": { "baseColorFactor": [0.8, 0.78, 0.73, 1.0], "metallicFactor": 0.0, "roughnessFactor": 1.0 }, "doubleSided": true })
}

fn gltf_image(gltf: &mut Gltf, bytes: &[u8], media: &str, wrap: u64) -> Value {
    let view = gltf.view(bytes, None);
    let number = gltf.images.len();
    gltf.images.push(json!({ "bufferView": view, "mimeType": media }));
    gltf.samplers.push(json!({ "wrapS": wrap, "wrapT": wrap }));
    gltf.textures.push(json!({ "source": number, "sampler": number }));
    json!({
        "pbrMetallicRoughness": { "baseColorTexture": { "index": number }, "metallicFactor": 0.0, "roughnessFactor": 1.0 },
        "doubleSided": true,
    })
}
