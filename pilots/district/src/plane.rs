//! Points and rings on the plane in metres, east and north of the district's centre: lengths, distances, insides.

/// Metres east and north.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct P {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// A closed outline, counter-clockwise, its first point not repeated.
pub(crate) type Ring = Vec<P>;

pub(crate) const fn p(x: f64, y: f64) -> P {
    P { x, y }
}

impl P {
    pub(crate) fn plus(self, other: P) -> P {
        p(self.x + other.x, self.y + other.y)
    }

    pub(crate) fn minus(self, other: P) -> P {
        p(self.x - other.x, self.y - other.y)
    }

    pub(crate) fn times(self, factor: f64) -> P {
        p(self.x * factor, self.y * factor)
    }

    pub(crate) fn dot(self, other: P) -> f64 {
        self.x * other.x + self.y * other.y
    }

    pub(crate) fn cross(self, other: P) -> f64 {
        self.x * other.y - self.y * other.x
    }

    pub(crate) fn length(self) -> f64 {
        self.x.hypot(self.y)
    }

    pub(crate) fn distance(self, other: P) -> f64 {
        self.minus(other).length()
    }

    /// The same direction, one metre long; a zero vector points east.
    pub(crate) fn unit(self) -> P {
        let length = self.length();
        if length > 1e-12 { self.times(1.0 / length) } else { p(1.0, 0.0) }
    }

    /// A quarter turn clockwise: to the right of the direction.
    pub(crate) fn right(self) -> P {
        p(self.y, -self.x)
    }

    pub(crate) fn lerp(self, other: P, share: f64) -> P {
        self.plus(other.minus(self).times(share))
    }
}

pub(crate) fn distance_to_segment(at: P, a: P, b: P) -> f64 {
    let along = b.minus(a);
    let length2 = along.dot(along);
    let share = if length2 > 0.0 { (at.minus(a).dot(along) / length2).clamp(0.0, 1.0) } else { 0.0 };
    at.distance(a.lerp(b, share))
}

pub(crate) fn distance_to_line(at: P, line: &[P]) -> f64 {
    line.windows(2).map(|w| distance_to_segment(at, w[0], w[1])).fold(f64::INFINITY, f64::min)
}

fn segments_cross(a: P, b: P, c: P, d: P) -> bool {
    let side = |p: P, q: P, r: P| q.minus(p).cross(r.minus(p));
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

fn segment_distance(a: P, b: P, c: P, d: P) -> f64 {
    if segments_cross(a, b, c, d) {
        return 0.0;
    }
    let ends = [distance_to_segment(a, c, d), distance_to_segment(b, c, d)];
    let others = [distance_to_segment(c, a, b), distance_to_segment(d, a, b)];
    ends.into_iter().chain(others).fold(f64::INFINITY, f64::min)
}

pub(crate) fn edges(ring: &[P]) -> impl Iterator<Item = (P, P)> + '_ {
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| (*a, *b))
}

/// Whether the point lies inside (crossing number; the edge itself may fall either way).
pub(crate) fn contains(ring: &[P], at: P) -> bool {
    let is_crossed =
        |(a, b): &(P, P)| (a.y > at.y) != (b.y > at.y) && at.x < a.x + (at.y - a.y) / (b.y - a.y) * (b.x - a.x);
    edges(ring).filter(is_crossed).count() % 2 == 1
}

/// The distance between two outlines; 0 where they overlap or one holds the other.
pub(crate) fn ring_distance(one: &[P], other: &[P]) -> f64 {
    let inside =
        one.first().is_some_and(|at| contains(other, *at)) || other.first().is_some_and(|at| contains(one, *at));
    if inside {
        return 0.0;
    }
    edges(one)
        .flat_map(|(a, b)| edges(other).map(move |(c, d)| segment_distance(a, b, c, d)))
        .fold(f64::INFINITY, f64::min)
}

/// The distance between an outline and a line; 0 where the line enters it.
pub(crate) fn ring_line_distance(ring: &[P], line: &[P]) -> f64 {
    if line.first().is_some_and(|at| contains(ring, *at)) {
        return 0.0;
    }
    line.windows(2)
        .flat_map(|w| edges(ring).map(move |(c, d)| segment_distance(w[0], w[1], c, d)))
        .fold(f64::INFINITY, f64::min)
}

pub(crate) fn line_length(line: &[P]) -> f64 {
    line.windows(2).map(|w| w[0].distance(w[1])).sum()
}

/// The point so far along the line, and the direction there.
pub(crate) fn along(line: &[P], mut metres: f64) -> (P, P) {
    for w in line.windows(2) {
        let length = w[0].distance(w[1]);
        if metres <= length && length > 0.0 {
            return (w[0].lerp(w[1], metres / length), w[1].minus(w[0]).unit());
        }
        metres -= length;
    }
    match line {
        [.., a, b] => (*b, b.minus(*a).unit()),
        [only] => (*only, p(1.0, 0.0)),
        [] => (p(0.0, 0.0), p(1.0, 0.0)),
    }
}

/// The piece of the line from `from` to `to` metres along it.
pub(crate) fn piece(line: &[P], from: f64, to: f64) -> Vec<P> {
    let mut out = vec![along(line, from).0];
    let mut reached = 0.0;
    for w in line.windows(2) {
        reached += w[0].distance(w[1]);
        if reached > from + 1e-6 && reached < to - 1e-6 {
            out.push(w[1]);
        }
    }
    out.push(along(line, to).0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_know_their_distance() {
        let square = |x: f64| vec![p(x, 0.0), p(x + 1.0, 0.0), p(x + 1.0, 1.0), p(x, 1.0)];
        assert!((ring_distance(&square(0.0), &square(3.0)) - 2.0).abs() < 1e-12);
        assert!(ring_distance(&square(0.0), &square(0.5)) < 1e-12);
        let large = vec![p(-9.0, -9.0), p(9.0, -9.0), p(9.0, 9.0), p(-9.0, 9.0)];
        assert!(ring_distance(&square(0.0), &large) < 1e-12, "one inside the other");
        assert!(ring_line_distance(&square(0.0), &[p(-1.0, 0.5), p(2.0, 0.5)]) < 1e-12);
        assert!((ring_line_distance(&square(0.0), &[p(-1.0, 3.0), p(2.0, 3.0)]) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_piece_keeps_the_corners_between() {
        let line = [p(0.0, 0.0), p(10.0, 0.0), p(10.0, 10.0)];
        assert_eq!(piece(&line, 5.0, 15.0), vec![p(5.0, 0.0), p(10.0, 0.0), p(10.0, 5.0)]);
        assert_eq!(along(&line, 15.0).1, p(0.0, 1.0));
    }
}
