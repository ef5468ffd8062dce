//! Asking a zone map: a region, a time band, a span of series numbers come in; runs of rows come out, ascending, each with
//! what is certain of all its rows; or zones in the order in which they may hold the nearest row.

use std::ops::{ControlFlow, Range};

use super::{Boxes, ROWS, Sides, Zones};
use crate::{
    bounds::TimeBand,
    nearest::{Queue, Ranking},
    region::{LANES, Region},
};

/// Spans of time and of series numbers, both ends inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans {
    /// The time band.
    pub band: TimeBand,
    /// Least and greatest series number, where it matters.
    pub series: Option<(u64, u64)>,
}

impl Spans {
    /// Any time, any series.
    pub const ALL: Self = Self { band: TimeBand::ALWAYS, series: None };
}

/// What holds for every row of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certain {
    /// They are in the region.
    pub in_region: bool,
    /// They are in the time band.
    pub in_band: bool,
    /// They are of the series.
    pub of_series: bool,
}

impl Certain {
    /// Whether no row of the run needs a test.
    pub fn all(self) -> bool {
        self.in_region && self.in_band && self.of_series
    }
}

/// Rows one after the other; at most a zone of them where something is not certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Numbers of the rows.
    pub rows: Range<usize>,
    /// What holds for all of them.
    pub certain: Certain,
}

/// Lanes of a block that may be meant, and those among them of which it is certain.
#[derive(Clone, Copy)]
struct Lanes {
    met: u32,
    covered: u32,
}

/// What was found of a block: lanes that may be meant, and those of which place, time and series are certain.
#[derive(Clone, Copy)]
struct Found {
    met: u32,
    place: u32,
    time: u32,
    series: u32,
}

impl Found {
    fn certain(&self, lane: usize) -> Certain {
        let holds = |covered: u32| covered >> lane & 1 == 1;
        Certain { in_region: holds(self.place), in_band: holds(self.time), of_series: holds(self.series) }
    }
}

const ALL: Lanes = Lanes { met: u32::MAX, covered: u32::MAX };

impl Zones {
    /// Runs of rows that may be in the region and the spans; no other row is. Rows without a place never are.
    pub fn search<const D: usize, B>(
        &self,
        region: &impl Region<D>,
        spans: &Spans,
        take: &mut impl FnMut(Run) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        const { assert!(D == 2 || D == 3, "a region has two axes or three") };
        self.descend_from_top(self.placed, &|boxes: &Boxes| relate(region, boxes), spans, take)
    }

    /// The same without a region: rows without a place count.
    pub fn search_spans<B>(&self, spans: &Spans, take: &mut impl FnMut(Run) -> ControlFlow<B>) -> ControlFlow<B> {
        self.descend_from_top(self.rows, &|_: &Boxes| ALL, spans, take)
    }

    /// Looks at the first `rows` rows.
    fn descend_from_top<B>(
        &self,
        rows: usize,
        relate: &impl Fn(&Boxes) -> Lanes,
        spans: &Spans,
        take: &mut impl FnMut(Run) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match rows {
            0 => ControlFlow::Continue(()),
            _ => self.descend(self.boxes.len() - 1, 0, rows, relate, spans, take),
        }
    }

    fn descend<B>(
        &self,
        level: usize,
        block: usize,
        rows: usize,
        relate: &impl Fn(&Boxes) -> Lanes,
        spans: &Spans,
        take: &mut impl FnMut(Run) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let found = self.look(level, block, rows, relate, spans);
        let mut met = found.met;
        while met != 0 {
            let lane = met.trailing_zeros() as usize;
            met &= met - 1;
            let (node, certain) = (block * LANES + lane, found.certain(lane));
            if certain.all() || level == 0 {
                take(Run { rows: rows_of(level, node, rows), certain })?;
            } else {
                self.descend(level - 1, node, rows, relate, spans, take)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn look(&self, level: usize, block: usize, rows: usize, relate: &impl Fn(&Boxes) -> Lanes, spans: &Spans) -> Found {
        let place = relate(&self.boxes[level][block]);
        let time = match self.times.get(level) {
            Some(times) if spans.band != TimeBand::ALWAYS => times[block].lanes(spans.band.from_us, spans.band.to_us),
            _ => ALL,
        };
        let series = match (self.series.get(level), spans.series) {
            (Some(series), Some((least, greatest))) => series[block].lanes(least, greatest),
            _ => ALL,
        };
        let met = place.met & time.met & series.met & present(level, block, rows);
        Found { met, place: place.covered, time: time.covered, series: series.covered }
    }

    /// Zones that may hold rows in the region and the spans, by a bound of the rank of their nearest row: no row of a zone
    /// ranks lower. Whoever looks for the nearest k tests rows as zones come and stops when k rank lower than the next bound.
    /// Rows without a place are in no zone.
    pub fn nearest<'a, const D: usize, K: Ranking<D> + 'a>(
        &'a self,
        ranking: K,
        region: Option<&'a impl Region<D>>,
        spans: &'a Spans,
    ) -> impl Iterator<Item = (f64, Run)> + 'a {
        const { assert!(D == 2 || D == 3, "a place has two axes or three") };
        let relate = move |boxes: &Boxes| region.map_or(ALL, |region| relate(region, boxes));
        let mut queue = Queue::new(ranking.limit());
        let nothing = Certain { in_region: false, in_band: false, of_series: false };
        if self.placed > 0 {
            queue.push(0.0, (self.boxes.len(), 0_usize, nothing));
        }
        std::iter::from_fn(move || {
            while let Some((rank, (level, node, certain))) = queue.pop() {
                if level == 0 {
                    return Some((rank, Run { rows: rows_of(0, node, self.placed), certain }));
                }
                let found = self.look(level - 1, node, self.placed, &relate, spans);
                let boxes = &self.boxes[level - 1][node];
                let met = (0..LANES).filter(|lane| found.met >> lane & 1 == 1);
                for lane in met.filter(|lane| boxes.lo[0][*lane] <= boxes.hi[0][*lane]) {
                    let corner = |side: &[[f32; LANES]; 3]| std::array::from_fn(|axis| f64::from(side[axis][lane]));
                    let rank = ranking.at_least(&corner(&boxes.lo), &corner(&boxes.hi));
                    queue.push(rank, (level - 1, node * LANES + lane, found.certain(lane)));
                }
            }
            None
        })
    }
}

/// How a region lies to the boxes of a block.
fn relate<const D: usize>(region: &impl Region<D>, boxes: &Boxes) -> Lanes {
    let sides = boxes.lo.first_chunk::<D>().zip(boxes.hi.first_chunk::<D>());
    sides.map_or(ALL, |(lo, hi)| {
        let (met, covered) = region.relate_lanes(lo, hi);
        Lanes { met, covered: if D == 3 { covered & !boxes.endless() } else { covered } }
    })
}

/// How many rows a node of a level holds, as a power of two.
fn shift(level: usize) -> usize {
    ROWS.ilog2() as usize + LANES.ilog2() as usize * level
}

/// Those of the first `rows` rows that are in a node.
fn rows_of(level: usize, node: usize, rows: usize) -> Range<usize> {
    node << shift(level)..rows.min((node + 1) << shift(level))
}

/// Lanes of a block that hold any of the first `rows` rows.
fn present(level: usize, block: usize, rows: usize) -> u32 {
    let nodes = rows.div_ceil(1 << shift(level));
    let lanes = LANES.min(nodes.saturating_sub(block * LANES));
    (1_u32 << lanes) - 1
}

impl Boxes {
    /// Lanes in which a row has no height: no region of space covers them.
    fn endless(&self) -> u32 {
        (0..LANES).fold(0, |bits, lane| bits | u32::from(self.hi[2][lane] == f32::INFINITY) << lane)
    }
}

impl<T: Ord + Copy> Sides<T> {
    /// Lanes whose span meets the span from `least` to `greatest`, and those that lie in it.
    #[inline]
    fn lanes(&self, least: T, greatest: T) -> Lanes {
        let (mut met, mut covered) = (0, 0);
        for lane in 0..LANES {
            let (from, to) = (self.from[lane], self.to[lane]);
            met |= u32::from(from <= greatest && least <= to) << lane;
            covered |= u32::from(least <= from && to <= greatest) << lane;
        }
        Lanes { met, covered }
    }
}
