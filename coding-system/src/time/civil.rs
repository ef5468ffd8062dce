//! Days since 1970 to the proleptic Gregorian calendar and back. Whole numbers only; every value of the range has exactly one date.

use crate::error::Error;

const DAY_US: i64 = 86_400_000_000;
/// Days in 400 years.
const ERA_DAYS: i64 = 146_097;

/// An instant as UTC calendar fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Civil {
    /// Astronomical year (0 is 1 BC).
    pub year: i32,
    /// Month, 1-12.
    pub month: u8,
    /// Day of the month, 1-31.
    pub day: u8,
    /// Hour, 0-23.
    pub hour: u8,
    /// Minute, 0-59.
    pub minute: u8,
    /// Second, 0-59.
    pub second: u8,
    /// Microsecond of the second, 0-999 999.
    pub us: u32,
}

impl Civil {
    /// The fields of an instant, UTC microseconds since 1970.
    pub fn from_us(time_us: i64) -> Self {
        let (days, in_day) = (time_us.div_euclid(DAY_US), time_us.rem_euclid(DAY_US));
        let (year, month, day) = date_of_days(days);
        let seconds = in_day / 1_000_000;
        Self {
            year,
            month,
            day,
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            us: (in_day % 1_000_000) as u32,
        }
    }

    /// UTC microseconds since 1970.
    ///
    /// # Errors
    /// [`Error::Time`] for a field out of its range (30 February too) or a year beyond what 64 bits of microseconds hold.
    pub fn to_us(&self) -> Result<i64, Error> {
        let refuse = |why| Err(Error::Time { text: self.to_string(), why });
        if !(1..=12).contains(&self.month) {
            return refuse("the month is not 1 to 12");
        }
        if !(1..=days_in_month(self.year, self.month)).contains(&self.day) {
            return refuse("the month does not have that day");
        }
        if self.hour > 23 || self.minute > 59 || self.second > 59 || self.us > 999_999 {
            return refuse("the time of day is not 00:00:00 to 23:59:59.999999");
        }
        let seconds = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        let in_day = seconds * 1_000_000 + i64::from(self.us);
        // In 128 bits, because the first day of the range begins before the first microsecond of an i64.
        let whole = i128::from(days_of_date(self.year, self.month, self.day)) * i128::from(DAY_US) + i128::from(in_day);
        i64::try_from(whole)
            .or_else(|_| refuse("the year is beyond what 64 bits of microseconds hold: give -290307 to 294246"))
    }
}

impl std::fmt::Display for Civil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { year, month, day, hour, minute, second, us } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{us:06}Z")
    }
}

/// Days in a month of the Gregorian calendar; 0 for a month that is not 1-12.
pub fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 0,
    }
}

/// Counts from 1 March of year 0, so that the leap day is the last of its year.
fn days_of_date(year: i32, month: u8, day: u8) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let y = i64::from(year) - i64::from(month <= 2);
    let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_of_days(days: i64) -> (i32, u8, u8) {
    let z = days + 719_468;
    let (era, of_era) = (z.div_euclid(ERA_DAYS), z.rem_euclid(ERA_DAYS));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let m = (5 * of_year + 2) / 153;
    let day = of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    ((year + era * 400 + i64::from(month <= 2)) as i32, month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1600, 1, 1);
        for days in days_of_date(1600, 1, 1)..days_of_date(2400, 1, 1) {
            assert_eq!(date_of_days(days), (year, month, day));
            assert_eq!(days_of_date(year, month, day), days);
            day += 1;
            if day > days_in_month(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        assert_eq!(days_of_date(1970, 1, 1), 0);
    }

    proptest! {
        #[test]
        fn microseconds_survive_the_calendar(us: i64) {
            prop_assert_eq!(Civil::from_us(us).to_us().unwrap(), us);
        }
    }

    #[test]
    fn the_ends_of_the_range_survive_too() {
        for us in [i64::MIN, i64::MAX, 0, -1] {
            assert_eq!(Civil::from_us(us).to_us().unwrap(), us);
        }
        assert!(Civil { year: i32::MAX, ..Civil::from_us(0) }.to_us().is_err());
        assert!(Civil { month: 2, day: 30, ..Civil::from_us(0) }.to_us().is_err());
    }
}
