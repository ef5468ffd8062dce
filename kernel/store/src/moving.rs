//! Where everything that moves is now: the newest fix of each thing that is not gone, found by region or by nearness. The
//! writer puts each commit in once it is durable; readers see commits whole and never wait for the writer. Nothing of it is
//! on disk: it is made anew from the latest fixes when a folder is opened.

use std::sync::{Arc, OnceLock};

use kernel_model::{EntityId, PositionFix};
use spatial_index::{MovingIndex, Position, Region, SharedMoving};

/// Ids in the first block; each block has twice as many as the one before.
const FIRST_BLOCK: u32 = 1024;
/// So many blocks hold every number there can be.
const BLOCKS: usize = 23;

/// A thing that is elsewhere now, or gone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    /// Its number among those that ever moved.
    pub(crate) number: u32,
    pub(crate) entity: EntityId,
    /// Where it is; `None`: gone.
    pub(crate) fix: Option<PositionFix>,
}

impl Move {
    fn change(&self) -> (u32, Option<Position>) {
        let position = |fix: PositionFix| Position {
            lon_deg: fix.place.lon_deg,
            lat_deg: fix.place.lat_deg,
            height_m: fix.place.height_m.unwrap_or(f64::NAN),
            time_us: fix.time.0,
        };
        (self.number, self.fix.map(position))
    }
}

/// Ids by number, read while more are added: blocks stay where they are, a number is given once.
#[derive(Debug, Default)]
struct Ids {
    blocks: [OnceLock<Box<[OnceLock<EntityId>]>>; BLOCKS],
}

impl Ids {
    /// Block of a number and its place there.
    fn spot(number: u32) -> (usize, usize) {
        let shifted = u64::from(number) + u64::from(FIRST_BLOCK);
        let block = (shifted / u64::from(FIRST_BLOCK)).ilog2();
        (block as usize, (shifted - (u64::from(FIRST_BLOCK) << block)) as usize)
    }

    fn add(&self, number: u32, id: EntityId) {
        let (block, at) = Self::spot(number);
        let room = || (0..(FIRST_BLOCK as usize) << block).map(|_| OnceLock::new()).collect();
        if let Some(spot) = self.blocks.get(block).and_then(|block| block.get_or_init(room).get(at)) {
            spot.get_or_init(|| id);
        }
    }

    fn get(&self, number: u32) -> Option<EntityId> {
        let (block, at) = Self::spot(number);
        self.blocks.get(block)?.get()?.get(at)?.get().copied()
    }
}

/// The moving things, shared between the writer and readers.
#[derive(Debug, Default)]
pub(crate) struct Moving {
    index: SharedMoving,
    ids: Ids,
}

impl Moving {
    /// Of things that are somewhere already.
    pub(crate) fn of(moves: &[Move]) -> Self {
        let (mut index, ids) = (MovingIndex::default(), Ids::default());
        let mut there = Vec::with_capacity(moves.len());
        for one in moves {
            ids.add(one.number, one.entity);
            let (number, position) = one.change();
            there.extend(position.map(|position| (number, position)));
        }
        said(index.upsert_all(&there));
        Self { index: SharedMoving::new(index), ids }
    }

    /// Puts a commit in.
    pub(crate) fn apply(&self, moves: &[Move]) {
        if moves.is_empty() {
            return;
        }
        for one in moves {
            self.ids.add(one.number, one.entity);
        }
        let changes: Vec<_> = moves.iter().map(Move::change).collect();
        said(self.index.apply(&changes));
    }
}

/// A commit takes no fix that is off the globe, so that the index takes every fix that was kept. Where it did not, the commit
/// is kept nonetheless: it is durable.
fn said(taken: Result<(), spatial_index::Error>) {
    if let Err(error) = taken {
        tracing::error!(%error, "a defect, please report it: the index of moving things refuses a fix that was kept");
    }
}

/// What moves, as of the last commit: the readers' view of it. Clones are cheap and may go to any thread.
#[derive(Debug, Clone)]
pub struct MovingThings(pub(crate) Arc<Moving>);

impl MovingThings {
    /// Every thing in a region with its newest fix, exactly, in no particular order.
    pub fn within(&self, region: &impl Region<2>) -> Vec<(EntityId, Position)> {
        let mut found = Vec::new();
        self.0.index.read().visit(region, |number, position| found.push((number, *position)));
        self.named(found)
    }

    /// Ids of the things in a region, exactly, in no particular order.
    pub fn ids_within(&self, region: &impl Region<2>) -> Vec<EntityId> {
        let numbers = self.0.index.read().numbers_in(region);
        numbers.into_iter().filter_map(|number| self.0.ids.get(number)).collect()
    }

    /// The same for a region with heights above the ellipsoid; things whose height is not known are in none.
    pub fn within_volume(&self, region: &impl Region<3>) -> Vec<(EntityId, Position)> {
        let mut found = Vec::new();
        self.0.index.read().visit_volume(region, |number, position| found.push((number, *position)));
        self.named(found)
    }

    /// How many things are in a region.
    pub fn count(&self, region: &impl Region<2>) -> usize {
        self.0.index.read().count(region)
    }

    /// The nearest things, at most `most`, nearest first with their distance in metres, no farther than `within_m` metres
    /// (which may be infinite).
    ///
    /// # Errors
    /// Where it is not asked from a place, or the limit is not a length.
    pub fn nearest(
        &self,
        from_lon_lat: [f64; 2],
        most: usize,
        within_m: f64,
    ) -> Result<Vec<(EntityId, f64)>, spatial_index::Error> {
        Ok(self.named(self.0.index.read().nearest(from_lon_lat, most, within_m)?))
    }

    /// How many things there are.
    pub fn len(&self) -> usize {
        self.0.index.read().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn named<T>(&self, found: Vec<(u32, T)>) -> Vec<(EntityId, T)> {
        found.into_iter().filter_map(|(number, what)| Some((self.0.ids.get(number)?, what))).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_number_has_a_spot_of_its_own() {
        let ids = Ids::default();
        let numbers = (0..5000).chain([1 << 20, (1 << 20) + 1]);
        numbers.clone().for_each(|number| ids.add(number, EntityId(Uuid::from_u128(u128::from(number) + 7))));
        assert!(numbers.into_iter().all(|n| ids.get(n) == Some(EntityId(Uuid::from_u128(u128::from(n) + 7)))));
        assert_eq!((ids.get(5000), ids.get(u32::MAX)), (None, None));
        let (block, at) = Ids::spot(u32::MAX);
        assert!(block < BLOCKS && at < (FIRST_BLOCK as usize) << block);
    }
}
