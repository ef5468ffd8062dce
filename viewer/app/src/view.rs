//! The way of looking: an orbit around a place on the ground, steered by pointer, wheel, touch and keys, followed smoothly.
//! In come events in pixels, out comes a camera; the eye never goes below the ground nor the target out of reach.

use glam::{DVec2, Vec2, Vec3};
use viewer_render::Camera;

/// Vertical field of view.
const FOV_RAD: f32 = 0.75;
const NEAREST_M: f64 = 12.0;
const FARTHEST_M: f64 = 60_000.0;
const PITCH_DEG: std::ops::RangeInclusive<f64> = -89.0..=-4.0;
const REACH_M: f64 = 150_000.0;
/// How quickly the picture follows the wish: in this time the gap shrinks to a third.
const FOLLOW_S: f64 = 0.11;
const FLIGHT_S: f64 = 1.5;

/// An orbit: what is looked at, from how far, from where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Orbit {
    /// Metres east and north.
    pub target_m: DVec2,
    /// Height of the target above the ground, metres.
    pub lift_m: f64,
    /// From the eye to the target, metres.
    pub distance_m: f64,
    /// Where the eye looks, clockwise from north, degrees.
    pub heading_deg: f64,
    /// Up is positive; the eye looks down, so it is negative. Degrees.
    pub pitch_deg: f64,
}

/// What a held pointer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drag {
    /// Moves the ground under the pointer.
    Pan,
    /// Turns around the target.
    Turn,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    pointer: i32,
    at: Vec2,
    drag: Drag,
}

#[derive(Debug, Clone, Copy)]
struct Flight {
    from: Orbit,
    to: Orbit,
    done_s: f64,
}

/// See the module.
#[derive(Debug)]
pub struct View {
    wish: Orbit,
    now: Orbit,
    size_px: Vec2,
    held: Vec<Held>,
    keys: Vec<String>,
    flight: Option<Flight>,
}

impl Orbit {
    fn bounded(mut self) -> Self {
        self.distance_m = self.distance_m.clamp(NEAREST_M, FARTHEST_M);
        self.pitch_deg = self.pitch_deg.clamp(*PITCH_DEG.start(), *PITCH_DEG.end());
        self.heading_deg = self.heading_deg.rem_euclid(360.0);
        self.lift_m = self.lift_m.clamp(0.0, 5000.0);
        self.target_m = self.target_m.clamp_length_max(REACH_M);
        self
    }

    /// Unit vector of the look.
    fn direction(&self) -> Vec3 {
        let (sin, cos) = self.heading_deg.to_radians().sin_cos();
        let (up, level) = self.pitch_deg.to_radians().sin_cos();
        Vec3::new((sin * level) as f32, (cos * level) as f32, up as f32)
    }

    /// The eye and its target.
    pub fn camera(&self) -> Camera {
        let target_m = self.target_m.as_vec2().extend(self.lift_m as f32);
        let mut eye_m = target_m - self.direction() * self.distance_m as f32;
        eye_m.z = eye_m.z.max(0.8);
        Camera { eye_m, target_m, fov_rad: FOV_RAD }
    }

    fn toward(&self, to: &Self, t: f64) -> Self {
        let mix = |a: f64, b: f64| a + (b - a) * t;
        let turn = (to.heading_deg - self.heading_deg + 540.0).rem_euclid(360.0) - 180.0;
        Self {
            target_m: self.target_m.lerp(to.target_m, t),
            lift_m: mix(self.lift_m, to.lift_m),
            distance_m: mix(self.distance_m.ln(), to.distance_m.ln()).exp(),
            heading_deg: (self.heading_deg + turn * t).rem_euclid(360.0),
            pitch_deg: mix(self.pitch_deg, to.pitch_deg),
        }
    }
}

impl Default for View {
    fn default() -> Self {
        let start =
            Orbit { target_m: DVec2::ZERO, lift_m: 0.0, distance_m: 600.0, heading_deg: 24.0, pitch_deg: -19.0 };
        Self { wish: start, now: start, size_px: Vec2::new(1280.0, 720.0), held: vec![], keys: vec![], flight: None }
    }
}

impl View {
    /// The picture's size in the pixels that events are given in.
    pub fn resize(&mut self, width: f32, height: f32) {
        self.size_px = Vec2::new(width.max(1.0), height.max(1.0));
    }

    /// Size in event pixels.
    pub fn size_px(&self) -> Vec2 {
        self.size_px
    }

    /// What is seen now.
    pub fn now(&self) -> &Orbit {
        &self.now
    }

    /// The camera of this instant.
    pub fn camera(&self) -> Camera {
        self.now.camera()
    }

    /// Looks there at once.
    pub fn set(&mut self, orbit: Orbit) {
        self.wish = orbit.bounded();
        self.now = self.wish;
        self.flight = None;
    }

    /// Flies there.
    pub fn fly(&mut self, orbit: Orbit) {
        let to = orbit.bounded();
        self.flight = Some(Flight { from: self.now, to, done_s: 0.0 });
        self.wish = to;
    }

    /// A pointer went down.
    pub fn pointer_down(&mut self, pointer: i32, x: f32, y: f32, drag: Drag) {
        self.flight = None;
        self.wish = self.now;
        self.held.retain(|held| held.pointer != pointer);
        if self.held.len() < 4 {
            self.held.push(Held { pointer, at: Vec2::new(x, y), drag });
        }
    }

    /// A pointer moved; only held ones do anything.
    pub fn pointer_move(&mut self, pointer: i32, x: f32, y: f32) {
        let to = Vec2::new(x, y);
        let Some(index) = self.held.iter().position(|held| held.pointer == pointer) else { return };
        let held = self.held[index];
        match self.held.len() {
            1 if held.drag == Drag::Pan => self.pan(held.at, to),
            1 => self.turn(to - held.at),
            _ => self.pinch(index, to),
        }
        self.held[index].at = to;
    }

    /// A pointer went up or was lost.
    pub fn pointer_up(&mut self, pointer: i32) {
        self.held.retain(|held| held.pointer != pointer);
    }

    /// Whether a pointer is held.
    pub fn is_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// The ground point under the pointer stays under it.
    fn pan(&mut self, from: Vec2, to: Vec2) {
        let camera = self.wish.camera();
        let reach = (self.wish.distance_m * 6.0) as f32;
        let ground = |pixel| {
            camera.on_plane(pixel, self.size_px, self.wish.lift_m as f32).filter(|p| p.distance(camera.eye_m) < reach)
        };
        let moved = match (ground(from), ground(to)) {
            (Some(a), Some(b)) => (a - b).truncate().as_dvec2(),
            // Above the horizon there is no ground to hold: move by the scale at the target.
            _ => self.across((to - from) * -1.0),
        };
        self.wish.target_m += moved;
        self.wish = self.wish.bounded();
    }

    /// Pixels on screen to metres on the ground at the target, along the view.
    fn across(&self, pixels: Vec2) -> DVec2 {
        let metres = self.wish.distance_m * f64::from((FOV_RAD * 0.5).tan()) * 2.0 / f64::from(self.size_px.y);
        let (sin, cos) = self.wish.heading_deg.to_radians().sin_cos();
        let (right, ahead) = (DVec2::new(cos, -sin), DVec2::new(sin, cos));
        (right * f64::from(pixels.x) - ahead * f64::from(pixels.y)) * metres
    }

    fn turn(&mut self, by: Vec2) {
        self.wish.heading_deg += f64::from(by.x) * 0.28;
        self.wish.pitch_deg -= f64::from(by.y) * 0.22;
        self.wish = self.wish.bounded();
    }

    /// Two fingers: apart is nearer, around turns, together sideways pans, together up or down tilts.
    fn pinch(&mut self, index: usize, to: Vec2) {
        let Some(other) = self.held.iter().enumerate().find(|(i, _)| *i != index).map(|(_, held)| held.at) else {
            return;
        };
        let (before, after) = (self.held[index].at - other, to - other);
        if before.length() < 4.0 || after.length() < 4.0 {
            return;
        }
        self.wish.distance_m *= f64::from(before.length() / after.length());
        self.wish.heading_deg -= f64::from(before.angle_to(after).to_degrees());
        let moved = (to - self.held[index].at) * 0.5;
        self.wish.target_m += self.across(Vec2::new(-moved.x, 0.0));
        self.wish.pitch_deg -= f64::from(moved.y) * 0.12;
        self.wish = self.wish.bounded();
    }

    /// The wheel: nearer to or farther from what is under the pointer. `delta` in wheel pixels, down is positive.
    pub fn wheel(&mut self, x: f32, y: f32, delta: f32) {
        self.flight = None;
        let factor = f64::from(delta.clamp(-400.0, 400.0) * 0.0016).exp();
        let before = self.wish.distance_m;
        let mut next = self.wish;
        next.distance_m = (before * factor).clamp(NEAREST_M, FARTHEST_M);
        let pointed = self.wish.camera().on_plane(Vec2::new(x, y), self.size_px, self.wish.lift_m as f32);
        let pointed = pointed.filter(|p| f64::from(p.distance(self.wish.camera().eye_m)) < before * 5.0);
        if let Some(place) = pointed {
            let share = 1.0 - next.distance_m / before;
            next.target_m += (place.truncate().as_dvec2() - self.wish.target_m) * share;
        }
        self.wish = next.bounded();
    }

    /// A key went down or up, by its `KeyboardEvent.code`; true when it means something here.
    pub fn key(&mut self, code: &str, down: bool) -> bool {
        const KNOWN: [&str; 16] = [
            "KeyW",
            "KeyA",
            "KeyS",
            "KeyD",
            "KeyQ",
            "KeyE",
            "KeyR",
            "KeyF",
            "ArrowUp",
            "ArrowDown",
            "ArrowLeft",
            "ArrowRight",
            "Equal",
            "Minus",
            "PageUp",
            "PageDown",
        ];
        if !KNOWN.contains(&code) {
            return false;
        }
        self.keys.retain(|held| held != code);
        if down {
            self.flight = None;
            self.keys.push(code.to_owned());
        }
        true
    }

    /// Lets go of everything, as when the window loses the focus.
    pub fn release(&mut self) {
        self.keys.clear();
        self.held.clear();
    }

    /// Moves on by this many seconds.
    pub fn advance(&mut self, seconds: f64) {
        let seconds = seconds.clamp(0.0, 0.25);
        self.steer(seconds);
        if let Some(flight) = &mut self.flight {
            flight.done_s += seconds;
            let t = (flight.done_s / FLIGHT_S).min(1.0);
            let eased = t * t * (3.0 - 2.0 * t);
            let mut at = flight.from.toward(&flight.to, eased);
            // A long way is flown in an arc, so that one sees where one goes.
            let way = flight.from.target_m.distance(flight.to.target_m);
            let arc = (way / (flight.from.distance_m + flight.to.distance_m)).min(6.0);
            at.distance_m *= 1.0 + arc * (eased * std::f64::consts::PI).sin() * 0.5;
            self.now = at.bounded();
            if t >= 1.0 {
                self.flight = None;
            }
            return;
        }
        let t = 1.0 - (-seconds / FOLLOW_S).exp();
        self.now = self.now.toward(&self.wish, t);
    }

    fn steer(&mut self, seconds: f64) {
        let step = (f64::from(self.size_px.y) * 0.9 * seconds) as f32;
        for code in std::mem::take(&mut self.keys) {
            match code.as_str() {
                "KeyW" | "ArrowUp" => self.wish.target_m += self.across(Vec2::new(0.0, -step)),
                "KeyS" | "ArrowDown" => self.wish.target_m += self.across(Vec2::new(0.0, step)),
                "KeyA" | "ArrowLeft" => self.wish.target_m += self.across(Vec2::new(-step, 0.0)),
                "KeyD" | "ArrowRight" => self.wish.target_m += self.across(Vec2::new(step, 0.0)),
                "KeyQ" => self.wish.heading_deg -= 70.0 * seconds,
                "KeyE" => self.wish.heading_deg += 70.0 * seconds,
                "KeyR" => self.wish.pitch_deg -= 45.0 * seconds,
                "KeyF" => self.wish.pitch_deg += 45.0 * seconds,
                "Equal" | "PageUp" => self.wish.distance_m *= (-1.4 * seconds).exp(),
                _ => self.wish.distance_m *= (1.4 * seconds).exp(),
            }
            self.keys.push(code);
        }
        self.wish = self.wish.bounded();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(view: &mut View) {
        for _ in 0..200 {
            view.advance(0.05);
        }
    }

    #[test]
    fn a_pan_keeps_the_ground_under_the_pointer() {
        let mut view = View::default();
        let ground =
            |view: &View, x: f32, y: f32| view.camera().on_plane(Vec2::new(x, y), view.size_px(), 0.0).unwrap();
        let held = ground(&view, 700.0, 420.0);
        view.pointer_down(1, 700.0, 420.0, Drag::Pan);
        for step in 1..=10 {
            view.pointer_move(1, 700.0 - 20.0 * step as f32, 420.0 + 10.0 * step as f32);
        }
        view.pointer_up(1);
        settled(&mut view);
        assert!(ground(&view, 500.0, 520.0).distance(held) < 1.0);
    }

    #[test]
    fn the_wheel_keeps_the_ground_under_the_pointer_and_stays_in_bounds() {
        let mut view = View::default();
        let before = view.camera().on_plane(Vec2::new(900.0, 500.0), view.size_px(), 0.0).unwrap();
        view.wheel(900.0, 500.0, -200.0);
        settled(&mut view);
        let after = view.camera().on_plane(Vec2::new(900.0, 500.0), view.size_px(), 0.0).unwrap();
        assert!(before.distance(after) < 2.0, "{before} {after}");
        for _ in 0..200 {
            view.wheel(100.0, 600.0, 400.0);
        }
        settled(&mut view);
        assert!(view.now().distance_m <= FARTHEST_M + 1.0);
        for _ in 0..300 {
            view.wheel(100.0, 600.0, -400.0);
        }
        settled(&mut view);
        assert!(view.now().distance_m >= NEAREST_M - 0.1 && view.camera().eye_m.z > 0.0);
    }

    #[test]
    fn a_flight_arrives() {
        let mut view = View::default();
        let to = Orbit {
            target_m: DVec2::new(3000.0, -500.0),
            lift_m: 5.0,
            distance_m: 150.0,
            heading_deg: 300.0,
            pitch_deg: -40.0,
        };
        view.fly(to);
        settled(&mut view);
        assert!(view.now().target_m.distance(to.target_m) < 0.1 && (view.now().heading_deg - 300.0).abs() < 0.1);
    }

    #[test]
    fn turning_goes_round_the_target() {
        let mut view = View::default();
        let target = view.now().target_m;
        view.pointer_down(1, 100.0, 100.0, Drag::Turn);
        view.pointer_move(1, 300.0, 150.0);
        settled(&mut view);
        assert!(view.now().target_m.distance(target) < 1e-6 && (view.now().heading_deg - 24.0).abs() > 10.0);
    }
}
