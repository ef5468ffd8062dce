//! Instants, intervals and calendar cells. UTC microseconds since 1970 come in, calendar fields, ISO 8601 texts and the multi-scale
//! time segment integer go out, and back. The civil-from-days arithmetic is our own and exact over the whole range of an i64; a time
//! zone is never guessed: a text without `Z` or an offset is refused. Leap seconds do not exist on this scale.

mod bin;
mod cell;
mod civil;
mod iso;

pub use bin::{Bin, Offset};
pub use cell::{TimeCell, TimeUnit};
pub use civil::{Civil, days_in_month};
pub use iso::{format_iso, parse_iso};

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, excerpt};

/// Microseconds in one hour.
pub const HOUR_US: i64 = 3_600_000_000;

/// A span of time from `start_us` (inside) to `end_us` (outside), UTC microseconds since 1970. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval {
    start_us: i64,
    end_us: i64,
}

impl Interval {
    /// An interval from its first microsecond to the first one after it.
    ///
    /// # Errors
    /// [`Error::Time`] when the end is not after the start.
    pub fn new(start_us: i64, end_us: i64) -> Result<Self, Error> {
        if start_us < end_us {
            return Ok(Self { start_us, end_us });
        }
        Err(Error::Time {
            text: Self { start_us, end_us }.to_string(),
            why: "an interval ends after it starts: swap or move the ends",
        })
    }

    /// The whole UTC hour that holds an instant; the last hour of the range of an i64 is cut short. [`Bin`] has days and weeks too.
    pub fn hour_of(time_us: i64) -> Self {
        Bin::Hour.of(time_us)
    }

    /// First microsecond inside, UTC since 1970.
    pub fn start_us(&self) -> i64 {
        self.start_us
    }

    /// First microsecond after the interval, UTC since 1970.
    pub fn end_us(&self) -> i64 {
        self.end_us
    }

    /// Is the instant inside?
    pub fn contains(&self, time_us: i64) -> bool {
        (self.start_us..self.end_us).contains(&time_us)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", format_iso(self.start_us), format_iso(self.end_us))
    }
}

impl FromStr for Interval {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let Some((start, end)) = text.split_once('/') else {
            return Err(Error::Time { text: excerpt(text), why: "an interval is two instants with '/' between them" });
        };
        Self::new(parse_iso(start)?, parse_iso(end)?)
    }
}
