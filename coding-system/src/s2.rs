//! S2 cells: six faces of a cube on the sphere, each cut thirty times into four along a Hilbert curve. A [`Position`] and a level come in, a
//! [`Cell`] with its 64-bit id and token goes out; an id or token comes in, centre, corners and a box around it go out. The edges of a
//! cell are arcs of great circles, latitudes are taken as angles of a sphere, and heights are left aside: S2 has none.

use std::fmt;
use std::str::FromStr;

use crate::area::LonLatBox;
use crate::error::{Error, bad_character, bad_length, check_level, no_such_cell};
use crate::quantum::Position;
use crate::text::CodeText;

pub(crate) const SCHEME: &str = "S2";
/// Finest level, cells of about a square centimetre.
pub const FINEST_LEVEL: u8 = 30;
/// Leaf cells along an edge of a face.
const SIDE: u32 = 1 << FINEST_LEVEL;
/// Which quarter (two bits: i, j) comes at a place of the curve, for each of its four orientations; and the other way round.
const QUARTER: [[u8; 4]; 4] = [[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]];
const PLACE: [[u8; 4]; 4] = [[0, 1, 3, 2], [0, 3, 1, 2], [2, 3, 1, 0], [2, 1, 3, 0]];
/// How the orientation changes at each place: axes swapped (1), curve turned about (2).
const TURN: [u8; 4] = [1, 0, 0, 3];
/// Points laid on each edge when a box around a cell is measured, and by what share of its size the box is then widened.
const EDGE_POINTS: u32 = 8;
const WIDER: f64 = 0.01;

/// One S2 cell. Cells order by their id, which is the order of the curve: the cells inside a cell are one range around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell(u64);

impl Cell {
    /// The cell of a position at a level 0 to 30.
    ///
    /// # Errors
    /// [`Error::Level`] beyond level 30.
    pub fn of(position: &Position, level: u8) -> Result<Self, Error> {
        check_level(SCHEME, level, 0, FINEST_LEVEL)?;
        let ((sin_lat, cos_lat), (sin_lon, cos_lon)) =
            (position.lat_deg().to_radians().sin_cos(), position.lon_deg().to_radians().sin_cos());
        let (face, u, v) = to_face([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]);
        let leaf = |st: f64| ((st * f64::from(SIDE)).floor().max(0.0) as u32).min(SIDE - 1);
        Ok(Self::of_leaf(face, leaf(to_square(u)), leaf(to_square(v))).up(level))
    }

    /// The cell of its 64-bit id.
    ///
    /// # Errors
    /// [`Error::NoSuchCell`] when the number is no cell id.
    pub fn from_u64(id: u64) -> Result<Self, Error> {
        // The lowest set bit ends the path; it stands at an even place below the three bits of the face.
        let is_cell = id >> 61 < 6 && id != 0 && id.trailing_zeros().is_multiple_of(2) && id.trailing_zeros() <= 60;
        if is_cell {
            Ok(Self(id))
        } else {
            Err(no_such_cell(SCHEME, &format!("{id:x}"), "the number is no S2 cell id"))
        }
    }

    /// Reads a token: the id's hexadecimal digits in lower case without the zeros at its end.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Character`] or [`Error::NoSuchCell`] naming the fault.
    pub fn parse(token: &str) -> Result<Self, Error> {
        if let Some(at) = token.bytes().position(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad_character(SCHEME, token, at, "0-9 or a-f"));
        }
        if token.is_empty() || token.len() > 16 || token.ends_with('0') {
            return Err(bad_length(SCHEME, token, "a token has 1 to 16 and does not end in 0"));
        }
        let id = u64::from_str_radix(token, 16).unwrap_or_default() << (4 * (16 - token.len()));
        Self::from_u64(id).map_err(|_| no_such_cell(SCHEME, token, "its bits are no S2 cell"))
    }

    /// The 64-bit id.
    pub fn to_u64(&self) -> u64 {
        self.0
    }

    /// The token.
    pub fn text(&self) -> CodeText {
        use fmt::Write;
        let mut hex = CodeText::new();
        // Sixteen digits always fit, so the write does not fail.
        let _ = write!(hex, "{:016x}", self.0);
        let mut token = CodeText::new();
        token.push_str(hex.as_str().trim_end_matches('0'));
        token
    }

    /// Level, 0 to 30.
    pub fn level(&self) -> u8 {
        FINEST_LEVEL - (self.0.trailing_zeros() / 2) as u8
    }

    /// The cell of a coarser level that holds this one; itself at its own level, nothing at a finer one.
    pub fn parent(&self, level: u8) -> Option<Self> {
        (level <= self.level()).then(|| self.up(level))
    }

    /// The four cells one level finer, in the order of the curve; none at level 30.
    pub fn children(&self) -> impl Iterator<Item = Self> + use<> {
        let (id, last) = (self.0, self.0 & self.0.wrapping_neg());
        let quarter = last >> 2;
        let count = if quarter == 0 { 0 } else { 4 };
        (0..count).map(move |i: u64| Self(id - last + (2 * i + 1) * quarter))
    }

    /// Is the other cell this one or inside it?
    pub fn contains(&self, other: &Self) -> bool {
        let (first, last) = self.range_u64();
        first <= other.0 && other.0 <= last
    }

    /// First and last leaf id inside the cell.
    pub fn range_u64(&self) -> (u64, u64) {
        let below = (self.0 & self.0.wrapping_neg()) - 1;
        (self.0 - below, self.0 + below)
    }

    /// The cell's centre as (longitude, latitude), degrees.
    pub fn centre_deg(&self) -> (f64, f64) {
        let (face, [s, t], half) = self.square();
        place_deg(face, s + half, t + half)
    }

    /// The four corners as (longitude, latitude), degrees, counter-clockwise. Edges are arcs of great circles.
    pub fn boundary_deg(&self) -> Vec<(f64, f64)> {
        let (face, [s, t], half) = self.square();
        let side = 2.0 * half;
        [(s, t), (s + side, t), (s + side, t + side), (s, t + side)].map(|(s, t)| place_deg(face, s, t)).to_vec()
    }

    /// A box around the cell, a little wider than it, so that every position of the cell lies in it.
    pub fn area(&self) -> LonLatBox {
        let (face, [s, t], half) = self.square();
        let centre = self.centre_deg();
        let (mut west, mut east, mut south, mut north) = (0.0f64, 0.0f64, centre.1, centre.1);
        for i in 0..=EDGE_POINTS {
            let along = 2.0 * half * f64::from(i) / f64::from(EDGE_POINTS);
            for (s, t) in [(s + along, t), (s + along, t + 2.0 * half), (s, t + along), (s + 2.0 * half, t + along)] {
                let (lon, lat) = place_deg(face, s, t);
                (south, north) = (south.min(lat), north.max(lat));
                // A pole has every longitude: those of the other points count.
                if lat.abs() < 89.999_999_999 {
                    let aside = (lon - centre.0 + 540.0).rem_euclid(360.0) - 180.0;
                    (west, east) = (west.min(aside), east.max(aside));
                }
            }
        }
        let (wide, high) = ((east - west) * WIDER + 1e-9, (north - south) * WIDER + 1e-9);
        (south, north) = ((south - high).max(-90.0), (north + high).min(90.0));
        match (self.level(), face) {
            (0, 2) => LonLatBox::from_sides(-180.0, south, 180.0, 90.0),
            (0, 5) => LonLatBox::from_sides(-180.0, -90.0, 180.0, north),
            (0, 3) => LonLatBox::from_sides(-180.0, south, 180.0, north),
            // From level 1 on the antimeridian is an edge of cells and no cell crosses it.
            _ => {
                let (west, east) = (centre.0 + west - wide, centre.0 + east + wide);
                LonLatBox::from_sides(west.max(-180.0), south, east.min(180.0), north)
            }
        }
    }

    fn up(self, level: u8) -> Self {
        let last = 1u64 << (2 * u32::from(FINEST_LEVEL - level));
        Self(self.0 & last.wrapping_neg() | last)
    }

    /// The leaf cell of a face's column and row.
    fn of_leaf(face: u8, i: u32, j: u32) -> Self {
        let mut turned = face & 1;
        let mut id = u64::from(face);
        for level in (0..FINEST_LEVEL).rev() {
            let quarter = (i >> level & 1) << 1 | j >> level & 1;
            let place = PLACE[usize::from(turned)][quarter as usize];
            id = id << 2 | u64::from(place);
            turned ^= TURN[usize::from(place)];
        }
        Self(id << 1 | 1)
    }

    /// The cell's face, the low corner in its square (0 to 1), and half its side there.
    fn square(self) -> (u8, [f64; 2], f64) {
        let (face, level) = ((self.0 >> 61) as u8, self.level());
        let mut turned = face & 1;
        let (mut i, mut j) = (0u32, 0u32);
        for step in 1..=u32::from(level) {
            let place = (self.0 >> (61 - 2 * step) & 3) as usize;
            let quarter = u32::from(QUARTER[usize::from(turned)][place]);
            (i, j) = (i << 1 | quarter >> 1, j << 1 | quarter & 1);
            turned ^= TURN[place];
        }
        let side = 1.0 / f64::from(1u32 << level);
        (face, [f64::from(i) * side, f64::from(j) * side], side / 2.0)
    }
}

/// The face that a direction passes through, and where, each coordinate from -1 to 1.
fn to_face([x, y, z]: [f64; 3]) -> (u8, f64, f64) {
    let (ax, ay, az) = (x.abs(), y.abs(), z.abs());
    let axis = if ax > ay {
        if ax > az { 0 } else { 2 }
    } else if ay > az {
        1
    } else {
        2
    };
    let negative = [x, y, z][axis] < 0.0;
    match (axis, negative) {
        (0, false) => (0, y / x, z / x),
        (1, false) => (1, -x / y, z / y),
        (2, false) => (2, -x / z, -y / z),
        (0, true) => (3, z / x, y / x),
        (1, true) => (4, z / y, -x / y),
        _ => (5, -y / z, -x / z),
    }
}

/// The quadratic map that makes cells of a level nearly equal: -1..1 to 0..1, and back.
fn to_square(u: f64) -> f64 {
    if u >= 0.0 { 0.5 * (1.0 + 3.0 * u).sqrt() } else { 1.0 - 0.5 * (1.0 - 3.0 * u).sqrt() }
}

fn from_square(s: f64) -> f64 {
    if s >= 0.5 { (4.0 * s * s - 1.0) / 3.0 } else { (1.0 - 4.0 * (1.0 - s) * (1.0 - s)) / 3.0 }
}

/// The place of a point in a face's square, degrees.
fn place_deg(face: u8, s: f64, t: f64) -> (f64, f64) {
    let (u, v) = (from_square(s), from_square(t));
    let [x, y, z] = match face {
        0 => [1.0, u, v],
        1 => [-u, 1.0, v],
        2 => [-u, -v, 1.0],
        3 => [-1.0, -v, -u],
        4 => [v, -1.0, -u],
        _ => [v, u, -1.0],
    };
    (y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees())
}

impl FromStr for Cell {
    type Err = Error;
    fn from_str(token: &str) -> Result<Self, Error> {
        Self::parse(token)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}
