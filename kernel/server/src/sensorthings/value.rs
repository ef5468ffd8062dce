//! Values as filters and orders see them: of properties, of literals, of what functions give. Comparing values of kinds
//! that do not belong together is neither an error nor true: a property of one thing may be a text, of the next a number.

use std::cmp::Ordering;
use std::sync::Arc;

use geo::Geometry;
use kernel_model::TimeUs;
use serde_json::Value as Json;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// An instant.
    Time(TimeUs),
    /// From an instant to another.
    Span(TimeUs, TimeUs),
    /// Microseconds.
    Duration(i64),
    Geometry(Arc<Geometry>),
    /// An object or a list.
    Json(Json),
    /// Of a path through a collection: any of them.
    Many(Vec<Value>),
}

impl Value {
    /// What stands in JSON; `null` for what is no JSON.
    pub(super) fn of(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(truth),
            Json::Number(number) => number.as_f64().map_or(Self::Null, Self::Number),
            Json::String(text) => Self::Text(text),
            other => Self::Json(other),
        }
    }

    /// An instant or an interval of a text, else the text.
    pub(super) fn time(text: &str) -> Self {
        let instant = |text: &str| TimeUs::parse(text).ok();
        match text.split_once('/') {
            Some((from, to)) => match (instant(from), instant(to)) {
                (Some(from), Some(to)) => Self::Span(from, to),
                _ => Self::Text(text.to_owned()),
            },
            None => instant(text).map_or_else(|| Self::Text(text.to_owned()), Self::Time),
        }
    }

    /// A member of an object or list.
    pub(super) fn member(self, name: &str) -> Self {
        match self {
            Self::Json(Json::Object(mut object)) => object.remove(name).map_or(Self::Null, Self::of),
            Self::Json(Json::Array(mut list)) => match name.parse::<usize>() {
                Ok(at) if at < list.len() => Self::of(list.swap_remove(at)),
                _ => Self::Null,
            },
            Self::Many(values) => Self::Many(values.into_iter().map(|value| value.member(name)).collect()),
            _ => Self::Null,
        }
    }

    /// Whether it is `true`, or one of them is.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Bool(truth) => *truth,
            Self::Many(values) => values.iter().any(Self::is_true),
            _ => false,
        }
    }

    /// How two values lie to each other; `None` where they do not belong together. An interval is equal to an instant
    /// only where it is that instant, before it where it has ended, after it where it has not begun.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Null, Self::Null) => Some(Ordering::Equal),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Span(..), Self::Time(at)) => self.compare(&Self::Span(*at, *at)),
            (Self::Time(at), Self::Span(..)) => Self::Span(*at, *at).compare(other),
            (Self::Span(from, to), Self::Span(begin, end)) => {
                let is_same = (from, to) == (begin, end);
                let order =
                    [(is_same, Ordering::Equal), (to <= begin, Ordering::Less), (from >= end, Ordering::Greater)];
                order.into_iter().find(|(holds, _)| *holds).map(|(_, order)| order)
            }
            (Self::Text(text), Self::Time(_) | Self::Span(..)) => match Self::time(text) {
                Self::Text(_) => None,
                time => time.compare(other),
            },
            (Self::Time(_) | Self::Span(..), Self::Text(_)) => other.compare(self).map(Ordering::reverse),
            (Self::Geometry(a), Self::Geometry(b)) => (a == b).then_some(Ordering::Equal),
            (Self::Json(a), Self::Json(b)) => (a == b).then_some(Ordering::Equal),
            _ => None,
        }
    }

    /// A total order for sorting: nothing first, then by kind, then as they compare.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Span(a, b), Self::Span(c, d)) => (a, b).cmp(&(c, d)),
            (Self::Span(a, b), Self::Time(at)) => (a, b).cmp(&(at, at)),
            (Self::Time(at), Self::Span(a, b)) => (at, at).cmp(&(a, b)),
            (Self::Many(a), Self::Many(b)) => a.first().zip(b.first()).map_or(Ordering::Equal, |(a, b)| a.order(b)),
            _ => self.compare(other).unwrap_or_else(|| self.json().to_string().cmp(&other.json().to_string())),
        })
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::Time(_) | Self::Span(..) => 3,
            Self::Duration(_) => 4,
            Self::Text(_) => 5,
            Self::Geometry(_) | Self::Json(_) => 6,
            Self::Many(_) => 7,
        }
    }

    /// As it stands in a token of a page.
    pub(super) fn json(&self) -> Json {
        match self {
            Self::Bool(truth) => (*truth).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Time(at) => at.to_string().into(),
            Self::Span(from, to) => format!("{from}/{to}").into(),
            Self::Duration(us) => (*us).into(),
            Self::Json(json) => json.clone(),
            Self::Null | Self::Geometry(_) | Self::Many(_) => Json::Null,
        }
    }
}
