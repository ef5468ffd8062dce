//! How deep two bodies go into each other: the distance from the deepest point of one surface inside the other body to
//! that body's surface, whichever of the two is deeper. Looked for where triangles cross, and then by halving triangles,
//! the most promising first, until no rest can be deeper; where the work runs out, what was found stands as "at least",
//! with the bound of the rest as "at most".

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use glam::DVec3;

use crate::mesh::Mesh;
use crate::pair::{Pair, relative};
use crate::tree::Below;
use crate::triangle::{Triangle, nearest_to};

/// Pairs of triangles that cross, whose corners are looked at, at most.
const CROSSINGS: usize = 2_000;

/// How much is asked of a search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Depths are told apart to so many millimetres where the work suffices.
    pub(crate) fine_mm: f64,
    /// What is less deep than this is not looked for.
    pub(crate) from_mm: f64,
    /// Questions to a surface for each of the two directions.
    pub(crate) work: usize,
}

/// A depth in millimetres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Depth {
    /// A point so deep was found.
    pub at_least_mm: f64,
    /// No point is deeper.
    pub at_most_mm: f64,
    /// The deepest point found, in the frame of the first body.
    pub at: DVec3,
}

struct Waiting {
    at_most: f64,
    what: What,
}

enum What {
    Node(usize),
    Piece(Triangle),
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at_most.total_cmp(&other.at_most)
    }
}

/// The depth.
pub(crate) fn depth(pair: &Pair<'_>, effort: Effort) -> Depth {
    let [of_a, of_b] = pair.crossing_corners(CROSSINGS).map(|corners| {
        let stride = corners.len().div_ceil(effort.work.max(1)).max(1);
        corners.into_iter().step_by(stride).collect::<Vec<_>>()
    });
    let b_in_a = deepest(pair, effort, &of_b);
    let to_b = relative(&pair.b_in_a, &glam::DAffine3::IDENTITY);
    let back = Pair { a: pair.b, b: pair.a, b_in_a: to_b };
    let of_a: Vec<DVec3> = of_a.iter().map(|at| to_b.transform_point3(*at)).collect();
    let mut a_in_b = deepest(&back, effort, &of_a);
    a_in_b.at = pair.b_in_a.transform_point3(a_in_b.at);
    let deeper = if b_in_a.at_least_mm >= a_in_b.at_least_mm { b_in_a } else { a_in_b };
    Depth { at_most_mm: b_in_a.at_most_mm.max(a_in_b.at_most_mm), ..deeper }
}

/// The deepest point of `b`'s surface in `a`; where triangles cross is looked at first.
fn deepest(pair: &Pair<'_>, effort: Effort, crossing: &[DVec3]) -> Depth {
    let mut search = Search { into: pair.a, best: 0.0, at: DVec3::ZERO, work: usize::MAX };
    crossing.iter().for_each(|corner| search.point(*corner));
    search.work = effort.work;
    let mut waiting = BinaryHeap::new();
    if !pair.b.is_empty() {
        waiting.push(Waiting { at_most: f64::INFINITY, what: What::Node(0) });
    }
    while let Some(top) = waiting.pop() {
        let settled = (search.best + effort.fine_mm).max(effort.from_mm);
        if top.at_most <= settled || search.work == 0 {
            return search.result(top.at_most);
        }
        match top.what {
            What::Node(number) => match pair.b.tree.below(number) {
                Below::Children(left, right) => {
                    for child in [left, right] {
                        let bounds = pair.b.tree.nodes[child].bounds;
                        let centre = pair.b_in_a.transform_point3(bounds.centre());
                        // Of a ball around the box only what reaches in can be deep.
                        if let Some(at_most) = search.ball(centre, bounds.half().length()) {
                            waiting.push(Waiting { at_most: at_most.min(top.at_most), what: What::Node(child) });
                        }
                    }
                }
                Below::Triangles(range) => {
                    for triangle in range {
                        let piece = pair.b.triangle(triangle).map(|at| pair.b_in_a.transform_point3(at));
                        piece.iter().for_each(|corner| search.point(*corner));
                        search.piece(piece, top.at_most, &mut waiting);
                    }
                }
            },
            What::Piece(piece) => {
                let middles = [0, 1, 2].map(|i| (piece[i] + piece[(i + 1) % 3]) * 0.5);
                middles.iter().for_each(|middle| search.point(*middle));
                for i in 0..3 {
                    search.piece([piece[i], middles[i], middles[(i + 2) % 3]], top.at_most, &mut waiting);
                }
                search.piece(middles, top.at_most, &mut waiting);
            }
        }
    }
    search.result(0.0)
}

struct Search<'a> {
    into: &'a Mesh,
    best: f64,
    at: DVec3,
    work: usize,
}

impl Search<'_> {
    fn result(&self, rest: f64) -> Depth {
        Depth { at_least_mm: self.best, at_most_mm: rest.max(self.best), at: self.at }
    }

    fn point(&mut self, p: DVec3) {
        let bounds = self.into.bounds();
        if p.cmplt(bounds.lo).any() || p.cmpgt(bounds.hi).any() {
            return;
        }
        self.work = self.work.saturating_sub(1);
        if let Some(side) = self.into.side(p, f64::INFINITY).filter(|side| side.inside > self.best) {
            (self.best, self.at) = (side.inside, p);
        }
    }

    /// How deep a point of a ball can be; `None` where none is deeper than what was found.
    fn ball(&mut self, centre: DVec3, radius: f64) -> Option<f64> {
        let bounds = self.into.bounds().grown(radius);
        if centre.cmplt(bounds.lo).any() || centre.cmpgt(bounds.hi).any() {
            return None;
        }
        self.work = self.work.saturating_sub(1);
        let side = self.into.side(centre, f64::INFINITY)?;
        let at_most = side.inside + radius;
        (at_most > self.best).then_some(at_most)
    }

    /// How deep a point of a triangle can be: no deeper than its middle and its radius together, and no deeper than its
    /// farthest corner is from one face of the other surface (the distance to a convex thing is convex).
    fn piece(&mut self, piece: Triangle, above: f64, waiting: &mut BinaryHeap<Waiting>) {
        let middle = (piece[0] + piece[1] + piece[2]) / 3.0;
        let radius = piece.iter().map(|corner| corner.distance(middle)).fold(0.0, f64::max);
        let bounds = self.into.bounds().grown(radius);
        if middle.cmplt(bounds.lo).any() || middle.cmpgt(bounds.hi).any() {
            return;
        }
        self.work = self.work.saturating_sub(1);
        let Some(side) = self.into.side(middle, f64::INFINITY) else { return };
        if side.inside > self.best {
            (self.best, self.at) = (side.inside, middle);
        }
        let face = self.into.triangle(side.triangle);
        let convex = piece.iter().map(|corner| corner.distance(nearest_to(*corner, &face).0)).fold(0.0, f64::max);
        let at_most = (side.inside + radius).min(convex).min(above);
        if at_most > self.best {
            waiting.push(Waiting { at_most, what: What::Piece(piece) });
        }
    }
}
