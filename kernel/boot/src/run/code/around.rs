//! The cells around a cell, one code a line.

use anyhow::Context;
use coding_system::{Adjacency, AnyCell};

use crate::cli::NeighboursArgs;

pub(super) fn around(args: &NeighboursArgs) -> anyhow::Result<()> {
    let cell = AnyCell::parse(&args.code).with_context(|| args.code.clone())?;
    let across = match args.across.as_str() {
        "face" => Adjacency::Face,
        "edge" => Adjacency::Edge,
        _ => Adjacency::Corner,
    };
    let cells = match (args.disk, args.ring) {
        (Some(steps), _) => cell.disk(steps)?,
        (None, Some(steps)) => cell.ring(steps)?,
        (None, None) => cell.neighbours(across),
    };
    super::lines(cells.iter().map(|cell| cell.text().to_string()))
}
