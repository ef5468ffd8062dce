//! BeiDou cells as a grid: parents, children and the cells around. A polar cap is one cell at level 1 and sixteen at level 2; they are
//! children and neighbours like others in 2D, but stand in no rows, so steps to them are not counted.

use std::ops::RangeInclusive;

use super::cell::Kind;
use super::polar::{self, Sector};
use super::{Cell, FINEST_LEVEL, LIMIT_DEG, POLAR_Y, SCHEME, STEPS};
use crate::Position;
use crate::area::{HeightBand, LonLatBox};
use crate::axes::{self, Axes, Extent, Place, mirrored};
use crate::error::{Error, check_level};
use crate::grid::{self, Adjacency, Dimension, GridCell};
use crate::lattice::{self, Cell as Corner};
use crate::quantum::UNITS_PER_DEGREE;
use crate::scheme::Scheme;
use crate::text::CodeText;

/// The BeiDou grid of a dimension, levels 0 (hemispheres) to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid(pub Dimension);

impl grid::Grid for Grid {
    type Cell = Cell;

    fn levels(&self) -> RangeInclusive<u8> {
        0..=FINEST_LEVEL
    }

    fn encode(&self, position: &Position, level: u8) -> Result<Cell, Error> {
        match self.0 {
            Dimension::Plane => Cell::of(&position.without_height(), level),
            Dimension::Solid if position.height_m().is_none() => Err(Error::NeedsHeight { scheme: "BeiDou 3D" }),
            Dimension::Solid => Cell::of(position, level),
        }
    }

    fn roots(&self) -> Vec<Cell> {
        let signs: &[Option<bool>] = if self.0 == Dimension::Plane { &[None] } else { &[Some(false), Some(true)] };
        let hemisphere = |south, below: &Option<bool>| {
            Cell(Kind::Grid(Corner { south, west: false, x: 0, y: 0, z: below.map(|below| (below, 0)), level: 0 }))
        };
        [false, true].iter().flat_map(|south| signs.iter().map(|below| hemisphere(*south, below))).collect()
    }
}

impl Cell {
    /// The cell of a position at a level: 3D when the position has a height, 2D otherwise.
    ///
    /// # Errors
    /// [`Error::Level`] outside 0..=10 and [`Error::PolarDetail`] at |lat| >= 88 degrees beyond 2D level 2.
    #[inline]
    pub fn of(position: &Position, level: u8) -> Result<Self, Error> {
        check_level(SCHEME, level, 0, FINEST_LEVEL)?;
        let corner = Corner::of_position(position);
        if corner.y < POLAR_Y {
            return Ok(Self(Kind::Grid(cut(corner, level))));
        }
        match level {
            _ if corner.z.is_some() => Err(Error::PolarDetail),
            0 => Ok(Self(Kind::Grid(cut(corner, 0)))),
            1 => Ok(Self(Kind::Pole { south: corner.south, sector: None })),
            2 => Ok(Self(Kind::Pole { south: corner.south, sector: Some(Sector::of(position)) })),
            _ => Err(Error::PolarDetail),
        }
    }

    /// The cell so many cells of its level to the east, north and up, across the equator, the meridians of 0 and 180 degrees and the
    /// ellipsoid; nothing beyond latitude 88 degrees or the ends of the heights, nor for a polar cell.
    pub fn shifted(&self, east: i32, north: i32, up: i32) -> Option<Self> {
        axes::shifted(self, east.into(), north.into(), up.into())
    }

    /// Containment where a hemisphere or a polar cell is one of the two.
    fn holds_half_or_cap(&self, other: &Self) -> bool {
        match self.0 {
            Kind::Grid(a) if a.level == 0 => {
                let half = other.hemisphere();
                half == *self || (a.z.is_none() && half.corner().is_some_and(|b| b.south == a.south))
            }
            _ => other.parent(self.level()) == Some(*self),
        }
    }

    fn hemisphere(self) -> Self {
        match self.0 {
            Kind::Grid(corner) => Self(Kind::Grid(cut(corner, 0))),
            Kind::Pole { south, .. } => Self(Kind::Grid(Corner { south, west: false, x: 0, y: 0, z: None, level: 0 })),
        }
    }
}

/// A corner cut to a level; level 0 is its hemisphere.
#[inline]
fn cut(corner: Corner, level: u8) -> Corner {
    if level == 0 {
        return Corner { west: false, x: 0, y: 0, z: corner.z.map(|(below, _)| (below, 0)), level: 0, ..corner };
    }
    corner.truncated(&STEPS, level)
}

impl GridCell for Cell {
    const SCHEME: Scheme = Scheme::BeiDou;

    fn level(&self) -> u8 {
        match self.0 {
            Kind::Grid(corner) => corner.level,
            Kind::Pole { sector, .. } => 1 + u8::from(sector.is_some()),
        }
    }

    fn text(&self) -> CodeText {
        super::cell::text(self)
    }

    /// For level 0 it is the whole hemisphere.
    fn area(&self) -> LonLatBox {
        match self.0 {
            Kind::Grid(c) if c.level == 0 => {
                let (south, north) = if c.south { (-90.0, 0.0) } else { (0.0, 90.0) };
                LonLatBox::from_sides(-180.0, south, 180.0, north)
            }
            Kind::Grid(c) => c.area(&STEPS[c.level as usize - 1]),
            Kind::Pole { south, sector } => sector.map_or(polar::cap(south), |s| s.area(south)),
        }
    }

    fn height_band(&self) -> Option<HeightBand> {
        let corner = self.corner()?;
        match corner.level {
            0 => corner.z.map(|(below, _)| lattice::band(below, 0, 256 * UNITS_PER_DEGREE)),
            level => corner.height_band(&STEPS[level as usize - 1]),
        }
    }

    /// The corner nearest to (0 E, 0 N), which the standard calls the locating corner; for a polar cell its western end on the side of
    /// the equator.
    fn anchor_deg(&self) -> (f64, f64) {
        match &self.0 {
            Kind::Grid(c) => c.anchor_deg(),
            Kind::Pole { south, .. } => polar::anchor_deg(&self.area(), *south),
        }
    }

    fn is_3d(&self) -> bool {
        self.corner().is_some_and(|c| c.z.is_some())
    }

    fn parent(&self, level: u8) -> Option<Self> {
        if level >= self.level() {
            return (level == self.level()).then_some(*self);
        }
        Some(match (self.0, level) {
            (_, 0) => self.hemisphere(),
            (Kind::Grid(corner), level) => Self(Kind::Grid(cut(corner, level))),
            (Kind::Pole { south, .. }, _) => Self(Kind::Pole { south, sector: None }),
        })
    }

    fn children(&self) -> impl Iterator<Item = Self> {
        let (corner, sectors, cap) = match self.0 {
            Kind::Grid(corner) => {
                (Some(corner), None, (corner.level == 0 && corner.z.is_none()).then_some(corner.south))
            }
            Kind::Pole { south, sector: None } => (None, Some(south), None),
            Kind::Pole { .. } => (None, None, None),
        };
        let cap = cap.into_iter().map(|south| Self(Kind::Pole { south, sector: None }));
        let sectors = sectors
            .into_iter()
            .flat_map(|south| Sector::all().map(move |s| Self(Kind::Pole { south, sector: Some(s) })));
        cap.chain(sectors).chain(corner.into_iter().flat_map(grid_children))
    }

    #[inline]
    fn contains(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Grid(a), Kind::Grid(b)) if a.level > 0 => a.holds(b, &STEPS[a.level as usize - 1]),
            _ => self.holds_half_or_cap(other),
        }
    }

    fn intersects(&self, other: &Self) -> bool {
        let flat = |cell: &Self| match cell.0 {
            Kind::Grid(corner) => Self(Kind::Grid(Corner { z: None, ..corner })),
            pole @ Kind::Pole { .. } => Self(pole),
        };
        if self.is_3d() == other.is_3d() {
            return self.contains(other) || other.contains(self);
        }
        let (a, b) = (flat(self), flat(other));
        a.contains(&b) || b.contains(&a)
    }

    fn neighbours(&self, adjacency: Adjacency) -> Vec<Self> {
        super::caps::neighbours(self, adjacency)
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

/// The cells of the next level in a cell of the grid, in the order of their texts.
fn grid_children(corner: Corner) -> impl Iterator<Item = Cell> {
    let step = STEPS.get(corner.level as usize).copied();
    step.into_iter().flat_map(move |step| {
        // From a hemisphere the zones run from -180 degrees eastward, so the western half comes first and backward.
        let halves = if corner.level == 0 { 0..2 } else { 0..1 };
        halves.flat_map(move |half| {
            let parent = if corner.level == 0 { Corner { west: half == 0, ..corner } } else { corner };
            let turned = corner.level == 0 && half == 0;
            parent.children(step).map(move |child| {
                let x = if turned { 180 * UNITS_PER_DEGREE - step.lon - child.x } else { child.x };
                Cell(Kind::Grid(Corner { x, ..child }))
            })
        })
    })
}

impl Axes for Cell {
    const NAME: &'static str = SCHEME;

    fn place(&self) -> Option<Place> {
        let corner = self.corner()?;
        Some(match corner.level {
            0 => Place { col: 0, row: mirrored(corner.south, 0), floor: corner.z.map(|(below, _)| mirrored(below, 0)) },
            level => corner.place(&STEPS[level as usize - 1]),
        })
    }

    fn extent(&self) -> Extent {
        match self.level() {
            0 => Extent { cols: 0..1, rows: -1..1, floors: -1..1 },
            level => lattice::extent(&STEPS[level as usize - 1], LIMIT_DEG),
        }
    }

    fn at(&self, place: Place) -> Self {
        let corner = Corner { south: place.row < 0, west: false, x: 0, y: 0, z: None, level: self.level() };
        Self(Kind::Grid(match corner.level {
            0 => Corner { z: place.floor.map(|floor| (floor < 0, 0)), ..corner },
            level => corner.at(place, &STEPS[level as usize - 1]),
        }))
    }
}
