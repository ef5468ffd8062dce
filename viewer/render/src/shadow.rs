//! The sun's shadow: one depth map around what the camera looks at. It is drawn again only when the scene, the light
//! or the looked-at place has moved enough; its middle moves in whole texels, so still edges do not crawl.

use glam::{Mat4, Vec3};

use crate::Camera;
use crate::targets::{DEPTH, texture, view};

pub(crate) const SHADOW_PX: u32 = 2048;

/// The map and the view of the light that it was drawn with.
pub(crate) struct Shadow {
    pub(crate) target: wgpu::TextureView,
    pub(crate) bind_group: wgpu::BindGroup,
    /// What the map covers at present.
    pub(crate) fit: ShadowFit,
    stale: bool,
}

/// Where the light's box lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ShadowFit {
    pub(crate) middle_m: Vec3,
    pub(crate) radius_m: f32,
    pub(crate) direction: Vec3,
}

impl ShadowFit {
    /// The box for a camera: wide enough for what is near, in steps so that it seldom changes.
    pub(crate) fn around(camera: &Camera, direction: Vec3) -> Self {
        let wanted = (camera.distance_m() * 1.15).clamp(60.0, 2600.0);
        let radius_m = 1.25_f32.powf(wanted.log(1.25).ceil());
        let mut middle_m = camera.target_m;
        middle_m.z = 0.0;
        Self { middle_m, radius_m, direction }
    }

    /// Whether a map drawn for `self` still serves `wanted`.
    fn serves(&self, wanted: &Self) -> bool {
        let near = self.middle_m.distance(wanted.middle_m) < self.radius_m * 0.12;
        near && (self.radius_m - wanted.radius_m).abs() < 1e-3 && self.direction.dot(wanted.direction) > 0.999_99
    }

    /// World to the light's clip space.
    pub(crate) fn matrix(&self) -> Mat4 {
        let side = if self.direction.z > 0.999 { Vec3::Y } else { Vec3::Z };
        let turn = glam::camera::rh::view::look_to_mat4(Vec3::ZERO, -self.direction, side);
        let texel = self.radius_m * 2.0 / SHADOW_PX as f32;
        let mut middle = turn.transform_point3(self.middle_m);
        middle.x = (middle.x / texel).round() * texel;
        middle.y = (middle.y / texel).round() * texel;
        let (r, depth) = (self.radius_m, self.radius_m * 2.0 + 500.0);
        let box_of_light = glam::camera::rh::proj::directx::orthographic(-r, r, -r, r, -depth, depth);
        box_of_light * Mat4::from_translation(-middle) * turn
    }
}

impl Shadow {
    pub(crate) fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout) -> Self {
        let usage = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING;
        let target = view(&texture(device, "shadow", DEPTH, [SHADOW_PX, SHADOW_PX], 1, usage));
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("shadow"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            compare: Some(wgpu::CompareFunction::LessEqual),
            ..Default::default()
        });
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("shadow"),
            layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&target) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(&sampler) },
            ],
        });
        let fit = ShadowFit { middle_m: Vec3::ZERO, radius_m: 0.0, direction: Vec3::Z };
        Self { target, bind_group, fit, stale: true }
    }

    /// The scene changed: the next frame draws the map again.
    pub(crate) fn mark_stale(&mut self) {
        self.stale = true;
    }

    /// Takes the camera's and the light's wish; true when the map must be drawn now.
    pub(crate) fn refit(&mut self, camera: &Camera, direction: Vec3) -> bool {
        let wanted = ShadowFit::around(camera, direction);
        if !self.stale && self.fit.serves(&wanted) {
            return false;
        }
        self.fit = wanted;
        self.stale = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_maps_near_the_middle_and_the_rim_inside() {
        let direction = Vec3::new(0.5, -0.4, 0.6).normalize();
        let fit = ShadowFit { middle_m: Vec3::new(120.0, -70.0, 0.0), radius_m: 300.0, direction };
        let middle = fit.matrix().project_point3(fit.middle_m);
        assert!(middle.x.abs() < 0.01 && middle.y.abs() < 0.01 && (0.0..=1.0).contains(&middle.z));
        let roof = fit.matrix().project_point3(fit.middle_m + Vec3::new(100.0, 100.0, 80.0));
        assert!(roof.x.abs() < 1.0 && roof.y.abs() < 1.0 && (0.0..=1.0).contains(&roof.z));
        assert!(
            roof.z < fit.matrix().project_point3(fit.middle_m + Vec3::new(100.0, 100.0, 0.0)).z,
            "nearer the sun is less"
        );
    }
}
