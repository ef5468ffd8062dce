//! The bytes that go to the GPU: vertices, instances, points and lines, each a plain struct of fixed layout.
//! Colours are 8-bit sRGB; places are metres east, north, up of the scene's origin. Nothing here allocates on the GPU.

use bytemuck::{Pod, Zeroable};

/// How a surface looks beyond its colour. The code travels in the fourth byte of the normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Material {
    /// Matt, of its own colour.
    #[default]
    Plain = 0,
    /// A house wall: bands of windows by storey, lit by night.
    Wall = 1,
    /// A roof.
    Roof = 2,
    /// Water: mirrors the sky.
    Water = 3,
    /// Grass and soil: slightly uneven.
    Grass = 4,
    /// Soft shade on the ground: only its opacity counts.
    Shade = 5,
    /// Shines by itself.
    Glow = 6,
    /// Leaves: lit softly, both sides.
    Foliage = 7,
}

/// An sRGB colour packed for the GPU, opaque.
#[must_use]
pub const fn rgb8(red: u8, green: u8, blue: u8) -> u32 {
    rgba8(red, green, blue, 255)
}

/// An sRGB colour with opacity packed for the GPU.
#[must_use]
pub const fn rgba8(red: u8, green: u8, blue: u8, alpha: u8) -> u32 {
    u32::from_le_bytes([red, green, blue, alpha])
}

/// One corner of a static mesh: 24 bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct Vertex {
    /// Metres east, north, up.
    pub position_m: [f32; 3],
    /// Unit normal as signed bytes, then the material's code.
    pub normal: [i8; 4],
    /// Packed by [`rgba8`]. In a shape the alpha says how much of the instance's tint replaces the colour.
    pub colour: u32,
    /// What picking answers; 0 is nothing.
    pub pick: u32,
}

impl Vertex {
    /// A corner from a place, a unit normal and its looks.
    #[must_use]
    pub fn new(position_m: [f32; 3], normal: [f32; 3], material: Material, colour: u32, pick: u32) -> Self {
        let byte = |v: f32| (v.clamp(-1.0, 1.0) * 127.0).round() as i8;
        let normal = [byte(normal[0]), byte(normal[1]), byte(normal[2]), material as i8];
        Self { position_m, normal, colour, pick }
    }

    /// The material whose code the normal carries.
    pub(crate) fn material(&self) -> Material {
        match self.normal[3] {
            1 => Material::Wall,
            2 => Material::Roof,
            3 => Material::Water,
            4 => Material::Grass,
            5 => Material::Shade,
            6 => Material::Glow,
            7 => Material::Foliage,
            _ => Material::Plain,
        }
    }
}

/// One placed copy of a shape: 48 bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct Instance {
    /// Metres east, north, up.
    pub position_m: [f32; 3],
    /// Anticlockwise from east, radians.
    pub yaw_rad: f32,
    /// Factors along the shape's own axes.
    pub scale: [f32; 3],
    /// The least height on screen in pixels (of a shape one unit high); 0 lets it shrink freely.
    pub least_px: f32,
    /// Packed by [`rgba8`].
    pub tint: u32,
    /// What picking answers; 0 is nothing.
    pub pick: u32,
    /// Keeps the stride a multiple of 16 bytes.
    pub padding: [u32; 2],
}

/// One round point of a size on screen: 24 bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct Point {
    /// Metres east, north, up.
    pub position_m: [f32; 3],
    /// Diameter in pixels.
    pub size_px: f32,
    /// Packed by [`rgba8`].
    pub colour: u32,
    /// What picking answers; 0 is nothing.
    pub pick: u32,
}

/// One straight line of a width on screen: 40 bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct Line {
    /// Metres east, north, up.
    pub from_m: [f32; 3],
    /// Width in pixels.
    pub width_px: f32,
    /// Metres east, north, up.
    pub to_m: [f32; 3],
    /// Keeps the layout of two vectors of four.
    pub padding: f32,
    /// Packed by [`rgba8`].
    pub colour: u32,
    /// What picking answers; 0 is nothing.
    pub pick: u32,
}

/// Corners and triangles of one mesh, as they are gathered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MeshData {
    /// The corners.
    pub vertices: Vec<Vertex>,
    /// Three numbers a triangle, into `vertices`.
    pub indices: Vec<u32>,
}

impl MeshData {
    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Adds a corner and answers its number.
    pub fn corner(&mut self, vertex: Vertex) -> u32 {
        let number = self.vertices.len() as u32;
        self.vertices.push(vertex);
        number
    }

    /// Adds a flat quadrilateral given anticlockwise.
    pub fn quad(&mut self, corners: [Vertex; 4]) {
        let first = self.vertices.len() as u32;
        self.vertices.extend_from_slice(&corners);
        self.indices.extend([0, 1, 2, 0, 2, 3].map(|i| first + i));
    }

    /// Adds another mesh's corners and triangles.
    pub fn append(&mut self, other: &MeshData) {
        let first = self.vertices.len() as u32;
        self.vertices.extend_from_slice(&other.vertices);
        self.indices.extend(other.indices.iter().map(|i| first + i));
    }
}

pub(crate) const MESH_ATTRIBUTES: [wgpu::VertexAttribute; 4] =
    wgpu::vertex_attr_array![0 => Float32x3, 1 => Snorm8x4, 2 => Unorm8x4, 3 => Uint32];
pub(crate) const INSTANCE_ATTRIBUTES: [wgpu::VertexAttribute; 4] =
    wgpu::vertex_attr_array![4 => Float32x4, 5 => Float32x4, 6 => Unorm8x4, 7 => Uint32];
pub(crate) const POINT_ATTRIBUTES: [wgpu::VertexAttribute; 3] =
    wgpu::vertex_attr_array![0 => Float32x4, 1 => Unorm8x4, 2 => Uint32];
pub(crate) const LINE_ATTRIBUTES: [wgpu::VertexAttribute; 4] =
    wgpu::vertex_attr_array![0 => Float32x4, 1 => Float32x4, 2 => Unorm8x4, 3 => Uint32];
