//! The texts of Spatial IDs: `zoom/floor/x/y`, and `zoom/x/y/floor zoom/floor` when floors have a zoom of their own. Each number has one
//! writing, without leading zeros; a voxel has one text.

use std::fmt::Write;

use super::{Cell, SCHEME};
use crate::error::{Error, bad_character, bad_length, excerpt, no_such_cell};
use crate::text::CodeText;

const SHAPE: &str = "write zoom/floor/x/y in whole numbers, such as 18/0/215770/99327, or zoom/x/y/floor zoom/floor";
const WHOLE: &str = "a digit, and no leading zero";

pub(super) fn write(cell: &Cell) -> CodeText {
    let mut out = CodeText::new();
    let Cell { zoom, floor_zoom, floor, x, y } = cell;
    // The longest voxel has 42 characters, so the write does not fail.
    let _ = if zoom == floor_zoom {
        write!(out, "{zoom}/{floor}/{x}/{y}")
    } else {
        write!(out, "{zoom}/{x}/{y}/{floor_zoom}/{floor}")
    };
    out
}

pub(super) fn read(code: &str) -> Result<Cell, Error> {
    let mut numbers = [0i64; 5];
    let mut from = 0;
    let parts = code.split('/').count();
    if parts != 4 && parts != 5 {
        return Err(bad_length(SCHEME, code, SHAPE));
    }
    // Only the floor may be negative: the second of four numbers, the last of five.
    let floor_at = if parts == 4 { 1 } else { 4 };
    for (index, part) in code.split('/').enumerate() {
        numbers[index] = number(code, from, part, index == floor_at)?;
        from += part.len() + 1;
    }
    let (zoom, floor_zoom, floor, x, y) = match (parts, numbers) {
        (4, [zoom, floor, x, y, _]) => (zoom, zoom, floor, x, y),
        (_, [zoom, x, y, floor_zoom, floor]) => (zoom, floor_zoom, floor, x, y),
    };
    if parts == 5 && zoom == floor_zoom {
        return Err(no_such_cell(SCHEME, code, "the two zooms are equal: write zoom/floor/x/y"));
    }
    let zoom_of = |zoom: i64| u8::try_from(zoom).map_err(|_| no_such_cell(SCHEME, code, "zooms are 0 to 35"));
    // Neither x nor y is negative here, so the conversion keeps them.
    Cell::with_floor_zoom(zoom_of(zoom)?, x as u64, y as u64, zoom_of(floor_zoom)?, floor).map_err(|e| match e {
        Error::NoSuchCell { why, .. } => Error::NoSuchCell { scheme: SCHEME, code: excerpt(code), why },
        other => other,
    })
}

/// A whole number in its one writing; `from` is where the part begins in the code.
fn number(code: &str, from: usize, part: &str, signed: bool) -> Result<i64, Error> {
    let digits = if signed { part.strip_prefix('-').unwrap_or(part) } else { part };
    let first = from + part.len() - digits.len();
    if digits.is_empty() {
        return Err(bad_length(SCHEME, code, SHAPE));
    }
    if let Some(wrong) = digits.bytes().position(|b| !b.is_ascii_digit()) {
        let allowed = if signed && wrong == 0 && first == from { "a digit or -, and no leading zero" } else { WHOLE };
        return Err(bad_character(SCHEME, code, first + wrong, allowed));
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return Err(bad_character(SCHEME, code, first, "1-9, as numbers have no leading zero"));
    }
    if part == "-0" {
        return Err(bad_character(SCHEME, code, first, "1-9, as floor 0 has no sign"));
    }
    part.parse().map_err(|_| no_such_cell(SCHEME, code, "a number is greater than any zoom has"))
}
