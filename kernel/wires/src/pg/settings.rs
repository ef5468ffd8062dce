//! What a client has set (`SET`, `SHOW`, `RESET`). A name and a value come in, and are kept, or refused with a word: what this
//! server cannot do otherwise (times in UTC, text in UTF-8) is not taken silently.

use std::collections::BTreeMap;
use std::time::Duration;

use kernel_model::TimeUs;
use kernel_query::SCHEMA;

use crate::error::Error;

/// What clients compare features with: the version of PostgreSQL whose catalogue is shown.
pub(super) const SERVER_VERSION: &str = "16.6";

/// Names with the values they begin with. Those of the second list can only have that value.
const FREE: [(&str, &str); 16] = [
    ("application_name", ""),
    ("client_min_messages", "notice"),
    ("default_transaction_isolation", "repeatable read"),
    ("extra_float_digits", "1"),
    ("idle_in_transaction_session_timeout", "0"),
    ("jit", "off"),
    ("lock_timeout", "0"),
    ("max_identifier_length", "63"),
    ("row_security", "on"),
    ("search_path", SCHEMA),
    ("transaction_isolation", "repeatable read"),
    ("work_mem", "4MB"),
    ("is_superuser", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("synchronous_commit", "on"),
    ("geqo", "on"),
];
const FIXED: [(&str, &str, &[&str]); 12] = [
    ("client_encoding", "UTF8", &["utf8", "utf-8", "unicode"]),
    ("server_encoding", "UTF8", &["utf8"]),
    ("datestyle", "ISO, YMD", &["iso", "iso, ymd", "iso, mdy", "iso, dmy"]),
    ("timezone", "UTC", &["utc", "etc/utc", "gmt", "+00:00", "0"]),
    ("standard_conforming_strings", "on", &["on", "true", "1"]),
    ("bytea_output", "hex", &["hex"]),
    ("default_transaction_read_only", "on", &["on", "true", "1"]),
    ("transaction_read_only", "on", &["on", "true", "1"]),
    ("intervalstyle", "postgres", &["postgres"]),
    ("integer_datetimes", "on", &["on"]),
    ("server_version", SERVER_VERSION, &[]),
    ("server_version_num", "160006", &[]),
];

/// What is set.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    recorded: Option<TimeUs>,
    timeout: Option<Duration>,
    others: BTreeMap<String, String>,
}

impl Settings {
    /// By when what is asked of had been told.
    pub(super) fn recorded(&self) -> Option<TimeUs> {
        self.recorded
    }

    /// How long a statement may take.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Sets a value; `None`: the one it began with.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        match (name, value) {
            ("recorded", None) => self.recorded = None,
            ("recorded", Some(text)) => {
                let at = TimeUs::parse(text).map_err(|error| Error::Invalid(format!("recorded: {error}")))?;
                self.recorded = Some(at);
            }
            ("statement_timeout", None) => self.timeout = None,
            ("statement_timeout", Some(text)) => {
                let time = duration(text).ok_or_else(|| {
                    Error::Invalid(format!("statement_timeout: `{text}` is not milliseconds, nor a time such as 5s"))
                })?;
                self.timeout = (!time.is_zero()).then_some(time);
            }
            (name, value) => self.set_other(name, value)?,
        }
        Ok(())
    }

    fn set_other(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        if let Some((_, only, forms)) = FIXED.iter().find(|(fixed, ..)| *fixed == name) {
            return match value {
                Some(value) if !forms.contains(&value.to_ascii_lowercase().as_str()) => {
                    Err(Error::Invalid(format!("{name} is {only} and cannot be {value}")))
                }
                _ => Ok(()),
            };
        }
        if !FREE.iter().any(|(free, _)| *free == name) {
            return Err(unknown(name));
        }
        match value {
            Some(value) => drop(self.others.insert(name.to_owned(), value.to_owned())),
            None => drop(self.others.remove(name)),
        }
        Ok(())
    }

    /// Everything as it began.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// What a name stands at.
    pub(super) fn get(&self, name: &str) -> Result<String, Error> {
        match name {
            "recorded" => return Ok(self.recorded.map(|at| at.to_string()).unwrap_or_default()),
            "statement_timeout" => {
                return Ok(self.timeout.map_or_else(|| "0".to_owned(), |time| format!("{}ms", time.as_millis())));
            }
            _ => {}
        }
        let own = self.others.get(name).cloned();
        let free = || FREE.iter().find(|(free, _)| *free == name).map(|(_, value)| (*value).to_owned());
        let fixed = || FIXED.iter().find(|(fixed, ..)| *fixed == name).map(|(_, value, _)| (*value).to_owned());
        own.or_else(free).or_else(fixed).ok_or_else(|| unknown(name))
    }
}

fn unknown(name: &str) -> Error {
    Error::Invalid(format!("there is no setting {name}"))
}

/// A number of milliseconds, or a number with `ms`, `s` or `min`.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit_ms: u64 = match text[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(unit_ms)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_shown_and_what_cannot_be_is_refused() {
        let mut settings = Settings::default();
        settings.set("recorded", Some("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(settings.recorded(), Some(TimeUs::parse("2026-01-01T00:00:00Z").unwrap()));
        assert!(settings.set("recorded", Some("yesterday")).is_err());
        settings.set("statement_timeout", Some("5s")).unwrap();
        assert_eq!(settings.timeout(), Some(Duration::from_secs(5)));
        settings.set("statement_timeout", Some("0")).unwrap();
        assert_eq!(settings.timeout(), None);
        assert!(settings.set("statement_timeout", Some("soon")).is_err());
        settings.set("application_name", Some("psql")).unwrap();
        assert_eq!(settings.get("application_name").unwrap(), "psql");
        settings.set("timezone", Some("UTC")).unwrap();
        assert!(settings.set("timezone", Some("Asia/Shanghai")).unwrap_err().to_string().contains("is UTC"));
        assert!(settings.set("no_such_thing", Some("1")).is_err());
        settings.reset();
        assert_eq!(settings.get("application_name").unwrap(), "");
        assert_eq!(settings.recorded(), None);
    }
}
