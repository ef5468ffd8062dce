//! The triangles of one body in its own frame, in millimetres: corners welded where they are equal to the bit, a tree over
//! the triangles, and the normals that say which side of the surface a point is on (Bærentzen and Aanæs, 2005).

use std::collections::HashMap;

use glam::DVec3;

use crate::tree::{Aabb, Below, Tree};
use crate::triangle::{Feature, Triangle, nearest_to, pierces};

/// Three directions that faces and edges of made things do not run along.
const RAYS: [[f64; 3]; 3] = [[0.613, 0.247, 0.751], [-0.419, 0.838, 0.349], [0.271, -0.543, -0.795]];

/// Triangles with a tree over them. Counter-clockwise seen from outside.
#[derive(Debug, Clone)]
pub struct Mesh {
    pub(crate) points: Vec<DVec3>,
    pub(crate) triangles: Vec<[u32; 3]>,
    pub(crate) tree: Tree,
    /// Of each triangle, length 1, or zero where it has no area.
    pub(crate) normals: Vec<DVec3>,
    /// Of each corner, weighted by the angles around it.
    corner_normals: Vec<DVec3>,
    /// Of each triangle the one across each of its edges, or itself where there is none or several.
    pub(crate) across: Vec<[u32; 3]>,
    closed: bool,
}

/// The nearest point of a surface, and on which side of it the asker is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side {
    /// Positive inside, millimetres.
    pub(crate) inside: f64,
    /// Where the nearest point is.
    pub(crate) triangle: usize,
}

impl Mesh {
    /// Welds corners, drops triangles that name a corner twice, builds the tree.
    pub fn new(points: &[DVec3], triangles: &[[u32; 3]]) -> Self {
        let (points, mut triangles) = welded(points, triangles);
        let tree = Tree::build(&points, &mut triangles);
        let normals: Vec<DVec3> = triangles.iter().map(|t| normal(&corners(&points, t))).collect();
        let corner_normals = corner_normals(&points, &triangles, &normals);
        let (across, closed) = neighbours(&triangles);
        Self { points, triangles, tree, normals, corner_normals, across, closed }
    }

    /// Whether every edge has exactly two triangles: only then is "inside" without doubt.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// How many triangles.
    pub fn len(&self) -> usize {
        self.triangles.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.triangles.is_empty()
    }

    /// The box around it in its own frame.
    pub fn bounds(&self) -> Aabb {
        self.tree.bounds()
    }

    /// One triangle.
    pub fn triangle(&self, number: usize) -> Triangle {
        corners(&self.points, &self.triangles[number])
    }

    /// Volume enclosed, cubic millimetres; of an open surface only a measure of size.
    pub fn volume_mm3(&self) -> f64 {
        let signed = |t: &[u32; 3]| {
            let [a, b, c] = corners(&self.points, t);
            a.dot(b.cross(c)) / 6.0
        };
        self.triangles.iter().map(signed).sum::<f64>().abs()
    }

    /// The same surface drawn in by `by` millimetres: every corner moves so that the planes around it move inward by as
    /// much, in the sense of least squares, but never by more than four times that.
    #[must_use]
    pub fn drawn_in(&self, by: f64) -> Self {
        // Normal equations of n·v = -by over the triangles around a corner, weighted by their angle there.
        let mut sums = vec![(glam::DMat3::ZERO, DVec3::ZERO); self.points.len()];
        for (t, n) in self.triangles.iter().zip(&self.normals) {
            let around = corners(&self.points, t);
            for i in 0..3 {
                let angle = angle_at(&around, i);
                let (matrix, right) = &mut sums[t[i] as usize];
                *matrix += glam::DMat3::from_cols(*n * n.x, *n * n.y, *n * n.z) * angle;
                *right -= *n * (by * angle);
            }
        }
        let moved = |(at, (matrix, right)): (&DVec3, (glam::DMat3, DVec3))| {
            let trace = matrix.x_axis.x + matrix.y_axis.y + matrix.z_axis.z;
            if trace <= 0.0 {
                return *at;
            }
            let step = (matrix + glam::DMat3::from_diagonal(DVec3::splat(trace * 1e-3))).inverse() * right;
            *at + step.clamp_length_max(4.0 * by)
        };
        let points: Vec<DVec3> = self.points.iter().zip(sums).map(moved).collect();
        let tree = self.tree.refitted(&points, &self.triangles);
        Self { points, tree, ..self.clone() }
    }

    /// The nearest point of the surface within `limit` millimetres, and the side; `None` where all of it is farther.
    pub(crate) fn side(&self, p: DVec3, limit: f64) -> Option<Side> {
        let mut best = limit * limit;
        let mut found: Option<(DVec3, Feature, usize)> = None;
        let mut stack = vec![(0.0, 0_usize)];
        if self.is_empty() {
            return None;
        }
        let far = |number: usize| {
            let bounds = self.tree.nodes[number].bounds;
            (bounds.lo - p).max(p - bounds.hi).max(DVec3::ZERO).length_squared()
        };
        while let Some((at_least, number)) = stack.pop() {
            if at_least >= best {
                continue;
            }
            match self.tree.below(number) {
                Below::Children(left, right) => {
                    let (l, r) = ((far(left), left), (far(right), right));
                    let (near, other) = if l.0 <= r.0 { (l, r) } else { (r, l) };
                    stack.push(other);
                    stack.push(near);
                }
                Below::Triangles(range) => {
                    for triangle in range {
                        let (at, feature) = nearest_to(p, &self.triangle(triangle));
                        let squared = at.distance_squared(p);
                        if squared < best {
                            (best, found) = (squared, Some((at, feature, triangle)));
                        }
                    }
                }
            }
        }
        found.map(|(at, feature, triangle)| {
            let within = match self.closed {
                true => self.outward(triangle, feature).dot(p - at) < 0.0,
                false => self.surrounds(p),
            };
            Side { inside: if within { best.sqrt() } else { -best.sqrt() }, triangle }
        })
    }

    /// Whether an open surface is around a point for two of three rays: tessellations of real files have cracks along the
    /// borders of their faces, at which the nearest triangle says nothing, and few rays go through a crack.
    fn surrounds(&self, p: DVec3) -> bool {
        let bounds = self.bounds();
        if p.cmplt(bounds.lo).any() || p.cmpgt(bounds.hi).any() {
            return false;
        }
        RAYS.iter().filter(|ray| self.leaves_and_enters(p, DVec3::from(**ray)) > 0).count() >= 2
    }

    /// How many times more often a ray leaves the body than it enters it.
    fn leaves_and_enters(&self, p: DVec3, ray: DVec3) -> i32 {
        let reach = self.bounds().half().length() * 4.0 + 1.0;
        let (point, end) = (Aabb { lo: p, hi: p }, ray * reach);
        let mut count = 0;
        let mut stack = vec![0_usize];
        while let Some(number) = stack.pop() {
            if !point.meets_moving(end, self.tree.nodes[number].bounds) {
                continue;
            }
            match self.tree.below(number) {
                Below::Children(left, right) => stack.extend([left, right]),
                Below::Triangles(range) => {
                    for triangle in range.filter(|triangle| pierces(p, p + end, &self.triangle(*triangle)).is_some()) {
                        count += if self.normals[triangle].dot(ray) > 0.0 { 1 } else { -1 };
                    }
                }
            }
        }
        count
    }

    /// The direction that points out of the body at a feature of a triangle.
    fn outward(&self, triangle: usize, feature: Feature) -> DVec3 {
        match feature {
            Feature::Face => self.normals[triangle],
            Feature::Edge(edge) => self.normals[triangle] + self.normals[self.across[triangle][edge] as usize],
            Feature::Corner(corner) => self.corner_normals[self.triangles[triangle][corner] as usize],
        }
    }
}

pub(crate) fn corners(points: &[DVec3], t: &[u32; 3]) -> Triangle {
    t.map(|at| points[at as usize])
}

fn normal([a, b, c]: &Triangle) -> DVec3 {
    (b - a).cross(c - a).normalize_or_zero()
}

fn angle_at(t: &Triangle, corner: usize) -> f64 {
    let (one, two) = (t[(corner + 1) % 3] - t[corner], t[(corner + 2) % 3] - t[corner]);
    one.cross(two).length().atan2(one.dot(two))
}

fn corner_normals(points: &[DVec3], triangles: &[[u32; 3]], normals: &[DVec3]) -> Vec<DVec3> {
    let mut out = vec![DVec3::ZERO; points.len()];
    for (t, normal) in triangles.iter().zip(normals) {
        let around = corners(points, t);
        (0..3).for_each(|i| out[t[i] as usize] += *normal * angle_at(&around, i));
    }
    out
}

/// Corners that are equal to the bit become one (of -0 and 0 too).
fn welded(points: &[DVec3], triangles: &[[u32; 3]]) -> (Vec<DVec3>, Vec<[u32; 3]>) {
    let mut known: HashMap<[u64; 3], u32> = HashMap::with_capacity(points.len());
    let mut kept = Vec::new();
    let mut number = |at: DVec3| {
        *known.entry((at + 0.0).to_array().map(f64::to_bits)).or_insert_with(|| {
            kept.push(at);
            kept.len() as u32 - 1
        })
    };
    let numbers: Vec<u32> = points.iter().map(|at| number(*at)).collect();
    let triangles = triangles.iter().map(|t| t.map(|at| numbers[at as usize]));
    let triangles = triangles.filter(|t| t[0] != t[1] && t[1] != t[2] && t[2] != t[0]).collect();
    (kept, triangles)
}

/// The triangle across each edge, and whether each edge has exactly one, run through the other way.
fn neighbours(triangles: &[[u32; 3]]) -> (Vec<[u32; 3]>, bool) {
    let mut edges: Vec<(u32, u32, u32, u8)> = Vec::with_capacity(triangles.len() * 3);
    for (number, t) in triangles.iter().enumerate() {
        for i in 0..3 {
            let (from, to) = (t[i], t[(i + 1) % 3]);
            edges.push((from.min(to), from.max(to), number as u32, (i as u8) << 1 | u8::from(from < to)));
        }
    }
    edges.sort_unstable();
    let mut across: Vec<[u32; 3]> = (0..triangles.len() as u32).map(|own| [own; 3]).collect();
    let mut closed = !triangles.is_empty();
    for shared in edges.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        if let [one, two] = shared {
            across[one.2 as usize][(one.3 >> 1) as usize] = two.2;
            across[two.2 as usize][(two.3 >> 1) as usize] = one.2;
            closed &= one.3 & 1 != two.3 & 1;
        } else {
            closed = false;
        }
    }
    (across, closed)
}
