//! One WKB geometry in, its text out: GeoJSON (RFC 7946, heights kept as third coordinate) or WKT (OGC 06-103r4).

use geo_traits::{
    CoordTrait, GeometryCollectionTrait, GeometryTrait, GeometryType, LineStringTrait, MultiLineStringTrait,
    MultiPointTrait, MultiPolygonTrait, PointTrait, PolygonTrait,
};

use super::Failure;

/// The geometry as WKT.
pub(super) fn wkt(bytes: &[u8]) -> Result<String, Failure> {
    let geometry = wkb::reader::read_wkb(bytes)?;
    let mut text = String::new();
    wkt::to_wkt::write_geometry(&mut text, &geometry)?;
    Ok(text)
}

/// Appends the geometry as a GeoJSON object.
pub(super) fn geojson(bytes: &[u8], out: &mut String) -> Result<(), Failure> {
    object(&wkb::reader::read_wkb(bytes)?, out)
}

fn object(geometry: &impl GeometryTrait<T = f64>, out: &mut String) -> Result<(), Failure> {
    let mut begin = |name: &str| {
        out.push_str("{\"type\":\"");
        out.push_str(name);
        out.push_str(if name == "GeometryCollection" { "\",\"geometries\":" } else { "\",\"coordinates\":" });
    };
    match geometry.as_type() {
        GeometryType::Point(point) => {
            begin("Point");
            place(point, out);
        }
        GeometryType::LineString(line) => {
            begin("LineString");
            path(line, out);
        }
        GeometryType::Polygon(polygon) => {
            begin("Polygon");
            rings(polygon, out);
        }
        GeometryType::MultiPoint(points) => {
            begin("MultiPoint");
            list(points.points(), out, |point, out| place(&point, out));
        }
        GeometryType::MultiLineString(lines) => {
            begin("MultiLineString");
            list(lines.line_strings(), out, |line, out| path(&line, out));
        }
        GeometryType::MultiPolygon(polygons) => {
            begin("MultiPolygon");
            list(polygons.polygons(), out, |polygon, out| rings(&polygon, out));
        }
        GeometryType::GeometryCollection(members) => {
            begin("GeometryCollection");
            let mut failed = None;
            list(members.geometries(), out, |member, out| {
                failed = object(&member, out).err().or(failed.take());
            });
            if let Some(error) = failed {
                return Err(error);
            }
        }
        _ => return Err("a geometry type that GeoJSON does not have".into()),
    }
    out.push('}');
    Ok(())
}

fn list<T>(members: impl Iterator<Item = T>, out: &mut String, mut write: impl FnMut(T, &mut String)) {
    out.push('[');
    for (at, member) in members.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(member, out);
    }
    out.push(']');
}

fn place(point: &impl PointTrait<T = f64>, out: &mut String) {
    match point.coord() {
        Some(vertex) => coordinates(&vertex, out),
        None => out.push_str("[]"),
    }
}

fn path(line: &impl LineStringTrait<T = f64>, out: &mut String) {
    list(line.coords(), out, |vertex, out| coordinates(&vertex, out));
}

fn rings(polygon: &impl PolygonTrait<T = f64>, out: &mut String) {
    out.push('[');
    if let Some(exterior) = polygon.exterior() {
        path(&exterior, out);
        for ring in polygon.interiors() {
            out.push(',');
            path(&ring, out);
        }
    }
    out.push(']');
}

fn coordinates(vertex: &impl CoordTrait<T = f64>, out: &mut String) {
    let has_height = matches!(vertex.dim(), geo_traits::Dimensions::Xyz | geo_traits::Dimensions::Xyzm);
    let height = if has_height { vertex.nth(2) } else { None };
    list([Some(vertex.x()), Some(vertex.y()), height].into_iter().flatten(), out, |number, out| {
        super::json::float(number, out);
    });
}
