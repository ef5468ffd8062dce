//! The little plane geometry a cover needs. Closed rings of (x, y) come in, yes or no goes out; rings are given without repeating their
//! first point and are never checked for crossing themselves.

pub(super) type Point = (f64, f64);

/// Is the point inside the ring (even-odd rule)? Points on an edge may fall either way.
pub(super) fn inside(point: Point, ring: &[Point]) -> bool {
    edges(ring).filter(|(a, b)| (a.1 > point.1) != (b.1 > point.1) && point.0 < crossing_x(*a, *b, point.1)).count() % 2
        == 1
}

fn crossing_x(a: Point, b: Point, y: f64) -> f64 {
    a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0)
}

/// Do the borders of the two rings touch or cross?
pub(super) fn borders_meet(a: &[Point], b: &[Point]) -> bool {
    edges(a).any(|e| edges(b).any(|f| segments_meet(e, f)))
}

/// Do the two closed areas have a point in common?
pub(super) fn areas_meet(a: &[Point], b: &[Point]) -> bool {
    let first_inside = |a: &[Point], b: &[Point]| a.first().is_some_and(|p| inside(*p, b));
    bounds_meet(a, b) && (borders_meet(a, b) || first_inside(a, b) || first_inside(b, a))
}

/// West, south, east and north of a ring.
pub(super) fn bounds(ring: &[Point]) -> (f64, f64, f64, f64) {
    let start = (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    ring.iter().fold(start, |b, p| (b.0.min(p.0), b.1.min(p.1), b.2.max(p.0), b.3.max(p.1)))
}

fn bounds_meet(a: &[Point], b: &[Point]) -> bool {
    let (a, b) = (bounds(a), bounds(b));
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
