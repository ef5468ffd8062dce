//! How long rows are kept: ages by table come in, the instants before which rows go come out. Nothing goes where nothing is
//! said. Rows go by whole minutes, hours or days of UTC, whichever is the longest that a summary is kept of, so that no
//! bucket is ever half summarised for its age alone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kernel_model::TimeUs;
use kernel_model::schema::Table;

use super::summary::Period;
use crate::error::Error;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
/// Longer ages are `ever`.
const MOST_US: i64 = 1_000 * 365 * DAY_US;

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It is not made.
    Never,
    /// Until it is so old, microseconds.
    For(i64),
    /// It stays.
    Ever,
}

impl FromStr for Keep {
    type Err = Error;

    /// Reads `ever`, `none`, or a number of hours, days, weeks or years of 365 days: `12h`, `30d`, `8w`, `1y`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "ever" => Ok(Self::Ever),
            "none" => Ok(Self::Never),
            age => age_us(age).map(Self::For),
        }
    }
}

/// An age as people write it, microseconds.
pub(crate) fn age_us(text: &str) -> Result<i64, Error> {
    let wrong = || Error::NoAge(text.to_owned());
    let unit = text.chars().last().ok_or_else(wrong)?;
    let unit_us = match unit {
        'h' => HOUR_US,
        'd' => DAY_US,
        'w' => 7 * DAY_US,
        'y' => 365 * DAY_US,
        _ => return Err(wrong()),
    };
    let number = text.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok()).ok_or_else(wrong)?;
    let age = i64::from(number).checked_mul(unit_us).filter(|age| (1..=MOST_US).contains(age));
    age.ok_or_else(wrong)
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("none"),
            Self::Ever => f.write_str("ever"),
            Self::For(us) if us % DAY_US == 0 => write!(f, "{}d", us / DAY_US),
            Self::For(us) => write!(f, "{}h", us / HOUR_US),
        }
    }
}

/// How long the rows of each table are kept, and what is kept of readings that go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Readings.
    pub observations: Keep,
    /// Their summaries by minutes.
    pub minute: Keep,
    /// By hours.
    pub hour: Keep,
    /// By days.
    pub day: Keep,
    /// Fixes of moving things.
    pub positions: Keep,
    /// Refused records.
    pub rejected: Keep,
    /// How long a reading stays after it was told, however old it is: others of its time may follow it. Microseconds.
    pub late_us: i64,
    /// How often is looked for what has grown too old.
    pub every: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            observations: Keep::Ever,
            minute: Keep::Never,
            hour: Keep::Ever,
            day: Keep::Ever,
            positions: Keep::Ever,
            rejected: Keep::Ever,
            late_us: DAY_US,
            every: Duration::from_secs(3_600),
        }
    }
}

impl Retention {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// Where a table is kept for no time, or a summary is kept shorter than the readings it is made of.
    pub fn check(&self) -> Result<(), Error> {
        for (table, keep) in
            [("observations", self.observations), ("positions", self.positions), ("rejected", self.rejected)]
        {
            if keep == Keep::Never {
                return Err(Error::Retention(format!(
                    "{table} = \"none\" would keep nothing: give an age or \"ever\""
                )));
            }
        }
        for period in Period::ALL {
            let (keep, table) = (self.kept(period), period.table().name());
            let is_shorter = match (keep, self.observations) {
                (Keep::For(summary), Keep::For(readings)) => summary < readings,
                (Keep::For(_), _) => true,
                _ => false,
            };
            if is_shorter {
                return Err(Error::Retention(format!(
                    "{table} = \"{keep}\" is shorter than observations = \"{}\": a summary is made when its readings go, so keep it longer than them, or \"none\"",
                    self.observations
                )));
            }
        }
        Ok(())
    }

    /// How long summaries of a period are kept.
    pub(crate) fn kept(&self, period: Period) -> Keep {
        match period {
            Period::Minute => self.minute,
            Period::Hour => self.hour,
            Period::Day => self.day,
        }
    }

    /// Whether anything ever goes.
    pub fn removes(&self) -> bool {
        let all = [self.observations, self.minute, self.hour, self.day, self.positions, self.rejected];
        all.iter().any(|keep| matches!(keep, Keep::For(_)))
    }

    /// Before which instants rows go, now.
    pub(crate) fn horizons(&self, now: TimeUs) -> Horizons {
        let before = |keep: Keep| match keep {
            Keep::For(age) => now.0.saturating_sub(age),
            Keep::Ever | Keep::Never => i64::MIN,
        };
        let makes = Period::ALL.map(|period| self.kept(period) != Keep::Never);
        let longest =
            Period::ALL.into_iter().zip(makes).filter(|(_, makes)| *makes).map(|(period, _)| period).next_back();
        Horizons {
            observations_us: longest
                .map_or(before(self.observations), |period| period.begin(before(self.observations))),
            told_us: now.0.saturating_sub(self.late_us),
            makes,
            summaries_us: Period::ALL.map(|period| Period::Day.begin(before(self.kept(period)))),
            positions_us: before(self.positions),
            rejected_us: before(self.rejected),
        }
    }
}

/// Instants before which rows go; `i64::MIN` where none do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Horizons {
    pub(crate) observations_us: i64,
    /// A reading goes only where it was told before this instant.
    pub(crate) told_us: i64,
    /// Which summaries are made, by [`Period::ALL`].
    pub(crate) makes: [bool; 3],
    pub(crate) summaries_us: [i64; 3],
    pub(crate) positions_us: i64,
    pub(crate) rejected_us: i64,
}

impl Horizons {
    /// Before which instant rows of a table go.
    pub(crate) fn of(&self, table: Table) -> i64 {
        match table {
            Table::Observations => self.observations_us,
            Table::Positions => self.positions_us,
            Table::Rejected => self.rejected_us,
            other => Period::of(other).map_or(i64::MIN, |period| self.summaries_us[period as usize]),
        }
    }

    /// Before which instant nothing at all would be kept of a reading.
    pub(crate) fn nothing_kept_us(&self) -> i64 {
        let kept = Period::ALL.into_iter().filter(|period| self.makes[*period as usize]);
        kept.map(|period| self.summaries_us[period as usize]).fold(self.observations_us, i64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_numbers_of_hours_days_weeks_or_years() {
        let us = |text: &str| text.parse::<Keep>();
        assert_eq!(us("12h").unwrap(), Keep::For(12 * HOUR_US));
        assert_eq!(us("30d").unwrap(), Keep::For(30 * DAY_US));
        assert_eq!(us("2w").unwrap(), us("14d").unwrap());
        assert_eq!(us("1y").unwrap(), us("365d").unwrap());
        assert_eq!((us("ever").unwrap(), us("none").unwrap()), (Keep::Ever, Keep::Never));
        for wrong in ["", "30", "d", "-1d", "0d", "1.5d", "5m", "2000y", "forever", "30 d", "9999999999y", "1é"] {
            assert!(us(wrong).unwrap_err().to_string().contains("30d"), "{wrong}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let days = |days: i64| Keep::For(days * DAY_US);
        let good = Retention { observations: days(30), minute: days(365), ..Retention::default() };
        good.check().unwrap();
        Retention::default().check().unwrap();
        let refused = |wrong: Retention| wrong.check().unwrap_err().to_string();
        assert!(refused(Retention { minute: days(29), ..good.clone() }).contains("observations_minute"));
        assert!(refused(Retention { observations: Keep::Ever, ..good.clone() }).contains("observations_minute"));
        assert!(refused(Retention { positions: Keep::Never, ..good }).contains("positions"));
    }

    #[test]
    fn readings_go_by_the_longest_bucket_that_is_kept() {
        let now = TimeUs(100 * DAY_US + 5 * HOUR_US + 7);
        let month = Retention { observations: Keep::For(30 * DAY_US), ..Retention::default() };
        assert_eq!(month.horizons(now).observations_us, 70 * DAY_US);
        let hours = Retention { day: Keep::Never, ..month.clone() };
        assert_eq!(hours.horizons(now).observations_us, 70 * DAY_US + 5 * HOUR_US);
        let none = Retention { day: Keep::Never, hour: Keep::Never, ..month };
        assert_eq!(none.horizons(now).observations_us, 70 * DAY_US + 5 * HOUR_US + 7);
        assert_eq!(Retention::default().horizons(now).observations_us, i64::MIN);
        assert!(!Retention::default().removes() && none.removes());
    }
}
