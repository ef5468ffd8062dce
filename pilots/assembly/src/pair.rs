//! Two bodies: how near their surfaces are, whether they cross, and whether they would while one of them is shifted. All
//! three go down both trees at once, in the frame of the first body; nothing is sampled.

use std::cell::RefCell;

use glam::{DAffine3, DVec3};

use crate::mesh::Mesh;
use crate::tree::{Aabb, Below, around};
use crate::triangle::{Near, Triangle, meet, nearest};

/// Two bodies and the motion that takes the frame of `b` to that of `a`.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) a: &'a Mesh,
    pub(crate) b: &'a Mesh,
    /// A rotation and a shift.
    pub(crate) b_in_a: DAffine3,
}

/// Surfaces no farther apart than this touch, a tenth of a micrometre: 32-bit positions say no more, and a search for
/// less would look at every triangle of two faces that lie on each other.
pub(crate) const TOUCHING_MM: f64 = 1e-4;

/// The distance of two surfaces, and the nearest point of the first in its frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    pub(crate) distance: f64,
    pub(crate) on_a: DVec3,
}

/// The motion from the frame of `b` to that of `a`, of two poses that are rotations and shifts.
pub(crate) fn relative(a: &DAffine3, b: &DAffine3) -> DAffine3 {
    let turn = a.matrix3.transpose();
    DAffine3 { matrix3: turn * b.matrix3, translation: turn * (b.translation - a.translation) }
}

impl<'a> Pair<'a> {
    pub(crate) fn new(a: (&'a Mesh, &DAffine3), b: (&'a Mesh, &DAffine3)) -> Self {
        Self { a: a.0, b: b.0, b_in_a: relative(a.1, b.1) }
    }

    fn triangle_b(&self, number: usize) -> Triangle {
        self.b.triangle(number).map(|at| self.b_in_a.transform_point3(at))
    }

    fn box_b(&self, node: usize) -> Aabb {
        self.b.tree.nodes[node].bounds.moved(&self.b_in_a)
    }

    /// The distance of the surfaces where it is less than `limit`; where it is no more than [`TOUCHING_MM`], they may cross.
    pub(crate) fn gap(&self, limit: f64) -> Option<Gap> {
        if self.a.is_empty() || self.b.is_empty() {
            return None;
        }
        let mut best = Near { squared: limit * limit, on_a: DVec3::ZERO, on_b: DVec3::ZERO };
        let mut found = false;
        let start = (0, 0, self.box_b(0));
        let mut stack = vec![(self.a.tree.nodes[0].bounds.distance_squared(start.2), start)];
        while let Some((at_least, (a, b, box_b))) = stack.pop() {
            if at_least >= best.squared {
                continue;
            }
            let box_a = self.a.tree.nodes[a].bounds;
            match (self.a.tree.below(a), self.b.tree.below(b)) {
                (Below::Triangles(of_a), Below::Triangles(of_b)) => {
                    found |= self.nearest_of(of_a, of_b, &mut best);
                    if found && best.squared <= TOUCHING_MM * TOUCHING_MM {
                        break;
                    }
                }
                (Below::Children(left, right), below_b)
                    if matches!(below_b, Below::Triangles(_)) || size(box_a) >= size(box_b) =>
                {
                    let at = |node: usize| (self.a.tree.nodes[node].bounds.distance_squared(box_b), (node, b, box_b));
                    push_nearer_last(&mut stack, at(left), at(right));
                }
                (_, Below::Children(left, right)) => {
                    let at = |node: usize| {
                        let box_b = self.box_b(node);
                        (box_a.distance_squared(box_b), (a, node, box_b))
                    };
                    push_nearer_last(&mut stack, at(left), at(right));
                }
                (Below::Children(..), Below::Triangles(_)) => {}
            }
        }
        found.then(|| Gap { distance: best.squared.sqrt(), on_a: best.on_a })
    }

    fn nearest_of(&self, of_a: std::ops::Range<usize>, of_b: std::ops::Range<usize>, best: &mut Near) -> bool {
        let mut found = false;
        for b in of_b {
            let tri_b = self.triangle_b(b);
            let box_b = around(&tri_b);
            for a in of_a.clone() {
                let tri_a = self.a.triangle(a);
                if around(&tri_a).distance_squared(box_b) >= best.squared {
                    continue;
                }
                let near = nearest(&tri_a, &tri_b);
                if near.squared < best.squared {
                    (*best, found) = (near, true);
                }
            }
        }
        found
    }

    /// Whether the surfaces share a point, and one of those in the frame of `a`.
    pub(crate) fn crosses(&self) -> Option<DVec3> {
        self.first(|a, b| a.distance_squared(b) == 0.0, meet)
    }

    /// Corners of triangles that cross, of `a` and of `b`, each once, in the frame of `a`; of at most `most` pairs.
    pub(crate) fn crossing_corners(&self, most: usize) -> [Vec<DVec3>; 2] {
        let found: RefCell<(Vec<DVec3>, Vec<DVec3>)> = RefCell::default();
        let keep = |a: &Triangle, b: &Triangle| {
            let at = meet(a, b)?;
            let mut found = found.borrow_mut();
            found.0.extend(a);
            found.1.extend(b);
            (found.0.len() >= 3 * most).then_some(at)
        };
        self.first(|a, b| a.distance_squared(b) == 0.0, keep);
        let (of_a, of_b) = found.into_inner();
        [of_a, of_b].map(|mut corners| {
            corners.sort_by_key(|at| at.to_array().map(f64::to_bits));
            corners.dedup();
            corners
        })
    }

    /// Whether the surfaces would share a point while `a` is shifted by `travel` (in the frame of `a`).
    pub(crate) fn crosses_along(&self, travel: DVec3) -> bool {
        self.first(|a, b| a.meets_moving(travel, b), |a, b| sweeps(a, travel, b).then_some(a[0])).is_some()
    }

    /// The first pair of triangles that passes a test, among those whose boxes pass one.
    fn first(
        &self,
        boxes: impl Fn(Aabb, Aabb) -> bool,
        test: impl Fn(&Triangle, &Triangle) -> Option<DVec3>,
    ) -> Option<DVec3> {
        if self.a.is_empty() || self.b.is_empty() {
            return None;
        }
        let mut stack = vec![(0, 0, self.box_b(0))];
        while let Some((a, b, box_b)) = stack.pop() {
            let box_a = self.a.tree.nodes[a].bounds;
            if !boxes(box_a, box_b) {
                continue;
            }
            match (self.a.tree.below(a), self.b.tree.below(b)) {
                (Below::Triangles(of_a), Below::Triangles(of_b)) => {
                    for b in of_b {
                        let tri_b = self.triangle_b(b);
                        let box_b = around(&tri_b);
                        for a in of_a.clone() {
                            let tri_a = self.a.triangle(a);
                            let hit = boxes(around(&tri_a), box_b).then(|| test(&tri_a, &tri_b)).flatten();
                            if hit.is_some() {
                                return hit;
                            }
                        }
                    }
                }
                (Below::Children(left, right), below_b)
                    if matches!(below_b, Below::Triangles(_)) || size(box_a) >= size(box_b) =>
                {
                    stack.extend([(left, b, box_b), (right, b, box_b)]);
                }
                (_, Below::Children(left, right)) => {
                    stack.extend([(a, left, self.box_b(left)), (a, right, self.box_b(right))]);
                }
                (Below::Children(..), Below::Triangles(_)) => {}
            }
        }
        None
    }
}

type Waiting = (f64, (usize, usize, Aabb));

fn push_nearer_last(stack: &mut Vec<Waiting>, one: Waiting, two: Waiting) {
    stack.extend(if one.0 < two.0 { [two, one] } else { [one, two] });
}

fn size(bounds: Aabb) -> f64 {
    (bounds.hi - bounds.lo).length_squared()
}

/// Whether a triangle that is shifted by `travel` meets another on its way: the prism between its ends and the other are convex,
/// so they are apart exactly where one of finitely many directions separates them.
fn sweeps(a: &Triangle, travel: DVec3, b: &Triangle) -> bool {
    let edges = |t: &Triangle| [t[1] - t[0], t[2] - t[1], t[0] - t[2]];
    let (of_a, of_b) = (edges(a), edges(b));
    let apart = |axis: DVec3| {
        if axis.length_squared() < 1e-18 {
            return false;
        }
        let along = travel.dot(axis);
        let a = a.map(|at| axis.dot(at));
        let b = b.map(|at| axis.dot(at));
        let low = a[0].min(a[1]).min(a[2]) + along.min(0.0);
        let high = a[0].max(a[1]).max(a[2]) + along.max(0.0);
        high < b[0].min(b[1]).min(b[2]) || low > b[0].max(b[1]).max(b[2])
    };
    let sides = of_a.map(|edge| travel.cross(edge));
    let far = of_b.map(|edge| travel.cross(edge));
    if apart(of_b[0].cross(of_b[1])) || apart(of_a[0].cross(of_a[1])) {
        return false;
    }
    if sides.into_iter().chain(far).any(apart) {
        return false;
    }
    !of_a.iter().any(|e| of_b.iter().any(|f| apart(e.cross(*f))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A swept triangle meets another where one of many small shifts of it does.
    #[test]
    fn a_sweep_is_the_union_of_its_positions() {
        use rand::{Rng, SeedableRng};
        let mut random = rand::rngs::SmallRng::seed_from_u64(7);
        let mut at = || DVec3::new(random.random(), random.random(), random.random());
        let (mut met, mut sharp) = (0, 0);
        for _ in 0..2_000 {
            let (a, b, travel) = ([at(), at(), at()], [at(), at(), at()], at() * 2.0 - 1.0);
            let stepped = (0..=400).any(|i| meet(&a.map(|p| p + travel * (f64::from(i) / 400.0)), &b).is_some());
            let swept = sweeps(&a, travel, &b);
            assert!(swept || !stepped, "{a:?} {travel} {b:?}");
            met += usize::from(stepped);
            sharp += usize::from(swept && !stepped);
        }
        assert!(met > 800 && sharp < 30, "{met} met, {sharp} only swept");
    }
}
