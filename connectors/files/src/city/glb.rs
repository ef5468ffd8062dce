//! A textured object as one binary glTF 2.0 file (Khronos, ISO/IEC 12113): its faces cut into triangles, its images inside.
//! Positions are metres east, up and south of the object's anchor, which stands in the node's `extras` with its longitude,
//! latitude and height. The same object gives the same bytes.

use earcut::Earcut;
use kernel_model::{Coord, Polygon};
use serde_json::{Value, json};

/// Vertices of one mesh; a larger one is not made.
const MAX_VERTICES: usize = 4 << 20;

/// How an image goes on beyond its edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrap {
    Clamp,
    Repeat,
    Mirror,
}

/// An image as the file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) uri: String,
    pub(crate) wrap: Wrap,
}

/// An image with its bytes.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) bytes: Vec<u8>,
    /// `image/jpeg` or `image/png`.
    pub(crate) media_type: &'static str,
    pub(crate) wrap: Wrap,
}

/// A face with an image on it.
#[derive(Debug, Clone)]
pub(crate) struct PaintedFace {
    pub(crate) rings: Polygon,
    /// A pair for each vertex of each ring, the origin at the image's lower left.
    pub(crate) uv: Vec<Vec<[f32; 2]>>,
    /// The image's number.
    pub(crate) image: usize,
}

/// The triangles that share a material.
#[derive(Debug, Default)]
struct Mesh {
    positions: Vec<[f32; 3]>,
    uv: Vec<[f32; 2]>,
}

/// Metres from the anchor on the WGS 84 ellipsoid: east, up, south.
struct Local {
    anchor: Coord,
    east_m_per_deg: f64,
    north_m_per_deg: f64,
}

impl Local {
    fn new(anchor: Coord) -> Self {
        let (a, e2) = (6_378_137.0_f64, 6.694_379_990_141_3e-3_f64);
        let (sin, cos) = anchor.lat_deg.to_radians().sin_cos();
        let w = (1.0 - e2 * sin * sin).sqrt();
        let degree = std::f64::consts::PI / 180.0;
        Self { anchor, east_m_per_deg: a / w * cos * degree, north_m_per_deg: a * (1.0 - e2) / (w * w * w) * degree }
    }

    fn of(&self, c: &Coord) -> [f64; 3] {
        let east = (c.lon_deg - self.anchor.lon_deg) * self.east_m_per_deg;
        let north = (c.lat_deg - self.anchor.lat_deg) * self.north_m_per_deg;
        [east, c.height_m - self.anchor.height_m, -north]
    }
}

/// The file; `None` where the mesh would be too large. `painted` has the faces with an image, `plain` those without;
/// `pictures` their images by number, missing where there is none.
pub(crate) fn write(
    anchor: Coord,
    painted: &[PaintedFace],
    plain: &[&Polygon],
    pictures: &[Option<Picture>],
    extras: &Value,
) -> Option<Vec<u8>> {
    let local = Local::new(anchor);
    let mut meshes: Vec<Mesh> = pictures.iter().map(|_| Mesh::default()).collect();
    let mut bare = Mesh::default();
    for face in painted {
        match (meshes.get_mut(face.image), pictures.get(face.image)) {
            (Some(mesh), Some(Some(_))) => mesh.add(&local, &face.rings, Some(&face.uv)),
            _ => bare.add(&local, &face.rings, None),
        }
    }
    for face in plain {
        bare.add(&local, face, None);
    }
    let vertices = bare.positions.len() + meshes.iter().map(|m| m.positions.len()).sum::<usize>();
    if vertices > MAX_VERTICES {
        return None;
    }
    let mut file = File::default();
    for (mesh, picture) in meshes.iter().zip(pictures) {
        if let Some(picture) = picture.as_ref().filter(|_| !mesh.positions.is_empty()) {
            file.textured(mesh, picture);
        }
    }
    if !bare.positions.is_empty() {
        file.bare(&bare);
    }
    Some(file.finish(extras))
}

impl Mesh {
    /// Cuts a face into triangles in the plane that it lies in most nearly.
    fn add(&mut self, local: &Local, rings: &Polygon, uv: Option<&Vec<Vec<[f32; 2]>>>) {
        let mut corners: Vec<[f64; 3]> = Vec::new();
        let mut pairs: Vec<[f32; 2]> = Vec::new();
        let mut holes: Vec<u32> = Vec::new();
        for (at, ring) in rings.iter().enumerate() {
            if at > 0 {
                holes.push(corners.len() as u32);
            }
            // The closing vertex is the first.
            for (of, coord) in ring.iter().take(ring.len().saturating_sub(1)).enumerate() {
                corners.push(local.of(coord));
                pairs.extend(uv.map(|uv| uv.get(at).and_then(|ring| ring.get(of)).copied().unwrap_or_default()));
            }
        }
        let outer = holes.first().map_or(corners.len(), |h| *h as usize);
        let normal = normal(&corners[..outer]);
        let flat = corners.iter().map(|corner| in_plane(*corner, normal));
        let mut triangles: Vec<u32> = Vec::new();
        Earcut::new().earcut(flat, &holes, &mut triangles);
        for triangle in triangles.chunks_exact(3) {
            let mut turn = [triangle[0], triangle[1], triangle[2]];
            if facing(turn.map(|at| corners[at as usize]), normal) < 0.0 {
                turn.swap(1, 2);
            }
            for at in turn {
                self.positions.push(corners[at as usize].map(|v| v as f32));
                // glTF has the image's origin at the upper left.
                self.uv.extend(pairs.get(at as usize).map(|[u, v]| [*u, 1.0 - v]));
            }
        }
    }
}

/// Newell's normal of a ring, not of unit length.
fn normal(ring: &[[f64; 3]]) -> [f64; 3] {
    let mut n = [0.0; 3];
    for (at, a) in ring.iter().enumerate() {
        let b = &ring[(at + 1) % ring.len()];
        n[0] += (a[1] - b[1]) * (a[2] + b[2]);
        n[1] += (a[2] - b[2]) * (a[0] + b[0]);
        n[2] += (a[0] - b[0]) * (a[1] + b[1]);
    }
    n
}

/// Leaves out the axis along which the normal is longest.
fn in_plane([x, y, z]: [f64; 3], normal: [f64; 3]) -> [f64; 2] {
    let [a, b, c] = normal.map(f64::abs);
    if a >= b && a >= c {
        [y, z]
    } else if b >= c {
        [z, x]
    } else {
        [x, y]
    }
}

/// Positive where a triangle looks the way of the normal.
fn facing([a, b, c]: [[f64; 3]; 3], normal: [f64; 3]) -> f64 {
    let (p, q): ([f64; 3], [f64; 3]) = (std::array::from_fn(|i| b[i] - a[i]), std::array::from_fn(|i| c[i] - a[i]));
    let cross = [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
    cross.iter().zip(normal).map(|(x, y)| x * y).sum()
}

/// The parts of the JSON and the binary chunk.
#[derive(Debug, Default)]
struct File {
    binary: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
    primitives: Vec<Value>,
    materials: Vec<Value>,
    textures: Vec<Value>,
    images: Vec<Value>,
    samplers: Vec<Value>,
}

impl File {
    fn textured(&mut self, mesh: &Mesh, picture: &Picture) {
        let view = self.view(&picture.bytes);
        let wrap = match picture.wrap {
            Wrap::Clamp => 33_071,
            Wrap::Repeat => 10_497,
            Wrap::Mirror => 33_648,
        };
        self.images.push(json!({ "bufferView": view, "mimeType": picture.media_type }));
        self.samplers.push(json!({ "wrapS": wrap, "wrapT": wrap }));
        let number = self.images.len() - 1;
        self.textures.push(json!({ "source": number, "sampler": number }));
        let (positions, uv) = (self.positions(mesh), self.floats(&mesh.uv));
        self.primitives.push(
            json!({ "attributes": { "POSITION": positions, "TEXCOORD_0": uv }, "material": self.materials.len() }),
        );
        let look = json!({ "baseColorTexture": { "index": number }, "metallicFactor": 0.0, "roughnessFactor": 1.0 });
        self.materials.push(json!({ "pbrMetallicRoughness": look }));
    }

    fn bare(&mut self, mesh: &Mesh) {
        let positions = self.positions(mesh);
        self.primitives.push(json!({ "attributes": { "POSITION": positions }, "material": self.materials.len() }));
        self.materials.push(json!({ "pbrMetallicRoughness": { "metallicFactor": 0.0, "roughnessFactor": 1.0 } }));
    }

    fn positions(&mut self, mesh: &Mesh) -> usize {
        let mut least = [f32::INFINITY; 3];
        let mut most = [f32::NEG_INFINITY; 3];
        for position in &mesh.positions {
            for (axis, value) in position.iter().enumerate() {
                least[axis] = least[axis].min(*value);
                most[axis] = most[axis].max(*value);
            }
        }
        let number = self.floats(&mesh.positions);
        self.accessors[number]["min"] = json!(least);
        self.accessors[number]["max"] = json!(most);
        number
    }

    fn floats<const N: usize>(&mut self, values: &[[f32; N]]) -> usize {
        let bytes: Vec<u8> = values.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
        let view = self.view(&bytes);
        let sort = if N == 2 { "VEC2" } else { "VEC3" };
        self.accessors.push(json!({ "bufferView": view, "componentType": 5126, "count": values.len(), "type": sort }));
        self.accessors.len() - 1
    }

    fn view(&mut self, bytes: &[u8]) -> usize {
        let from = self.binary.len();
        self.binary.extend_from_slice(bytes);
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        self.views.push(json!({ "buffer": 0, "byteOffset": from, "byteLength": bytes.len() }));
        self.views.len() - 1
    }

    fn finish(self, extras: &Value) -> Vec<u8> {
        let mut document = json!({
            "asset": { "version": "2.0", "generator": "Urbis" },
            "scene": 0, "scenes": [{ "nodes": [0] }], "nodes": [{ "mesh": 0, "extras": extras }],
            "meshes": [{ "primitives": self.primitives }], "materials": self.materials,
            "accessors": self.accessors, "bufferViews": self.views, "buffers": [{ "byteLength": self.binary.len() }],
        });
        if !self.images.is_empty() {
            document["images"] = self.images.into();
            document["textures"] = self.textures.into();
            document["samplers"] = self.samplers.into();
        }
        let mut text = document.to_string().into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let mut file = Vec::with_capacity(28 + text.len() + self.binary.len());
        let total = 28 + text.len() + self.binary.len();
        for word in [0x4654_6c67, 2, total as u32, text.len() as u32, 0x4e4f_534a] {
            file.extend_from_slice(&u32::to_le_bytes(word));
        }
        file.extend_from_slice(&text);
        for word in [self.binary.len() as u32, 0x004e_4942] {
            file.extend_from_slice(&u32::to_le_bytes(word));
        }
        file.extend_from_slice(&self.binary);
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_with_a_hole_becomes_eight_triangles_that_look_its_way() {
        let ring = |from: f64, to: f64| {
            [(from, from), (to, from), (to, to), (from, to), (from, from)]
                .map(|(x, y)| Coord::new(x * 1e-5, y * 1e-5, 2.0))
                .to_vec()
        };
        let mut hole = ring(1.0, 2.0);
        hole.reverse();
        let mut mesh = Mesh::default();
        let local = Local::new(Coord::new(0.0, 0.0, 0.0));
        mesh.add(&local, &vec![ring(0.0, 3.0), hole], None);
        assert_eq!(mesh.positions.len(), 24);
        let area: f64 = mesh
            .positions
            .chunks_exact(3)
            .map(|t| facing([t[0], t[1], t[2]].map(|p| p.map(f64::from)), [0.0, 1.0, 0.0]) / 2.0)
            .sum();
        // Counter-clockwise from above: every triangle looks up. A degree is 111,319.5 m east and 110,574.3 m north.
        assert!((area - 8.0 * 1.113_195 * 1.105_743).abs() < 1e-4, "{area}");
    }
}
