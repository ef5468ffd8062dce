//! What every format of features agrees on: where a feature has its id, its kind, class and name, and that an id comes
//! once in a file. Geometry and properties in, entity drafts out.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use kernel_model::{EntityDraft, Geometry, Kind};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::intake::{Intake, Refusal};
use crate::options::{Class, Ground, Options};

/// Properties that hold an id where the feature has none of its own, in any case of letters.
const ID_PROPERTIES: [&str; 4] = ["id", "fid", "ogc_fid", "osm_id"];

/// Properties of one feature, by their names.
pub(crate) type Properties = Map<String, Value>;

/// Makes drafts of one file's features.
pub(crate) struct Drafts {
    pub(crate) ground: Ground,
    stated: Option<Class>,
    /// The property that the caller says holds the id.
    id: Option<String>,
    seen: Seen,
    /// The id of the feature that was read last.
    last: Option<String>,
}

impl Drafts {
    pub(crate) fn new(ground: Ground, options: &Options) -> Result<Self, Error> {
        Ok(Self { ground, stated: options.stated_class()?, id: options.id.clone(), seen: Seen::default(), last: None })
    }

    /// Takes the draft in that was made last, or tells why there is none.
    pub(crate) fn settle(
        &mut self,
        intake: &mut Intake<'_>,
        place: impl Into<String>,
        sample: &str,
        draft: Result<EntityDraft, Refusal>,
    ) -> Result<(), Error> {
        intake.settle(self.last.take().as_deref(), place, sample, draft).map(drop)
    }

    /// The draft of one feature: `own` is the format's own id of it, `index` its number from 0.
    pub(crate) fn draft(
        &mut self,
        intake: &Intake<'_>,
        own: Option<String>,
        index: u64,
        geometry: Result<Option<Geometry>, Refusal>,
        properties: Properties,
    ) -> Result<EntityDraft, Refusal> {
        let id = match &self.id {
            Some(property) => properties
                .get(property)
                .and_then(identifier)
                .ok_or_else(|| format!("it has no property `{property}` that could be its id"))?,
            None => own.or_else(|| by_property(&properties)).unwrap_or_else(|| index.to_string()),
        };
        self.last = Some(id.clone());
        if !self.seen.is_new(&id) {
            return Err(format!("an earlier feature has the id `{id}` already; --id names another property for ids"));
        }
        let text = |key: &str| properties.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
        let kind = text("kind").and_then(|k| k.parse().ok()).or(self.stated.as_ref().map(|s| s.kind));
        let class = text("class").or(self.stated.as_ref().map(|s| s.class.as_str())).unwrap_or_default();
        let mut draft = EntityDraft::new(intake.key(id), kind.unwrap_or(Kind::Other), class);
        draft.name = text("name").map(str::to_owned);
        draft.geometry = geometry?;
        draft.properties = properties;
        self.ground.stamp(&mut draft);
        Ok(draft)
    }
}

fn by_property(properties: &Properties) -> Option<String> {
    ID_PROPERTIES.iter().find_map(|wanted| {
        let exact = properties.get(*wanted);
        let value = exact.or_else(|| properties.iter().find(|(k, _)| k.eq_ignore_ascii_case(wanted)).map(|(_, v)| v));
        identifier(value?)
    })
}

/// An id out of a text or a number.
pub(crate) fn identifier(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Ids that came already, 16 bytes each: a hash with keys that no file can know.
#[derive(Default)]
pub(crate) struct Seen {
    hashes: HashSet<(u64, u64)>,
    keys: (RandomState, RandomState),
}

impl Seen {
    pub(crate) fn is_new(&mut self, id: &str) -> bool {
        self.hashes.insert((self.keys.0.hash_one(id), self.keys.1.hash_one(id)))
    }
}
