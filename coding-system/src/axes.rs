//! The engine under every grid whose cells are products of a column, a row and perhaps a floor. Cells come in as whole numbers along these
//! axes, the cells around them go out. Columns go round, rows and floors end; how a scheme writes its numbers, mirrored or with gaps,
//! never shows here.

use std::iter::Chain;
use std::ops::Range;

use crate::error::Error;
use crate::grid::{Adjacency, GridCell, MOST_CELLS};

/// A cell as numbers that grow eastward, northward and upward by one from cell to cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) col: i64,
    pub(crate) row: i64,
    pub(crate) floor: Option<i64>,
}

/// The numbers there are at a level.
#[derive(Debug, Clone)]
pub(crate) struct Extent {
    pub(crate) cols: Range<i64>,
    pub(crate) rows: Range<i64>,
    pub(crate) floors: Range<i64>,
}

impl Extent {
    fn width(&self) -> i64 {
        self.cols.end - self.cols.start
    }

    fn wrapped(&self, col: i64) -> i64 {
        (col - self.cols.start).rem_euclid(self.width()) + self.cols.start
    }
}

/// A cell that is a product of axes.
pub(crate) trait Axes: GridCell {
    /// The scheme's name in refusals.
    const NAME: &'static str;

    /// Where the cell stands; nothing for one that is no product (a polar cap).
    fn place(&self) -> Option<Place>;

    /// The numbers there are at the cell's level.
    fn extent(&self) -> Extent;

    /// The cell of the same level at a place of the extent, with a floor if this cell has one.
    fn at(&self, place: Place) -> Self;
}

/// Sign and count of a number that is mirrored at zero: 0, 1, 2 .. on the one side, -1, -2 .. on the other.
pub(crate) fn mirrored(negative: bool, count: u32) -> i64 {
    if negative { -i64::from(count) - 1 } else { i64::from(count) }
}

/// The inverse of [`mirrored`].
pub(crate) fn unmirrored(index: i64) -> (bool, u32) {
    (index < 0, (if index < 0 { -index - 1 } else { index }) as u32)
}

/// The cell so many columns east, rows north and floors up; nothing beyond the last row or floor.
pub(crate) fn shifted<C: Axes>(cell: &C, east: i64, north: i64, up: i64) -> Option<C> {
    let (place, extent) = (cell.place()?, cell.extent());
    let row = place.row + north;
    let floor = place.floor.map(|floor| floor + up);
    let inside = extent.rows.contains(&row) && floor.is_none_or(|floor| extent.floors.contains(&floor));
    inside.then(|| cell.at(Place { col: extent.wrapped(place.col + east), row, floor }))
}

/// Columns east and rows north from one cell to another of its level, the short way round; nothing in a polar cap.
pub(crate) fn offset<C: Axes>(from: &C, to: &C) -> Option<(i64, i64)> {
    let (p, q, width) = (from.place()?, to.place()?, from.extent().width());
    let east = (q.col - p.col).rem_euclid(width);
    Some((if 2 * east > width { east - width } else { east }, q.row - p.row))
}

pub(crate) fn neighbours<C: Axes>(cell: &C, adjacency: Adjacency) -> Vec<C> {
    let ups = if cell.is_3d() { -1..=1 } else { 0..=0 };
    let mut found = Vec::with_capacity(26);
    for (east, north) in (-1..=1).flat_map(|east| (-1..=1).map(move |north| (east, north))) {
        for up in ups.clone() {
            let differing = [east, north, up].iter().filter(|step| **step != 0).count();
            if (1..=adjacency.axes()).contains(&differing) {
                found.extend(shifted(cell, east, north, up));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found.retain(|near| near != cell);
    found
}

pub(crate) fn distance<C: Axes>(a: &C, b: &C) -> Result<u64, Error> {
    let steps = |why| Error::Steps { scheme: C::NAME, why };
    if a.level() != b.level() || a.is_3d() != b.is_3d() {
        return Err(steps("they are of different levels or dimensions: take a parent of the finer one"));
    }
    let (Some(p), Some(q)) = (a.place(), b.place()) else { return Err(steps(IN_CAP)) };
    let width = a.extent().width();
    let cols = (p.col - q.col).rem_euclid(width);
    let floors = p.floor.zip(q.floor).map_or(0, |(a, b)| a.abs_diff(b));
    Ok((cols.min(width - cols) as u64).max(p.row.abs_diff(q.row)).max(floors))
}

const IN_CAP: &str = "one lies in a polar cap, whose cells stand in no rows and columns";

pub(crate) fn disk<C: Axes>(cell: &C, k: u32) -> Result<Vec<C>, Error> {
    let around = Around::of(cell, k)?;
    bounded("the disk", around.count())?;
    let mut cells = Vec::with_capacity(around.count() as usize);
    for row in around.rows.clone() {
        around.slabs(cell, row, around.floors.clone(), &mut cells);
    }
    Ok(sorted(cells))
}

pub(crate) fn ring<C: Axes>(cell: &C, k: u32) -> Result<Vec<C>, Error> {
    let around = Around::of(cell, k)?;
    let Some(less) = k.checked_sub(1) else { return disk(cell, 0) };
    let inner = Around::of(cell, less)?;
    bounded("the ring", around.count() - inner.count())?;
    let mut cells = Vec::with_capacity((around.count() - inner.count()) as usize);
    // The rows k away, then the floors k away of the rows between, then the columns k away of what is left.
    for row in outside(&around.rows, &inner.rows) {
        around.slabs(cell, row, around.floors.clone(), &mut cells);
    }
    for floor in outside(&around.floors, &inner.floors) {
        for row in inner.rows.clone() {
            around.slabs(cell, row, floor..floor + 1, &mut cells);
        }
    }
    let columns = outside(&(around.first..around.first + around.cols), &(inner.first..inner.first + inner.cols));
    for col in columns {
        for row in inner.rows.clone() {
            cells.extend(inner.floors.clone().map(|floor| around.cell(cell, col, row, floor)));
        }
    }
    Ok(sorted(cells))
}

/// What of the first range is not in the second, which lies inside it: at most one number on each side.
fn outside(whole: &Range<i64>, inner: &Range<i64>) -> Chain<Range<i64>, Range<i64>> {
    (whole.start..inner.start).chain(inner.end..whole.end)
}

fn sorted<C: Ord>(mut cells: Vec<C>) -> Vec<C> {
    cells.sort_unstable();
    cells
}

pub(crate) fn bounded(what: &'static str, count: u128) -> Result<(), Error> {
    let limit = MOST_CELLS as u64;
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    if count <= limit { Ok(()) } else { Err(Error::TooMany { what, count, limit }) }
}

/// The columns (from `first`, not yet wrapped), rows and floors at most k from a cell, each once.
struct Around {
    extent: Extent,
    first: i64,
    cols: i64,
    rows: Range<i64>,
    floors: Range<i64>,
    is_3d: bool,
}

impl Around {
    fn of<C: Axes>(cell: &C, k: u32) -> Result<Self, Error> {
        let (Some(place), extent) = (cell.place(), cell.extent()) else {
            return Err(Error::Steps { scheme: C::NAME, why: IN_CAP });
        };
        let k = i64::from(k);
        let within = |at: i64, all: &Range<i64>| (at - k).max(all.start)..(at + k + 1).min(all.end);
        // Half the columns to each side; of an even number the one opposite is taken on the eastern side.
        let (west, east) = (k.min((extent.width() - 1) / 2), k.min(extent.width() / 2));
        Ok(Self {
            first: place.col - west,
            cols: west + east + 1,
            rows: within(place.row, &extent.rows),
            floors: place.floor.map_or(0..1, |floor| within(floor, &extent.floors)),
            is_3d: place.floor.is_some(),
            extent,
        })
    }

    /// At most 2^32 columns, rows and floors each.
    fn count(&self) -> u128 {
        let length = |range: &Range<i64>| u128::from(range.end.abs_diff(range.start));
        self.cols as u128 * length(&self.rows) * length(&self.floors)
    }

    /// All columns of a row at these floors.
    fn slabs<C: Axes>(&self, cell: &C, row: i64, floors: Range<i64>, out: &mut Vec<C>) {
        for floor in floors {
            out.extend((self.first..self.first + self.cols).map(|col| self.cell(cell, col, row, floor)));
        }
    }

    fn cell<C: Axes>(&self, cell: &C, col: i64, row: i64, floor: i64) -> C {
        cell.at(Place { col: self.extent.wrapped(col), row, floor: self.is_3d.then_some(floor) })
    }
}
