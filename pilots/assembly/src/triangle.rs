//! Two triangles, a point and a triangle, two segments: nearest points and distances in 64-bit floats. Triangles without
//! an area count as the segments that they are.

use glam::DVec3;

/// Three corners.
pub type Triangle = [DVec3; 3];

/// Nearest points of two things, and the square of their distance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    pub(crate) squared: f64,
    pub(crate) on_a: DVec3,
    pub(crate) on_b: DVec3,
}

impl Near {
    fn of(on_a: DVec3, on_b: DVec3) -> Self {
        Self { squared: on_a.distance_squared(on_b), on_a, on_b }
    }

    fn keep(&mut self, other: Self) {
        if other.squared < self.squared {
            *self = other;
        }
    }

    fn turned(self) -> Self {
        Self { squared: self.squared, on_a: self.on_b, on_b: self.on_a }
    }
}

/// What part of a triangle a point of it lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    Face,
    /// From corner i to the next.
    Edge(usize),
    Corner(usize),
}

/// The point of a triangle nearest to `p` (Ericson, Real-Time Collision Detection, 5.1.5).
pub(crate) fn nearest_to(p: DVec3, [a, b, c]: &Triangle) -> (DVec3, Feature) {
    let (ab, ac, ap) = (b - a, c - a, p - a);
    let (d1, d2) = (ab.dot(ap), ac.dot(ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return (*a, Feature::Corner(0));
    }
    let bp = p - b;
    let (d3, d4) = (ab.dot(bp), ac.dot(bp));
    if d3 >= 0.0 && d4 <= d3 {
        return (*b, Feature::Corner(1));
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 && d1 > d3 {
        return (a + ab * (d1 / (d1 - d3)), Feature::Edge(0));
    }
    let cp = p - c;
    let (d5, d6) = (ab.dot(cp), ac.dot(cp));
    if d6 >= 0.0 && d5 <= d6 {
        return (*c, Feature::Corner(2));
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 && d2 > d6 {
        return (a + ac * (d2 / (d2 - d6)), Feature::Edge(2));
    }
    let va = d3 * d6 - d5 * d4;
    let (along, rest) = (d4 - d3, d5 - d6);
    if va <= 0.0 && along >= 0.0 && rest >= 0.0 && along + rest > 0.0 {
        return (b + (c - b) * (along / (along + rest)), Feature::Edge(1));
    }
    let sum = va + vb + vc;
    if sum > 0.0 { (a + ab * (vb / sum) + ac * (vc / sum), Feature::Face) } else { (*a, Feature::Corner(0)) }
}

/// Nearest points of two segments (the same, 5.1.9).
fn segments(p: DVec3, p_end: DVec3, q: DVec3, q_end: DVec3) -> Near {
    let (d1, d2, r) = (p_end - p, q_end - q, p - q);
    let (a, e, f) = (d1.length_squared(), d2.length_squared(), d2.dot(r));
    let ratio = |over: f64, under: f64| if under > 0.0 { (over / under).clamp(0.0, 1.0) } else { 0.0 };
    let c = d1.dot(r);
    let b = d1.dot(d2);
    let spread = a * e - b * b;
    let mut s = if spread > 1e-14 * a * e { ((b * f - c * e) / spread).clamp(0.0, 1.0) } else { 0.0 };
    let t = if e > 0.0 { (b * s + f) / e } else { 0.0 };
    let t = if t < 0.0 || e <= 0.0 {
        s = ratio(-c, a);
        0.0
    } else if t > 1.0 {
        s = ratio(b - c, a);
        1.0
    } else {
        t
    };
    Near::of(p + d1 * s, q + d2 * t)
}

/// Where a segment goes through a triangle's inside, if it does.
pub(crate) fn pierces(p: DVec3, q: DVec3, [a, b, c]: &Triangle) -> Option<DVec3> {
    let normal = (b - a).cross(c - a);
    let (above, below) = (normal.dot(p - a), normal.dot(q - a));
    if above * below > 0.0 || above == below {
        return None;
    }
    let at = p + (q - p) * (above / (above - below));
    let inside = |from: &DVec3, to: &DVec3| normal.dot((to - from).cross(at - from)) >= 0.0;
    (inside(a, b) && inside(b, c) && inside(c, a)).then_some(at)
}

/// Whether two triangles share a point, and one of those.
pub(crate) fn meet(a: &Triangle, b: &Triangle) -> Option<DVec3> {
    let through = |edges: &Triangle, face: &Triangle| (0..3).find_map(|i| pierces(edges[i], edges[(i + 1) % 3], face));
    through(a, b).or_else(|| through(b, a))
}

/// Nearest points of two triangles; where they cross, one point that both have.
pub(crate) fn nearest(a: &Triangle, b: &Triangle) -> Near {
    if let Some(at) = meet(a, b) {
        return Near { squared: 0.0, on_a: at, on_b: at };
    }
    let mut best = Near { squared: f64::INFINITY, on_a: a[0], on_b: b[0] };
    for i in 0..3 {
        for j in 0..3 {
            best.keep(segments(a[i], a[(i + 1) % 3], b[j], b[(j + 1) % 3]));
        }
        best.keep(Near::of(a[i], nearest_to(a[i], b).0));
        best.keep(Near::of(b[i], nearest_to(b[i], a).0).turned());
    }
    best
}
