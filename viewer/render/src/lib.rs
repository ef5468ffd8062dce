//! A small renderer on `wgpu`: in come meshes, instances, points, lines, a camera and the light; out go pictures and the
//! number of the thing under one pixel. It knows no city: a thing is a pick number and a colour, a place is metres
//! east, north and up of a local origin. It never waits for the GPU on the page's thread and needs no storage buffers
//! and no compute, so that WebGL2 shows the same picture as WebGPU and Vulkan.
//!
//! One frame: the sun's shadow map (only when the scene or the light moved), the backdrop of sky and endless ground,
//! flat things painted in order, the ground's depth, solid things, points and lines, with four samples a pixel where a
//! graphics chip draws. A draft is the same without shadows, patterns and clouds. What a first picture needs can be compiled
//! ahead (`warm_up`).
//! Colour is tone-mapped in the shaders, so no floating-point target is needed. Depth is reversed.

mod camera;
mod error;
mod frame;
mod gpu;
mod headless;
mod light;
mod picking;
mod pipelines;
mod renderer;
mod scene;
mod shadow;
mod targets;
mod vertex;
mod warm_up;

pub use camera::{Camera, Frustum};
pub use error::Error;
pub use frame::FrameInput;
#[cfg(target_arch = "wasm32")]
pub use gpu::BackendChoice;
pub use gpu::Gpu;
pub use headless::Picture;
pub use light::{Light, Rgb};
pub use picking::{PICK_WINDOW_PX, PickRequest, PickSlot};
pub use renderer::{FrameStats, Renderer};
pub use scene::{BatchId, Detail, FINE_PX, LineId, MeshId, PointId, ShapeId, Stage};
pub use vertex::{Instance, Line, Material, MeshData, Point, Vertex, rgb8, rgba8};
