//! Which tiles there are: the things of a cell come in; the tiles of some levels from there go
//! out, each with the region that all below it needs, and its geometric error.

use kernel_model::Region;

use super::{COARSE, DEEPEST, LEAF, Offsets};
use crate::grid::Cell;
use crate::largest::Largest;
use crate::view::{Faces, Found};

/// A region in space: degrees, and metres above the ellipsoid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub(super) region: Region,
    pub(super) low_m: f64,
    pub(super) high_m: f64,
}

impl Bounds {
    pub(super) const EMPTY: Self = Self { region: Region::EMPTY, low_m: f64::INFINITY, high_m: f64::NEG_INFINITY };

    pub(super) fn union(&self, other: &Self) -> Self {
        Self {
            region: self.region.union(&other.region),
            low_m: self.low_m.min(other.low_m),
            high_m: self.high_m.max(other.high_m),
        }
    }

    /// As a bounding volume: west, south, east, north in radians, least and greatest height in metres (OGC 22-025r4, 6.7.1.4.1).
    pub(super) fn volume(&self) -> [f64; 6] {
        let Region { west, south, east, north } = self.region;
        [
            west.max(-180.0).to_radians(),
            south.max(-90.0).to_radians(),
            east.min(180.0).to_radians(),
            north.min(90.0).to_radians(),
            self.low_m,
            self.high_m,
        ]
    }
}

/// A tile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tile {
    pub(super) cell: Cell,
    pub(super) bounds: Bounds,
    /// Metres; 0 of a leaf.
    pub(super) error_m: f64,
}

/// Tiles of some levels, and the cells of the first level that is no more among them.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) tiles: Vec<Tile>,
    pub(super) below: Vec<Cell>,
}

/// What a tile above must know of one below.
struct Summary {
    bounds: Bounds,
    /// The sizes of the [`COARSE`] largest things and the next one, metres, the largest first.
    sizes_m: Vec<f32>,
}

impl Summary {
    /// The error of a tile that shows the largest as blocks.
    fn error_m(&self) -> f64 {
        let largest = self.sizes_m.first().copied().unwrap_or_default();
        let left_out = self.sizes_m.get(COARSE).copied().unwrap_or_default();
        f64::from(left_out.max(largest / 4.0))
    }
}

/// Whether a cell with these things is a leaf.
pub(super) fn is_leaf(cell: &Cell, things: &Faces<'_>) -> bool {
    cell.level >= DEEPEST || !things.more_than(LEAF)
}

impl Tree {
    /// The tiles of `levels` levels from a cell down; nothing where it holds nothing.
    pub(super) fn of(things: &Faces<'_>, cell: Cell, levels: u8, offsets: Offsets) -> Self {
        let mut tree = Self::default();
        if things.more_than(0) {
            tree.descend(things, cell, levels, offsets);
        }
        tree
    }

    fn descend(&mut self, things: &Faces<'_>, cell: Cell, levels: u8, offsets: Offsets) -> Summary {
        if levels == 0 {
            self.below.push(cell);
            return summary(things, offsets);
        }
        // The tile stands before its quarters.
        let at = self.tiles.len();
        self.tiles.push(Tile { cell, bounds: Bounds::EMPTY, error_m: 0.0 });
        let is_leaf = is_leaf(&cell, things);
        let own = if is_leaf { summary(things, offsets) } else { self.quarters(things, cell, levels, offsets) };
        self.tiles[at].bounds = own.bounds;
        self.tiles[at].error_m = if is_leaf { 0.0 } else { own.error_m() };
        own
    }

    fn quarters(&mut self, things: &Faces<'_>, cell: Cell, levels: u8, offsets: Offsets) -> Summary {
        let (mut bounds, mut largest) = (Bounds::EMPTY, Largest::new(COARSE + 1));
        let mut rest = things.split(cell.codes().start).1;
        for quarter in cell.quarters() {
            let (inside, behind) = rest.split(quarter.codes().end);
            rest = behind;
            if inside.more_than(0) {
                let part = self.descend(&inside, quarter, levels - 1, offsets);
                bounds = bounds.union(&part.bounds);
                part.sizes_m.into_iter().for_each(|size| largest.offer(size, || 0, ()));
            }
        }
        Summary { bounds, sizes_m: sizes(largest) }
    }
}

fn sizes(largest: Largest<()>) -> Vec<f32> {
    largest.sorted().into_iter().map(|((size, _), ())| size).collect()
}

fn summary(things: &Faces<'_>, offsets: Offsets) -> Summary {
    let [least, most] = offsets.range_m();
    let (mut all, mut largest) = (Bounds::EMPTY, Largest::new(COARSE + 1));
    for Found { item, .. } in things.iter() {
        let [low, high] = item.heights_m.map(f64::from);
        // Floats of 32 bits may have rounded to the wrong side.
        let room = 1e-3 + high.abs().max(low.abs()) * 1e-6;
        let bounds = Bounds { region: item.region(), low_m: low + least - room, high_m: high + most + room };
        all = all.union(&bounds);
        largest.offer(item.extent_m(), || 0, ());
    }
    Summary { bounds: all, sizes_m: sizes(largest) }
}
