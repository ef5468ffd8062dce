//! Asking a packed tree: regions and time bands come in; runs of slots, numbers, counts or the nearest come out.

use std::{
    convert::Infallible,
    ops::{ControlFlow, Range},
};

use super::{Leaves, Packed};
use crate::{
    bounds::TimeBand,
    nearest::{Queue, Ranking},
    region::{LANES, Region, Relation, relate_kept},
};

impl<const D: usize> Packed<D> {
    /// Numbers of the points in a region, or of the boxes that may meet it, in the tree's order.
    pub fn candidates(&self, region: &impl Region<D>) -> Vec<u32> {
        self.candidates_during(region, TimeBand::ALWAYS)
    }

    /// The same for items whose time band meets the band.
    pub fn candidates_during(&self, region: &impl Region<D>, band: TimeBand) -> Vec<u32> {
        let mut found = Vec::new();
        self.visit(region, band, |slots| found.extend_from_slice(&self.numbers[slots]));
        found
    }

    /// How many points are in a region, exactly, or how many boxes may meet it. What the region covers is not visited.
    pub fn count(&self, region: &impl Region<D>) -> usize {
        self.count_during(region, TimeBand::ALWAYS)
    }

    /// The same for items whose time band meets the band.
    pub fn count_during(&self, region: &impl Region<D>, band: TimeBand) -> usize {
        let mut count = 0;
        self.visit(region, band, |slots| count += slots.len());
        count
    }

    /// Whether there is any such item.
    pub fn any(&self, region: &impl Region<D>) -> bool {
        self.search(region, TimeBand::ALWAYS, &mut |_| ControlFlow::Break(())).is_break()
    }

    /// Runs of slots, ascending, of the points in a region or the boxes that may meet it, whose time band meets the band.
    /// [`Packed::numbers`] says what stands in a slot.
    pub fn visit(&self, region: &impl Region<D>, band: TimeBand, mut take: impl FnMut(Range<usize>)) {
        let _ = self.search::<Infallible>(region, band, &mut |slots| {
            take(slots);
            ControlFlow::Continue(())
        });
    }

    /// As [`Packed::visit`], until told to stop.
    pub(crate) fn search<B>(
        &self,
        region: &impl Region<D>,
        band: TimeBand,
        take: &mut impl FnMut(Range<usize>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let timed = self.times.is_some() && band != TimeBand::ALWAYS;
        if self.is_empty() {
            return ControlFlow::Continue(());
        }
        self.descend(self.levels.len() - 1, 0, region, timed.then_some(band), take)
    }

    fn descend<B>(
        &self,
        level: usize,
        block: usize,
        region: &impl Region<D>,
        band: Option<TimeBand>,
        take: &mut impl FnMut(Range<usize>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let boxes = &self.levels[level][block];
        let (mut meets, covers) = if self.runs_on {
            relate_running(region, &boxes.lo, &boxes.hi)
        } else {
            region.relate_lanes(&boxes.lo, &boxes.hi)
        };
        while meets != 0 {
            let lane = meets.trailing_zeros();
            meets &= meets - 1;
            let node = block * LANES + lane as usize;
            let covered = covers >> lane & 1 == 1;
            let in_time = band.map_or(Relation::Covers, |band| self.node_in_time(level, node, band));
            match (covered, in_time) {
                (_, Relation::Apart) => {}
                (true, Relation::Covers) => {
                    let shift = LANES.ilog2() as usize * (level + 1);
                    take(node << shift..self.len().min((node + 1) << shift))?;
                }
                _ if level == 0 => self.in_leaf(node, region, band, take)?,
                _ => self.descend(level - 1, node, region, band, take)?,
            }
        }
        ControlFlow::Continue(())
    }

    fn in_leaf<B>(
        &self,
        leaf: usize,
        region: &impl Region<D>,
        band: Option<TimeBand>,
        take: &mut impl FnMut(Range<usize>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let first = leaf * LANES;
        let count = LANES.min(self.len() - first);
        let mut held = match &self.leaves {
            Leaves::Points(leaves) => region.holds_lanes(&leaves[leaf], count),
            Leaves::Boxes(leaves) if self.runs_on => (0..count).fold(0, |held, lane| {
                let (lo, hi) = leaves[leaf].item(lane);
                held | u32::from(relate_kept(region, &lo, &hi) != Relation::Apart) << lane
            }),
            Leaves::Boxes(leaves) => region.meets_lanes(&leaves[leaf].lo, &leaves[leaf].hi),
        };
        if let (Some(band), Some(times)) = (band, &self.times) {
            for (lane, item) in times.items[first..first + count].iter().enumerate() {
                held &= !(u32::from(!item.meets(band)) << lane);
            }
        }
        while held != 0 {
            let from = held.trailing_zeros();
            let run = (held >> from).trailing_ones();
            held &= !(((1_u64 << run) - 1) << from) as u32;
            let slot = first + from as usize;
            take(slot..slot + run as usize)?;
        }
        ControlFlow::Continue(())
    }

    fn node_in_time(&self, level: usize, node: usize, band: TimeBand) -> Relation {
        let Some(times) = &self.times else { return Relation::Covers };
        let [any, all] = times.levels[level][node];
        if !any.meets(band) {
            Relation::Apart
        } else if all.from_us <= band.to_us && band.from_us <= all.to_us {
            Relation::Covers
        } else {
            Relation::Meets
        }
    }

    /// Points nearest first with their distance in metres; or boxes with a bound of it: no point of a box is nearer.
    /// Whoever wants the nearest k boxes' things measures as they come, and stops when k are nearer than the next bound.
    pub fn nearest<'a, K: Ranking<D> + 'a>(&'a self, ranking: K) -> impl Iterator<Item = (u32, f64)> + 'a {
        let mut queue = Queue::new(ranking.limit());
        if !self.is_empty() {
            queue.push(0.0, (self.levels.len(), 0_u32));
        }
        std::iter::from_fn(move || {
            while let Some((rank, (level, index))) = queue.pop() {
                match level {
                    ITEM => return Some((self.numbers[index as usize], ranking.distance(rank))),
                    POINT => {
                        if let Leaves::Points(leaves) = &self.leaves {
                            queue.push(ranking.at(&point(leaves, index as usize)), (ITEM, index));
                        }
                    }
                    0 => self.push_items(index as usize, &ranking, &mut queue),
                    _ => self.push_nodes(level - 1, index as usize, &ranking, &mut queue),
                }
            }
            None
        })
    }

    fn push_nodes(&self, level: usize, block: usize, ranking: &impl Ranking<D>, queue: &mut Queue<(usize, u32)>) {
        let boxes = &self.levels[level][block];
        for lane in 0..LANES {
            if boxes.lo[0][lane] > boxes.hi[0][lane] {
                return;
            }
            let corner = |side: &[[f32; LANES]; D]| std::array::from_fn(|axis| f64::from(side[axis][lane]));
            let rank = ranking.at_least(&corner(&boxes.lo), &corner(&boxes.hi));
            queue.push(rank, (level, (block * LANES + lane) as u32));
        }
    }

    fn push_items(&self, leaf: usize, ranking: &impl Ranking<D>, queue: &mut Queue<(usize, u32)>) {
        let first = leaf * LANES;
        for lane in 0..LANES.min(self.len() - first) {
            let (lo, hi, kind) = match &self.leaves {
                Leaves::Points(leaves) => (point(leaves, first + lane), point(leaves, first + lane), POINT),
                Leaves::Boxes(leaves) => {
                    let (lo, hi) = leaves[leaf].item(lane);
                    (lo, hi, ITEM)
                }
            };
            queue.push(ranking.at_least(&lo, &hi), (kind, (first + lane) as u32));
        }
    }
}

/// Stands for an item with its rank where a level is asked for.
const ITEM: usize = usize::MAX;
/// Stands for a point of which only a bound is known: few ever need their rank, which takes trigonometry.
const POINT: usize = usize::MAX - 1;

fn point<const D: usize>(leaves: &[[[f64; LANES]; D]], slot: usize) -> [f64; D] {
    std::array::from_fn(|axis| leaves[slot / LANES][axis][slot % LANES])
}

/// [`Region::relate_lanes`] for boxes of which some run on beyond 180 degrees.
fn relate_running<const D: usize>(
    region: &impl Region<D>,
    lo: &[[f32; LANES]; D],
    hi: &[[f32; LANES]; D],
) -> (u32, u32) {
    let (mut meets, mut covers) = (0, 0);
    for lane in (0..LANES).filter(|lane| lo[0][*lane] <= hi[0][*lane]) {
        let corner = |side: &[[f32; LANES]; D]| std::array::from_fn(|axis| f64::from(side[axis][lane]));
        let relation = relate_kept(region, &corner(lo), &corner(hi));
        meets |= u32::from(relation != Relation::Apart) << lane;
        covers |= u32::from(relation == Relation::Covers) << lane;
    }
    (meets, covers)
}
