//! glTF 2.0 in, an assembly out: every node of the default scene that has a mesh is a part (the primitives of a mesh are
//! the materials of one body). GLB and glTF with embedded or neighbouring buffers are read; what needs an extension that is not
//! known (compressed meshes) is refused by name. Depth, counts and sizes are bounded.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use glam::{DAffine3, DMat3, DMat4, DQuat, DVec3};
use gltf::accessor::{DataType, Dimensions};
use gltf::mesh::Mode;
use gltf::scene::Transform;
use gltf::{Accessor, Gltf, Node, Primitive};

use crate::error::Error;
use crate::mesh::Mesh;
use crate::part::{Assembly, Part};
use crate::tree::Aabb;
use crate::unit::Unit;

/// Deepest tree of nodes.
const DEPTH: usize = 256;
/// Most parts.
const PARTS: usize = 200_000;
/// Most triangles of all bodies.
const TRIANGLES: usize = 50_000_000;
/// Largest file and buffer, bytes.
const BYTES: u64 = 2 << 30;

/// Reads a file; without a unit it is refused, with what to say.
///
/// # Errors
/// [`Error`]: it cannot be read, is no glTF, is wrong somewhere, or its unit is not stated.
pub fn read_file(path: &Path, unit: Option<Unit>) -> Result<Assembly, Error> {
    let name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
    read(&bytes(path)?, &name, path.parent(), unit)
}

/// Reads bytes; `folder` is where buffers beside the file lie, where there are such.
///
/// # Errors
/// As [`read_file`].
pub fn read(bytes: &[u8], name: &str, folder: Option<&Path>, unit: Option<Unit>) -> Result<Assembly, Error> {
    if !is_whole(bytes) {
        let what = "its chunks do not end where it says: the file is cut off or damaged".to_owned();
        return Err(Error::Model { name: name.to_owned(), place: "header".to_owned(), what });
    }
    let gltf = Gltf::from_slice(bytes).map_err(|source| Error::Gltf { name: name.to_owned(), source })?;
    let mut reader = Reader {
        name,
        buffers: Vec::new(),
        bodies: HashMap::new(),
        parts: Vec::new(),
        triangles: 0,
        seen: HashSet::new(),
    };
    reader.load_buffers(&gltf, folder)?;
    let scene = gltf.default_scene().or_else(|| gltf.scenes().next());
    let scene = scene.ok_or_else(|| reader.wrong("scenes", "there is no scene, so no part has a place"))?;
    let scale = DAffine3::from_scale(DVec3::splat(unit.map_or(1.0, Unit::mm)));
    for node in scene.nodes() {
        reader.node(&node, scale, &mut Vec::new())?;
    }
    let mut parts = reader.parts;
    name_apart(&mut parts);
    let bounds = Aabb::around(parts.iter().flat_map(Part::points));
    let Some(unit) = unit else { return Err(Error::NoUnit { span: (bounds.hi - bounds.lo).max_element().max(0.0) }) };
    Ok(Assembly { name: name.to_owned(), unit, parts })
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let fault = |source| Error::File { path: path.display().to_string(), source };
    let size = std::fs::metadata(path).map_err(fault)?.len();
    if size > BYTES {
        return Err(fault(std::io::Error::other(format!("{size} bytes are too many: at most {BYTES} are read"))));
    }
    std::fs::read(path).map_err(fault)
}

/// Whether the lengths of a GLB's chunks fit its own (glTF 2.0, 4.4); text has none.
fn is_whole(bytes: &[u8]) -> bool {
    if !bytes.starts_with(b"glTF") {
        return true;
    }
    let word = |at: usize| {
        let word: Option<[u8; 4]> = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
        word.map(|word| u32::from_le_bytes(word) as usize)
    };
    let mut at = 12;
    while at < bytes.len() {
        let Some(length) = word(at) else { return false };
        at += 8 + length;
    }
    at == bytes.len() && word(8) == Some(at)
}

/// Which body: mesh, and what of the node's transform is no rotation.
type BodyKey = (usize, Option<[u64; 9]>);

struct Reader<'a> {
    name: &'a str,
    buffers: Vec<Vec<u8>>,
    bodies: HashMap<BodyKey, (usize, Arc<Mesh>, [u8; 3])>,
    parts: Vec<Part>,
    triangles: usize,
    /// Nodes that were come by: each may have one parent.
    seen: HashSet<usize>,
}

impl Reader<'_> {
    fn wrong(&self, place: impl Into<String>, what: impl Into<String>) -> Error {
        Error::Model { name: self.name.to_owned(), place: place.into(), what: what.into() }
    }

    fn load_buffers(&mut self, gltf: &Gltf, folder: Option<&Path>) -> Result<(), Error> {
        for buffer in gltf.buffers() {
            let place = format!("buffers/{}", buffer.index());
            let data = match buffer.source() {
                gltf::buffer::Source::Bin => gltf.blob.clone().unwrap_or_default(),
                gltf::buffer::Source::Uri(uri) if uri.starts_with("data:") => {
                    decode_data_uri(uri).ok_or_else(|| self.wrong(&place, "its data URI is not base64"))?
                }
                gltf::buffer::Source::Uri(uri) => {
                    let plain = Path::new(uri).components().all(|c| matches!(c, std::path::Component::Normal(_)));
                    let folder = folder.filter(|_| plain && !uri.contains("://"));
                    let folder = folder.ok_or_else(|| {
                        self.wrong(&place, format!("`{uri}` is not a file beside it: put it there, or save as GLB"))
                    })?;
                    bytes(&folder.join(uri))?
                }
            };
            if data.len() < buffer.length() {
                let what = format!("it has {} bytes and says {}: the file is cut off", data.len(), buffer.length());
                return Err(self.wrong(place, what));
            }
            self.buffers.push(data);
        }
        Ok(())
    }

    fn node(&mut self, node: &Node<'_>, above: DAffine3, path: &mut Vec<String>) -> Result<(), Error> {
        if path.len() >= DEPTH {
            return Err(self.wrong(format!("nodes/{}", node.index()), "the tree of nodes is deeper than 256"));
        }
        if !self.seen.insert(node.index()) {
            return Err(self.wrong(format!("nodes/{}", node.index()), "it has two parents, so it is no tree of nodes"));
        }
        let placed = above * local(node.transform());
        if !placed.is_finite() {
            return Err(self.wrong(format!("nodes/{}", node.index()), "its transform is not finite"));
        }
        let name = node.name().map_or_else(|| format!("node{}", node.index()), str::to_owned);
        if let Some(mesh) = node.mesh() {
            self.part(node, &mesh, placed, path)?;
        }
        path.push(name);
        for child in node.children() {
            self.node(&child, placed, path)?;
        }
        path.pop();
        Ok(())
    }

    fn part(&mut self, node: &Node<'_>, mesh: &gltf::Mesh<'_>, placed: DAffine3, path: &[String]) -> Result<(), Error> {
        if self.parts.len() >= PARTS {
            return Err(self.wrong("nodes", format!("there are more than {PARTS} parts")));
        }
        let (pose, rest) = split(placed);
        let key = (mesh.index(), rest.map(|m| m.to_cols_array().map(f64::to_bits)));
        if !self.bodies.contains_key(&key) {
            let (body, colour) = self.body(mesh, rest)?;
            self.bodies.insert(key, (self.bodies.len(), Arc::new(body), colour));
        }
        let Some((body, shape, colour)) = self.bodies.get(&key) else { return Ok(()) };
        if shape.is_empty() {
            return Ok(());
        }
        let name = node.name().or(mesh.name()).map_or_else(|| format!("node{}", node.index()), str::to_owned);
        let path = path.to_vec();
        let (mesh, body, colour) = (Arc::clone(shape), *body, *colour);
        self.parts.push(Part { id: String::new(), name, path, mesh, body, pose, colour });
        Ok(())
    }

    /// The triangles of a mesh, with what is no rotation applied, and the colour of its largest primitive.
    fn body(&mut self, mesh: &gltf::Mesh<'_>, rest: Option<DMat3>) -> Result<(Mesh, [u8; 3]), Error> {
        let place = format!("meshes/{}", mesh.index());
        let (mut points, mut triangles) = (Vec::new(), Vec::new());
        let (mut colour, mut most) = ([176, 180, 186], 0);
        for primitive in mesh.primitives() {
            let before = triangles.len();
            self.primitive(&primitive, &place, &mut points, &mut triangles)?;
            if triangles.len() - before > most {
                most = triangles.len() - before;
                colour = base_colour(&primitive);
            }
        }
        self.triangles += triangles.len();
        if self.triangles > TRIANGLES {
            return Err(self.wrong(place, format!("there are more than {TRIANGLES} triangles")));
        }
        if let Some(rest) = rest {
            points.iter_mut().for_each(|at| *at = rest * *at);
            if rest.determinant() < 0.0 {
                triangles.iter_mut().for_each(|t: &mut [u32; 3]| t.swap(1, 2));
            }
        }
        Ok((Mesh::new(&points, &triangles), colour))
    }

    fn primitive(
        &self,
        primitive: &Primitive<'_>,
        place: &str,
        points: &mut Vec<DVec3>,
        triangles: &mut Vec<[u32; 3]>,
    ) -> Result<(), Error> {
        let place = format!("{place}/primitives/{}", primitive.index());
        if matches!(primitive.mode(), Mode::Points | Mode::Lines | Mode::LineLoop | Mode::LineStrip) {
            return Ok(());
        }
        let indices = primitive.indices();
        let positions = primitive.get(&gltf::Semantic::Positions);
        let number = |a: &Accessor<'_>| matches!(a.data_type(), DataType::U8 | DataType::U16 | DataType::U32);
        let of_kind = indices.as_ref().is_none_or(|a| a.dimensions() == Dimensions::Scalar && number(a))
            && positions.as_ref().is_none_or(|a| a.dimensions() == Dimensions::Vec3 && a.data_type() == DataType::F32);
        if !of_kind || !indices.iter().chain(&positions).all(|accessor| self.reaches(accessor)) {
            let what = "an accessor is of the wrong type, sparse, or reaches past its buffer: save the file again";
            return Err(self.wrong(place, what));
        }
        let reader = primitive.reader(|buffer| self.buffers.get(buffer.index()).map(Vec::as_slice));
        let positions = reader.read_positions().ok_or_else(|| self.wrong(&place, "it has no positions"))?;
        let base = points.len() as u32;
        points.extend(positions.map(|at| DVec3::from(at.map(f64::from))));
        let count = points.len() as u32 - base;
        let indices: Vec<u32> = reader.read_indices().map_or_else(|| (0..count).collect(), |i| i.into_u32().collect());
        if indices.iter().any(|i| *i >= count) || !points[base as usize..].iter().all(|at| at.is_finite()) {
            return Err(self.wrong(place, "an index names no position, or a position is not finite"));
        }
        let at = |i: usize| indices[i] + base;
        match primitive.mode() {
            Mode::TriangleStrip => {
                triangles.extend((2..indices.len()).map(|i| [at(i - 2), at(i - 1 + i % 2), at(i - i % 2)]));
            }
            Mode::TriangleFan => triangles.extend((2..indices.len()).map(|i| [at(0), at(i - 1), at(i)])),
            _ => triangles.extend((0..indices.len() / 3).map(|i| [at(3 * i), at(3 * i + 1), at(3 * i + 2)])),
        }
        Ok(())
    }

    /// Whether all elements of an accessor lie in its view and its buffer, one after the other.
    fn reaches(&self, accessor: &Accessor<'_>) -> bool {
        if accessor.sparse().is_some() {
            return false;
        }
        let Some(view) = accessor.view() else { return false };
        let Some(buffer) = self.buffers.get(view.buffer().index()) else { return false };
        let stride = view.stride().unwrap_or(accessor.size());
        let last = accessor.count().checked_sub(1).and_then(|n| n.checked_mul(stride));
        let end = last.and_then(|n| n.checked_add(accessor.offset())?.checked_add(accessor.size()));
        let view_end = view.offset().checked_add(view.length());
        stride >= accessor.size()
            && end.is_some_and(|end| end <= view.length())
            && view_end.is_some_and(|end| end <= buffer.len())
    }
}

fn local(transform: Transform) -> DAffine3 {
    match transform {
        Transform::Matrix { matrix } => {
            DAffine3::from_mat4(DMat4::from_cols_array_2d(&matrix.map(|c| c.map(f64::from))))
        }
        Transform::Decomposed { translation, rotation, scale } => DAffine3::from_scale_rotation_translation(
            DVec3::from(scale.map(f64::from)),
            DQuat::from_array(rotation.map(f64::from)).normalize(),
            DVec3::from(translation.map(f64::from)),
        ),
    }
}

/// A rotation with a shift, and what else the transform does to the body: nothing, where it is a rotation to a ten
/// millionth (the file's matrices are 32-bit floats).
fn split(placed: DAffine3) -> (DAffine3, Option<DMat3>) {
    let m = placed.matrix3;
    let x = m.x_axis.normalize_or_zero();
    let y = (m.y_axis - x * x.dot(m.y_axis)).normalize_or_zero();
    let rotation = DMat3::from_cols(x, y, x.cross(y));
    if x == DVec3::ZERO || y == DVec3::ZERO {
        return (DAffine3::from_translation(placed.translation), Some(m));
    }
    let pose = DAffine3::from_mat3_translation(rotation, placed.translation);
    let rest = rotation.transpose() * m;
    // Seven digits, so that equal scales are one body in spite of the noise of 32-bit matrices.
    let size = m.x_axis.length();
    let digit = 10_f64.powi(7 - size.log10().ceil() as i32);
    let even = DMat3::from_diagonal(DVec3::splat((size * digit).round() / digit));
    let near = |a: DMat3| (0..3).all(|i| (a.col(i) - rest.col(i)).length() <= 2e-7 * size);
    if near(DMat3::IDENTITY) { (pose, None) } else { (pose, Some(if near(even) { even } else { rest })) }
}

fn base_colour(primitive: &Primitive<'_>) -> [u8; 3] {
    let [r, g, b, _] = primitive.material().pbr_metallic_roughness().base_color_factor();
    let srgb = |v: f32| if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
    [r, g, b].map(|v| (srgb(v.clamp(0.0, 1.0)) * 255.0).round() as u8)
}

/// `x`, `x#2`, `x#3`: one id for each part, in the order of the file.
fn name_apart(parts: &mut [Part]) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut taken: HashSet<String> = HashSet::new();
    for part in parts {
        let count = counts.entry(part.name.clone()).or_default();
        while part.id.is_empty() || !taken.insert(part.id.clone()) {
            *count += 1;
            part.id = if *count == 1 { part.name.clone() } else { format!("{}#{count}", part.name) };
        }
    }
}

/// The bytes of `data:...;base64,...`.
fn decode_data_uri(uri: &str) -> Option<Vec<u8>> {
    let (_, text) = uri.split_once(";base64,")?;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}
