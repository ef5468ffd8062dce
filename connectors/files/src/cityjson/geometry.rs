//! Geometry objects of CityJSON into kernel geometry: index lists in, faces, lines and points in the kernel's frame out.
//! Only the highest level of detail of an object is kept, of it solids first. An index without a vertex refuses the
//! object; an outer ring of fewer than three vertices drops its face, which is counted; such a hole is no hole.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use kernel_model::{Coord, Polygon};
use serde_json::{Value, json};

use super::document::{Templates, Transform};
use super::nested::Nested;
use super::written::{Geometries, Written};
use crate::city::{Built, Shapes, closed};
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

/// Where indices lead: to the document's vertices or to a template's, moved to its place.
enum Pool<'a> {
    Document,
    Template { vertices: Vertices<'a>, matrix: [f64; 16], reference: [f64; 3] },
}

/// The surfaces of one geometry by number.
struct Sorts(Vec<Option<Arc<str>>>);

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

    /// Builds the highest level of detail of an object's geometries.
    pub(super) fn build(&self, geometries: &Geometries) -> Result<Built, Refusal> {
        let list = match geometries {
            Geometries::None => return Ok(Built::default()),
            Geometries::List(list) if list.is_empty() => return Ok(Built::default()),
            Geometries::List(list) => list,
            Geometries::Other => return Err("`geometry` is not an array".to_owned()),
        };
        let ranked: Vec<_> = list.iter().map(|g| (self.template(g).unwrap_or(g).lod(), g)).collect();
        let best = ranked.iter().map(|(lod, _)| lod.rank).fold(f64::NEG_INFINITY, f64::max);
        let mut kept: Vec<_> = ranked.into_iter().filter(|(lod, _)| lod.rank >= best).collect();
        kept.sort_by_key(|(_, g)| !g.kind.as_str().is_some_and(|kind| kind.ends_with("Solid")));
        let mut shapes = Shapes::default();
        for (_, geometry) in &kept {
            shapes.begin();
            self.add(geometry, &Pool::Document, &mut shapes)?;
        }
        shapes.build(kept.into_iter().find_map(|(lod, _)| lod.text))
    }

    /// The template of an instance.
    fn template(&self, geometry: &Written) -> Option<&'a Written> {
        self.templates.templates.get(geometry.template? as usize)
    }

    fn add(&self, geometry: &Written, pool: &Pool<'_>, shapes: &mut Shapes) -> Result<(), Refusal> {
        let kind = geometry.kind.as_str().ok_or("a geometry has no `type`")?;
        let boundaries = &geometry.boundaries;
        let depth = match kind {
            "MultiPoint" => {
                for coord in self.coords(boundaries, pool)? {
                    shapes.point(coord);
                }
                return Ok(());
            }
            "MultiLineString" => {
                return boundaries.list()?.iter().try_for_each(|line| shapes.line(self.coords(line, pool)?));
            }
            "GeometryInstance" if matches!(pool, Pool::Document) => return self.instance(geometry, shapes),
            "MultiSurface" | "CompositeSurface" => 0,
            "Solid" => 1,
            "MultiSolid" | "CompositeSolid" => 2,
            other => return Err(format!("geometry type `{other}` is not known")),
        };
        let sorts = Sorts::of(&geometry.semantics.surfaces);
        self.faces(boundaries, Some(&geometry.semantics.values), depth, &sorts, pool, shapes)
    }

    /// Faces that stand `depth` lists deep: in shells, or in solids of shells. The numbers of their surfaces stand in
    /// lists of the same depth, or are missing at any level.
    fn faces(
        &self,
        boundaries: &Nested,
        values: Option<&Nested>,
        depth: u8,
        sorts: &Sorts,
        pool: &Pool<'_>,
        shapes: &mut Shapes,
    ) -> Result<(), Refusal> {
        for (at, member) in boundaries.list()?.iter().enumerate() {
            if depth > 0 {
                self.faces(member, values.and_then(|v| v.member(at)), depth - 1, sorts, pool, shapes)?;
                continue;
            }
            let rings: Polygon =
                member.list()?.iter().map(|ring| self.coords(ring, pool).map(closed)).collect::<Result<_, _>>()?;
            shapes.face(rings, values.and_then(|v| sorts.get(v.at(at)?)));
        }
        Ok(())
    }

    fn coords(&self, indices: &Nested, pool: &Pool<'_>) -> Result<Vec<Coord>, Refusal> {
        indices.indices()?.iter().map(|at| self.coord(*at as usize, pool)).collect()
    }

    fn coord(&self, at: usize, pool: &Pool<'_>) -> Result<Coord, Refusal> {
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
        Ok(self.transform.apply(vertex(self.vertices, at, "vertices")?))
    }

    /// A template at its place: `matrix * template vertex + reference vertex`.
    fn instance(&self, geometry: &Written, shapes: &mut Shapes) -> Result<(), Refusal> {
        let template = self.template(geometry).ok_or("the instance's template is not there")?;
        let reference = geometry.boundaries.at(0).ok_or("the instance has no reference vertex")?;
        let reference = self.position(reference as usize)?;
        let numbers: Vec<f64> = geometry.matrix.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let matrix = numbers.try_into().map_err(|_| "`transformationMatrix` is not 16 numbers")?;
        self.add(template, &Pool::Template { vertices: &self.templates.vertices, matrix, reference }, shapes)
    }

    /// Addresses with their places as longitude, latitude and height: indices mean nothing outside the file.
    pub(super) fn address(&self, mut address: Value) -> Value {
        let list = match &mut address {
            Value::Array(list) => list.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        for entry in list.iter_mut().filter_map(Value::as_object_mut) {
            let Some(location) = entry.remove("location") else { continue };
            let places: Vec<Value> = location["boundaries"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|at| self.coord(at.as_u64()? as usize, &Pool::Document).ok())
                .map(|c| json!([c.lon_deg, c.lat_deg, c.height_m]))
                .collect();
            if !places.is_empty() {
                entry.insert("location".to_owned(), places.into());
            }
        }
        address
    }
}

impl Sorts {
    /// One name for each sort, however many surfaces have it.
    fn of(surfaces: &[Value]) -> Self {
        let mut names: HashMap<&str, Arc<str>> = HashMap::new();
        let mut sorts = Vec::with_capacity(surfaces.len());
        for surface in surfaces {
            let name = surface["type"].as_str().filter(|name| !name.is_empty());
            sorts.push(name.map(|name| Arc::clone(names.entry(name).or_insert_with(|| name.into()))));
        }
        Self(sorts)
    }

    fn get(&self, at: u32) -> Option<Arc<str>> {
        self.0.get(at as usize)?.clone()
    }
}

fn vertex(vertices: Vertices<'_>, at: usize, list: &str) -> Result<[f64; 3], Refusal> {
    match vertices.get(at) {
        Some(Some(vertex)) => Ok(*vertex),
        Some(None) => Err(format!("{list}[{at}] is not three numbers")),
        None => Err(format!("vertex index {at} is out of range: {list} has {}", vertices.len())),
    }
}
