//! Things that move. An object's number with its newest position comes in, millions of times a second; objects in a region
//! or nearest to a place come out. An object has one position: the one given last.
//!
//! Places fall into square cells of degrees, eight by eight cells into a block; a block is found by a hash of its place and
//! knows which of its cells are occupied. A cell's objects stand side by side, so that a question reads memory in runs. An
//! object that stays in its cell is overwritten where it stands. Cells that fall empty give their memory to others.

mod grid;
mod search;
mod shared;

pub use shared::SharedMoving;

use crate::{bounds::place, error::Error};
use grid::{Grid, Numbers};

/// Where an object is, and since when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// Longitude, degrees.
    pub lon_deg: f64,
    /// Latitude, degrees.
    pub lat_deg: f64,
    /// Height above the ellipsoid, metres; not a number where it is not known: no volume holds it then.
    pub height_m: f64,
    /// Microseconds of UTC since 1970.
    pub time_us: i64,
}

/// How many changes are fetched together.
const FETCH: usize = 32;

/// An object where it stands in its cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Object {
    pub(crate) position: Position,
    pub(crate) number: u32,
}

/// An index of positions under constant change.
#[derive(Debug, Clone)]
pub struct MovingIndex {
    grid: Grid,
    /// Which bucket an object stands in, and where in it.
    spots: Numbers<[u32; 2]>,
    /// Least and greatest height that was ever given.
    heights: [f64; 2],
}

impl Default for MovingIndex {
    /// With cells of 1/512 degree, some 200 m: for cities.
    fn default() -> Self {
        Self { grid: Grid::new(512.0), spots: Numbers::default(), heights: [f64::INFINITY, f64::NEG_INFINITY] }
    }
}

impl MovingIndex {
    /// With so many cells to a degree. Good cells hold some ten objects where they are dense.
    ///
    /// # Errors
    /// [`Error::Shape`] below 1 or above 1,000,000.
    pub fn with_cells_a_degree(cells: f64) -> Result<Self, Error> {
        if !(1.0..=1e6).contains(&cells) {
            return Err(Error::Shape { shape: "grid", what: "cells a degree are from 1 to 1,000,000" });
        }
        Ok(Self { grid: Grid::new(cells), ..Self::default() })
    }

    /// Takes an object's newest position in place of the one before.
    ///
    /// # Errors
    /// [`Error::NotABox`] where it has no place on the globe; the object stays where it was.
    pub fn upsert(&mut self, number: u32, mut position: Position) -> Result<(), Error> {
        let at = place([position.lon_deg, position.lat_deg]).filter(|at| at[1].abs() <= 90.0);
        let Some([lon, lat]) = at else { return Err(Error::NotABox { number }) };
        (position.lon_deg, position.lat_deg) = (lon, lat);
        self.heights = [self.heights[0].min(position.height_m), self.heights[1].max(position.height_m)];
        let cell = self.grid.cell(lon, lat);
        let object = Object { position, number };
        match self.spots.get_mut(&number) {
            Some(spot) if self.grid.stays(*spot, cell) => self.grid.overwrite(*spot, object),
            Some(spot) => {
                let left = *spot;
                *spot = self.grid.push(cell, object);
                self.leave(left);
            }
            None => {
                self.spots.insert(number, self.grid.push(cell, object));
            }
        }
        Ok(())
    }

    /// Takes many newest positions, in order. Quicker than one by one: what they need from memory is fetched side by side.
    ///
    /// # Errors
    /// [`Error::NotABox`] for the first that has no place on the globe; those before it are taken.
    pub fn upsert_all(&mut self, changes: &[(u32, Position)]) -> Result<(), Error> {
        for chunk in changes.chunks(FETCH) {
            // Looked at for nothing but to have it near: the loads do not wait for each other here, and would below.
            std::hint::black_box(self.fetch(chunk.iter().map(|(number, position)| (*number, Some(position)))));
            for (number, position) in chunk {
                self.upsert(*number, *position)?;
            }
        }
        Ok(())
    }

    fn fetch<'a>(&self, changes: impl Iterator<Item = (u32, Option<&'a Position>)>) -> u32 {
        changes.fold(0, |sum, (number, position)| {
            let from = self.spots.get(&number).and_then(|spot| self.grid.object(*spot));
            let to = position.map(|p| self.grid.objects_at(self.grid.cell(p.lon_deg, p.lat_deg)).len());
            sum ^ from.map_or(0, |object| object.number) ^ to.unwrap_or_default() as u32
        })
    }

    /// Takes an object out; what its position was.
    pub fn remove(&mut self, number: u32) -> Option<Position> {
        let spot = self.spots.remove(&number)?;
        let position = self.grid.object(spot)?.position;
        self.leave(spot);
        Some(position)
    }

    /// Frees a spot; the object that stood last in its cell takes it.
    fn leave(&mut self, spot: [u32; 2]) {
        if let Some(moved) = self.grid.take_out(spot)
            && let Some(its) = self.spots.get_mut(&moved)
        {
            *its = spot;
        }
    }

    /// An object's position.
    pub fn get(&self, number: u32) -> Option<Position> {
        self.grid.object(*self.spots.get(&number)?).map(|object| object.position)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.spots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spots.is_empty()
    }
}
