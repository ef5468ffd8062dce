//! One axis of GeoSOT: sign, degree, minute, second and 1/2048 second in one u32. Whole units come in, the 32-bit axis goes out, and the
//! other way round for prefixes of it; minutes and seconds 60-63 are virtual and never become a cell.

use crate::quantum::{Signed, UNITS_PER_DEGREE, UNITS_PER_MINUTE, UNITS_PER_SECOND};

const SIGN: u32 = 1 << 31;

/// The 32-bit axis of a grid value: sign | degree 8 | minute 6 | second 6 | 1/2048 second 11.
#[inline]
pub(crate) fn pack(value: Signed) -> u32 {
    // A minute has 60 seconds and room for 64, a degree 60 minutes and room for 64: the axis is the units and what the whole minutes and
    // degrees before them leave empty, 4 * 2048 a minute and 256 * 2048 a degree. So there are two divisions and no remainders.
    let (minutes, degrees) = (value.units / UNITS_PER_MINUTE, value.units / UNITS_PER_DEGREE);
    u32::from(value.negative) << 31 | (value.units + (minutes << 13) + (degrees << 19))
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
    let number = |units| u64::from(index(pack(Signed { negative: false, units }), finer));
    number((span.end - 1).min(limit)) + 1 - number(span.start)
}

/// How many real cells of a level lie between zero and an axis value, on its side. Virtual minutes and seconds are not counted, so that
/// the numbers of neighbours differ by one across the gap.
pub(crate) fn index(axis: u32, level: u8) -> u32 {
    let value = axis & !SIGN;
    let (degree, minute, second, part) = (value >> 23, value >> 17 & 63, value >> 11 & 63, value & 2047);
    match level {
        0..=9 => value.checked_shr(32 - u32::from(level)).unwrap_or(0),
        10..=15 => degree * sixties(15 - level) + (minute >> (15 - level)),
        16..=21 => (degree * 60 + minute) * sixties(21 - level) + (second >> (21 - level)),
        _ => (((degree * 60 + minute) * 60 + second) << (level.min(32) - 21)) | part >> (32 - level.min(32)),
    }
}

/// The inverse of [`index`]: the first axis value of the cell, without its sign.
pub(crate) fn of_index(index: u32, level: u8) -> u32 {
    match level {
        0..=9 => index.checked_shl(32 - u32::from(level)).unwrap_or(0),
        10..=15 => {
            let per = sixties(15 - level);
            ((index / per) << 23) | ((index % per) << (32 - level))
        }
        16..=21 => {
            let per = sixties(21 - level);
            ((index / (60 * per)) << 23) | ((index / per % 60) << 17) | ((index % per) << (32 - level))
        }
        _ => {
            let (whole, part) = (index >> (level - 21), (index << (32 - level)) & 2047);
            ((whole / 3600) << 23) | ((whole / 60 % 60) << 17) | ((whole % 60) << 11) | part
        }
    }
}

/// Cells of 2^shift minutes (seconds) in one degree (minute): the last of them is cut short.
fn sixties(shift: u8) -> u32 {
    60u32.div_ceil(1 << shift)
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

        #[test]
        fn numbers_of_cells_follow_one_another(units in 0..256 * UNITS_PER_DEGREE, level in 1u8..=32) {
            let value = pack(Signed { negative: false, units });
            let s = span(value, level).unwrap();
            let number = index(value, level);
            prop_assert_eq!(of_index(number, level), pack(Signed { negative: false, units: s.start }));
            let at = |units| index(pack(Signed { negative: true, units }), level);
            prop_assert!(s.start == 0 || at(s.start - 1) + 1 == number);
            prop_assert!(s.end == 256 * UNITS_PER_DEGREE || at(s.end) == number + 1);
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
