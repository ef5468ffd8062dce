//! The grid under the moving objects: blocks of eight by eight cells, and buckets of objects. It knows cells and spots,
//! not which object is where: that is the index's.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::Object;
use crate::bounds::LonLatBox;

/// Cells along a side of a block.
const SIDE: u32 = 8;
/// No bucket.
const NONE: u32 = u32::MAX;
/// Degrees by which a cell's box is widened: more than the rounding of its corners.
const SLACK_DEG: f64 = 1e-9;

/// A map by number, hashed by one multiplication.
pub(super) type Numbers<T> = HashMap<u32, T, BuildHasherDefault<Multiply>>;

/// Multiplies by an odd constant and folds: for keys that are small whole numbers and not an enemy's choice.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * u128::from(0x9E37_79B9_7F4A_7C15_u64);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

/// A cell: column and row.
pub(super) type Cell = [u32; 2];

/// The objects of one cell.
#[derive(Debug, Clone, Default)]
struct Bucket {
    cell: Cell,
    objects: Vec<Object>,
}

/// Eight by eight cells.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Column and row of its first cell, in blocks.
    pub(super) at: [u32; 2],
    /// A bit for each cell with objects.
    pub(super) occupied: u64,
    /// How many objects there are.
    pub(super) count: u32,
    buckets: [u32; (SIDE * SIDE) as usize],
}

/// All blocks and buckets.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    cells_a_degree: f64,
    by_place: HashMap<u64, u32, BuildHasherDefault<Multiply>>,
    pub(super) blocks: Vec<Block>,
    buckets: Vec<Bucket>,
    /// Buckets without a cell, with the memory they had.
    spare: Vec<u32>,
}

impl Grid {
    pub(super) fn new(cells_a_degree: f64) -> Self {
        Self { cells_a_degree, by_place: HashMap::default(), blocks: vec![], buckets: vec![], spare: vec![] }
    }

    /// The cell of a place on the globe; never falls as longitude or latitude rise.
    pub(super) fn cell(&self, lon: f64, lat: f64) -> Cell {
        [((lon + 180.0) * self.cells_a_degree) as u32, ((lat + 90.0) * self.cells_a_degree) as u32]
    }

    pub(super) fn block_of(cell: Cell) -> [u32; 2] {
        cell.map(|index| index / SIDE)
    }

    /// A box around so many cells from one on, a little wider than they are.
    fn around(&self, cell: Cell, cells: u32) -> ([f64; 2], [f64; 2]) {
        let edge = |index: u32, from: f64| f64::from(index) / self.cells_a_degree - from;
        let lo = [edge(cell[0], 180.0) - SLACK_DEG, edge(cell[1], 90.0) - SLACK_DEG];
        let hi = [edge(cell[0] + cells, 180.0) + SLACK_DEG, edge(cell[1] + cells, 90.0) + SLACK_DEG];
        ([lo[0].max(-180.0), lo[1].max(-90.0)], [hi[0].min(180.0), hi[1].min(90.0)])
    }

    pub(super) fn block_box(&self, block: &Block) -> ([f64; 2], [f64; 2]) {
        self.around(block.at.map(|index| index * SIDE), SIDE)
    }

    pub(super) fn cell_box(&self, block: &Block, cell: u32) -> ([f64; 2], [f64; 2]) {
        self.around([block.at[0] * SIDE + cell % SIDE, block.at[1] * SIDE + cell / SIDE], 1)
    }

    /// The objects of an occupied cell of a block.
    pub(super) fn objects(&self, block: &Block, cell: u32) -> &[Object] {
        self.buckets.get(block.buckets[cell as usize] as usize).map_or(&[], |bucket| &bucket.objects)
    }

    /// The objects of a cell.
    pub(super) fn objects_at(&self, cell: Cell) -> &[Object] {
        let block = self.by_place.get(&key(Self::block_of(cell))).and_then(|index| self.blocks.get(*index as usize));
        block.map_or(&[], |block| self.objects(block, within(cell) as u32))
    }

    pub(super) fn cells_a_degree(&self) -> f64 {
        self.cells_a_degree
    }

    /// The blocks that a box may meet, each once; all of them where looking them up one by one would take longer.
    pub(super) fn blocks_in(&self, bounds: LonLatBox) -> BlocksIn<'_> {
        let (pieces, count) = bounds.pieces();
        let mut spans: Vec<[u32; 2]> = Vec::with_capacity(count);
        let mut rows = [u32::MAX, 0];
        for piece in &pieces[..count] {
            let [first, south] = Self::block_of(self.cell(piece.min[0], piece.min[1].max(-90.0)));
            let [last, north] = Self::block_of(self.cell(piece.max[0], piece.max[1].min(90.0)));
            rows = [south, north];
            spans.push([first, last]);
        }
        spans.sort_unstable();
        spans.dedup_by(|next, kept| {
            let joined = next[0] <= kept[1];
            if joined {
                kept[1] = kept[1].max(next[1]);
            }
            joined
        });
        let width: u64 = spans.iter().map(|span| u64::from(span[1] - span[0]) + 1).sum();
        let height = (u64::from(rows[1]) + 1).saturating_sub(u64::from(rows[0]));
        let next = if width * height > self.blocks.len() as u64 {
            Next::Listed(0)
        } else {
            Next::Placed { span: 0, at: [spans.first().map_or(0, |span| span[0]), rows[0]] }
        };
        BlocksIn { grid: self, spans, rows, next }
    }

    pub(super) fn stays(&self, [bucket, _]: [u32; 2], cell: Cell) -> bool {
        self.buckets[bucket as usize].cell == cell
    }

    pub(super) fn overwrite(&mut self, [bucket, at]: [u32; 2], object: Object) {
        self.buckets[bucket as usize].objects[at as usize] = object;
    }

    pub(super) fn object(&self, [bucket, at]: [u32; 2]) -> Option<&Object> {
        self.buckets.get(bucket as usize)?.objects.get(at as usize)
    }

    /// Adds an object to a cell; its spot.
    pub(super) fn push(&mut self, cell: Cell, object: Object) -> [u32; 2] {
        let index = self.block_index(Self::block_of(cell));
        let within = within(cell);
        let block = &mut self.blocks[index as usize];
        block.count += 1;
        if block.buckets[within] == NONE {
            let bucket = self.spare.pop().unwrap_or_else(|| {
                self.buckets.push(Bucket::default());
                (self.buckets.len() - 1) as u32
            });
            block.buckets[within] = bucket;
            block.occupied |= 1 << within;
            self.buckets[bucket as usize].cell = cell;
        }
        let bucket = block.buckets[within];
        let objects = &mut self.buckets[bucket as usize].objects;
        objects.push(object);
        [bucket, (objects.len() - 1) as u32]
    }

    fn block_index(&mut self, at: [u32; 2]) -> u32 {
        *self.by_place.entry(key(at)).or_insert_with(|| {
            self.blocks.push(Block { at, occupied: 0, count: 0, buckets: [NONE; (SIDE * SIDE) as usize] });
            (self.blocks.len() - 1) as u32
        })
    }

    /// Frees a spot; the number of the object that now stands there, if another does.
    pub(super) fn take_out(&mut self, [bucket, at]: [u32; 2]) -> Option<u32> {
        let Bucket { cell, objects } = &mut self.buckets[bucket as usize];
        let cell = *cell;
        objects.swap_remove(at as usize);
        let moved = objects.get(at as usize).map(|object| object.number);
        let empty = objects.is_empty();
        let (key, within) = (key(Self::block_of(cell)), within(cell));
        if let Some(index) = self.by_place.get(&key).copied() {
            let block = &mut self.blocks[index as usize];
            block.count -= 1;
            if empty {
                block.buckets[within] = NONE;
                block.occupied &= !(1 << within);
                self.spare.push(bucket);
                // Outside all cells, so that no object can stay there.
                self.buckets[bucket as usize].cell = [NONE; 2];
                self.drop_if_empty(index);
            }
        }
        moved
    }

    fn drop_if_empty(&mut self, index: u32) {
        if self.blocks[index as usize].count > 0 {
            return;
        }
        let gone = self.blocks.swap_remove(index as usize);
        self.by_place.remove(&key(gone.at));
        if let Some(moved) = self.blocks.get(index as usize) {
            self.by_place.insert(key(moved.at), index);
        }
    }
}

/// Goes over blocks, see [`Grid::blocks_in`].
pub(super) struct BlocksIn<'a> {
    grid: &'a Grid,
    /// First and last column, apart from each other.
    spans: Vec<[u32; 2]>,
    rows: [u32; 2],
    next: Next,
}

enum Next {
    /// The next of all blocks.
    Listed(usize),
    /// The next place, row by row.
    Placed { span: usize, at: [u32; 2] },
}

impl BlocksIn<'_> {
    /// Whether all blocks are gone over.
    pub(super) fn is_everything(&self) -> bool {
        matches!(self.next, Next::Listed(_))
    }
}

impl<'a> Iterator for BlocksIn<'a> {
    type Item = &'a Block;

    fn next(&mut self) -> Option<&'a Block> {
        match &mut self.next {
            Next::Listed(index) => {
                *index += 1;
                self.grid.blocks.get(*index - 1)
            }
            Next::Placed { span, at } => loop {
                let [first, last] = *self.spans.get(*span)?;
                let here = *at;
                if here[1] > self.rows[1] {
                    *span += 1;
                    *at = [self.spans.get(*span)?[0], self.rows[0]];
                    continue;
                }
                *at = if here[0] == last { [first, here[1] + 1] } else { [here[0] + 1, here[1]] };
                if let Some(index) = self.grid.by_place.get(&key(here)) {
                    return self.grid.blocks.get(*index as usize);
                }
            },
        }
    }
}

fn key([column, row]: [u32; 2]) -> u64 {
    u64::from(row) << 32 | u64::from(column)
}

fn within(cell: Cell) -> usize {
    (cell[1] % SIDE * SIDE + cell[0] % SIDE) as usize
}
