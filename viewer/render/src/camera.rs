//! The eye: a place, a direction and a field of view become the matrices of one frame, a frustum to cull with, rays and
//! places on screen. Depth is reversed with an infinite far plane: 1 at the near plane, 0 at infinity.

use glam::{Mat4, Vec2, Vec3, Vec4};

/// A perspective camera in the scene's local metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Where the eye is: metres east, north, up.
    pub eye_m: Vec3,
    /// What it looks at, metres. Also the middle of the shadow map.
    pub target_m: Vec3,
    /// Vertical field of view, radians.
    pub fov_rad: f32,
}

/// The six planes' useful half: left, right, bottom, top and near, as (normal, distance), inside positive.
#[derive(Debug, Clone, Copy)]
pub struct Frustum([Vec4; 5]);

impl Camera {
    /// The distance from eye to target in metres.
    pub fn distance_m(&self) -> f32 {
        self.eye_m.distance(self.target_m)
    }

    /// Pixels that one metre covers at one metre from the eye, in a picture this high.
    pub fn pixels_at_one_metre(&self, height_px: f32) -> f32 {
        height_px / (2.0 * (self.fov_rad * 0.5).tan())
    }

    /// The near plane: nearer when the camera is near, so that depth is spent well on back ends without reversed depth.
    pub fn near_m(&self) -> f32 {
        (self.distance_m() * 0.02).clamp(0.2, 20.0)
    }

    /// World to eye.
    pub fn view(&self) -> Mat4 {
        let looks_down = (self.target_m - self.eye_m).truncate().length_squared() < 1e-9;
        let up = if looks_down { Vec3::Y } else { Vec3::Z };
        glam::camera::rh::view::look_at_mat4(self.eye_m, self.target_m, up)
    }

    /// Eye to clip space for a picture of this shape (width over height).
    pub fn projection(&self, aspect: f32) -> Mat4 {
        glam::camera::rh::proj::directx::perspective_infinite_reverse(self.fov_rad, aspect.max(0.01), self.near_m())
    }

    /// World to clip space.
    pub fn view_projection(&self, aspect: f32) -> Mat4 {
        self.projection(aspect) * self.view()
    }

    /// Clip space to a direction from the eye, free of the eye's place.
    pub(crate) fn to_direction(self, aspect: f32) -> Mat4 {
        let mut turn = self.view();
        turn.w_axis = Vec4::W;
        (self.projection(aspect) * turn).inverse()
    }

    /// The direction through a pixel (origin top left) of a picture `size_px` large.
    pub fn ray(&self, pixel: Vec2, size_px: Vec2) -> Vec3 {
        let ndc = Vec2::new(pixel.x / size_px.x * 2.0 - 1.0, 1.0 - pixel.y / size_px.y * 2.0);
        let far = self.to_direction(size_px.x / size_px.y) * ndc.extend(1.0).extend(1.0);
        (far.truncate() / far.w).normalize_or_zero()
    }

    /// Where the ray through a pixel meets the horizontal plane at `height_m`; `None` when it never does.
    pub fn on_plane(&self, pixel: Vec2, size_px: Vec2, height_m: f32) -> Option<Vec3> {
        let direction = self.ray(pixel, size_px);
        let reach = (height_m - self.eye_m.z) / direction.z;
        (reach.is_finite() && reach > 0.0).then(|| self.eye_m + direction * reach)
    }

    /// The pixel at which a place is seen; `None` behind the eye.
    pub fn on_screen(&self, place_m: Vec3, size_px: Vec2) -> Option<Vec2> {
        let clip = self.view_projection(size_px.x / size_px.y) * place_m.extend(1.0);
        (clip.w > self.near_m()).then(|| {
            let ndc = Vec2::new(clip.x, clip.y) / clip.w;
            Vec2::new((ndc.x + 1.0) * 0.5 * size_px.x, (1.0 - ndc.y) * 0.5 * size_px.y)
        })
    }

    /// What of the scene can be seen.
    pub fn frustum(&self, aspect: f32) -> Frustum {
        Frustum::of(self.view_projection(aspect))
    }
}

impl Frustum {
    pub(crate) fn of(matrix: Mat4) -> Self {
        let row = |i: usize| matrix.row(i);
        let (x, y, z, w) = (row(0), row(1), row(2), row(3));
        Self([w + x, w - x, w + y, w - y, w - z])
    }

    /// Whether a box from `low` to `high` may be seen. Never false for a box that is.
    pub fn sees(&self, low: Vec3, high: Vec3) -> bool {
        self.0.iter().all(|plane| {
            let normal = plane.truncate();
            let corner = Vec3::select(normal.cmpge(Vec3::ZERO), high, low);
            normal.dot(corner) + plane.w >= 0.0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Camera {
        Camera { eye_m: Vec3::new(30.0, -80.0, 60.0), target_m: Vec3::new(5.0, 2.0, 0.0), fov_rad: 0.8 }
    }

    #[test]
    fn the_target_is_in_the_middle_and_depth_falls_with_distance() {
        let size = Vec2::new(800.0, 600.0);
        let middle = camera().on_screen(camera().target_m, size).unwrap();
        assert!((middle - size * 0.5).length() < 0.05, "{middle}");
        let depth = |p: Vec3| {
            let clip = camera().view_projection(1.0) * p.extend(1.0);
            clip.z / clip.w
        };
        let ahead = (camera().target_m - camera().eye_m).normalize();
        assert!(depth(camera().eye_m + ahead * 10.0) > depth(camera().eye_m + ahead * 1000.0));
        assert!(depth(camera().eye_m + ahead * 1e6) > 0.0);
    }

    #[test]
    fn a_pixels_ray_comes_back_to_that_pixel() {
        let size = Vec2::new(640.0, 480.0);
        for pixel in [Vec2::new(100.0, 300.0), Vec2::new(600.0, 470.0), Vec2::new(320.5, 240.5)] {
            let place = camera().on_plane(pixel, size, 0.0).unwrap();
            assert!(place.z.abs() < 1e-3);
            let back = camera().on_screen(place, size).unwrap();
            assert!((back - pixel).length() < 0.05, "{pixel} {back}");
        }
    }

    #[test]
    fn the_frustum_sees_what_is_on_screen() {
        let frustum = camera().frustum(4.0 / 3.0);
        assert!(frustum.sees(Vec3::new(4.0, 1.0, 0.0), Vec3::new(6.0, 3.0, 5.0)));
        assert!(!frustum.sees(Vec3::new(4.0, -400.0, 0.0), Vec3::new(6.0, -300.0, 5.0)));
    }
}
