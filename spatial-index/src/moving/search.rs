//! Asking the moving objects: regions come in, objects come out. Blocks and cells that a region covers are not tested.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::{MovingIndex, Object, Position, grid::Block};
use crate::{
    bounds::LonLatBox,
    earth::widened,
    error::Error,
    nearest::{Near, Ranking},
    region::{Region, Relation},
};

/// A degree of latitude, about, metres.
const DEGREE_M: f64 = 111_195.0;

impl MovingIndex {
    /// Calls with every object in a region, exactly, in no particular order.
    pub fn visit(&self, region: &impl Region<2>, mut take: impl FnMut(u32, &Position)) {
        self.walk(
            region.bounds(),
            |lo, hi| region.relate(lo, hi),
            |objects, covered| {
                for object in objects {
                    let Position { lon_deg, lat_deg, .. } = object.position;
                    if covered || region.holds(&[lon_deg, lat_deg]) {
                        take(object.number, &object.position);
                    }
                }
            },
        );
    }

    /// The same for a region with heights. An object whose height is not known is in none.
    pub fn visit_volume(&self, region: &impl Region<3>, mut take: impl FnMut(u32, &Position)) {
        let [bottom, top] = self.heights;
        let bounds = region.bounds();
        if bottom > top || bounds.min[2] > top || bounds.max[2] < bottom {
            return;
        }
        let base = LonLatBox { min: [bounds.min[0], bounds.min[1]], max: [bounds.max[0], bounds.max[1]] };
        self.walk(
            base,
            |lo, hi| region.relate(&[lo[0], lo[1], bottom], &[hi[0], hi[1], top]),
            |objects, covered| {
                for object in objects {
                    let Position { lon_deg, lat_deg, height_m, .. } = object.position;
                    if !height_m.is_nan() && (covered || region.holds(&[lon_deg, lat_deg, height_m])) {
                        take(object.number, &object.position);
                    }
                }
            },
        );
    }

    /// Numbers of the objects in a region, in no particular order.
    pub fn numbers_in(&self, region: &impl Region<2>) -> Vec<u32> {
        let mut found = Vec::new();
        self.visit(region, |number, _| found.push(number));
        found
    }

    /// How many objects are in a region. Covered blocks are not visited.
    pub fn count(&self, region: &impl Region<2>) -> usize {
        let mut count = 0;
        for block in self.grid.blocks_in(region.bounds()) {
            let (lo, hi) = self.grid.block_box(block);
            match region.relate(&lo, &hi) {
                Relation::Apart => {}
                Relation::Covers => count += block.count as usize,
                Relation::Meets => self.walk_cells(block, &|lo, hi| region.relate(lo, hi), &mut |objects, covered| {
                    let holds = |o: &&Object| region.holds(&[o.position.lon_deg, o.position.lat_deg]);
                    count += if covered { objects.len() } else { objects.iter().filter(holds).count() };
                }),
            }
        }
        count
    }

    /// The nearest objects, at most `k`, nearest first with their distance in metres ([`crate::distance_m`]), no farther
    /// than `within_m` metres (which may be infinite).
    ///
    /// # Errors
    /// [`Error::Shape`] where it is not asked from a place, or the limit is not a length.
    pub fn nearest(&self, from: [f64; 2], k: usize, within_m: f64) -> Result<Vec<(u32, f64)>, Error> {
        let near = Near::new(from, within_m)?;
        let k = k.min(self.len());
        if k == 0 {
            return Ok(Vec::new());
        }
        let mut best = Best::new(k);
        // A cell's width at first, then ever farther, until the k-th is nearer than all that was not looked at.
        let mut aside_m = DEGREE_M / self.grid.cells_a_degree();
        loop {
            best.start(near.limit().min(aside_m * aside_m));
            let window = self.grid.blocks_in(widened(LonLatBox::point(from), aside_m));
            let all = window.is_everything();
            if all {
                best.start(near.limit());
            }
            window.for_each(|block| self.rank(block, &near, &mut best));
            if all || best.is_full() || near.limit() <= aside_m * aside_m {
                return Ok(best.into_sorted(&near));
            }
            aside_m *= 2.0;
        }
    }

    fn rank(&self, block: &Block, near: &Near, best: &mut Best) {
        let (lo, hi) = self.grid.block_box(block);
        if near.at_least(&lo, &hi) > best.worst() {
            return;
        }
        for cell in bits(block.occupied) {
            let (lo, hi) = self.grid.cell_box(block, cell);
            if near.at_least(&lo, &hi) > best.worst() {
                continue;
            }
            for object in self.grid.objects(block, cell) {
                let at = [object.position.lon_deg, object.position.lat_deg];
                if near.at_least(&at, &at) <= best.worst() {
                    best.offer(near.at(&at), object.number);
                }
            }
        }
    }

    fn walk(
        &self,
        bounds: LonLatBox,
        relate: impl Fn(&[f64; 2], &[f64; 2]) -> Relation,
        mut take: impl FnMut(&[Object], bool),
    ) {
        for block in self.grid.blocks_in(bounds) {
            let (lo, hi) = self.grid.block_box(block);
            match relate(&lo, &hi) {
                Relation::Apart => {}
                Relation::Covers => {
                    bits(block.occupied).for_each(|cell| take(self.grid.objects(block, cell), true));
                }
                Relation::Meets => self.walk_cells(block, &relate, &mut take),
            }
        }
    }

    fn walk_cells(
        &self,
        block: &Block,
        relate: &impl Fn(&[f64; 2], &[f64; 2]) -> Relation,
        take: &mut impl FnMut(&[Object], bool),
    ) {
        for cell in bits(block.occupied) {
            let (lo, hi) = self.grid.cell_box(block, cell);
            match relate(&lo, &hi) {
                Relation::Apart => {}
                relation => take(self.grid.objects(block, cell), relation == Relation::Covers),
            }
        }
    }
}

fn bits(mut set: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (set != 0).then(|| set.trailing_zeros())?;
        set &= set - 1;
        Some(bit)
    })
}

/// The best so far, worst on top.
struct Best {
    heap: BinaryHeap<Ranked>,
    k: usize,
    limit: f64,
}

#[derive(PartialEq)]
struct Ranked {
    rank: f64,
    number: u32,
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.total_cmp(&other.rank).then(self.number.cmp(&other.number))
    }
}

impl Best {
    fn new(k: usize) -> Self {
        Self { heap: BinaryHeap::with_capacity(k.min(1024) + 1), k, limit: f64::INFINITY }
    }

    /// Forgets all, and takes nothing beyond a rank.
    fn start(&mut self, limit: f64) {
        self.heap.clear();
        self.limit = limit;
    }

    fn is_full(&self) -> bool {
        self.heap.len() >= self.k
    }

    /// What is farther cannot be among the best.
    fn worst(&self) -> f64 {
        if self.heap.len() < self.k { self.limit } else { self.heap.peek().map_or(self.limit, |ranked| ranked.rank) }
    }

    fn offer(&mut self, rank: f64, number: u32) {
        if rank <= self.worst() {
            self.heap.push(Ranked { rank, number });
            if self.heap.len() > self.k {
                self.heap.pop();
            }
        }
    }

    fn into_sorted(self, near: &Near) -> Vec<(u32, f64)> {
        self.heap.into_sorted_vec().into_iter().map(|ranked| (ranked.number, near.distance(ranked.rank))).collect()
    }
}
