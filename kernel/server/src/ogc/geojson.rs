//! Stored WKB -> GeoJSON geometry (RFC 7946, 3.1), byte by byte with no geometry in between: longitude, latitude, and the
//! height where the geometry has heights; in another reference system its coordinates in the order of its axes. The numbers
//! are the shortest that read back as the stored ones.

use super::system::System;
use crate::error::ApiError;

/// GeoJSON's names by WKB's codes.
const NAMES: [&str; 6] = ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"];

/// Appends the geometry; `null` where the bytes are none, or a vertex is not finite and JSON has no number for it.
///
/// # Errors
/// Where the system does not reach a vertex.
pub(super) fn write(out: &mut Vec<u8>, wkb: &[u8], system: &System) -> Result<(), ApiError> {
    let begin = out.len();
    let mut pen = Pen { out, wkb, at: 0, system, refused: None };
    if pen.geometry().is_none() {
        let refused = pen.refused.take();
        out.truncate(begin);
        out.extend(b"null");
        return refused.map_or(Ok(()), Err);
    }
    Ok(())
}

struct Pen<'a> {
    out: &'a mut Vec<u8>,
    /// Little-endian ISO WKB, as the store writes it.
    wkb: &'a [u8],
    at: usize,
    system: &'a System,
    refused: Option<ApiError>,
}

impl Pen<'_> {
    fn u32(&mut self) -> Option<u32> {
        let bytes = self.wkb.get(self.at..self.at + 4)?;
        self.at += 4;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn f64(&mut self) -> Option<f64> {
        let bytes = self.wkb.get(self.at..self.at + 8)?;
        self.at += 8;
        Some(f64::from_le_bytes(bytes.try_into().ok()?)).filter(|number| number.is_finite())
    }

    /// Type code and whether there are heights.
    fn header(&mut self) -> Option<(u32, bool)> {
        (self.wkb.get(self.at) == Some(&1)).then_some(())?;
        self.at += 1;
        let code = self.u32()?;
        Some((code % 1000, code > 1000))
    }

    fn geometry(&mut self) -> Option<()> {
        let (code, high) = self.header()?;
        let name = NAMES.get(code.checked_sub(1)? as usize)?;
        self.out.extend(br#"{"type":""#);
        self.out.extend(name.as_bytes());
        self.out.extend(br#"","coordinates":"#);
        match code {
            1 => self.position(high)?,
            2 => self.line(high)?,
            3 => self.rings(high)?,
            4 => self.list(|pen| {
                pen.header()?;
                pen.position(high)
            })?,
            5 => self.list(|pen| {
                pen.header()?;
                pen.line(high)
            })?,
            _ => self.list(|pen| {
                pen.header()?;
                pen.rings(high)
            })?,
        }
        self.out.push(b'}');
        Some(())
    }

    fn list(&mut self, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.out.push(b'[');
        for number in 0..self.u32()? {
            if number > 0 {
                self.out.push(b',');
            }
            member(self)?;
        }
        self.out.push(b']');
        Some(())
    }

    fn rings(&mut self, high: bool) -> Option<()> {
        self.list(|pen| pen.line(high))
    }

    fn line(&mut self, high: bool) -> Option<()> {
        self.list(|pen| pen.position(high))
    }

    fn position(&mut self, high: bool) -> Option<()> {
        let (mut a, mut b) = (self.f64()?, self.f64()?);
        if !self.system.is_stored() {
            match self.system.coordinates(a, b) {
                Ok(pair) => (a, b) = pair,
                Err(error) => {
                    self.refused = Some(error);
                    return None;
                }
            }
        }
        self.out.push(b'[');
        number(self.out, a);
        self.out.push(b',');
        number(self.out, b);
        if high {
            self.out.push(b',');
            let height_m = self.f64()?;
            number(self.out, height_m);
        }
        self.out.push(b']');
        Some(())
    }
}

/// Appends a finite number; a whole one without `.0`.
fn number(out: &mut Vec<u8>, number: f64) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(number);
    out.extend(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

#[cfg(test)]
mod tests {
    use kernel_model::{Coord, Geometry, Shape};

    use super::*;

    fn text(geometry: &Geometry) -> String {
        let mut out = Vec::new();
        write(&mut out, &geometry.to_wkb(), &System::stored()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn heights_are_written_where_they_mean_something() {
        let c = Coord::new(116.3, 39.98, 45.25);
        assert_eq!(text(&Geometry::flat(Shape::Point(c))), r#"{"type":"Point","coordinates":[116.3,39.98]}"#);
        let line = Geometry::with_height(Shape::LineString(vec![c, Coord::new(1e-9, -0.5, 0.0)]));
        assert_eq!(text(&line), r#"{"type":"LineString","coordinates":[[116.3,39.98,45.25],[1e-9,-0.5,0]]}"#);
        let face = vec![vec![c, c, c, c]];
        let solid = Geometry::with_height(Shape::MultiPolygon(vec![face.clone(), face.clone()]));
        let parsed: serde_json::Value = serde_json::from_str(&text(&solid)).unwrap();
        assert_eq!(parsed["coordinates"][1][0][3], serde_json::json!([116.3, 39.98, 45.25]));
        for shape in [
            Shape::MultiPoint(vec![c, c]),
            Shape::MultiLineString(vec![vec![c, c], vec![c, c]]),
            Shape::Polygon(face.clone()),
            Shape::MultiPolygon(vec![]),
        ] {
            let geometry = Geometry::with_height(shape);
            let value: serde_json::Value = serde_json::from_str(&text(&geometry)).unwrap();
            if !matches!(&geometry.shape, Shape::MultiPolygon(list) if list.is_empty()) {
                assert_eq!(
                    Geometry::from_geojson(&value).map(|read| read.to_wkb()).unwrap_or_default(),
                    geometry.to_wkb()
                );
            }
            let name = NAMES[(u32::from_le_bytes(geometry.to_wkb()[1..5].try_into().unwrap()) % 1000) as usize - 1];
            assert_eq!(value["type"], name);
        }
    }

    #[test]
    fn what_json_cannot_say_is_null_and_so_are_bytes_that_end_early() {
        let point = Geometry::flat(Shape::Point(Coord::new(f64::NAN, 0.0, 0.0)));
        assert_eq!(text(&point), "null");
        let whole = Geometry::flat(Shape::LineString(vec![Coord::new(1.0, 2.0, 0.0); 3])).to_wkb();
        for end in 0..whole.len() {
            let mut out = b"x".to_vec();
            write(&mut out, &whole[..end], &System::stored()).unwrap();
            assert_eq!(out, b"xnull");
        }
    }
}
