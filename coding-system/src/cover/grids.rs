//! Covers by the cells of the other schemes whose cells are boxes: BeiDou, RSLC and Spatial ID. A shape, perhaps a band of heights, and limits
//! come in, cells of mixed levels go out in the order of their codes, each with its inner flag; the lattices are compared in whole
//! units, so a cell of one standard is covered by the equal cell of the other and by nothing else. Covers by H3 are in [`crate::h3`].

use super::tree::{Lattice, Voxels};
use super::{Limits, Shape, check_heights, fixed};
use crate::area::HeightBand;
use crate::error::Error;
use crate::lattice::Step;
use crate::quantum::UNITS_PER_DEGREE;
use crate::text::CodeText;
use crate::{beidou, lattice, rslc, spatialid};

/// A scheme of the lattice engine, as covers see it.
pub(crate) struct LatticeScheme {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [Step],
    /// Latitude in units where the scheme ends.
    pub(crate) end_y: u32,
    pub(crate) text: fn(&lattice::Cell) -> CodeText,
}

impl LatticeScheme {
    pub(crate) fn end_deg(&self) -> f64 {
        f64::from(self.end_y / UNITS_PER_DEGREE)
    }

    pub(crate) fn tree(&self, solid: bool) -> Lattice {
        Lattice { steps: self.steps, solid, end_y: self.end_y }
    }

    /// The cells that cover a shape, in the order of their codes.
    fn cover(
        &self,
        shape: &Shape,
        heights: Option<&HeightBand>,
        limits: Limits,
    ) -> Result<Vec<(lattice::Cell, bool)>, Error> {
        let limits = limits.check(self.name, 1, self.steps.len() as u8)?;
        heights.map_or(Ok(()), check_heights)?;
        // The parallel where the scheme ends is not coded any more.
        let (south, north) = shape.latitudes();
        let end = fixed::side(false, 0, self.end_y).1;
        if north > end || south < !end {
            let lat_deg = fixed::to_degrees(if north > end { north } else { south });
            return Err(Error::Latitude { scheme: self.name, lat_deg, limit_deg: self.end_deg() });
        }
        let mut cells = within(shape.cells(&self.tree(heights.is_some()), heights, limits), limits)?;
        cells.sort_by_cached_key(|(cell, _)| String::from((self.text)(cell)));
        Ok(cells)
    }
}

/// The BeiDou cells of levels 1 to 10 that cover a shape; 3D ones between two heights (metres above the ellipsoid) if a band is given.
///
/// # Errors
/// [`Error::Level`], [`Error::Latitude`] for a shape that reaches |lat| >= 88 degrees, [`Error::Cover`] when the limit is less than the cells
/// of level 1, and what is said of heights at [`cover_solid`](super::cover_solid).
pub fn cover_beidou(
    shape: &Shape,
    heights: Option<&HeightBand>,
    limits: Limits,
) -> Result<Vec<(beidou::Cell, bool)>, Error> {
    let cells = beidou::LATTICE.cover(shape, heights, limits)?;
    Ok(cells.into_iter().map(|(cell, inner)| (beidou::Cell::from_corner(cell), inner)).collect())
}

/// The RSLC cells of levels 1 to 16 that cover a shape, otherwise as [`cover_beidou`].
///
/// # Errors
/// As [`cover_beidou`].
pub fn cover_rslc(
    shape: &Shape,
    heights: Option<&HeightBand>,
    limits: Limits,
) -> Result<Vec<(rslc::Cell, bool)>, Error> {
    let cells = rslc::LATTICE.cover(shape, heights, limits)?;
    Ok(cells.into_iter().map(|(cell, inner)| (rslc::Cell::from_corner(cell), inner)).collect())
}

/// The Spatial IDs of zoom 0 to 35 that cover what lies over a shape between two heights in metres above the ellipsoid.
/// `geoid_height_m` is the height of the geoid above the ellipsoid there; where it varies over the shape, widen the band by as much.
///
/// # Errors
/// [`Error::Level`], [`Error::Latitude`] beyond the Mercator square, [`Error::OutOfRange`] for a geoid height beyond 200 m or heights no code
/// has, [`Error::Cover`] when the limit is less than the cells of zoom 0.
pub fn cover_spatial_id(
    shape: &Shape,
    heights: &HeightBand,
    geoid_height_m: f64,
    limits: Limits,
) -> Result<Vec<(spatialid::Cell, bool)>, Error> {
    let limits = limits.check(spatialid::SCHEME, 0, spatialid::FINEST_ZOOM)?;
    check_heights(heights)?;
    spatialid::check_geoid(geoid_height_m)?;
    for height_m in [heights.low_m, heights.high_m] {
        spatialid::check_above_sea(height_m - geoid_height_m)?;
    }
    let (south, north) = shape.latitudes();
    check_latitude(spatialid::SCHEME, (fixed::to_degrees(south), fixed::to_degrees(north)), spatialid::LIMIT_LAT_DEG)?;
    let mut cells = within(shape.cells(&Voxels { geoid_height_m }, Some(heights), limits), limits)?;
    cells.sort_unstable();
    Ok(cells)
}

/// Refuses what reaches beyond a latitude, but for the last place of it.
pub(crate) fn check_latitude(
    scheme: &'static str,
    (south_deg, north_deg): (f64, f64),
    limit_deg: f64,
) -> Result<(), Error> {
    let farthest = if north_deg > -south_deg { north_deg } else { south_deg };
    if farthest.abs() <= limit_deg + 1e-11 {
        return Ok(());
    }
    Err(Error::Latitude { scheme, lat_deg: farthest, limit_deg })
}

/// The cells, unless even the coarsest are too many.
pub(crate) fn within<C>(cells: Vec<(C, bool)>, limits: Limits) -> Result<Vec<(C, bool)>, Error> {
    if cells.len() <= limits.max_cells {
        return Ok(cells);
    }
    Err(Error::Cover { why: "the area meets more cells of the coarsest level than the limit: give a greater limit" })
}
