//! The reference code of GB/T 39409-2020: a known cell and a hyphen with how many cells of the same level the wanted one lies to the east
//! and north (`C0-MN`; 0-7 east or north, A-G are 1-7 west or south). One group comes in or goes out; the groups for finer levels that
//! the standard also has are refused, because how they nest was read in one source only.

use super::{Cell, SCHEME};
use crate::error::{Error, bad_character, bad_length, no_such_cell};
use crate::grid::GridCell;
use crate::text::CodeText;

const OFFSETS: &str = "0-7 (east or north) or A-G (1-7 to the west or south)";

/// The cell that a reference code such as `N50J475492E-10` names. The longitude wraps; the poles do not.
///
/// # Errors
/// What [`Cell::parse`] refuses, a malformed offset, or an offset that leads into a polar cap.
pub fn at_reference(code: &str) -> Result<Cell, Error> {
    let Some((base, offsets)) = code.split_once('-') else {
        return Err(bad_length(SCHEME, code, "a reference code has a hyphen and two offsets, such as N50J475492E-10"));
    };
    let cell = Cell::parse(base)?;
    let &[east, north] = offsets.as_bytes() else {
        return Err(bad_length(SCHEME, code, "after the hyphen come exactly two offsets"));
    };
    let read = |byte, index| steps_of(byte).ok_or_else(|| bad_character(SCHEME, code, base.len() + index, OFFSETS));
    cell.shifted(read(east, 1)?, read(north, 2)?, 0)
        .ok_or_else(|| no_such_cell(SCHEME, code, "the offset leaves the grid of this level"))
}

/// The reference code of `target` seen from `base`, both of the same level.
///
/// # Errors
/// [`Error::NoSuchCell`] when the target is not within seven cells of the base at the base's level.
pub fn reference(base: &Cell, target: &Cell) -> Result<CodeText, Error> {
    for north in -7..=7 {
        for east in -7..=7 {
            if base.shifted(east, north, 0) == Some(*target) {
                let mut text = base.text();
                for byte in [b'-', letter_of(east), letter_of(north)] {
                    text.push(byte);
                }
                return Ok(text);
            }
        }
    }
    Err(no_such_cell(SCHEME, &target.text(), "it is not within seven cells of the reference cell at the same level"))
}

fn steps_of(byte: u8) -> Option<i32> {
    match byte {
        b'0'..=b'7' => Some(i32::from(byte - b'0')),
        b'A'..=b'G' => Some(-i32::from(byte - b'A') - 1),
        _ => None,
    }
}

fn letter_of(steps: i32) -> u8 {
    if steps < 0 { b'A' - 1 + steps.unsigned_abs() as u8 } else { b'0' + steps as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_neighbours_are_reached() {
        assert_eq!(at_reference("N50J475492E-10").unwrap().text(), "N50J475493E");
        assert_eq!(at_reference("N50J475492E-A0").unwrap().text(), "N50J475491E");
        let (base, target) = (Cell::parse("N31A00").unwrap(), Cell::parse("S30A00").unwrap());
        assert_eq!(reference(&base, &target).unwrap(), "N31A00-AA");
        assert_eq!(at_reference("N60J-10").unwrap().text(), "N01J");
        assert!(at_reference("N31V-01").is_err());
        for wrong in ["N31A00", "N31A00-", "N31A00-8A", "N31A00-AH", "N31A00-11-22", "N000-11"] {
            assert!(at_reference(wrong).is_err(), "{wrong}");
        }
    }
}
