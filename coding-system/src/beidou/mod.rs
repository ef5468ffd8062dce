//! BeiDou grid location code, GB/T 39409-2020. A position and a level come in, the standard's text goes out; a text comes in, a
//! [`Cell`] with anchor, centre, box and height band goes out. 2D levels 1-10, 3D levels 1-10 in mixed radix with the height digits
//! interleaved per level (clause 6.2), polar caps (clause 5.3) for levels 1 and 2; nothing is ever made up beyond what the standard fixes.
//!
//! Digits count outward from (0 E, 0 N) in all four quadrants, so a code is a true prefix of the codes inside it: containment is
//! `starts_with`. Latitude 0 is N. Longitude +180 is coded as -180 (zone 01): the standard is silent there.

mod caps;
mod cell;
mod encode;
mod grid;
mod polar;
mod reference;

pub use cell::Cell;
pub use encode::{encode, encode_2d, encode_3d, encode_3d_into, encode_into, width_2d, width_3d};
pub use grid::Grid;
pub use reference::{at_reference, at_short, reference, short};

use crate::cover::grids::LatticeScheme;
use crate::lattice::{Form, Step};

pub(crate) const SCHEME: &str = "BeiDou";
/// Finest level, cells of 1/2048 arc-second.
pub const FINEST_LEVEL: u8 = 10;
/// Latitude in degrees where the polar caps begin.
const LIMIT_DEG: u32 = 88;
/// The same in units.
pub(crate) const POLAR_Y: u32 = LIMIT_DEG * crate::quantum::UNITS_PER_DEGREE;
/// Characters of a 2D code at levels 0-10.
const LENGTHS_2D: [usize; 11] = [1, 4, 6, 7, 9, 11, 12, 14, 16, 18, 20];
/// Characters of a 3D code at levels 0-10.
const LENGTHS_3D: [usize; 11] = [2, 7, 10, 12, 15, 18, 20, 23, 26, 29, 32];

/// What covers must know of the grid.
pub(crate) const LATTICE: LatticeScheme = LatticeScheme {
    name: SCHEME,
    steps: &STEPS,
    end_y: POLAR_Y,
    text: |cell| crate::GridCell::text(&Cell::from_corner(*cell)),
};

/// Table 1 and clause 6.2 of the standard: cell sizes in units of 1/2048 arc-second (longitude, latitude, height), children per axis.
pub(crate) const STEPS: [Step; 10] = [
    Step::new(Form::Zone, [44_236_800, 29_491_200, 29_491_200], [30, 22, 64]),
    Step::new(Form::Pair, [3_686_400, 3_686_400, 3_686_400], [12, 8, 8]),
    Step::new(Form::Single, [1_843_200, 1_228_800, 1_843_200], [2, 3, 2]),
    Step::new(Form::Pair, [122_880, 122_880, 122_880], [15, 10, 15]),
    Step::new(Form::Pair, [8192, 8192, 8192], [15, 15, 15]),
    Step::new(Form::Single, [4096, 4096, 4096], [2, 2, 2]),
    Step::new(Form::Pair, [512, 512, 512], [8, 8, 8]),
    Step::new(Form::Pair, [64, 64, 64], [8, 8, 8]),
    Step::new(Form::Pair, [8, 8, 8], [8, 8, 8]),
    Step::new(Form::Pair, [1, 1, 1], [8, 8, 8]),
];
