//! Lines as a target: of no width, exactly, or as corridors of so many metres. Straight segments in degrees come in, how a cell lies to them
//! goes out. A corridor is what lies within half its width of the line on the ellipsoid; distances are bounded from both sides by the
//! radii of curvature around the cell, so a cell called inside is, and one called apart is, whatever the latitude.

use super::descend::{Piece, Relation, Target};
use super::edge::{Corner, Edge, Touch};
use super::fixed::{PER_DEGREE, Rect, Side, cut, to_degrees};
use super::shape::span;

/// Segments without width.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines {
    pub(crate) edges: Vec<Edge>,
}

impl Target for Lines {
    fn pieces(&self, out: &mut Vec<Piece>) {
        out.extend(0..self.edges.len() as Piece);
    }

    fn relate(&self, _: &Rect, pieces: &[Piece], cell: &Rect, out: &mut Vec<Piece>) -> Relation {
        let before = out.len();
        out.extend(pieces.iter().copied().filter(|piece| self.edges[*piece as usize].touch(cell) != Touch::Not));
        if out.len() == before { Relation::Apart } else { Relation::Meets }
    }
}

/// Segments and how far around them.
#[derive(Debug, Clone)]
pub(crate) struct Corridor {
    pub(crate) segments: Vec<(Corner, Corner)>,
    pub(crate) radius_m: f64,
}

/// Semi-major axis, metres, and first eccentricity squared of CGCS2000; WGS 84 differs in the tenth digit, which the share below covers.
const A_M: f64 = 6_378_137.0;
const E2: f64 = 0.006_694_380_022_9;
/// By what share distances are taken shorter or longer than computed, and by how many metres: far above all rounding.
const SHARE: f64 = 1e-9;
const NEAR_M: f64 = 1e-6;

/// Metres of one subunit of longitude and latitude.
#[derive(Clone, Copy)]
struct Scale {
    x: f64,
    y: f64,
}

impl Scale {
    /// Scales no length in a band of latitudes is below, and none is above.
    fn bounds(lat: Side, around_deg: f64) -> (Self, Self) {
        let (south, north) = (to_degrees(lat.0) - around_deg, to_degrees(lat.1) + around_deg);
        let farthest = south.abs().max(north.abs()).min(90.0).to_radians();
        let nearest = if south <= 0.0 && north >= 0.0 { 0.0 } else { south.abs().min(north.abs()).to_radians() };
        let at = |x_lat: f64, y_lat: f64| {
            let root = |lat: f64| 1.0 - E2 * lat.sin().powi(2);
            let metres = 1f64.to_radians() * A_M / PER_DEGREE;
            Self {
                x: metres * x_lat.cos().max(0.0) / root(x_lat).sqrt(),
                y: metres * (1.0 - E2) / root(y_lat).powf(1.5),
            }
        };
        (at(farthest, nearest), at(nearest, farthest))
    }
}

impl Corridor {
    /// The least and greatest latitude it can reach.
    pub(crate) fn latitudes(&self) -> Side {
        let around = (self.radius_m / 110_000.0 * PER_DEGREE) as i64;
        let ends = self.segments.iter().map(|(a, b)| (a.y.min(b.y) - around, a.y.max(b.y) + around));
        cut(span(ends), Rect::WORLD.y)
    }

    /// How a cell lies to one segment's corridor, in scales that make distances shorter and longer than they are.
    fn relate_one(&self, (a, b): (Corner, Corner), cell: &Rect, (short, long): (Scale, Scale)) -> Relation {
        let place = |x: i64, y: i64, s: Scale| ((x - cell.x.0) as f64 * s.x, (y - cell.y.0) as f64 * s.y);
        let distance = |s: Scale, x: i64, y: i64| {
            let (a, b, p) = (place(a.x, a.y, s), place(b.x, b.y, s), place(x, y, s));
            to_segment(p, a, b)
        };
        let corners = [(cell.x.0, cell.y.0), (cell.x.1, cell.y.0), (cell.x.0, cell.y.1), (cell.x.1, cell.y.1)];
        let inside_m = self.radius_m * (1.0 - SHARE) - NEAR_M;
        if corners.iter().all(|(x, y)| distance(long, *x, *y) <= inside_m) {
            return Relation::Inside;
        }
        let meets_m = self.radius_m * (1.0 + SHARE) + NEAR_M;
        let near = Edge::new(a, b).touch(cell) != Touch::Not
            || corners.iter().any(|(x, y)| distance(short, *x, *y) <= meets_m)
            || [a, b].iter().any(|end| beside(end, cell, short) <= meets_m);
        if near { Relation::Meets } else { Relation::Apart }
    }
}

/// Distance from a point to a cell.
fn beside(p: &Corner, cell: &Rect, s: Scale) -> f64 {
    let out = |v: i64, side: Side| (side.0 - v).max(v - side.1).max(0) as f64;
    (out(p.x, cell.x) * s.x).hypot(out(p.y, cell.y) * s.y)
}

/// Distance from a point to a segment in the plane.
fn to_segment(p: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length2 = dx * dx + dy * dy;
    let along = if length2 > 0.0 { (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
    (p.0 - a.0 - along * dx).hypot(p.1 - a.1 - along * dy)
}

impl Target for Corridor {
    fn pieces(&self, out: &mut Vec<Piece>) {
        out.extend(0..self.segments.len() as Piece);
    }

    fn relate(&self, _: &Rect, pieces: &[Piece], cell: &Rect, out: &mut Vec<Piece>) -> Relation {
        // Twice the radius in degrees of latitude: everything within reach of the cell lies in this band around it.
        let scales = Scale::bounds(cell.y, 2.0 * self.radius_m / 110_000.0);
        let before = out.len();
        for &piece in pieces {
            match self.relate_one(self.segments[piece as usize], cell, scales) {
                Relation::Inside => return Relation::Inside,
                Relation::Meets => out.push(piece),
                Relation::Apart => {}
            }
        }
        if out.len() == before { Relation::Apart } else { Relation::Meets }
    }
}
