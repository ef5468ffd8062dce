//! Which parts clash, touch or come near each other: all pairs of an assembly, or those of one part that is being moved.
//! Distances are exact on the triangles; a depth is given with what is certain of it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use glam::{DAffine3, DVec3};
use serde::Serialize;

use crate::broad::Broad;
use crate::depth::{Depth, Effort, depth};
use crate::error::Error;
use crate::mesh::Mesh;
use crate::pair::{Gap, Pair, TOUCHING_MM};
use crate::parallel::each;
use crate::part::{Assembly, Part};
use crate::tree::Aabb;

/// Questions that the depth of a pair may take.
const WORK: usize = 250;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Parts that go into each other no deeper than this, or are no farther apart, touch.
    pub tolerance_mm: f64,
    /// Pairs nearer than this are told with their distance.
    pub clearance_mm: f64,
    /// Other tolerances for single pairs: two ids and millimetres.
    pub pairs: Vec<(String, String, f64)>,
}

impl Limits {
    /// Checks that the numbers can be.
    ///
    /// # Errors
    /// [`Error::Number`].
    pub fn check(&self) -> Result<(), Error> {
        let numbers = [("the tolerance", self.tolerance_mm), ("the clearance", self.clearance_mm)];
        let pairs = self.pairs.iter().map(|(_, _, mm)| ("the tolerance of a pair", *mm));
        for (what, value) in numbers.into_iter().chain(pairs) {
            if !(0.0..=1e9).contains(&value) {
                return Err(Error::Number { what, value, wanted: "give millimetres, 0 or more" });
            }
        }
        Ok(())
    }
}

/// How two parts lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// They go into each other deeper than the tolerance.
    Clash,
    /// They touch within the tolerance.
    Contact,
    /// They are apart, and nearer than the clearance.
    Near,
}

impl Relation {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clash => "clash",
            Self::Contact => "contact",
            Self::Near => "near",
        }
    }
}

/// What was found of one pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// Number of the one part; the lower one.
    pub a: usize,
    /// Number of the other.
    pub b: usize,
    /// How they lie.
    pub relation: Relation,
    /// Distance of the surfaces; 0 where they cross.
    pub distance_mm: f64,
    /// How deep they go into each other at least: a point so deep was found.
    pub depth_mm: f64,
    /// How deep at most.
    pub depth_at_most_mm: f64,
    /// The tolerance that counted.
    pub tolerance_mm: f64,
    /// Where: the deepest point, else the nearest point of the one part, in the assembly.
    pub at_mm: DVec3,
}

/// An assembly made ready: whose pairs can be asked for, and whose parts can be moved.
#[derive(Debug)]
pub struct Checker {
    parts: Vec<Part>,
    limits: Limits,
    pairs: HashMap<(usize, usize), f64>,
    broad: Broad,
    /// By body: drawn in by half the tolerance, made when first needed.
    drawn_in: Vec<OnceLock<Arc<Mesh>>>,
}

impl Checker {
    /// Makes an assembly ready.
    ///
    /// # Errors
    /// [`Error::Number`], or [`Error::Part`] where a pair names a part that is not there.
    pub fn new(assembly: &Assembly, limits: Limits) -> Result<Self, Error> {
        limits.check()?;
        let mut pairs = HashMap::new();
        for (a, b, mm) in &limits.pairs {
            let (a, b) = (assembly.find(a)?, assembly.find(b)?);
            pairs.insert((a.min(b), a.max(b)), *mm);
        }
        let boxes: Vec<Aabb> = assembly.parts.iter().map(Part::bounds).collect();
        let bodies = assembly.parts.iter().map(|part| part.body + 1).max().unwrap_or(0);
        let drawn_in = (0..bodies).map(|_| OnceLock::new()).collect();
        Ok(Self { parts: assembly.parts.clone(), limits, pairs, broad: Broad::new(&boxes), drawn_in })
    }

    /// The parts as they lie now.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Every pair that clashes, touches or is near: the deepest first, then the nearest.
    pub fn all(&self) -> Vec<Finding> {
        let of = |a: usize| -> Vec<Finding> {
            let near = self.near(a).into_iter().filter(|b| *b > a);
            near.filter_map(|b| self.pair(a, b)).collect()
        };
        let mut found: Vec<Finding> = each(self.parts.len(), of).into_iter().flatten().collect();
        sort(&mut found);
        found
    }

    /// Moves a part and tells its pairs, as [`Checker::all`] would.
    ///
    /// # Errors
    /// [`Error::Part`] where there is no such part, [`Error::Number`] where the pose is not finite.
    pub fn moved(&mut self, part: usize, pose: DAffine3) -> Result<Vec<Finding>, Error> {
        if !pose.is_finite() {
            return Err(Error::Number { what: "the pose", value: f64::NAN, wanted: "give finite numbers" });
        }
        let moving = self.parts.get_mut(part).ok_or_else(|| Error::Part(part.to_string()))?;
        moving.pose = pose;
        let bounds = moving.bounds();
        self.broad.replace(part, bounds);
        let mut found: Vec<Finding> =
            self.near(part).into_iter().filter_map(|other| self.pair(part.min(other), part.max(other))).collect();
        sort(&mut found);
        Ok(found)
    }

    fn near(&self, part: usize) -> Vec<usize> {
        let reach = self.limits.pairs.iter().map(|(_, _, mm)| *mm).fold(self.limits.tolerance_mm, f64::max);
        let wide = self.parts[part].bounds().grown(self.limits.clearance_mm.max(reach));
        let mut near = self.broad.near(wide);
        near.retain(|other| *other != part);
        near
    }

    /// One pair; `None` where it is farther apart than is looked for.
    pub fn pair(&self, a: usize, b: usize) -> Option<Finding> {
        let (one, two) = (&self.parts[a], &self.parts[b]);
        let given = self.pairs.get(&(a, b));
        let tolerance_mm = *given.unwrap_or(&self.limits.tolerance_mm);
        let pair = Pair::new((&one.mesh, &one.pose), (&two.mesh, &two.pose));
        let within = tolerance_mm.max(self.limits.clearance_mm);
        let gap = pair.gap(within.next_up());
        let base = Finding {
            a,
            b,
            relation: Relation::Near,
            distance_mm: gap.map_or(0.0, |gap| gap.distance),
            depth_mm: 0.0,
            depth_at_most_mm: 0.0,
            tolerance_mm,
            at_mm: one.pose.transform_point3(gap.map_or(DVec3::ZERO, |gap| gap.on_a)),
        };
        match gap {
            Some(Gap { distance, .. }) if distance <= TOUCHING_MM => Some(self.crossing(base, &pair, given.is_some())),
            _ if holds(&pair) => Some(deep(base, depth(&pair, effort(tolerance_mm)), &one.pose)),
            Some(gap) if gap.distance <= tolerance_mm => Some(Finding { relation: Relation::Contact, ..base }),
            Some(_) => Some(base),
            None => None,
        }
    }

    /// Surfaces that cross touch where they do not once both are drawn in by half the tolerance.
    fn crossing(&self, base: Finding, pair: &Pair<'_>, own_tolerance: bool) -> Finding {
        let half = base.tolerance_mm / 2.0;
        let bodies = [(&pair.a, base.a), (&pair.b, base.b)];
        let [a, b] = bodies.map(|(mesh, part)| match own_tolerance {
            true => Arc::new(mesh.drawn_in(half)),
            false => Arc::clone(self.drawn_in[self.parts[part].body].get_or_init(|| Arc::new(mesh.drawn_in(half)))),
        });
        if half > 0.0 && Pair::new((&a, &DAffine3::IDENTITY), (&b, &pair.b_in_a)).crosses().is_none() {
            return Finding { relation: Relation::Contact, depth_at_most_mm: base.tolerance_mm, ..base };
        }
        deep(base, depth(pair, effort(base.tolerance_mm)), &self.parts[base.a].pose)
    }
}

fn effort(tolerance_mm: f64) -> Effort {
    Effort { fine_mm: (tolerance_mm * 0.05).clamp(0.001, 0.1), from_mm: 0.0, work: WORK }
}

fn deep(base: Finding, depth: Depth, pose: &DAffine3) -> Finding {
    let clash = depth.at_least_mm > base.tolerance_mm;
    Finding {
        relation: if clash { Relation::Clash } else { Relation::Contact },
        distance_mm: 0.0,
        depth_mm: depth.at_least_mm,
        depth_at_most_mm: depth.at_most_mm,
        at_mm: if depth.at_least_mm > 0.0 { pose.transform_point3(depth.at) } else { base.at_mm },
        ..base
    }
}

/// Whether one body lies wholly inside the other (their surfaces do not cross).
fn holds(pair: &Pair<'_>) -> bool {
    let (a, b) = (pair.a.bounds(), pair.b.bounds().moved(&pair.b_in_a));
    let in_box = |outer: Aabb, inner: Aabb| outer.lo.cmple(inner.lo).all() && outer.hi.cmpge(inner.hi).all();
    let inside =
        |mesh: &Mesh, at: DVec3| mesh.is_closed() && mesh.side(at, f64::INFINITY).is_some_and(|side| side.inside > 0.0);
    let first = |mesh: &Mesh| mesh.points.first().copied().unwrap_or(DVec3::INFINITY);
    (in_box(a, pair.b.bounds().moved(&pair.b_in_a)) && inside(pair.a, pair.b_in_a.transform_point3(first(pair.b))))
        || (in_box(b, a)
            && inside(pair.b, crate::pair::relative(&pair.b_in_a, &DAffine3::IDENTITY).transform_point3(first(pair.a))))
}

fn sort(found: &mut [Finding]) {
    found.sort_by(|x, y| {
        let depth = y.depth_mm.total_cmp(&x.depth_mm);
        x.relation
            .cmp(&y.relation)
            .then(depth)
            .then(x.distance_mm.total_cmp(&y.distance_mm))
            .then((x.a, x.b).cmp(&(y.a, y.b)))
    });
}
