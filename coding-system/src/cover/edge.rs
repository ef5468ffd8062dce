//! A straight edge in fixed-point coordinates and how it lies to a cell. Two corners come in; touching is answered generously for slanted edges
//! (a few subunits, nanometres on the ground, more than all rounding) and exactly for those along an axis; which side of an edge a
//! point lies on is answered exactly in 128-bit integers, with ties broken as if the point stood a hair further east.

use super::fixed::{Rect, Side};

/// How many subunits a slanted edge is taken to be nearer than it is: more than the rounding of corners, positions and this test.
const SLACK: i64 = 8;

/// A corner in subunits; longitudes may run beyond the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corner {
    pub(crate) x: i64,
    pub(crate) y: i64,
}

/// How an edge lies to a closed cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    Not,
    /// Only along the cell's own border.
    Border,
    /// Through the cell, or as near as rounding.
    Through,
}

/// An edge from one corner to another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge {
    a: Corner,
    b: Corner,
    x: Side,
    y: Side,
}

impl Edge {
    pub(crate) fn new(a: Corner, b: Corner) -> Self {
        let slack = if a.x == b.x || a.y == b.y { 0 } else { SLACK };
        let side = |a: i64, b: i64| (a.min(b) - slack, a.max(b) + slack);
        Self { a, b, x: side(a.x, b.x), y: side(a.y, b.y) }
    }

    /// The intervals the edge spans, slack included.
    pub(crate) fn bounds(&self) -> (Side, Side) {
        (self.x, self.y)
    }

    #[inline]
    pub(crate) fn touch(&self, cell: &Rect) -> Touch {
        let (x, y) = (cell.x, cell.y);
        if self.x.0 > x.1 || self.x.1 < x.0 || self.y.0 > y.1 || self.y.1 < y.0 {
            return Touch::Not;
        }
        if self.x.0 == self.x.1 {
            return if self.x.0 == x.0 || self.x.0 == x.1 { Touch::Border } else { Touch::Through };
        }
        if self.y.0 == self.y.1 {
            return if self.y.0 == y.0 || self.y.0 == y.1 { Touch::Border } else { Touch::Through };
        }
        // Doubled, so that the cell's middle is whole. Every number here is below 2^54, so the rounding of the products is below the slack.
        let (dx, dy) = ((self.b.x - self.a.x) as f64, (self.b.y - self.a.y) as f64);
        let (to_x, to_y) = ((x.0 + x.1 - 2 * self.a.x) as f64, (y.0 + y.1 - 2 * self.a.y) as f64);
        let (wide, high) = ((x.1 - x.0 + 2 * SLACK) as f64, (y.1 - y.0 + 2 * SLACK) as f64);
        let apart = (dx * to_y - dy * to_x).abs() > dx.abs() * high + dy.abs() * wide;
        if apart { Touch::Not } else { Touch::Through }
    }

    /// Does the way from one reference point to another, first north or south and then east or west, cross the edge an odd number of times?
    /// Points are in half subunits and odd, so that none has a corner's longitude or latitude.
    #[inline]
    pub(crate) fn crossed(&self, from: Corner, to: Corner) -> bool {
        self.crossed_upward(from, to.y) ^ self.crossed_eastward(from.x, to)
    }

    #[inline]
    fn crossed_upward(&self, from: Corner, to_y: i64) -> bool {
        let (a, b) = (self.a, self.b);
        if from.y == to_y || (2 * a.x > from.x) == (2 * b.x > from.x) {
            return false;
        }
        let (low, high) = (from.y.min(to_y), from.y.max(to_y));
        if 2 * a.y.max(b.y) < low || 2 * a.y.min(b.y) > high {
            return false;
        }
        self.is_above(from.x, from.y) != self.is_above(from.x, to_y)
    }

    #[inline]
    fn crossed_eastward(&self, from_x: i64, to: Corner) -> bool {
        let (a, b) = (self.a, self.b);
        if from_x == to.x || (2 * a.y > to.y) == (2 * b.y > to.y) {
            return false;
        }
        let (low, high) = (from_x.min(to.x), from_x.max(to.x));
        if 2 * a.x.max(b.x) < low || 2 * a.x.min(b.x) > high {
            return false;
        }
        self.is_east(from_x, to.y) != self.is_east(to.x, to.y)
    }

    /// Is the point north of the edge, which spans its longitude?
    fn is_above(&self, x: i64, y: i64) -> bool {
        let (l, r) = if self.a.x < self.b.x { (self.a, self.b) } else { (self.b, self.a) };
        let side = cross(l, r, x, y);
        side > 0 || (side == 0 && r.y < l.y)
    }

    /// Is the point east of the edge, which spans its latitude?
    fn is_east(&self, x: i64, y: i64) -> bool {
        let (low, high) = if self.a.y < self.b.y { (self.a, self.b) } else { (self.b, self.a) };
        cross(low, high, x, y) <= 0
    }
}

/// Twice the cross product of the edge and the way from its start to a point in half subunits.
fn cross(from: Corner, to: Corner, x: i64, y: i64) -> i128 {
    let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
    product(to.x - from.x, y - 2 * from.y) - product(to.y - from.y, x - 2 * from.x)
}
