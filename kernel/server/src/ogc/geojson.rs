//! Geometry -> GeoJSON text (RFC 7946, 3.1): longitude, latitude, and the height where the geometry has heights. The
//! numbers are the shortest that read back as the stored ones.

use std::fmt::Write;

use kernel_model::{Coord, Geometry, Shape};

/// Appends the geometry, or `null` where a vertex is not finite and JSON has no number for it.
pub(super) fn write(out: &mut String, geometry: &Geometry) {
    let mut finite = true;
    geometry.for_each_coord(|c| finite &= c.lon_deg.is_finite() && c.lat_deg.is_finite() && c.height_m.is_finite());
    if !finite {
        out.push_str("null");
        return;
    }
    let pen = Pen { has_height: geometry.has_height };
    let _ = write!(out, r#"{{"type":"{}","coordinates":"#, type_name(geometry));
    match &geometry.shape {
        Shape::Point(point) => pen.position(out, point),
        Shape::LineString(line) | Shape::MultiPoint(line) => pen.line(out, line),
        Shape::Polygon(lines) | Shape::MultiLineString(lines) => pen.lines(out, lines),
        Shape::MultiPolygon(polygons) => list(out, polygons, |out, lines| pen.lines(out, lines)),
    }
    out.push('}');
}

/// GeoJSON's name of the geometry's type.
pub(super) fn type_name(geometry: &Geometry) -> &'static str {
    match geometry.shape {
        Shape::Point(_) => "Point",
        Shape::LineString(_) => "LineString",
        Shape::Polygon(_) => "Polygon",
        Shape::MultiPoint(_) => "MultiPoint",
        Shape::MultiLineString(_) => "MultiLineString",
        Shape::MultiPolygon(_) => "MultiPolygon",
    }
}

#[derive(Clone, Copy)]
struct Pen {
    has_height: bool,
}

impl Pen {
    fn position(self, out: &mut String, c: &Coord) {
        // Writing into a String cannot fail. Rust prints a finite f64 without exponent, which JSON reads.
        let _ = if self.has_height {
            write!(out, "[{},{},{}]", c.lon_deg, c.lat_deg, c.height_m)
        } else {
            write!(out, "[{},{}]", c.lon_deg, c.lat_deg)
        };
    }

    fn line(self, out: &mut String, line: &[Coord]) {
        list(out, line, |out, c| self.position(out, c));
    }

    fn lines(self, out: &mut String, lines: &[Vec<Coord>]) {
        list(out, lines, |out, line| self.line(out, line));
    }
}

fn list<T>(out: &mut String, members: &[T], mut each: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (i, member) in members.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(out, member);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(geometry: &Geometry) -> String {
        let mut out = String::new();
        write(&mut out, geometry);
        out
    }

    #[test]
    fn heights_are_written_where_they_mean_something() {
        let c = Coord::new(116.3, 39.98, 45.25);
        assert_eq!(text(&Geometry::flat(Shape::Point(c))), r#"{"type":"Point","coordinates":[116.3,39.98]}"#);
        let line = Geometry::with_height(Shape::LineString(vec![c, Coord::new(1e-9, -0.5, 0.0)]));
        assert_eq!(text(&line), r#"{"type":"LineString","coordinates":[[116.3,39.98,45.25],[0.000000001,-0.5,0]]}"#);
        let face = vec![vec![c, c, c, c]];
        let solid = Geometry::with_height(Shape::MultiPolygon(vec![face.clone(), face]));
        let parsed: serde_json::Value = serde_json::from_str(&text(&solid)).unwrap();
        assert_eq!(parsed["coordinates"][1][0][3], serde_json::json!([116.3, 39.98, 45.25]));
    }

    #[test]
    fn what_json_cannot_say_is_null() {
        assert_eq!(text(&Geometry::flat(Shape::Point(Coord::new(f64::NAN, 0.0, 0.0)))), "null");
    }
}
