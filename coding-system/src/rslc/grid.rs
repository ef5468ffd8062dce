//! RSLC cells as a grid: parents, children and the cells around, in all quadrants and on both sides of the ellipsoid.

use std::ops::RangeInclusive;

use super::{Cell, FINEST_LEVEL, LIMIT_DEG, SCHEME, STEPS, text};
use crate::Position;
use crate::area::{HeightBand, LonLatBox};
use crate::axes::{self, Axes, Extent, Place};
use crate::error::Error;
use crate::grid::{self, Adjacency, Dimension, GridCell};
use crate::lattice::{self, Cell as Corner, Step};
use crate::scheme::Scheme;
use crate::text::CodeText;

/// The RSLC grid of a dimension, levels 1 to 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid(pub Dimension);

impl grid::Grid for Grid {
    type Cell = Cell;

    fn levels(&self) -> RangeInclusive<u8> {
        1..=FINEST_LEVEL
    }

    fn encode(&self, position: &Position, level: u8) -> Result<Cell, Error> {
        match self.0 {
            Dimension::Plane => Cell::of(&position.without_height(), level),
            Dimension::Solid if position.height_m().is_none() => Err(Error::NeedsHeight { scheme: "RSLC 3D" }),
            Dimension::Solid => Cell::of(position, level),
        }
    }

    fn roots(&self) -> Vec<Cell> {
        let z = (self.0 == Dimension::Solid).then_some((false, 0));
        let first = Cell(Corner { south: false, west: false, x: 0, y: 0, z, level: 1 });
        let extent = first.extent();
        let floors = if z.is_some() { extent.floors } else { 0..1 };
        let mut roots = Vec::new();
        for row in extent.rows {
            for col in extent.cols.clone() {
                let place = |floor: i64| Place { col, row, floor: z.map(|_| floor) };
                roots.extend(floors.clone().map(|floor| first.at(place(floor))));
            }
        }
        roots.sort_unstable();
        roots
    }
}

impl Cell {
    /// The cell so many cells of its level to the east, north and up, across the equator, the meridians of 0 and 180 degrees and the
    /// ellipsoid; nothing beyond latitude 88 degrees or the ends of the heights.
    pub fn shifted(&self, east: i32, north: i32, up: i32) -> Option<Self> {
        axes::shifted(self, east.into(), north.into(), up.into())
    }

    fn step(&self) -> &'static Step {
        &STEPS[self.0.level as usize - 1]
    }

    fn flat(&self) -> Self {
        Self(Corner { z: None, ..self.0 })
    }
}

impl GridCell for Cell {
    const SCHEME: Scheme = Scheme::Rslc;

    fn level(&self) -> u8 {
        self.0.level
    }

    fn text(&self) -> CodeText {
        text(&self.0)
    }

    fn area(&self) -> LonLatBox {
        self.0.area(self.step())
    }

    fn height_band(&self) -> Option<HeightBand> {
        self.0.height_band(self.step())
    }

    fn anchor_deg(&self) -> (f64, f64) {
        self.0.anchor_deg()
    }

    fn is_3d(&self) -> bool {
        self.0.z.is_some()
    }

    fn parent(&self, level: u8) -> Option<Self> {
        (1..=self.0.level).contains(&level).then(|| Self(self.0.truncated(&STEPS, level)))
    }

    fn children(&self) -> impl Iterator<Item = Self> {
        let step = STEPS.get(self.0.level as usize).copied();
        let corner = self.0;
        step.into_iter().flat_map(move |step| corner.children(step)).map(Self)
    }

    #[inline]
    fn contains(&self, other: &Self) -> bool {
        self.0.holds(&other.0, self.step())
    }

    fn intersects(&self, other: &Self) -> bool {
        let meet = |a: &Self, b: &Self| a.contains(b) || b.contains(a);
        if self.is_3d() == other.is_3d() { meet(self, other) } else { meet(&self.flat(), &other.flat()) }
    }

    fn neighbours(&self, adjacency: Adjacency) -> Vec<Self> {
        axes::neighbours(self, adjacency)
    }

    fn disk(&self, k: u32) -> Result<Vec<Self>, Error> {
        axes::disk(self, k)
    }

    fn ring(&self, k: u32) -> Result<Vec<Self>, Error> {
        axes::ring(self, k)
    }

    fn distance(&self, other: &Self) -> Result<u64, Error> {
        axes::distance(self, other)
    }
}

impl Axes for Cell {
    const NAME: &'static str = SCHEME;

    fn place(&self) -> Option<Place> {
        Some(self.0.place(self.step()))
    }

    fn extent(&self) -> Extent {
        lattice::extent(self.step(), LIMIT_DEG)
    }

    fn at(&self, place: Place) -> Self {
        Self(self.0.at(place, self.step()))
    }
}
