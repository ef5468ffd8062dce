//! Lines and rings cut at the border of a tile with its buffer; units of the tile in and out.

use super::{BUFFER, EXTENT};

const LEAST: f64 = -(BUFFER as f64);
const MOST: f64 = (EXTENT + BUFFER) as f64;

/// Whether all of it is inside.
pub(super) fn is_inside(line: &[[f64; 2]]) -> bool {
    line.iter().flatten().all(|v| (LEAST..=MOST).contains(v))
}

pub(super) fn holds([x, y]: [f64; 2]) -> bool {
    (LEAST..=MOST).contains(&x) && (LEAST..=MOST).contains(&y)
}

/// A ring without its repeated end, cut at the four edges one after the other (Sutherland and Hodgman). Parts that were
/// apart stay connected along the border, outside the tile.
pub(super) fn ring(ring: &mut Vec<[f64; 2]>, spare: &mut Vec<[f64; 2]>) {
    for (axis, edge, side) in [(0, LEAST, 1.0), (0, MOST, -1.0), (1, LEAST, 1.0), (1, MOST, -1.0)] {
        spare.clear();
        let inside = |p: &[f64; 2]| (p[axis] - edge) * side >= 0.0;
        let mut before = ring.last().copied().unwrap_or_default();
        for at in ring.iter() {
            if inside(at) != inside(&before) {
                spare.push(crossing(before, *at, axis, edge));
            }
            if inside(at) {
                spare.push(*at);
            }
            before = *at;
        }
        std::mem::swap(ring, spare);
    }
}

fn crossing(a: [f64; 2], b: [f64; 2], axis: usize, edge: f64) -> [f64; 2] {
    let share = (edge - a[axis]) / (b[axis] - a[axis]);
    let mut point = [0, 1].map(|i| a[i] + share * (b[i] - a[i]));
    point[axis] = edge;
    point
}

/// The pieces of a line that are inside, each given to `piece`.
pub(super) fn line(line: &[[f64; 2]], spare: &mut Vec<[f64; 2]>, mut piece: impl FnMut(&[[f64; 2]])) {
    spare.clear();
    for ends in line.windows(2) {
        let Some((from, to)) = segment(ends[0], ends[1]) else {
            piece(spare.as_slice());
            spare.clear();
            continue;
        };
        if spare.last() != Some(&from) {
            piece(spare.as_slice());
            spare.clear();
            spare.push(from);
        }
        spare.push(to);
    }
    piece(spare.as_slice());
}

/// The part of a segment that is inside (Liang and Barsky).
fn segment(a: [f64; 2], b: [f64; 2]) -> Option<([f64; 2], [f64; 2])> {
    let run = [b[0] - a[0], b[1] - a[1]];
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for axis in [0, 1] {
        for (slope, room) in [(-run[axis], a[axis] - LEAST), (run[axis], MOST - a[axis])] {
            if slope < 0.0 {
                from = from.max(room / slope);
            } else if slope > 0.0 {
                to = to.min(room / slope);
            } else if room < 0.0 {
                return None;
            }
        }
    }
    let at = |share: f64| [a[0] + share * run[0], a[1] + share * run[1]];
    let end = |share: f64| if share >= 1.0 { b } else { at(share) };
    (from <= to).then(|| (if from <= 0.0 { a } else { at(from) }, end(to)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn area(ring: &[[f64; 2]]) -> f64 {
        (0..ring.len()).map(|i| (ring[i], ring[(i + 1) % ring.len()])).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
    }

    proptest! {
        /// A rectangle cut at a rectangle is the rectangle that both share.
        #[test]
        fn a_rectangle_keeps_what_it_shares_with_the_tile(
            west in -9000.0..9000.0, north in -9000.0..9000.0, wide in 1.0..9000.0, high in 1.0..9000.0,
        ) {
            let (east, south) = (west + wide, north + high);
            let mut cut = vec![[west, north], [east, north], [east, south], [west, south]];
            ring(&mut cut, &mut Vec::new());
            let side = |from: f64, to: f64| (to.min(MOST) - from.max(LEAST)).max(0.0);
            let wanted = side(west, east) * side(north, south) * 2.0;
            prop_assert!((area(&cut) - wanted).abs() < 1e-3 * (1.0 + wanted), "{cut:?}");
            prop_assert!(is_inside(&cut));
        }

        /// The pieces are as long as the steps along the line that are inside.
        #[test]
        fn a_line_keeps_what_is_inside(points in prop::collection::vec([-6000.0..9000.0f64, -6000.0..9000.0f64], 2..8)) {
            let length = |p: &[[f64; 2]]| -> f64 { p.windows(2).map(|e| (e[1][0] - e[0][0]).hypot(e[1][1] - e[0][1])).sum() };
            let mut kept = 0.0;
            let mut all_inside = true;
            line(&points, &mut Vec::new(), |piece| {
                kept += length(piece);
                all_inside &= piece.iter().flatten().all(|v| (LEAST - 1e-6..=MOST + 1e-6).contains(v));
            });
            let mut wanted = 0.0;
            for ends in points.windows(2) {
                let steps = 4000;
                let at = |i: usize| [0, 1].map(|axis| ends[0][axis] + (ends[1][axis] - ends[0][axis]) * (i as f64 + 0.5) / steps as f64);
                wanted += length(ends) * (0..steps).filter(|i| holds(at(*i))).count() as f64 / steps as f64;
            }
            prop_assert!(all_inside && (kept - wanted).abs() < 50.0, "{kept} {wanted}");
        }
    }
}
