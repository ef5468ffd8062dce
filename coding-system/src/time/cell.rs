//! The multi-scale time segment integer: calendar fields packed so that a cell is a bit prefix and order is time order. An instant and a
//! level come in, a [`TimeCell`] goes out; its interval comes back, cut to real dates. A cell without a real date is refused.

use super::Interval;
use super::civil::{Civil, days_in_month};
use crate::error::{Error, check_level};

const SCHEME: &str = "time cell";
/// Finest level: the microsecond.
const FINEST: u8 = 63;

/// Shift and width of the fields: year, month, day, hour, minute, second, millisecond, microsecond.
const FIELDS: [(u32, u32); 8] = [(46, 17), (42, 4), (37, 5), (32, 5), (26, 6), (20, 6), (10, 10), (0, 10)];

/// The levels at which a whole calendar field ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the units")]
pub enum TimeUnit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
}

impl TimeUnit {
    /// The level of the unit's cells.
    pub fn level(self) -> u8 {
        FINEST - FIELDS[self as usize].0 as u8
    }
}

/// A calendar cell: the first `level` bits of `year 17 | month 4 | day 5 | hour 5 | minute 6 | second 6 | ms 10 | us 10`, UTC, years
/// 0 to 131071. Cells sort in time order, a cell before the finer ones that begin with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeCell {
    bits: u64,
    level: u8,
}

impl TimeCell {
    /// The cell of an instant (UTC microseconds since 1970) at a level of 1 to 63; [`TimeUnit::level`] names the calendar ones.
    ///
    /// # Errors
    /// [`Error::Level`] outside 1..=63, [`Error::Time`] outside the years 0 to 131071.
    pub fn of_us(time_us: i64, level: u8) -> Result<Self, Error> {
        check_level(SCHEME, level, 1, FINEST)?;
        let c = Civil::from_us(time_us);
        if !(0..1 << 17).contains(&c.year) {
            return Err(Error::Time { text: super::format_iso(time_us), why: "time cells hold the years 0 to 131071" });
        }
        let fields = [
            c.year as u64,
            c.month.into(),
            c.day.into(),
            c.hour.into(),
            c.minute.into(),
            c.second.into(),
            u64::from(c.us / 1000),
            u64::from(c.us % 1000),
        ];
        let bits = FIELDS.iter().zip(fields).fold(0, |bits, ((shift, _), value)| bits | value << shift);
        Ok(Self { bits: bits & !below(level), level })
    }

    /// The cell of a time segment integer and its level.
    ///
    /// # Errors
    /// [`Error::Level`] outside 1..=63, [`Error::Time`] when bits stand outside the level or no real date lies in the cell.
    pub fn from_bits(bits: u64, level: u8) -> Result<Self, Error> {
        check_level(SCHEME, level, 1, FINEST)?;
        let cell = Self { bits, level };
        if bits >> 63 != 0 || bits & below(level) != 0 {
            return Err(Error::Time {
                text: bits.to_string(),
                why: "bits are set outside the cell's level: clear them or give a finer level",
            });
        }
        cell.ends()
            .map(|_| cell)
            .ok_or(Error::Time { text: bits.to_string(), why: "no real date or time lies in this cell" })
    }

    /// The integer, left-aligned in 63 bits.
    pub fn bits(&self) -> u64 {
        self.bits
    }

    /// Level, 1 to 63.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// The cell of a coarser level that holds this one; nothing at a finer level or level 0.
    pub fn parent(&self, level: u8) -> Option<Self> {
        (1..=self.level).contains(&level).then(|| Self { bits: self.bits & !below(level), level })
    }

    /// Is the other cell this one or inside it?
    pub fn contains(&self, other: &Self) -> bool {
        other.level >= self.level && other.bits & !below(self.level) == self.bits
    }

    /// The time the cell spans, cut to real dates.
    ///
    /// # Errors
    /// [`Error::Time`] if the cell held no real date, which its constructors refuse.
    pub fn interval(&self) -> Result<Interval, Error> {
        let Some((first, last)) = self.ends() else {
            return Err(Error::Time { text: self.bits.to_string(), why: "no real date or time lies in this cell" });
        };
        Interval::new(first.to_us()?, last.to_us()?.saturating_add(1))
    }

    /// First and last real microsecond of the cell.
    fn ends(&self) -> Option<(Civil, Civil)> {
        let (mut first, mut last) = ([0u32; 8], [0u32; 8]);
        for (i, (shift, width)) in FIELDS.iter().enumerate() {
            let field = |bits: u64| (bits >> shift & ((1 << width) - 1)) as u32;
            let (least, most) = match i {
                0 => (0, u32::MAX),
                1 => (1, 12),
                2 => (1, u32::from(days_in_month(last[0] as i32, last[1] as u8))),
                3 => (0, 23),
                4 | 5 => (0, 59),
                _ => (0, 999),
            };
            first[i] = field(self.bits).max(least);
            last[i] = field(self.bits | below(self.level)).min(most);
            // A fixed field must be real, a partly fixed one must leave something real; a free one always does.
            if first[i] > last[i] {
                return None;
            }
        }
        Some((civil(first), civil(last)))
    }
}

fn civil(f: [u32; 8]) -> Civil {
    Civil {
        year: f[0] as i32,
        month: f[1] as u8,
        day: f[2] as u8,
        hour: f[3] as u8,
        minute: f[4] as u8,
        second: f[5] as u8,
        us: f[6] * 1000 + f[7],
    }
}

/// The bits below a level.
fn below(level: u8) -> u64 {
    (1 << (FINEST - level)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cell_spans_its_instant_and_keeps_order(a in 0i64..4_000_000_000_000_000, b in 0i64..4_000_000_000_000_000, level in 1u8..=63) {
            let (ca, cb) = (TimeCell::of_us(a, level).unwrap(), TimeCell::of_us(b, level).unwrap());
            prop_assert!(ca.interval().unwrap().contains(a));
            prop_assert_eq!(ca.interval().unwrap().contains(b), ca == cb);
            prop_assert!(a > b || ca.bits() <= cb.bits());
            prop_assert_eq!(TimeCell::from_bits(ca.bits(), level).unwrap(), ca);
            let fine = TimeCell::of_us(b, 63).unwrap();
            prop_assert_eq!(ca.contains(&fine), ca == cb);
        }

        #[test]
        fn any_integer_is_answered(bits: u64, level: u8) {
            if let Ok(cell) = TimeCell::from_bits(bits, level) {
                let interval = cell.interval().unwrap();
                prop_assert_eq!(TimeCell::of_us(interval.start_us(), level).unwrap(), cell);
                prop_assert_eq!(TimeCell::of_us(interval.end_us() - 1, level).unwrap(), cell);
            }
        }
    }

    #[test]
    fn unreal_dates_are_refused() {
        let bits = |year: u64, month: u64, day: u64| year << 46 | month << 42 | day << 37;
        assert!(TimeCell::from_bits(bits(2026, 13, 1), 26).is_err());
        assert!(TimeCell::from_bits(bits(2026, 2, 29), 26).is_err());
        assert!(TimeCell::from_bits(bits(2024, 2, 29), 26).is_ok());
        assert!(TimeCell::from_bits(bits(2026, 0, 0), 21).is_err());
        assert_eq!(TimeUnit::Year.level(), 17);
        assert_eq!(TimeUnit::Millisecond.level(), 53);
    }
}
