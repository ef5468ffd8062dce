//! What one frame is drawn from: camera, light, highlights and time become the 400 bytes that every shader reads.

use bytemuck::{Pod, Zeroable};
use glam::{Mat4, Vec3, Vec4};

use crate::{Camera, Frustum, Light};

/// What the caller decides for each frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameInput {
    /// The eye.
    pub camera: Camera,
    /// The light.
    pub light: Light,
    /// The thing under the pointer; 0 is none.
    pub hovered: u32,
    /// The chosen thing; 0 is none.
    pub selected: u32,
    /// Seconds since the start, for water.
    pub time_s: f32,
    /// Strength of the ground's grid, 0 to 1.
    pub grid: f32,
    /// Whether it is only a draft, without shadows, patterns and clouds.
    pub draft: bool,
}

impl FrameInput {
    /// A frame with nothing highlighted.
    #[must_use]
    pub fn new(camera: Camera, light: Light) -> Self {
        Self { camera, light, hovered: 0, selected: 0, time_s: 0.0, grid: 0.6, draft: false }
    }
}

/// What is drawn of the scene, and with how much detail.
pub(crate) struct Sight {
    pub(crate) frustum: Frustum,
    pub(crate) eye_m: Vec3,
    pixels_at_one_metre: f32,
}

impl Sight {
    /// Pixels that one metre covers at a place.
    pub(crate) fn metre_px(&self, place_m: Vec3) -> f32 {
        self.pixels_at_one_metre / self.eye_m.distance(place_m).max(0.1)
    }
}

/// The uniform, in the order of `common.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
pub(crate) struct FrameUniform {
    view_proj: Mat4,
    to_direction: Mat4,
    light_view_proj: Mat4,
    eye: Vec4,
    sun: Vec4,
    sun_colour: Vec4,
    zenith: Vec4,
    horizon: Vec4,
    ground: Vec4,
    viewport: Vec4,
    ids: [u32; 4],
    accent: Vec4,
}

/// A warm orange that neither house nor tree has.
const ACCENT: Vec3 = Vec3::new(1.0, 0.36, 0.05);

impl FrameUniform {
    pub(crate) fn new(input: &FrameInput, [width, height]: [f32; 2], light_view_proj: Mat4, shadow_m: f32) -> Self {
        let aspect = width / height;
        let (camera, light) = (&input.camera, &input.light);
        Self {
            view_proj: camera.view_projection(aspect),
            to_direction: camera.to_direction(aspect),
            light_view_proj,
            eye: camera.eye_m.extend(camera.pixels_at_one_metre(height)),
            sun: light.direction.extend(light.night),
            sun_colour: Vec3::from(light.sun).extend(light.glow),
            zenith: Vec3::from(light.zenith).extend(light.exposure),
            horizon: Vec3::from(light.horizon).extend(light.fog_per_m),
            ground: Vec3::from(light.ground).extend(input.grid),
            viewport: Vec4::new(width, height, input.time_s, 1.0),
            ids: [input.hovered, input.selected, 0, 0],
            accent: ACCENT.extend(shadow_m),
        }
    }

    /// What this uniform's view can see, and how large.
    pub(crate) fn sight(&self) -> Sight {
        Sight { frustum: Frustum::of(self.view_proj), eye_m: self.eye.truncate(), pixels_at_one_metre: self.eye.w }
    }

    /// The same frame seen through a window of `span` pixels around `pixel` only, for picking.
    pub(crate) fn narrowed(mut self, pixel: [f32; 2], size: [f32; 2], span: f32) -> Self {
        let scale = Vec3::new(size[0] / span, size[1] / span, 1.0);
        let centre = Vec3::new(pixel[0] / size[0] * 2.0 - 1.0, 1.0 - pixel[1] / size[1] * 2.0, 0.0);
        let window = Mat4::from_scale(scale) * Mat4::from_translation(-centre);
        self.view_proj = window * self.view_proj;
        self.viewport.x = span;
        self.viewport.y = span;
        self
    }
}
