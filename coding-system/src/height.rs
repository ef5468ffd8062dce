//! Height as an angle: GB/T 39409-2020 clause 6.2 turns metres above the ellipsoid into units of the same grid as longitude, so that
//! cells stay near cubes at any height. Metres come in, signed units come out, and back; a height reference is never guessed.

use crate::quantum::{Signed, UNITS_PER_DEGREE};

/// Radius r0 of the transform, metres (the semi-major axis of CGCS2000).
pub const R0_M: f64 = 6_378_137.0;
/// Lowest height any code can hold, metres: -256 degrees of the transform.
pub const LOWEST_M: f64 = -6_302_106.7;
/// Greatest height any code can hold, metres: 256 degrees of the transform.
pub const HIGHEST_M: f64 = 528_680_171.1;

/// ln(1 + pi/180).
const LN_STEP: f64 = 0.017_302_733_123_681_042;
const UNITS_PER_LN: f64 = UNITS_PER_DEGREE as f64 / LN_STEP;

/// How a height below the ellipsoid is written. The standard has no example of one; this crate always uses the only variant, which
/// agrees with GeoSOT, and names it so that data written now can be told apart from another reading later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum BelowGround {
    /// A sign digit 1 and the floor of the magnitude: cells count away from the ellipsoid in both directions.
    #[default]
    SignAndMagnitude,
}

/// `n = U * ln(1 + h/r0) / ln(1 + pi/180)` as sign and floor of the magnitude. The height must be in the range of [`crate::Position`].
#[inline]
pub(crate) fn units(height_m: f64) -> Signed {
    let n = scaled(height_m);
    Signed { negative: n < 0.0, units: (n.abs() as u32).min(256 * UNITS_PER_DEGREE - 1) }
}

/// The height in units, before the floor.
#[inline]
pub(crate) fn scaled(height_m: f64) -> f64 {
    ln_ratio(height_m) * UNITS_PER_LN
}

/// The height in metres of a number of units, whole or not.
#[inline]
pub(crate) fn unscaled(units: f64) -> f64 {
    R0_M * (units / UNITS_PER_LN).exp_m1()
}

/// `ln(1 + h/r0)`. Near the ground, where nearly every height lies, by the series `2 atanh(s)` of `s = h / (2 r0 + h)`: below 100 km
/// s is below 1/128, so five terms leave an error under 1e-19 of the value, and it takes a third of the time of the library's logarithm.
#[inline]
fn ln_ratio(height_m: f64) -> f64 {
    const SERIES_BELOW_M: f64 = 100_000.0;
    if height_m.abs() > SERIES_BELOW_M {
        return (height_m / R0_M).ln_1p();
    }
    let s = height_m / (2.0 * R0_M + height_m);
    let q = s * s;
    2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q / 9.0))))
}

/// The height in metres of a count of units: `r0 * expm1((n/U) * ln(1 + pi/180))`.
#[inline]
pub(crate) fn metres(negative: bool, units: u32) -> f64 {
    let units = f64::from(units);
    unscaled(if negative { -units } else { units })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constant_is_the_logarithm_it_claims() {
        assert_eq!(LN_STEP.to_bits(), (std::f64::consts::PI / 180.0).ln_1p().to_bits());
    }

    #[test]
    fn the_series_is_the_logarithm() {
        for i in -100_000..=100_000 {
            let h = f64::from(i) + 0.37;
            let (ours, theirs) = (ln_ratio(h), (h / R0_M).ln_1p());
            assert!((ours - theirs).abs() <= 4.0 * f64::EPSILON * theirs.abs(), "{h} m: {ours:e} {theirs:e}");
        }
    }

    #[test]
    fn the_ends_of_the_range_fit_the_grid() {
        assert!(units(HIGHEST_M).units < 256 * UNITS_PER_DEGREE);
        assert!(units(LOWEST_M).units < 256 * UNITS_PER_DEGREE && units(LOWEST_M).negative);
    }
}
