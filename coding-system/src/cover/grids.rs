//! Covers by the cells of the other schemes whose cells are boxes: BeiDou, RSLC and Spatial ID. A shape, perhaps a band of heights, and limits
//! come in, cells of mixed levels go out in the order of their codes, each with its inner flag; the lattices are compared in whole
//! units, so a cell of one standard is covered by the equal cell of the other and by nothing else. Covers by H3 are in [`crate::h3`].

use super::tree::{Lattice, Voxels};
use super::{Limits, Shape, check_heights, fixed};
use crate::area::HeightBand;
use crate::error::Error;
use crate::quantum::UNITS_PER_DEGREE;
use crate::{beidou, lattice, rslc, spatialid};

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
    let lattice = Lattice { steps: &beidou::STEPS, solid: heights.is_some(), end_y: beidou::POLAR_Y };
    let cells = lattice_cells(&lattice, beidou::SCHEME, beidou::FINEST_LEVEL, shape, heights, limits)?;
    let mut cells: Vec<_> = cells.into_iter().map(|(cell, inner)| (beidou::Cell::from_corner(cell), inner)).collect();
    cells.sort_by_cached_key(|(cell, _)| cell.text());
    Ok(cells)
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
    let end_y = rslc::LIMIT_DEG * UNITS_PER_DEGREE;
    let lattice = Lattice { steps: &rslc::STEPS, solid: heights.is_some(), end_y };
    let cells = lattice_cells(&lattice, rslc::SCHEME, rslc::FINEST_LEVEL, shape, heights, limits)?;
    let mut cells: Vec<_> = cells.into_iter().map(|(cell, inner)| (rslc::Cell::from_corner(cell), inner)).collect();
    cells.sort_by_cached_key(|(cell, _)| cell.text());
    Ok(cells)
}

fn lattice_cells(
    lattice: &Lattice,
    scheme: &'static str,
    finest: u8,
    shape: &Shape,
    heights: Option<&HeightBand>,
    limits: Limits,
) -> Result<Vec<(lattice::Cell, bool)>, Error> {
    let limits = limits.check(scheme, 1, finest)?;
    heights.map_or(Ok(()), check_heights)?;
    // The last subunit south or north of the limit is still coded.
    let end = fixed::side(false, 0, lattice.end_y).1;
    check_latitude(scheme, shape, (!end, end), f64::from(lattice.end_y / UNITS_PER_DEGREE))?;
    within(shape.cells(lattice, heights, limits), limits)
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
    let end = fixed::of_degrees(spatialid::LIMIT_LAT_DEG);
    check_latitude(spatialid::SCHEME, shape, (!end, end), spatialid::LIMIT_LAT_DEG)?;
    let mut cells = within(shape.cells(&Voxels { geoid_height_m }, Some(heights), limits), limits)?;
    cells.sort_unstable();
    Ok(cells)
}

fn check_latitude(scheme: &'static str, shape: &Shape, end: fixed::Side, limit_deg: f64) -> Result<(), Error> {
    let (south, north) = shape.latitudes();
    let beyond = if north > end.1 { Some(north) } else { (south < end.0).then_some(south) };
    match beyond {
        Some(lat) => Err(Error::Latitude { scheme, lat_deg: fixed::to_degrees(lat), limit_deg }),
        None => Ok(()),
    }
}

/// The cells, unless even the coarsest are too many.
fn within<C>(cells: Vec<(C, bool)>, limits: Limits) -> Result<Vec<(C, bool)>, Error> {
    if cells.len() <= limits.max_cells {
        return Ok(cells);
    }
    Err(Error::Cover { why: "the area meets more cells of the coarsest level than the limit: give a greater limit" })
}
