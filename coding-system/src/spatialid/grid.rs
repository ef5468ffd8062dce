//! Spatial IDs as a grid of voxels: parents shift floors arithmetically, columns go round the Earth, rows end with the Mercator square.
//! Its level is the zoom of x and y; a floor zoom of its own keeps its distance to it in parents and children.

use std::f64::consts::PI;
use std::ops::RangeInclusive;

use super::{Cell, FINEST_ZOOM, SCHEME, encode, text};
use crate::Position;
use crate::area::{HeightBand, LonLatBox};
use crate::axes::{self, Axes, Extent, Place};
use crate::error::Error;
use crate::grid::{self, Adjacency, GridCell};
use crate::scheme::{HeightReference, Scheme};
use crate::text::CodeText;

/// The Spatial ID grid at places with this geoid height, zooms 0 to 35.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Height of the geoid above the ellipsoid (its undulation), metres.
    pub geoid_height_m: f64,
}

impl grid::Grid for Grid {
    type Cell = Cell;

    fn levels(&self) -> RangeInclusive<u8> {
        0..=FINEST_ZOOM
    }

    fn encode(&self, position: &Position, zoom: u8) -> Result<Cell, Error> {
        encode(position, self.geoid_height_m, zoom)
    }

    fn roots(&self) -> Vec<Cell> {
        [-1, 0].map(|floor| Cell { zoom: 0, floor_zoom: 0, floor, x: 0, y: 0 }).to_vec()
    }
}

impl Cell {
    /// The voxel so many voxels to the east, north and up, across the antimeridian and sea level; nothing beyond the Mercator square or the
    /// last floor.
    pub fn shifted(&self, east: i32, north: i32, up: i32) -> Option<Self> {
        axes::shifted(self, east.into(), north.into(), up.into())
    }

    /// The voxel so many zooms coarser.
    fn coarser(&self, by: u8) -> Self {
        let floor_by = by.min(self.floor_zoom);
        Self {
            zoom: self.zoom - by,
            floor_zoom: self.floor_zoom - floor_by,
            floor: self.floor >> floor_by,
            x: self.x >> by,
            y: self.y >> by,
        }
    }

    fn ground_holds(&self, other: &Self) -> bool {
        let by = other.zoom.checked_sub(self.zoom);
        by.is_some_and(|by| (self.x, self.y) == (other.x >> by, other.y >> by))
    }

    fn floor_holds(&self, other: &Self) -> bool {
        other.floor_zoom.checked_sub(self.floor_zoom).is_some_and(|by| self.floor == other.floor >> by)
    }
}

impl GridCell for Cell {
    const SCHEME: Scheme = Scheme::SpatialId;
    const HEIGHTS_FROM: HeightReference = HeightReference::SeaLevel;

    /// The zoom of x and y.
    fn level(&self) -> u8 {
        self.zoom
    }

    fn text(&self) -> CodeText {
        text::write(self)
    }

    fn area(&self) -> LonLatBox {
        let side = (1u64 << self.zoom) as f64;
        let lon = |x: u64| x as f64 / side * 360.0 - 180.0;
        let lat = |y: u64| (PI * (1.0 - 2.0 * y as f64 / side)).sinh().atan().to_degrees();
        LonLatBox::from_sides(lon(self.x), lat(self.y + 1), lon(self.x + 1), lat(self.y))
    }

    /// Above sea level, not above the ellipsoid.
    fn height_band(&self) -> Option<HeightBand> {
        Some(self.band())
    }

    /// The north-western corner.
    fn anchor_deg(&self) -> (f64, f64) {
        let area = self.area();
        (area.west_deg(), area.north_deg())
    }

    fn parent(&self, zoom: u8) -> Option<Self> {
        self.zoom.checked_sub(zoom).map(|by| self.coarser(by))
    }

    fn children(&self) -> impl Iterator<Item = Self> {
        let end = if self.zoom < FINEST_ZOOM && self.floor_zoom < FINEST_ZOOM { 8 } else { 0 };
        (0..end).map(|digit| Self {
            zoom: self.zoom + 1,
            floor_zoom: self.floor_zoom + 1,
            floor: self.floor << 1 | digit >> 2,
            x: self.x << 1 | (digit >> 1 & 1) as u64,
            y: self.y << 1 | (digit & 1) as u64,
        })
    }

    fn contains(&self, other: &Self) -> bool {
        self.ground_holds(other) && self.floor_holds(other)
    }

    fn intersects(&self, other: &Self) -> bool {
        (self.ground_holds(other) || other.ground_holds(self)) && (self.floor_holds(other) || other.floor_holds(self))
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
        if self.floor_zoom != other.floor_zoom {
            return Err(Error::Steps {
                scheme: SCHEME,
                why: "their floors have different zooms: take a parent of the finer one",
            });
        }
        axes::distance(self, other)
    }
}

impl Axes for Cell {
    const NAME: &'static str = SCHEME;

    fn place(&self) -> Option<Place> {
        let last = (1i64 << self.zoom) - 1;
        Some(Place { col: self.x as i64, row: last - self.y as i64, floor: Some(self.floor) })
    }

    fn extent(&self) -> Extent {
        let (side, floors) = (1i64 << self.zoom, 1i64 << self.floor_zoom);
        Extent { cols: 0..side, rows: 0..side, floors: -floors..floors }
    }

    fn at(&self, place: Place) -> Self {
        let last = (1i64 << self.zoom) - 1;
        Self { x: place.col as u64, y: (last - place.row) as u64, floor: place.floor.unwrap_or(self.floor), ..*self }
    }
}
