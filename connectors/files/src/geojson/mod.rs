//! GeoJSON (RFC 7946) into entity drafts, one feature at a time: the document is gone through twice, first for its type
//! and its reference system, which may stand behind the features, then for the features. A feature that cannot be built is
//! refused and the rest goes in; geometry collections are refused.

pub(crate) mod sequence;

use std::fmt;

use kernel_model::{Coord, EntityDraft, Geometry, HeightReference, Polygon, Shape};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::Used;
use crate::crs::{AxisOrder, Crs};
use crate::error::Error;
use crate::features::{Drafts, identifier};
use crate::intake::{Intake, Refusal};
use crate::options::{Ground, Options};

#[derive(Debug, Deserialize)]
struct Head {
    #[serde(rename = "type", default)]
    kind: Value,
    /// Of the older GeoJSON of 2008. `Some(Null)` states that there is no system.
    #[serde(default, deserialize_with = "present")]
    crs: Option<Value>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads one document.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    let head: Head =
        serde_json::from_reader(intake.input.open()?).map_err(|e| Error::from_json(intake.file(), "", e))?;
    let drafts = Drafts::new(ground(intake, options, head.crs.as_ref())?, options)?;
    let mut features = Features { intake, drafts, index: 0 };
    let mut source = serde_json::Deserializer::from_reader(features.intake.input.open()?);
    if head.kind == "FeatureCollection" {
        let mut failed = None;
        let read = Document { features: &mut features, failed: &mut failed }.deserialize(&mut source);
        if let Some(error) = failed {
            return Err(error);
        }
        read.map_err(|e| Error::from_json(features.intake.file(), "", e))?;
    } else {
        let single = Value::deserialize(&mut source).map_err(|e| Error::from_json(features.intake.file(), "", e))?;
        let feature = if head.kind == "Feature" {
            single
        } else {
            serde_json::json!({ "type": "Feature", "geometry": single, "properties": {} })
        };
        features.take(&feature)?;
    }
    Ok(features.drafts.ground.used())
}

/// WGS 84 with longitude first, unless the caller or an old `crs` member says otherwise.
fn ground(intake: &Intake<'_>, options: &Options, member: Option<&Value>) -> Result<Ground, Error> {
    let file = intake.file();
    let stated = match member {
        None => None,
        Some(Value::Null) if options.crs.is_none() => return Err(Error::NoCrs { file: file.to_owned() }),
        Some(member) => Some(match member["properties"]["name"].as_str() {
            Some(name) => name.to_owned(),
            None => member.to_string().chars().take(80).collect(),
        }),
    };
    let by_rfc = stated.is_none() && options.crs.is_none();
    let crs = if by_rfc { Crs::wgs84() } else { options.crs_or(file, stated.as_deref(), AxisOrder::LonLat)? };
    let mut ground = Ground::new(file, &crs, options)?;
    if by_rfc && options.height_reference.is_none() {
        // RFC 7946 section 4: a third number is the height above the WGS 84 ellipsoid.
        ground.height_reference = HeightReference::Ellipsoid;
    }
    Ok(ground)
}

struct Features<'a, 'b> {
    intake: &'a mut Intake<'b>,
    drafts: Drafts,
    index: u64,
}

impl Features<'_, '_> {
    fn take(&mut self, feature: &Value) -> Result<(), Error> {
        let place = format!("features/{}", self.index);
        self.index += 1;
        let draft = self.draft(feature);
        let sample: String = match draft {
            Ok(_) => String::new(),
            Err(_) => feature.to_string().chars().take(200).collect(),
        };
        self.drafts.settle(self.intake, place, &sample, draft)
    }

    fn draft(&mut self, feature: &Value) -> Result<EntityDraft, Refusal> {
        if feature["type"] != "Feature" {
            return Err("it is no Feature".to_owned());
        }
        let properties = match &feature["properties"] {
            Value::Object(properties) => properties.clone(),
            Value::Null => Map::new(),
            _ => return Err("`properties` is not an object".to_owned()),
        };
        let geometry = match &feature["geometry"] {
            Value::Null => Ok(None),
            geometry => self.geometry(geometry).map(Some),
        };
        self.drafts.draft(self.intake, identifier(&feature["id"]), self.index - 1, geometry, properties)
    }

    fn geometry(&self, geometry: &Value) -> Result<Geometry, Refusal> {
        let coordinates = &geometry["coordinates"];
        let ground = &self.drafts.ground;
        let mut reader = Positions { ground, has_height: ground.frame.knows_height_unit() };
        let shape = match geometry["type"].as_str() {
            Some("Point") => Shape::Point(reader.position(coordinates)?),
            Some("MultiPoint") => Shape::MultiPoint(reader.line(coordinates, 1)?),
            Some("LineString") => Shape::LineString(reader.line(coordinates, 2)?),
            Some("MultiLineString") => Shape::MultiLineString(many(coordinates, |c| reader.line(c, 2))?),
            Some("Polygon") => Shape::Polygon(reader.polygon(coordinates)?),
            Some("MultiPolygon") => Shape::MultiPolygon(many(coordinates, |c| reader.polygon(c))?),
            Some("GeometryCollection") => return Err("geometry collections are not taken: split it".to_owned()),
            Some(other) => return Err(format!("geometry type `{other}` is not known")),
            None => return Err("its geometry has no `type`".to_owned()),
        };
        Ok(Geometry { has_height: reader.has_height, shape })
    }
}

fn many<T>(value: &Value, read: impl FnMut(&Value) -> Result<T, Refusal>) -> Result<Vec<T>, Refusal> {
    let list =
        value.as_array().filter(|list| !list.is_empty()).ok_or("`coordinates` is not nested as its type asks")?;
    list.iter().map(read).collect()
}

/// Reads positions; its geometry has heights where every one of them has.
struct Positions<'a> {
    ground: &'a Ground,
    has_height: bool,
}

impl Positions<'_> {
    fn position(&mut self, value: &Value) -> Result<Coord, Refusal> {
        let numbers = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let number = |at: usize| numbers.get(at).and_then(Value::as_f64);
        let (Some(x), Some(y)) = (number(0), number(1)) else {
            let there: String = value.to_string().chars().take(40).collect();
            return Err(format!("`{there}` is no position of two or three numbers"));
        };
        let z = number(2);
        self.has_height &= z.is_some();
        self.ground.frame.locate(x, y, z.unwrap_or(0.0))
    }

    fn line(&mut self, value: &Value, least: usize) -> Result<Vec<Coord>, Refusal> {
        let line = many(value, |c| self.position(c))?;
        if line.len() < least { Err("a line of it has fewer than two positions".to_owned()) } else { Ok(line) }
    }

    fn polygon(&mut self, value: &Value) -> Result<Polygon, Refusal> {
        let rings = many(value, |ring| self.line(ring, 4))?;
        if rings.iter().all(|ring| ring.first() == ring.last()) {
            Ok(rings)
        } else {
            Err("a ring of it does not end where it begins".to_owned())
        }
    }
}

/// Goes through the document and hands every feature on as soon as it is read.
struct Document<'f, 'a, 'b> {
    features: &'f mut Features<'a, 'b>,
    failed: &'f mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a FeatureCollection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "features" {
                map.next_value_seed(Members { features: self.features, failed: self.failed })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Members<'f, 'a, 'b> {
    features: &'f mut Features<'a, 'b>,
    failed: &'f mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for Members<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Members<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(feature) = seq.next_element::<Value>()? {
            if let Err(error) = self.features.take(&feature) {
                *self.failed = Some(error);
                return Err(A::Error::custom("the sink takes no more"));
            }
        }
        Ok(())
    }
}
