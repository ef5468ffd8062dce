//! One axis of GeoSOT: sign, degree, minute, second and 1/2048 second in one u32. Whole units come in, the 32-bit axis goes out, and the
//! other way round for prefixes of it; minutes and seconds 60-63 are virtual and never become a cell.

use crate::quantum::{Signed, UNITS_PER_DEGREE, UNITS_PER_MINUTE, UNITS_PER_SECOND};

const SIGN: u32 = 1 << 31;

/// The 32-bit axis of a grid value: sign | degree 8 | minute 6 | second 6 | 1/2048 second 11.
#[inline]
pub(crate) fn pack(value: Signed) -> u32 {
    let (degree, rest) = (value.units / UNITS_PER_DEGREE, value.units % UNITS_PER_DEGREE);
    let (minute, rest) = (rest / UNITS_PER_MINUTE, rest % UNITS_PER_MINUTE);
    let (second, part) = (rest / UNITS_PER_SECOND, rest % UNITS_PER_SECOND);
    u32::from(value.negative) << 31 | degree << 23 | minute << 17 | second << 11 | part
}

/// What a prefix of an axis spans: sign and units from `start` (inside) to `end` (outside), counted away from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) negative: bool,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// The units that the first `level` bits of an axis span, or nothing when they name only virtual minutes or seconds. Level 0 has no
/// sign bit: it spans the positive side here, and its cell is treated apart.
pub(crate) fn span(axis: u32, level: u8) -> Option<Span> {
    let low_bits = if level >= 32 { 0 } else { u32::MAX >> level };
    let magnitude = low_bits & !SIGN;
    let first = axis & !low_bits & !SIGN;
    let start = unpack(first)?;
    // The last real value under the prefix: virtual minutes and seconds at its end are left out.
    let end = unpack_clamped(first | magnitude) + 1;
    Some(Span { negative: axis & SIGN != 0 && level > 0, start, end })
}

/// How many real prefixes of `finer` bits, of values up to `limit` units, lie under the first `level` bits of an axis.
pub(crate) fn count(axis: u32, level: u8, finer: u8, limit: u32) -> u64 {
    if level == 0 && finer > 0 {
        return count(0, 1, finer, limit) + count(SIGN, 1, finer, limit);
    }
    let Some(span) = span(axis, level).filter(|s| s.start <= limit && finer > level) else {
        return u64::from(finer == level);
    };
    (before(span.end, finer).min(before(limit, finer) + 1)).saturating_sub(before(span.start, finer))
}

/// How many real prefixes of `level` bits (1 to 32) begin on one side of zero before the one that holds `units`.
fn before(units: u32, level: u8) -> u64 {
    let (degree, rest) = (units / UNITS_PER_DEGREE, units % UNITS_PER_DEGREE);
    let (minute, rest) = (rest / UNITS_PER_MINUTE, rest % UNITS_PER_MINUTE);
    let (second, part) = (rest / UNITS_PER_SECOND, rest % UNITS_PER_SECOND);
    let place = 32 - u32::from(level);
    match level {
        ..=9 => u64::from(degree >> (place - 23)),
        10..=15 => {
            let block = place - 17;
            u64::from(degree) * u64::from(60u32.div_ceil(1 << block)) + u64::from(minute >> block)
        }
        16..=21 => {
            let block = place - 11;
            let minutes = u64::from(degree) * 60 + u64::from(minute);
            minutes * u64::from(60u32.div_ceil(1 << block)) + u64::from(second >> block)
        }
        _ => {
            let seconds = (u64::from(degree) * 60 + u64::from(minute)) * 60 + u64::from(second);
            (seconds << (11 - place)) + u64::from(part >> place)
        }
    }
}

/// Units of an axis value without its sign; nothing when its minute or second is virtual.
fn unpack(value: u32) -> Option<u32> {
    let (minute, second) = (value >> 17 & 63, value >> 11 & 63);
    (minute < 60 && second < 60).then(|| unpack_clamped(value))
}

/// Units of an axis value, virtual minutes and seconds pulled back to the last real one.
fn unpack_clamped(value: u32) -> u32 {
    let (degree, minute, second, part) = (value >> 23 & 255, value >> 17 & 63, value >> 11 & 63, value & 2047);
    degree * UNITS_PER_DEGREE + minute.min(59) * UNITS_PER_MINUTE + second.min(59) * UNITS_PER_SECOND + part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_prefix_spans_exactly_the_values_that_have_it(units in 0..256 * UNITS_PER_DEGREE, negative: bool, level in 1u8..=32) {
            let axis = pack(Signed { negative, units });
            let s = span(axis, level).unwrap();
            prop_assert!(s.start <= units && units < s.end && s.negative == negative);
            let prefix = |u: u32| pack(Signed { negative, units: u }) >> (32 - u32::from(level));
            prop_assert_eq!(prefix(s.start), axis >> (32 - u32::from(level)));
            prop_assert_eq!(prefix(s.end - 1), axis >> (32 - u32::from(level)));
            prop_assert!(s.start == 0 || prefix(s.start - 1) != prefix(units));
            prop_assert!(s.end == 256 * UNITS_PER_DEGREE || prefix(s.end) != prefix(units));
        }
    }

    #[test]
    fn real_prefixes_are_counted_as_they_are_listed() {
        for (axis, level, finer) in
            [(0, 0, 3), (0, 1, 9), (5 << 23, 9, 15), (SIGN | 7 << 23 | 32 << 17, 10, 19), (3 << 17 | 48 << 11, 17, 24)]
        {
            let place = 32 - u32::from(finer);
            let under = 1u64 << (finer - level);
            let listed = (0..under).filter(|i| {
                span(axis | (*i as u32) << place, finer).is_some_and(|s| s.start <= 180 * UNITS_PER_DEGREE)
            });
            assert_eq!(
                count(axis, level, finer, 180 * UNITS_PER_DEGREE),
                listed.count() as u64,
                "{axis:x} {level} {finer}"
            );
        }
    }

    #[test]
    fn virtual_minutes_and_seconds_are_no_cells() {
        assert!(span(60 << 17, 15).is_none());
        assert!(span(63 << 11, 21).is_none());
        assert_eq!(
            span(32 << 17, 10),
            Some(Span { negative: false, start: 32 * UNITS_PER_MINUTE, end: UNITS_PER_DEGREE })
        );
    }
}
