//! Areas that lie on the ground (water, used land, green) and structures of faces in space (bridges, relief, anything else).

use glam::DVec3;
use viewer_render::Material;

use super::buildings::push;
use super::{Chunk, Context, order};
use crate::city::Entity;
use crate::layer::Layer;
use crate::palette;
use crate::triangulate::newell;
use crate::wkb::Geometry;

pub(super) fn add(
    entity: &Entity,
    layer: Layer,
    geometry: &Geometry,
    context: &mut Context<'_>,
    chunk: &mut Chunk,
) -> bool {
    let (stage, material, colour) = match layer {
        Layer::Water => (order::WATER, Material::Water, palette::WATER),
        Layer::Vegetation => (order::GREEN, Material::Grass, palette::GREEN),
        _ => (order::LANDUSE, Material::Grass, palette::landuse(&entity.row.class)),
    };
    for polygon in &geometry.polygons {
        // Upright faces of a solid would fold into lines on the ground: they have no area there.
        let rings = context.rings(polygon, false);
        if newell(&rings[0..1].concat()).length() < 0.05 {
            continue;
        }
        if let Some(faces) = context.triangulator.faces(&rings) {
            push(chunk.flat(stage), &faces, DVec3::Z, material, colour, entity.pick);
        }
    }
    streams(entity, layer, geometry, context, chunk);
    !geometry.polygons.is_empty() || (layer == Layer::Water && !geometry.lines.is_empty())
}

/// Rivers and ditches given as lines: a ribbon by class.
fn streams(entity: &Entity, layer: Layer, geometry: &Geometry, context: &Context<'_>, chunk: &mut Chunk) {
    if layer != Layer::Water {
        return;
    }
    let half = match entity.row.class.as_str() {
        "river" => 6.0,
        "canal" => 4.0,
        _ => 1.2,
    };
    let mesh = chunk.flat(order::WATER);
    for line in &geometry.lines {
        let flat: Vec<DVec3> = line.iter().map(|p| context.metres(p, false)).collect();
        for pair in flat.windows(2) {
            let Some(along) = (pair[1] - pair[0]).try_normalize() else { continue };
            let side = DVec3::new(-along.y, along.x, 0.0) * half;
            let corners = [pair[0] - side, pair[1] - side, pair[1] + side, pair[0] + side];
            mesh.quad(
                corners.map(|p| super::buildings::vertex(p, DVec3::Z, Material::Water, palette::WATER, entity.pick)),
            );
        }
    }
}

/// Faces in space, as they are; footprints with a height are raised like houses.
pub(super) fn structure(
    entity: &Entity,
    layer: Layer,
    geometry: &Geometry,
    context: &mut Context<'_>,
    chunk: &mut Chunk,
) -> bool {
    if geometry.polygons.is_empty() {
        return false;
    }
    let (colour, material) = match layer {
        Layer::Terrain => (palette::TERRAIN, Material::Grass),
        Layer::Furniture => (palette::FURNITURE, Material::Plain),
        _ => (palette::STONE, Material::Plain),
    };
    let height = f64::from(entity.row.extrude_m.unwrap_or(0.0)).clamp(0.0, 1500.0);
    for polygon in &geometry.polygons {
        let rings = context.rings(polygon, geometry.has_height);
        let Some(mut faces) = context.triangulator.faces(&rings) else { continue };
        faces.corners.iter_mut().for_each(|corner| corner.z += height);
        let flat = !geometry.has_height && height == 0.0;
        let mesh = if flat { chunk.flat(order::LANDUSE + 1) } else { &mut chunk.solid };
        push(mesh, &faces, faces.normal, material, colour, entity.pick);
        for ring in rings.iter().filter(|_| height > 0.0) {
            for (i, a) in ring.iter().enumerate() {
                let b = ring[(i + 1) % ring.len()];
                let up = DVec3::Z * height;
                let Some(normal) = (b - *a).cross(DVec3::Z).try_normalize() else { continue };
                let v = |p| super::buildings::vertex(p, normal, material, colour, entity.pick);
                mesh_quad(chunk, [v(*a), v(b), v(b + up), v(*a + up)]);
            }
        }
    }
    true
}

fn mesh_quad(chunk: &mut Chunk, corners: [viewer_render::Vertex; 4]) {
    chunk.solid.quad(corners);
}
