//! The engine under the schemes whose levels are written one after another in mixed radix (BeiDou, RSLC). A table of [`Step`]s and
//! whole units come in, and cells that know their place among the others go out: rows, columns, children, containment. [`text`] writes
//! and reads them.

mod text;

pub(crate) use text::{Reader, write};

use crate::area::{HeightBand, LonLatBox};
use crate::axes::{Extent, Place, mirrored, unmirrored};
use crate::quantum::{UNITS_PER_DEGREE, degrees};
use crate::{Position, height};

/// How the horizontal part of one level is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Two decimal digits 01-60 counted eastward from -180 degrees, then a letter for the row.
    Zone,
    /// Two decimal digits for the column, then a letter for the row.
    Band,
    /// One digit `row * columns + column`.
    Single,
    /// One digit for the column, one for the row.
    Pair,
}

/// One level: the size of its cells in units, how many make one parent, and how they are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) form: Form,
    pub(crate) lon: u32,
    pub(crate) lat: u32,
    pub(crate) height: u32,
    pub(crate) cols: u32,
    pub(crate) rows: u32,
    pub(crate) floors: u32,
}

impl Step {
    /// A level from its cell sizes in units and the counts of cells in one parent.
    pub(crate) const fn new(form: Form, size: [u32; 3], count: [u32; 3]) -> Self {
        let ([lon, lat, height], [cols, rows, floors]) = (size, count);
        Self { form, lon, lat, height, cols, rows, floors }
    }

    const fn height_characters(&self) -> usize {
        if self.floors > 15 { 2 } else { 1 }
    }
}

/// A cell counted outward from (0, 0, ellipsoid): its corner nearest to that point, in units, and its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) south: bool,
    pub(crate) west: bool,
    pub(crate) x: u32,
    pub(crate) y: u32,
    /// Sign (below ground) and units of the height, for 3D codes.
    pub(crate) z: Option<(bool, u32)>,
    pub(crate) level: u8,
}

impl Cell {
    /// The cell of a full-resolution corner at a level of `steps` (1-based).
    pub(crate) fn truncated(mut self, steps: &[Step], level: u8) -> Self {
        self.level = level;
        if let Some(step) = steps.get((level as usize).wrapping_sub(1)) {
            self.x -= self.x % step.lon;
            self.y -= self.y % step.lat;
            self.z = self.z.map(|(below, z)| (below, z - z % step.height));
        }
        self
    }

    /// The cell holding a position: 180 degrees east is the meridian of 180 degrees west.
    #[inline]
    pub(crate) fn of_position(p: &Position) -> Self {
        let z = p.height_m().map(|h| {
            let n = height::units(h);
            (n.negative, n.units)
        });
        Self { z, ..Self::of_place(p) }
    }

    /// The same without the height.
    #[inline]
    pub(crate) fn of_place(p: &Position) -> Self {
        let (lon, lat) = (p.lon(), p.lat());
        let limit = 180 * UNITS_PER_DEGREE;
        Self {
            south: lat.negative,
            west: lon.negative || lon.units >= limit,
            x: lon.units.min(limit - 1),
            y: lat.units,
            z: None,
            level: 0,
        }
    }

    /// Is the other cell this one or below it? Sizes are those of this cell's level.
    #[inline]
    pub(crate) fn holds(&self, other: &Self, step: &Step) -> bool {
        let height = match (self.z, other.z) {
            (None, _) => true,
            (Some(a), Some(b)) => a.0 == b.0 && b.1.wrapping_sub(a.1) < step.height,
            (Some(_), None) => false,
        };
        other.level >= self.level
            && (self.south, self.west) == (other.south, other.west)
            && other.x.wrapping_sub(self.x) < step.lon
            && other.y.wrapping_sub(self.y) < step.lat
            && height
    }

    /// Columns counted from longitude 0, rows from latitude 0, floors from the ellipsoid.
    pub(crate) fn place(&self, step: &Step) -> Place {
        Place {
            col: mirrored(self.west, self.x / step.lon),
            row: mirrored(self.south, self.y / step.lat),
            floor: self.z.map(|(below, z)| mirrored(below, z / step.height)),
        }
    }

    /// The cell of this one's level at another place.
    pub(crate) fn at(&self, place: Place, step: &Step) -> Self {
        let ((west, col), (south, row)) = (unmirrored(place.col), unmirrored(place.row));
        let z = place.floor.map(unmirrored).map(|(below, floor)| (below, floor * step.height));
        Self { south, west, x: col * step.lon, y: row * step.lat, z, level: self.level }
    }

    /// The cells of the next level, whose step this is, in the order of their texts (except that zones run outward).
    pub(crate) fn children(self, step: Step) -> impl Iterator<Item = Self> {
        let floors = if self.z.is_some() { step.floors } else { 1 };
        (0..step.cols * step.rows * floors).map(move |number| {
            let (plane, floor) = (number / floors, number % floors);
            let (col, row) = match step.form {
                Form::Single => (plane % step.cols, plane / step.cols),
                _ => (plane / step.rows, plane % step.rows),
            };
            let z = self.z.map(|(below, z)| (below, z + floor * step.height));
            Self { x: self.x + col * step.lon, y: self.y + row * step.lat, z, level: self.level + 1, ..self }
        })
    }

    pub(crate) fn area(&self, step: &Step) -> LonLatBox {
        let (west, east) = ends(self.west, self.x, step.lon);
        let (south, north) = ends(self.south, self.y, step.lat);
        LonLatBox::from_sides(west, south, east, north)
    }

    pub(crate) fn anchor_deg(&self) -> (f64, f64) {
        (degrees(self.west, self.x), degrees(self.south, self.y))
    }

    pub(crate) fn height_band(&self, step: &Step) -> Option<HeightBand> {
        self.z.map(|(below, z)| band(below, z, step.height))
    }
}

/// The places of a level between the latitudes of -`limit_deg` and `limit_deg`.
pub(crate) fn extent(step: &Step, limit_deg: u32) -> Extent {
    let both = |limit_deg: u32, size: u32| {
        let half = i64::from(limit_deg * UNITS_PER_DEGREE / size);
        -half..half
    };
    Extent { cols: both(180, step.lon), rows: both(limit_deg, step.lat), floors: both(256, step.height) }
}

/// The heights from `z` to `z + size` units away from the ellipsoid.
pub(crate) fn band(below: bool, z: u32, size: u32) -> HeightBand {
    let (near_m, far_m) = (height::metres(below, z), height::metres(below, z.saturating_add(size)));
    if below { HeightBand { low_m: far_m, high_m: near_m } } else { HeightBand { low_m: near_m, high_m: far_m } }
}

fn ends(negative: bool, start: u32, size: u32) -> (f64, f64) {
    let (near, far) = (degrees(negative, start), degrees(negative, start + size));
    if negative { (far, near) } else { (near, far) }
}
