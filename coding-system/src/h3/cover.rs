//! Covers of a box or of polygons with holes by H3 cells of one resolution. Rings in degrees and a limit come in, the sorted cells that meet
//! their areas go out, each marked inner when it lies wholly inside; more cells than the limit are refused, not cut off. Ring edges are
//! straight lines in longitude and latitude, cell edges are arcs; a small margin keeps the difference on the safe side, so a cell that
//! only comes close to an area may be in the cover, and no position of an area is ever outside it.

use std::collections::{BTreeMap, HashSet, VecDeque};

use h3o::CellIndex;

use super::planar::{Point, Rings, areas_meet, bounds};
use super::{Cell, resolution_of};
use crate::Position;
use crate::area::LonLatBox;
use crate::error::Error;
use crate::grid::GridCell;

/// Beyond this latitude straight lines in degrees and arcs differ too much for the margin.
const LIMIT_LAT_DEG: f64 = 85.0;
/// How much a cell is widened about its centre before it is compared.
const MARGIN: f64 = 1.02;

/// A cell of a cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoverCell {
    /// The cell.
    pub cell: Cell,
    /// Does it lie wholly inside the area?
    pub inner: bool,
}

/// The cells of a resolution that meet a box, sorted by id.
///
/// # Errors
/// [`Error::Level`] beyond resolution 15; [`Error::Cover`] beyond latitude 85 degrees or for more than `max_cells` cells.
pub fn cover_box(area: &LonLatBox, resolution: u8, max_cells: usize) -> Result<Vec<CoverCell>, Error> {
    let (west, south, north) = (area.west_deg(), area.south_deg(), area.north_deg());
    let east = area.east_deg() + if area.crosses_antimeridian() { 360.0 } else { 0.0 };
    let ring = vec![(west, south), (east, south), (east, north), (west, north)];
    cover_rings(&Rings::new(vec![ring]), resolution, max_cells)
}

/// The cells of a resolution that meet a simple polygon given as (longitude, latitude) in degrees, sorted by id. The ring may be closed
/// or not; neighbouring corners more than 180 degrees apart are taken to cross the antimeridian.
///
/// # Errors
/// [`Error::OutOfRange`] for a corner off the Earth, [`Error::Cover`] for fewer than three corners, beyond latitude 85 degrees or for more
/// than `max_cells` cells, [`Error::Level`] beyond resolution 15.
pub fn cover_polygon(corners: &[(f64, f64)], resolution: u8, max_cells: usize) -> Result<Vec<CoverCell>, Error> {
    cover_polygons(&[[corners]], resolution, max_cells)
}

/// The cells of a resolution that meet polygons, each a list of rings: its outline, then its holes. A cell inside one of the polygons is
/// inner. Rings are given as for [`cover_polygon`].
///
/// # Errors
/// As [`cover_polygon`].
pub fn cover_polygons<P: AsRef<[R]>, R: AsRef<[(f64, f64)]>>(
    polygons: &[P],
    resolution: u8,
    max_cells: usize,
) -> Result<Vec<CoverCell>, Error> {
    let mut all: BTreeMap<Cell, bool> = BTreeMap::new();
    for polygon in polygons {
        let rings = polygon.as_ref().iter().map(|ring| unrolled(ring.as_ref())).collect::<Result<Vec<_>, _>>()?;
        for CoverCell { cell, inner } in cover_rings(&Rings::new(rings), resolution, max_cells)? {
            *all.entry(cell).or_default() |= inner;
        }
    }
    if all.len() > max_cells {
        return Err(TOO_MANY);
    }
    Ok(all.into_iter().map(|(cell, inner)| CoverCell { cell, inner }).collect())
}

const TOO_MANY: Error =
    Error::Cover { why: "the area has more cells than the limit: take a coarser resolution or a greater limit" };

/// A ring without its repeated end, and without a jump at the antimeridian.
fn unrolled(corners: &[(f64, f64)]) -> Result<Vec<Point>, Error> {
    let mut ring: Vec<Point> = Vec::with_capacity(corners.len());
    for &(lon, lat) in corners {
        Position::new_2d(lon, lat)?;
        let turns = ring.last().map_or(0.0, |before| ((before.0 - lon) / 360.0).round());
        ring.push((lon + 360.0 * turns, lat));
    }
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if ring.len() < 3 {
        return Err(Error::Cover { why: "a polygon has three corners or more" });
    }
    Ok(ring)
}

fn cover_rings(rings: &Rings, resolution: u8, max_cells: usize) -> Result<Vec<CoverCell>, Error> {
    let resolution = resolution_of(resolution)?;
    let outline = rings.outline();
    let (west, south, east, north) = bounds(outline);
    if south < -LIMIT_LAT_DEG || north > LIMIT_LAT_DEG {
        return Err(Error::Cover {
            why: "H3 covers reach to latitude 85 degrees: cut the area there, or cover it by GeoSOT ranges",
        });
    }
    if east - west > 360.0 {
        return Err(Error::Cover { why: "the polygon goes around the Earth more than once" });
    }
    // The cells that meet a connected area are connected, so a flood from the corners finds them all.
    let mut seen: HashSet<CellIndex> = HashSet::new();
    let mut queue: VecDeque<CellIndex> = VecDeque::new();
    for &(lon, lat) in outline {
        let lon = (lon + 540.0).rem_euclid(360.0) - 180.0;
        let cell = Cell::of(&Position::new_2d(lon, lat)?, resolution.into())?.0;
        if seen.insert(cell) {
            queue.push_back(cell);
        }
    }
    let mut found = Vec::new();
    while let Some(index) = queue.pop_front() {
        let Some(inner) = relation(Cell(index), rings) else { continue };
        if found.len() == max_cells {
            return Err(TOO_MANY);
        }
        found.push(CoverCell { cell: Cell(index), inner });
        queue.extend(index.grid_disk_safe(1).filter(|near| seen.insert(*near)));
    }
    found.sort_unstable();
    Ok(found)
}

/// Does the cell meet the rings' area, and if so, is it wholly inside?
fn relation(cell: Cell, rings: &Rings) -> Option<bool> {
    if cell.pole_deg().is_some() {
        return areas_meet(&box_ring(&cell.area()), rings.outline()).then_some(false);
    }
    let outline = scaled(cell, MARGIN);
    let (west, _, east, _) = bounds(rings.outline());
    let middle = f64::midpoint(west, east);
    // The turn that brings the cell next to the ring, and its neighbours for rings nearly as wide as the Earth.
    let turn = ((middle - cell.centre_deg().0) / 360.0).round();
    let mut inner = None;
    for turn in [turn - 1.0, turn, turn + 1.0] {
        let shifted: Vec<Point> = outline.iter().map(|p| (p.0 + 360.0 * turn, p.1)).collect();
        if let Some(wholly) = rings.relation(&shifted) {
            inner = Some(inner.unwrap_or(false) || wholly);
        }
    }
    inner
}

/// The cell's outline made larger or smaller about its centre, around the longitude of its centre without a jump.
fn scaled(cell: Cell, by: f64) -> Vec<Point> {
    let (lon, lat) = cell.centre_deg();
    let aside = |to: f64| (to - lon + 540.0).rem_euclid(360.0) - 180.0;
    cell.outline_deg().iter().map(|p| (lon + aside(p.0) * by, lat + (p.1 - lat) * by)).collect()
}

/// A ring that holds the cell and one that it holds, as straight edges in degrees; nothing for a cell near a pole, where edges in degrees and
/// arcs differ too much.
pub(crate) fn hulls(cell: Cell) -> Option<(Vec<Point>, Vec<Point>)> {
    let outer = scaled(cell, MARGIN);
    let near_pole = outer.iter().any(|p| p.1.abs() > LIMIT_LAT_DEG) || cell.pole_deg().is_some();
    (!near_pole).then(|| (outer, scaled(cell, 2.0 - MARGIN)))
}

/// The ring of a box around a pole, at all longitudes an unrolled ring may have.
fn box_ring(area: &LonLatBox) -> [Point; 4] {
    let (south, north) = (area.south_deg(), area.north_deg());
    [(-540.0, south), (540.0, south), (540.0, north), (-540.0, north)]
}
