//! Covers of a box by GeoSOT cells as ranges of the 64-bit Morton code. A box and a limit come in, sorted disjoint ranges go out: every
//! position in the box has its code in one of them, and a range marked inner holds nothing outside the box. Never more than the limit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::area::LonLatBox;
use crate::error::{Error, check_level};
use crate::geosot::{Cell, FINEST_LEVEL, SCHEME, span_of_axis};
use crate::grid::GridCell;
use crate::quantum::UNITS_PER_DEGREE;

/// Codes from `first` to `last`, both inside (level-32 GeoSOT Morton codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeRange {
    /// First code.
    pub first: u64,
    /// Last code.
    pub last: u64,
    /// Does every position with such a code lie in the covered area? If not, test the positions themselves.
    pub inner: bool,
}

impl CodeRange {
    /// Is the code in the range?
    pub fn contains(&self, code: u64) -> bool {
        (self.first..=self.last).contains(&code)
    }
}

/// Covers a box with at most `max_cells` cells (so at most that many ranges), none finer than `finest_level`. Neighbouring cells of the
/// same kind are joined; the ranges are sorted and do not touch unless one is inner and the other not.
///
/// # Errors
/// [`Error::Cover`] when `max_cells` is 0, [`Error::Level`] beyond level 32.
pub fn cover_box(area: &LonLatBox, max_cells: usize, finest_level: u8) -> Result<Vec<CodeRange>, Error> {
    let cells = cover_box_cells(area, max_cells, finest_level)?;
    let mut ranges: Vec<CodeRange> = Vec::with_capacity(cells.len());
    for (cell, inner) in cells {
        let (first, last) = cell.range_u64();
        match ranges.last_mut() {
            Some(before) if before.inner == inner && before.last.checked_add(1) == Some(first) => before.last = last,
            _ => ranges.push(CodeRange { first, last, inner }),
        }
    }
    Ok(ranges)
}

/// The cells of [`cover_box`] in the order of their codes, each with its inner flag.
///
/// # Errors
/// As [`cover_box`].
pub fn cover_box_cells(area: &LonLatBox, max_cells: usize, finest_level: u8) -> Result<Vec<(Cell, bool)>, Error> {
    check_level(SCHEME, finest_level, 0, FINEST_LEVEL)?;
    if max_cells == 0 {
        return Err(Error::Cover { why: "a cover needs at least one cell: give a limit of 1 or more" });
    }
    let target = Target::of(area);
    let world = Cell::from_u64(0, 0)?;
    let mut done: Vec<(Cell, bool)> = Vec::new();
    // The coarsest cell is split first; among equals the one of the least code, so that a cover is always the same.
    let mut open = BinaryHeap::from([Reverse((0, world.to_u64(), world))]);
    while let Some(Reverse((level, _, cell))) = open.pop() {
        if target.holds(&cell) {
            done.push((cell, true));
            continue;
        }
        let children = if level < finest_level { target.children(&cell) } else { Vec::new() };
        if children.is_empty() || done.len() + open.len() + children.len() > max_cells {
            done.push((cell, false));
        } else {
            open.extend(children.into_iter().map(|child| Reverse((level + 1, child.to_u64(), child))));
        }
    }
    done.sort_unstable_by_key(|(cell, _)| cell.to_u64());
    Ok(done)
}

/// A closed stretch of one axis on one side of zero, in units.
struct Stretch {
    negative: bool,
    low: f64,
    high: f64,
}

impl Stretch {
    fn meets(&self, negative: bool, start: u32, end: u32) -> bool {
        // The same floor that codes positions, so that none of them slips between box and cover.
        self.negative == negative && start <= self.high as u32 && end > self.low as u32
    }

    fn holds(&self, negative: bool, start: u32, end: u32) -> bool {
        self.negative == negative && f64::from(start) >= self.low && f64::from(end) <= self.high
    }
}

/// The box as stretches of the two axes.
struct Target {
    lon: Vec<Stretch>,
    lat: Vec<Stretch>,
}

impl Target {
    fn of(area: &LonLatBox) -> Self {
        let (west, east) = (area.west_deg(), area.east_deg());
        let mut lon = Vec::new();
        if area.crosses_antimeridian() {
            push_stretches(&mut lon, west, 180.0);
            push_stretches(&mut lon, -180.0, east);
        } else {
            push_stretches(&mut lon, west, east);
        }
        // Longitudes 180 and -180 are one meridian with two codes.
        if east >= 180.0 {
            push_stretches(&mut lon, -180.0, -180.0);
        }
        if west <= -180.0 {
            push_stretches(&mut lon, 180.0, 180.0);
        }
        let mut lat = Vec::new();
        push_stretches(&mut lat, area.south_deg(), area.north_deg());
        Self { lon, lat }
    }

    fn meets(&self, cell: &Cell) -> bool {
        let (lon, lat) = cell.axes();
        meets(&self.lon, lon, cell.level()) && meets(&self.lat, lat, cell.level())
    }

    fn holds(&self, cell: &Cell) -> bool {
        let (lon, lat) = cell.axes();
        holds(&self.lon, lon, cell.level(), 180) && holds(&self.lat, lat, cell.level(), 90)
    }

    /// The real children of a cell that meet the box.
    fn children(&self, cell: &Cell) -> Vec<Cell> {
        let level = cell.level() + 1;
        let place = 64 - 2 * u32::from(level);
        let children = (0..4u64).filter_map(|digit| Cell::from_u64(cell.to_u64() | digit << place, level).ok());
        children.filter(|child| self.meets(child)).collect()
    }
}

fn push_stretches(out: &mut Vec<Stretch>, low_deg: f64, high_deg: f64) {
    let units = |deg: f64| deg.abs() * f64::from(UNITS_PER_DEGREE);
    if high_deg >= 0.0 {
        out.push(Stretch { negative: false, low: units(low_deg.max(0.0)), high: units(high_deg) });
    }
    if low_deg < 0.0 {
        out.push(Stretch { negative: true, low: units(high_deg.min(0.0)), high: units(low_deg) });
    }
}

fn meets(stretches: &[Stretch], axis: u32, level: u8) -> bool {
    level == 0
        || span_of_axis(axis, level)
            .is_some_and(|(negative, start, end)| stretches.iter().any(|s| s.meets(negative, start, end)))
}

fn holds(stretches: &[Stretch], axis: u32, level: u8, limit_deg: u32) -> bool {
    let Some((negative, start, end)) = span_of_axis(axis, level) else { return false };
    let end = end.min(limit_deg * UNITS_PER_DEGREE);
    level > 0 && stretches.iter().any(|s| s.holds(negative, start, end))
}
