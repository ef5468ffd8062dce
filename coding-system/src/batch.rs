//! Whole columns at once. Slices of longitudes, latitudes and perhaps heights come in, keys, Morton codes, ids or texts of one fixed width go
//! into a slice of the caller; nothing is allocated. A row that cannot be coded stops the batch by its number, and nothing is skipped.
//!
//! Coordinates are checked a block at a time before they are coded, so the loop that codes has no refusals in it. The texts of one level
//! have one width, so a column of texts is a plain byte slice: row `i` is `out[i * width..][..width]`.

use crate::error::Error;
use crate::geosot::{self, FINEST_LEVEL};
use crate::key::hour_field;
use crate::{Grid, GridCell, Key, Position, Profile, beidou, h3, height};

/// Rows checked and coded together: three columns of them stay in the first cache.
const BLOCK: usize = 512;

/// A column of positions: longitudes and latitudes in degrees, ellipsoidal heights in metres, CGCS2000 / WGS 84.
#[derive(Debug, Clone, Copy)]
pub struct Positions<'a> {
    lon_deg: &'a [f64],
    lat_deg: &'a [f64],
    height_m: Option<&'a [f64]>,
}

impl<'a> Positions<'a> {
    /// Positions without heights.
    ///
    /// # Errors
    /// [`Error::Slice`] for slices of different lengths.
    pub fn new_2d(lon_deg: &'a [f64], lat_deg: &'a [f64]) -> Result<Self, Error> {
        same_length("the latitudes", lat_deg.len(), lon_deg.len())?;
        Ok(Self { lon_deg, lat_deg, height_m: None })
    }

    /// Positions with heights.
    ///
    /// # Errors
    /// [`Error::Slice`] for slices of different lengths.
    pub fn new_3d(lon_deg: &'a [f64], lat_deg: &'a [f64], height_m: &'a [f64]) -> Result<Self, Error> {
        same_length("the heights", height_m.len(), lon_deg.len())?;
        Ok(Self { height_m: Some(height_m), ..Self::new_2d(lon_deg, lat_deg)? })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.lon_deg.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.lon_deg.is_empty()
    }

    /// Are all rows of a block on or near the Earth? Names the first that is not.
    fn check(&self, block: std::ops::Range<usize>) -> Result<(), Error> {
        // Counted and not searched, so that it is one loop without branches; NaN is in no range.
        let within =
            |values: &[f64], low: f64, high: f64| values.iter().filter(|v| !(low..=high).contains(*v)).count() == 0;
        let heights = self.height_m.map_or(&[][..], |heights| &heights[block.clone()]);
        if within(&self.lon_deg[block.clone()], -180.0, 180.0)
            && within(&self.lat_deg[block.clone()], -90.0, 90.0)
            && within(heights, height::LOWEST_M, height::HIGHEST_M)
        {
            return Ok(());
        }
        for row in block {
            let height_m = self.height_m.map(|heights| heights[row]);
            Position::new(self.lon_deg[row], self.lat_deg[row], height_m).map_err(|error| at_row(row, error))?;
        }
        Ok(())
    }

    /// The position of a row, its height left aside.
    #[inline]
    fn flat(&self, row: usize) -> Position {
        Position::unchecked(self.lon_deg[row], self.lat_deg[row], None)
    }

    /// The position of a row.
    #[inline]
    fn at(&self, row: usize) -> Position {
        Position::unchecked(self.lon_deg[row], self.lat_deg[row], self.height_m.map(|heights| heights[row]))
    }

    /// Codes every row into its place.
    #[inline]
    fn each<T>(&self, out: &mut [T], mut code: impl FnMut(usize) -> Result<T, Error>) -> Result<(), Error> {
        same_length("the output", out.len(), self.len())?;
        for (index, places) in out.chunks_mut(BLOCK).enumerate() {
            let first = index * BLOCK;
            self.check(first..first + places.len())?;
            for (row, place) in (first..).zip(places) {
                *place = code(row).map_err(|error| at_row(row, error))?;
            }
        }
        Ok(())
    }

    /// Codes every row into its places of one width, or stops at the first that is refused.
    #[inline]
    fn each_text(
        &self,
        width: usize,
        out: &mut [u8],
        code: impl Fn(usize, &mut [u8]) -> Result<(), Error>,
    ) -> Result<usize, Error> {
        let (found, rows, expected) = (out.len(), self.len(), self.len().saturating_mul(width));
        if found != expected {
            return Err(Error::Slice { what: "the output", found, rows, expected });
        }
        if width == 0 {
            return Err(Error::Slice { what: "the width", found: 0, rows, expected: 1 });
        }
        for (index, places) in out.chunks_mut(BLOCK * width).enumerate() {
            let first = index * BLOCK;
            self.check(first..(first + BLOCK).min(rows))?;
            for (row, place) in (first..).zip(places.chunks_exact_mut(width)) {
                code(row, place).map_err(|error| at_row(row, error))?;
            }
        }
        Ok(width)
    }
}

fn at_row(row: usize, error: Error) -> Error {
    Error::Row { row, refusal: Box::new(error) }
}

fn same_length(what: &'static str, found: usize, rows: usize) -> Result<(), Error> {
    if found == rows { Ok(()) } else { Err(Error::Slice { what, found, rows, expected: rows }) }
}

/// The times of a batch of keys, UTC microseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub enum Times<'a> {
    /// Keys without time.
    None,
    /// One instant for all rows.
    One(i64),
    /// An instant for each row.
    Each(&'a [i64]),
}

/// GeoSOT Morton codes of level 32, as [`geosot::morton_2d`].
///
/// # Errors
/// [`Error::Row`] for a position off the Earth, [`Error::Slice`].
pub fn morton_2d(positions: &Positions, out: &mut [u64]) -> Result<(), Error> {
    positions.each(out, |row| Ok(geosot::morton_2d(&positions.flat(row))))
}

/// GeoSOT Morton codes of level 32 in the low 96 bits, as [`geosot::morton_3d`].
///
/// # Errors
/// As [`morton_2d`]; [`Error::NeedsHeight`] for positions without heights.
pub fn morton_3d(positions: &Positions, out: &mut [u128]) -> Result<(), Error> {
    let Some(heights) = positions.height_m else { return Err(Error::NeedsHeight { scheme: "GeoSOT 3D" }) };
    positions.each(out, |row| Ok(geosot::morton_with(&positions.flat(row), heights[row])))
}

/// The 2D keys of level 32 as numbers, as [`Key::new_2d`]; heights are left aside.
///
/// # Errors
/// [`Error::Row`] for a position off the Earth or an instant keys do not hold, [`Error::Slice`].
pub fn keys_2d(positions: &Positions, times: Times, profile: Profile, out: &mut [u128]) -> Result<(), Error> {
    keys(positions, times, out, |row, hour| Key::pack_2d(geosot::morton_2d(&positions.flat(row)), hour, profile))
}

/// The 3D keys of level 32 as numbers, as [`Key::new`].
///
/// # Errors
/// As [`keys_2d`]; [`Error::NeedsHeight`] for positions without heights.
pub fn keys_3d(positions: &Positions, times: Times, profile: Profile, out: &mut [u128]) -> Result<(), Error> {
    let Some(heights) = positions.height_m else { return Err(Error::NeedsHeight { scheme: "a 3D key" }) };
    keys(positions, times, out, |row, hour| {
        Key::pack_3d(geosot::morton_with(&positions.flat(row), heights[row]), hour, profile)
    })
}

#[inline]
fn keys(positions: &Positions, times: Times, out: &mut [u128], key: impl Fn(usize, u128) -> Key) -> Result<(), Error> {
    if let Times::Each(times) = times {
        same_length("the times", times.len(), positions.len())?;
        return positions.each(out, |row| Ok(key(row, hour_field(Some(times[row]))?).to_u128()));
    }
    let hour = hour_field(if let Times::One(time_us) = times { Some(time_us) } else { None })?;
    positions.each(out, |row| Ok(key(row, hour).to_u128()))
}

/// BeiDou 2D texts of a level; gives back their width. Heights are left aside.
///
/// # Errors
/// [`Error::Row`] for a position off the Earth or in a polar cap beyond level 2, [`Error::Level`], [`Error::Slice`] unless `out` has
/// [`beidou::width_2d`] bytes for each row.
pub fn beidou_2d(positions: &Positions, level: u8, out: &mut [u8]) -> Result<usize, Error> {
    let width = beidou::width_2d(level)?;
    positions.each_text(width, out, |row, place| {
        let mut text = [0; 20];
        beidou::encode_into(&positions.flat(row), level, &mut text)?;
        place.copy_from_slice(&text[..place.len()]);
        Ok(())
    })
}

/// BeiDou 3D texts of a level; gives back their width.
///
/// # Errors
/// As [`beidou_2d`] with [`beidou::width_3d`]; [`Error::NeedsHeight`] for positions without heights.
pub fn beidou_3d(positions: &Positions, level: u8, out: &mut [u8]) -> Result<usize, Error> {
    let width = beidou::width_3d(level)?;
    positions.each_text(width, out, |row, place| {
        let mut text = [0; 32];
        beidou::encode_3d_into(&positions.at(row), level, &mut text)?;
        place.copy_from_slice(&text[..place.len()]);
        Ok(())
    })
}

/// GeoSOT texts of a level, `G...` or with heights `GZ...`; gives back their width: the level and one or two letters.
///
/// # Errors
/// [`Error::Row`] for a position off the Earth, [`Error::Level`], [`Error::Slice`].
pub fn geosot(positions: &Positions, level: u8, out: &mut [u8]) -> Result<usize, Error> {
    crate::error::check_level(geosot::SCHEME, level, 0, FINEST_LEVEL)?;
    let width = usize::from(level) + if positions.height_m.is_some() { 2 } else { 1 };
    positions.each_text(width, out, |row, place| {
        place.copy_from_slice(&geosot::digits(&positions.at(row))[..place.len()]);
        Ok(())
    })
}

/// The texts of any grid whose cells of one level have texts of one width ([`crate::rslc::Grid`], [`h3::Grid`] and those above); gives
/// back their width.
///
/// # Errors
/// [`Error::Row`] for a position the grid refuses, [`Error::Slice`] unless `out` has `width` bytes for each row.
pub fn texts<G: Grid>(
    grid: &G,
    positions: &Positions,
    level: u8,
    width: usize,
    out: &mut [u8],
) -> Result<usize, Error> {
    positions.each_text(width, out, |row, place| {
        let text = grid.encode(&positions.at(row), level)?.text();
        if text.len() != place.len() {
            let (found, expected) = (place.len(), text.len());
            return Err(Error::Slice { what: "the width", found, rows: 1, expected });
        }
        place.copy_from_slice(text.as_bytes());
        Ok(())
    })
}

/// H3 ids of a resolution. Positions that stay in a cell, as those in the order of their keys do, take a fraction of the time
/// of scattered ones.
///
/// # Errors
/// [`Error::Row`] for a position off the Earth, [`Error::Level`], [`Error::Slice`].
pub fn h3(positions: &Positions, resolution: u8, out: &mut [u64]) -> Result<(), Error> {
    let resolution = h3::resolution_of(resolution)?;
    let mut memory = h3::Memory::new(resolution);
    positions.each(out, |row| match memory.cell(positions.lon_deg[row], positions.lat_deg[row]) {
        Some(cell) => Ok(cell.into()),
        None => Ok(h3::Cell::at(&positions.flat(row), resolution)?.to_u64()),
    })
}
