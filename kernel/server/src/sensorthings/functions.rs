//! The functions of `$filter` (OGC 18-088, table 26): arguments come in, a value goes out. An argument that is of another kind
//! than the function wants gives null, as does one that is null: properties differ from row to row.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveTime, Timelike, Utc};
use kernel_model::TimeUs;

use super::places;
use super::value::Value;

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    SubstringOf,
    EndsWith,
    StartsWith,
    Length,
    IndexOf,
    Substring,
    ToLower,
    ToUpper,
    Trim,
    Concat,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    FractionalSeconds,
    Date,
    Time,
    TotalOffsetMinutes,
    Now,
    MinDateTime,
    MaxDateTime,
    Round,
    Floor,
    Ceiling,
    Distance,
    GeoLength,
    GeoIntersects,
    Equals,
    Disjoint,
    Touches,
    Within,
    Overlaps,
    Crosses,
    Intersects,
    Contains,
    Relate,
}

use Function as F;

const NAMES: [(&str, Function, RangeInclusive<usize>); 38] = [
    ("substringof", F::SubstringOf, 2..=2),
    ("endswith", F::EndsWith, 2..=2),
    ("startswith", F::StartsWith, 2..=2),
    ("length", F::Length, 1..=1),
    ("indexof", F::IndexOf, 2..=2),
    ("substring", F::Substring, 2..=3),
    ("tolower", F::ToLower, 1..=1),
    ("toupper", F::ToUpper, 1..=1),
    ("trim", F::Trim, 1..=1),
    ("concat", F::Concat, 2..=2),
    ("year", F::Year, 1..=1),
    ("month", F::Month, 1..=1),
    ("day", F::Day, 1..=1),
    ("hour", F::Hour, 1..=1),
    ("minute", F::Minute, 1..=1),
    ("second", F::Second, 1..=1),
    ("fractionalseconds", F::FractionalSeconds, 1..=1),
    ("date", F::Date, 1..=1),
    ("time", F::Time, 1..=1),
    ("totaloffsetminutes", F::TotalOffsetMinutes, 1..=1),
    ("now", F::Now, 0..=0),
    ("mindatetime", F::MinDateTime, 0..=0),
    ("maxdatetime", F::MaxDateTime, 0..=0),
    ("round", F::Round, 1..=1),
    ("floor", F::Floor, 1..=1),
    ("ceiling", F::Ceiling, 1..=1),
    ("geo.distance", F::Distance, 2..=2),
    ("geo.length", F::GeoLength, 1..=1),
    ("geo.intersects", F::GeoIntersects, 2..=2),
    ("st_equals", F::Equals, 2..=2),
    ("st_disjoint", F::Disjoint, 2..=2),
    ("st_touches", F::Touches, 2..=2),
    ("st_within", F::Within, 2..=2),
    ("st_overlaps", F::Overlaps, 2..=2),
    ("st_crosses", F::Crosses, 2..=2),
    ("st_intersects", F::Intersects, 2..=2),
    ("st_contains", F::Contains, 2..=2),
    ("st_relate", F::Relate, 3..=3),
];

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, ..)| *known == name).map(|(_, function, _)| *function)
    }

    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, function, _)| *function == self).map_or("", |(name, ..)| *name)
    }

    /// How many arguments.
    pub(super) fn takes(self) -> RangeInclusive<usize> {
        NAMES.iter().find(|(_, function, _)| *function == self).map_or(0..=0, |(.., takes)| takes.clone())
    }

    /// The value. `now` is the instant of the question.
    pub(super) fn of(self, arguments: &[Value], now: TimeUs) -> Value {
        let found = match self {
            F::Now => Some(Value::Time(now)),
            // The first and the last instant that RFC 3339 can write.
            F::MinDateTime => Some(Value::Time(TimeUs(-62_167_219_200_000_000))),
            F::MaxDateTime => Some(Value::Time(TimeUs(253_402_300_799_999_999))),
            F::Round | F::Floor | F::Ceiling => arguments.first().and_then(|value| self.rounded(value)),
            F::Year
            | F::Month
            | F::Day
            | F::Hour
            | F::Minute
            | F::Second
            | F::FractionalSeconds
            | F::Date
            | F::Time
            | F::TotalOffsetMinutes => arguments.first().and_then(|value| self.of_time(value)),
            F::Distance
            | F::GeoLength
            | F::GeoIntersects
            | F::Equals
            | F::Disjoint
            | F::Touches
            | F::Within
            | F::Overlaps
            | F::Crosses
            | F::Intersects
            | F::Contains
            | F::Relate => self.of_places(arguments),
            _ => self.of_text(arguments),
        };
        found.unwrap_or(Value::Null)
    }

    fn rounded(self, value: &Value) -> Option<Value> {
        let Value::Number(number) = value else { return None };
        Some(Value::Number(match self {
            F::Floor => number.floor(),
            F::Ceiling => number.ceil(),
            _ => number.round(),
        }))
    }

    /// Of an instant; of an interval its beginning. All instants are told in UTC.
    fn of_time(self, value: &Value) -> Option<Value> {
        let at = match value {
            Value::Time(at) | Value::Span(at, _) => *at,
            Value::Text(text) => match Value::time(text) {
                Value::Time(at) | Value::Span(at, _) => at,
                _ => return None,
            },
            _ => return None,
        };
        let time = DateTime::<Utc>::from_timestamp_micros(at.0)?;
        let number = |number: u32| Some(Value::Number(f64::from(number)));
        match self {
            F::Year => Some(Value::Number(f64::from(time.year()))),
            F::Month => number(time.month()),
            F::Day => number(time.day()),
            F::Hour => number(time.hour()),
            F::Minute => number(time.minute()),
            F::Second => number(time.second()),
            F::FractionalSeconds => Some(Value::Number(f64::from(time.nanosecond() % 1_000_000_000) / 1e9)),
            // Of one form, so that they compare as texts.
            F::Date => Some(Value::Text(time.format("%Y-%m-%d").to_string())),
            F::Time => Some(Value::Text(clock(time.time()))),
            F::TotalOffsetMinutes => Some(Value::Number(0.0)),
            _ => None,
        }
    }

    fn of_text(self, arguments: &[Value]) -> Option<Value> {
        let text = |at: usize| match arguments.get(at) {
            Some(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let count = |at: usize| match arguments.get(at) {
            Some(Value::Number(number)) => Some(number.max(0.0) as usize),
            _ => None,
        };
        match self {
            // The standard has the text that is looked for first.
            F::SubstringOf => Some(Value::Bool(text(1)?.contains(text(0)?))),
            F::EndsWith => Some(Value::Bool(text(0)?.ends_with(text(1)?))),
            F::StartsWith => Some(Value::Bool(text(0)?.starts_with(text(1)?))),
            F::Length => Some(Value::Number(text(0)?.chars().count() as f64)),
            F::IndexOf => {
                let (text, wanted) = (text(0)?, text(1)?);
                Some(Value::Number(text.find(wanted).map_or(-1.0, |at| text[..at].chars().count() as f64)))
            }
            F::Substring => {
                let most = if arguments.len() > 2 { count(2)? } else { usize::MAX };
                Some(Value::Text(text(0)?.chars().skip(count(1)?).take(most).collect()))
            }
            F::ToLower => Some(Value::Text(text(0)?.to_lowercase())),
            F::ToUpper => Some(Value::Text(text(0)?.to_uppercase())),
            F::Trim => Some(Value::Text(text(0)?.trim().to_owned())),
            F::Concat => Some(Value::Text(format!("{}{}", text(0)?, text(1)?))),
            _ => None,
        }
    }

    fn of_places(self, arguments: &[Value]) -> Option<Value> {
        let a = places::of(arguments.first()?)?;
        if self == F::GeoLength {
            return Some(Value::Number(places::length(&a)));
        }
        let b = places::of(arguments.get(1)?)?;
        if self == F::Distance {
            return places::distance(&a, &b).map(Value::Number);
        }
        let relation = places::relate(&a, &b);
        Some(Value::Bool(match self {
            F::Equals => relation.is_equal_topo(),
            F::Disjoint => relation.is_disjoint(),
            F::Touches => relation.is_touches(),
            F::Within => relation.is_within(),
            F::Overlaps => relation.is_overlaps(),
            F::Crosses => relation.is_crosses(),
            F::Contains => relation.is_contains(),
            F::Relate => match arguments.get(2) {
                Some(Value::Text(pattern)) => relation.matches(pattern).ok()?,
                _ => return None,
            },
            _ => relation.is_intersects(),
        }))
    }
}

fn clock(time: NaiveTime) -> String {
    time.format("%H:%M:%S%.6f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, arguments: &[Value]) -> Value {
        Function::named(name).unwrap().of(arguments, TimeUs(0))
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn every_function_is_found_by_its_name_and_gives_null_of_what_it_cannot_use() {
        for (name, function, takes) in NAMES {
            assert_eq!((Function::named(name), function.name()), (Some(function), name));
            if *takes.start() > 0 {
                let arguments = vec![Value::Bool(true); *takes.end()];
                assert_eq!(function.of(&arguments, TimeUs(0)), Value::Null, "{name}");
            }
        }
    }

    #[test]
    fn texts_times_and_numbers() {
        assert_eq!(call("substringof", &[text("er"), text("water")]), Value::Bool(true));
        assert_eq!(call("indexof", &[text("水water"), text("water")]), Value::Number(1.0));
        assert_eq!(call("substring", &[text("水water"), Value::Number(1.0), Value::Number(3.0)]), text("wat"));
        assert_eq!(call("concat", &[text("a"), text("b")]), text("ab"));
        let at = Value::time("2026-11-22T08:09:10.5+08:00");
        assert_eq!(call("hour", std::slice::from_ref(&at)), Value::Number(0.0));
        assert_eq!(call("fractionalseconds", std::slice::from_ref(&at)), Value::Number(0.5));
        assert_eq!(call("date", std::slice::from_ref(&at)), text("2026-11-22"));
        assert_eq!(call("time", &[at]), text("00:09:10.500000"));
        assert_eq!(call("round", &[Value::Number(2.5)]), Value::Number(3.0));
        let limits = [call("mindatetime", &[]), call("maxdatetime", &[])].map(|value| value.json().to_string());
        assert!(limits[0].contains("0000-01-01T00:00:00Z") && limits[1].contains("9999-12-31T23:59:59.999999Z"));
    }

    #[test]
    fn places_relate_as_simple_features_do() {
        let square = text("POLYGON((0 0, 2 0, 2 2, 0 2, 0 0))");
        let (inside, edge) = (text("POINT(1 1)"), text("POINT(0 1)"));
        assert_eq!(call("st_within", &[inside.clone(), square.clone()]), Value::Bool(true));
        assert_eq!(call("st_within", &[edge.clone(), square.clone()]), Value::Bool(false));
        assert_eq!(call("st_touches", &[edge.clone(), square.clone()]), Value::Bool(true));
        assert_eq!(call("geo.intersects", &[edge, square.clone()]), Value::Bool(true));
        assert_eq!(call("st_contains", &[square.clone(), inside.clone()]), Value::Bool(true));
        assert_eq!(call("st_relate", &[inside.clone(), square, text("T*F**F***")]), Value::Bool(true));
        assert_eq!(call("geo.distance", &[inside, text("POINT(4 5)")]), Value::Number(5.0));
        assert_eq!(call("geo.length", &[text("LINESTRING(0 0, 3 4)")]), Value::Number(5.0));
    }
}
