//! The faces of a body that people join it by: flat faces and cylinders (shafts and holes), found in its triangles by
//! growing from one across its edges. A cylinder is accepted where all its corners lie on it to a hundredth of its radius.

use glam::DVec3;

use crate::mesh::Mesh;
use crate::tree::Aabb;

/// Normals of one flat face differ by less: cosine of half a degree.
const FLAT: f64 = 0.999_962;
/// Facets of one cylinder meet at a smaller angle than 40 degrees.
const SMOOTH: f64 = 0.766;
/// Normals of a cylinder are square to its axis: sine of a degree.
const SQUARE: f64 = 0.017_5;
/// Sectors of a turn, and how many of them a cylinder has to face at least.
const SECTORS: usize = 24;
const FACED: u32 = 6;

/// A flat face, in the body's frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plane {
    /// Outward, length 1.
    pub normal: DVec3,
    /// A point of it: the middle of its area.
    pub centre: DVec3,
    /// Square millimetres.
    pub area_mm2: f64,
    /// The box around it.
    pub bounds: Aabb,
}

/// A cylinder, in the body's frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cylinder {
    /// Direction, length 1.
    pub axis: DVec3,
    /// The middle of its axis.
    pub centre: DVec3,
    /// Millimetres.
    pub radius_mm: f64,
    /// Along the axis, millimetres.
    pub length_mm: f64,
    /// A hole: material lies outside of it.
    pub hole: bool,
}

/// What was found of a body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// The largest first.
    pub planes: Vec<Plane>,
    /// The longest first.
    pub cylinders: Vec<Cylinder>,
}

impl Features {
    /// Finds them.
    pub fn of(mesh: &Mesh) -> Self {
        let mut taken = vec![false; mesh.len()];
        let mut cylinders = Vec::new();
        for seed in 0..mesh.len() {
            for edge in 0..3 {
                if !taken[seed] {
                    cylinders.extend(cylinder(mesh, seed, edge, &mut taken));
                }
            }
        }
        let areas: Vec<f64> = (0..mesh.len()).map(|i| area(mesh, i)).collect();
        let least = areas.iter().sum::<f64>() * 2e-3;
        let mut order: Vec<usize> = (0..mesh.len()).filter(|i| !taken[*i]).collect();
        order.sort_by(|a, b| areas[*b].total_cmp(&areas[*a]));
        let mut planes = Vec::new();
        for seed in order {
            if !taken[seed] && areas[seed] > 0.0 {
                planes.extend(plane(mesh, seed, &areas, &mut taken).filter(|plane| plane.area_mm2 >= least));
            }
        }
        planes.sort_by(|a, b| b.area_mm2.total_cmp(&a.area_mm2));
        cylinders.sort_by(|a, b| b.length_mm.total_cmp(&a.length_mm));
        Self { planes, cylinders }
    }
}

fn area(mesh: &Mesh, number: usize) -> f64 {
    let [a, b, c] = mesh.triangle(number);
    (b - a).cross(c - a).length() / 2.0
}

/// Triangles reached from a seed across edges that pass a test.
fn grown(mesh: &Mesh, seed: usize, taken: &[bool], joins: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut region = vec![seed];
    let mut seen = std::collections::HashSet::from([seed]);
    let mut next = 0;
    while let Some(&from) = region.get(next) {
        next += 1;
        for to in mesh.across[from].map(|to| to as usize) {
            if !taken[to] && joins(from, to) && seen.insert(to) {
                region.push(to);
            }
        }
    }
    region
}

fn plane(mesh: &Mesh, seed: usize, areas: &[f64], taken: &mut [bool]) -> Option<Plane> {
    let normal = mesh.normals[seed];
    let region = grown(mesh, seed, taken, |_, to| mesh.normals[to].dot(normal) > FLAT);
    region.iter().for_each(|i| taken[*i] = true);
    let area_mm2: f64 = region.iter().map(|i| areas[*i]).sum();
    let middle = |i: &usize| mesh.triangle(*i).iter().sum::<DVec3>() * (areas[*i] / 3.0);
    let centre = region.iter().map(middle).sum::<DVec3>() / area_mm2;
    let bounds = Aabb::around(region.iter().flat_map(|i| mesh.triangle(*i)));
    (area_mm2 > 0.0).then_some(Plane { normal, centre, area_mm2, bounds })
}

fn cylinder(mesh: &Mesh, seed: usize, edge: usize, taken: &mut [bool]) -> Option<Cylinder> {
    let other = mesh.across[seed][edge] as usize;
    let bend = mesh.normals[seed].dot(mesh.normals[other]);
    if taken[other] || !(SMOOTH..0.999_9).contains(&bend) {
        return None;
    }
    let axis = mesh.normals[seed].cross(mesh.normals[other]).normalize_or_zero();
    let joins = |from: usize, to: usize| {
        mesh.normals[to].dot(axis).abs() < SQUARE && mesh.normals[from].dot(mesh.normals[to]) > SMOOTH
    };
    let region = grown(mesh, seed, taken, joins);
    if region.len() < 6 || !region.contains(&other) {
        return None;
    }
    let found = fitted(mesh, axis, &region)?;
    region.iter().for_each(|i| taken[*i] = true);
    Some(found)
}

/// A circle through the corners seen along the axis (Kåsa's fit), and a look at how well.
fn fitted(mesh: &Mesh, axis: DVec3, region: &[usize]) -> Option<Cylinder> {
    let (u, v) = axis.any_orthonormal_pair();
    let points: Vec<DVec3> = region.iter().flat_map(|i| mesh.triangle(*i)).collect();
    let origin = points.iter().sum::<DVec3>() / points.len() as f64;
    let flat: Vec<(f64, f64)> = points.iter().map(|p| ((p - origin).dot(u), (p - origin).dot(v))).collect();
    let (mut xx, mut xy, mut yy, mut xz, mut yz, mut z) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in &flat {
        let s = x * x + y * y;
        (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
        (xz, yz, z) = (xz + x * s, yz + y * s, z + s);
    }
    let spread = xx * yy - xy * xy;
    if spread <= 1e-9 * xx * yy {
        return None;
    }
    let (cx, cy) = ((xz * yy - yz * xy) / spread / 2.0, (yz * xx - xz * xy) / spread / 2.0);
    let radius_mm = (z / flat.len() as f64 + cx * cx + cy * cy).sqrt();
    let off = flat.iter().map(|(x, y)| ((x - cx).hypot(y - cy) - radius_mm).abs()).fold(0.0, f64::max);
    if off.is_nan() || off > 0.01 * radius_mm {
        return None;
    }
    let middle = origin + u * cx + v * cy;
    let sector = |i: &usize| {
        let n = mesh.normals[*i];
        let turn = n.dot(v).atan2(n.dot(u)) / std::f64::consts::TAU + 0.5;
        1_u32 << ((turn * SECTORS as f64) as usize).min(SECTORS - 1)
    };
    if region.iter().map(sector).fold(0, |all, one| all | one).count_ones() < FACED {
        return None;
    }
    let along = points.iter().map(|p| (p - middle).dot(axis));
    let (low, high) = along.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), s| (l.min(s), h.max(s)));
    let first = region.first()?;
    let from_axis = mesh.triangle(*first).iter().sum::<DVec3>() / 3.0 - middle;
    let outward = from_axis - axis * from_axis.dot(axis);
    Some(Cylinder {
        axis,
        centre: middle + axis * f64::midpoint(low, high),
        radius_mm,
        length_mm: high - low,
        hole: mesh.normals[*first].dot(outward) < 0.0,
    })
}
