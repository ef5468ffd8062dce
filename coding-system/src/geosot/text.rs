//! The texts of GeoSOT cells: `G0013` plain, `G001310322-230230` dashed after degrees and minutes with a point after seconds, `GZ0026`
//! in 3D. A cell comes in and its text goes out, or the other way round; a text is plain or dashed throughout, never half of each.

use super::{Cell, FINEST_LEVEL, SCHEME};
use crate::error::{Error, bad_character, bad_length};
use crate::text::CodeText;

/// The separator that stands before the digit of a level in the dashed text.
fn separator_before(level: u8) -> Option<u8> {
    match level {
        10 | 16 => Some(b'-'),
        22 => Some(b'.'),
        _ => None,
    }
}

pub(super) fn write(cell: &Cell, dashed: bool) -> CodeText {
    let mut out = CodeText::new();
    let solid = cell.height.is_some();
    out.push_str(if solid { "GZ" } else { "G" });
    for level in 1..=cell.level {
        if let (true, Some(separator)) = (dashed, separator_before(level)) {
            out.push(separator);
        }
        let (lat, lon, height) = cell.bits(level);
        out.push(b'0' + if solid { lat << 2 | lon << 1 | height } else { lat << 1 | lon } as u8);
    }
    out
}

pub(super) fn read(code: &str) -> Result<Cell, Error> {
    let bytes = code.as_bytes();
    if bytes.first() != Some(&b'G') {
        return Err(bad_character(SCHEME, code, 0, "G"));
    }
    let is_3d = bytes.get(1) == Some(&b'Z');
    let first = 1 + usize::from(is_3d);
    // The first separator decides: either all of them stand, or none.
    let dashed = bytes.get(first + 9) == Some(&b'-');
    let (top, allowed) = if is_3d { (b'7', "0-7") } else { (b'3', "0-3") };
    let (mut lon, mut lat, mut height, mut level) = (0, 0, 0, 0);
    let mut at = first;
    while at < bytes.len() {
        if level == FINEST_LEVEL {
            return Err(bad_length(SCHEME, code, "a code has at most 32 digits"));
        }
        if let (true, Some(separator)) = (dashed, separator_before(level + 1)) {
            if bytes[at] != separator {
                return Err(bad_character(
                    SCHEME,
                    code,
                    at,
                    if separator == b'.' {
                        "a point, as the text is dashed"
                    } else {
                        "a hyphen, as the text is dashed"
                    },
                ));
            }
            at += 1;
        }
        let Some(byte) = bytes.get(at) else {
            return Err(bad_length(SCHEME, code, "a separator is followed by a digit"));
        };
        if !(b'0'..=top).contains(byte) {
            return Err(bad_character(SCHEME, code, at, allowed));
        }
        let digit = u32::from(byte - b'0') << u32::from(!is_3d);
        let place = 31 - u32::from(level);
        (lat, lon, height) =
            (lat | (digit >> 2 & 1) << place, lon | (digit >> 1 & 1) << place, height | (digit & 1) << place);
        level += 1;
        at += 1;
    }
    Cell::checked(lon, lat, is_3d.then_some(height), level, || code.to_owned())
}
