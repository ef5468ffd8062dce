//! Changes of things as people write them: JSON in, [`Change`]s out, all of them or none. Things are described, retired, split
//! and merged, what they measure is declared; readings come by other ways. Geometry is GeoJSON in its own frame (degrees, longitude first), times are RFC
//! 3339 with their offset, and what heights are measured from is said where there are heights: nothing is guessed.
//! `docs/changes.md` shows the form.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::change::{Change, Succession};
use crate::entity::EntityDraft;
use crate::geojson::GeoJsonError;
use crate::geometry::Geometry;
use crate::id::SourceKey;
use crate::kind::Kind;
use crate::observation::DatastreamDraft;
use crate::place::{HeightReference, PlaceError};
use crate::time::{TimeError, TimeUs};

/// The type member of a document of changes.
pub const CHANGES_TYPE: &str = "Changes";

/// Why a text is no list of changes.
#[derive(Debug, thiserror::Error)]
pub enum WrittenError {
    /// It is not JSON of the form.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another type.
    #[error("its type is not `Changes`: give {{\"type\": \"Changes\", \"dataset\": \"...\", \"changes\": [...]}}")]
    Type,
    /// A change cannot be understood.
    #[error("changes/{number}: {thing}{what}")]
    Change {
        /// Which, counted from 0.
        number: usize,
        /// Which thing in it, or empty.
        thing: String,
        /// What is wrong and what to do.
        what: Wrong,
    },
}

/// What can be wrong with a change.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// A time.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// A geometry.
    #[error(transparent)]
    Geometry(#[from] GeoJsonError),
    /// A height reference.
    #[error(transparent)]
    Height(#[from] PlaceError),
    /// Heights of no reference.
    #[error("its geometry has heights: say what they are measured from with height_reference")]
    NoReference,
    /// A name without a dataset.
    #[error("`{0}` is of no dataset: give the document a dataset, or write {{\"dataset\": \"...\", \"id\": \"...\"}}")]
    NoDataset(String),
    /// Something that names no thing.
    #[error("{0} names no thing: give its id, or {{\"dataset\": \"...\", \"id\": \"...\"}}")]
    Name(Value),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "type")]
    kind: String,
    dataset: Option<String>,
    changes: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Written {
    Describe(Thing),
    Retire(Gone),
    Succession(Becomes),
    Datastream(Measured),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    dataset: Option<String>,
    id: String,
    kind: Kind,
    #[serde(default)]
    class: String,
    name: Option<String>,
    parent: Option<Value>,
    geometry: Option<Value>,
    height_reference: Option<String>,
    #[serde(default)]
    properties: Map<String, Value>,
    valid_from: Option<String>,
    valid_to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gone {
    dataset: Option<String>,
    id: String,
    at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Becomes {
    at: String,
    predecessors: Vec<Value>,
    successors: Vec<Thing>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measured {
    dataset: Option<String>,
    id: String,
    entity: Value,
    property: String,
    unit: String,
    #[serde(default)]
    name: String,
}

/// Reads a document; `dataset` is that of names without one where the document states none.
///
/// # Errors
/// [`WrittenError`], one line that says where and what to do; nothing of the document is to be taken then.
pub fn read_changes(json: &[u8], dataset: Option<&str>) -> Result<Vec<Change>, WrittenError> {
    let document: Document = serde_json::from_slice(json)?;
    if document.kind != CHANGES_TYPE {
        return Err(WrittenError::Type);
    }
    let names = Names(document.dataset.as_deref().or(dataset));
    let read =
        |(number, written)| names.change(written).map_err(|(thing, what)| WrittenError::Change { number, thing, what });
    document.changes.into_iter().enumerate().map(read).collect()
}

/// The dataset of names without one.
struct Names<'a>(Option<&'a str>);

impl Names<'_> {
    fn change(&self, written: Written) -> Result<Change, (String, Wrong)> {
        let plain = |wrong: Wrong| (String::new(), wrong);
        match written {
            Written::Describe(thing) => self.named(thing).map(Change::Entity),
            Written::Datastream(Measured { dataset, id, entity, property, unit, name }) => {
                let source = self.key(dataset.as_deref(), &id).map_err(plain)?;
                let entity = self.name(&entity).map_err(plain)?;
                Ok(Change::Datastream(DatastreamDraft { source, entity, property, unit, name }))
            }
            Written::Retire(Gone { dataset, id, at }) => {
                let source = self.key(dataset.as_deref(), &id).map_err(plain)?;
                Ok(Change::Retire { source, at: TimeUs::parse(&at).map_err(|error| plain(error.into()))? })
            }
            Written::Succession(Becomes { at, predecessors, successors }) => {
                let at = TimeUs::parse(&at).map_err(|error| plain(error.into()))?;
                let predecessors = predecessors.iter().map(|name| self.name(name)).collect::<Result<_, _>>();
                let successors = successors.into_iter().map(|thing| self.named(thing)).collect::<Result<_, _>>()?;
                Ok(Change::Succession(Succession { predecessors: predecessors.map_err(plain)?, successors, at }))
            }
        }
    }

    /// A thing; its id is told where it is wrong.
    fn named(&self, thing: Thing) -> Result<EntityDraft, (String, Wrong)> {
        let id = thing.id.clone();
        self.thing(thing).map_err(|wrong| (format!("{id}: "), wrong))
    }

    fn thing(&self, thing: Thing) -> Result<EntityDraft, Wrong> {
        let mut draft = EntityDraft::new(self.key(thing.dataset.as_deref(), &thing.id)?, thing.kind, thing.class);
        let time = |text: Option<String>| text.map(|text| TimeUs::parse(&text)).transpose();
        (draft.valid_from, draft.valid_to) = (time(thing.valid_from)?, time(thing.valid_to)?);
        draft.name = thing.name;
        draft.parent = thing.parent.as_ref().map(|parent| self.name(parent)).transpose()?;
        draft.geometry = thing.geometry.as_ref().map(Geometry::from_geojson).transpose()?;
        let stated = thing.height_reference.map(|text| text.parse()).transpose()?;
        if stated.is_none() && draft.geometry.as_ref().is_some_and(|geometry| geometry.has_height) {
            return Err(Wrong::NoReference);
        }
        draft.height_reference = stated.unwrap_or(HeightReference::None);
        draft.properties = thing.properties;
        draft.lineage = Arc::from(if draft.geometry.is_some() { "OGC:CRS84" } else { "" });
        Ok(draft)
    }

    fn key(&self, dataset: Option<&str>, id: &str) -> Result<SourceKey, Wrong> {
        let dataset = dataset.or(self.0).ok_or_else(|| Wrong::NoDataset(id.to_owned()))?;
        Ok(SourceKey::new(dataset, id))
    }

    /// A thing that is only named: by its id, or by dataset and id.
    fn name(&self, name: &Value) -> Result<SourceKey, Wrong> {
        match (name.as_str(), name.get("dataset").and_then(Value::as_str), name.get("id").and_then(Value::as_str)) {
            (Some(id), ..) => self.key(None, id),
            (None, dataset, Some(id)) => self.key(dataset, id),
            _ => Err(Wrong::Name(name.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &str) -> Result<Vec<Change>, String> {
        let document = format!(r#"{{"type":"Changes","dataset":"land","changes":{changes}}}"#);
        read_changes(document.as_bytes(), None).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_is_what_is_meant() {
        let changes = read(
            r#"[
            {"describe":{"id":"17","kind":"landuse","class":"plot","name":"Plot 17","parent":{"dataset":"towns","id":"3"},
              "geometry":{"type":"Point","coordinates":[116.3,39.9]},"valid_from":"2020-01-01T00:00:00+08:00",
              "properties":{"owner":"x"}}},
            {"succession":{"at":"2026-05-01T00:00:00+08:00","predecessors":["17",{"dataset":"old","id":"a"}],
              "successors":[{"id":"18","kind":"landuse","height_reference":"EPSG:5709",
              "geometry":{"type":"LineString","coordinates":[[116.3,39.9,7],[116.4,39.9,8]]}}]}},
            {"retire":{"dataset":"old","id":"b","at":"2026-06-01T00:00:00Z"}},
            {"datastream":{"id":"17-level","entity":"17","property":"level","unit":"m"}}]"#,
        )
        .unwrap();
        let [
            Change::Entity(plot),
            Change::Succession(becomes),
            Change::Retire { source, at },
            Change::Datastream(level),
        ] = &changes[..]
        else {
            panic!("{changes:?}")
        };
        assert_eq!((level.entity.to_string(), level.unit.as_str()), ("land/17".to_owned(), "m"));
        assert_eq!(
            (plot.source.to_string(), plot.parent.clone()),
            ("land/17".to_owned(), Some(SourceKey::new("towns", "3")))
        );
        assert_eq!(plot.valid_from, TimeUs::parse("2019-12-31T16:00:00Z").ok());
        assert_eq!((plot.class.as_str(), plot.properties["owner"].as_str()), ("plot", Some("x")));
        assert!(plot.geometry.as_ref().is_some_and(|geometry| !geometry.has_height));
        assert_eq!(becomes.predecessors, [SourceKey::new("land", "17"), SourceKey::new("old", "a")]);
        assert_eq!(becomes.successors[0].height_reference, HeightReference::Vertical("EPSG:5709".to_owned()));
        assert_eq!((source.to_string(), at.to_string()), ("old/b".to_owned(), "2026-06-01T00:00:00Z".to_owned()));
    }

    #[test]
    fn what_cannot_be_meant_says_where_and_what_to_do() {
        let describe = |more: &str| format!(r#"[{{"describe":{{"id":"17","kind":"landuse"{more}}}}}]"#);
        for (changes, words) in [
            (describe(r#","knd":1"#), "unknown field `knd`"),
            (describe(r#","valid_from":"2020-01-01""#), "changes/0: 17: `2020-01-01` is not an RFC 3339 instant"),
            (describe(r#","geometry":{"type":"Point","coordinates":[116.3,39.9,5]}"#), "height_reference"),
            (describe(r#","geometry":{"type":"Point","coordinates":[39.9,116.3]}"#), "longitude first"),
            (describe(r#","height_reference":"sea""#), "`sea` is not a height reference"),
            (describe(r#","parent":7"#), "7 names no thing"),
            (r#"[{"describe":{"id":"17","kind":"castle"}}]"#.to_owned(), "unknown variant `castle`"),
            (r#"[{"retire":{"id":"17"}}]"#.to_owned(), "missing field `at`"),
            (
                r#"[{"split":{}}]"#.to_owned(),
                "unknown variant `split`, expected one of `describe`, `retire`, `succession`, `datastream`",
            ),
            ("[1]".to_owned(), "line 1 column"),
        ] {
            let error = read(&changes).unwrap_err();
            assert!(error.contains(words), "{changes}: {error}");
        }
        let nowhere = br#"{"type":"Changes","changes":[{"retire":{"id":"17","at":"2026-06-01T00:00:00Z"}}]}"#;
        assert!(read_changes(nowhere, None).unwrap_err().to_string().contains("`17` is of no dataset"));
        assert!(read_changes(nowhere, Some("land")).is_ok());
        let other = read_changes(br#"{"type":"FeatureCollection","changes":[]}"#, None).unwrap_err();
        assert!(other.to_string().contains("its type is not `Changes`"));
    }
}
