//! Number and mean of values by H3 cell and hour. Rows come in, in the order of the store, in which neighbours stand together.
//! A row that lies well inside a hexagon met before needs no encoding; the others, at edges, are encoded as any place is.

use std::collections::HashMap;

use coding_system::Position;
use coding_system::h3::Cell;

const RESOLUTION: u8 = 8;
const HOUR_US: i64 = 3_600_000_000;
/// Edges of cells are great circles, those of hexagons in degrees are not: a cell of this size differs by millimetres, which is
/// less than this on the ground, up to 60 degrees of latitude.
const MARGIN_DEG: f64 = 1e-6;
const FARTHEST_LAT: f64 = 60.0;
/// Hexagons are looked for by squares of so many degrees, about as wide as they are.
const SQUARE_DEG: f64 = 0.01;

/// The inside of a cell, as half planes.
#[derive(Debug, Clone)]
struct Hexagon {
    cell: u64,
    sides: [[f64; 3]; 6],
}

impl Hexagon {
    fn of(cell: Cell) -> Self {
        let corners = cell.boundary_deg();
        // Nothing lies inside of what is not six-sided, nor of what is too far north.
        let mut hexagon = Self { cell: cell.to_u64(), sides: [[0.0, 0.0, -1.0]; 6] };
        if corners.len() != 6 || corners.iter().any(|(_, lat)| lat.abs() > FARTHEST_LAT) {
            return hexagon;
        }
        let count = corners.len() as f64;
        let middle = corners.iter().fold((0.0, 0.0), |sum, at| (sum.0 + at.0 / count, sum.1 + at.1 / count));
        for (n, side) in hexagon.sides.iter_mut().enumerate() {
            let (a, b) = (corners[n], corners[(n + 1) % 6]);
            let (mut x, mut y) = (a.1 - b.1, b.0 - a.0);
            let length = x.hypot(y);
            (x, y) = (x / length, y / length);
            let inward = if x * (middle.0 - a.0) + y * (middle.1 - a.1) < 0.0 { -1.0 } else { 1.0 };
            *side = [x * inward, y * inward, -(x * a.0 + y * a.1) * inward - MARGIN_DEG];
        }
        hexagon
    }

    #[inline]
    fn holds(&self, lon: f64, lat: f64) -> bool {
        // All six: a branch that nobody can foretell costs more.
        self.sides.iter().map(|[x, y, z]| u8::from(x * lon + y * lat + z < 0.0)).sum::<u8>() == 0
    }
}

/// Hexagons met so far.
#[derive(Debug, Default)]
struct Hexagons {
    all: Vec<Hexagon>,
    by_cell: HashMap<u64, u32>,
    by_square: HashMap<(i32, i32), Vec<u32>>,
    square: (i32, i32),
    near: Vec<u32>,
    last: usize,
}

impl Hexagons {
    /// The number of the cell of a place.
    fn of(&mut self, lon: f64, lat: f64) -> anyhow::Result<usize> {
        if self.all.get(self.last).is_some_and(|hexagon| hexagon.holds(lon, lat)) {
            return Ok(self.last);
        }
        let square = ((lon / SQUARE_DEG).floor() as i32, (lat / SQUARE_DEG).floor() as i32);
        if square != self.square {
            let before = std::mem::replace(&mut self.near, self.by_square.remove(&square).unwrap_or_default());
            self.by_square.insert(std::mem::replace(&mut self.square, square), before);
        }
        if let Some(near) = self.near.iter().find(|near| self.all[**near as usize].holds(lon, lat)) {
            self.last = *near as usize;
            return Ok(self.last);
        }
        let cell = Cell::of(&Position::new_2d(lon, lat)?, RESOLUTION)?;
        let next = self.all.len() as u32;
        let number = *self.by_cell.entry(cell.to_u64()).or_insert(next);
        if number == next {
            self.all.push(Hexagon::of(cell));
        }
        if !self.near.contains(&number) {
            self.near.push(number);
        }
        self.last = number as usize;
        Ok(self.last)
    }
}

/// Rows by cell: hour and value of each.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    hexagons: Hexagons,
    /// By the number of the cell.
    rows: Vec<Vec<(i32, f64)>>,
}

impl Rows {
    /// Takes rows in: degrees, microseconds, values.
    pub(crate) fn take(&mut self, lon: &[f64], lat: &[f64], times: &[i64], values: &[f64]) -> anyhow::Result<()> {
        for ((lon, lat), (time, value)) in lon.iter().zip(lat).zip(times.iter().zip(values)) {
            let number = self.hexagons.of(*lon, *lat)?;
            if number >= self.rows.len() {
                self.rows.resize_with(number + 1, Vec::new);
            }
            self.rows[number].push((time.div_euclid(HOUR_US) as i32, *value));
        }
        Ok(())
    }

    /// Brings together what several have taken in.
    pub(crate) fn together(all: Vec<Self>) -> Vec<(u64, Vec<(i32, f64)>)> {
        let mut by_cell: HashMap<u64, Vec<(i32, f64)>> = HashMap::new();
        for Self { hexagons, rows } in all {
            for (hexagon, mut rows) in hexagons.all.into_iter().zip(rows) {
                by_cell.entry(hexagon.cell).or_default().append(&mut rows);
            }
        }
        by_cell.into_iter().collect()
    }
}

/// Hours of one cell.
#[derive(Debug, Default)]
pub(crate) struct Hours {
    counts: Vec<u32>,
    sums: Vec<f64>,
}

impl Hours {
    /// Hour, number and mean of the values of a cell's rows.
    pub(crate) fn each(&mut self, rows: &[(i32, f64)], mut take: impl FnMut(i64, u64, f64)) {
        let (Some(first), Some(last)) = (rows.iter().map(|row| row.0).min(), rows.iter().map(|row| row.0).max()) else {
            return;
        };
        let hours = (last - first) as usize + 1;
        self.counts.clear();
        self.counts.resize(hours, 0);
        self.sums.clear();
        self.sums.resize(hours, 0.0);
        for (hour, value) in rows {
            let at = (hour - first) as usize;
            self.counts[at] += 1;
            self.sums[at] += value;
        }
        for (at, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            take(i64::from(first) + at as i64, u64::from(*count), self.sums[at] / f64::from(*count));
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    /// Every place gets the cell that it is encoded to, wherever the places before it lay.
    #[test]
    fn a_place_has_the_cell_of_its_encoding() -> anyhow::Result<()> {
        let mut random = SmallRng::seed_from_u64(3);
        let (mut hexagons, mut lon, mut lat) = (Hexagons::default(), 116.0, 39.5);
        for n in 0..200_000 {
            if n % 1_000 == 0 {
                (lon, lat) = (random.random_range(-180.0..180.0), random.random_range(-80.0..80.0));
            }
            lon += random.random_range(-0.002..0.002);
            lat += random.random_range(-0.002..0.002);
            let number = hexagons.of(lon, lat)?;
            assert_eq!(hexagons.all[number].cell, Cell::of(&Position::new_2d(lon, lat)?, RESOLUTION)?.to_u64());
        }
        // Some were not encoded: fewer hexagons were met than places.
        assert!(hexagons.all.len() < 100_000);
        Ok(())
    }
}
