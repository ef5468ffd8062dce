//! Who is in whose way. Every pair of parts has an allowance: how deep their surfaces may be in each other, at least the
//! tolerance, and more where they are in each other already in the model. Each of the two is drawn in by half of it, and
//! then must not cross the other while it moves; the motion is tested as a whole, not in steps.

use std::collections::HashMap;
use std::sync::Arc;

use glam::DVec3;

use crate::broad::Broad;
use crate::clash::{Checker, Relation};
use crate::features::Features;
use crate::mesh::Mesh;
use crate::pair::Pair;
use crate::parallel::each;
use crate::part::Part;
use crate::tree::Aabb;

/// Allowances are tried in steps of a quarter more, so many.
const RAISES: i32 = 24;
/// Directions of one part at most.
const DIRECTIONS: usize = 40;

/// How deep two parts may be in each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// The lower number.
    pub a: usize,
    /// The other.
    pub b: usize,
    /// How deep they are in each other in the model, at least.
    pub depth_mm: f64,
    /// How deep they may be; `None`: too deep to be told apart, so they are not tested against each other.
    pub allowed_mm: Option<f64>,
}

pub(crate) struct Space<'a> {
    pub(crate) parts: &'a [Part],
    pub(crate) tolerance_mm: f64,
    pub(crate) bounds: Aabb,
    allowances: HashMap<(usize, usize), Option<f64>>,
    told: Vec<Allowance>,
    /// By body and the bits of how far it is drawn in.
    drawn_in: HashMap<(usize, u64), Arc<Mesh>>,
    /// Ways out to try, by part, length 1, in the assembly.
    directions: Vec<Vec<DVec3>>,
    boxes: Vec<Aabb>,
    broad: Broad,
}

impl<'a> Space<'a> {
    pub(crate) fn new(checker: &'a Checker, tolerance_mm: f64) -> Self {
        let parts = checker.parts();
        let crossing: Vec<_> = checker.all().into_iter().filter(|f| f.relation != Relation::Near).collect();
        let told: Vec<Allowance> = each(crossing.len(), |i| {
            let f = crossing[i];
            let allowed_mm = allowance(&parts[f.a], &parts[f.b], tolerance_mm, f.depth_mm);
            Allowance { a: f.a, b: f.b, depth_mm: f.depth_mm, allowed_mm }
        });
        let allowances: HashMap<_, _> = told.iter().map(|one| ((one.a, one.b), one.allowed_mm)).collect();
        let touching = |part: usize| {
            let other = move |f: &Allowance| match part {
                p if p == f.a => Some(f.b),
                p if p == f.b => Some(f.a),
                _ => None,
            };
            told.iter().filter_map(other).collect::<Vec<_>>()
        };
        let bodies: HashMap<usize, &Arc<Mesh>> = parts.iter().map(|part| (part.body, &part.mesh)).collect();
        let count = parts.iter().map(|part| part.body + 1).max().unwrap_or(0);
        let features = each(count, |body| bodies.get(&body).map(|mesh| Features::of(mesh)).unwrap_or_default());
        let directions = (0..parts.len()).map(|part| directions(parts, &features, part, &touching(part))).collect();
        let drawn_in = drawn_in(parts, &told, tolerance_mm);
        let boxes: Vec<Aabb> = parts.iter().map(Part::bounds).collect();
        let bounds = boxes.iter().copied().fold(Aabb::EMPTY, Aabb::union);
        let broad = Broad::new(&boxes);
        Self { parts, tolerance_mm, bounds, allowances, told, drawn_in, directions, boxes, broad }
    }

    pub(crate) fn told(&self) -> &[Allowance] {
        &self.told
    }

    pub(crate) fn directions(&self, part: usize) -> &[DVec3] {
        &self.directions[part]
    }

    pub(crate) fn allowed_mm(&self, a: usize, b: usize) -> Option<f64> {
        self.allowances.get(&(a.min(b), a.max(b))).copied().unwrap_or(Some(self.tolerance_mm))
    }

    fn shape(&self, part: usize, allowed_mm: f64) -> &Mesh {
        let part = &self.parts[part];
        self.drawn_in.get(&(part.body, allowed_mm.to_bits())).unwrap_or(&part.mesh)
    }

    /// Whether `b` is in the way of `a` that was shifted by `from` and now goes on by `travel`.
    pub(crate) fn blocks(&self, a: usize, from: DVec3, travel: DVec3, b: usize) -> bool {
        let Some(allowed_mm) = self.allowed_mm(a, b) else { return false };
        let (one, two) = (&self.parts[a], &self.parts[b]);
        if !self.boxes[a].moved(&glam::DAffine3::from_translation(from)).meets_moving(travel, self.boxes[b]) {
            return false;
        }
        let mut pose = one.pose;
        pose.translation += from;
        let pair = Pair::new((self.shape(a, allowed_mm), &pose), (self.shape(b, allowed_mm), &two.pose));
        pair.crosses_along(pose.matrix3.transpose() * travel)
    }

    /// All parts whose box is met on the way.
    pub(crate) fn on_the_way(&self, a: usize, from: DVec3, travel: DVec3) -> Vec<usize> {
        let start = self.boxes[a].moved(&glam::DAffine3::from_translation(from));
        let swept = start.union(Aabb { lo: start.lo + travel, hi: start.hi + travel });
        let mut near = self.broad.near(swept);
        near.retain(|other| *other != a && start.meets_moving(travel, self.boxes[*other]));
        near
    }

    /// A shift along a direction after which parts are clear of the box around everything.
    pub(crate) fn out(&self, parts: &[usize], direction: DVec3) -> DVec3 {
        let own = parts.iter().map(|part| self.boxes[*part]).fold(Aabb::EMPTY, Aabb::union);
        let room = self.bounds.grown(0.02 * (self.bounds.hi - self.bounds.lo).max_element());
        let leave = |axis: usize| match direction[axis] {
            d if d > 1e-9 => (room.hi[axis] - own.lo[axis]) / d,
            d if d < -1e-9 => (room.lo[axis] - own.hi[axis]) / d,
            _ => f64::INFINITY,
        };
        direction * leave(0).min(leave(1)).min(leave(2)).max(0.0)
    }
}

/// The least allowance with which two parts, as they are in the model, are not in each other.
fn allowance(a: &Part, b: &Part, tolerance_mm: f64, depth_mm: f64) -> Option<f64> {
    let small = |part: &Part| part.mesh.bounds().half().min_element();
    // A body that is drawn in by a quarter of its thickness is no longer that body.
    let most = (small(a).min(small(b)) / 2.0).max(tolerance_mm);
    let start = if depth_mm > tolerance_mm { depth_mm + tolerance_mm } else { tolerance_mm };
    let steps = (0..RAISES).map(|i| start * 1.25_f64.powi(i)).take_while(|allowed| *allowed <= most);
    let mut steps = steps.filter(|allowed| {
        let (one, two) = (a.mesh.drawn_in(allowed / 2.0), b.mesh.drawn_in(allowed / 2.0));
        Pair::new((&one, &a.pose), (&two, &b.pose)).crosses().is_none()
    });
    steps.next()
}

fn drawn_in(parts: &[Part], told: &[Allowance], tolerance_mm: f64) -> HashMap<(usize, u64), Arc<Mesh>> {
    let mut wanted: Vec<(usize, u64, usize)> = Vec::new();
    for one in told {
        let bits = one.allowed_mm.unwrap_or(tolerance_mm).to_bits();
        wanted.extend([(parts[one.a].body, bits, one.a), (parts[one.b].body, bits, one.b)]);
    }
    wanted.extend(parts.iter().enumerate().map(|(number, part)| (part.body, tolerance_mm.to_bits(), number)));
    wanted.sort_unstable();
    wanted.dedup_by_key(|(body, bits, _)| (*body, *bits));
    let made = each(wanted.len(), |i| {
        let (body, bits, part) = wanted[i];
        ((body, bits), Arc::new(parts[part].mesh.drawn_in(f64::from_bits(bits) / 2.0)))
    });
    made.into_iter().collect()
}

/// The assembly's axes, then axes and face normals of the part and of those that it touches, each once.
fn directions(parts: &[Part], features: &[Features], part: usize, touching: &[usize]) -> Vec<DVec3> {
    let mut out: Vec<DVec3> = Vec::new();
    let mut add = |direction: DVec3| {
        for d in [direction, -direction] {
            if out.len() < DIRECTIONS && d.is_finite() && !out.iter().any(|other| other.dot(d) > 0.999_96) {
                out.push(d);
            }
        }
    };
    [DVec3::Y, DVec3::X, DVec3::Z].into_iter().for_each(&mut add);
    for number in std::iter::once(part).chain(touching.iter().copied()) {
        let (own, turn) = (&features[parts[number].body], parts[number].pose.matrix3);
        own.cylinders.iter().take(4).for_each(|c| add((turn * c.axis).normalize_or_zero()));
        own.planes.iter().take(6).for_each(|p| add((turn * p.normal).normalize_or_zero()));
    }
    out
}
