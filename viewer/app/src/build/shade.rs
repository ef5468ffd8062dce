//! Soft shade on the ground along the foot of a house: a strip around the footprint, dark at the wall and clear outside.
//! It stands in for the light that walls keep from the ground around them, and costs two triangles an edge.

use glam::{DVec2, DVec3};
use viewer_render::{Material, MeshData, Vertex, rgba8};

use super::{Chunk, order};
use crate::triangulate::newell;

const DARKEST: u8 = 118;

/// Adds the shade of a thing of this height that stands on this ring.
pub(super) fn around(ring: &[DVec3], height_m: f64, chunk: &mut Chunk) {
    let mut corners: Vec<DVec2> = ring.iter().map(|p| p.truncate()).collect();
    corners.dedup_by(|a, b| a.distance_squared(*b) < 1e-4);
    if corners.len() > 1 && corners[0].distance_squared(corners[corners.len() - 1]) < 1e-4 {
        corners.pop();
    }
    if corners.len() < 3 {
        return;
    }
    if newell(ring).z < 0.0 {
        corners.reverse();
    }
    let reach = (height_m * 0.30).clamp(0.8, 5.0);
    strip(chunk.flat(order::SHADE), &corners, reach);
}

/// A closed strip outside an anticlockwise ring. Corners are mitred, so neighbours share them and nothing is drawn twice.
fn strip(mesh: &mut MeshData, corners: &[DVec2], reach: f64) {
    let count = corners.len();
    let first = mesh.vertices.len() as u32;
    let normal_of = |i: usize| {
        let along = (corners[(i + 1) % count] - corners[i % count]).normalize_or_zero();
        DVec2::new(along.y, -along.x)
    };
    for (i, corner) in corners.iter().enumerate() {
        let (before, after) = (normal_of(i + count - 1), normal_of(i));
        let middle = (before + after).normalize_or(after);
        // The mitre's length, held within bounds at sharp corners.
        let out = *corner + middle * (reach / middle.dot(after).max(0.45));
        let v = |p: DVec2, alpha: u8| {
            Vertex::new([p.x as f32, p.y as f32, 0.0], [0.0, 0.0, 1.0], Material::Shade, rgba8(0, 0, 0, alpha), 0)
        };
        mesh.corner(v(*corner, DARKEST));
        mesh.corner(v(out, 0));
    }
    for i in 0..count as u32 {
        let (a, b) = (first + i * 2, first + (i + 1) % count as u32 * 2);
        mesh.indices.extend([a, a + 1, b + 1, a, b + 1, b]);
    }
}
