//! Houses: footprints raised by their height, or surfaces in space taken as they are, with roofs of another tint than
//! walls and soft shade at the foot. Bases that stand a little off the ground level are set onto it.

use glam::DVec3;
use viewer_render::{Material, MeshData, Vertex};

use super::{Chunk, Context, shade};
use crate::city::Entity;
use crate::palette;
use crate::triangulate::{Faces, newell};
use crate::wkb::Geometry;

/// The height of a footprint of which nothing is known but its outline, metres: one low storey.
const UNKNOWN_HEIGHT_M: f64 = 4.0;
/// Bases at most this far off the ground level are set onto the ground, metres: the ground is drawn flat.
const SETTLE_M: f64 = 8.0;

struct Looks {
    wall: u32,
    roof: u32,
    pick: u32,
}

pub(super) fn add(entity: &Entity, geometry: &Geometry, context: &mut Context<'_>, chunk: &mut Chunk) -> bool {
    if geometry.polygons.is_empty() {
        return false;
    }
    let (wall, roof) = palette::building(&entity.row.class, &entity.row.id);
    let looks = Looks { wall, roof, pick: entity.pick };
    let extrude_m = entity.row.extrude_m.map(f64::from).filter(|h| *h > 0.0);
    if geometry.has_height && extrude_m.is_none() {
        surfaces(&looks, geometry, context, chunk);
    } else {
        let height = extrude_m.unwrap_or(UNKNOWN_HEIGHT_M).min(1500.0);
        footprints(&looks, height, geometry, context, chunk);
    }
    true
}

/// How far to lower things whose lowest point is at `base_m` above the ground level.
fn settle(base_m: f64) -> f64 {
    if base_m.abs() <= SETTLE_M { base_m } else { 0.0 }
}

fn lowest<'a>(rings: impl Iterator<Item = &'a Vec<Vec<DVec3>>>) -> f64 {
    rings.flatten().flatten().map(|p| p.z).fold(f64::INFINITY, f64::min)
}

fn footprints(looks: &Looks, height: f64, geometry: &Geometry, context: &mut Context<'_>, chunk: &mut Chunk) {
    let polygons: Vec<_> = geometry.polygons.iter().map(|p| context.rings(p, geometry.has_height)).collect();
    let base = lowest(polygons.iter());
    let base = if base.is_finite() { base - settle(base) } else { 0.0 };
    for mut rings in polygons {
        rings.iter_mut().flatten().for_each(|p| p.z = base);
        let Some(faces) = context.triangulator.faces(&rings) else { continue };
        let roof = raised(&faces, height);
        push(&mut chunk.solid, &roof, DVec3::Z, Material::Roof, looks.roof, looks.pick);
        for (number, ring) in rings.iter().enumerate() {
            let anticlockwise = newell(ring).z > 0.0;
            walls(&mut chunk.solid, looks, ring, height, anticlockwise == (number == 0));
        }
        if let Some(outer) = rings.first().filter(|_| base < 0.5) {
            shade::around(outer, height, chunk);
        }
    }
}

fn raised(faces: &Faces, height: f64) -> Faces {
    let mut roof = faces.clone();
    roof.corners.iter_mut().for_each(|corner| corner.z += height);
    roof
}

fn walls(mesh: &mut MeshData, looks: &Looks, ring: &[DVec3], height: f64, outward: bool) {
    for (i, a) in ring.iter().enumerate() {
        let b = ring[(i + 1) % ring.len()];
        let along = (b - *a).truncate();
        if along.length_squared() < 1e-6 {
            continue;
        }
        let mut normal = DVec3::new(along.y, -along.x, 0.0).normalize();
        if !outward {
            normal = -normal;
        }
        let up = DVec3::Z * height;
        let v = |p: DVec3| vertex(p, normal, Material::Wall, looks.wall, looks.pick);
        mesh.quad([v(*a), v(b), v(b + up), v(*a + up)]);
    }
}

fn surfaces(looks: &Looks, geometry: &Geometry, context: &mut Context<'_>, chunk: &mut Chunk) {
    let mut polygons: Vec<_> = geometry.polygons.iter().map(|p| context.rings(p, true)).collect();
    let low = lowest(polygons.iter());
    if !low.is_finite() {
        return;
    }
    let down = settle(low);
    polygons.iter_mut().flatten().flatten().for_each(|p| p.z -= down);
    let base = low - down;
    let high = polygons.iter().flatten().flatten().map(|p| p.z).fold(f64::NEG_INFINITY, f64::max);
    for rings in &polygons {
        let Some(faces) = context.triangulator.faces(rings) else { continue };
        let top = faces.corners.iter().map(|p| p.z).fold(f64::NEG_INFINITY, f64::max);
        let level = faces.normal.z.abs();
        if level > 0.9 && top < base + 0.4 && high > base + 1.0 {
            // The floor is never seen, but it says where the shade lies.
            if let Some(outer) = rings.first().filter(|_| base < 0.5) {
                shade::around(outer, high - base, chunk);
            }
            continue;
        }
        let (material, colour) = if level < 0.3 { (Material::Wall, looks.wall) } else { (Material::Roof, looks.roof) };
        push(&mut chunk.solid, &faces, faces.normal, material, colour, looks.pick);
    }
}

pub(super) fn push(mesh: &mut MeshData, faces: &Faces, normal: DVec3, material: Material, colour: u32, pick: u32) {
    let first = mesh.vertices.len() as u32;
    mesh.vertices.extend(faces.corners.iter().map(|corner| vertex(*corner, normal, material, colour, pick)));
    mesh.indices.extend(faces.triangles.iter().map(|i| first + i));
}

pub(super) fn vertex(place: DVec3, normal: DVec3, material: Material, colour: u32, pick: u32) -> Vertex {
    Vertex::new(place.as_vec3().to_array(), normal.as_vec3().to_array(), material, colour, pick)
}
