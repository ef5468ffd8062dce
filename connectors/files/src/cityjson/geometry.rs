//! Geometry objects of CityJSON into kernel geometry: index lists in, faces, lines and points in the kernel's frame out.
//! Only the highest level of detail of an object is kept. An index without a vertex refuses the object; an outer
//! ring of fewer than three vertices drops its face, which is counted; such a hole is no hole.

use std::cell::RefCell;

use kernel_model::{Coord, Geometry, Polygon, Shape};
use serde_json::Value;

use super::document::{Templates, Transform};
use crate::crs::Frame;
use crate::intake::Refusal;

type Vertices<'a> = &'a [Option<[f64; 3]>];

/// Builds the geometries of the objects that share a list of vertices.
pub(super) struct Builder<'a> {
    frame: &'a Frame,
    vertices: Vertices<'a>,
    transform: &'a Transform,
    templates: &'a Templates,
    /// Each vertex stands in several faces: it is located once.
    located: RefCell<Vec<Option<Coord>>>,
}

/// What was built of one object.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) geometry: Option<Geometry>,
    /// The level of detail kept, as the file spells it.
    pub(super) lod: Option<String>,
    /// Faces left out because their outer ring has fewer than three vertices.
    pub(super) dropped_faces: u64,
}

/// Shapes of one geometry object.
#[derive(Debug, Default)]
struct Parts {
    faces: Vec<Polygon>,
    lines: Vec<Vec<Coord>>,
    points: Vec<Coord>,
    dropped_faces: u64,
}

/// Where indices lead: to the document's vertices or to a template's, moved to its place.
enum Pool<'a> {
    Document,
    Template { vertices: Vertices<'a>, matrix: [f64; 16], reference: [f64; 3] },
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        frame: &'a Frame,
        vertices: Vertices<'a>,
        transform: &'a Transform,
        templates: &'a Templates,
    ) -> Self {
        let located = RefCell::new(vec![None; vertices.len()]);
        Self { frame, vertices, transform, templates, located }
    }

    /// Builds the highest level of detail of an object's `geometry` array.
    pub(super) fn build(&self, geometries: &Value) -> Result<Built, Refusal> {
        let list = match geometries {
            Value::Null => return Ok(Built::default()),
            Value::Array(list) if list.is_empty() => return Ok(Built::default()),
            Value::Array(list) => list,
            _ => return Err("`geometry` is not an array".to_owned()),
        };
        let details: Vec<Detail> = list.iter().map(|g| self.detail(g)).collect();
        let best = details.iter().map(|d| d.rank).fold(f64::NEG_INFINITY, f64::max);
        let mut parts = Parts::default();
        let mut lod = None;
        for (geometry, detail) in list.iter().zip(details).filter(|(_, d)| d.rank >= best) {
            self.add(geometry, &Pool::Document, &mut parts)?;
            lod = lod.or(detail.text);
        }
        let dropped_faces = parts.dropped_faces;
        Ok(Built { geometry: Some(parts.into_geometry()?), lod, dropped_faces })
    }

    /// The level of detail: a number in 1.0, a text later, the template's own for an instance.
    fn detail(&self, geometry: &Value) -> Detail {
        let geometry = match geometry["template"].as_u64() {
            Some(at) => self.templates.templates.get(at as usize).unwrap_or(geometry),
            None => geometry,
        };
        let text = match &geometry["lod"] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let rank = text.as_deref().and_then(|t| t.parse().ok()).filter(|r: &f64| r.is_finite()).unwrap_or(-1.0);
        Detail { rank, text }
    }

    fn add(&self, geometry: &Value, pool: &Pool<'_>, parts: &mut Parts) -> Result<(), Refusal> {
        let kind = geometry["type"].as_str().ok_or("a geometry has no `type`")?;
        let boundaries = &geometry["boundaries"];
        match kind {
            "MultiPoint" => parts.points.extend(self.coords(boundaries, pool)?),
            "MultiLineString" => {
                for line in array(boundaries)? {
                    let line = self.coords(line, pool)?;
                    if line.len() < 2 {
                        return Err("a line has fewer than two vertices".to_owned());
                    }
                    parts.lines.push(line);
                }
            }
            "MultiSurface" | "CompositeSurface" => self.faces(boundaries, 0, pool, parts)?,
            "Solid" => self.faces(boundaries, 1, pool, parts)?,
            "MultiSolid" | "CompositeSolid" => self.faces(boundaries, 2, pool, parts)?,
            "GeometryInstance" if matches!(pool, Pool::Document) => self.instance(geometry, parts)?,
            other => return Err(format!("geometry type `{other}` is not known")),
        }
        Ok(())
    }

    /// Faces that stand `depth` lists deep: in shells, or in solids of shells.
    fn faces(&self, boundaries: &Value, depth: u8, pool: &Pool<'_>, parts: &mut Parts) -> Result<(), Refusal> {
        for member in array(boundaries)? {
            if depth > 0 {
                self.faces(member, depth - 1, pool, parts)?;
                continue;
            }
            let mut rings: Polygon = array(member)?.iter().map(|r| self.ring(r, pool)).collect::<Result<_, _>>()?;
            if rings.first().is_none_or(Vec::is_empty) {
                parts.dropped_faces += 1;
            } else {
                rings.retain(|ring| !ring.is_empty());
                parts.faces.push(rings);
            }
        }
        Ok(())
    }

    /// A closed ring, or an empty one where fewer than three vertices differ.
    fn ring(&self, indices: &Value, pool: &Pool<'_>) -> Result<Vec<Coord>, Refusal> {
        let mut ring = self.coords(indices, pool)?;
        ring.dedup();
        while ring.len() > 1 && ring.first() == ring.last() {
            ring.pop();
        }
        if ring.len() < 3 {
            return Ok(Vec::new());
        }
        ring.push(ring[0]);
        Ok(ring)
    }

    fn coords(&self, indices: &Value, pool: &Pool<'_>) -> Result<Vec<Coord>, Refusal> {
        array(indices)?.iter().map(|index| self.coord(index, pool)).collect()
    }

    fn coord(&self, index: &Value, pool: &Pool<'_>) -> Result<Coord, Refusal> {
        let at = index.as_u64().ok_or_else(|| format!("`{index}` is no vertex index"))? as usize;
        match pool {
            Pool::Document => {
                if let Some(coord) = self.located.borrow().get(at).copied().flatten() {
                    return Ok(coord);
                }
                let [x, y, z] = self.position(at)?;
                let coord = self.frame.locate(x, y, z)?;
                if let Some(place) = self.located.borrow_mut().get_mut(at) {
                    *place = Some(coord);
                }
                Ok(coord)
            }
            Pool::Template { vertices, matrix, reference } => {
                let [x, y, z] = vertex(vertices, at, "vertices-templates")?;
                let row =
                    |r: usize| matrix[4 * r] * x + matrix[4 * r + 1] * y + matrix[4 * r + 2] * z + matrix[4 * r + 3];
                self.frame.locate(row(0) + reference[0], row(1) + reference[1], row(2) + reference[2])
            }
        }
    }

    /// A document vertex in its reference system.
    fn position(&self, at: usize) -> Result<[f64; 3], Refusal> {
        let raw = vertex(self.vertices, at, "vertices")?;
        let Transform { scale, translate } = self.transform;
        Ok(std::array::from_fn(|i| raw[i] * scale[i] + translate[i]))
    }

    /// A template at its place: `matrix * template vertex + reference vertex`.
    fn instance(&self, geometry: &Value, parts: &mut Parts) -> Result<(), Refusal> {
        let template = geometry["template"].as_u64().and_then(|at| self.templates.templates.get(at as usize));
        let template = template.ok_or("the instance's template is not there")?;
        let reference = array(&geometry["boundaries"])?.first().and_then(Value::as_u64);
        let reference = self.position(reference.ok_or("the instance has no reference vertex")? as usize)?;
        let numbers: Vec<f64> = array(&geometry["transformationMatrix"])?.iter().filter_map(Value::as_f64).collect();
        let matrix = numbers.try_into().map_err(|_| "`transformationMatrix` is not 16 numbers")?;
        self.add(template, &Pool::Template { vertices: &self.templates.vertices, matrix, reference }, parts)
    }
}

struct Detail {
    rank: f64,
    text: Option<String>,
}

impl Parts {
    /// Faces before lines before points: an object has one sort in one level of detail.
    fn into_geometry(self) -> Result<Geometry, Refusal> {
        let shape = if !self.faces.is_empty() {
            Shape::MultiPolygon(self.faces)
        } else if !self.lines.is_empty() {
            Shape::MultiLineString(self.lines)
        } else if !self.points.is_empty() {
            Shape::MultiPoint(self.points)
        } else {
            return Err("its geometry has no face of three vertices, no line and no point".to_owned());
        };
        Ok(Geometry::with_height(shape))
    }
}

fn array(value: &Value) -> Result<&Vec<Value>, Refusal> {
    value.as_array().ok_or_else(|| format!("an array was expected where `{}` stands", short(value)))
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(40).collect()
}

fn vertex(vertices: Vertices<'_>, at: usize, list: &str) -> Result<[f64; 3], Refusal> {
    match vertices.get(at) {
        Some(Some(vertex)) => Ok(*vertex),
        Some(None) => Err(format!("{list}[{at}] is not three numbers")),
        None => Err(format!("vertex index {at} is out of range: {list} has {}", vertices.len())),
    }
}
