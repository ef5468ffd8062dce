//! The reference code of GB/T 39409-2020: a known cell and, after hyphens, how far the wanted one lies from it (`C0-MN-MN`), and the short
//! code, which is that part alone for readers who know C0. The first group counts cells of C0's level from C0; each further group is one
//! level finer and counts from the cell at the locating corner of the cell named so far. In a group the first character is for longitude,
//! the second for latitude: 0-7 to the east or north, A-G are 1-7 to the west or south. 2D only; how heights would be written is not fixed.
//!
//! The groups of finer levels are read from the standard's rule and from one independent program, which agree; from level 6 on every cell
//! can be named so, because no level there has more than eight columns.

use super::cell::Kind;
use super::{Cell, FINEST_LEVEL, SCHEME};
use crate::axes;
use crate::error::{Error, bad_character, bad_length, no_such_cell};
use crate::grid::GridCell;
use crate::lattice::Cell as Corner;
use crate::text::CodeText;

const OFFSETS: &str = "0-7 (east or north) or A-G (1-7 to the west or south)";
const FLAT: &str = "reference codes are fixed for 2D cells outside the polar caps: give such a cell";

/// The cell that a reference code such as `N50J475492E-10` or `N50J4754909-DA-01` names. The longitude wraps; the poles do not.
///
/// # Errors
/// What [`Cell::parse`] refuses, a malformed offset, more groups than there are levels, or an offset that leads into a polar cap.
pub fn at_reference(code: &str) -> Result<Cell, Error> {
    let Some((base, _)) = code.split_once('-') else {
        return Err(bad_length(SCHEME, code, "a reference code has a hyphen and two offsets, such as N50J475492E-10"));
    };
    follow(&Cell::parse(base)?, code, base.len() + 1)
}

/// The cell that a short code such as `10` or `DA-01` names, seen from a base that both sides know.
///
/// # Errors
/// As [`at_reference`].
pub fn at_short(base: &Cell, code: &str) -> Result<Cell, Error> {
    follow(base, code, 0)
}

/// The reference code of `target` seen from `base`: the target's level may be the base's or any finer one.
///
/// # Errors
/// [`Error::NoSuchCell`] when an offset would be more than seven cells, or for a coarser target, a 3D cell or a polar one.
pub fn reference(base: &Cell, target: &Cell) -> Result<CodeText, Error> {
    let mut text = base.text();
    text.push(b'-');
    text.push_str(&short(base, target)?);
    Ok(text)
}

/// The short code of `target` seen from `base`.
///
/// # Errors
/// As [`reference`].
pub fn short(base: &Cell, target: &Cell) -> Result<CodeText, Error> {
    let refuse = |why| no_such_cell(SCHEME, &target.text(), why);
    if !has_offsets(base) || !has_offsets(target) {
        return Err(refuse(FLAT));
    }
    let mut out = CodeText::new();
    let mut from = *base;
    for level in base.level()..=target.level().max(base.level()) {
        let wanted = target.parent(level).ok_or_else(|| refuse("it is coarser than the reference cell"))?;
        let (east, north) = axes::offset(&from, &wanted)
            .and_then(|(east, north)| Some((letter_of(east)?, letter_of(north)?)))
            .ok_or_else(|| refuse("it is more than seven cells away from the reference cell, or from a locating corner at a finer level"))?;
        if level > base.level() {
            out.push(b'-');
        }
        out.push(east);
        out.push(north);
        from = at_corner(&wanted);
    }
    Ok(out)
}

/// Follows the groups of `code` from byte `first` on.
fn follow(base: &Cell, code: &str, first: usize) -> Result<Cell, Error> {
    if !has_offsets(base) {
        return Err(no_such_cell(SCHEME, code, FLAT));
    }
    let mut cell = *base;
    let mut at = first;
    for group in code.get(first..).unwrap_or_default().split('-') {
        if at > first {
            if cell.level() == FINEST_LEVEL {
                return Err(bad_length(SCHEME, code, "there is no level below 10 for another group of offsets"));
            }
            cell = at_corner(&cell);
        }
        let &[east, north] = group.as_bytes() else {
            return Err(bad_length(SCHEME, code, "between hyphens stand exactly two offsets"));
        };
        let read = |byte, index| steps_of(byte).ok_or_else(|| bad_character(SCHEME, code, at + index, OFFSETS));
        cell = cell
            .shifted(read(east, 0)?, read(north, 1)?, 0)
            .ok_or_else(|| no_such_cell(SCHEME, code, "the offset leaves the grid of this level"))?;
        at += 3;
    }
    Ok(cell)
}

fn has_offsets(cell: &Cell) -> bool {
    cell.corner().is_some_and(|corner| corner.z.is_none() && corner.level > 0)
}

/// The cell one level finer at the locating corner.
fn at_corner(cell: &Cell) -> Cell {
    match cell.0 {
        Kind::Grid(corner) => Cell(Kind::Grid(Corner { level: (corner.level + 1).min(FINEST_LEVEL), ..corner })),
        pole @ Kind::Pole { .. } => Cell(pole),
    }
}

fn steps_of(byte: u8) -> Option<i32> {
    match byte {
        b'0'..=b'7' => Some(i32::from(byte - b'0')),
        b'A'..=b'G' => Some(-i32::from(byte - b'A') - 1),
        _ => None,
    }
}

fn letter_of(steps: i64) -> Option<u8> {
    match steps {
        0..=7 => Some(b'0' + steps as u8),
        -7..=-1 => Some(b'A' - 1 + steps.unsigned_abs() as u8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;
    use proptest::prelude::*;

    #[test]
    fn the_standards_neighbours_are_reached() {
        assert_eq!(at_reference("N50J475492E-10").unwrap().text(), "N50J475493E");
        assert_eq!(at_reference("N50J475492E-A0").unwrap().text(), "N50J475491E");
        let (base, target) = (Cell::parse("N31A00").unwrap(), Cell::parse("S30A00").unwrap());
        assert_eq!(reference(&base, &target).unwrap(), "N31A00-AA");
        assert_eq!(at_reference("N60J-10").unwrap().text(), "N01J");
        assert!(at_reference("N31V-01").is_err());
    }

    /// The chain an independent program (Gvitech-gis/beidou-grid-location-codec) gives for the standard's example place.
    #[test]
    fn finer_groups_count_from_the_locating_corner() {
        let (base, target) = (Cell::parse("N50J4754909").unwrap(), Cell::parse("N50J47539B8255346152").unwrap());
        assert_eq!(reference(&base, &target).unwrap(), "N50J4754909-DA-01-55-34-61-52");
        assert_eq!(at_reference("N50J4754909-DA-01-55-34-61-52").unwrap(), target);
        assert_eq!(at_short(&base, "DA-01").unwrap().text(), "N50J47539B82");
        // West and south of zero the finer cells lie to the west and south of the corner.
        let (base, target) = (Cell::parse("S11J47539B8").unwrap(), Cell::parse("S11J47539B8255").unwrap());
        assert_eq!(short(&base, &target).unwrap(), "00-0A-EE");
    }

    #[test]
    fn malformed_reference_codes_are_refused_by_name() {
        let said = |code: &str| at_reference(code).unwrap_err().to_string();
        assert!(said("N31A00").contains("a reference code has a hyphen"));
        assert!(said("N31A00-").contains("exactly two offsets"));
        assert!(said("N31A00-8A").contains("character 8 is '8'") && said("N31A00-AH").contains("character 9 is 'H'"));
        assert!(
            said("N31A00-11-2é").contains("exactly two offsets")
                && said("N31A00-11-2h").contains("character 12 is 'h'")
        );
        assert!(said("N50J47539B8255346152-00-00").contains("no level below 10"));
        assert!(
            said("N000-11").contains("2D cells")
                && said("N050J00-11").contains("2D cells")
                && said("N-11").contains("2D cells")
        );
    }

    proptest! {
        #[test]
        fn cells_near_each_other_name_each_other(lon in -180.0..180.0f64, lat in -87.0..87.0f64, level in 5u8..=10, finer in 0u8..=5, east in -7..=7i32, north in -7..=7i32) {
            let p = Position::new_2d(lon, lat).unwrap();
            let target = Cell::of(&p, (level + finer).min(10)).unwrap();
            let near = target.parent(level).unwrap().shifted(-east, -north, 0);
            if let Some(base) = near {
                let code = reference(&base, &target).unwrap();
                prop_assert_eq!(at_reference(&code).unwrap(), target);
                prop_assert_eq!(at_short(&base, &short(&base, &target).unwrap()).unwrap(), target);
            }
        }
    }
}
