//! What every grid here can do, as two small traits. A [`Grid`] takes a position and a level and gives a cell; a [`GridCell`] gives its
//! text, place, box and heights, its parents and children, and the cells around it. All answers are exact within the scheme; cells of
//! different schemes never meet here (conversion is another module's), and no answer has more than [`MOST_CELLS`] cells.
//!
//! | grid | cells | levels | distance and disks |
//! |---|---|---|---|
//! | [`crate::beidou::Grid`], plane or solid | [`crate::beidou::Cell`] | 0-10 | by rows, columns and floors |
//! | [`crate::geosot::Grid`], plane or solid | [`crate::geosot::Cell`] | 0-32 | by rows, columns and floors |
//! | [`crate::rslc::Grid`], plane or solid | [`crate::rslc::Cell`] | 1-16 | by rows, columns and floors |
//! | [`crate::spatialid::Grid`], with its geoid height | [`crate::spatialid::Cell`] | 0-35 | by rows, columns and floors |
//! | [`crate::h3::Grid`] | [`crate::h3::Cell`] | 0-15 | by hexagons |
//!
//! Rows end at the poles and floors at the ends of the height range; columns go round the Earth. The cells next to longitude or latitude 0
//! and to the ellipsoid have their neighbours on the other side, although the digits are mirrored there.

use std::fmt;
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::Position;
use crate::area::{HeightBand, LonLatBox};
use crate::error::Error;
use crate::scheme::{HeightReference, Scheme};
use crate::text::CodeText;

/// The most cells one answer of this crate may have.
pub const MOST_CELLS: usize = 1 << 20;

/// Does a grid count heights?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// 2D: a cell stands for the column above and below it.
    Plane,
    /// 3D: a cell has a lowest and a greatest height.
    Solid,
}

/// Which of the cells around a cell are its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Adjacency {
    /// Those across a side: 4 in 2D, 6 in 3D.
    Face,
    /// Those across a side or an edge: 8 in 2D, 18 in 3D.
    Edge,
    /// Those across a side, an edge or a corner: 8 in 2D, 26 in 3D.
    Corner,
}

impl Adjacency {
    /// Along how many axes a neighbour may differ.
    pub(crate) fn axes(self) -> usize {
        self as usize + 1
    }
}

/// A way to cut the Earth into cells.
pub trait Grid {
    /// What it is cut into.
    type Cell: GridCell;

    /// The levels the grid has, coarsest first.
    fn levels(&self) -> RangeInclusive<u8>;

    /// The cell that holds a position at a level. A plane grid leaves the height aside.
    ///
    /// # Errors
    /// [`Error::Level`] for a level the grid does not have, [`Error::NeedsHeight`] from a solid grid for a position without height, and
    /// the places the scheme does not reach ([`Error::PolarDetail`], [`Error::Latitude`], [`Error::OutOfRange`]).
    fn encode(&self, position: &Position, level: u8) -> Result<Self::Cell, Error>;

    /// The cells of the coarsest level, sorted: every other cell lies under exactly one of them.
    fn roots(&self) -> Vec<Self::Cell>;
}

/// One cell of a grid. Its text is [`GridCell::text`] (and `Display`); `FromStr` reads it strictly and refuses anything else by name.
pub trait GridCell: Copy + Eq + Ord + Hash + fmt::Debug + fmt::Display + FromStr<Err = Error> {
    /// The scheme the cell belongs to.
    const SCHEME: Scheme;
    /// What [`GridCell::height_band`] is counted from.
    const HEIGHTS_FROM: HeightReference = HeightReference::Ellipsoid;

    /// Level, resolution or zoom.
    fn level(&self) -> u8;

    /// The code text.
    fn text(&self) -> CodeText;

    /// The box of the cell in degrees; around an H3 cell a box that holds it.
    fn area(&self) -> LonLatBox;

    /// The heights of a 3D cell in metres above [`GridCell::HEIGHTS_FROM`]; nothing for a 2D cell.
    fn height_band(&self) -> Option<HeightBand>;

    /// The point the code is anchored at as (longitude, latitude) in degrees: the corner nearest to (0 E, 0 N) where digits count
    /// outward, the north-western corner of a Spatial ID, the centre of an H3 cell.
    fn anchor_deg(&self) -> (f64, f64);

    /// The middle as (longitude, latitude), degrees.
    fn centre_deg(&self) -> (f64, f64) {
        self.area().centre_deg()
    }

    /// Is it a cell with heights?
    fn is_3d(&self) -> bool {
        self.height_band().is_some()
    }

    /// The cell of a coarser level above this one; itself at its own level, nothing at a finer level or one the grid does not have.
    fn parent(&self, level: u8) -> Option<Self>;

    /// The cells one level finer whose parent this is, in the order of their digits; none at the finest level.
    fn children(&self) -> impl Iterator<Item = Self>;

    /// Is the other cell this one or below it in the hierarchy? A 2D cell holds the columns above and below it, so it holds 3D cells too;
    /// a 3D cell holds no 2D cell.
    fn contains(&self, other: &Self) -> bool;

    /// Do the two cells have more than a border in common? In a hierarchy one then holds the other, but for a 2D and a 3D cell, which
    /// meet when their ground does.
    fn intersects(&self, other: &Self) -> bool;

    /// The cells around this one at its level, sorted, without repetition and without itself.
    fn neighbours(&self, adjacency: Adjacency) -> Vec<Self>;

    /// The cells at most `k` steps away, this one among them, sorted. A step may go across a corner ([`Adjacency::Corner`]).
    ///
    /// # Errors
    /// [`Error::TooMany`] for more than [`MOST_CELLS`] cells, [`Error::Steps`] where cells cannot be counted (polar caps).
    fn disk(&self, k: u32) -> Result<Vec<Self>, Error>;

    /// The cells exactly `k` steps away, sorted.
    ///
    /// # Errors
    /// As [`GridCell::disk`].
    fn ring(&self, k: u32) -> Result<Vec<Self>, Error>;

    /// The least number of steps between two cells of one level and dimension, as [`GridCell::disk`] counts them.
    ///
    /// # Errors
    /// [`Error::Steps`] for cells of different levels or dimensions, in polar caps, and where H3 cannot count across a pentagon.
    fn distance(&self, other: &Self) -> Result<u64, Error>;
}
