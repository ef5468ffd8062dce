//! Instants and intervals: RFC 3339 text in and out, UTC microseconds inside. A text without an offset is refused.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// The text was not an instant or interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct TimeError {
    /// What was given.
    pub text: String,
    /// What was expected, with an example.
    pub wanted: &'static str,
}

/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimeUs(pub i64);

impl TimeUs {
    /// The machine's clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// Reads RFC 3339 (`2026-11-22T08:00:00+08:00`).
    ///
    /// # Errors
    /// Where the text is no RFC 3339 instant; one without an offset is refused too, since a zone is never guessed.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        DateTime::parse_from_rfc3339(text).map(|t| Self(t.timestamp_micros())).map_err(|_| TimeError {
            text: text.to_owned(),
            wanted: "an RFC 3339 instant with its offset, such as 2026-11-22T08:00:00Z",
        })
    }
}

impl fmt::Display for TimeUs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(t) => f.write_str(&t.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} us", self.0),
        }
    }
}

/// A half-open stretch of time `[from, to)`; `None` is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First instant inside.
    pub from: Option<TimeUs>,
    /// First instant after.
    pub to: Option<TimeUs>,
}

impl Span {
    /// The stretch of one instant.
    pub const fn at(instant: TimeUs) -> Self {
        Self { from: Some(instant), to: Some(TimeUs(instant.0.saturating_add(1))) }
    }

    /// Reads the `datetime` parameter of OGC API Features (Part 1, 7.15.4): an instant, `a/b`, `../b` or `a/..`.
    ///
    /// # Errors
    /// Where a part is neither an RFC 3339 instant nor `..`, or the interval ends before it begins.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let Some((from, to)) = text.split_once('/') else {
            return TimeUs::parse(text).map(Self::at);
        };
        let end = |part: &str| match part {
            ".." | "" => Ok(None),
            instant => TimeUs::parse(instant).map(Some),
        };
        let span = Self { from: end(from)?, to: end(to)?.map(|t| TimeUs(t.0.saturating_add(1))) };
        match (span.from, span.to) {
            (Some(a), Some(b)) if a >= b => {
                Err(TimeError { text: text.to_owned(), wanted: "an interval that begins before it ends" })
            }
            _ => Ok(span),
        }
    }

    /// Whether the two stretches share an instant.
    pub fn intersects(&self, other: &Span) -> bool {
        let before = |end: Option<TimeUs>, start: Option<TimeUs>| matches!((end, start), (Some(e), Some(s)) if e <= s);
        !before(self.to, other.from) && !before(other.to, self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_and_parse() {
        let t = TimeUs::parse("2026-11-22T08:00:00+08:00").unwrap();
        assert_eq!(t.to_string(), "2026-11-22T00:00:00Z");
        assert_eq!(TimeUs::parse(&TimeUs(1_500_000).to_string()), Ok(TimeUs(1_500_000)));
        assert!(TimeUs::parse("2026-11-22T08:00:00").is_err(), "no zone, no instant");
    }

    #[test]
    fn intervals_follow_ogc() {
        let day = Span::parse("2026-11-22T00:00:00Z/2026-11-23T00:00:00Z").unwrap();
        assert!(day.intersects(&Span::parse("2026-11-22T12:00:00Z").unwrap()));
        assert!(!day.intersects(&Span::parse("../2026-11-21T00:00:00Z").unwrap()));
        assert!(day.intersects(&Span::parse("2026-11-22T12:00:00Z/..").unwrap()));
        assert!(Span::parse("2026-11-23T00:00:00Z/2026-11-22T00:00:00Z").is_err());
    }
}
