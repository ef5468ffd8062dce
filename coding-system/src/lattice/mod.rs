//! The engine under the schemes whose levels are written one after another in mixed radix (BeiDou, RSLC). A table of [`Step`]s and
//! whole units come in, characters go out, and back; every character is checked against what its place allows. Cells of a table know
//! their place among the others: rows, columns, children, containment.

use crate::area::{HeightBand, LonLatBox};
use crate::axes::{Extent, Place, mirrored, unmirrored};
use crate::error::{Error, bad_character, bad_length};
use crate::quantum::{UNITS_PER_DEGREE, degrees};
use crate::text::CodeText;
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

const DIGITS: &[u8; 15] = b"0123456789ABCDE";

/// The character of a digit below 15.
#[inline]
pub(crate) fn digit(value: u32) -> u8 {
    DIGITS[(value % 15) as usize]
}

/// Writes the levels of `steps` for a cell, each level's plane part followed by its height part when the cell has one.
pub(crate) fn write(steps: &[Step], cell: &Cell, out: &mut CodeText) {
    for step in steps.iter().take(cell.level as usize) {
        let (col, row) = (cell.x / step.lon % step.cols, cell.y / step.lat % step.rows);
        match step.form {
            Form::Zone => write_band(out, if cell.west { 30 - col } else { 31 + col }, row),
            Form::Band => write_band(out, col, row),
            Form::Single => out.push(digit(row * step.cols + col)),
            Form::Pair => {
                out.push(digit(col));
                out.push(digit(row));
            }
        }
        if let Some((_, z)) = cell.z {
            let floor = z / step.height % step.floors;
            if step.height_characters() == 2 {
                out.push(digit(floor / 10));
                out.push(digit(floor % 10));
            } else {
                out.push(digit(floor));
            }
        }
    }
}

fn write_band(out: &mut CodeText, number: u32, row: u32) {
    out.push(digit(number / 10));
    out.push(digit(number % 10));
    out.push(b'A' + row as u8);
}

/// Reads a code from left to right and says which character is wrong and what was allowed there.
pub(crate) struct Reader<'a> {
    scheme: &'static str,
    lengths: &'static str,
    code: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(scheme: &'static str, lengths: &'static str, code: &'a str) -> Self {
        Self { scheme, lengths, code, at: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at == self.code.len()
    }

    /// The next byte's place in `choices`.
    pub(crate) fn one_of(&mut self, choices: &str, allowed: &'static str) -> Result<u32, Error> {
        let Some(byte) = self.code.as_bytes().get(self.at) else {
            return Err(bad_length(self.scheme, self.code, self.lengths));
        };
        let Some(place) = choices.bytes().position(|c| c == *byte) else {
            return Err(bad_character(self.scheme, self.code, self.at, allowed));
        };
        self.at += 1;
        Ok(place as u32)
    }

    /// One digit below `limit`: 0-9, A-E.
    pub(crate) fn digit(&mut self, limit: u32) -> Result<u32, Error> {
        let Some(&byte) = self.code.as_bytes().get(self.at) else {
            return Err(bad_length(self.scheme, self.code, self.lengths));
        };
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'E' => byte - b'A' + 10,
            _ => u8::MAX,
        };
        if u32::from(value) >= limit {
            return Err(bad_character(self.scheme, self.code, self.at, digits_below(limit)));
        }
        self.at += 1;
        Ok(u32::from(value))
    }

    /// Two decimal digits in `low..=high`; a number out of range is blamed on its second digit.
    pub(crate) fn number(&mut self, low: u32, high: u32, allowed: &'static str) -> Result<u32, Error> {
        let tens = self.one_of(&"0123456789"[..=(high / 10) as usize], allowed)?;
        let number = tens * 10 + self.one_of("0123456789", allowed)?;
        if (low..=high).contains(&number) {
            Ok(number)
        } else {
            Err(bad_character(self.scheme, self.code, self.at - 1, allowed))
        }
    }

    /// All the levels until the end of the text, into `cell`; a zone decides east or west.
    pub(crate) fn levels(&mut self, steps: &[Step], cell: &mut Cell) -> Result<(), Error> {
        for (index, step) in steps.iter().enumerate() {
            if self.is_done() {
                return Ok(());
            }
            let (col, row) = self.plane(step, cell)?;
            cell.x += col * step.lon;
            cell.y += row * step.lat;
            if let Some((_, z)) = cell.z.as_mut() {
                let floor = match step.height_characters() {
                    2 if step.floors == 64 => self.number(0, 63, "00-63 (height, 4 degrees each)")?,
                    2 => self.number(0, 31, "00-31 (height, 4 degrees each)")?,
                    _ => self.digit(step.floors)?,
                };
                *z += floor * step.height;
            }
            cell.level = index as u8 + 1;
        }
        if self.is_done() { Ok(()) } else { Err(bad_length(self.scheme, self.code, self.lengths)) }
    }

    fn plane(&mut self, step: &Step, cell: &mut Cell) -> Result<(u32, u32), Error> {
        match step.form {
            Form::Zone => {
                let zone = self.number(1, 60, "01-60 (zone, 6 degrees each)")?;
                cell.west = zone <= 30;
                let col = if cell.west { 30 - zone } else { zone - 31 };
                Ok((col, self.one_of("ABCDEFGHIJKLMNOPQRSTUV", "A-V (row, 4 degrees each)")?))
            }
            Form::Band => {
                let col = self.number(0, 14, "00-14 (column, 6 degrees each)")?;
                Ok((col, self.one_of("ABCDEFGHIJK", "A-K (row, 4 degrees each)")?))
            }
            Form::Single => {
                let both = self.digit(step.cols * step.rows)?;
                Ok((both % step.cols, both / step.cols))
            }
            Form::Pair => Ok((self.digit(step.cols)?, self.digit(step.rows)?)),
        }
    }
}

/// The digits below a limit, for a refusal.
fn digits_below(limit: u32) -> &'static str {
    match limit {
        2 => "0 or 1",
        3 => "0-2",
        4 => "0-3",
        5 => "0-4",
        6 => "0-5",
        7 => "0-6",
        8 => "0-7",
        9 => "0-8",
        10 => "0-9",
        12 => "0-9, A or B",
        _ => "0-9 or A-E",
    }
}
