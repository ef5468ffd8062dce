//! Fixed-point coordinates, in which covers are computed. Degrees and metres come in by the very roundings that code positions, whole
//! subunits (1/2^20 of a grid unit, about 15 nanometres) go out; the map never swaps two positions, so a cell is exactly a closed
//! interval of subunits on each axis and no position slips between two cells. Negative values count as `!magnitude`: -0.0 and 0.0 are
//! one, the first place west of 0 is -1, and longitudes 180 and -180 are one turn apart.

use crate::height;
use crate::quantum::UNITS_PER_DEGREE;

/// Subunits in one grid unit.
const SUBUNITS: i64 = 1 << 20;
/// Subunits in one degree, for lengths that need not be exact.
pub(crate) const PER_DEGREE: f64 = UNITS_PER_DEGREE as f64 * SUBUNITS as f64;
/// Longitude +180.
pub(crate) const LON_LAST: i64 = 180 * UNITS_PER_DEGREE as i64 * SUBUNITS;
/// Once around the Earth: what leads from longitude -180 to +180, which are the same meridian.
pub(crate) const TURN: i64 = LON_LAST - !LON_LAST;
/// Latitude +90.
const LAT_LAST: i64 = LON_LAST / 2;

/// A closed interval of one axis, in subunits.
pub(crate) type Side = (i64, i64);

/// What a cell spans: intervals of longitude, latitude and, in 3D, height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x: Side,
    pub(crate) y: Side,
    pub(crate) z: Option<Side>,
}

impl Rect {
    /// The whole Earth, all heights.
    pub(crate) const WORLD: Self = Self { x: (!LON_LAST, LON_LAST), y: (!LAT_LAST, LAT_LAST), z: None };

    /// The same plane part and no height.
    pub(crate) const fn flat(x: Side, y: Side) -> Self {
        Self { x, y, z: None }
    }
}

/// An angle in degrees.
#[inline]
pub(crate) fn of_degrees(deg: f64) -> i64 {
    signed(deg < 0.0, deg.abs() * f64::from(UNITS_PER_DEGREE))
}

/// An ellipsoidal height in metres.
#[inline]
pub(crate) fn of_height(height_m: f64) -> i64 {
    let units = height::scaled(height_m);
    signed(units < 0.0, units.abs().min(f64::from(256 * UNITS_PER_DEGREE) - 1e-6))
}

#[inline]
fn signed(negative: bool, units: f64) -> i64 {
    // Scaling by a power of two is exact, so the floor of subunits and the floor of units agree.
    let magnitude = (units * SUBUNITS as f64) as i64;
    if negative { !magnitude } else { magnitude }
}

/// The latitude or longitude of a fixed-point value, degrees, to about the last place.
#[inline]
pub(crate) fn to_degrees(value: i64) -> f64 {
    value as f64 / PER_DEGREE
}

/// The height of a fixed-point value, metres.
#[inline]
pub(crate) fn to_metres(value: i64) -> f64 {
    height::unscaled(value as f64 / SUBUNITS as f64)
}

/// The interval of the units from `start` (inside) to `end` (outside) on one side of zero.
#[inline]
pub(crate) fn side(negative: bool, start: u32, end: u32) -> Side {
    let (near, far) = (i64::from(start) * SUBUNITS, i64::from(end) * SUBUNITS - 1);
    if negative { (!far, !near) } else { (near, far) }
}

/// Do the two intervals share a value?
#[inline]
pub(crate) fn meet(a: Side, b: Side) -> bool {
    a.0 <= b.1 && b.0 <= a.1
}

/// Does the first interval hold the second?
#[inline]
pub(crate) fn holds(a: Side, b: Side) -> bool {
    a.0 <= b.0 && b.1 <= a.1
}

/// The interval cut at the limits of another one it meets.
#[inline]
pub(crate) fn cut(a: Side, b: Side) -> Side {
    (a.0.max(b.0), a.1.min(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantum::Signed;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_position_lies_in_the_interval_of_its_unit_and_of_no_other(deg in prop_oneof![-180.0..=180.0f64, -1e-9..1e-9f64, Just(-0.0), Just(180.0), Just(-180.0)]) {
            let unit = Signed::of_degrees(deg);
            let (low, high) = side(unit.negative, unit.units, unit.units + 1);
            prop_assert!((low..=high).contains(&of_degrees(deg)));
            prop_assert!((to_degrees(of_degrees(deg)) - deg).abs() < 1e-12);
        }

        #[test]
        fn heights_lie_in_the_interval_of_their_layer(h in prop_oneof![-6_302_106.7..=528_680_171.1f64, -10_000.0..10_000.0f64, -1e-6..1e-6f64]) {
            let unit = height::units(h);
            let (low, high) = side(unit.negative, unit.units, unit.units + 1);
            prop_assert!((low..=high).contains(&of_height(h)));
            prop_assert!((to_metres(of_height(h)) - h).abs() < 1e-6 * (1.0 + h.abs() * 1e-8));
        }
    }

    #[test]
    fn a_turn_leads_from_one_code_of_the_antimeridian_to_the_other() {
        assert_eq!(of_degrees(-180.0) + TURN, of_degrees(180.0));
        assert_eq!(of_degrees(-0.0), of_degrees(0.0));
        assert!(of_degrees(-1e-300) < 0);
    }
}
