//! Made assemblies, as GLB bytes in millimetres, the same for the same number and seed: stations of a base plate, a pin that
//! stands on it, two bushings around the pin, one on the other, and a cap. What clashes and what touches is known by how they are made:
//! bushings clear the pin by a known gap, and every fiftieth station's cap is pressed a known millimetre too deep.

use glam::DVec3;
use serde_json::json;

use crate::error::Error;

/// Segments of round bodies.
const ROUND: usize = 24;
/// Radius of pins, millimetres.
pub const PIN_MM: f64 = 5.0;
/// Inner radius of bushings, to the corners of their faces.
pub const BORE_MM: f64 = 5.5;
/// Parts of a station.
pub const STATION: usize = 5;
/// How far the cap of every fiftieth station is pressed into its pin, millimetres.
pub const PRESSED_MM: f64 = 1.0;
/// Every so many stations have a cap that is pressed too deep.
pub const EVERY: usize = 50;

/// Distance from station to station.
const PITCH_MM: f64 = 60.0;

struct Body {
    name: &'static str,
    points: Vec<DVec3>,
    triangles: Vec<[u32; 3]>,
    colour: [f64; 3],
}

/// An assembly of at least one part, in GLB.
///
/// # Errors
/// [`Error::Json`], which does not happen.
pub fn make_glb(parts: usize, seed: u64) -> Result<Vec<u8>, Error> {
    let bodies = [
        Body::turned("plate", &[(0.0, -10.0), (28.0, -10.0), (28.0, 0.0), (0.0, 0.0)], [0.55, 0.6, 0.65]),
        Body::turned("pin", &[(0.0, 0.0), (PIN_MM, 0.0), (PIN_MM, 40.0), (0.0, 40.0)], [0.75, 0.75, 0.78]),
        Body::ring("bushing", BORE_MM, 12.0, 20.0, [0.75, 0.6, 0.3]),
        Body::turned("cap", &[(0.0, 0.0), (14.0, 0.0), (14.0, 6.0), (0.0, 6.0)], [0.3, 0.45, 0.7]),
    ];
    let wide = (parts.div_ceil(STATION) as f64).sqrt().ceil().max(1.0) as usize;
    let mut nodes = Vec::with_capacity(parts);
    for number in 0..parts {
        let (station, role) = (number / STATION, number % STATION);
        let (column, row) = (station % wide, station / wide);
        let pressed = if station % EVERY == EVERY - 1 { PRESSED_MM } else { 0.0 };
        let (body, up) = [(0, 0.0), (1, 0.0), (2, 0.0), (2, 20.0), (3, 40.0 - pressed)][role];
        // A turn of whole facets, so that the faces of round bodies stay parallel whatever the seed says.
        let facets = mixed(seed ^ number as u64) % ROUND as u64;
        let half = facets as f64 * std::f64::consts::PI / ROUND as f64;
        nodes.push(json!({
            "name": format!("{}-{:04}", bodies[body].name, station + 1),
            "mesh": body,
            "translation": [column as f64 * PITCH_MM, up, row as f64 * PITCH_MM],
            "rotation": [0.0, half.sin(), 0.0, half.cos()],
        }));
    }
    glb(&bodies, nodes)
}

/// Scrambles a number (SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Body {
    /// A profile of (radius, height), from the axis out and back to it, turned around the height axis y.
    fn turned(name: &'static str, profile: &[(f64, f64)], colour: [f64; 3]) -> Self {
        Self::lathe(name, profile, false, colour)
    }

    /// A ring around y from height 0 to `height`.
    fn ring(name: &'static str, inner: f64, outer: f64, height: f64, colour: [f64; 3]) -> Self {
        Self::lathe(name, &[(inner, 0.0), (outer, 0.0), (outer, height), (inner, height)], true, colour)
    }

    fn lathe(name: &'static str, profile: &[(f64, f64)], closed: bool, colour: [f64; 3]) -> Self {
        let mut points = Vec::new();
        for i in 0..ROUND {
            let (sin, cos) = (i as f64 * std::f64::consts::TAU / ROUND as f64).sin_cos();
            points.extend(profile.iter().map(|(r, y)| DVec3::new(r * cos, *y, r * sin)));
        }
        let n = profile.len();
        let mut triangles = Vec::new();
        for i in 0..ROUND {
            let next = (i + 1) % ROUND;
            for k in 0..if closed { n } else { n - 1 } {
                let at = |turn: usize, k: usize| (turn * n + k % n) as u32;
                triangles.push([at(i, k), at(next, k), at(next, k + 1)].map(|v| v));
                triangles.push([at(i, k), at(next, k + 1), at(i, k + 1)]);
            }
        }
        // On the axis two corners are one; the triangle between them has no area.
        let flat = |t: &[u32; 3]| {
            let [a, b, c] = t.map(|v| points[v as usize]);
            (b - a).cross(c - a).length() > 1e-9
        };
        triangles.retain(flat);
        let mut body = Self { name, points, triangles, colour };
        if body.volume() < 0.0 {
            body.triangles.iter_mut().for_each(|t| t.swap(1, 2));
        }
        body
    }

    fn volume(&self) -> f64 {
        let signed = |t: &[u32; 3]| {
            let [a, b, c] = t.map(|v| self.points[v as usize]);
            a.dot(b.cross(c))
        };
        self.triangles.iter().map(signed).sum()
    }
}

/// The container: JSON chunk, binary chunk (glTF 2.0, 4.4).
fn glb(bodies: &[Body], nodes: Vec<serde_json::Value>) -> Result<Vec<u8>, Error> {
    let (mut bin, mut views, mut accessors, mut meshes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (number, body) in bodies.iter().enumerate() {
        let indices: Vec<u8> = body.triangles.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
        views.push(json!({"buffer": 0, "byteOffset": bin.len(), "byteLength": indices.len()}));
        accessors.push(json!({"bufferView": views.len() - 1, "componentType": 5125, "type": "SCALAR",
            "count": body.triangles.len() * 3}));
        bin.extend(indices);
        let points: Vec<[f32; 3]> = body.points.iter().map(|p| p.to_array().map(|v| v as f32)).collect();
        let fold = |pick: fn(f32, f32) -> f32| {
            points.iter().copied().reduce(|a, b| std::array::from_fn(|i| pick(a[i], b[i]))).unwrap_or_default()
        };
        let bytes: Vec<u8> = points.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
        views.push(json!({"buffer": 0, "byteOffset": bin.len(), "byteLength": bytes.len()}));
        accessors.push(json!({"bufferView": views.len() - 1, "componentType": 5126, "type": "VEC3",
            "count": points.len(), "min": fold(f32::min), "max": fold(f32::max)}));
        bin.extend(bytes);
        meshes.push(json!({"name": body.name, "primitives": [{"attributes": {"POSITION": 2 * number + 1},
            "indices": 2 * number, "material": number}]}));
    }
    let material = |b: &Body| json!({"name": b.name, "pbrMetallicRoughness": {"baseColorFactor": [b.colour[0], b.colour[1], b.colour[2], 1.0]}});
    let materials: Vec<_> = bodies.iter().map(material).collect();
    let roots: Vec<usize> = (0..nodes.len()).collect();
    let document = json!({"asset": {"version": "2.0", "generator": "urbis assembly make: synthetic, millimetres"},
        "scene": 0, "scenes": [{"nodes": roots}], "nodes": nodes, "meshes": meshes, "materials": materials,
        "accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": bin.len()}]});
    let mut text = serde_json::to_vec(&document)?;
    text.resize(text.len().next_multiple_of(4), b' ');
    bin.resize(bin.len().next_multiple_of(4), 0);
    let mut out = Vec::with_capacity(28 + text.len() + bin.len());
    out.extend(b"glTF");
    for word in [2, (28 + text.len() + bin.len()) as u32, text.len() as u32] {
        out.extend(word.to_le_bytes());
    }
    out.extend(b"JSON");
    out.extend(text);
    out.extend((bin.len() as u32).to_le_bytes());
    out.extend(b"BIN\0");
    out.extend(bin);
    Ok(out)
}
