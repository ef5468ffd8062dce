//! Elements of GML 3.1 and 3.2 geometry (and CityGML's implicit ones) into shapes in the kernel's frame. Links to
//! geometries by their id are followed inside the object, and to what was found of other objects; how often and how deep is
//! bounded. What is not straight or not known refuses the object.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kernel_model::{Coord, Polygon};
use serde_json::{Map, Value, json};

use super::feature::{Feature, Stated};
use super::grounds::Grounds;
use super::located::Located;
use super::paint::{Painted, Paints};
use super::positions::{self, Placement};
use super::tree::Element;
use crate::city::{Built, Image, Lod, PaintedFace, Shapes, closed, closed_with};
use crate::intake::Refusal;

/// Geometry elements read for one object, links followed, for each element of its member: links to links do not multiply
/// without end.
const STEPS_PER_ELEMENT: usize = 8;
const MAX_DEPTH: u8 = 200;

/// Faces of other objects of the file that links point at, by id.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) faces: HashMap<String, SharedFaces>,
    pub(super) vertices: usize,
}

/// Faces, and the number of the reference system they were in.
#[derive(Debug)]
pub(super) struct SharedFaces {
    pub(super) faces: Vec<Polygon>,
    pub(super) ground: usize,
}

/// What holds where an element stands.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    /// The reference system, by number; `None`: the object's, which it lacks.
    ground: Option<usize>,
    dimension: usize,
    reversed: bool,
    depth: u8,
    placement: Option<&'a Placement>,
    surface: Option<&'a Arc<str>>,
}

/// Builds the geometries of one member.
pub(super) struct Assembler<'a, 'o, 't> {
    pub(super) grounds: &'a mut Grounds<'o>,
    pub(super) located: &'a mut Located,
    shared: &'a Shared,
    root: Element<'t>,
    ids: Option<HashMap<&'t str, Element<'t>>>,
    /// What lies on rings, nearest first, and the images of the object at hand that do.
    pub(super) paints: Vec<&'a Paints>,
    pub(super) images: Vec<Image>,
    /// Ids of links that lead nowhere in the object.
    pub(super) missing: HashSet<String>,
    /// What is known of implicit geometries of the object at hand.
    implicit: Vec<Value>,
    /// Whether the object at hand lacks a reference system that can be used.
    pub(super) unlocated: bool,
    /// Why it does.
    lacking: Refusal,
    /// The system that the object at hand is in, once a vertex of it was found to fit.
    found: Option<usize>,
    /// Steps left for the object at hand.
    steps: usize,
    most_steps: usize,
}

impl<'a, 'o, 't> Assembler<'a, 'o, 't> {
    pub(super) fn new(
        root: Element<'t>,
        grounds: &'a mut Grounds<'o>,
        located: &'a mut Located,
        shared: &'a Shared,
    ) -> Self {
        let (ids, missing, implicit) = (None, HashSet::new(), Vec::new());
        let most_steps = root.size() * STEPS_PER_ELEMENT + 10_000 + shared.vertices;
        let (unlocated, lacking, found) = (false, Refusal::new(), None);
        let (paints, images, steps) = (Vec::new(), Vec::new(), most_steps);
        Self {
            grounds,
            located,
            shared,
            root,
            ids,
            paints,
            images,
            missing,
            implicit,
            unlocated,
            lacking,
            found,
            steps,
            most_steps,
        }
    }

    /// The highest level of detail of an object, its solids first, then its other geometries, then its surfaces; and the
    /// number of the reference system it is in.
    pub(super) fn build(
        &mut self,
        feature: &mut Feature<'t>,
        srs_name: Option<&str>,
    ) -> Result<(Built, Option<usize>), Refusal> {
        let own = Lod::of(feature.attributes.get("lod").and_then(Value::as_str));
        let lod = |stated: &Stated<'_>| stated.lod.map_or(own.clone(), |lod| Lod::of(Some(&lod.to_string())));
        let Some(best) = feature.stated.iter().map(lod).max_by(|a, b| a.rank.total_cmp(&b.rank)) else {
            return Ok((Built::default(), None));
        };
        let mut kept: Vec<&Stated<'t>> = feature.stated.iter().filter(|s| lod(s).rank >= best.rank).collect();
        if kept.iter().any(|s| !s.second) {
            kept.retain(|s| !s.second);
        }
        kept.sort_by_key(|s| (s.surface.is_some(), !s.element.local().ends_with("Solid")));
        (self.steps, self.found) = (self.most_steps, None);
        self.images.clear();
        self.implicit.clear();
        let mut shapes = Shapes::default();
        for stated in kept {
            shapes.begin();
            let surface = stated.surface.as_ref();
            let context = Context { surface, ..self.context(srs_name) };
            self.add(stated.element, context, &mut shapes)?;
        }
        let implicit = std::mem::take(&mut self.implicit);
        if !implicit.is_empty() {
            feature.attributes.insert("implicit_geometry".to_owned(), implicit.into());
        }
        Ok((shapes.build(best.text)?, self.found))
    }

    /// The points of an address as longitude, latitude and height.
    pub(super) fn places(&mut self, element: Element<'t>, srs_name: Option<&str>) -> Option<Value> {
        (self.steps, self.found) = (self.most_steps, None);
        let context = self.context(srs_name);
        let mut shapes = Shapes::default();
        self.add(element, context, &mut shapes).ok()?;
        let mut places = Vec::new();
        let built = shapes.build(None).ok()?;
        built.geometry?.for_each_coord(|c| places.push(json!([c.lon_deg, c.lat_deg, c.height_m])));
        Some(places.into())
    }

    /// The faces of one geometry element, for links from other objects.
    pub(super) fn faces(&mut self, element: Element<'t>, srs_name: Option<&str>) -> Option<SharedFaces> {
        let context = self.context(srs_name);
        let mut shapes = Shapes::default();
        self.add(element, context, &mut shapes).ok()?;
        Some(SharedFaces { faces: shapes.into_faces(), ground: self.found? })
    }

    /// What holds outside all geometries.
    fn context<'c>(&mut self, srs_name: Option<&str>) -> Context<'c> {
        let ground = self.grounds.number(srs_name).map_err(|reason| self.lacking = reason).ok();
        Context { ground, dimension: 3, reversed: false, depth: 0, placement: None, surface: None }
    }

    fn add(&mut self, element: Element<'t>, mut context: Context<'_>, shapes: &mut Shapes) -> Result<(), Refusal> {
        self.step(&mut context, 1)?;
        if context.placement.is_none()
            && let Some(name) = element.attribute("srsName")
        {
            let ground = self.grounds.number(Some(name)).inspect_err(|_| self.unlocated = true)?;
            context.ground = Some(ground);
        }
        context.dimension = positions::dimension(element).unwrap_or(context.dimension);
        match element.local() {
            "Polygon" | "PolygonPatch" | "Triangle" | "Rectangle" => self.polygon(element, context, shapes),
            "LineString" | "Curve" | "LinearRing" | "Ring" => {
                let line = self.line(element, context, shapes)?;
                shapes.line(line)
            }
            "Point" => self.line(element, context, shapes)?.into_iter().try_for_each(|c| {
                shapes.point(c);
                Ok(())
            }),
            "ImplicitGeometry" => self.implicit(element, context, shapes),
            "OrientableSurface" | "OrientableCurve" | "TexturedSurface" | "_TexturedSurface" => {
                context.reversed ^= element.attribute("orientation") == Some("-");
                self.members(element, context, shapes)
            }
            "MultiSurface"
            | "CompositeSurface"
            | "Surface"
            | "TriangulatedSurface"
            | "Tin"
            | "PolyhedralSurface"
            | "Shell"
            | "Solid"
            | "CompositeSolid"
            | "MultiSolid"
            | "MultiGeometry"
            | "GeometricComplex"
            | "MultiCurve"
            | "CompositeCurve"
            | "MultiPoint" => self.members(element, context, shapes),
            _ if element.attribute("href").is_some() => self.link(element, context, shapes),
            other => Err(format!("geometry `{other}` is not read")),
        }
    }

    /// All geometries in a geometry's properties.
    fn members(&mut self, element: Element<'t>, context: Context<'_>, shapes: &mut Shapes) -> Result<(), Refusal> {
        for property in element.children() {
            match property.local() {
                "surfaceMember" | "surfaceMembers" | "patches" | "trianglePatches" | "polygonPatches" | "exterior"
                | "interior" | "solidMember" | "solidMembers" | "geometryMember" | "geometryMembers" | "element"
                | "baseSurface" | "baseCurve" | "curveMember" | "curveMembers" | "pointMember" | "pointMembers" => {
                    for member in property.children() {
                        self.add(member, context, shapes)?;
                    }
                    if property.attribute("href").is_some() {
                        self.link(property, context, shapes)?;
                    }
                }
                // A Tin's parameters, names, extents and an old texture's appearance are no geometry.
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts what is read, and how deep.
    fn step(&mut self, context: &mut Context<'_>, steps: usize) -> Result<(), Refusal> {
        context.depth += 1;
        match self.steps.checked_sub(steps) {
            Some(left) if context.depth <= MAX_DEPTH => self.steps = left,
            _ => return Err("the links between its geometries go in a circle or multiply without end".to_owned()),
        }
        Ok(())
    }

    fn link(&mut self, property: Element<'t>, context: Context<'_>, shapes: &mut Shapes) -> Result<(), Refusal> {
        let href = property.attribute("href").unwrap_or_default();
        let Some(id) = href.strip_prefix('#') else {
            return Err(format!("its geometry is in another file: `{}`", start(href)));
        };
        let root = self.root;
        let ids = self.ids.get_or_insert_with(|| root.identified().collect());
        if let Some(target) = ids.get(id).copied() {
            return self.add(target, context, shapes);
        }
        let shared = self.shared;
        let Some(SharedFaces { faces, ground }) = shared.faces.get(id) else {
            self.missing.insert(id.to_owned());
            return Err(format!("its geometry points at `#{}`, which is no surface of the file", start(id)));
        };
        if *self.found.get_or_insert(*ground) != *ground {
            return Err("its geometries are in more than one reference system".to_owned());
        }
        for face in faces {
            self.step(&mut { context }, face.iter().map(Vec::len).sum())?;
            let turned = |ring: &Vec<Coord>| ring.iter().rev().copied().collect();
            let face = if context.reversed { face.iter().map(turned).collect() } else { face.clone() };
            shapes.face(face, context.surface.cloned());
        }
        Ok(())
    }

    fn polygon(&mut self, element: Element<'t>, context: Context<'_>, shapes: &mut Shapes) -> Result<(), Refusal> {
        let mut rings = Polygon::new();
        let mut painted = Vec::new();
        for property in element.children().filter(|p| matches!(p.local(), "exterior" | "interior")) {
            let Some(ring) = property.children().next() else { continue };
            let line = self.line(ring, context, shapes)?;
            if !self.paints.is_empty() {
                painted.extend(self.painted(ring, &line, context.reversed));
            }
            let mut ring = closed(line);
            if context.reversed {
                ring.reverse();
            }
            // The outer ring is the first, wherever it stands.
            if property.local() == "exterior" { rings.insert(0, ring) } else { rings.push(ring) }
        }
        let whole = !painted.is_empty() && painted.len() == rings.len();
        let place = shapes.face(rings, context.surface.cloned());
        if let Some(at) = place.filter(|_| whole) {
            shapes.paint(at, self.face(painted));
        }
        Ok(())
    }

    /// A ring with what lies on it.
    fn painted(&self, ring: Element<'t>, line: &[Coord], reversed: bool) -> Option<(Vec<Coord>, Vec<[f32; 2]>, Image)> {
        let id = ring.attribute("id")?;
        let (paints, Painted { image, uv }) = self.paints.iter().find_map(|p| p.of(id).map(|painted| (p, painted)))?;
        if uv.len() != line.len() {
            return None;
        }
        let (mut ring, mut uv) = closed_with(line, uv);
        if reversed {
            ring.reverse();
            uv.reverse();
        }
        Some((ring, uv, paints.images.get(*image)?.clone()))
    }

    /// A face of painted rings; the first ring's image is the face's.
    fn face(&mut self, painted: Vec<(Vec<Coord>, Vec<[f32; 2]>, Image)>) -> PaintedFace {
        let mut face = PaintedFace { rings: Polygon::new(), uv: Vec::new(), image: 0 };
        for (at, (ring, uv, image)) in painted.into_iter().enumerate() {
            if at == 0 {
                face.image = self.images.iter().position(|i| *i == image).unwrap_or_else(|| {
                    self.images.push(image);
                    self.images.len() - 1
                });
            }
            face.rings.push(ring);
            face.uv.push(uv);
        }
        face
    }

    /// The vertices of a line, a ring, a point, or a curve of straight pieces.
    fn line(
        &mut self,
        element: Element<'t>,
        mut context: Context<'_>,
        shapes: &mut Shapes,
    ) -> Result<Vec<Coord>, Refusal> {
        self.step(&mut context, 1)?;
        context.dimension = positions::dimension(element).unwrap_or(context.dimension);
        match element.local() {
            "LinearRing" | "LineString" | "Point" | "LineStringSegment" => {}
            "Ring" | "Curve" | "CompositeCurve" | "OrientableCurve" => {
                let mut line = Vec::new();
                for piece in element.children().filter(|c| c.local() != "name").flat_map(Element::children) {
                    line.extend(self.line(piece, context, shapes)?);
                }
                line.dedup();
                return Ok(line);
            }
            other => return Err(format!("`{other}` is no line of straight pieces")),
        }
        let mut line = Vec::new();
        for child in element.children() {
            let dimension = positions::dimension(child).unwrap_or(context.dimension);
            match child.local() {
                "posList" | "pos" | "coordinates" => {
                    if dimension == 2 {
                        shapes.without_height();
                    }
                    let each = |at: [f64; 3]| {
                        line.push(self.locate(at, context)?);
                        Ok(())
                    };
                    if child.local() == "coordinates" {
                        positions::coordinates(child, dimension, each)?;
                    } else {
                        positions::list(child.text(), dimension, each)?;
                    }
                }
                "pointProperty" | "pointRep" => {
                    for point in child.children() {
                        line.extend(self.line(point, context, shapes)?);
                    }
                }
                _ => {}
            }
        }
        Ok(line)
    }

    fn locate(&mut self, at: [f64; 3], context: Context<'_>) -> Result<Coord, Refusal> {
        let at = context.placement.map_or(at, |placement| placement.apply(at));
        let Some((number, ground)) = context.ground.and_then(|number| Some((number, self.grounds.get(number)?))) else {
            self.unlocated = true;
            return Err(self.lacking.clone());
        };
        if self.found.is_none() && !ground.frame.is_at_home(at[0], at[1], at[2]) {
            // One vertex tells whether an object's coordinates are of another system or in another order.
            let [x, y, z] = at;
            return Err(format!("coordinates {x}, {y}, {z} do not fit {}; pass --crs", ground.frame.crs().name()));
        }
        if *self.found.get_or_insert(number) != number {
            return Err("its geometries are in more than one reference system".to_owned());
        }
        self.located.locate(&ground.frame, number, at)
    }

    /// A shape used many times. What the file itself holds of it is put in its place; a shape in a library is kept by its
    /// anchor point, its name and its matrix. In degrees, where metres of the shape cannot be added, so is every one.
    fn implicit(&mut self, element: Element<'t>, context: Context<'_>, shapes: &mut Shapes) -> Result<(), Refusal> {
        let placement = Placement::of(element)?;
        let library = element.child("libraryObject").map(|l| l.text()).filter(|text| !text.is_empty());
        let relative = element.child("relativeGMLGeometry").or_else(|| element.child("relativeGeometry"));
        let geographic =
            context.ground.and_then(|number| self.grounds.get(number)).is_some_and(|g| g.frame.crs().is_geographic());
        let inside = relative.and_then(|r| r.children().next().or_else(|| self.target(r)));
        if let Some(shape) = inside.filter(|_| !geographic) {
            let context = Context { placement: Some(&placement), ..context };
            return self.add(shape, context, shapes);
        }
        let anchor = Context { placement: None, ..context };
        let point = self.locate(placement.apply([0.0; 3]), anchor)?;
        shapes.point(point);
        let mut note = Map::new();
        if let Some(library) = library {
            note.insert("library_object".to_owned(), library.into());
        }
        if let Some(shape) = relative {
            let name = shape.attribute("href").unwrap_or("in the file").trim_start_matches('#');
            note.insert("shape".to_owned(), name.into());
        }
        note.insert("transformation_matrix".to_owned(), json!(placement.matrix));
        self.implicit.push(note.into());
        Ok(())
    }

    /// What a link points at inside the object.
    fn target(&mut self, link: Element<'t>) -> Option<Element<'t>> {
        let id = link.attribute("href")?.strip_prefix('#')?;
        let root = self.root;
        self.ids.get_or_insert_with(|| root.identified().collect()).get(id).copied()
    }
}

fn start(text: &str) -> String {
    text.chars().take(80).collect()
}
