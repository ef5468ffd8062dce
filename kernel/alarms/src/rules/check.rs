//! Rules looked over: what is written comes in, what the engine works by goes out, or the first fault.

use std::collections::HashSet;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Events, FenceRule, Filter, NearRule, RateRule, Rules, Schedule, ThresholdRule};
use crate::error::Error;

/// So many rules there may be: the things that each is for are a bit of a number.
const MOST: usize = 64;

/// Rules that make sense.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// In the order of the configuration: fences, what is near, thresholds, rates.
    pub(crate) rules: Vec<CheckedRule>,
}

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct CheckedRule {
    /// Its name.
    pub(crate) name: String,
    /// Of what it says: another digest is another rule.
    pub(crate) digest: [u8; 32],
    /// Which things it is for.
    pub(crate) things: Filter,
    /// What it looks at.
    pub(crate) what: What,
}

/// What a rule looks at.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// Fences of a layer.
    Fences(CheckedFence),
    /// Fences around what moves: within so many metres in the plane and, if said, in height.
    Near(CheckedFence, f64, Option<f64>),
    /// Readings.
    Limit(CheckedLimit),
}

/// What is told of fences.
#[derive(Debug, Clone, Default)]
pub(crate) struct CheckedFence {
    /// Which things are the fences, or in their middle.
    pub(crate) fences: Filter,
    /// Whether coming in is told.
    pub(crate) enter: bool,
    /// Whether leaving is told.
    pub(crate) exit: bool,
    /// After which stay it is told, microseconds.
    pub(crate) dwell_us: Option<i64>,
    /// Whether speed is told.
    pub(crate) speed: bool,
    /// Above which speed, metres a second, where the fence says none.
    pub(crate) speed_m_s: Option<f64>,
    /// When fences hold that say nothing.
    pub(crate) schedule: Option<Schedule>,
}

/// Which side of a limit is beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// What is greater.
    Above,
    /// What is less.
    Below,
}

/// A limit of readings or of their rates.
#[derive(Debug, Clone)]
pub(crate) struct CheckedLimit {
    /// Of which property.
    pub(crate) property: String,
    /// In which unit.
    pub(crate) unit: String,
    /// Which side of it is beyond.
    pub(crate) side: Side,
    /// The limit.
    pub(crate) limit: f64,
    /// Back at this or beyond it is cleared.
    pub(crate) clear: f64,
    /// Of rates: the time that the limit is for, microseconds.
    pub(crate) per_us: Option<i64>,
}

impl CheckedLimit {
    /// Whether a value raises it (`true`), clears it (`false`) or neither.
    pub(crate) fn says(&self, value: f64) -> Option<bool> {
        let (beyond, back) = match self.side {
            Side::Above => (value > self.limit, value <= self.clear),
            Side::Below => (value < self.limit, value >= self.clear),
        };
        match (beyond, back) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

impl Rules {
    /// Looks the rules over.
    ///
    /// # Errors
    /// [`Error::Rule`] or [`Error::Schedule`]: the first one that makes no sense.
    pub fn check(&self) -> Result<Checked, Error> {
        let mut rules = Vec::new();
        for rule in &self.fence {
            rules.push(checked(&rule.name, rule, &rule.things, fence(rule)?));
        }
        for rule in &self.near {
            rules.push(checked(&rule.name, rule, &rule.things, near(rule)?));
        }
        for rule in &self.threshold {
            rules.push(checked(&rule.name, rule, &rule.things, threshold(rule)?));
        }
        for rule in &self.rate {
            rules.push(checked(&rule.name, rule, &rule.things, rate(rule)?));
        }
        let mut names = HashSet::new();
        for rule in &rules {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if rule.name.is_empty() || rule.name.len() > 64 || !rule.name.chars().all(plain) {
                return Err(Error::rule(&rule.name, "a name is 1 to 64 letters, digits, `-` and `_`: give another"));
            }
            if !names.insert(rule.name.as_str()) {
                return Err(Error::rule(&rule.name, "there are two of that name: give one another"));
            }
        }
        match rules.get(MOST) {
            Some(rule) => Err(Error::rule(&rule.name, format!("there are more than {MOST} rules: join some"))),
            None => Ok(Checked { rules }),
        }
    }
}

/// The rule with the digest of all that it says.
fn checked(name: &str, said: &impl Serialize, things: &Filter, what: What) -> CheckedRule {
    let digest = Sha256::digest(serde_json::to_vec(said).unwrap_or_default()).into();
    CheckedRule { name: name.to_owned(), digest, things: things.clone(), what }
}

fn fence(rule: &FenceRule) -> Result<What, Error> {
    if rule.fences.is_any() {
        return Err(Error::rule(&rule.name, "every thing of the city would be a fence: give `fences` a class or kind"));
    }
    let mut checked = events(&rule.name, &rule.events, rule.dwell.as_deref())?;
    if let Some(speed_m_s) = rule.speed_m_s.filter(|speed| !(speed.is_finite() && *speed >= 0.0)) {
        return Err(Error::rule(&rule.name, format!("speed_m_s = {speed_m_s} is no speed: give metres a second")));
    }
    if rule.speed_m_s.is_some() && !checked.speed {
        return Err(Error::rule(&rule.name, "speed_m_s says nothing without \"speed\" among the events: add it"));
    }
    checked.fences = rule.fences.clone();
    checked.speed_m_s = rule.speed_m_s;
    checked.schedule = match (&rule.schedule, &rule.time_zone) {
        (None, Some(_)) => return Err(Error::rule(&rule.name, "time_zone says nothing without schedule: give both")),
        (None, None) => None,
        (Some(text), zone) => {
            Some(Schedule::read(text, zone.as_deref()).map_err(|e| Error::rule(&rule.name, e.to_string()))?)
        }
    };
    Ok(What::Fences(checked))
}

fn near(rule: &NearRule) -> Result<What, Error> {
    if rule.around.is_any() {
        return Err(Error::rule(&rule.name, "everything would be fenced round: give `around` a class or kind"));
    }
    let mut checked = events(&rule.name, &rule.events, rule.dwell.as_deref())?;
    if checked.speed {
        return Err(Error::rule(&rule.name, "speed is told of layers of fences only: leave the event out"));
    }
    if !(rule.radius_m > 0.0 && rule.radius_m <= 100_000.0) {
        return Err(Error::rule(&rule.name, format!("radius_m = {} is not from 0 to 100000 metres", rule.radius_m)));
    }
    if let Some(height_m) = rule.height_m.filter(|height| !(height.is_finite() && *height >= 0.0)) {
        return Err(Error::rule(&rule.name, format!("height_m = {height_m} is no height: give metres, 0 or more")));
    }
    checked.fences = rule.around.clone();
    Ok(What::Near(checked, rule.radius_m, rule.height_m))
}

fn events(name: &str, events: &[Events], dwell: Option<&str>) -> Result<CheckedFence, Error> {
    let has = |event| events.contains(&event);
    if events.is_empty() {
        return Err(Error::rule(name, "it has no events: give some of \"enter\", \"exit\", \"dwell\", \"speed\""));
    }
    let dwell_us = match (dwell, has(Events::Dwell)) {
        (Some(text), true) => Some(interval_us(name, "dwell", text)?),
        (None, true) => return Err(Error::rule(name, "the event \"dwell\" needs a stay: give `dwell`, such as 5m")),
        (Some(_), false) => {
            return Err(Error::rule(name, "dwell says nothing without \"dwell\" among the events: add it"));
        }
        (None, false) => None,
    };
    let (enter, exit, speed) = (has(Events::Enter), has(Events::Exit), has(Events::Speed));
    Ok(CheckedFence { enter, exit, dwell_us, speed, ..CheckedFence::default() })
}

fn threshold(rule: &ThresholdRule) -> Result<What, Error> {
    limit(&rule.name, [&rule.property, &rule.unit], [rule.above, rule.below, rule.clear], None)
}

fn rate(rule: &RateRule) -> Result<What, Error> {
    let per_us = interval_us(&rule.name, "per", &rule.per)?;
    limit(&rule.name, [&rule.property, &rule.unit], [rule.above, rule.below, rule.clear], Some(per_us))
}

fn limit(
    name: &str,
    [property, unit]: [&String; 2],
    [above, below, clear]: [Option<f64>; 3],
    per_us: Option<i64>,
) -> Result<What, Error> {
    if property.is_empty() || unit.is_empty() {
        return Err(Error::rule(name, "give the property and the unit of the datastreams that are meant"));
    }
    let (side, limit) = match (above, below) {
        (Some(limit), None) => (Side::Above, limit),
        (None, Some(limit)) => (Side::Below, limit),
        _ => return Err(Error::rule(name, "give one of `above` and `below`; two limits are two rules")),
    };
    let clear = clear.unwrap_or(limit);
    let fits = match side {
        Side::Above => clear <= limit,
        Side::Below => clear >= limit,
    };
    if !limit.is_finite() || !clear.is_finite() || !fits {
        return Err(Error::rule(name, format!("clear = {clear} does not lie on the good side of the limit {limit}")));
    }
    Ok(What::Limit(CheckedLimit { property: property.clone(), unit: unit.clone(), side, limit, clear, per_us }))
}

/// A number of milliseconds, seconds, minutes, hours or days.
fn interval_us(name: &str, field: &str, text: &str) -> Result<i64, Error> {
    let units = [("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000_i64)];
    let read = units.iter().find_map(|(unit, us)| text.strip_suffix(unit)?.parse::<i64>().ok()?.checked_mul(*us));
    read.filter(|us| (1..=366 * 86_400_000_000).contains(us)).ok_or_else(|| {
        Error::rule(name, format!("{field} is a time up to 366d, such as 500ms, 90s, 5m or 2h, not `{text}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> FenceRule {
        FenceRule {
            name: "zone".to_owned(),
            fences: Filter { kind: None, class: Some("no_fly".to_owned()) },
            things: Filter::default(),
            events: vec![Events::Enter, Events::Dwell],
            dwell: Some("5m".to_owned()),
            speed_m_s: None,
            schedule: None,
            time_zone: None,
        }
    }

    fn refused(change: impl FnOnce(&mut FenceRule)) -> String {
        let mut rule = rule();
        change(&mut rule);
        Rules { fence: vec![rule], ..Rules::default() }.check().unwrap_err().to_string()
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_to_write() {
        assert!(Rules { fence: vec![rule()], ..Rules::default() }.check().is_ok());
        assert!(refused(|r| r.fences = Filter::default()).contains("give `fences` a class or kind"));
        assert!(refused(|r| r.dwell = None).contains("give `dwell`"));
        assert!(refused(|r| r.dwell = Some("5 min".to_owned())).contains("not `5 min`"));
        assert!(refused(|r| r.dwell = Some("-5m".to_owned())).contains("not `-5m`"));
        assert!(refused(|r| r.events = vec![]).contains("no events"));
        assert!(refused(|r| r.speed_m_s = Some(5.0)).contains("without \"speed\""));
        assert!(refused(|r| r.schedule = Some("Mo".to_owned())).contains("give `time_zone`"));
        assert!(refused(|r| r.time_zone = Some("UTC".to_owned())).contains("give both"));
        assert!(refused(|r| r.name = "a/b".to_owned()).contains("a name is"));
        let twice = Rules { fence: vec![rule(), rule()], ..Rules::default() };
        assert!(twice.check().unwrap_err().to_string().contains("two of that name"));
        let many = (0..65).map(|n| FenceRule { name: n.to_string(), ..rule() }).collect();
        assert!(Rules { fence: many, ..Rules::default() }.check().unwrap_err().to_string().contains("more than 64"));
    }

    #[test]
    fn a_limit_has_one_side_and_clears_on_the_good_one() {
        let rule = |above, below, clear| {
            let [property, unit] = ["PM2.5", "ug/m3"].map(str::to_owned);
            let name = "air".to_owned();
            let things = Filter::default();
            Rules {
                threshold: vec![ThresholdRule { name, property, unit, things, above, below, clear }],
                ..Rules::default()
            }
            .check()
        };
        let checked = rule(Some(75.0), None, Some(65.0)).unwrap();
        let What::Limit(limit) = &checked.rules[0].what else { panic!("a limit") };
        assert_eq!([76.0, 75.0, 66.0, 65.0].map(|value| limit.says(value)), [Some(true), None, None, Some(false)]);
        assert!(rule(Some(75.0), Some(5.0), None).is_err() && rule(None, None, None).is_err());
        assert!(rule(Some(75.0), None, Some(80.0)).unwrap_err().to_string().contains("good side"));
        assert!(rule(None, Some(f64::NAN), None).is_err());
    }

    #[test]
    fn another_word_is_another_rule() {
        let digest = |rule: FenceRule| Rules { fence: vec![rule], ..Rules::default() }.check().unwrap().rules[0].digest;
        assert_eq!(digest(rule()), digest(rule()));
        assert_ne!(digest(rule()), digest(FenceRule { dwell: Some("6m".to_owned()), ..rule() }));
    }
}
