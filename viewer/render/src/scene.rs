//! What is on the GPU between frames: meshes, shapes with their placed copies, points and lines, each under an id that
//! the caller holds. Replacing and removing are by id; nothing is drawn that is hidden or outside the view.

use std::collections::BTreeMap;

use bytemuck::Pod;
use glam::Vec3;
use wgpu::util::DeviceExt;

use crate::frame::Sight;
use crate::{Frustum, Instance, Line, Material, MeshData, Point, Vertex};

/// A static mesh on the GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeshId(u32);
/// A mesh that instances are copies of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShapeId(u32);
/// How much of a shape's detail a set of copies is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// All of it.
    Fine,
    /// As few triangles as a small copy needs.
    Plain,
    /// Fine where the nearest copy may be [`FINE_PX`] high on screen or more, else plain.
    BySize,
}

/// A copy lower on screen than this, in pixels, looks the same with few triangles.
pub const FINE_PX: f32 = 32.0;

/// A set of instances of one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(u32);
/// A set of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointId(u32);
/// A set of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(u32);

/// When a mesh is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Lies on the ground, is of one material, and is painted in this order, lowest first; may be translucent.
    Flat(u8),
    /// Stands in space and casts a shadow.
    Solid,
}

pub(crate) struct GpuMesh {
    pub(crate) vertices: wgpu::Buffer,
    pub(crate) indices: wgpu::Buffer,
    pub(crate) count: u32,
    pub(crate) stage: Stage,
    /// Of the first corner: what lies on the ground is of one material.
    pub(crate) material: Material,
    pub(crate) low: Vec3,
    pub(crate) high: Vec3,
    pub(crate) visible: bool,
}

/// A mesh to be drawn many times, in two levels of detail.
pub(crate) struct GpuShape {
    fine: ShapeMesh,
    plain: ShapeMesh,
    reach: f32,
}

pub(crate) struct ShapeMesh {
    pub(crate) vertices: wgpu::Buffer,
    pub(crate) indices: wgpu::Buffer,
    pub(crate) count: u32,
}

/// A growing buffer of equal records.
pub(crate) struct GpuSet {
    pub(crate) buffer: wgpu::Buffer,
    pub(crate) count: u32,
    pub(crate) shape: ShapeId,
    pub(crate) casts: bool,
    detail: Detail,
    largest_m: f32,
    pub(crate) low: Vec3,
    pub(crate) high: Vec3,
    pub(crate) visible: bool,
}

/// Everything that can be drawn.
#[derive(Default)]
pub(crate) struct Scene {
    pub(crate) meshes: BTreeMap<MeshId, GpuMesh>,
    pub(crate) shapes: BTreeMap<ShapeId, GpuShape>,
    pub(crate) batches: BTreeMap<BatchId, GpuSet>,
    pub(crate) points: BTreeMap<PointId, GpuSet>,
    pub(crate) lines: BTreeMap<LineId, GpuSet>,
    last: u32,
}

fn bounds(places: impl Iterator<Item = [f32; 3]>) -> (Vec3, Vec3) {
    places.fold((Vec3::splat(f32::INFINITY), Vec3::splat(f32::NEG_INFINITY)), |(low, high), place| {
        (low.min(place.into()), high.max(place.into()))
    })
}

fn buffer_of<T: Pod>(device: &wgpu::Device, records: &[T], usage: wgpu::BufferUsages) -> wgpu::Buffer {
    let contents = bytemuck::cast_slice(records);
    device.create_buffer_init(&wgpu::util::BufferInitDescriptor { label: None, contents, usage })
}

impl Scene {
    fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    pub(crate) fn add_mesh(&mut self, device: &wgpu::Device, mesh: &MeshData, stage: Stage) -> MeshId {
        let (low, high) = bounds(mesh.vertices.iter().map(|v| v.position_m));
        let id = MeshId(self.number());
        let stored = GpuMesh {
            vertices: buffer_of(device, &mesh.vertices, wgpu::BufferUsages::VERTEX),
            indices: buffer_of(device, &mesh.indices, wgpu::BufferUsages::INDEX),
            count: mesh.indices.len() as u32,
            stage,
            material: mesh.vertices.first().map_or(Material::Plain, Vertex::material),
            low,
            high,
            visible: true,
        };
        self.meshes.insert(id, stored);
        id
    }

    pub(crate) fn add_shape(&mut self, device: &wgpu::Device, fine: &MeshData, plain: &MeshData) -> ShapeId {
        let id = ShapeId(self.number());
        let reach = fine.vertices.iter().map(|v| Vec3::from(v.position_m).length()).fold(0.0, f32::max);
        let stored = GpuShape { fine: ShapeMesh::new(device, fine), plain: ShapeMesh::new(device, plain), reach };
        self.shapes.insert(id, stored);
        id
    }

    pub(crate) fn add_batch(&mut self, device: &wgpu::Device, shape: ShapeId, detail: Detail, casts: bool) -> BatchId {
        let id = BatchId(self.number());
        self.batches.insert(id, GpuSet::empty(device, shape, detail, casts));
        id
    }

    /// The mesh that a batch is drawn with, seen from there.
    pub(crate) fn shape_of(&self, set: &GpuSet, sight: &Sight) -> Option<&ShapeMesh> {
        let shape = self.shapes.get(&set.shape)?;
        let nearest = sight.eye_m.clamp(set.low, set.high);
        let fine = match set.detail {
            Detail::Fine => true,
            Detail::Plain => false,
            Detail::BySize => sight.metre_px(nearest) * set.largest_m >= FINE_PX,
        };
        Some(if fine { &shape.fine } else { &shape.plain })
    }

    /// The mesh that a batch casts its shadow with: a shadow tells no details.
    pub(crate) fn shadow_of(&self, set: &GpuSet) -> Option<&ShapeMesh> {
        self.shapes.get(&set.shape).map(|shape| &shape.plain)
    }

    pub(crate) fn add_points(&mut self, device: &wgpu::Device) -> PointId {
        let id = PointId(self.number());
        self.points.insert(id, GpuSet::empty(device, ShapeId(0), Detail::Fine, false));
        id
    }

    pub(crate) fn add_lines(&mut self, device: &wgpu::Device) -> LineId {
        let id = LineId(self.number());
        self.lines.insert(id, GpuSet::empty(device, ShapeId(0), Detail::Fine, false));
        id
    }

    /// Fills a batch. An instance may grow on screen: such a batch is never culled.
    pub(crate) fn fill_batch(&mut self, gpu: (&wgpu::Device, &wgpu::Queue), id: BatchId, instances: &[Instance]) {
        let Some(set) = self.batches.get_mut(&id) else { return };
        set.fill(gpu, instances);
        let reach = self.shapes.get(&set.shape).map_or(0.0, |shape| shape.reach);
        let largest = instances.iter().flat_map(|i| i.scale).fold(0.0, f32::max) * reach;
        let (low, high) = bounds(instances.iter().map(|i| i.position_m));
        (set.low, set.high) = (low - largest, high + largest);
        set.largest_m = largest;
        if instances.iter().any(|i| i.least_px > 0.0) {
            (set.low, set.high) = (Vec3::splat(-1e9), Vec3::splat(1e9));
        }
    }

    pub(crate) fn fill_points(&mut self, gpu: (&wgpu::Device, &wgpu::Queue), id: PointId, points: &[Point]) {
        let Some(set) = self.points.get_mut(&id) else { return };
        set.fill(gpu, points);
        (set.low, set.high) = bounds(points.iter().map(|p| p.position_m));
    }

    pub(crate) fn fill_lines(&mut self, gpu: (&wgpu::Device, &wgpu::Queue), id: LineId, lines: &[Line]) {
        let Some(set) = self.lines.get_mut(&id) else { return };
        set.fill(gpu, lines);
        (set.low, set.high) = bounds(lines.iter().flat_map(|l| [l.from_m, l.to_m]));
    }
}

impl ShapeMesh {
    fn new(device: &wgpu::Device, mesh: &MeshData) -> Self {
        Self {
            vertices: buffer_of(device, &mesh.vertices, wgpu::BufferUsages::VERTEX),
            indices: buffer_of(device, &mesh.indices, wgpu::BufferUsages::INDEX),
            count: mesh.indices.len() as u32,
        }
    }
}

impl GpuMesh {
    pub(crate) fn drawn(&self, frustum: &Frustum) -> bool {
        self.visible && self.count > 0 && frustum.sees(self.low, self.high)
    }
}

impl GpuSet {
    fn empty(device: &wgpu::Device, shape: ShapeId, detail: Detail, casts: bool) -> Self {
        let buffer = Self::room(device, 48);
        let (low, high) = (Vec3::ZERO, Vec3::ZERO);
        Self { buffer, count: 0, shape, casts, detail, largest_m: 0.0, low, high, visible: true }
    }

    fn room(device: &wgpu::Device, bytes: u64) -> wgpu::Buffer {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    fn fill<T: Pod>(&mut self, (device, queue): (&wgpu::Device, &wgpu::Queue), records: &[T]) {
        let bytes: &[u8] = bytemuck::cast_slice(records);
        self.count = records.len() as u32;
        if bytes.len() as u64 > self.buffer.size() {
            self.buffer = Self::room(device, (bytes.len() as u64).next_power_of_two());
        }
        queue.write_buffer(&self.buffer, 0, bytes);
    }

    pub(crate) fn drawn(&self, frustum: &Frustum) -> bool {
        self.visible && self.count > 0 && frustum.sees(self.low, self.high)
    }
}
