//! The little plane geometry a cover needs. Closed rings of (x, y) come in, yes or no goes out; rings are given without repeating their
//! first point and are never checked for crossing themselves. Edges far from what is asked about are passed over by their extent.

pub(crate) type Point = (f64, f64);

/// A polygon: its outline and its holes, with the extent of each edge.
pub(super) struct Rings {
    rings: Vec<Vec<Point>>,
    edges: Vec<(Point, Point)>,
}

impl Rings {
    /// A polygon of its rings, the outline first. Holes are turned to the side of the Earth where the outline is.
    pub(super) fn new(mut rings: Vec<Vec<Point>>) -> Self {
        let middle = rings.first().map_or(0.0, |outline| f64::midpoint(bounds(outline).0, bounds(outline).2));
        for hole in rings.iter_mut().skip(1) {
            let own = f64::midpoint(bounds(hole).0, bounds(hole).2);
            let turn = 360.0 * ((middle - own) / 360.0).round();
            for corner in hole {
                corner.0 += turn;
            }
        }
        let edges = rings.iter().flat_map(|ring| edges(ring)).collect();
        Self { rings, edges }
    }

    /// The outline; empty without rings.
    pub(super) fn outline(&self) -> &[Point] {
        self.rings.first().map_or(&[], Vec::as_slice)
    }

    /// Does the area of a ring meet this one's, and if so, does it lie wholly inside?
    pub(super) fn relation(&self, ring: &[Point]) -> Option<bool> {
        let around = bounds(ring);
        let near: Vec<_> = self.edges.iter().copied().filter(|(a, b)| bounds_meet(bounds(&[*a, *b]), around)).collect();
        if near.iter().any(|e| edges(ring).any(|f| segments_meet(*e, f))) {
            return Some(false);
        }
        // No border is crossed: the ring is inside or outside as one, unless it surrounds a ring of this area.
        let surrounds = near.iter().any(|(a, _)| inside(*a, ring));
        let within = ring.first().is_some_and(|p| crossings(*p, self.edges.iter().copied()) % 2 == 1);
        if surrounds { Some(false) } else { within.then_some(true) }
    }
}

/// Is the point inside the ring (even-odd rule)? Points on an edge may fall either way.
fn inside(point: Point, ring: &[Point]) -> bool {
    crossings(point, edges(ring)) % 2 == 1
}

/// How many edges lie east of the point.
fn crossings(point: Point, edges: impl Iterator<Item = (Point, Point)>) -> usize {
    edges.filter(|(a, b)| (a.1 > point.1) != (b.1 > point.1) && point.0 < crossing_x(*a, *b, point.1)).count()
}

fn crossing_x(a: Point, b: Point, y: f64) -> f64 {
    a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0)
}

/// Do the borders of the two rings touch or cross?
fn borders_meet(a: &[Point], b: &[Point]) -> bool {
    edges(a).any(|e| edges(b).any(|f| segments_meet(e, f)))
}

/// Do the two closed areas have a point in common?
pub(super) fn areas_meet(a: &[Point], b: &[Point]) -> bool {
    let first_inside = |a: &[Point], b: &[Point]| a.first().is_some_and(|p| inside(*p, b));
    bounds_meet(bounds(a), bounds(b)) && (borders_meet(a, b) || first_inside(a, b) || first_inside(b, a))
}

/// West, south, east and north of a ring.
pub(super) fn bounds(ring: &[Point]) -> (f64, f64, f64, f64) {
    let start = (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    ring.iter().fold(start, |b, p| (b.0.min(p.0), b.1.min(p.1), b.2.max(p.0), b.3.max(p.1)))
}

fn bounds_meet(a: (f64, f64, f64, f64), b: (f64, f64, f64, f64)) -> bool {
    a.0 <= b.2 && b.0 <= a.2 && a.1 <= b.3 && b.1 <= a.3
}

fn edges(ring: &[Point]) -> impl Iterator<Item = (Point, Point)> + '_ {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1))
}

fn segments_meet((a, b): (Point, Point), (c, d): (Point, Point)) -> bool {
    let side = |p: Point, q: Point, r: Point| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
    let (s1, s2, s3, s4) = (side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b));
    if (s1 > 0.0) != (s2 > 0.0) && (s3 > 0.0) != (s4 > 0.0) {
        return true;
    }
    let between = |p: Point, q: Point, r: Point| {
        r.0 >= p.0.min(q.0) && r.0 <= p.0.max(q.0) && r.1 >= p.1.min(q.1) && r.1 <= p.1.max(q.1)
    };
    (s1 == 0.0 && between(a, b, c))
        || (s2 == 0.0 && between(a, b, d))
        || (s3 == 0.0 && between(c, d, a))
        || (s4 == 0.0 && between(c, d, b))
}
