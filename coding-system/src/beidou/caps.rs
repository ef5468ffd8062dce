//! Who is next to whom around a polar cap. The last row of the grid and the rings of the cap are bands of cells of equal width; two cells
//! of one or of neighbouring bands are neighbours when their arcs share a stretch, or only an end. Cells of the plane grid at levels 1 and 2
//! come in, since no others have a cap next to them; all others are answered by rows and columns alone.

use super::cell::Kind;
use super::polar::Sector;
use super::{Cell, POLAR_Y, STEPS};
use crate::axes::{self, Place, mirrored};
use crate::grid::Adjacency;
use crate::lattice::Cell as Corner;

/// Half degrees in a circle.
const CIRCLE: u32 = 720;
/// Cells in the last row of the grid and in the rings poleward of it, at levels 1 and 2.
const BANDS: [&[u32]; 2] = [&[60, 1], &[720, 6, 6, 3, 1]];

/// A cell of a band, its place counted eastward from longitude 0.
#[derive(Clone, Copy)]
struct Standing {
    south: bool,
    level: u8,
    band: usize,
    place: u32,
}

pub(super) fn neighbours(cell: &Cell, adjacency: Adjacency) -> Vec<Cell> {
    let mut found = axes::neighbours(cell, adjacency);
    if let Some(standing) = standing(cell) {
        found.extend(standing.neighbours(adjacency));
        found.sort_unstable();
        found.dedup();
    }
    found
}

/// Where a cell stands in the bands, if it does.
fn standing(cell: &Cell) -> Option<Standing> {
    match cell.0 {
        Kind::Grid(c) if c.z.is_none() && matches!(c.level, 1 | 2) => {
            let step = &STEPS[c.level as usize - 1];
            let count = BANDS[c.level as usize - 1][0];
            let place = mirrored(c.west, c.x / step.lon).rem_euclid(count.into()) as u32;
            (c.y + step.lat == POLAR_Y).then_some(Standing { south: c.south, level: c.level, band: 0, place })
        }
        Kind::Grid(_) => None,
        Kind::Pole { south, sector: None } => Some(Standing { south, level: 1, band: 1, place: 0 }),
        Kind::Pole { south, sector: Some(sector) } => {
            let (ring, place) = sector.standing();
            Some(Standing { south, level: 2, band: 4 - usize::from(ring), place: place.into() })
        }
    }
}

impl Standing {
    fn bands(self) -> &'static [u32] {
        BANDS[self.level as usize - 1]
    }

    /// First half degree and width.
    fn arc(self) -> (u32, u32) {
        let width = CIRCLE / self.bands()[self.band];
        (self.place * width, width)
    }

    fn neighbours(self, adjacency: Adjacency) -> impl Iterator<Item = Cell> {
        let bands = self.band.saturating_sub(1)..(self.band + 2).min(self.bands().len());
        // The row below the last one, and neighbours within it, are the grid's own.
        let near = bands.filter(move |band| self.band > 0 || *band > 0);
        near.flat_map(move |band| (0..self.bands()[band]).map(move |place| Self { band, place, ..self }))
            .filter(move |other| self.touches(*other, adjacency))
            .map(Self::cell)
    }

    fn touches(self, other: Self, adjacency: Adjacency) -> bool {
        let ((a, wide), (b, broad)) = (self.arc(), other.arc());
        let (ahead, behind) = ((b + CIRCLE - a) % CIRCLE, (a + CIRCLE - b) % CIRCLE);
        let stretch = ahead < wide || behind < broad;
        let end = ahead == wide || behind == broad;
        if self.band == other.band {
            return end && a != b;
        }
        stretch || (end && adjacency != Adjacency::Face)
    }

    fn cell(self) -> Cell {
        if self.band > 0 {
            let ring = (4 - self.band) as u8;
            let sector = (self.level == 2).then(|| Sector::at(ring, self.place as u8));
            return Cell(Kind::Pole { south: self.south, sector });
        }
        let step = &STEPS[self.level as usize - 1];
        let half = i64::from(self.bands()[0] / 2);
        let col = (i64::from(self.place) + half).rem_euclid(2 * half) - half;
        let row = mirrored(self.south, POLAR_Y / step.lat - 1);
        let corner = Corner { south: self.south, west: false, x: 0, y: 0, z: None, level: self.level };
        Cell(Kind::Grid(corner.at(Place { col, row, floor: None }, step)))
    }
}
