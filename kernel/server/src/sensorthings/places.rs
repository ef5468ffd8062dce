//! Places in filters: WKT and GeoJSON come in, geometries of `geo` go out, and how they lie to each other. Degrees are plane
//! coordinates here, as OData's and the standard's examples have it: `geo.distance` and `geo.length` are in degrees.

use std::sync::Arc;

use geo::algorithm::line_measures::{Distance, Euclidean, Length};
use geo::relate::IntersectionMatrix;
use geo::{
    Coord, CoordsIter, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, Relate,
    Validation,
};
use kernel_model::Shape;
use wkt::TryFromWkt;

use super::value::Value;

/// Collections in a text at most: the reader of WKT goes one into the other.
const MOST_COLLECTIONS: usize = 8;

/// A geometry of its text, with or without `SRID=4326;` before it.
pub(super) fn read(text: &str) -> Result<Arc<Geometry>, String> {
    let refused = |why: &str| format!("`{}` is no WKT: {why}:", text.chars().take(40).collect::<String>());
    let text = text.trim();
    let text = match text.split_once(';') {
        Some(("SRID=4326", rest)) => rest,
        Some(_) => return Err(refused("only SRID=4326 is known")),
        None => text,
    };
    if text.to_ascii_uppercase().matches("COLLECTION").count() > MOST_COLLECTIONS {
        return Err(refused("too many collections"));
    }
    let geometry = Geometry::<f64>::try_from_wkt_str(text).map_err(|error| refused(&error.to_string()))?;
    if geometry.coords_iter().any(|at| !at.x.is_finite() || !at.y.is_finite())
        || geometry.coords_iter().next().is_none()
    {
        return Err(refused("it has no place"));
    }
    // How an impossible polygon lies to others has no answer.
    geometry.check_validation().map_err(|error| refused(&error.to_string()))?;
    Ok(Arc::new(geometry))
}

/// The geometry of a value: one that is one, a GeoJSON geometry or feature, a WKT.
pub(super) fn of(value: &Value) -> Option<Arc<Geometry>> {
    match value {
        Value::Geometry(geometry) => Some(geometry.clone()),
        Value::Text(text) => read(text).ok(),
        Value::Json(json) => of_geojson(json).map(Arc::new),
        _ => None,
    }
}

/// The geometry of a GeoJSON geometry or feature.
pub(super) fn of_geojson(json: &serde_json::Value) -> Option<Geometry> {
    let json = if json["type"] == "Feature" { &json["geometry"] } else { json };
    kernel_model::Geometry::from_geojson(json).ok().map(|geometry| of_model(&geometry))
}

fn of_model(geometry: &kernel_model::Geometry) -> Geometry {
    let coord = |c: &kernel_model::Coord| Coord { x: c.lon_deg, y: c.lat_deg };
    let line = |line: &Vec<kernel_model::Coord>| LineString::new(line.iter().map(coord).collect());
    let polygon = |rings: &Vec<Vec<kernel_model::Coord>>| {
        let mut rings = rings.iter().map(line);
        Polygon::new(rings.next().unwrap_or_else(|| LineString::new(Vec::new())), rings.collect())
    };
    match &geometry.shape {
        Shape::Point(c) => Geometry::Point(Point(coord(c))),
        Shape::LineString(coords) => Geometry::LineString(line(coords)),
        Shape::Polygon(rings) => Geometry::Polygon(polygon(rings)),
        Shape::MultiPoint(coords) => {
            Geometry::MultiPoint(MultiPoint::new(coords.iter().map(|c| Point(coord(c))).collect()))
        }
        Shape::MultiLineString(lines) => {
            Geometry::MultiLineString(MultiLineString::new(lines.iter().map(line).collect()))
        }
        Shape::MultiPolygon(parts) => Geometry::MultiPolygon(MultiPolygon::new(parts.iter().map(polygon).collect())),
    }
}

/// Degrees between two geometries.
pub(super) fn distance(a: &Geometry, b: &Geometry) -> Option<f64> {
    let distance = Euclidean.distance(a, b);
    distance.is_finite().then_some(distance)
}

/// Degrees along lines; nothing else has a length.
pub(super) fn length(geometry: &Geometry) -> f64 {
    match geometry {
        Geometry::Line(line) => Euclidean.length(line),
        Geometry::LineString(line) => Euclidean.length(line),
        Geometry::MultiLineString(lines) => Euclidean.length(lines),
        _ => 0.0,
    }
}

/// How two geometries lie to each other (DE-9IM).
pub(super) fn relate(a: &Geometry, b: &Geometry) -> IntersectionMatrix {
    a.relate(b)
}

/// A geometry of the store as GeoJSON.
pub(super) fn geojson(geometry: &kernel_model::Geometry) -> serde_json::Value {
    let position = |c: &kernel_model::Coord| match geometry.has_height {
        true => serde_json::json!([c.lon_deg, c.lat_deg, c.height_m]),
        false => serde_json::json!([c.lon_deg, c.lat_deg]),
    };
    let line = |line: &Vec<kernel_model::Coord>| line.iter().map(position).collect::<serde_json::Value>();
    let lines = |lines: &Vec<Vec<kernel_model::Coord>>| lines.iter().map(line).collect::<serde_json::Value>();
    let (name, coordinates) = match &geometry.shape {
        Shape::Point(c) => ("Point", position(c)),
        Shape::LineString(coords) => ("LineString", line(coords)),
        Shape::Polygon(rings) => ("Polygon", lines(rings)),
        Shape::MultiPoint(coords) => ("MultiPoint", line(coords)),
        Shape::MultiLineString(all) => ("MultiLineString", lines(all)),
        Shape::MultiPolygon(parts) => ("MultiPolygon", parts.iter().map(lines).collect()),
    };
    serde_json::json!({ "type": name, "coordinates": coordinates })
}
