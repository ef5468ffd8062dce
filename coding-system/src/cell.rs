//! A cell whose scheme is known only when its text is read. Any code comes in; its place in the hierarchy and the cells around it go out, in
//! the same scheme. Two cells of different schemes are never compared: [`crate::convert`] brings them together first.

use crate::error::{Error, excerpt};
use crate::grid::{Adjacency, GridCell};
use crate::scheme::{Scheme, recognise};
use crate::stc::SpaceTimeCode;
use crate::text::CodeText;
use crate::{beidou, geosot, h3, rslc, spatialid};

/// A cell of one of the schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AnyCell {
    /// BeiDou grid, GB/T 39409-2020.
    BeiDou(beidou::Cell),
    /// GeoSOT, GB/T 40087-2021.
    GeoSot(geosot::Cell),
    /// Location code of 3D Real Scene China.
    Rslc(rslc::Cell),
    /// H3.
    H3(h3::Cell),
    /// Spatial ID.
    SpatialId(spatialid::Cell),
}

impl AnyCell {
    /// The cell of a code; of a space-time code the cell of its place.
    ///
    /// # Errors
    /// [`Error::UnknownScheme`], or what the recognised scheme refuses.
    pub fn parse(code: &str) -> Result<Self, Error> {
        match recognise(code)? {
            Scheme::BeiDou => code.parse().map(Self::BeiDou),
            Scheme::GeoSot => code.parse().map(Self::GeoSot),
            Scheme::Rslc => code.parse().map(Self::Rslc),
            Scheme::H3 => code.parse().map(Self::H3),
            Scheme::SpatialId => code.parse().map(Self::SpatialId),
            Scheme::SpaceTime => Self::parse(SpaceTimeCode::parse(code)?.code()),
        }
    }

    /// The scheme it belongs to.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::BeiDou(_) => Scheme::BeiDou,
            Self::GeoSot(_) => Scheme::GeoSot,
            Self::Rslc(_) => Scheme::Rslc,
            Self::H3(_) => Scheme::H3,
            Self::SpatialId(_) => Scheme::SpatialId,
        }
    }

    /// Level, resolution or zoom.
    pub fn level(&self) -> u8 {
        match self {
            Self::BeiDou(cell) => cell.level(),
            Self::GeoSot(cell) => cell.level(),
            Self::Rslc(cell) => cell.level(),
            Self::H3(cell) => cell.level(),
            Self::SpatialId(cell) => cell.level(),
        }
    }

    /// The code.
    pub fn text(&self) -> CodeText {
        match self {
            Self::BeiDou(cell) => cell.text(),
            Self::GeoSot(cell) => cell.text(),
            Self::Rslc(cell) => cell.text(),
            Self::H3(cell) => cell.text(),
            Self::SpatialId(cell) => cell.text(),
        }
    }

    /// The cell of a coarser level above this one; itself at its own level, nothing at a finer one or one the scheme does not have.
    pub fn parent(&self, level: u8) -> Option<Self> {
        match self {
            Self::BeiDou(cell) => cell.parent(level).map(Self::BeiDou),
            Self::GeoSot(cell) => cell.parent(level).map(Self::GeoSot),
            Self::Rslc(cell) => cell.parent(level).map(Self::Rslc),
            Self::H3(cell) => cell.parent(level).map(Self::H3),
            Self::SpatialId(cell) => cell.parent(level).map(Self::SpatialId),
        }
    }

    /// The cells one level finer.
    pub fn children(&self) -> Vec<Self> {
        match self {
            Self::BeiDou(cell) => cell.children().map(Self::BeiDou).collect(),
            Self::GeoSot(cell) => cell.children().map(Self::GeoSot).collect(),
            Self::Rslc(cell) => cell.children().map(Self::Rslc).collect(),
            Self::H3(cell) => cell.children().map(Self::H3).collect(),
            Self::SpatialId(cell) => cell.children().map(Self::SpatialId).collect(),
        }
    }

    /// The cells around this one at its level.
    pub fn neighbours(&self, adjacency: Adjacency) -> Vec<Self> {
        match self {
            Self::BeiDou(cell) => wrap(cell.neighbours(adjacency), Self::BeiDou),
            Self::GeoSot(cell) => wrap(cell.neighbours(adjacency), Self::GeoSot),
            Self::Rslc(cell) => wrap(cell.neighbours(adjacency), Self::Rslc),
            Self::H3(cell) => wrap(cell.neighbours(adjacency), Self::H3),
            Self::SpatialId(cell) => wrap(cell.neighbours(adjacency), Self::SpatialId),
        }
    }

    /// The cells at most `k` steps away, this one among them.
    ///
    /// # Errors
    /// As [`GridCell::disk`].
    pub fn disk(&self, k: u32) -> Result<Vec<Self>, Error> {
        match self {
            Self::BeiDou(cell) => cell.disk(k).map(|cells| wrap(cells, Self::BeiDou)),
            Self::GeoSot(cell) => cell.disk(k).map(|cells| wrap(cells, Self::GeoSot)),
            Self::Rslc(cell) => cell.disk(k).map(|cells| wrap(cells, Self::Rslc)),
            Self::H3(cell) => cell.disk(k).map(|cells| wrap(cells, Self::H3)),
            Self::SpatialId(cell) => cell.disk(k).map(|cells| wrap(cells, Self::SpatialId)),
        }
    }

    /// The cells exactly `k` steps away.
    ///
    /// # Errors
    /// As [`GridCell::ring`].
    pub fn ring(&self, k: u32) -> Result<Vec<Self>, Error> {
        match self {
            Self::BeiDou(cell) => cell.ring(k).map(|cells| wrap(cells, Self::BeiDou)),
            Self::GeoSot(cell) => cell.ring(k).map(|cells| wrap(cells, Self::GeoSot)),
            Self::Rslc(cell) => cell.ring(k).map(|cells| wrap(cells, Self::Rslc)),
            Self::H3(cell) => cell.ring(k).map(|cells| wrap(cells, Self::H3)),
            Self::SpatialId(cell) => cell.ring(k).map(|cells| wrap(cells, Self::SpatialId)),
        }
    }

    /// Is the other cell this one or below it?
    ///
    /// # Errors
    /// [`Error::Schemes`] for a cell of another scheme.
    pub fn contains(&self, other: &Self) -> Result<bool, Error> {
        match (self, other) {
            (Self::BeiDou(a), Self::BeiDou(b)) => Ok(a.contains(b)),
            (Self::GeoSot(a), Self::GeoSot(b)) => Ok(a.contains(b)),
            (Self::Rslc(a), Self::Rslc(b)) => Ok(a.contains(b)),
            (Self::H3(a), Self::H3(b)) => Ok(a.contains(b)),
            (Self::SpatialId(a), Self::SpatialId(b)) => Ok(a.contains(b)),
            _ => Err(self.other_scheme(other)),
        }
    }

    /// Do the two have more than a border in common?
    ///
    /// # Errors
    /// [`Error::Schemes`] for a cell of another scheme.
    pub fn intersects(&self, other: &Self) -> Result<bool, Error> {
        match (self, other) {
            (Self::BeiDou(a), Self::BeiDou(b)) => Ok(a.intersects(b)),
            (Self::GeoSot(a), Self::GeoSot(b)) => Ok(a.intersects(b)),
            (Self::Rslc(a), Self::Rslc(b)) => Ok(a.intersects(b)),
            (Self::H3(a), Self::H3(b)) => Ok(a.intersects(b)),
            (Self::SpatialId(a), Self::SpatialId(b)) => Ok(a.intersects(b)),
            _ => Err(self.other_scheme(other)),
        }
    }

    /// The least number of steps to a cell of the same level and scheme.
    ///
    /// # Errors
    /// [`Error::Schemes`] for a cell of another scheme; as [`GridCell::distance`].
    pub fn distance(&self, other: &Self) -> Result<u64, Error> {
        match (self, other) {
            (Self::BeiDou(a), Self::BeiDou(b)) => a.distance(b),
            (Self::GeoSot(a), Self::GeoSot(b)) => a.distance(b),
            (Self::Rslc(a), Self::Rslc(b)) => a.distance(b),
            (Self::H3(a), Self::H3(b)) => a.distance(b),
            (Self::SpatialId(a), Self::SpatialId(b)) => a.distance(b),
            _ => Err(self.other_scheme(other)),
        }
    }

    fn other_scheme(&self, other: &Self) -> Error {
        Error::Schemes { one: excerpt(self.text().as_str()), other: excerpt(other.text().as_str()) }
    }
}

fn wrap<C>(cells: Vec<C>, of: fn(C) -> AnyCell) -> Vec<AnyCell> {
    cells.into_iter().map(of).collect()
}
