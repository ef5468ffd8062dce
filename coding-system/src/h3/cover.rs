//! Covers of a box or a polygon by H3 cells of one resolution. A ring in degrees and a limit come in, the sorted cells that meet it go out,
//! each marked inner when it lies wholly inside; more cells than the limit are refused, not cut off. Ring edges are straight lines in
//! longitude and latitude, cell edges are arcs; a small margin keeps the difference on the safe side, so a cell that only comes close to the
//! ring may be in the cover, and no position of the area is ever outside it.

use std::collections::{HashSet, VecDeque};

use h3o::CellIndex;

use super::planar::{Point, areas_meet, borders_meet, bounds, inside};
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
    cover_ring(&[(west, south), (east, south), (east, north), (west, north)], resolution, max_cells)
}

/// The cells of a resolution that meet a simple polygon given as (longitude, latitude) in degrees, sorted by id. The ring may be closed
/// or not; neighbouring corners more than 180 degrees apart are taken to cross the antimeridian.
///
/// # Errors
/// [`Error::OutOfRange`] for a corner off the Earth, [`Error::Cover`] for fewer than three corners, beyond latitude 85 degrees or for more
/// than `max_cells` cells, [`Error::Level`] beyond resolution 15.
pub fn cover_polygon(corners: &[(f64, f64)], resolution: u8, max_cells: usize) -> Result<Vec<CoverCell>, Error> {
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
    cover_ring(&ring, resolution, max_cells)
}

fn cover_ring(ring: &[Point], resolution: u8, max_cells: usize) -> Result<Vec<CoverCell>, Error> {
    let resolution = resolution_of(resolution)?;
    let (west, south, east, north) = bounds(ring);
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
    for &(lon, lat) in ring {
        let lon = (lon + 540.0).rem_euclid(360.0) - 180.0;
        let cell = Cell::of(&Position::new_2d(lon, lat)?, resolution.into())?.0;
        if seen.insert(cell) {
            queue.push_back(cell);
        }
    }
    let mut found = Vec::new();
    while let Some(index) = queue.pop_front() {
        let Some(inner) = relation(Cell(index), ring) else { continue };
        if found.len() == max_cells {
            return Err(Error::Cover {
                why: "the area has more cells than the limit: take a coarser resolution or a greater limit",
            });
        }
        found.push(CoverCell { cell: Cell(index), inner });
        queue.extend(index.grid_disk_safe(1).filter(|near| seen.insert(*near)));
    }
    found.sort_unstable();
    Ok(found)
}

/// Does the cell meet the ring's area, and if so, is it wholly inside?
fn relation(cell: Cell, ring: &[Point]) -> Option<bool> {
    if cell.pole_deg().is_some() {
        return areas_meet(&box_ring(&cell.area()), ring).then_some(false);
    }
    let outline = widened(cell);
    let (west, _, east, _) = bounds(ring);
    let middle = f64::midpoint(west, east);
    // The turn that brings the cell next to the ring, and its neighbours for rings nearly as wide as the Earth.
    let turn = ((middle - cell.centre_deg().0) / 360.0).round();
    let mut inner = None;
    for turn in [turn - 1.0, turn, turn + 1.0] {
        let shifted: Vec<Point> = outline.iter().map(|p| (p.0 + 360.0 * turn, p.1)).collect();
        if areas_meet(&shifted, ring) {
            let wholly = shifted.iter().all(|p| inside(*p, ring)) && !borders_meet(&shifted, ring);
            inner = Some(inner.unwrap_or(false) || wholly);
        }
    }
    inner
}

/// The cell's outline, widened, around the longitude of its centre without a jump.
fn widened(cell: Cell) -> Vec<Point> {
    let (lon, lat) = cell.centre_deg();
    let aside = |to: f64| (to - lon + 540.0).rem_euclid(360.0) - 180.0;
    cell.outline_deg().iter().map(|p| (lon + aside(p.0) * MARGIN, lat + (p.1 - lat) * MARGIN)).collect()
}

/// The ring of a box around a pole, at all longitudes an unrolled ring may have.
fn box_ring(area: &LonLatBox) -> [Point; 4] {
    let (south, north) = (area.south_deg(), area.north_deg());
    [(-540.0, south), (540.0, south), (540.0, north), (-540.0, north)]
}
