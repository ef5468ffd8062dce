//! Clashes, contacts and clearances as JSON, table and page.

use std::fmt::Write as _;

use serde::Serialize;

use super::html::{page, safe};
use super::{fine, fine3};
use crate::clash::{Finding, Limits, Relation};
use crate::part::Assembly;
use crate::unit::Unit;

/// What `clash` found. Lengths are millimetres in the axes of the file.
#[derive(Debug, Clone, Serialize)]
pub struct ClashReport {
    file: String,
    unit: Unit,
    parts: usize,
    triangles: usize,
    tolerance_mm: f64,
    clearance_mm: f64,
    clashes: usize,
    contacts: usize,
    near: usize,
    /// Parts whose surface is not closed: of them "inside" is a judgement from the nearest face.
    open_parts: Vec<String>,
    pairs: Vec<Row>,
}

#[derive(Debug, Clone, Serialize)]
struct Row {
    relation: Relation,
    a: String,
    b: String,
    distance_mm: f64,
    depth_mm: f64,
    depth_at_most_mm: f64,
    tolerance_mm: f64,
    at_mm: [f64; 3],
}

impl ClashReport {
    /// Of what [`crate::Checker::all`] found.
    pub fn new(assembly: &Assembly, limits: &Limits, found: &[Finding]) -> Self {
        let id = |part: usize| assembly.parts[part].id.clone();
        let row = |f: &Finding| Row {
            relation: f.relation,
            a: id(f.a),
            b: id(f.b),
            distance_mm: fine(f.distance_mm),
            depth_mm: fine(f.depth_mm),
            depth_at_most_mm: fine(f.depth_at_most_mm),
            tolerance_mm: f.tolerance_mm,
            at_mm: fine3(f.at_mm),
        };
        let count = |relation| found.iter().filter(|f| f.relation == relation).count();
        let open = assembly.parts.iter().filter(|part| !part.mesh.is_closed());
        Self {
            file: assembly.name.clone(),
            unit: assembly.unit,
            parts: assembly.parts.len(),
            triangles: assembly.triangle_count(),
            tolerance_mm: limits.tolerance_mm,
            clearance_mm: limits.clearance_mm,
            clashes: count(Relation::Clash),
            contacts: count(Relation::Contact),
            near: count(Relation::Near),
            open_parts: open.map(|part| part.id.clone()).collect(),
            pairs: found.iter().map(row).collect(),
        }
    }

    /// How many pairs clash.
    pub fn clashes(&self) -> usize {
        self.clashes
    }

    fn summary(&self) -> String {
        let open = match self.open_parts.len() {
            0 => String::new(),
            n => format!("; {n} parts have an open surface, of which depths are a judgement"),
        };
        format!(
            "{} parts, {} triangles; {} clash, {} touch within {} mm, {} more are nearer than {} mm{open}",
            self.parts, self.triangles, self.clashes, self.contacts, self.tolerance_mm, self.near, self.clearance_mm
        )
    }

    /// One line for each pair, after one that sums up.
    pub fn table(&self) -> String {
        let mut out = format!("{}: {}\n", self.file, self.summary());
        let wide = |pick: fn(&Row) -> &str| self.pairs.iter().map(|row| pick(row).len()).max().unwrap_or(0).min(40);
        let (a, b) = (wide(|row| &row.a), wide(|row| &row.b));
        for row in &self.pairs {
            let _ = writeln!(out, "  {:7}  {:a$}  {:b$}  {}", row.relation.name(), row.a, row.b, row.words());
        }
        out
    }

    /// A page.
    pub fn html(&self) -> String {
        let mut body = format!("<h1>Clashes of {}</h1>\n<p class=\"q\">{}</p>\n", safe(&self.file), self.summary());
        body.push_str("<table><thead><tr><th></th><th>part</th><th>part</th><th class=\"n\">distance, mm</th><th class=\"n\">depth, mm</th><th class=\"n\">at x, y, z, mm</th></tr></thead><tbody>\n");
        for row in &self.pairs {
            let [x, y, z] = row.at_mm;
            let depth = if row.depth_at_most_mm > 0.0 { row.depth_words() } else { String::new() };
            let (name, a, b) = (row.relation.name(), safe(&row.a), safe(&row.b));
            let _ = writeln!(
                body,
                "<tr class=\"{name}\"><td>{name}</td><td>{a}</td><td>{b}</td><td class=\"n\">{:.3}</td><td class=\"n\">{depth}</td><td class=\"n\">{x:.1}, {y:.1}, {z:.1}</td></tr>",
                row.distance_mm
            );
        }
        body.push_str("</tbody></table>\n");
        page(&format!("Clashes of {}", self.file), &body)
    }
}

impl Row {
    fn words(&self) -> String {
        match self.relation {
            Relation::Near => format!("{:.3} mm apart", self.distance_mm),
            _ if self.depth_at_most_mm > 0.0 => format!("{} mm deep", self.depth_words()),
            _ => format!("{:.3} mm apart", self.distance_mm),
        }
    }

    /// The depth, or between what and what it lies.
    fn depth_words(&self) -> String {
        match self.depth_at_most_mm - self.depth_mm {
            more if more > 0.05 * self.depth_at_most_mm => {
                format!("{:.3} to {:.3}", self.depth_mm, self.depth_at_most_mm)
            }
            _ => format!("{:.3}", self.depth_mm),
        }
    }
}
