//! A row's time: texts of one or more columns into an instant. The zone is the mapping's or the text's own offset; an
//! hour that the clock shows twice or never is refused.

use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;
use kernel_model::TimeUs;

use super::columns::{Fields, Header};
use super::mapping::Time;

/// How to read a row's instant.
#[derive(Debug)]
pub(super) struct Clock {
    zone: Option<Tz>,
    text: Text,
}

#[derive(Debug)]
enum Text {
    Formatted { columns: Vec<usize>, items: Vec<Item<'static>> },
    Parts { year: usize, month: usize, day: usize, hour: Option<usize>, minute: Option<usize> },
}

impl Clock {
    /// Checks the mapping's words against the table's header.
    pub(super) fn new(time: &Time, header: &Header) -> Result<Self, String> {
        let zone = time.zone.as_deref().map(|name| {
            name.parse::<Tz>().map_err(|_| format!("`{name}` is no zone: give an IANA name such as Asia/Shanghai"))
        });
        let zone = zone.transpose()?;
        let missing_zone = || "say its clock's zone: zone = \"Asia/Shanghai\" (an IANA name, or UTC)".to_owned();
        if let (Some(year), Some(month), Some(day)) = (&time.year, &time.month, &time.day) {
            zone.ok_or_else(missing_zone)?;
            let optional = |c: &Option<_>| c.as_ref().map(|c| header.find(c)).transpose();
            return Ok(Self {
                zone,
                text: Text::Parts {
                    year: header.find(year)?,
                    month: header.find(month)?,
                    day: header.find(day)?,
                    hour: optional(&time.hour)?,
                    minute: optional(&time.minute)?,
                },
            });
        }
        let format = time.format.as_deref().filter(|_| !time.columns.is_empty());
        let format = format.ok_or("its time needs columns and a format, or year, month and day")?;
        let items = StrftimeItems::new(format)
            .parse_to_owned()
            .map_err(|_: chrono::ParseError| format!("`{format}` is no strftime format"))?;
        let states_offset = ["%z", "%:z", "%#z", "%+", "%s"].iter().any(|directive| format.contains(directive));
        match (zone, states_offset) {
            (None, false) => Err(missing_zone()),
            (Some(_), true) => Err("its format has the offset, so it takes no zone".to_owned()),
            _ => {
                let columns = time.columns.iter().map(|c| header.find(c)).collect::<Result<_, _>>()?;
                Ok(Self { zone, text: Text::Formatted { columns, items } })
            }
        }
    }

    /// The row's instant.
    pub(super) fn read(&self, fields: Fields<'_>) -> Result<TimeUs, String> {
        match &self.text {
            Text::Formatted { columns, items } => self.formatted(columns, items, fields),
            Text::Parts { year, month, day, hour, minute } => {
                let number = |at: usize| {
                    let text = fields.text(at);
                    text.parse::<u32>().map_err(|_| format!("`{text}` is no whole number in its date"))
                };
                let part = |at: Option<usize>| at.map_or(Ok(0), number);
                let date = NaiveDate::from_ymd_opt(number(*year)? as i32, number(*month)?, number(*day)?);
                let time = NaiveTime::from_hms_opt(part(*hour)?, part(*minute)?, 0);
                let (date, time) = date.zip(time).ok_or("its date or hour is not in the calendar")?;
                self.local(date.and_time(time))
            }
        }
    }

    fn formatted(&self, columns: &[usize], items: &[Item<'static>], fields: Fields<'_>) -> Result<TimeUs, String> {
        let joined;
        let text = match columns {
            [one] => fields.text(*one),
            many => {
                joined = many.iter().map(|at| fields.text(*at)).collect::<Vec<_>>().join(" ");
                &joined
            }
        };
        let unread = || format!("time `{text}` is not of the mapping's format");
        let mut parsed = Parsed::new();
        chrono::format::parse(&mut parsed, text, items.iter()).map_err(|_| unread())?;
        if self.zone.is_some() {
            return self.local(parsed.to_naive_datetime_with_offset(0).map_err(|_| unread())?);
        }
        match parsed.timestamp() {
            Some(seconds) => {
                DateTime::from_timestamp(seconds, parsed.nanosecond().unwrap_or(0)).map(|t| t.timestamp_micros())
            }
            None => parsed.to_datetime().ok().map(|t| t.timestamp_micros()),
        }
        .map(TimeUs)
        .ok_or_else(unread)
    }

    fn local(&self, clock: NaiveDateTime) -> Result<TimeUs, String> {
        let zone = self.zone.ok_or("its clock has no zone")?;
        match zone.from_local_datetime(&clock) {
            LocalResult::Single(time) => Ok(TimeUs(time.timestamp_micros())),
            LocalResult::Ambiguous(..) => Err(format!("{clock} comes twice on the clock of {zone}")),
            LocalResult::None => Err(format!("{clock} never comes on the clock of {zone}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::mapping::Column;

    fn clock(zone: Option<&str>, format: &str) -> Result<Clock, String> {
        let time = Time {
            zone: zone.map(str::to_owned),
            columns: vec![Column::Index(0)],
            format: Some(format.to_owned()),
            year: None,
            month: None,
            day: None,
            hour: None,
            minute: None,
        };
        Clock::new(&time, &Header::none())
    }

    fn read(clock: &Clock, text: &str) -> Result<String, String> {
        let record = csv::ByteRecord::from(vec![text]);
        clock.read(Fields::new(&record)).map(|t| t.to_string())
    }

    #[test]
    fn a_clock_is_read_in_its_zone() {
        let beijing = clock(Some("Asia/Shanghai"), "%Y-%m-%d %H:%M").unwrap();
        assert_eq!(read(&beijing, "2013-03-01 00:00").unwrap(), "2013-02-28T16:00:00Z");
        assert!(read(&beijing, "2013-02-30 00:00").is_err());
        assert!(read(&beijing, "").is_err());
        let offset = clock(None, "%Y-%m-%dT%H:%M:%S%z").unwrap();
        assert_eq!(read(&offset, "2013-03-01T08:00:00+0800").unwrap(), "2013-03-01T00:00:00Z");
        assert_eq!(read(&clock(None, "%s").unwrap(), "1362096000").unwrap(), "2013-03-01T00:00:00Z");
    }

    #[test]
    fn hours_of_the_change_of_clocks_are_refused() {
        let london = clock(Some("Europe/London"), "%Y-%m-%d %H:%M").unwrap();
        assert!(read(&london, "2026-10-25 01:30").unwrap_err().contains("twice"));
        assert!(read(&london, "2026-03-29 01:30").unwrap_err().contains("never"));
    }

    #[test]
    fn no_zone_is_guessed() {
        assert!(clock(None, "%Y-%m-%d").unwrap_err().contains("zone"));
        assert!(clock(Some("Peking"), "%Y-%m-%d").unwrap_err().contains("IANA"));
        assert!(clock(Some("UTC"), "%+").unwrap_err().contains("takes no zone"));
        assert!(clock(Some("UTC"), "%Q").is_err());
    }
}
