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

#[inline]
pub(super) fn write(cell: &Cell, dashed: bool) -> CodeText {
    let (text, first) = full(cell.to_u64(), cell.to_u96());
    let length = first + usize::from(cell.level);
    if dashed { with_separators(&text, first, length) } else { CodeText::from_prefix(&text, length) }
}

fn with_separators(text: &[u8; 34], first: usize, length: usize) -> CodeText {
    let mut out = CodeText::new();
    text[..first].iter().for_each(|letter| out.push(*letter));
    for (level, digit) in (1..).zip(&text[first..length]) {
        if let Some(separator) = separator_before(level) {
            out.push(separator);
        }
        out.push(*digit);
    }
    out
}

/// All letters and digits of level 32, and how many letters there are: 33 characters in 2D, 34 in 3D.
#[inline]
pub(super) fn full(plane: u64, solid: Option<u128>) -> ([u8; 34], usize) {
    let mut text = [b'G'; 34];
    let Some(solid) = solid else {
        for (place, quarter) in text[1..33].chunks_exact_mut(8).zip([48, 32, 16, 0]) {
            place.copy_from_slice(&quaternary(plane >> quarter));
        }
        return (text, 1);
    };
    text[1] = b'Z';
    for (place, quarter) in text[2..].chunks_exact_mut(8).zip([72, 48, 24, 0]) {
        place.copy_from_slice(&octal((solid >> quarter) as u64));
    }
    (text, 2)
}

/// The characters `0` eight times, as a number.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The eight digits of the low 16 bits, two bits each: the bits are spread to one pair a byte, halves first.
#[inline]
fn quaternary(bits: u64) -> [u8; 8] {
    let mut x = bits & 0xffff;
    x = (x | x << 24) & 0x0000_00ff_0000_00ff;
    x = (x | x << 12) & 0x000f_000f_000f_000f;
    x = (x | x << 6) & 0x0303_0303_0303_0303;
    (x + ZEROS).to_be_bytes()
}

/// The eight digits of the low 24 bits, three bits each.
#[inline]
fn octal(bits: u64) -> [u8; 8] {
    let mut x = bits & 0x00ff_ffff;
    x = (x | x << 20) & 0x0000_0fff_0000_0fff;
    x = (x | x << 10) & 0x003f_003f_003f_003f;
    x = (x | x << 5) & 0x0707_0707_0707_0707;
    (x + ZEROS).to_be_bytes()
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_spread_digits_are_the_bits(solid in 0..1u128 << 96, plane: u64) {
            let ((flat, 1), (high, 2)) = (full(plane, None), full(plane, Some(solid))) else { panic!("letters") };
            for level in 1..=32 {
                prop_assert_eq!(u64::from(flat[level]), u64::from(b'0') + (plane >> (64 - 2 * level) & 3));
                prop_assert_eq!(u128::from(high[level + 1]), u128::from(b'0') + (solid >> (96 - 3 * level) & 7));
            }
            prop_assert_eq!((flat[0], &high[..2]), (b'G', &b"GZ"[..]));
        }
    }
}
