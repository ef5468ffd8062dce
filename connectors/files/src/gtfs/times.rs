//! Times and days of a feed (GTFS reference, "Field types"): a time counts from noon minus twelve hours of its service day in
//! the agency's zone, so that 25:10:00 is ten past one the next night and days of 23 or 25 hours come out right.

use std::collections::{BTreeSet, HashMap};

use chrono::{Datelike, Days, LocalResult, NaiveDate, TimeZone};
use chrono_tz::Tz;
use kernel_model::TimeUs;

/// Seconds a time may count: a week.
const MAX_SECONDS: i32 = 7 * 86_400;
/// Days that a service may run.
const MAX_DAYS: u64 = 366 * 200;

/// Reads `H:MM:SS` or `HH:MM:SS` into seconds; hours go on past 24.
pub(super) fn seconds(text: &str) -> Result<i32, String> {
    let wrong = || format!("`{text}` is no time of the form 25:10:00");
    let mut parts = text.split(':').map(|part| part.parse::<i32>().ok().filter(|n| *n >= 0));
    let mut next = || parts.next().flatten();
    let (Some(h), Some(m @ 0..60), Some(s @ 0..60)) = (next(), next(), next()) else { return Err(wrong()) };
    let total = h.checked_mul(3600).and_then(|h| h.checked_add(60 * m + s));
    match (total, text.matches(':').count()) {
        (Some(total @ 0..=MAX_SECONDS), 2) => Ok(total),
        _ => Err(wrong()),
    }
}

/// Writes seconds as the feed does.
pub(super) fn clock(seconds: i32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Reads `20141228`.
pub(super) fn day(text: &str) -> Result<NaiveDate, String> {
    let is_date = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    let date = is_date.then(|| NaiveDate::parse_from_str(text, "%Y%m%d").ok()).flatten();
    date.ok_or_else(|| format!("`{text}` is no day of the form 20141228"))
}

/// The instant of a time on a service day.
pub(super) fn instant(day: NaiveDate, seconds: i32, zone: Tz) -> Result<TimeUs, String> {
    let noon = day.and_hms_opt(12, 0, 0).map(|noon| zone.from_local_datetime(&noon));
    match noon {
        Some(LocalResult::Single(noon)) => {
            Ok(TimeUs(noon.timestamp_micros() + (i64::from(seconds) - 12 * 3600) * 1_000_000))
        }
        _ => Err(format!("noon of {day} is no instant on the clock of {zone}")),
    }
}

/// When a service runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Service {
    /// Monday first.
    pub(super) weekdays: [bool; 7],
    pub(super) span: Option<(NaiveDate, NaiveDate)>,
    pub(super) added: BTreeSet<NaiveDate>,
    pub(super) removed: BTreeSet<NaiveDate>,
}

/// Services by their ids.
pub(super) type Services = HashMap<String, Service>;

impl Service {
    pub(super) fn runs(&self, day: NaiveDate) -> bool {
        let by_week = self.span.is_some_and(|(from, to)| from <= day && day <= to)
            && self.weekdays[day.weekday().num_days_from_monday() as usize];
        self.added.contains(&day) || by_week && !self.removed.contains(&day)
    }

    /// The first and the last day on which it may run.
    pub(super) fn bounds(&self) -> Option<(NaiveDate, NaiveDate)> {
        let begins = self.span.map(|s| s.0).into_iter().chain(self.added.first().copied()).min();
        let ends = self.span.map(|s| s.1).into_iter().chain(self.added.last().copied()).max();
        begins.zip(ends)
    }

    /// As a property: weekdays from Monday as the calendar has them, and the exceptions.
    pub(super) fn describe(&self) -> serde_json::Value {
        let days = |days: &BTreeSet<NaiveDate>| days.iter().map(ToString::to_string).collect::<Vec<_>>();
        let week: String = self.weekdays.iter().map(|runs| if *runs { '1' } else { '0' }).collect();
        let mut text = serde_json::Map::new();
        if let Some((from, to)) = self.span {
            text.insert("weekdays".to_owned(), week.into());
            text.insert("from".to_owned(), from.to_string().into());
            text.insert("to".to_owned(), to.to_string().into());
        }
        for (key, set) in [("added", &self.added), ("removed", &self.removed)] {
            if !set.is_empty() {
                text.insert(key.to_owned(), days(set).into());
            }
        }
        text.into()
    }
}

/// The days `first/last`, both in it.
pub(super) fn days(text: &str) -> Result<Vec<NaiveDate>, String> {
    let wrong = || format!("`{text}` names no days: give the first and the last, such as 2026-12-01/2026-12-07");
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let (first, last) = text.split_once('/').unwrap_or((text, text));
    let (first, last) = date(first).zip(date(last)).filter(|(a, b)| a <= b).ok_or_else(wrong)?;
    let count = (last - first).num_days() as u64 + 1;
    if count > MAX_DAYS {
        return Err(wrong());
    }
    Ok((0..count).filter_map(|n| first.checked_add_days(Days::new(n))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_on_past_midnight() {
        for (text, wanted) in [("05:50:00", 21_000), ("5:50:00", 21_000), ("24:00:00", 86_400), ("25:10:07", 90_607)] {
            assert_eq!(seconds(text), Ok(wanted));
        }
        assert_eq!(clock(90_607), "25:10:07");
        for text in ["", "5:50", "05:60:00", "a:00:00", "-1:00:00", "999:00:00", "05:00:00:00", "99999999999:00:00"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_service_day_begins_twelve_hours_before_noon() {
        let at = |day: &str, text: &str, zone: &str| {
            instant(super::day(day).unwrap(), seconds(text).unwrap(), zone.parse().unwrap()).unwrap().to_string()
        };
        assert_eq!(at("20140526", "25:10:00", "Australia/Brisbane"), "2014-05-26T15:10:00Z");
        assert_eq!(at("20260328", "25:10:00", "Europe/Berlin"), "2026-03-29T00:10:00Z");
        // The night in which an hour is left out: 08:00 is eight on the clock, and 00:30 an hour before midnight's half past.
        assert_eq!(at("20260329", "08:00:00", "Europe/Berlin"), "2026-03-29T06:00:00Z");
        assert_eq!(at("20260329", "00:30:00", "Europe/Berlin"), "2026-03-28T22:30:00Z");
    }

    #[test]
    fn exceptions_win_over_weekdays() {
        let date = |text| day(text).unwrap();
        let mut service = Service { weekdays: [true, true, true, true, true, false, false], ..Service::default() };
        assert!(!service.runs(date("20140609")), "no span, no days");
        service.span = Some((date("20140526"), date("20141226")));
        assert!(service.runs(date("20140609")) && !service.runs(date("20140607")) && !service.runs(date("20150105")));
        service.removed.insert(date("20140609"));
        service.added.insert(date("20150607"));
        assert!(!service.runs(date("20140609")) && service.runs(date("20150607")));
        assert_eq!(service.bounds(), Some((date("20140526"), date("20150607"))));
        assert_eq!(days("2026-12-30/2027-01-02").unwrap().len(), 4);
        assert!(
            days("2026-12-30/2026-12-01").is_err()
                && days("tomorrow").is_err()
                && days("0001-01-01/9999-01-01").is_err()
        );
    }
}
