//! Fewer vertices where they would not be seen: units of a tile in, whole units out. What is left deviates by no more than
//! the tolerance from what was (Douglas and Peucker) and half a unit of rounding.

/// Tolerance, units: an eighth of a pixel where a tile is drawn as 512 pixels.
const TOLERANCE: f64 = 1.0;

/// Keeps memory between lines.
#[derive(Debug, Default)]
pub(super) struct Simplifier {
    keep: Vec<bool>,
    stack: Vec<(usize, usize)>,
}

impl Simplifier {
    /// Writes the line in whole units without repeated points; `closed`: a ring without its repeated end.
    pub(super) fn write(&mut self, line: &[[f64; 2]], closed: bool, out: &mut Vec<[i32; 2]>) {
        out.clear();
        self.mark(line, closed);
        for (point, _) in line.iter().zip(&self.keep).filter(|(_, keep)| **keep) {
            let point = point.map(|v| v.round() as i32);
            if out.last() != Some(&point) {
                out.push(point);
            }
        }
        while closed && out.len() > 1 && out.first() == out.last() {
            out.pop();
        }
    }

    fn mark(&mut self, line: &[[f64; 2]], closed: bool) {
        self.keep.clear();
        // Most buildings: nothing to leave out.
        self.keep.resize(line.len(), line.len() <= 5);
        if line.len() <= 5 {
            return;
        }
        let last = line.len() - 1;
        self.keep[0] = true;
        self.keep[last] = true;
        self.stack.clear();
        if closed {
            // A ring has no ends: it is cut at its first point and the one farthest from it.
            let far =
                (0..=last).max_by(|a, b| span(line[0], line[*a]).total_cmp(&span(line[0], line[*b]))).unwrap_or(0);
            self.keep[far] = true;
            self.stack.extend([(0, far), (far, last)]);
        } else {
            self.stack.push((0, last));
        }
        while let Some((from, to)) = self.stack.pop() {
            let off = |at: &usize| off_segment(line[*at], line[from], line[to]);
            let Some(worst) = (from + 1..to).max_by(|a, b| off(a).total_cmp(&off(b))) else { continue };
            if off(&worst) > TOLERANCE * TOLERANCE {
                self.keep[worst] = true;
                self.stack.extend([(from, worst), (worst, to)]);
            }
        }
    }
}

fn span(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

/// The square of the distance to a segment.
fn off_segment(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let along = [b[0] - a[0], b[1] - a[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let share = ((p[0] - a[0]) * along[0] + (p[1] - a[1]) * along[1]) / length;
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    span(p, [a[0] + share * along[0], a[1] + share * along[1]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_vertex_stays_near_what_is_left(
            points in prop::collection::vec([0.0..200.0f64, 0.0..200.0f64], 2..60), closed: bool,
        ) {
            let mut out = Vec::new();
            Simplifier::default().write(&points, closed, &mut out);
            let mut left: Vec<[f64; 2]> = out.iter().map(|p| p.map(f64::from)).collect();
            if closed {
                left.extend(left.first().copied());
            }
            for p in &points {
                let near = left.windows(2).map(|e| off_segment(*p, e[0], e[1])).fold(span(*p, left[0]), f64::min).sqrt();
                prop_assert!(near <= TOLERANCE + 0.75, "{near}");
            }
        }
    }

    #[test]
    fn a_straight_ring_of_many_points_keeps_its_corners() {
        let side = |n: i32| (0..n).map(f64::from);
        let mut ring: Vec<[f64; 2]> = side(50).map(|x| [x, 0.0]).collect();
        ring.extend(side(50).map(|y| [50.0, y]));
        ring.extend(side(50).map(|x| [50.0 - x, 50.0]));
        ring.extend(side(50).map(|y| [0.0, 50.0 - y]));
        let mut out = Vec::new();
        Simplifier::default().write(&ring, true, &mut out);
        assert!(out.len() <= 5 && [[0, 0], [50, 0], [50, 50], [0, 50]].iter().all(|c| out.contains(c)), "{out:?}");
    }
}
