//! A second opinion on a plan: every step is walked in short strides on the bodies as they are in the file, not drawn in,
//! and at every stride the depth of everything that moves in everything that stays is measured. It shares no test of motion
//! with the search.

use glam::DVec3;

use super::{Plan, Step};
use crate::broad::Broad;
use crate::depth::{Effort, depth};
use crate::pair::Pair;
use crate::parallel::each;
use crate::part::{Assembly, Part};
use crate::tree::Aabb;

/// The deepest that a step came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deepest {
    /// The part that moved.
    pub part: usize,
    /// The part that stood.
    pub other: usize,
    /// Millimetres, at least.
    pub depth_mm: f64,
    /// How deep these two may be in each other.
    pub allowed_mm: f64,
}

/// What the second opinion found of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Positions that were looked at.
    pub positions: usize,
    /// Pairs whose surfaces crossed, at all positions together.
    pub crossings: usize,
    /// Where a pair came nearest to its allowance, or beyond; `None` where nothing ever crossed.
    pub deepest: Option<Deepest>,
}

impl Checked {
    /// Whether every pair kept within its allowance.
    pub fn is_free(&self) -> bool {
        self.deepest.is_none_or(|deepest| deepest.depth_mm <= deepest.allowed_mm)
    }
}

/// Checks every step; strides are `stride_mm` long for the first hundred, and then grow by a tenth each.
pub fn check(assembly: &Assembly, plan: &Plan, stride_mm: f64) -> Vec<Checked> {
    let boxes: Vec<Aabb> = assembly.parts.iter().map(Part::bounds).collect();
    each(plan.steps.len(), |i| step(assembly, plan, &plan.steps[i], &boxes, stride_mm))
}

fn step(assembly: &Assembly, plan: &Plan, step: &Step, boxes: &[Aabb], stride_mm: f64) -> Checked {
    let mut broad = Broad::new(boxes);
    (0..boxes.len()).filter(|part| !step.against.contains(part)).for_each(|part| broad.remove(part));
    let mut out = Checked { positions: 0, crossings: 0, deepest: None };
    for shift in positions(&step.path, stride_mm) {
        out.positions += 1;
        for part in &step.parts {
            let own = boxes[*part];
            for other in broad.near(Aabb { lo: own.lo + shift, hi: own.hi + shift }) {
                look(assembly, plan, (*part, shift, other), &mut out);
            }
        }
    }
    out
}

/// Shifts along a path.
fn positions(path: &[DVec3], stride_mm: f64) -> Vec<DVec3> {
    let mut out = vec![DVec3::ZERO];
    let mut from = DVec3::ZERO;
    for travel in path {
        let (length, mut at, mut stride) = (travel.length(), 0.0, stride_mm);
        let direction = travel.normalize_or_zero();
        let mut count = 0;
        while at + stride < length {
            at += stride;
            count += 1;
            stride = if count > 100 { stride * 1.1 } else { stride };
            out.push(from + direction * at);
        }
        from += *travel;
        out.push(from);
    }
    out
}

fn look(assembly: &Assembly, plan: &Plan, (part, shift, other): (usize, DVec3, usize), out: &mut Checked) {
    let known = plan.allowances.iter().find(|one| (one.a, one.b) == (part.min(other), part.max(other)));
    let Some(allowed_mm) = known.map_or(Some(plan.tolerance_mm), |one| one.allowed_mm) else { return };
    let (one, two) = (&assembly.parts[part], &assembly.parts[other]);
    let mut pose = one.pose;
    pose.translation += shift;
    let pair = Pair::new((&one.mesh, &pose), (&two.mesh, &two.pose));
    if pair.crosses().is_none() {
        return;
    }
    out.crossings += 1;
    let effort = Effort { fine_mm: allowed_mm * 0.1, from_mm: allowed_mm, work: 300 };
    let depth_mm = depth(&pair, effort).at_least_mm;
    if out.deepest.is_none_or(|deepest| depth_mm / allowed_mm > deepest.depth_mm / deepest.allowed_mm) {
        out.deepest = Some(Deepest { part, other, depth_mm, allowed_mm });
    }
}
