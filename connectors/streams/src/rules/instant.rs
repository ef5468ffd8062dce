//! When a reading was so: a text or number and the format that the rule says come in, an instant goes out. A local time needs
//! the zone it is of; one that the clocks of the zone show twice, or never, is refused.

use chrono::{LocalResult, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use kernel_model::TimeUs;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{self, Payload};

/// Where the time stands and how it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeRule {
    /// A JSON pointer.
    #[serde(default)]
    pub at: String,
    /// `rfc3339` (with its offset), `unix_s`, `unix_ms`, `unix_us`, `unix_ns`, `arrival` (the message has no time: the
    /// moment it came is meant), or a pattern of `strftime` such as `%Y-%m-%d %H:%M:%S`.
    pub format: String,
    /// The zone of a pattern without offset, an IANA name such as `Asia/Shanghai`.
    #[serde(default)]
    pub zone: Option<String>,
}

#[derive(Debug)]
pub(super) enum Time {
    Arrival,
    Rfc3339(String),
    /// Whole or broken numbers of this many to a second.
    Unix(String, i64),
    Local(String, String, Tz),
    /// A pattern with its own offset.
    Offset(String, String),
}

impl TimeRule {
    pub(super) fn check(&self, payload: Payload) -> Result<Time, String> {
        let at = self.at.clone();
        if self.format != "arrival" && payload == Payload::Number {
            return Err(
                "a payload of one number has no time: say time = { format = \"arrival\" } if its coming is meant"
                    .to_owned(),
            );
        }
        if self.format != "arrival" && !at.starts_with('/') {
            return Err(format!("`{at}` is no JSON pointer to the time: it begins with /"));
        }
        let has_pattern = self.format.contains('%');
        if self.zone.is_some() && !has_pattern {
            return Err(format!("the format {} says its zone itself: leave `zone` out", self.format));
        }
        Ok(match self.format.as_str() {
            "arrival" => Time::Arrival,
            "rfc3339" => Time::Rfc3339(at),
            "unix_s" => Time::Unix(at, 1),
            "unix_ms" => Time::Unix(at, 1_000),
            "unix_us" => Time::Unix(at, 1_000_000),
            "unix_ns" => Time::Unix(at, 1_000_000_000),
            pattern if has_pattern => self.pattern(at, pattern)?,
            other => {
                return Err(format!(
                    "`{other}` is no format of time: rfc3339, unix_s, unix_ms, unix_us, unix_ns, arrival, or a pattern such as %Y-%m-%d %H:%M:%S"
                ));
            }
        })
    }

    fn pattern(&self, at: String, pattern: &str) -> Result<Time, String> {
        let items = chrono::format::StrftimeItems::new(pattern);
        if items.clone().any(|item| matches!(item, chrono::format::Item::Error)) {
            return Err(format!("`{pattern}` is no pattern of strftime"));
        }
        let has_offset = ["%z", "%:z", "%#z", "%+"].iter().any(|offset| pattern.contains(offset));
        match (&self.zone, has_offset) {
            (None, true) => Ok(Time::Offset(at, pattern.to_owned())),
            (Some(_), true) => Err(format!("`{pattern}` says its offset itself: leave `zone` out")),
            (None, false) => {
                Err(format!("`{pattern}` says no offset: say the zone, such as zone = \"Asia/Shanghai\" or \"UTC\""))
            }
            (Some(name), false) => {
                let zone = name.parse().map_err(|_| format!("`{name}` is no IANA time zone such as Asia/Shanghai"))?;
                Ok(Time::Local(at, pattern.to_owned(), zone))
            }
        }
    }
}

impl Time {
    pub(super) fn read(&self, document: &Value, now: TimeUs) -> Result<TimeUs, String> {
        let text = |at: &str| match document.pointer(at) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(format!("there is no text of a time at `{at}`")),
        };
        match self {
            Self::Arrival => Ok(now),
            Self::Rfc3339(at) => TimeUs::parse(&text(at)?).map_err(|error| error.to_string()),
            Self::Unix(at, in_a_second) => {
                let found = document.pointer(at).ok_or_else(|| format!("there is no time at `{at}`"))?;
                unix(found, *in_a_second).ok_or_else(|| {
                    format!("`{found}` at `{at}` is no time between 1973 and 9999 with {in_a_second} to a second")
                })
            }
            Self::Local(at, pattern, zone) => {
                let text = text(at)?;
                let wrong = |error: chrono::ParseError| format!("`{text}` is not of the form {pattern}: {error}");
                let local = NaiveDateTime::parse_from_str(&text, pattern).map_err(wrong)?;
                match zone.from_local_datetime(&local) {
                    LocalResult::Single(instant) => Ok(TimeUs(instant.timestamp_micros())),
                    LocalResult::Ambiguous(..) => {
                        Err(format!("the clocks of {zone} show {text} twice: send an offset"))
                    }
                    LocalResult::None => Err(format!("the clocks of {zone} never show {text}")),
                }
            }
            Self::Offset(at, pattern) => {
                let text = text(at)?;
                let wrong = |error: chrono::ParseError| format!("`{text}` is not of the form {pattern}: {error}");
                let instant = chrono::DateTime::parse_from_str(&text, pattern).map_err(wrong)?;
                Ok(TimeUs(instant.timestamp_micros()))
            }
        }
    }
}

/// What lies outside these years is a number of other parts of a second, and refused.
const FIRST_S: i64 = 100_000_000;
const LAST_S: i64 = 253_402_300_799;

fn unix(value: &Value, in_a_second: i64) -> Option<TimeUs> {
    let us = match value.as_i64() {
        Some(whole) => i64::try_from(i128::from(whole) * 1_000_000 / i128::from(in_a_second)).ok()?,
        None => (document::number(value)? / in_a_second as f64 * 1e6).round() as i64,
    };
    (FIRST_S * 1_000_000..=LAST_S * 1_000_000).contains(&us).then_some(TimeUs(us))
}
