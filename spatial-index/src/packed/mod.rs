//! The packed tree: for what is sealed. Numbered points or boxes, each with a time band if wanted, come in once; then
//! regions are asked for, counted, or the nearest taken. It never changes, and goes to bytes and back.
//!
//! Items are put in an order in which neighbours stand together (`order`), sixteen to a leaf, sixteen leaves to a node and
//! so on, all full but the last. So there are no pointers, a node's items are one run of slots, and a node that a region
//! covers is counted by subtraction and listed by copying. Items keep their f64 coordinates, which makes answers about
//! points exact; nodes have f32 corners rounded outward, sixteen side by side, so that one pass compares them all.

mod bytes;
mod order;
mod search;

use crate::{
    bounds::{Bounds, TimeBand, place},
    error::Error,
    region::{LANES, round_down, round_up},
};

/// Sixteen boxes side by side: `lo[axis][lane]`. A lane without a box is upside down.
#[derive(Debug, Clone, PartialEq)]
struct Block<T, const D: usize> {
    lo: [[T; LANES]; D],
    hi: [[T; LANES]; D],
}

impl<const D: usize> Block<f32, D> {
    const EMPTY: Self = Self { lo: [[f32::INFINITY; LANES]; D], hi: [[f32::NEG_INFINITY; LANES]; D] };
}

impl<const D: usize> Block<f64, D> {
    fn item(&self, lane: usize) -> ([f64; D], [f64; D]) {
        (std::array::from_fn(|axis| self.lo[axis][lane]), std::array::from_fn(|axis| self.hi[axis][lane]))
    }
}

/// The items, sixteen to a leaf: points have one corner, boxes two.
#[derive(Debug, Clone, PartialEq)]
enum Leaves<const D: usize> {
    Points(Vec<[[f64; LANES]; D]>),
    Boxes(Vec<Block<f64, D>>),
}

/// First and last instant of an item, by slot; and for each node of each level the least and greatest of both.
#[derive(Debug, Clone, PartialEq, Default)]
struct Times {
    items: Vec<TimeBand>,
    levels: Vec<Vec<[TimeBand; 2]>>,
}

/// A static index of numbered points or boxes; `D` is 2 (longitude, latitude) or 3 (and height).
#[derive(Debug, Clone, PartialEq)]
pub struct Packed<const D: usize> {
    numbers: Vec<u32>,
    leaves: Leaves<D>,
    /// `levels[0]` bounds the leaves, sixteen to a block; the last level is one block.
    levels: Vec<Vec<Block<f32, D>>>,
    times: Option<Times>,
    /// Whether some box runs on beyond 180 degrees.
    runs_on: bool,
}

/// What a [`Packed`] is built of.
#[derive(Debug, Clone, Default)]
pub struct PackedBuilder<const D: usize> {
    lo: Vec<[f64; D]>,
    hi: Vec<[f64; D]>,
    numbers: Vec<u32>,
    times: Vec<TimeBand>,
}

impl<const D: usize> PackedBuilder<D> {
    /// For about so many items.
    pub fn with_capacity(items: usize) -> Self {
        Self { lo: Vec::with_capacity(items), hi: Vec::new(), numbers: Vec::with_capacity(items), times: Vec::new() }
    }

    /// Adds a point.
    ///
    /// # Errors
    /// [`Error::NotABox`] where it has no place; the builder is as before.
    pub fn point(&mut self, at: [f64; D], number: u32) -> Result<&mut Self, Error> {
        let at = place(at).ok_or(Error::NotABox { number })?;
        self.add(at, at, number);
        Ok(self)
    }

    /// Adds a box; it may go over the antimeridian.
    ///
    /// # Errors
    /// [`Error::NotABox`] where it is not one; the builder is as before.
    pub fn boxed(&mut self, bounds: Bounds<D>, number: u32) -> Result<&mut Self, Error> {
        let (lo, hi) = bounds.kept().ok_or(Error::NotABox { number })?;
        self.add(lo, hi, number);
        Ok(self)
    }

    fn add(&mut self, lo: [f64; D], hi: [f64; D], number: u32) {
        // Upper corners are written down from the first box on that is not a point.
        if self.hi.is_empty() && lo != hi {
            self.hi.extend_from_slice(&self.lo);
        }
        if !self.hi.is_empty() || lo != hi {
            self.hi.push(hi);
        }
        self.lo.push(lo);
        self.numbers.push(number);
        if !self.times.is_empty() {
            self.times.push(TimeBand::ALWAYS);
        }
    }

    /// Gives the item added last a time band; items without one are always there.
    ///
    /// # Errors
    /// [`Error::NotABand`] where it ends before it begins.
    pub fn during(&mut self, band: TimeBand) -> Result<&mut Self, Error> {
        if band.from_us > band.to_us {
            return Err(Error::NotABand { number: self.numbers.last().copied().unwrap_or_default() });
        }
        self.times.resize(self.numbers.len(), TimeBand::ALWAYS);
        if let Some(last) = self.times.last_mut() {
            *last = band;
        }
        Ok(self)
    }

    /// Puts the items in order and builds the tree over them.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond what 32 bits count.
    pub fn build(self) -> Result<Packed<D>, Error> {
        const { assert!(D == 2 || D == 3, "a packed tree has two axes or three") };
        let count = self.numbers.len();
        if u32::try_from(count).is_err() {
            return Err(Error::TooMany { count });
        }
        let order = order::order(&self.lo, &self.hi);
        let slot = |at: &u32| *at as usize;
        let leaves = if self.hi.is_empty() {
            Leaves::Points(blocks::<D, false>(&self.lo, &order))
        } else {
            let upper = blocks::<D, true>(&self.hi, &order);
            let lower = blocks::<D, false>(&self.lo, &order);
            Leaves::Boxes(lower.into_iter().zip(upper).map(|(lo, hi)| Block { lo, hi }).collect())
        };
        let numbers = order.iter().map(|at| self.numbers[slot(at)]).collect();
        let times = (!self.times.is_empty()).then(|| order.iter().map(|at| self.times[slot(at)]).collect());
        Ok(Packed::over(numbers, leaves, times))
    }
}

impl<const D: usize> Packed<D> {
    /// The tree over items that are in order.
    fn over(numbers: Vec<u32>, leaves: Leaves<D>, times: Option<Vec<TimeBand>>) -> Self {
        let mut levels = vec![over_leaves(&leaves)];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let level = enclose(below.iter().map(hull));
            levels.push(level);
        }
        let times = times.map(|items| Times::over(items, levels.len()));
        let runs_on = levels.iter().flatten().any(|block| block.hi[0].iter().any(|east| *east > 180.0));
        Self { numbers, leaves, levels, times, runs_on }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Whether all items are points, so that answers are exact and not candidates.
    pub fn is_of_points(&self) -> bool {
        matches!(self.leaves, Leaves::Points(_))
    }

    /// The numbers in the tree's order. Whoever keeps the things themselves in this order reads what is near together.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Bytes of memory that are held.
    pub fn memory_bytes(&self) -> usize {
        let leaves = match &self.leaves {
            Leaves::Points(leaves) => size_of_val(leaves.as_slice()),
            Leaves::Boxes(leaves) => size_of_val(leaves.as_slice()),
        };
        let levels: usize = self.levels.iter().map(|level| size_of_val(level.as_slice())).sum();
        let times = self.times.as_ref().map_or(0, |times| {
            size_of_val(times.items.as_slice()) + times.levels.iter().map(|l| size_of_val(l.as_slice())).sum::<usize>()
        });
        size_of_val(self.numbers.as_slice()) + leaves + levels + times
    }
}

/// Corners in order, sixteen side by side; lanes without one are empty.
fn blocks<const D: usize, const UPPER: bool>(corners: &[[f64; D]], order: &[u32]) -> Vec<[[f64; LANES]; D]> {
    let empty = if UPPER { f64::NEG_INFINITY } else { f64::INFINITY };
    let block = |chunk: &[u32]| {
        let mut block = [[empty; LANES]; D];
        for (lane, at) in chunk.iter().enumerate() {
            (0..D).for_each(|axis| block[axis][lane] = corners[*at as usize][axis]);
        }
        block
    };
    order.chunks(LANES).map(block).collect()
}

fn over_leaves<const D: usize>(leaves: &Leaves<D>) -> Vec<Block<f32, D>> {
    let least = |side: &[f64; LANES]| round_down(side.iter().copied().fold(f64::INFINITY, f64::min));
    let most = |side: &[f64; LANES]| {
        round_up(side.iter().copied().filter(|v| *v < f64::INFINITY).fold(f64::NEG_INFINITY, f64::max))
    };
    match leaves {
        Leaves::Points(leaves) => enclose(leaves.iter().map(|leaf| (leaf.map(|s| least(&s)), leaf.map(|s| most(&s))))),
        Leaves::Boxes(leaves) => {
            enclose(leaves.iter().map(|leaf| (leaf.lo.map(|s| least(&s)), leaf.hi.map(|s| most(&s)))))
        }
    }
}

fn hull<const D: usize>(block: &Block<f32, D>) -> ([f32; D], [f32; D]) {
    (
        block.lo.map(|side| side.into_iter().fold(f32::INFINITY, f32::min)),
        block.hi.map(|side| side.into_iter().fold(f32::NEG_INFINITY, f32::max)),
    )
}

/// Boxes one after the other, sixteen to a block.
fn enclose<const D: usize>(boxes: impl Iterator<Item = ([f32; D], [f32; D])>) -> Vec<Block<f32, D>> {
    let mut level: Vec<Block<f32, D>> = Vec::new();
    for (at, (lo, hi)) in boxes.enumerate() {
        let lane = at % LANES;
        if lane == 0 {
            level.push(Block::EMPTY);
        }
        if let Some(block) = level.last_mut() {
            (0..D).for_each(|axis| (block.lo[axis][lane], block.hi[axis][lane]) = (lo[axis], hi[axis]));
        }
    }
    level
}

impl Times {
    fn over(items: Vec<TimeBand>, levels: usize) -> Self {
        let mut all: Vec<Vec<[TimeBand; 2]>> = Vec::with_capacity(levels);
        let first = items.chunks(LANES).map(|chunk| fold_bands(chunk.iter().map(|band| [*band, *band]))).collect();
        all.push(first);
        for _ in 1..levels {
            let below = all.last().map_or(&[][..], Vec::as_slice);
            let level = below.chunks(LANES).map(|chunk| fold_bands(chunk.iter().copied())).collect();
            all.push(level);
        }
        Self { items, levels: all }
    }
}

/// The band of all, and the band that all contain (which may be upside down).
fn fold_bands(bands: impl Iterator<Item = [TimeBand; 2]>) -> [TimeBand; 2] {
    let start = [TimeBand { from_us: i64::MAX, to_us: i64::MIN }, TimeBand { from_us: i64::MIN, to_us: i64::MAX }];
    bands.fold(start, |[any, all], [other_any, other_all]| {
        [
            TimeBand { from_us: any.from_us.min(other_any.from_us), to_us: any.to_us.max(other_any.to_us) },
            TimeBand { from_us: all.from_us.max(other_all.from_us), to_us: all.to_us.min(other_all.to_us) },
        ]
    })
}
