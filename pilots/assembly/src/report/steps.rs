//! A sequence as JSON and as a table.

use std::fmt::Write as _;

use glam::DVec3;
use serde::Serialize;

use super::{fine, fine3};
use crate::part::Assembly;
use crate::sequence::{Checked, Plan};
use crate::unit::Unit;

/// What `sequence` found. Lengths are millimetres in the axes of the file.
#[derive(Debug, Clone, Serialize)]
pub struct SequenceReport {
    file: String,
    unit: Unit,
    tolerance_mm: f64,
    /// Pairs that touch or interpenetrate in the model: how deep they are, and how deep they were allowed to be.
    allowances: Vec<AllowanceRow>,
    /// In the order of taking apart; backwards it is the order of assembly.
    pub(super) steps: Vec<StepRow>,
    stay: Vec<String>,
    stuck: Vec<StuckRow>,
}

#[derive(Debug, Clone, Serialize)]
struct AllowanceRow {
    a: String,
    b: String,
    depth_mm: f64,
    /// Null: too deep to be told apart; these two were not tested against each other.
    allowed_mm: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct StepRow {
    pub(super) step: usize,
    pub(super) parts: Vec<String>,
    /// Shifts one after the other.
    pub(super) path_mm: Vec<[f64; 3]>,
    /// Steps that have to come before: their parts are in the way.
    pub(super) after: Vec<usize>,
    pub(super) check: CheckRow,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct CheckRow {
    pub(super) free: bool,
    pub(super) positions: usize,
    /// The pair that came nearest to its allowance.
    pub(super) deepest: Option<DeepestRow>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct DeepestRow {
    pub(super) part: String,
    pub(super) other: String,
    pub(super) depth_mm: f64,
    pub(super) allowed_mm: f64,
}

#[derive(Debug, Clone, Serialize)]
struct StuckRow {
    part: String,
    blocked: Vec<BlockedRow>,
}

#[derive(Debug, Clone, Serialize)]
struct BlockedRow {
    direction: [f64; 3],
    by: String,
}

impl SequenceReport {
    /// Of a plan and what the second opinion said of its steps.
    pub fn new(assembly: &Assembly, plan: &Plan, checked: &[Checked]) -> Self {
        let id = |part: usize| assembly.parts[part].id.clone();
        // A part of a group leaves with the group and once more by itself: what counts is the first time.
        let left = |part: usize| plan.steps.iter().position(|step| step.parts.contains(&part)).map(|i| i + 1);
        let steps = plan.steps.iter().zip(checked).enumerate().map(|(i, (step, checked))| {
            let mut after: Vec<usize> = step.after.iter().filter_map(|part| left(*part)).filter(|n| *n <= i).collect();
            after.sort_unstable();
            after.dedup();
            let deepest = checked.deepest.map(|one| DeepestRow {
                part: id(one.part),
                other: id(one.other),
                depth_mm: fine(one.depth_mm),
                allowed_mm: fine(one.allowed_mm),
            });
            StepRow {
                step: i + 1,
                parts: step.parts.iter().map(|part| id(*part)).collect(),
                path_mm: step.path.iter().map(|shift| fine3(*shift)).collect(),
                after,
                check: CheckRow { free: checked.is_free(), positions: checked.positions, deepest },
            }
        });
        let blocked = |(direction, by): &(DVec3, usize)| BlockedRow { direction: fine3(*direction), by: id(*by) };
        Self {
            file: assembly.name.clone(),
            unit: assembly.unit,
            tolerance_mm: plan.tolerance_mm,
            allowances: plan
                .allowances
                .iter()
                .map(|one| AllowanceRow {
                    a: id(one.a),
                    b: id(one.b),
                    depth_mm: fine(one.depth_mm),
                    allowed_mm: one.allowed_mm.map(fine),
                })
                .collect(),
            steps: steps.collect(),
            stay: plan.stay.iter().map(|part| id(*part)).collect(),
            stuck: plan
                .stuck
                .iter()
                .map(|one| StuckRow { part: id(one.part), blocked: one.blocked.iter().map(blocked).collect() })
                .collect(),
        }
    }

    /// How many steps the second opinion did not find free.
    pub fn not_free(&self) -> usize {
        self.steps.iter().filter(|step| !step.check.free).count()
    }

    /// In words, what was found.
    pub fn summary(&self) -> String {
        let unlike =
            self.allowances.iter().filter(|one| one.allowed_mm.is_none_or(|mm| mm > self.tolerance_mm)).count();
        let untested = self.allowances.iter().filter(|one| one.allowed_mm.is_none()).count();
        let mut out = format!("{} steps", self.steps.len());
        let _ = match self.not_free() {
            0 => write!(out, ", each checked free of collision"),
            n => write!(out, ", of which the check found {n} NOT free"),
        };
        if unlike > 0 {
            let _ = write!(
                out,
                "; {unlike} pairs are in each other in the model beyond {} mm, or cannot be told apart at it, and were allowed to be ({untested} of them not tested at all)",
                self.tolerance_mm
            );
        }
        if !self.stuck.is_empty() {
            let _ = write!(out, "; {} parts did NOT come out", self.stuck.len());
        }
        out
    }

    /// One line for each step.
    pub fn table(&self) -> String {
        let mut out = format!("{}: {}\n", self.file, self.summary());
        for step in &self.steps {
            let path: Vec<String> =
                step.path_mm.iter().map(|p| format!("{:.1},{:.1},{:.1}", p[0], p[1], p[2])).collect();
            let free = if step.check.free { "" } else { "  NOT FREE" };
            let _ = writeln!(out, "  {:4}  {}  by {} mm{free}", step.step, step.parts.join(" + "), path.join(" then "));
        }
        for one in &self.stuck {
            let by: std::collections::BTreeSet<&str> = one.blocked.iter().map(|b| b.by.as_str()).collect();
            let _ = writeln!(out, "  stuck {}  by {}", one.part, by.into_iter().collect::<Vec<_>>().join(", "));
        }
        out
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    pub(super) fn allowance_rows(&self) -> impl Iterator<Item = (&str, &str, f64, Option<f64>)> {
        let unlike = self.allowances.iter().filter(|one| one.allowed_mm.is_none_or(|mm| mm > self.tolerance_mm));
        unlike.map(|one| (one.a.as_str(), one.b.as_str(), one.depth_mm, one.allowed_mm))
    }
}
