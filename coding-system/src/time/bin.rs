//! Bins: the whole UTC hours, days and weeks things are counted in. An instant comes in, the number of its bin goes out, and the bin's interval
//! for a number. Every instant lies in exactly one bin of a kind; local days are the edge's business, here a day is a UTC day.

use super::{Interval, format_iso};
use crate::error::Error;

/// Microseconds in a day.
const DAY_US: i64 = 24 * super::HOUR_US;
/// Days from the Monday before 1970 to 1970-01-01, a Thursday.
const THURSDAY: i64 = 3;

/// A kind of bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bin {
    /// A UTC hour; hour 0 is the first of 1970.
    Hour,
    /// A UTC day; day 0 is 1970-01-01.
    Day,
    /// A week from Monday to Sunday (ISO 8601), UTC; week 0 begins on 1969-12-29.
    Week,
}

impl Bin {
    /// All kinds, shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// Microseconds in one bin.
    pub fn length_us(self) -> i64 {
        match self {
            Self::Hour => super::HOUR_US,
            Self::Day => DAY_US,
            Self::Week => 7 * DAY_US,
        }
    }

    /// How far before 1970 bin 0 begins, microseconds.
    fn lead_us(self) -> i64 {
        if self == Self::Week { THURSDAY * DAY_US } else { 0 }
    }

    /// The number of the bin that holds an instant, UTC microseconds since 1970. Later instants have no smaller number.
    #[inline]
    pub fn number(self, time_us: i64) -> i64 {
        // In two steps, so that the lead does not leave the range of an i64.
        let (whole, rest) = (time_us.div_euclid(self.length_us()), time_us.rem_euclid(self.length_us()));
        whole + i64::from(rest >= self.length_us() - self.lead_us() && self.lead_us() > 0)
    }

    /// The interval of the bin that holds an instant; the first and last bins of the range of an i64 are cut short.
    pub fn of(self, time_us: i64) -> Interval {
        let start = i128::from(self.number(time_us)) * i128::from(self.length_us()) - i128::from(self.lead_us());
        let cut = |us: i128| us.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        Interval { start_us: cut(start), end_us: cut(start + i128::from(self.length_us())) }
    }

    /// The interval of the bin of a number.
    ///
    /// # Errors
    /// [`Error::Time`] for a bin that begins beyond what 64 bits of microseconds hold.
    pub fn interval(self, number: i64) -> Result<Interval, Error> {
        let start = number.checked_mul(self.length_us()).and_then(|us| us.checked_sub(self.lead_us()));
        match start {
            Some(start_us) if start_us < i64::MAX => {
                Ok(Interval { start_us, end_us: start_us.saturating_add(self.length_us()) })
            }
            _ => Err(Error::Time {
                text: number.to_string(),
                why: "the bin begins beyond what 64 bits of microseconds hold",
            }),
        }
    }

    /// The numbers from the first to the last bin that an interval meets.
    pub fn numbers(self, interval: &Interval) -> std::ops::RangeInclusive<i64> {
        self.number(interval.start_us)..=self.number(interval.end_us - 1)
    }
}

/// An offset from UTC, for texts at the edge; nothing inside is kept in local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offset {
    minutes: i16,
}

impl Offset {
    /// An offset in minutes east of UTC, such as 480 for China.
    ///
    /// # Errors
    /// [`Error::Time`] for a day or more.
    pub fn east(minutes: i16) -> Result<Self, Error> {
        if minutes.unsigned_abs() < 24 * 60 {
            return Ok(Self { minutes });
        }
        Err(Error::Time {
            text: minutes.to_string(),
            why: "an offset is less than a day: give minutes from -1439 to 1439",
        })
    }

    /// The ISO 8601 text of an instant as a clock with this offset shows it, with the offset after it (`Z` for 0):
    /// `2026-11-22T15:00:00+08:00`. It reads back to the same instant.
    ///
    /// # Errors
    /// [`Error::Time`] when the local time is beyond what 64 bits of microseconds hold.
    pub fn format_iso(self, time_us: i64) -> Result<String, Error> {
        let local = time_us.checked_add(i64::from(self.minutes) * 60_000_000).ok_or_else(|| Error::Time {
            text: time_us.to_string(),
            why: "the local time is beyond what 64 bits of microseconds hold",
        })?;
        let text = format_iso(local);
        if self.minutes == 0 {
            return Ok(text);
        }
        let (sign, ahead) = (if self.minutes < 0 { '-' } else { '+' }, self.minutes.unsigned_abs());
        Ok(format!("{}{sign}{:02}:{:02}", text.trim_end_matches('Z'), ahead / 60, ahead % 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_iso;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_instant_lies_in_its_bin(us: i64, other: i64) {
            for bin in Bin::ALL {
                let interval = bin.of(us);
                prop_assert!(interval.contains(us) || us == i64::MAX);
                prop_assert!(us > other || bin.number(us) <= bin.number(other));
                if let Ok(same) = bin.interval(bin.number(us)) {
                    prop_assert_eq!(same, interval);
                }
                prop_assert!(bin.numbers(&interval).eq([bin.number(us)]) || us > i64::MAX - bin.length_us());
            }
        }

        #[test]
        fn any_number_of_a_bin_is_answered(number: i64) {
            for bin in Bin::ALL {
                if let Ok(interval) = bin.interval(number) {
                    prop_assert_eq!(bin.number(interval.start_us()), number);
                }
            }
        }

        #[test]
        fn local_texts_read_back(us in -60_000_000_000_000_000i64..60_000_000_000_000_000, minutes in -1439i16..=1439) {
            prop_assert_eq!(parse_iso(&Offset::east(minutes).unwrap().format_iso(us).unwrap()).unwrap(), us);
        }
    }

    #[test]
    fn the_bins_of_a_known_sunday() {
        let us = parse_iso("2026-11-22T23:30:00Z").unwrap();
        assert_eq!(Bin::Hour.of(us).to_string(), "2026-11-22T23:00:00Z/2026-11-23T00:00:00Z");
        assert_eq!(Bin::Day.of(us).to_string(), "2026-11-22T00:00:00Z/2026-11-23T00:00:00Z");
        assert_eq!(Bin::Week.of(us).to_string(), "2026-11-16T00:00:00Z/2026-11-23T00:00:00Z");
        assert_eq!(Bin::Week.interval(0).unwrap().to_string(), "1969-12-29T00:00:00Z/1970-01-05T00:00:00Z");
        assert_eq!((Bin::Day.number(-1), Bin::Week.number(-1), Bin::Hour.number(0)), (-1, 0, 0));
        let china = Offset::east(480).unwrap();
        assert_eq!(china.format_iso(us).unwrap(), "2026-11-23T07:30:00+08:00");
        assert_eq!(Offset::east(0).unwrap().format_iso(0).unwrap(), "1970-01-01T00:00:00Z");
        assert!(Offset::east(1440).is_err() && Offset::east(i16::MIN).is_err() && china.format_iso(i64::MAX).is_err());
    }
}
