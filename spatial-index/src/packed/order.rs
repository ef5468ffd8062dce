//! The order of a packed tree. Boxes come in; an order of their indices goes out, in which every full node of every level
//! is a piece of the map cut out by halving: the widest side, in metres, is cut, at a multiple of what a node holds.

use crate::region::LANES;

/// A centre on a grid of equal steps in all directions; small, because the work is moving it about.
#[derive(Clone, Copy)]
struct Centre<const D: usize> {
    at: [u32; D],
    index: u32,
}

/// Indices of the boxes, neighbours together. `hi` is empty where all boxes are points.
pub(super) fn order<const D: usize>(lo: &[[f64; D]], hi: &[[f64; D]]) -> Vec<u32> {
    let mut centres = centres(lo, if hi.is_empty() { lo } else { hi });
    let mut capacity = LANES;
    while capacity < centres.len() {
        capacity *= LANES;
    }
    split(&mut centres, capacity / LANES);
    centres.into_iter().map(|centre| centre.index).collect()
}

/// Orders items so that every run of `capacity` is a node, and so on within it.
fn split<const D: usize>(centres: &mut [Centre<D>], mut capacity: usize) {
    while capacity >= LANES && centres.len() <= capacity {
        capacity /= LANES;
    }
    if capacity < LANES {
        return;
    }
    let nodes = centres.len().div_ceil(capacity);
    let middle = nodes / 2 * capacity;
    let axis = widest(centres);
    centres.select_nth_unstable_by_key(middle, |centre| centre.at[axis]);
    let (left, right) = centres.split_at_mut(middle);
    split(left, capacity);
    split(right, capacity);
}

fn widest<const D: usize>(centres: &[Centre<D>]) -> usize {
    let (mut least, mut most) = ([u32::MAX; D], [0; D]);
    for centre in centres {
        for axis in 0..D {
            least[axis] = least[axis].min(centre.at[axis]);
            most[axis] = most[axis].max(centre.at[axis]);
        }
    }
    (0..D).max_by_key(|axis| most[*axis].saturating_sub(least[*axis])).unwrap_or_default()
}

fn centres<const D: usize>(lo: &[[f64; D]], hi: &[[f64; D]]) -> Vec<Centre<D>> {
    let (mut least, mut most) = ([f64::INFINITY; D], [f64::NEG_INFINITY; D]);
    let centre = |at: usize| -> [f64; D] { std::array::from_fn(|axis| lo[at][axis] * 0.5 + hi[at][axis] * 0.5) };
    for at in 0..lo.len() {
        let centre = centre(at);
        for axis in 0..D {
            least[axis] = least[axis].min(centre[axis]);
            most[axis] = most[axis].max(centre[axis]);
        }
    }
    let metres = metres_a_step::<D>(least[1], most[1]);
    let width = (0..D).map(|axis| (most[axis] - least[axis]) * metres[axis]).fold(0.0, f64::max);
    let scale = metres.map(|metres| if width > 0.0 { metres * f64::from(u32::MAX) / width } else { 0.0 });
    let grid = |at: usize| {
        let centre = centre(at);
        std::array::from_fn(|axis| ((centre[axis] - least[axis]) * scale[axis]) as u32)
    };
    (0..lo.len()).map(|at| Centre { at: grid(at), index: at as u32 }).collect()
}

/// Metres of a degree of longitude and latitude in the middle of the map, and of a metre of height.
fn metres_a_step<const D: usize>(south: f64, north: f64) -> [f64; D] {
    let degree = 111_195.0;
    let across = (south * 0.5 + north * 0.5).to_radians().cos().abs().max(0.01) * degree;
    std::array::from_fn(|axis| [across, degree, 1.0][axis.min(2)])
}
