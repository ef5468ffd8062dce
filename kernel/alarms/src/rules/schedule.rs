//! When a fence holds: days of the week and times of the day in a stated time zone. Text and the zone's name come in; whether
//! an instant is within goes out. An instant has one local time in every zone, so that no hour of a change to summer time is
//! ambiguous.

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;
use kernel_model::TimeUs;

use crate::error::Error;

const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
const DAY_MIN: u32 = 24 * 60;

/// Times of the week.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schedule {
    zone: Tz,
    spans: Vec<Span>,
}

/// Some days of the week from one minute until another, which may be on the next day.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Span {
    days: [bool; 7],
    from_min: u32,
    to_min: u32,
}

impl Schedule {
    /// Reads `Mo-Fr 07:00-19:00; Sa 10:00-14:00`. A time that ends before it begins goes on into the next day; `24:00` is the
    /// end of a day; days without times are whole days.
    ///
    /// # Errors
    /// [`Error::Schedule`] where it cannot be read, or the zone is none of the IANA list.
    pub fn read(text: &str, zone: Option<&str>) -> Result<Self, Error> {
        let wrong = |what: &str| Error::Schedule { text: text.to_owned(), what: what.to_owned() };
        let zone = zone.ok_or_else(|| wrong("has no time zone: give `time_zone`, such as Asia/Shanghai or UTC"))?;
        let zone: Tz = zone.parse().map_err(|_| {
            wrong(&format!(
                "names the time zone `{zone}`, which is none: give one of the IANA list, such as Asia/Shanghai"
            ))
        })?;
        let form = "is none: write days and times, such as `Mo-Fr 07:00-19:00; Sa,Su 10:00-14:00`";
        let spans: Vec<Span> =
            text.split(';').map(str::trim).map(read_span).collect::<Option<_>>().ok_or_else(|| wrong(form))?;
        Ok(Self { zone, spans })
    }

    /// Whether the instant is within.
    pub fn holds(&self, at: TimeUs) -> bool {
        let Some(utc) = DateTime::from_timestamp_micros(at.0) else { return false };
        let local = utc.with_timezone(&self.zone);
        let (day, minute) = (local.weekday().num_days_from_monday() as usize, local.hour() * 60 + local.minute());
        self.spans.iter().any(|span| span.holds(day, minute))
    }
}

impl Span {
    fn holds(&self, day: usize, minute: u32) -> bool {
        if self.from_min < self.to_min {
            return self.days[day] && (self.from_min..self.to_min).contains(&minute);
        }
        let yesterday = (day + 6) % 7;
        (self.days[day] && minute >= self.from_min) || (self.days[yesterday] && minute < self.to_min)
    }
}

fn read_span(text: &str) -> Option<Span> {
    let (days, times) = match text.split_once(' ') {
        Some((days, times)) => (days, times.trim()),
        None if text.contains(':') => ("Mo-Su", text),
        None => (text, "00:00-24:00"),
    };
    let mut chosen = [false; 7];
    for part in days.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let day = |name: &str| DAYS.iter().position(|day| *day == name.trim());
        let (mut at, last) = (day(first)?, day(last)?);
        chosen[at] = true;
        while at != last {
            at = (at + 1) % 7;
            chosen[at] = true;
        }
    }
    let (from, to) = times.split_once('-')?;
    let (from_min, to_min) = (read_minute(from)?, read_minute(to)?);
    (from_min != to_min && from_min < DAY_MIN).then_some(Span { days: chosen, from_min, to_min })
}

fn read_minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= DAY_MIN).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, zone: &str, at: &str) -> bool {
        Schedule::read(text, Some(zone)).unwrap().holds(TimeUs::parse(at).unwrap())
    }

    #[test]
    fn days_and_times_are_those_of_the_zone() {
        // The 30th of November 2026 is a Monday.
        assert!(holds("Mo-Fr 07:00-19:00", "Asia/Shanghai", "2026-11-29T23:00:00Z"));
        assert!(!holds("Mo-Fr 07:00-19:00", "Asia/Shanghai", "2026-11-29T22:59:59Z"));
        assert!(!holds("Mo-Fr 07:00-19:00", "Asia/Shanghai", "2026-11-30T11:00:00Z"));
        assert!(holds("Su", "UTC", "2026-11-29T23:00:00Z") && !holds("Su", "Asia/Shanghai", "2026-11-29T23:00:00Z"));
        assert!(holds("Fr-Mo 00:00-24:00", "UTC", "2026-11-30T12:00:00Z"));
        assert!(!holds("Tu,Th", "UTC", "2026-11-30T12:00:00Z"));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = |at| holds("Mo 22:00-06:00", "UTC", at);
        assert!(night("2026-11-30T22:00:00Z") && night("2026-12-01T05:59:00Z"));
        assert!(!night("2026-12-01T06:00:00Z") && !night("2026-11-30T05:00:00Z") && !night("2026-12-01T22:00:00Z"));
    }

    #[test]
    fn summer_time_moves_the_hours_with_it() {
        // Amsterdam is at +1 in winter and +2 in summer; on the 25th of October 2026 at 01:00Z it went back.
        let day = |at| holds("08:00-09:00", "Europe/Amsterdam", at);
        assert!(day("2026-10-24T06:30:00Z") && !day("2026-10-24T07:30:00Z"));
        assert!(day("2026-10-25T07:30:00Z") && !day("2026-10-25T06:30:00Z"));
        let doubled = |at| holds("02:00-03:00", "Europe/Amsterdam", at);
        assert!(doubled("2026-10-25T00:30:00Z") && doubled("2026-10-25T01:30:00Z"), "the hour comes twice");
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        let zone = Some("UTC");
        for wrong in ["", "Mo", "always"].iter().filter(|text| **text != "Mo").chain(&[
            "Mo 7:00-19:00",
            "Mo 07:00",
            "Xx",
            "Mo 07:00-07:00",
            "Mo 07:60-08:00",
            "Mo 24:00-25:00",
        ]) {
            assert!(Schedule::read(wrong, zone).unwrap_err().to_string().contains("Mo-Fr 07:00"), "{wrong}");
        }
        assert!(Schedule::read("Mo", None).unwrap_err().to_string().contains("give `time_zone`"));
        assert!(Schedule::read("Mo", Some("Beijing")).unwrap_err().to_string().contains("IANA"));
    }
}
