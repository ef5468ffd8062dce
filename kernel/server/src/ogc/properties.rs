//! What can be asked of a collection's features: our own columns, and every property that a source ever gave a thing of the
//! kind, with the types it was seen in. Rows of `entities` come in as they are recorded, each looked at once; nothing is
//! sampled, so a name that is not known here is in no feature and a filter that says it is refused.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use kernel_model::{Kind, Sequence};
use kernel_query::{members, text_of};
use kernel_store::entity_rows_after;
use serde_json::{Map, Value, json};

use super::Features;
use super::rows::Columns;
use crate::error::ApiError;

/// Names of one kind that are remembered: sources that make up a name for each thing are not asked by them.
const MOST_NAMES: usize = 1_000;

/// Our own columns that are texts, by their names in features.
const TEXTS: [&str; 9] =
    ["id", "kind", "class", "name", "parent", "dataset", "source_id", "height_reference", "lineage"];
const INSTANTS: [&str; 3] = ["valid_from", "valid_to", "recorded_at"];
const SEQUENCE: &str = "sequence";
/// Before the name of a source's property that is also one of ours.
pub(super) const SOURCE: &str = "source:";

/// The types in which a property was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NUMBER: Self = Self(1);
    pub(super) const TEXT: Self = Self(2);
    pub(super) const BOOLEAN: Self = Self(4);
    /// Lists and objects.
    pub(super) const OTHER: Self = Self(8);
    /// Beside [`Types::NUMBER`]: some number was not whole.
    const FRACTION: Self = Self(16);

    fn of(value: &str) -> Self {
        match value.as_bytes().first() {
            Some(b'"') => Self::TEXT,
            Some(b't' | b'f') => Self::BOOLEAN,
            Some(b'[' | b'{') => Self::OTHER,
            Some(b'n') | None => Self::default(),
            Some(_) if value.parse::<i64>().is_ok() => Self::NUMBER,
            Some(_) => Self(Self::NUMBER.0 | Self::FRACTION.0),
        }
    }

    fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The one type in which both can be compared; texts where there is none.
    pub(super) fn common(self, other: Self) -> Self {
        let both = self.0 & other.0;
        [Self::NUMBER, Self::BOOLEAN].into_iter().find(|wanted| both & wanted.0 != 0).unwrap_or(Self::TEXT)
    }

    /// The type of all values, where there is one.
    pub(super) fn only(self) -> Option<Self> {
        let plain = Self(self.0 & !Self::FRACTION.0);
        [Self::NUMBER, Self::TEXT, Self::BOOLEAN].into_iter().find(|one| plain == *one)
    }

    fn names(self) -> Vec<&'static str> {
        let number = if self.0 & Self::FRACTION.0 == 0 { "integer" } else { "number" };
        let all = [(Self::NUMBER, number), (Self::TEXT, "string"), (Self::BOOLEAN, "boolean"), (Self::OTHER, "array")];
        all.into_iter().filter(|(one, _)| self.0 & one.0 != 0).map(|(_, name)| name).collect()
    }

    fn schema(self) -> Value {
        match self.names().as_slice() {
            [] | ["array"] => json!({}),
            [one] => json!({ "type": one }),
            several => json!({ "type": several }),
        }
    }
}

/// What a name in a filter means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Queryable {
    /// A column.
    Text(String),
    /// A column.
    Number(String),
    /// A column.
    Instant(String),
    Geometry,
    /// What sources say under a name.
    Said(String, Types),
}

/// The names of a collection.
#[derive(Debug, Clone, Default)]
pub(super) struct Queryables {
    /// What sources say, by the name in features.
    pub(super) said: BTreeMap<String, Types>,
}

impl Queryables {
    /// What a name means, or the names that there are.
    pub(super) fn get(&self, name: &str) -> Result<Queryable, String> {
        if name == "geometry" {
            return Ok(Queryable::Geometry);
        }
        if name == SEQUENCE {
            return Ok(Queryable::Number("seq".to_owned()));
        }
        if TEXTS.contains(&name) {
            return Ok(Queryable::Text(name.to_owned()));
        }
        if INSTANTS.contains(&name) {
            return Ok(Queryable::Instant(name.to_owned()));
        }
        if let Some(types) = self.said.get(name) {
            return Ok(Queryable::Said(name.strip_prefix(SOURCE).unwrap_or(name).to_owned(), *types));
        }
        let known: Vec<&str> = self.names().take(40).collect();
        Err(format!("there is no property `{name}` here; there are: {}", known.join(", ")))
    }

    /// All names but the geometry's.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let own = TEXTS.into_iter().chain(INSTANTS).chain([SEQUENCE]);
        own.chain(self.said.keys().map(String::as_str))
    }

    /// JSON schemas by name, without the geometry.
    pub(super) fn schemas(&self) -> impl Iterator<Item = (String, Value)> {
        let titled = |name: &str, mut schema: Value| {
            schema["title"] = name.into();
            (name.to_owned(), schema)
        };
        let texts = TEXTS.into_iter().map(move |name| {
            let schema = match name {
                "id" => json!({ "type": "string", "format": "uuid", "x-ogc-role": "id" }),
                "parent" => json!({ "type": "string", "format": "uuid" }),
                _ => json!({ "type": "string" }),
            };
            titled(name, schema)
        });
        let instants =
            INSTANTS.into_iter().map(move |name| titled(name, json!({ "type": "string", "format": "date-time" })));
        let sequence = titled(SEQUENCE, json!({ "type": "integer" }));
        let said = self.said.iter().map(move |(name, types)| titled(name, types.schema()));
        texts.chain(instants).chain([sequence]).chain(said)
    }

    /// The document of Part 3, clause 6.2 (`/queryables`), as JSON Schema.
    pub(super) fn document(&self, here: &str, title: &str) -> Value {
        let mut properties = Map::new();
        properties.insert(
            "geometry".to_owned(),
            json!({ "title": "geometry", "format": "geometry-any", "x-ogc-role": "primary-geometry" }),
        );
        properties.extend(self.schemas());
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": here,
            "type": "object",
            "title": title,
            "description": "What a filter can say of these features. Properties of sources have the types in which they were seen.",
            "properties": properties,
            "additionalProperties": false,
        })
    }
}

/// The properties of all kinds by some commit.
#[derive(Debug, Default)]
pub(super) struct Known {
    through: Sequence,
    kinds: BTreeMap<Kind, Arc<Queryables>>,
}

/// Whether a source's name is one of ours.
pub(super) fn is_own(name: &str) -> bool {
    TEXTS[1..].contains(&name) || INSTANTS.contains(&name) || name == SEQUENCE
}

impl Features {
    /// The names of a collection as of the last commit.
    pub(super) fn queryables(&self, kind: Kind) -> Result<Arc<Queryables>, ApiError> {
        let snapshot = self.state.reader.snapshot();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.through < snapshot.sequence() {
            for batch in entity_rows_after(&snapshot, known.through) {
                let columns = Columns::of(&batch)?;
                (0..batch.num_rows()).for_each(|row| known.learn(&columns, row));
            }
            known.through = snapshot.sequence();
        }
        Ok(known.kinds.get(&kind).cloned().unwrap_or_default())
    }
}

impl Known {
    fn learn(&mut self, columns: &Columns<'_>, row: usize) {
        let Ok(kind) = columns.kind.value(row).parse() else { return };
        let names = self.kinds.entry(kind).or_default();
        for (key, value) in members(columns.properties.value(row)) {
            let (Some(name), types) = (text_of(key), Types::of(value)) else { continue };
            let name = if is_own(&name) { format!("{SOURCE}{name}") } else { name.into_owned() };
            match names.said.get(&name) {
                Some(seen) if seen.with(types) == *seen => {}
                None if names.said.len() >= MOST_NAMES => {}
                _ => {
                    let said = &mut Arc::make_mut(names).said;
                    let seen = said.entry(name).or_default();
                    *seen = seen.with(types);
                }
            }
        }
    }
}
