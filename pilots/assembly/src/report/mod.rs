//! What was found, for people and programs: JSON, a plain table, an HTML page that needs nothing else and prints well.

mod clash;
mod html;
mod instruction;
mod steps;

pub use clash::ClashReport;
pub use instruction::{Order, instruction};
pub use steps::SequenceReport;

use glam::DVec3;

/// Micrometres are what the figures are good for.
fn fine(mm: f64) -> f64 {
    (mm * 1e3).round() / 1e3 + 0.0
}

fn fine3(mm: DVec3) -> [f64; 3] {
    mm.to_array().map(fine)
}
