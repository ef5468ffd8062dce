//! The geometries of one object's highest level of detail in, one kernel geometry out, with the sort of surface that
//! each face belongs to. A face that stands in several geometries (a solid and the surfaces around it) is taken once.
//! Faces come before lines before points: an object has one sort in one level of detail.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kernel_model::{Coord, Geometry, Polygon, Shape};

use super::glb::PaintedFace;
use crate::intake::Refusal;

/// A level of detail: how the file spells it and where it ranks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lod {
    pub(crate) text: Option<String>,
    pub(crate) rank: f64,
}

impl Lod {
    /// Of a number or a text; without one it ranks below all.
    pub(crate) fn of(text: Option<&str>) -> Self {
        // CityJSON 1.0 writes 2 or 2.0 where 2.0 writes "2".
        let text = text.map(|t| t.strip_suffix(".0").unwrap_or(t).to_owned());
        let rank = text.as_deref().and_then(|t| t.parse().ok()).filter(|r: &f64| r.is_finite()).unwrap_or(-1.0);
        Self { text, rank }
    }
}

/// What was built of one object.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) geometry: Option<Geometry>,
    /// The level of detail kept, as the file spells it.
    pub(crate) lod: Option<String>,
    /// The sorts of surface in the order of the faces, and how many faces each run of one sort has; empty where no face
    /// has one. Faces without one have an empty name.
    pub(crate) surfaces: Vec<(String, u64)>,
    /// Faces left out because their outer ring has fewer than three vertices.
    pub(crate) dropped_faces: u64,
    /// The faces with an image on them, by their place in the geometry.
    pub(crate) painted: BTreeMap<usize, PaintedFace>,
}

/// Collects shapes.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    faces: Vec<Polygon>,
    surfaces: Vec<Option<Arc<str>>>,
    lines: Vec<Vec<Coord>>,
    points: Vec<Coord>,
    dropped_faces: u64,
    flat: bool,
    /// Faces before this one are of earlier geometries.
    begun: usize,
    /// The faces of earlier geometries by what they are made of.
    earlier: HashMap<Fingerprint, usize>,
    painted: BTreeMap<usize, PaintedFace>,
}

/// What a face is made of, whichever way round and wherever its rings begin.
type Fingerprint = (u64, usize);

impl Shapes {
    /// What follows belongs to a further geometry.
    pub(crate) fn begin(&mut self) {
        for (at, face) in self.faces.iter().enumerate().skip(self.begun) {
            self.earlier.entry(fingerprint(face)).or_insert(at);
        }
        self.begun = self.faces.len();
    }

    /// Heights of what was added mean nothing.
    pub(crate) fn without_height(&mut self) {
        self.flat = true;
    }

    /// Its faces alone.
    pub(crate) fn into_faces(self) -> Vec<Polygon> {
        self.faces
    }

    /// Adds a face of rings as [`closed`] makes them and gives its place; one whose outer ring is empty is counted, an empty
    /// hole is none.
    pub(crate) fn face(&mut self, mut rings: Polygon, surface: Option<Arc<str>>) -> Option<usize> {
        if rings.first().is_none_or(Vec::is_empty) {
            self.dropped_faces += 1;
            return None;
        }
        rings.retain(|ring| !ring.is_empty());
        if !self.earlier.is_empty()
            && let Some(at) = self.earlier.get(&fingerprint(&rings))
        {
            self.surfaces[*at] = self.surfaces[*at].take().or(surface);
            return Some(*at);
        }
        self.faces.push(rings);
        self.surfaces.push(surface);
        Some(self.faces.len() - 1)
    }

    /// Puts an image on the face at a place, unless it has one.
    pub(crate) fn paint(&mut self, at: usize, face: PaintedFace) {
        self.painted.entry(at).or_insert(face);
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, line: Vec<Coord>) -> Result<(), Refusal> {
        if line.len() < 2 {
            return Err("a line has fewer than two vertices".to_owned());
        }
        self.lines.push(line);
        Ok(())
    }

    /// Adds a point.
    pub(crate) fn point(&mut self, point: Coord) {
        self.points.push(point);
    }

    /// The geometry.
    pub(crate) fn build(self, lod: Option<String>) -> Result<Built, Refusal> {
        let surfaces = runs(&self.surfaces);
        let shape = if !self.faces.is_empty() {
            Shape::MultiPolygon(self.faces)
        } else if !self.lines.is_empty() {
            Shape::MultiLineString(self.lines)
        } else if !self.points.is_empty() {
            Shape::MultiPoint(self.points)
        } else {
            return Err("its geometry has no face of three vertices, no line and no point".to_owned());
        };
        let geometry = Some(Geometry { has_height: !self.flat, shape });
        Ok(Built { geometry, lod, surfaces, dropped_faces: self.dropped_faces, painted: self.painted })
    }
}

/// A ring as [`closed`] makes it, with what belongs to each of its vertices.
pub(crate) fn closed_with<T: Copy>(ring: &[Coord], with: &[T]) -> (Vec<Coord>, Vec<T>) {
    let mut pairs: Vec<(Coord, T)> = ring.iter().copied().zip(with.iter().copied()).collect();
    pairs.dedup_by_key(|pair| pair.0);
    while pairs.len() > 1 && pairs.first().map(|p| p.0) == pairs.last().map(|p| p.0) {
        pairs.pop();
    }
    if pairs.len() < 3 {
        return (Vec::new(), Vec::new());
    }
    pairs.push(pairs[0]);
    pairs.into_iter().unzip()
}

/// A closed ring, or an empty one where fewer than three vertices differ.
pub(crate) fn closed(mut ring: Vec<Coord>) -> Vec<Coord> {
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if ring.len() < 3 {
        return Vec::new();
    }
    ring.push(ring[0]);
    ring
}

fn runs(surfaces: &[Option<Arc<str>>]) -> Vec<(String, u64)> {
    if surfaces.iter().all(Option::is_none) {
        return Vec::new();
    }
    let mut runs: Vec<(String, u64)> = Vec::new();
    for surface in surfaces {
        let name = surface.as_deref().unwrap_or_default();
        match runs.last_mut() {
            Some((last, faces)) if last == name => *faces += 1,
            _ => runs.push((name.to_owned(), 1)),
        }
    }
    runs
}

/// A sum over the vertices does not depend on their order; each ring's closing vertex is left out.
fn fingerprint(face: &Polygon) -> Fingerprint {
    let mut sum = 0_u64;
    let mut count = 0;
    for coord in face.iter().flat_map(|ring| ring.iter().skip(1)) {
        let one = mixed(coord.lon_deg.to_bits() ^ mixed(coord.lat_deg.to_bits() ^ mixed(coord.height_m.to_bits())));
        sum = sum.wrapping_add(one);
        count += 1;
    }
    (sum, count)
}

/// The step of SplitMix64.
fn mixed(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triangle(at: f64) -> Polygon {
        vec![closed(vec![Coord::new(at, 0.0, 0.0), Coord::new(at, 1.0, 0.0), Coord::new(at, 1.0, 1.0)])]
    }

    #[test]
    fn a_face_of_the_solid_and_of_its_surface_is_one() {
        let (wall, roof) = (Arc::from("WallSurface"), Arc::from("RoofSurface"));
        let mut shapes = Shapes::default();
        shapes.begin();
        shapes.face(triangle(0.0), None);
        shapes.face(triangle(1.0), None);
        shapes.begin();
        let reversed = vec![triangle(1.0)[0].iter().rev().copied().collect()];
        shapes.face(reversed, Some(wall));
        shapes.face(triangle(2.0), Some(roof));
        let built = shapes.build(Some("2".to_owned())).unwrap();
        let Some(Shape::MultiPolygon(faces)) = built.geometry.map(|g| g.shape) else { panic!("faces") };
        assert_eq!(faces, [triangle(0.0), triangle(1.0), triangle(2.0)], "the solid's way round stands");
        let runs = [(String::new(), 1), ("WallSurface".to_owned(), 1), ("RoofSurface".to_owned(), 1)];
        assert_eq!(built.surfaces, runs);
    }

    #[test]
    fn levels_of_detail_rank_by_number() {
        assert_eq!(Lod::of(Some("2.0")), Lod::of(Some("2")));
        assert!(Lod::of(Some("2.2")).rank > Lod::of(Some("2")).rank);
        assert!(Lod::of(None).rank < Lod::of(Some("0")).rank);
    }
}
