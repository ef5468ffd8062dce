//! GeoSOT cells as a grid: parents, children and the cells around, across the virtual minutes and seconds. The meridian of 180 degrees and
//! the poles, which GeoSOT codes as cells without extent, stand where the last cell with extent on their side does.

use std::ops::RangeInclusive;

use super::axis::{self, span};
use super::{Cell, FINEST_LEVEL, SCHEME, mask, text};
use crate::area::{HeightBand, LonLatBox};
use crate::axes::{self, Axes, Extent, Place, mirrored, unmirrored};
use crate::error::Error;
use crate::grid::{self, Adjacency, Dimension, GridCell};
use crate::quantum::{Signed, UNITS_PER_DEGREE, degrees};
use crate::scheme::Scheme;
use crate::text::CodeText;
use crate::{Position, height, lattice};

/// The GeoSOT grid of a dimension, levels 0 (the world) to 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid(pub Dimension);

impl grid::Grid for Grid {
    type Cell = Cell;

    fn levels(&self) -> RangeInclusive<u8> {
        0..=FINEST_LEVEL
    }

    fn encode(&self, position: &Position, level: u8) -> Result<Cell, Error> {
        match self.0 {
            Dimension::Plane => Cell::of_2d(position, level),
            Dimension::Solid => Cell::of_3d(position, level),
        }
    }

    fn roots(&self) -> Vec<Cell> {
        vec![Cell { lon: 0, lat: 0, height: (self.0 == Dimension::Solid).then_some(0), level: 0 }]
    }
}

impl Cell {
    /// The cell so many cells of its level to the east, north and up, across the equator, the meridians of 0 and 180 degrees, the
    /// ellipsoid and the virtual gap; nothing beyond the poles or the ends of the heights.
    pub fn shifted(&self, east: i32, north: i32, up: i32) -> Option<Self> {
        axes::shifted(self, east.into(), north.into(), up.into())
    }

    /// The bits in which longitude or latitude differ.
    #[inline]
    fn differing(&self, other: &Self) -> u32 {
        self.lon ^ other.lon | self.lat ^ other.lat
    }

    #[inline]
    fn ground_holds(&self, other: &Self) -> bool {
        other.level >= self.level && self.differing(other) & mask(self.level) == 0
    }

    /// The digit's child, if it is a real cell.
    fn child(&self, digit: u32) -> Option<Self> {
        let level = self.level + 1;
        let bit = |place: u32, axis: u32| axis | (digit >> place & 1) << (32 - u32::from(level));
        let child = Self {
            lon: bit(1, self.lon),
            lat: bit(2, self.lat),
            height: self.height.map(|height| bit(0, height)),
            level,
        };
        let within = |axis, limit_deg| span(axis, level).is_some_and(|s| s.start <= limit_deg * UNITS_PER_DEGREE);
        (within(child.lon, 180) && within(child.lat, 90) && child.height.is_none_or(|z| within(z, 256)))
            .then_some(child)
    }
}

impl GridCell for Cell {
    const SCHEME: Scheme = Scheme::GeoSot;

    #[inline]
    fn level(&self) -> u8 {
        self.level
    }

    /// `G` and quaternary digits, `GZ` and octal digits in 3D.
    #[inline]
    fn text(&self) -> CodeText {
        text::write(self, false)
    }

    /// Cut at longitude 180 and latitude 90.
    fn area(&self) -> LonLatBox {
        let (west, east) = ends(self.lon, self.level, 180);
        let (south, north) = ends(self.lat, self.level, 90);
        LonLatBox::from_sides(west, south, east, north)
    }

    fn height_band(&self) -> Option<HeightBand> {
        let z = self.height?;
        let whole = HeightBand { low_m: height::LOWEST_M, high_m: height::HIGHEST_M };
        if self.level == 0 {
            return Some(whole);
        }
        Some(span(z, self.level).map_or(whole, |s| lattice::band(s.negative, s.start, s.end - s.start)))
    }

    fn anchor_deg(&self) -> (f64, f64) {
        let near = |axis| match span(axis, self.level) {
            Some(s) if self.level > 0 => degrees(s.negative, s.start),
            _ => 0.0,
        };
        (near(self.lon), near(self.lat))
    }

    #[inline]
    fn is_3d(&self) -> bool {
        self.height.is_some()
    }

    fn parent(&self, level: u8) -> Option<Self> {
        let keep = mask(level);
        (level <= self.level).then(|| Self {
            lon: self.lon & keep,
            lat: self.lat & keep,
            height: self.height.map(|z| z & keep),
            level,
        })
    }

    /// Virtual cells are left out, so there may be fewer than four (eight).
    fn children(&self) -> impl Iterator<Item = Self> {
        let step = if self.height.is_some() { 1 } else { 2 };
        let digits = if self.level < FINEST_LEVEL { 0..8 } else { 0..0 };
        digits.step_by(step).filter_map(|digit| self.child(digit))
    }

    #[inline]
    fn contains(&self, other: &Self) -> bool {
        // One comparison of all axes: which of them differs cannot be foretold, which kinds of cells are compared can.
        let height = match (self.height, other.height) {
            (None, _) => 0,
            (Some(a), Some(b)) => a ^ b,
            (Some(_), None) => return false,
        };
        other.level >= self.level && (self.differing(other) | height) & mask(self.level) == 0
    }

    fn intersects(&self, other: &Self) -> bool {
        match (self.height, other.height) {
            (Some(_), Some(_)) => self.contains(other) || other.contains(self),
            _ => self.ground_holds(other) || other.ground_holds(self),
        }
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

/// Low and high end of an axis in degrees, cut at the Earth's limit.
fn ends(axis: u32, level: u8, limit_deg: u32) -> (f64, f64) {
    let limit = f64::from(limit_deg);
    match span(axis, level) {
        Some(s) if level > 0 => {
            let (near, far) =
                (degrees(s.negative, s.start), degrees(s.negative, s.end.min(limit_deg * UNITS_PER_DEGREE)));
            if s.negative { (far, near) } else { (near, far) }
        }
        _ => (-limit, limit),
    }
}

/// Cells with extent on one side of zero.
fn half(level: u8, limit_deg: u32) -> i64 {
    let last = Signed { negative: false, units: limit_deg * UNITS_PER_DEGREE - 1 };
    i64::from(axis::index(axis::pack(last), level)) + 1
}

impl Axes for Cell {
    const NAME: &'static str = SCHEME;

    fn place(&self) -> Option<Place> {
        let number = |axis: u32, limit_deg: u32| {
            let last = half(self.level, limit_deg) - 1;
            let number = mirrored(axis >> 31 == 1, axis::index(axis, self.level));
            number.clamp(-last - 1, last)
        };
        let floor = self.height.map(|z| number(z, 256));
        Some(Place { col: number(self.lon, 180), row: number(self.lat, 90), floor })
    }

    fn extent(&self) -> Extent {
        if self.level == 0 {
            return Extent { cols: 0..1, rows: 0..1, floors: 0..1 };
        }
        let both = |limit_deg| -half(self.level, limit_deg)..half(self.level, limit_deg);
        Extent { cols: both(180), rows: both(90), floors: both(256) }
    }

    fn at(&self, place: Place) -> Self {
        let axis = |number: i64| {
            let (negative, count) = unmirrored(number);
            axis::of_index(count, self.level) | u32::from(negative) << 31
        };
        Self { lon: axis(place.col), lat: axis(place.row), height: place.floor.map(axis), level: self.level }
    }
}
