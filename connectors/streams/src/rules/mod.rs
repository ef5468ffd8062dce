//! Other people's topics and documents, read by rules: a message comes in under a topic (an MQTT topic, a NATS subject, the
//! name of a webhook), the first rule whose template fits says which datastream, unit, value and time it holds; readings go
//! out. Unit, time format and zone stand in the rule or in the message: nothing is guessed, and what a rule does not find
//! is refused with what it looked for.
//!
//! ```toml
//! [[rules]]
//! topic = "site/+/sensors/{sensor}/{property}"
//! dataset = "site"
//! entity = "{sensor}"
//! payload = "json"
//! time = { at = "/t", format = "unix_ms" }
//! values = [{ property = "{property}", unit = "{/unit}", at = "/v" }]
//! describe = { kind = "sensor", class = "air" }
//! ```

mod document;
mod instant;
mod template;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kernel_model::{
    Change, DatastreamDraft, DatastreamId, EntityDraft, Kind, Names, ReadingColumns, SourceKey, TimeUs,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use document::Payload;
pub use instant::TimeRule;
use template::Text;
pub(crate) use template::Topic;

/// Readings that one message may hold.
const READINGS: usize = 100_000;

/// One rule as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The topics it is for: levels between `/`, where `{name}` stands for one level and names it, `+` for one level, `#` at
    /// the end for all that follow.
    pub topic: String,
    /// The dataset of its things.
    pub dataset: String,
    /// The thing's id in the dataset. Here and in the texts below `{name}` is what stands in the topic, `{/a/b}` what stands
    /// in the message (a JSON pointer, RFC 6901).
    pub entity: String,
    /// What the bytes are.
    #[serde(default)]
    pub payload: Payload,
    /// A JSON pointer to an array: each element is read as a message of its own. Pointers of time and values begin in the
    /// element, those in texts are looked for there first.
    #[serde(default)]
    pub each: Option<String>,
    /// When it was so.
    pub time: TimeRule,
    /// What was measured.
    pub values: Vec<ValueRule>,
    /// What things are that nobody described. Without it they are described before, or refused.
    #[serde(default)]
    pub describe: Option<Describe>,
}

/// One value of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueRule {
    /// The observed property. The datastream's id is `<entity>/<property>`.
    pub property: String,
    /// The unit, UCUM.
    pub unit: String,
    /// A JSON pointer to the number; empty: the whole message.
    #[serde(default)]
    pub at: String,
    /// A message without it is no fault.
    #[serde(default)]
    pub optional: bool,
}

/// What an undescribed thing is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Describe {
    /// Its kind, such as `sensor`.
    pub kind: String,
    /// A finer word.
    #[serde(default)]
    pub class: String,
}

/// A rule that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rule for `{topic}`: {what}")]
pub struct RuleError {
    /// The rule's topic.
    pub topic: String,
    /// What is wrong and what to do.
    pub what: String,
}

type Knows = dyn Fn(&SourceKey) -> bool + Send + Sync;

/// What is declared already, so that rules do not declare it anew.
#[derive(Clone)]
pub struct Known {
    entity: Arc<Knows>,
    datastream: Arc<Knows>,
}

impl Known {
    /// Asks these, once for each thing and datastream that a rule meets.
    pub fn new(
        entity: impl Fn(&SourceKey) -> bool + Send + Sync + 'static,
        datastream: impl Fn(&SourceKey) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { entity: Arc::new(entity), datastream: Arc::new(datastream) }
    }

    /// Nothing is declared yet.
    pub fn nothing() -> Self {
        Self::new(|_| false, |_| false)
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known(..)")
    }
}

/// Rules that were checked, in their order; clones are cheap.
#[derive(Debug, Clone, Default)]
pub struct Rules(Arc<[Checked]>);

#[derive(Debug)]
struct Checked {
    topic: Topic,
    dataset: Arc<str>,
    entity: Text,
    payload: Payload,
    each: Option<String>,
    time: instant::Time,
    values: Vec<CheckedValue>,
    describe: Option<(Kind, String)>,
}

#[derive(Debug)]
struct CheckedValue {
    property: Text,
    unit: Text,
    at: String,
    optional: bool,
}

/// What a topic is to the rules: which one, and what its names stand for.
#[derive(Debug, Clone)]
pub(crate) struct Matched {
    rule: usize,
    names: Vec<(Arc<str>, String)>,
}

impl Rules {
    /// Checks rules.
    ///
    /// # Errors
    /// The first that cannot be.
    pub fn new(rules: &[Rule]) -> Result<Self, RuleError> {
        let check = |rule: &Rule| check(rule).map_err(|what| RuleError { topic: rule.topic.clone(), what });
        rules.iter().map(check).collect::<Result<Arc<[_]>, _>>().map(Self)
    }

    /// The filters that their topics are to an MQTT broker.
    pub fn filters(&self) -> Vec<String> {
        self.0.iter().map(|rule| rule.topic.filter()).collect()
    }

    pub(crate) fn find(&self, topic: &str) -> Option<Matched> {
        let find = |(rule, checked): (usize, &Checked)| Some(Matched { rule, names: checked.topic.names(topic)? });
        self.0.iter().enumerate().find_map(find)
    }
}

fn check(rule: &Rule) -> Result<Checked, String> {
    let topic = Topic::parse(&rule.topic)?;
    let text = |text: &str| Text::parse(text, &topic);
    if rule.dataset.is_empty() {
        return Err("dataset is empty: name it".to_owned());
    }
    if rule.values.is_empty() {
        return Err("values is empty: say at least one".to_owned());
    }
    let pointer = |at: &str| match at.is_empty() || at.starts_with('/') {
        true => Ok(at.to_owned()),
        false => Err(format!("`{at}` is no JSON pointer: it begins with /, or is empty for the whole message")),
    };
    if rule.payload == Payload::Number && (rule.each.is_some() || rule.values.iter().any(|value| !value.at.is_empty()))
    {
        return Err("a payload of one number has nothing to point into: leave `each` and `at` out".to_owned());
    }
    let values = rule.values.iter().map(|value| {
        let (property, unit) = (text(&value.property)?, text(&value.unit)?);
        Ok(CheckedValue { property, unit, at: pointer(&value.at)?, optional: value.optional })
    });
    let describe = rule.describe.as_ref().map(|describe| {
        let kind: Kind = describe.kind.parse().map_err(|error: kernel_model::IdError| error.to_string())?;
        Ok::<_, String>((kind, describe.class.clone()))
    });
    Ok(Checked {
        entity: text(&rule.entity)?,
        dataset: rule.dataset.as_str().into(),
        payload: rule.payload,
        each: rule.each.as_deref().map(pointer).transpose()?,
        time: rule.time.check(rule.payload)?,
        values: values.collect::<Result<_, String>>()?,
        describe: describe.transpose()?,
        topic,
    })
}

/// Readings of a batch, column by column, and what was declared for them.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// By unit; none: that of the datastream. In the order in which units came.
    units: Vec<(Option<Arc<str>>, Columns)>,
    declared: Vec<Change>,
}

#[derive(Debug, Default)]
struct Columns {
    places: HashMap<SourceKey, u32>,
    names: Vec<SourceKey>,
    of: Vec<u32>,
    ids: Vec<DatastreamId>,
    phenomenon_us: Vec<i64>,
    result_us: Vec<Option<i64>>,
    value: Vec<f64>,
}

impl Columns {
    fn push(&mut self, name: SourceKey, reading: &Reading) {
        let next = self.names.len() as u32;
        let place = *self.places.entry(name.clone()).or_insert(next);
        if place == next {
            self.names.push(name);
        }
        self.of.push(place);
        self.row(reading);
    }

    fn row(&mut self, reading: &Reading) {
        self.phenomenon_us.push(reading.time.0);
        self.result_us.push(reading.result_time.map(|time| time.0));
        self.value.push(reading.value);
    }

    fn finish(self, unit: Option<Arc<str>>) -> Change {
        let datastreams = match self.names.is_empty() {
            true => Names::Ids(self.ids),
            false => Names::Sources { names: self.names, of: self.of },
        };
        let result_us = if self.result_us.iter().all(Option::is_none) { Vec::new() } else { self.result_us };
        Change::Readings(ReadingColumns {
            datastreams,
            unit,
            phenomenon_us: self.phenomenon_us,
            result_us,
            value: self.value,
            quality: Vec::new(),
            places: None,
        })
    }
}

/// One value and its times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) time: TimeUs,
    pub(crate) result_time: Option<TimeUs>,
    pub(crate) value: f64,
}

impl Gathered {
    /// The changes, declarations first.
    pub(crate) fn finish(&mut self) -> impl Iterator<Item = Change> + use<> {
        let Self { units, declared } = std::mem::take(self);
        declared.into_iter().chain(units.into_iter().map(|(unit, columns)| columns.finish(unit)))
    }

    /// A reading of a datastream by the store's number, in its own unit.
    pub(crate) fn numbered(&mut self, id: DatastreamId, reading: &Reading) {
        let at = self.columns(None);
        self.units[at].1.ids.push(id);
        self.units[at].1.row(reading);
    }

    fn columns(&mut self, unit: Option<&str>) -> usize {
        if let Some(at) = self.units.iter().position(|(held, _)| held.as_deref() == unit) {
            return at;
        }
        self.units.push((unit.map(Arc::from), Columns::default()));
        self.units.len() - 1
    }
}

/// Declares each thing and datastream once.
#[derive(Debug)]
pub(crate) struct Declarer {
    known: Known,
    /// Bounded: beyond it the memory starts anew, and what is declared again changes nothing.
    seen: HashSet<SourceKey>,
    limit: usize,
}

impl Declarer {
    pub(crate) fn new(known: Known, limit: usize) -> Self {
        Self { known, seen: HashSet::new(), limit }
    }

    fn is_new(&mut self, source: &SourceKey) -> bool {
        if self.seen.contains(source) {
            return false;
        }
        if self.seen.len() >= self.limit {
            self.seen.clear();
        }
        self.seen.insert(source.clone());
        true
    }

    fn declare(&mut self, out: &mut Vec<Change>, entity: &SourceKey, what: &(Kind, String), stream: DatastreamDraft) {
        if !self.is_new(&stream.source) || (self.known.datastream)(&stream.source) {
            return;
        }
        if self.is_new(entity) && !(self.known.entity)(entity) {
            out.push(Change::Entity(EntityDraft::new(entity.clone(), what.0, what.1.clone())));
        }
        out.push(Change::Datastream(stream));
    }
}

impl Rules {
    /// Reads one message into what is gathered. A message that is wrong in one part is refused whole.
    pub(crate) fn read(
        &self,
        matched: &Matched,
        payload: &[u8],
        now: TimeUs,
        declarer: &mut Declarer,
        out: &mut Gathered,
    ) -> Result<(), String> {
        let Some(rule) = self.0.get(matched.rule) else { return Ok(()) };
        let whole = rule.payload.read(payload)?;
        let alone = std::slice::from_ref(&whole);
        let parts = match &rule.each {
            None => alone,
            Some(at) => whole
                .pointer(at)
                .and_then(Value::as_array)
                .ok_or_else(|| format!("there is no array at `{at}`"))?
                .as_slice(),
        };
        if parts.len().saturating_mul(rule.values.len()) > READINGS {
            return Err(format!("more than {READINGS} readings in one message: send them in several"));
        }
        let mut readings = Vec::new();
        for part in parts {
            rule.part(&matched.names, &whole, part, now, &mut readings)?;
        }
        for Named { entity, property, unit, reading } in readings {
            let source = SourceKey { dataset: rule.dataset.clone(), id: format!("{entity}/{property}").into() };
            if let Some(what) = &rule.describe {
                let thing = SourceKey { dataset: rule.dataset.clone(), id: entity.as_str().into() };
                let name = format!("{entity} {property}");
                let stream = DatastreamDraft {
                    source: source.clone(),
                    entity: thing.clone(),
                    property,
                    unit: unit.clone(),
                    name,
                };
                declarer.declare(&mut out.declared, &thing, what, stream);
            }
            let at = out.columns(Some(&unit));
            out.units[at].1.push(source, &reading);
        }
        Ok(())
    }
}

struct Named {
    entity: String,
    property: String,
    unit: String,
    reading: Reading,
}

impl Checked {
    fn part(
        &self,
        names: &[(Arc<str>, String)],
        whole: &Value,
        part: &Value,
        now: TimeUs,
        out: &mut Vec<Named>,
    ) -> Result<(), String> {
        let fill = |text: &Text| text.fill(names, &[part, whole]);
        let entity = fill(&self.entity)?;
        let time = self.time.read(part, now)?;
        for value in &self.values {
            let found = part.pointer(&value.at).filter(|found| !found.is_null());
            let Some(found) = found else {
                if value.optional {
                    continue;
                }
                return Err(format!("there is no value at `{}`", value.at));
            };
            let number = document::number(found).ok_or_else(|| format!("the value at `{}` is no number", value.at))?;
            let (property, unit) = (fill(&value.property)?, fill(&value.unit)?);
            out.push(Named {
                entity: entity.clone(),
                property,
                unit,
                reading: Reading { time, result_time: None, value: number },
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
