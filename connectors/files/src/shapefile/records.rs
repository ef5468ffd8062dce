//! The records of a `.shp`: bytes in, geometry in the kernel's frame out. A record is read as far as its bytes go,
//! whatever it claims; one that contradicts itself is refused, one whose frame is broken ends the file.

use std::io::{BufRead, Read};

use kernel_model::{Coord, Geometry, Shape};

use crate::crs::Frame;
use crate::error::Error;
use crate::intake::Refusal;
use crate::rings;
use crate::wkb;

/// Bytes one record may have.
const MAX_RECORD_BYTES: u64 = 256 << 20;

pub(super) struct Records {
    reader: Box<dyn BufRead + Send>,
    file: String,
    /// Bytes that the header says are left.
    left: u64,
    record: Vec<u8>,
}

impl Records {
    pub(super) fn open(mut reader: Box<dyn BufRead + Send>, size: u64, file: &str) -> Result<Self, Error> {
        let mut head = [0; 100];
        reader.read_exact(&mut head).map_err(|e| Error::from_io(file, e))?;
        let number = |at: usize| head.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
        if number(0) != 9994 {
            let found = "its .shp does not begin with 9994".to_owned();
            return Err(Error::Foreign { file: file.to_owned(), found });
        }
        let stated = u64::from(number(24)) * 2;
        if stated > size {
            return Err(Error::Truncated { file: file.to_owned(), detail: format!("{size} of {stated} bytes") });
        }
        Ok(Self { reader, file: file.to_owned(), left: stated.saturating_sub(100), record: Vec::new() })
    }

    /// The next shape: `None` inside is a null shape, a refusal one that cannot be.
    pub(super) fn next(&mut self, frame: &Frame) -> Result<Option<Result<Option<Geometry>, Refusal>>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut head = [0; 8];
        self.reader.read_exact(&mut head).map_err(|e| Error::from_io(&self.file, e))?;
        let [_, _, _, _, a, b, c, d] = head;
        let length = u64::from(u32::from_be_bytes([a, b, c, d])) * 2;
        if length + 8 > self.left || length > MAX_RECORD_BYTES {
            return Err(Error::Malformed {
                file: self.file.clone(),
                place: "shapes".to_owned(),
                reason: format!("a record of {length} bytes where {} are left", self.left),
            });
        }
        self.left -= length + 8;
        self.record.clear();
        let read = (&mut self.reader).take(length).read_to_end(&mut self.record);
        let read = read.map_err(|e| Error::from_io(&self.file, e))?;
        if (read as u64) < length {
            return Err(Error::Truncated { file: self.file.clone(), detail: "in the middle of a shape".to_owned() });
        }
        Ok(Some(shape(&self.record, frame)))
    }
}

/// Values less than this mean "no data" (page 2 of the white paper).
const NO_DATA: f64 = -1e38;

/// A record's numbers.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u32(self, at: usize) -> Result<u32, Refusal> {
        let raw = self.0.get(at..).and_then(|b| b.first_chunk()).ok_or("its record ends too early")?;
        Ok(u32::from_le_bytes(*raw))
    }

    fn f64(self, at: usize) -> Result<f64, Refusal> {
        let raw = self.0.get(at..).and_then(|b| b.first_chunk()).ok_or("its record ends too early")?;
        Ok(f64::from_le_bytes(*raw))
    }

    /// A count of things of so many bytes that can be there.
    fn count(self, at: usize, size: usize) -> Result<usize, Refusal> {
        let count = self.u32(at)? as usize;
        if count > self.0.len() / size { Err("its record ends too early".to_owned()) } else { Ok(count) }
    }
}

fn shape(record: &[u8], frame: &Frame) -> Result<Option<Geometry>, Refusal> {
    let bytes = Bytes(record);
    let code = bytes.u32(0)?;
    // Types of 11 to 18 have heights, of 21 to 28 measures only.
    let has_z = (11..=18).contains(&code);
    let has_height = has_z && frame.knows_height_unit();
    let shape = match (code, code % 10) {
        (0, _) => None,
        (1 | 11 | 21, _) => {
            let z = if has_z { bytes.f64(20)? } else { 0.0 };
            Some(Shape::Point(frame.locate(bytes.f64(4)?, bytes.f64(12)?, z)?))
        }
        (8 | 18 | 28, _) => {
            let count = bytes.count(36, 16)?;
            let points = coords(bytes, frame, 0, count, 40, has_z.then_some(40 + 16 * count + 16))?;
            Some(points).filter(|p| !p.is_empty()).map(Shape::MultiPoint)
        }
        (3 | 13 | 23 | 5 | 15 | 25, last) => {
            let parts = parts(bytes, frame, has_z)?;
            if parts.is_empty() {
                None
            } else if last == 3 {
                let mut lines = parts.into_iter().map(wkb::line).collect::<Result<Vec<_>, _>>()?;
                Some(if lines.len() == 1 { Shape::LineString(lines.remove(0)) } else { Shape::MultiLineString(lines) })
            } else {
                Some(polygons(parts)?)
            }
        }
        (31, _) => return Err("multipatches are not taken: make polygons of them".to_owned()),
        _ => return Err(format!("shape type {code} is not known")),
    };
    Ok(shape.map(|shape| Geometry { has_height, shape }))
}

fn coords(
    bytes: Bytes<'_>,
    frame: &Frame,
    from: usize,
    to: usize,
    points: usize,
    heights: Option<usize>,
) -> Result<Vec<Coord>, Refusal> {
    (from..to)
        .map(|at| {
            let z = heights.map_or(Ok(0.0), |heights| bytes.f64(heights + 8 * at))?;
            let z = if z < NO_DATA { 0.0 } else { z };
            frame.locate(bytes.f64(points + 16 * at)?, bytes.f64(points + 16 * at + 8)?, z)
        })
        .collect()
}

/// The parts of a line or polygon; empty ones are left out.
fn parts(bytes: Bytes<'_>, frame: &Frame, has_z: bool) -> Result<Vec<Vec<Coord>>, Refusal> {
    let (parts, count) = (bytes.count(36, 4)?, bytes.count(40, 16)?);
    let points = 44 + 4 * parts;
    let heights = has_z.then_some(points + 16 * count + 16);
    let mut lines = Vec::with_capacity(parts);
    for part in 0..parts {
        let from = bytes.u32(44 + 4 * part)? as usize;
        let to = if part + 1 < parts { bytes.u32(48 + 4 * part)? as usize } else { count };
        if from > to || to > count {
            return Err("its parts overlap".to_owned());
        }
        let line = coords(bytes, frame, from, to, points, heights)?;
        if !line.is_empty() {
            lines.push(line);
        }
    }
    Ok(lines)
}

/// Rings that wind clockwise are outer ones, the others holes (page 8). Where none winds clockwise all are outer ones, as
/// other readers have it; a hole that lies in no outer ring is refused.
fn polygons(parts: Vec<Vec<Coord>>) -> Result<Shape, Refusal> {
    let parts = parts.into_iter().map(wkb::ring).collect::<Result<Vec<_>, _>>()?;
    let (outer, inner): (Vec<_>, Vec<_>) = parts.into_iter().partition(|ring| winds_clockwise(ring));
    if outer.is_empty() { rings::polygons(inner, Vec::new()) } else { rings::polygons(outer, inner) }
}

fn winds_clockwise(ring: &[Coord]) -> bool {
    let Some(origin) = ring.first() else { return false };
    let doubled: f64 = ring
        .windows(2)
        .map(|e| {
            (e[0].lon_deg - origin.lon_deg) * (e[1].lat_deg - origin.lat_deg)
                - (e[1].lon_deg - origin.lon_deg) * (e[0].lat_deg - origin.lat_deg)
        })
        .sum();
    doubled <= 0.0
}
