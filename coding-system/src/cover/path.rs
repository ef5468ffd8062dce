//! A trajectory as a target: segments between samples, straight in longitude, latitude and metres of height. How a cell lies to them
//! goes out: never inside, because a line has no volume, and apart only when no part of a segment is in the cell even after all
//! rounding is granted.

use super::descend::{Piece, Relation, Target};
use super::edge::Corner;
use super::fixed::{Rect, Side, to_metres};

/// What a part of a segment may be off by: subunits in the plane, metres in height.
const SLACK: f64 = 64.0;
const SLACK_M: f64 = 1e-5;

/// A segment of a trajectory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leg {
    pub(crate) from: Corner,
    pub(crate) to: Corner,
    /// Heights of its ends, metres; of no account for 2D cells.
    pub(crate) heights_m: (f64, f64),
    /// The part of the way that counts, as shares of it.
    pub(crate) part: (f64, f64),
}

/// By how much more of the way counts, for the rounding of shares.
const SLACK_SHARE: f64 = 1e-12;

/// Segments in the plane or in space.
#[derive(Debug, Clone, Default)]
pub(crate) struct Path {
    pub(crate) legs: Vec<Leg>,
}

impl Leg {
    /// Is any part of the leg that counts in a cell whose heights are `heights_m`?
    fn touches(&self, cell: &Rect, heights_m: Option<(f64, f64)>) -> bool {
        let wide = |side: Side| (side.0 as f64 - SLACK, side.1 as f64 + SLACK);
        let x = share(self.from.x as f64, self.to.x as f64, wide(cell.x));
        let y = share(self.from.y as f64, self.to.y as f64, wide(cell.y));
        let z = heights_m.map_or((0.0, 1.0), |(low, high)| {
            share(self.heights_m.0, self.heights_m.1, (low - SLACK_M, high + SLACK_M))
        });
        let part = (self.part.0 - SLACK_SHARE, self.part.1 + SLACK_SHARE);
        let (from, to) = (x.0.max(y.0).max(z.0).max(part.0), x.1.min(y.1).min(z.1).min(part.1));
        from <= to
    }
}

/// From where to where on the way from `a` to `b`, as shares of it, a coordinate is within limits; an empty interval when it never is.
fn share(a: f64, b: f64, (low, high): (f64, f64)) -> (f64, f64) {
    if a == b {
        return if a >= low && a <= high { (0.0, 1.0) } else { (1.0, 0.0) };
    }
    let (s, t) = ((low - a) / (b - a), (high - a) / (b - a));
    (s.min(t).max(0.0), s.max(t).min(1.0))
}

impl Target for Path {
    fn pieces(&self, out: &mut Vec<Piece>) {
        out.extend(0..self.legs.len() as Piece);
    }

    fn relate(&self, _: &Rect, pieces: &[Piece], cell: &Rect, out: &mut Vec<Piece>) -> Relation {
        let heights_m = cell.z.map(|z| (to_metres(z.0), to_metres(z.1)));
        let before = out.len();
        out.extend(pieces.iter().copied().filter(|piece| self.legs[*piece as usize].touches(cell, heights_m)));
        if out.len() == before { Relation::Apart } else { Relation::Meets }
    }
}
