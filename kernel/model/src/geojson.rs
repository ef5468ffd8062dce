//! GeoJSON geometry (RFC 7946, 3.1) in the kernel's frame: JSON in, a [`Geometry`] out, or the reason why it is none.
//! Longitude comes first; all vertices have a height or none has.

use serde_json::Value;

use crate::geometry::{Coord, Geometry, Shape};

/// Why a JSON value is no geometry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its geometry: {0}")]
pub struct GeoJsonError(String);

fn wrong<T>(reason: impl Into<String>) -> Result<T, GeoJsonError> {
    Err(GeoJsonError(reason.into()))
}

impl Geometry {
    /// Reads a geometry object.
    ///
    /// # Errors
    /// Where it is of no known type, a line or ring is too short or not closed, or a vertex is not on the globe.
    pub fn from_geojson(value: &Value) -> Result<Self, GeoJsonError> {
        let coordinates = &value["coordinates"];
        let mut reader = Reader { has_height: None };
        let shape = match value["type"].as_str() {
            Some("Point") => Shape::Point(reader.position(coordinates)?),
            Some("MultiPoint") => Shape::MultiPoint(reader.line(coordinates, 1)?),
            Some("LineString") => Shape::LineString(reader.line(coordinates, 2)?),
            Some("MultiLineString") => Shape::MultiLineString(each(coordinates, |line| reader.line(line, 2))?),
            Some("Polygon") => Shape::Polygon(each(coordinates, |ring| reader.ring(ring))?),
            Some("MultiPolygon") => {
                Shape::MultiPolygon(each(coordinates, |rings| each(rings, |ring| reader.ring(ring)))?)
            }
            Some(other) => return wrong(format!("its type `{other}` is not taken")),
            None => return wrong("it has no `type`"),
        };
        Ok(Self { has_height: reader.has_height.unwrap_or(false), shape })
    }
}

struct Reader {
    /// Of the vertices so far.
    has_height: Option<bool>,
}

impl Reader {
    fn position(&mut self, value: &Value) -> Result<Coord, GeoJsonError> {
        let numbers: Option<Vec<f64>> = value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
        let (lon_deg, lat_deg, height_m) = match numbers.as_deref() {
            Some([lon, lat]) => (*lon, *lat, None),
            Some([lon, lat, height]) => (*lon, *lat, Some(*height)),
            _ => return wrong(format!("{value} is not [longitude, latitude] or [longitude, latitude, height]")),
        };
        if !(lon_deg.abs() <= 180.0 && lat_deg.abs() <= 90.0 && height_m.is_none_or(f64::is_finite)) {
            return wrong(format!("{value} is not on the globe: give degrees, longitude first"));
        }
        if *self.has_height.get_or_insert(height_m.is_some()) != height_m.is_some() {
            return wrong("some of its vertices have heights and some have none");
        }
        Ok(Coord::new(lon_deg, lat_deg, height_m.unwrap_or(0.0)))
    }

    fn line(&mut self, value: &Value, least: usize) -> Result<Vec<Coord>, GeoJsonError> {
        let line = each(value, |position| self.position(position))?;
        if line.len() < least { wrong(format!("a line of {} vertices is too short", line.len())) } else { Ok(line) }
    }

    fn ring(&mut self, value: &Value) -> Result<Vec<Coord>, GeoJsonError> {
        let ring = self.line(value, 1)?;
        match (ring.len() >= 4, ring.first() == ring.last()) {
            (true, true) => Ok(ring),
            _ => wrong("a ring needs four vertices or more, the last one equal to the first"),
        }
    }
}

fn each<T>(value: &Value, read: impl FnMut(&Value) -> Result<T, GeoJsonError>) -> Result<Vec<T>, GeoJsonError> {
    match value.as_array().filter(|list| !list.is_empty()) {
        Some(list) => list.iter().map(read).collect(),
        None => wrong("its coordinates are not the lists that its type asks for"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_type_is_read_and_what_is_none_is_refused() {
        let ring = json!([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]);
        let line = json!([[0.0, 0.0], [1.0, 0.5]]);
        for (name, coordinates) in [
            ("Point", json!([116.3, -39.9])),
            ("MultiPoint", line.clone()),
            ("LineString", line.clone()),
            ("MultiLineString", json!([line.clone(), line.clone()])),
            ("Polygon", json!([ring.clone(), ring.clone()])),
            ("MultiPolygon", json!([[ring.clone()], [ring.clone()]])),
        ] {
            let geometry = Geometry::from_geojson(&json!({ "type": name, "coordinates": coordinates })).unwrap();
            assert!(!geometry.has_height);
            let mut vertices = 0;
            geometry.for_each_coord(|_| vertices += 1);
            assert_eq!(vertices, coordinates.to_string().matches(',').count().div_ceil(2), "{name}");
        }
        for (value, words) in [
            (json!(null), "no `type`"),
            (json!({ "type": "GeometryCollection" }), "is not taken"),
            (json!({ "type": "Point", "coordinates": [1.0] }), "is not [longitude"),
            (json!({ "type": "Point", "coordinates": [1.0, "2"] }), "is not [longitude"),
            (json!({ "type": "Point", "coordinates": [0.0, 90.5] }), "longitude first"),
            (json!({ "type": "LineString", "coordinates": [[0.0, 0.0]] }), "too short"),
            (json!({ "type": "LineString", "coordinates": [[0.0, 0.0], [0.0, 0.0, 1.0]] }), "some have none"),
            (json!({ "type": "Polygon", "coordinates": [line] }), "a ring needs"),
            (json!({ "type": "Polygon", "coordinates": [] }), "not the lists"),
            (json!({ "type": "MultiPolygon", "coordinates": 7 }), "not the lists"),
        ] {
            let error = Geometry::from_geojson(&value).unwrap_err().to_string();
            assert!(error.contains(words), "{value}: {error}");
        }
    }
}
