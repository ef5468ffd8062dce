//! Geometries in a filter: WKT, GeoJSON and boxes in the filter's reference system come in, WKB in degrees as SQL goes out.
//! Heights in them are left out: relations are those of the plane.

use std::fmt::Write;

use cql2::Expr;
use kernel_model::{Coord, Geometry, Region, Shape};
use serde_json::Value;

use super::term::Term;
use super::{Walk, refused};
use crate::error::ApiError;
use crate::ogc::system::System;

/// A side of a box in another system is bent in degrees: so many pieces stand for it.
const PIECES: usize = 16;

/// A relation of two geometries.
pub(super) fn related(op: &str, a: Term, b: Term) -> Result<String, ApiError> {
    let (function, negated) = match op {
        "s_intersects" => ("st_intersects", false),
        "s_disjoint" => ("st_intersects", true),
        "s_equals" => ("st_equals", false),
        "s_touches" => ("st_touches", false),
        "s_within" => ("st_within", false),
        "s_contains" => ("st_contains", false),
        other => return Err(refused(format!("`{other}` is not offered"))),
    };
    let (Term::Geometry(a), Term::Geometry(b)) = (&a, &b) else {
        let odd = if matches!(a, Term::Geometry(_)) { &b } else { &a };
        return Err(refused(format!("{} stands where a geometry is wanted", odd.words())));
    };
    let call = format!("{function}({a}, {b})");
    Ok(if negated { format!("(NOT {call})") } else { call })
}

/// WKB as an SQL literal.
pub(in crate::ogc) fn literal(geometry: &Geometry) -> String {
    let mut sql = "st_geomfromwkb(x'".to_owned();
    for byte in geometry.to_wkb() {
        // Writing into a String cannot fail.
        let _ = write!(sql, "{byte:02x}");
    }
    sql.push_str("')");
    sql
}

impl Walk<'_> {
    pub(super) fn geometry(&mut self, expr: &Expr) -> Result<String, ApiError> {
        let system = self.context.system;
        let geometry = match expr {
            Expr::BBox { bbox } => {
                let numbers: Option<Vec<f64>> = bbox
                    .iter()
                    .map(|side| if let Expr::Float(number) = **side { Some(number) } else { None })
                    .collect();
                let sides =
                    numbers.as_deref().and_then(sides).ok_or_else(|| refused("a BBOX has four or six numbers"))?;
                area(sides, system)?
            }
            other => {
                let mut value = serde_json::to_value(other).map_err(|error| refused(error.to_string()))?;
                value.get_mut("coordinates").map_or(Ok(()), |coordinates| located(coordinates, system))?;
                Geometry::from_geojson(&value).map_err(|error| refused(error.to_string()))?
            }
        };
        Ok(literal(&Geometry { has_height: false, ..geometry }))
    }
}

/// Lower and upper corner, heights left out.
pub(in crate::ogc) fn sides(numbers: &[f64]) -> Option<[f64; 4]> {
    match numbers {
        [a, b, c, d] => Some([*a, *b, *c, *d]),
        [a, b, low, c, d, high] if low <= high => Some([*a, *b, *c, *d]),
        _ => None,
    }
}

/// Turns all positions of GeoJSON coordinates into degrees, without heights.
fn located(coordinates: &mut Value, system: &System) -> Result<(), ApiError> {
    let Some(list) = coordinates.as_array_mut() else { return Ok(()) };
    let numbers: Vec<f64> = list.iter().filter_map(Value::as_f64).collect();
    match numbers.as_slice() {
        [a, b, ..] if numbers.len() == list.len() => {
            let (lon, lat) = system.degrees(*a, *b)?;
            *coordinates = serde_json::json!([lon, lat]);
            Ok(())
        }
        _ => list.iter_mut().try_for_each(|inner| located(inner, system)),
    }
}

/// A box of a system as an area in degrees; of longitude and latitude also one across the antimeridian.
pub(in crate::ogc) fn area([a, b, c, d]: [f64; 4], system: &System) -> Result<Geometry, ApiError> {
    let refused = |why: &str| Err(refused(format!("the box {a},{b},{c},{d} {why}")));
    if [a, b, c, d].iter().any(|side| !side.is_finite()) || b > d {
        return refused("has its lower corner above its upper one");
    }
    if system.is_stored() {
        let on_globe = a.abs() <= 180.0 && c.abs() <= 180.0 && b.abs() <= 90.0 && d.abs() <= 90.0;
        if !on_globe {
            return refused("is not on the globe: give degrees, longitude first");
        }
        let boxes = if a <= c { vec![[a, b, c, d]] } else { vec![[a, b, 180.0, d], [-180.0, b, c, d]] };
        return Ok(Geometry::flat(Shape::MultiPolygon(boxes.into_iter().map(|sides| vec![ring(sides)]).collect())));
    }
    if a > c {
        return refused("has its first side behind its third");
    }
    let corners = [(a, b), (c, b), (c, d), (a, d), (a, b)];
    let mut outline = Vec::with_capacity(4 * PIECES + 1);
    for ends in corners.windows(2) {
        for piece in 0..PIECES {
            let part = piece as f64 / PIECES as f64;
            let (x, y) = (ends[0].0 + (ends[1].0 - ends[0].0) * part, ends[0].1 + (ends[1].1 - ends[0].1) * part);
            let (lon, lat) = system.degrees(x, y)?;
            outline.push(Coord::new(lon, lat, 0.0));
        }
    }
    outline.extend(outline.first().copied());
    Ok(Geometry::flat(Shape::MultiPolygon(vec![vec![outline]])))
}

fn ring([west, south, east, north]: [f64; 4]) -> Vec<Coord> {
    [(west, south), (east, south), (east, north), (west, north), (west, south)]
        .map(|(lon, lat)| Coord::new(lon, lat, 0.0))
        .to_vec()
}

/// The boxes in degrees that an area of [`area`] is made of, where it is made of such.
pub(in crate::ogc) fn regions(numbers: [f64; 4]) -> Vec<Region> {
    let [west, south, east, north] = numbers;
    if west <= east {
        return vec![Region { west, south, east, north }];
    }
    vec![Region { west, south, east: 180.0, north }, Region { west: -180.0, south, east, north }]
}
