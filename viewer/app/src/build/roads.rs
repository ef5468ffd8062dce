//! Streets: lines become ribbons as wide as their class, with an edge of another tint beneath and round joints; areas are
//! painted whole. Everything lies on the ground; narrow streets are painted first.

use glam::{DVec2, DVec3};
use viewer_render::{Material, MeshData, Vertex, rgb8};

use super::buildings::push;
use super::{Chunk, Context, order};
use crate::city::Entity;
use crate::palette;
use crate::wkb::Geometry;

pub(super) fn add(entity: &Entity, geometry: &Geometry, context: &mut Context<'_>, chunk: &mut Chunk) -> bool {
    let class = entity.row.class.as_str();
    let (asphalt, edge) = palette::road(class);
    let rank = palette::road_order(class);
    let width = f64::from(palette::road_width_m(class));
    for line in &geometry.lines {
        let flat: Vec<DVec2> = line.iter().map(|p| context.metres(p, false).truncate()).collect();
        let border = if width > 4.0 { 1.6 } else { 0.25 };
        ribbon(chunk.flat(order::ROAD_EDGE + rank), &flat, width * 0.5 + border, edge, entity.pick);
        ribbon(chunk.flat(order::ROAD + rank), &flat, width * 0.5, asphalt, entity.pick);
        if width >= 9.0 {
            dashes(chunk.flat(order::MARKING), &flat, entity.pick);
        }
    }
    for polygon in &geometry.polygons {
        let rings = context.rings(polygon, false);
        if let Some(faces) = context.triangulator.faces(&rings) {
            push(chunk.flat(order::ROAD + rank), &faces, DVec3::Z, Material::Plain, asphalt, entity.pick);
        }
    }
    !geometry.lines.is_empty() || !geometry.polygons.is_empty()
}

fn corner(mesh: &mut MeshData, place: DVec2, colour: u32, pick: u32) -> u32 {
    let at = [place.x as f32, place.y as f32, 0.0];
    mesh.corner(Vertex::new(at, [0.0, 0.0, 1.0], Material::Plain, colour, pick))
}

fn ribbon(mesh: &mut MeshData, line: &[DVec2], half: f64, colour: u32, pick: u32) {
    for pair in line.windows(2) {
        let Some(along) = (pair[1] - pair[0]).try_normalize() else { continue };
        let side = along.perp() * half;
        let [a, b, c, d] =
            [pair[0] - side, pair[1] - side, pair[1] + side, pair[0] + side].map(|p| corner(mesh, p, colour, pick));
        mesh.indices.extend([a, b, c, a, c, d]);
    }
    for (i, joint) in line.iter().enumerate() {
        let inner = i > 0 && i + 1 < line.len();
        let straight =
            inner && (line[i + 1] - *joint).normalize_or_zero().dot((*joint - line[i - 1]).normalize_or_zero()) > 0.995;
        if !straight {
            disc(mesh, *joint, half, colour, pick);
        }
    }
}

/// Joints and ends are round: same colour over same colour shows no seam.
fn disc(mesh: &mut MeshData, middle: DVec2, radius: f64, colour: u32, pick: u32) {
    const SIDES: u32 = 10;
    let centre = corner(mesh, middle, colour, pick);
    for side in 0..SIDES {
        let turn = std::f64::consts::TAU * f64::from(side) / f64::from(SIDES);
        corner(mesh, middle + DVec2::from_angle(turn) * radius, colour, pick);
        mesh.indices.extend([centre, centre + 1 + side, centre + 1 + (side + 1) % SIDES]);
    }
}

/// The broken line in the middle: 3 m on, 6 m off.
fn dashes(mesh: &mut MeshData, line: &[DVec2], pick: u32) {
    const MOST: usize = 400;
    let colour = rgb8(226, 224, 218);
    let mut drawn = 0;
    for pair in line.windows(2) {
        let length = pair[0].distance(pair[1]);
        let Some(along) = (pair[1] - pair[0]).try_normalize() else { continue };
        let side = along.perp() * 0.11;
        let mut at = 3.0;
        while at + 3.0 < length && drawn < MOST {
            let (from, to) = (pair[0] + along * at, pair[0] + along * (at + 3.0));
            let [a, b, c, d] = [from - side, to - side, to + side, from + side].map(|p| corner(mesh, p, colour, pick));
            mesh.indices.extend([a, b, c, a, c, d]);
            at += 9.0;
            drawn += 1;
        }
    }
}
