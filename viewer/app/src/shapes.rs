//! The small shapes that are drawn many times: tree, conifer, car, bus, bicycle, person, sensor, pin, box. Each stands on
//! z = 0 and looks along +x. What comes in sizes is one unit high, so that an instance's scale is its height in metres; the
//! rest is in metres. Alpha tells how much tint to take. Each is there twice: fine, and plain for where it is small on screen.

use std::f32::consts::TAU;

use viewer_render::{Material, MeshData, Vertex, rgba8};

use crate::build::ShapeKind;

const FULL: u8 = 255;

/// A shape with all its detail, and the same with few triangles.
pub(crate) fn both(kind: ShapeKind) -> [MeshData; 2] {
    match kind {
        ShapeKind::Tree => [tree(), plain_tree()],
        ShapeKind::Conifer => [conifer(), plain_conifer()],
        ShapeKind::Car => [car(), plain_car()],
        ShapeKind::Bus => [bus(), bus()],
        ShapeKind::Bicycle => [bicycle(&person()), bicycle(&plain_person())],
        ShapeKind::Person => [person(), plain_person()],
        ShapeKind::Sensor => [sensor(), plain_sensor()],
        ShapeKind::Pin => [pin(), plain_pin()],
        ShapeKind::Cube => [cube(), cube()],
    }
}

/// How high a shape is, in its own units.
pub(crate) const fn height(kind: ShapeKind) -> f32 {
    match kind {
        ShapeKind::Car => 1.46,
        ShapeKind::Bus => 3.0,
        ShapeKind::Bicycle => 1.75 + SADDLE_M,
        ShapeKind::Person => 1.75,
        _ => 1.0,
    }
}

/// A surface of revolution around z from (radius, height) rings, open at both ends.
fn lathe(mesh: &mut MeshData, profile: &[(f32, f32)], sides: u32, material: Material, colour: u32) {
    let first = mesh.vertices.len() as u32;
    for (i, (radius, height)) in profile.iter().enumerate() {
        let before = profile[i.saturating_sub(1)];
        let after = profile[(i + 1).min(profile.len() - 1)];
        let (dr, dz) = (after.0 - before.0, after.1 - before.1);
        let length = dr.hypot(dz).max(1e-6);
        for side in 0..=sides {
            let (sin, cos) = (TAU * side as f32 / sides as f32).sin_cos();
            let normal = [cos * dz / length, sin * dz / length, -dr / length];
            mesh.corner(Vertex::new([cos * radius, sin * radius, *height], normal, material, colour, 0));
        }
    }
    let row = sides + 1;
    for i in 0..profile.len() as u32 - 1 {
        let (closed_below, closed_above) = (profile[i as usize].0 == 0.0, profile[i as usize + 1].0 == 0.0);
        for side in 0..sides {
            let a = first + i * row + side;
            if !closed_below {
                mesh.indices.extend([a, a + 1, a + row + 1]);
            }
            if !closed_above {
                mesh.indices.extend([a, a + row + 1, a + row]);
            }
        }
    }
}

/// A box between two corners, its top drawn in by `taper` (0 is upright).
fn block(mesh: &mut MeshData, low: [f32; 3], high: [f32; 3], taper: f32, material: Material, colour: u32) {
    let (x0, y0, z0) = (low[0], low[1], low[2]);
    let (x1, y1, z1) = (high[0], high[1], high[2]);
    let (tx, ty) = ((x1 - x0) * taper * 0.5, (y1 - y0) * taper * 0.5);
    let bottom = [[x0, y0, z0], [x1, y0, z0], [x1, y1, z0], [x0, y1, z0]];
    let top = [[x0 + tx, y0 + ty, z1], [x1 - tx, y0 + ty, z1], [x1 - tx, y1 - ty, z1], [x0 + tx, y1 - ty, z1]];
    let normals = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]];
    for side in 0..4 {
        let next = (side + 1) % 4;
        let v = |p: [f32; 3]| Vertex::new(p, normals[side], material, colour, 0);
        mesh.quad([v(bottom[side]), v(bottom[next]), v(top[next]), v(top[side])]);
    }
    mesh.quad(top.map(|p| Vertex::new(p, [0.0, 0.0, 1.0], material, colour, 0)));
}

/// A dark patch beneath things that cast no shadow into the map.
fn patch(mesh: &mut MeshData, half_x: f32, half_y: f32) {
    let corners = [[-half_x, -half_y, 0.02], [half_x, -half_y, 0.02], [half_x, half_y, 0.02], [-half_x, half_y, 0.02]];
    mesh.quad(corners.map(|p| Vertex::new(p, [0.0, 0.0, 1.0], Material::Plain, rgba8(52, 54, 58, 0), 0)));
}

/// A broad-leaved tree, one unit high.
fn tree() -> MeshData {
    let mut mesh = MeshData::default();
    lathe(&mut mesh, &[(0.035, 0.0), (0.025, 0.36)], 5, Material::Plain, rgba8(104, 82, 62, 0));
    let crown = [(0.02, 0.24), (0.20, 0.30), (0.31, 0.46), (0.31, 0.62), (0.22, 0.82), (0.10, 0.95), (0.0, 1.0)];
    lathe(&mut mesh, &crown, 9, Material::Foliage, rgba8(0, 0, 0, FULL));
    roughen(&mut mesh);
    mesh
}

fn plain_tree() -> MeshData {
    let mut mesh = MeshData::default();
    lathe(&mut mesh, &[(0.035, 0.0), (0.025, 0.36)], 3, Material::Plain, rgba8(104, 82, 62, 0));
    let crown = [(0.0, 0.22), (0.34, 0.58), (0.0, 1.0)];
    lathe(&mut mesh, &crown, 6, Material::Foliage, rgba8(0, 0, 0, FULL));
    mesh
}

/// A conifer, one unit high.
fn conifer() -> MeshData {
    let mut mesh = MeshData::default();
    lathe(&mut mesh, &[(0.03, 0.0), (0.025, 0.2)], 5, Material::Plain, rgba8(96, 76, 60, 0));
    lathe(&mut mesh, &[(0.02, 0.12), (0.22, 0.14), (0.10, 0.50)], 8, Material::Foliage, rgba8(0, 0, 0, FULL));
    lathe(&mut mesh, &[(0.17, 0.40), (0.06, 0.75)], 8, Material::Foliage, rgba8(0, 0, 0, FULL));
    lathe(&mut mesh, &[(0.12, 0.66), (0.0, 1.0)], 8, Material::Foliage, rgba8(0, 0, 0, FULL));
    mesh
}

fn plain_conifer() -> MeshData {
    let mut mesh = MeshData::default();
    lathe(&mut mesh, &[(0.03, 0.0), (0.025, 0.2)], 3, Material::Plain, rgba8(96, 76, 60, 0));
    lathe(&mut mesh, &[(0.0, 0.12), (0.22, 0.15), (0.0, 1.0)], 5, Material::Foliage, rgba8(0, 0, 0, FULL));
    mesh
}

/// Leaves are no smooth surface: corners move a little, always alike.
fn roughen(mesh: &mut MeshData) {
    for vertex in &mut mesh.vertices {
        let [x, y, z] = vertex.position_m;
        if !(0.25..=0.99).contains(&z) {
            continue;
        }
        let wave = 1.0 + 0.13 * ((x * 31.0).sin() + (y * 27.0 + 1.0).sin() + (z * 23.0).cos()) / 1.5;
        vertex.position_m = [x * wave, y * wave, z];
    }
}

/// A car of 4.4 by 1.8 by 1.45 m, in metres.
fn car() -> MeshData {
    let mut mesh = MeshData::default();
    patch(&mut mesh, 2.35, 1.0);
    car_body(&mut mesh, 1.42);
    block(&mut mesh, [-1.15, -0.62, 1.40], [0.6, 0.62, 1.46], 0.1, Material::Plain, rgba8(0, 0, 0, FULL));
    for (x, y) in [(-1.4, -0.92), (1.35, -0.92), (-1.4, 0.74), (1.35, 0.74)] {
        block(&mut mesh, [x - 0.33, y, 0.03], [x + 0.33, y + 0.18, 0.62], 0.2, Material::Plain, rgba8(38, 40, 44, 0));
    }
    block(&mut mesh, [2.17, -0.75, 0.5], [2.23, 0.75, 0.68], 0.0, Material::Glow, rgba8(255, 240, 205, 0));
    block(&mut mesh, [-2.23, -0.75, 0.52], [-2.17, 0.75, 0.68], 0.0, Material::Glow, rgba8(190, 30, 24, 0));
    mesh
}

fn plain_car() -> MeshData {
    let mut mesh = MeshData::default();
    patch(&mut mesh, 2.35, 1.0);
    car_body(&mut mesh, height(ShapeKind::Car));
    mesh
}

/// The body and, up to the roof, the windows.
fn car_body(mesh: &mut MeshData, roof: f32) {
    block(mesh, [-2.2, -0.9, 0.28], [2.2, 0.9, 0.82], 0.04, Material::Plain, rgba8(0, 0, 0, FULL));
    block(mesh, [-1.5, -0.8, 0.82], [0.95, 0.8, roof], 0.26, Material::Plain, rgba8(62, 74, 86, 30));
}

/// A bus of 11 by 2.5 by 3 m, in metres.
fn bus() -> MeshData {
    let mut mesh = MeshData::default();
    patch(&mut mesh, 5.8, 1.5);
    block(&mut mesh, [-5.5, -1.25, 0.3], [5.5, 1.25, 1.3], 0.0, Material::Plain, rgba8(0, 0, 0, FULL));
    block(&mut mesh, [-5.48, -1.23, 1.3], [5.5, 1.23, 2.4], 0.02, Material::Plain, rgba8(58, 70, 82, 20));
    block(&mut mesh, [-5.48, -1.23, 2.4], [5.45, 1.23, 3.0], 0.03, Material::Plain, rgba8(235, 232, 226, 130));
    block(&mut mesh, [5.47, -1.0, 0.6], [5.53, 1.0, 0.8], 0.0, Material::Glow, rgba8(255, 240, 205, 0));
    mesh
}

/// A person 1.75 m high, in metres.
fn person() -> MeshData {
    let mut mesh = MeshData::default();
    patch(&mut mesh, 0.32, 0.32);
    let body = [(0.13, 0.02), (0.17, 0.5), (0.24, 1.1), (0.22, 1.38), (0.08, 1.46)];
    lathe(&mut mesh, &body, 7, Material::Plain, rgba8(0, 0, 0, FULL));
    let head = [(0.02, 1.44), (0.12, 1.52), (0.13, 1.62), (0.08, 1.72), (0.0, 1.75)];
    lathe(&mut mesh, &head, 7, Material::Plain, rgba8(214, 176, 148, 0));
    mesh
}

fn plain_person() -> MeshData {
    let mut mesh = MeshData::default();
    patch(&mut mesh, 0.32, 0.32);
    let body = [(0.15, 0.02), (0.24, 1.1), (0.08, 1.46)];
    lathe(&mut mesh, &body, 4, Material::Plain, rgba8(0, 0, 0, FULL));
    lathe(&mut mesh, &[(0.0, 1.44), (0.13, 1.6), (0.0, 1.75)], 4, Material::Plain, rgba8(214, 176, 148, 0));
    mesh
}

/// How much higher than a walker a rider's head is, metres.
const SADDLE_M: f32 = 0.15;

/// A bicycle 1.7 m long with its rider, in metres.
fn bicycle(rider: &MeshData) -> MeshData {
    let mut mesh = MeshData::default();
    let raised = |vertex: &Vertex| {
        let [x, y, z] = vertex.position_m;
        // What lies on the ground stays there: the rider's shade.
        let up = if z < 0.03 { 0.0 } else { SADDLE_M };
        Vertex { position_m: [x, y, z + up], ..*vertex }
    };
    mesh.append(&MeshData { vertices: rider.vertices.iter().map(raised).collect(), indices: rider.indices.clone() });
    for x in [-0.52, 0.52] {
        let dark = rgba8(40, 42, 46, 0);
        block(&mut mesh, [x - 0.33, -0.03, 0.02], [x + 0.33, 0.03, 0.68], 0.5, Material::Plain, dark);
    }
    mesh
}

/// A sensor: a post with a ring and a bright head, one unit high.
fn sensor() -> MeshData {
    let mut mesh = MeshData::default();
    lathe(
        &mut mesh,
        &[(0.10, 0.0), (0.10, 0.02), (0.018, 0.03), (0.018, 0.62)],
        6,
        Material::Plain,
        rgba8(226, 228, 230, 0),
    );
    lathe(
        &mut mesh,
        &[(0.0, 0.60), (0.115, 0.64), (0.125, 0.66), (0.05, 0.68)],
        12,
        Material::Plain,
        rgba8(250, 250, 250, 0),
    );
    let head: Vec<(f32, f32)> = (0..=8)
        .map(|i| std::f32::consts::PI * i as f32 / 8.0)
        .map(|turn| (turn.sin() * 0.165, 0.835 - turn.cos() * 0.165))
        .collect();
    lathe(&mut mesh, &head, 14, Material::Glow, rgba8(0, 0, 0, FULL));
    mesh
}

fn plain_sensor() -> MeshData {
    let mut mesh = MeshData::default();
    lathe(&mut mesh, &[(0.05, 0.0), (0.02, 0.62)], 3, Material::Plain, rgba8(226, 228, 230, 0));
    lathe(&mut mesh, &[(0.0, 0.60), (0.125, 0.65), (0.0, 0.68)], 6, Material::Plain, rgba8(250, 250, 250, 0));
    let head = [(0.0, 0.67), (0.13, 0.74), (0.165, 0.835), (0.12, 0.95), (0.0, 1.0)];
    lathe(&mut mesh, &head, 7, Material::Glow, rgba8(0, 0, 0, FULL));
    mesh
}

/// A pin for a named place, one unit high.
fn pin() -> MeshData {
    let mut mesh = MeshData::default();
    let drop = [(0.0, 0.0), (0.05, 0.18), (0.16, 0.52), (0.21, 0.72), (0.17, 0.89), (0.08, 0.98), (0.0, 1.0)];
    lathe(&mut mesh, &drop, 10, Material::Plain, rgba8(0, 0, 0, FULL));
    mesh
}

fn plain_pin() -> MeshData {
    let mut mesh = MeshData::default();
    let drop = [(0.0, 0.0), (0.21, 0.7), (0.17, 0.89), (0.0, 1.0)];
    lathe(&mut mesh, &drop, 6, Material::Plain, rgba8(0, 0, 0, FULL));
    mesh
}

/// A plain box, one unit in each direction.
fn cube() -> MeshData {
    let mut mesh = MeshData::default();
    block(&mut mesh, [-0.5, -0.5, 0.0], [0.5, 0.5, 1.0], 0.0, Material::Plain, rgba8(0, 0, 0, FULL));
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_stands_on_the_ground_and_names_real_corners() {
        for kind in ShapeKind::ALL {
            for mesh in both(kind) {
                let z =
                    |pick: fn(f32, f32) -> f32, from| mesh.vertices.iter().map(|v| v.position_m[2]).fold(from, pick);
                assert!((0.0..0.05).contains(&z(f32::min, 9.0)), "{kind:?}");
                assert!((z(f32::max, 0.0) - height(kind)).abs() < 0.01, "{kind:?}");
                assert!(mesh.indices.iter().all(|i| (*i as usize) < mesh.vertices.len()));
                assert_eq!(mesh.indices.len() % 3, 0);
            }
        }
    }

    #[test]
    fn the_plain_shape_is_as_wide_and_has_a_third_of_the_triangles() {
        for kind in ShapeKind::ALL {
            let [fine, plain] = both(kind);
            let reach = |mesh: &MeshData, axis: usize| {
                mesh.vertices.iter().map(|v| v.position_m[axis].abs()).fold(0.0, f32::max)
            };
            for axis in [0, 1] {
                let (a, b) = (reach(&fine, axis), reach(&plain, axis));
                assert!((a - b).abs() < 0.2 * a, "{kind:?}: {a} and {b}");
            }
            let few = matches!(kind, ShapeKind::Bus | ShapeKind::Cube | ShapeKind::Bicycle);
            assert!(few || plain.indices.len() * 3 <= fine.indices.len() + 30, "{kind:?}");
        }
    }
}
