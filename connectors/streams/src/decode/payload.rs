//! The JSON of the three payloads: bytes in, checked values out. Unknown members are left aside; a member given twice,
//! a number that is not finite or an instant without an offset is refused.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use kernel_model::{
    Coord, DatastreamDraft, EntityDraft, Geometry, HeightReference, Kind, Place, Shape, SourceKey, TimeUs,
};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Milliseconds before March 1973 are taken for seconds by mistake, and refused.
const FIRST_MS: i64 = 100_000_000_000;
/// The year 9999 in milliseconds: beyond it, the sender meant micro- or nanoseconds.
const LAST_MS: i64 = 253_402_300_799_999;

/// A value of a datastream.
#[derive(Debug, Deserialize)]
pub(super) struct Reading<'a> {
    pub(super) t: Instant,
    pub(super) v: f64,
    #[serde(borrow, default)]
    pub(super) unit: Option<Cow<'a, str>>,
}

/// A fix of a moving thing.
#[derive(Debug, Deserialize)]
pub(super) struct Fix<'a> {
    pub(super) t: Instant,
    pub(super) lon: f64,
    pub(super) lat: f64,
    #[serde(default)]
    pub(super) h: Option<f64>,
    #[serde(borrow, default)]
    pub(super) height_reference: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) heading: Option<f32>,
    #[serde(default)]
    pub(super) speed: Option<f32>,
}

/// A thing and its datastreams.
#[derive(Debug, Deserialize)]
pub(super) struct Describe<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    class: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    parent: Option<String>,
    #[serde(default)]
    lon: Option<f64>,
    #[serde(default)]
    lat: Option<f64>,
    #[serde(default)]
    height_m: Option<f64>,
    #[serde(borrow, default)]
    height_reference: Option<Cow<'a, str>>,
    #[serde(default)]
    properties: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    datastreams: Vec<Declared>,
}

#[derive(Debug, Deserialize)]
struct Declared {
    property: String,
    unit: String,
    #[serde(default)]
    name: String,
}

impl Describe<'_> {
    /// The drafts of the thing called `source`, its datastreams after it.
    pub(super) fn into_drafts(self, source: &SourceKey) -> Result<(EntityDraft, Vec<DatastreamDraft>), String> {
        let kind: Kind = self.kind.parse().map_err(|e: kernel_model::IdError| e.to_string())?;
        let mut entity = EntityDraft::new(source.clone(), kind, self.class);
        (entity.geometry, entity.height_reference) =
            point(self.lon, self.lat, self.height_m, self.height_reference.as_deref())?;
        entity.name = self.name;
        entity.parent = self.parent.map(|id| SourceKey { dataset: Arc::clone(&source.dataset), id: id.into() });
        entity.properties = self.properties;
        entity.lineage = Arc::from("WGS 84 as published");
        let datastreams = self.datastreams.into_iter().map(|d| d.into_draft(source)).collect::<Result<_, _>>()?;
        Ok((entity, datastreams))
    }
}

impl Declared {
    fn into_draft(self, entity: &SourceKey) -> Result<DatastreamDraft, String> {
        let Self { property, unit, name } = self;
        if unit.is_empty() {
            return Err(format!("datastream `{property}` has no unit: give UCUM, `1` for a plain number"));
        }
        let is_name = !property.is_empty() && !property.contains(['/', '+', '#']);
        if !is_name || property == "position" || property == "describe" {
            return Err(format!("`{property}` cannot be a property: it is the last level of its topic"));
        }
        let source = SourceKey { dataset: Arc::clone(&entity.dataset), id: format!("{}/{property}", entity.id).into() };
        let name = if name.is_empty() { format!("{} {property}", entity.id) } else { name };
        Ok(DatastreamDraft { source, entity: entity.clone(), property, unit, name })
    }
}

type Where = (Option<Geometry>, HeightReference);

fn point(lon: Option<f64>, lat: Option<f64>, height_m: Option<f64>, reference: Option<&str>) -> Result<Where, String> {
    let stated = reference.map(str::parse).transpose().map_err(|e: kernel_model::PlaceError| e.to_string())?;
    let reference = || stated.clone().unwrap_or(HeightReference::Unknown);
    match (lon, lat) {
        // A moving thing may have no place of its own, and still say what its heights are measured from.
        (None, None) => Ok((None, stated.unwrap_or_default())),
        (Some(lon), Some(lat)) => {
            let place = Place::new(lon, lat, height_m).map_err(|e| e.to_string())?;
            Ok(match place.height_m {
                Some(h) => (Some(Geometry::with_height(Shape::Point(Coord::new(lon, lat, h)))), reference()),
                None => (Some(Geometry::flat(Shape::Point(Coord::new(lon, lat, 0.0)))), stated.unwrap_or_default()),
            })
        }
        _ => Err("give both lon and lat, or neither".to_owned()),
    }
}

/// RFC 3339 text with an offset, or whole milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant(pub(super) TimeUs);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InstantVisitor)
    }
}

struct InstantVisitor;

impl Visitor<'_> for InstantVisitor {
    type Value = Instant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 instant with its offset, or whole milliseconds since 1970 (UTC)")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Instant, E> {
        TimeUs::parse(text).map(Instant).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, ms: i64) -> Result<Instant, E> {
        match ms {
            FIRST_MS..=LAST_MS => Ok(Instant(TimeUs(ms * 1_000))),
            _ => Err(E::custom(format!("{ms} is no time in milliseconds since 1970: was it in another unit?"))),
        }
    }

    fn visit_u64<E: Error>(self, ms: u64) -> Result<Instant, E> {
        self.visit_i64(i64::try_from(ms).unwrap_or(i64::MAX))
    }
}
