//! Covers by S2 cells, which are no boxes: each is compared as the box around it, so the cover holds the shape and what is inner lies in it, but a
//! cell that only comes near the shape may be among the others.

use super::descend::Tree;
use super::fixed::{Rect, cut, of_degrees};
use super::grids::within;
use super::{Limits, Shape};
use crate::error::Error;
use crate::s2;

/// The S2 cells of levels 0 to 30 that cover a shape, sorted by id, each with its inner flag.
///
/// # Errors
/// [`Error::Level`] beyond level 30, [`Error::Cover`] when the limit is less than the faces the shape may lie on.
pub fn cover_s2(shape: &Shape, limits: Limits) -> Result<Vec<(s2::Cell, bool)>, Error> {
    let limits = limits.check(s2::SCHEME, 0, s2::FINEST_LEVEL)?;
    let cells = within(shape.cells(&Curve, None, limits), limits)?;
    let mut cells: Vec<_> = cells.into_iter().map(|((cell, _), inner)| (cell, inner)).collect();
    cells.sort_unstable();
    Ok(cells)
}

struct Curve;

impl Tree for Curve {
    /// A cell and the box it is compared as.
    type Cell = (s2::Cell, Rect);

    fn roots(&self, out: &mut Vec<(Self::Cell, Rect)>) {
        let faces = (0..6u64).filter_map(|face| s2::Cell::from_u64(face << 61 | 1 << 60).ok());
        out.extend(faces.map(|cell| with_box(cell, &Rect::WORLD)));
    }

    fn children(&self, (cell, rect): &Self::Cell, out: &mut Vec<(Self::Cell, Rect)>) {
        out.extend(cell.children().map(|child| with_box(child, rect)));
    }

    fn level(&self, (cell, _): &Self::Cell) -> u8 {
        cell.level()
    }
}

/// A cell with the box around it, cut at its parent's: what is beyond that is not the cell's.
fn with_box(cell: s2::Cell, parent: &Rect) -> ((s2::Cell, Rect), Rect) {
    let area = cell.area();
    let x = cut((of_degrees(area.west_deg()), of_degrees(area.east_deg())), parent.x);
    let y = cut((of_degrees(area.south_deg()), of_degrees(area.north_deg())), parent.y);
    let rect = Rect::flat(x, y);
    ((cell, rect), rect)
}
