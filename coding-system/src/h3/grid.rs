//! H3 cells as a grid. Around a cell are six others, five around a pentagon; steps are counted by h3o, and where it cannot count them
//! across the distortion of a pentagon the refusal says so. Containment is that of the hierarchy: a child lies mostly, not wholly, on the
//! ground of its parent.

use std::ops::RangeInclusive;

use h3o::{CellIndex, LatLng, Resolution};

use super::{Cell, FINEST_RESOLUTION, SCHEME, text};
use crate::Position;
use crate::area::{HeightBand, LonLatBox};
use crate::axes::bounded;
use crate::error::Error;
use crate::grid::{self, Adjacency, GridCell};
use crate::scheme::Scheme;
use crate::text::CodeText;

/// The H3 grid, resolutions 0 to 15. It is plane: heights are left aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid;

impl grid::Grid for Grid {
    type Cell = Cell;

    fn levels(&self) -> RangeInclusive<u8> {
        0..=FINEST_RESOLUTION
    }

    fn encode(&self, position: &Position, resolution: u8) -> Result<Cell, Error> {
        Cell::of(position, resolution)
    }

    fn roots(&self) -> Vec<Cell> {
        CellIndex::base_cells().map(Cell).collect()
    }
}

impl GridCell for Cell {
    const SCHEME: Scheme = Scheme::H3;

    /// The resolution.
    fn level(&self) -> u8 {
        self.0.resolution().into()
    }

    /// 15 lower-case hexadecimal digits.
    fn text(&self) -> CodeText {
        text(*self)
    }

    /// A thousandth wider than the cell's edges, so that every position of the cell lies in it.
    fn area(&self) -> LonLatBox {
        super::shape::area(*self)
    }

    fn height_band(&self) -> Option<HeightBand> {
        None
    }

    fn anchor_deg(&self) -> (f64, f64) {
        self.centre_deg()
    }

    fn centre_deg(&self) -> (f64, f64) {
        let centre = LatLng::from(self.0);
        (centre.lng(), centre.lat())
    }

    fn parent(&self, resolution: u8) -> Option<Self> {
        Resolution::try_from(resolution).ok().and_then(|r| self.0.parent(r)).map(Self)
    }

    fn children(&self) -> impl Iterator<Item = Self> {
        let finer = self.0.resolution().succ();
        finer.into_iter().flat_map(|finer| self.0.children(finer)).map(Self)
    }

    fn contains(&self, other: &Self) -> bool {
        other.0.parent(self.0.resolution()) == Some(self.0)
    }

    fn intersects(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Hexagons touch along sides only, so every adjacency gives the same six (five) cells.
    fn neighbours(&self, _: Adjacency) -> Vec<Self> {
        let around = self.0.grid_disk_safe(1).filter(|near| *near != self.0);
        sorted(around)
    }

    fn disk(&self, k: u32) -> Result<Vec<Self>, Error> {
        bounded("the disk", disk_size(k))?;
        Ok(sorted(self.0.grid_disk_safe(k)))
    }

    fn ring(&self, k: u32) -> Result<Vec<Self>, Error> {
        // By distance and not around, because pentagons break the way around.
        bounded("the disk of the ring", disk_size(k))?;
        Ok(sorted(self.0.grid_disk_distances_safe(k).filter(|(_, steps)| *steps == k).map(|(cell, _)| cell)))
    }

    fn distance(&self, other: &Self) -> Result<u64, Error> {
        let refuse = |why| Error::Steps { scheme: SCHEME, why };
        if self.0.resolution() != other.0.resolution() {
            return Err(refuse("they are of different resolutions: take a parent of the finer one"));
        }
        let steps = self.0.grid_distance(other.0);
        steps
            .map(|steps| u64::from(steps.unsigned_abs()))
            .map_err(|_| refuse("they lie too far apart or across a pentagon: take parents of both"))
    }
}

fn sorted(cells: impl Iterator<Item = CellIndex>) -> Vec<Cell> {
    let mut cells: Vec<Cell> = cells.map(Cell).collect();
    cells.sort_unstable();
    cells.dedup();
    cells
}

/// Cells at most k steps from a hexagon.
fn disk_size(k: u32) -> u128 {
    3 * u128::from(k) * (u128::from(k) + 1) + 1
}
