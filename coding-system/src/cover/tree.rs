//! The cells of each scheme as trees for the descent: GeoSOT in two and three dimensions, the mixed-radix lattices (BeiDou, RSLC) and the
//! voxels of Spatial ID. A cell comes in, its real children go out with what they span; virtual cells and places off the Earth never do.

use super::descend::Tree;
use super::fixed::{LON_LAST, Rect, Side, cut, of_degrees, of_height, side};
use crate::area::HeightBand;
use crate::geosot::{Cell, span_of_axis};
use crate::grid::GridCell;
use crate::lattice::{self, Step};
use crate::quantum::UNITS_PER_DEGREE;
use crate::spatialid;

/// GeoSOT, 2D or 3D, from the world at level 0.
pub(crate) struct GeoSot {
    pub(crate) solid: bool,
}

impl Tree for GeoSot {
    type Cell = Cell;

    fn roots(&self, out: &mut Vec<(Cell, Rect)>) {
        let (low, high) = (side(true, 0, 256 * UNITS_PER_DEGREE).0, side(false, 0, 256 * UNITS_PER_DEGREE).1);
        let rect = Rect { z: self.solid.then_some((low, high)), ..Rect::WORLD };
        out.push((Cell::from_axes(0, 0, self.solid.then_some(0), 0), rect));
    }

    fn children(&self, cell: &Cell, out: &mut Vec<(Cell, Rect)>) {
        let level = cell.level() + 1;
        let (lon, lat) = cell.axes();
        let (xs, ys) = (halves(lon, level, Some(Rect::WORLD.x)), halves(lat, level, Some(Rect::WORLD.y)));
        let zs = cell.height_layer().map(|z| halves(z, level, None));
        let heights = if zs.is_some() { 2 } else { 1 };
        for digit in 0..4 * heights {
            let (v, u, w) = (digit / (2 * heights), digit / heights % 2, digit % heights);
            let (Some((lat, y)), Some((lon, x))) = (ys[v], xs[u]) else { continue };
            match zs.map(|z| z[w]) {
                None => out.push((Cell::from_axes(lon, lat, None, level), Rect::flat(x, y))),
                Some(Some((z, floor))) => {
                    out.push((Cell::from_axes(lon, lat, Some(z), level), Rect { x, y, z: Some(floor) }));
                }
                Some(None) => {}
            }
        }
    }

    fn level(&self, cell: &Cell) -> u8 {
        cell.level()
    }
}

/// The two halves of an axis prefix with what they span, cut at the Earth's limit; nothing for a virtual one.
fn halves(axis: u32, level: u8, limit: Option<Side>) -> [Option<(u32, Side)>; 2] {
    [0, 1].map(|bit| {
        let axis = axis | bit << (32 - u32::from(level));
        let whole = side_of_axis(axis, level)?;
        match limit {
            Some(limit) => super::fixed::meet(whole, limit).then(|| (axis, cut(whole, limit))),
            None => Some((axis, whole)),
        }
    })
}

/// What an axis prefix of level 1 or finer spans.
pub(crate) fn side_of_axis(axis: u32, level: u8) -> Option<Side> {
    span_of_axis(axis, level).map(|(negative, start, end)| side(negative, start, end))
}

/// A scheme of the lattice engine, from its cells of level 1.
pub(crate) struct Lattice {
    pub(crate) steps: &'static [Step],
    pub(crate) solid: bool,
    /// Latitude in units where the scheme ends.
    pub(crate) end_y: u32,
}

impl Lattice {
    fn push(&self, cell: lattice::Cell, out: &mut Vec<(lattice::Cell, Rect)>) {
        if let Some(rect) =
            lattice_rect(self.steps, &cell).filter(|_| cell.y < self.end_y && cell.x < 180 * UNITS_PER_DEGREE)
        {
            out.push((cell, rect));
        }
    }

    /// The cells of a level of `steps` inside `parent`, in the order of columns, rows and floors.
    fn inside(&self, parent: &lattice::Cell, step: &Step, out: &mut Vec<(lattice::Cell, Rect)>) {
        let floors = if parent.z.is_some() { step.floors } else { 1 };
        for row in 0..step.rows {
            for col in 0..step.cols {
                for floor in 0..floors {
                    let z = parent.z.map(|(below, z)| (below, z + floor * step.height));
                    let (x, y) = (parent.x + col * step.lon, parent.y + row * step.lat);
                    self.push(lattice::Cell { x, y, z, level: parent.level + 1, ..*parent }, out);
                }
            }
        }
    }
}

/// What a lattice cell of level 1 or finer spans. Longitude 180 east is coded as 180 west, into the last cells of the west.
pub(crate) fn lattice_rect(steps: &[Step], cell: &lattice::Cell) -> Option<Rect> {
    let step = steps.get((cell.level as usize).checked_sub(1)?)?;
    let mut x = side(cell.west, cell.x, cell.x + step.lon);
    if cell.west && cell.x + step.lon >= 180 * UNITS_PER_DEGREE {
        x.0 = !LON_LAST;
    }
    let y = side(cell.south, cell.y, cell.y + step.lat);
    let z = cell.z.map(|(below, z)| side(below, z, z + step.height));
    Some(Rect { x, y, z })
}

impl Tree for Lattice {
    type Cell = lattice::Cell;

    fn roots(&self, out: &mut Vec<(lattice::Cell, Rect)>) {
        let Some(step) = self.steps.first() else { return };
        let signs: &[Option<(bool, u32)>] = if self.solid { &[Some((false, 0)), Some((true, 0))] } else { &[None] };
        for &z in signs {
            for (south, west) in [(false, false), (false, true), (true, false), (true, true)] {
                self.inside(&lattice::Cell { south, west, x: 0, y: 0, z, level: 0 }, step, out);
            }
        }
    }

    fn children(&self, cell: &lattice::Cell, out: &mut Vec<(lattice::Cell, Rect)>) {
        if let Some(step) = self.steps.get(cell.level as usize) {
            self.inside(cell, step, out);
        }
    }

    fn level(&self, cell: &lattice::Cell) -> u8 {
        cell.level
    }
}

/// Spatial ID over an area where the geoid lies so many metres above the ellipsoid.
pub(crate) struct Voxels {
    pub(crate) geoid_height_m: f64,
}

/// How far a voxel's extent is widened, in subunits: its edges are not on the grid, and the rounding of its formulas is less than this.
const VOXEL_MARGIN: i64 = 256;

impl Voxels {
    fn push(&self, cell: spatialid::Cell, out: &mut Vec<(spatialid::Cell, Rect)>) {
        out.push((cell, self.rect(&cell)));
    }

    /// What holds a voxel.
    pub(crate) fn rect(&self, cell: &spatialid::Cell) -> Rect {
        self.widened(cell, VOXEL_MARGIN)
    }

    /// What a voxel holds.
    pub(crate) fn core(&self, cell: &spatialid::Cell) -> Rect {
        self.widened(cell, -VOXEL_MARGIN)
    }

    fn widened(&self, cell: &spatialid::Cell, by: i64) -> Rect {
        let area = cell.area();
        let wide = |low: i64, high: i64, limit: Side| cut((low - by, high + by), limit);
        let x = wide(of_degrees(area.west_deg()), of_degrees(area.east_deg()), Rect::WORLD.x);
        let y = wide(of_degrees(area.south_deg()), of_degrees(area.north_deg()), Rect::WORLD.y);
        let HeightBand { low_m, high_m } = cell.band();
        let height = |above_sea_m: f64| of_height((above_sea_m + self.geoid_height_m).max(crate::height::LOWEST_M));
        Rect { x, y, z: Some((height(low_m) - by, height(high_m) + by)) }
    }
}

impl Tree for Voxels {
    type Cell = spatialid::Cell;

    fn roots(&self, out: &mut Vec<(spatialid::Cell, Rect)>) {
        let roots = [-1, 0].into_iter().filter_map(|floor| spatialid::Cell::new(0, floor, 0, 0).ok());
        roots.for_each(|cell| self.push(cell, out));
    }

    fn children(&self, cell: &spatialid::Cell, out: &mut Vec<(spatialid::Cell, Rect)>) {
        let (floor, x, y) = cell.numbers();
        for digit in 0..8u8 {
            let (u, v, w) = (u64::from(digit >> 2), u64::from(digit >> 1 & 1), i64::from(digit & 1));
            if let Ok(child) = spatialid::Cell::new(cell.zoom() + 1, floor * 2 + w, x * 2 + u, y * 2 + v) {
                self.push(child, out);
            }
        }
    }

    fn level(&self, cell: &spatialid::Cell) -> u8 {
        cell.zoom()
    }
}
