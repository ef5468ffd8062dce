//! The viewer without its surroundings: in come Arrow messages, events and the time; out go frames, picked ids and figures.
//! It asks nobody for anything and starts no thread: the page or the command line drives it.

use std::collections::BTreeMap;

use glam::{DVec2, Vec2, Vec3};
use serde::Serialize;
use viewer_render::{FrameInput, Light, PickRequest, Renderer};

use crate::city::{City, Entity};
use crate::first::FirstPicture;
use crate::layer::Layer;
use crate::message::{self, Message, StateRow};
use crate::motion::{Motion, Sample};
use crate::readings::{Legend, Readings};
use crate::stage::{Live, Stage};
use crate::view::{Orbit, View};
use crate::{CameraPose, EntityId, Error, sun};

/// Corners built at most for each millisecond that frames take: some two thirds of the time of a quick frame. A slow
/// frame leaves room for more, so that a machine without a graphics chip does not draw twenty frames of half a city.
const CORNERS_A_MS: f64 = 7_500.0;
/// Of the pixels along a side, so many are drawn in a draft.
const DRAFT_SCALE: f32 = 0.5;
/// What a frame takes at least for this reckoning, milliseconds.
const QUICK_FRAME_MS: f64 = 16.0;

/// Day or night, where no time is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Late-afternoon light.
    #[default]
    Day,
    /// Lit windows under stars.
    Night,
}

/// A layer for the page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerInfo {
    /// Its name.
    pub name: &'static str,
    /// Whether it is shown.
    pub on: bool,
    /// How many things it holds.
    pub count: usize,
}

/// Figures of the last moments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Things held.
    pub entities: usize,
    /// State rows taken since the start.
    pub updates: u64,
    /// Frames a second, smoothed.
    pub fps: f64,
    /// "WebGPU", "WebGL2", "Vulkan" and so on.
    pub backend: &'static str,
    /// The adapter's own name; browsers may hide it.
    pub adapter: String,
    /// Draw calls of the last frame.
    pub draw_calls: u32,
    /// Triangles of the last frame.
    pub triangles: u64,
    /// The newest time among all states, UTC microseconds.
    pub last_time_us: Option<i64>,
    /// Whether the GPU has finished a frame that holds all of the first snapshot.
    pub seen: bool,
}

/// A named thing's place on screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    /// The entity's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its layer.
    pub layer: &'static str,
    /// Event pixels from the left.
    pub x: f32,
    /// Event pixels from the top.
    pub y: f32,
}

/// See the module.
pub struct App {
    renderer: Renderer,
    city: City,
    stage: Stage,
    motion: Motion,
    readings: Readings,
    view: View,
    theme: Theme,
    time_us: Option<i64>,
    hovered: Option<EntityId>,
    selected: Option<EntityId>,
    grid: bool,
    homed: bool,
    first: FirstPicture,
    updates: u64,
    last_ms: Option<f64>,
    frame_ms: f64,
    started_ms: f64,
    /// Device pixels to an event pixel, as asked for and as drawn.
    asked_ratio: f32,
    pixel_ratio: f32,
}

impl App {
    /// An empty city on this renderer.
    pub fn new(renderer: Renderer) -> Self {
        let [width, height] = renderer.size_px();
        let first = FirstPicture::new(renderer.draws_slowly());
        let mut view = View::default();
        view.resize(width as f32, height as f32);
        Self {
            renderer,
            city: City::default(),
            stage: Stage::new(),
            motion: Motion::default(),
            readings: Readings::default(),
            view,
            theme: Theme::Day,
            time_us: None,
            hovered: None,
            selected: None,
            grid: true,
            homed: false,
            first,
            updates: 0,
            last_ms: None,
            frame_ms: 0.0,
            started_ms: 0.0,
            asked_ratio: 1.0,
            pixel_ratio: 1.0,
        }
    }

    /// Compiles ahead what the first picture needs, while the city is on its way.
    pub fn warm_up(&self) {
        self.renderer.warm_up(self.first.is_draft());
    }

    /// Takes one message, which arrived at `wall_ms` by any steady clock.
    ///
    /// # Errors
    /// When the message is not understood; nothing of it is taken then.
    pub fn push(&mut self, bytes: &[u8], wall_ms: f64) -> Result<(), Error> {
        match message::read(bytes)? {
            Message::Entities(rows) => {
                for row in rows.iter().filter(|row| row.removed) {
                    self.motion.forget(&row.id);
                    self.readings.forget(&row.id);
                }
                self.city.take(rows)?;
            }
            Message::States(rows) => self.take_states(&rows, wall_ms),
        }
        Ok(())
    }

    /// The server begins to tell everything from the start, as after a broken line.
    pub fn begin_snapshot(&mut self) {
        self.city.begin_snapshot();
        self.motion.begin_snapshot();
        self.readings.begin_snapshot();
    }

    /// The server has told everything: what it did not tell again is gone.
    pub fn end_snapshot(&mut self) {
        for id in self.city.end_snapshot() {
            self.motion.forget(&id);
            self.readings.forget(&id);
        }
        self.motion.end_snapshot();
        self.readings.end_snapshot();
        self.first.told();
    }

    fn take_states(&mut self, rows: &[StateRow], wall_ms: f64) {
        self.updates += rows.len() as u64;
        for row in rows {
            if let (Some(property), Some(value)) = (&row.property, row.value) {
                self.readings.take(row.id, property, value, row.unit.as_deref(), row.time_us);
            }
        }
        self.city.settle_frame(rows.iter().filter_map(|row| row.place_deg));
        let Some(frame) = self.city.frame().copied() else { return };
        let ground = self.city.ground_m();
        let samples = rows.iter().filter_map(|row| {
            let [lon, lat] = row.place_deg?;
            let above = row.height_m.map_or(0.0, |height| (height - ground).max(0.0));
            let place_m = frame.to_metres(lon, lat, above);
            let (heading_deg, speed_m_s) = (row.heading_deg, row.speed_m_s);
            Some((row.id, Sample { time_us: row.time_us, place_m, heading_deg, speed_m_s }))
        });
        self.motion.take(samples, wall_ms * 1e3);
    }

    /// Brings everything to the instant `now_ms` and draws it to the canvas.
    ///
    /// # Errors
    /// When the graphics device fails.
    pub fn frame(&mut self, now_ms: f64) -> Result<(), Error> {
        let step_ms = self.last_ms.map_or(16.0, |last| (now_ms - last).clamp(0.0, 10_000.0));
        if self.last_ms.replace(now_ms).is_none() {
            self.started_ms = now_ms;
        } else {
            // The second frame's time is the first that is measured.
            let share = if self.frame_ms == 0.0 { 1.0 } else { 0.1 };
            self.frame_ms += (step_ms - self.frame_ms) * share;
        }
        self.motion.advance(now_ms * 1e3);
        self.end_draft_when_seen()?;
        if self.first.waits(step_ms) {
            return Ok(());
        }
        let most_corners = match self.first.is_draft() {
            true => usize::MAX,
            false => (self.frame_ms.max(QUICK_FRAME_MS) * CORNERS_A_MS) as usize,
        };
        let whole = self.update(most_corners);
        self.view.advance(step_ms / 1e3);
        let input = self.input();
        let [before, _] = self.renderer.frames();
        self.renderer.present(&input)?;
        let [frames, _] = self.renderer.frames();
        // A canvas that is hidden or changing takes no frame: then nothing was drawn.
        if whole && frames > before {
            self.first.drawn(frames);
        }
        Ok(())
    }

    /// Once a picture of the whole city has been seen, it is drawn with all its detail.
    fn end_draft_when_seen(&mut self) -> Result<(), Error> {
        let [_, finished] = self.renderer.frames();
        if self.first.ends_draft(finished) { self.fit() } else { Ok(()) }
    }

    /// Builds what changed and places what lives; true when nothing is left to build.
    fn update(&mut self, most_corners: usize) -> bool {
        if !self.homed && self.city.frame().is_some() && self.city.len() > 0 {
            self.homed = true;
            let home = self.home();
            self.view.set(home);
        }
        let near = self.view.now().target_m.to_array();
        let whole = self.stage.build(&mut self.renderer, &mut self.city, near, most_corners);
        self.city.take_live_changed();
        if !self.first.is_draft() {
            self.place_live();
        }
        whole
    }

    fn place_live(&mut self) {
        let things: Vec<&Entity> = self.city.iter().filter(|entity| entity.layer.is_live()).collect();
        let live = Live {
            things: &things,
            city: &self.city,
            motion: &self.motion,
            readings: &self.readings,
            camera: self.view.camera(),
            height_px: self.renderer.size_px()[1] as f32,
        };
        self.stage.place_live(&mut self.renderer, &live);
    }

    /// Builds everything and shows the last known places, for a still picture.
    pub fn settle(&mut self) {
        self.motion.settle();
        self.update(usize::MAX);
    }

    /// What the next frame is drawn from.
    pub fn input(&self) -> FrameInput {
        let pick = |id: Option<EntityId>| id.and_then(|id| self.city.get(&id)).map_or(0, |entity| entity.pick);
        FrameInput {
            hovered: pick(self.hovered),
            selected: pick(self.selected),
            time_s: ((self.last_ms.unwrap_or(0.0) - self.started_ms) / 1e3) as f32,
            grid: if self.grid { 0.6 } else { 0.0 },
            draft: self.first.is_draft(),
            ..FrameInput::new(self.view.camera(), self.light())
        }
    }

    fn light(&self) -> Light {
        let target = self.view.now().target_m;
        let direction = match (self.time_us, self.city.frame()) {
            (Some(time_us), Some(frame)) => {
                let [lon, lat] = frame.to_degrees(target.x, target.y);
                sun::towards_sun(time_us, lon, lat)
            }
            _ if self.theme == Theme::Night => sun::from_angles(285.0, -12.0),
            _ => sun::from_angles(248.0, 31.0),
        };
        let mut light = Light::from_sun(direction);
        // From far above the whole city must stay clear of the haze.
        light.fog_per_m = (1.0 / (9000.0 + self.view.now().distance_m * 4.0)) as f32;
        light
    }

    /// An oblique look at where most things stand.
    fn home(&self) -> Orbit {
        let start = *View::default().now();
        let Some(frame) = self.city.frame() else { return start };
        let built = |entity: &&Entity| matches!(entity.layer, Layer::Buildings);
        let places = |only_built: bool| -> Vec<DVec2> {
            let wanted = self.city.iter().filter(|entity| !only_built || built(entity));
            let rows = wanted.filter_map(|entity| crate::city::place_of(&entity.row));
            rows.map(|[lon, lat]| frame.to_metres(lon, lat, 0.0).truncate()).collect()
        };
        let mut found = places(true);
        if found.len() < 8 {
            found = places(false);
        }
        // Medians: a few things far away do not move the picture.
        let percentile = |percent: usize, part: fn(&DVec2) -> f64| {
            let mut values: Vec<f64> = found.iter().map(part).collect();
            let at = (values.len() * percent / 100).min(values.len().saturating_sub(1));
            if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(at, f64::total_cmp).1 }
        };
        let (east, north) = (|p: &DVec2| p.x, |p: &DVec2| p.y);
        let low = DVec2::new(percentile(8, east), percentile(8, north));
        let high = DVec2::new(percentile(92, east), percentile(92, north));
        let reach = low.distance(high).clamp(120.0, 6000.0);
        Orbit { target_m: (low + high) * 0.5, distance_m: reach * 0.80 + 60.0, lift_m: 4.0, ..start }
    }

    /// The camera, for events and placing.
    pub fn view(&mut self) -> &mut View {
        &mut self.view
    }

    /// Flies to the first look at the city.
    pub fn fly_home(&mut self) {
        let home = self.home();
        self.view.fly(home);
    }

    /// Flies to a place; `height_m` is that of the thing looked at, above the ground.
    ///
    /// # Errors
    /// When the place is out of range.
    pub fn fly_to(&mut self, lon_deg: f64, lat_deg: f64, height_m: f64) -> Result<(), Error> {
        checked("longitude", lon_deg, 360.0, "-360 to 360 degrees")?;
        checked("latitude", lat_deg, 90.0, "-90 to 90 degrees")?;
        checked("height", height_m, 5000.0, "-5000 to 5000 metres")?;
        self.city.settle_frame(std::iter::once([lon_deg, lat_deg]));
        let Some(frame) = self.city.frame() else { return Ok(()) };
        let place = frame.to_metres(lon_deg, lat_deg, height_m);
        let now = *self.view.now();
        let distance_m = now.distance_m.min(260.0).max(90.0 + height_m * 2.0);
        self.view.fly(Orbit { target_m: place.truncate(), lift_m: height_m * 0.5, distance_m, ..now });
        self.homed = true;
        Ok(())
    }

    /// Where the eye is and how it looks; the height is above the drawn ground.
    pub fn camera_pose(&self) -> Option<CameraPose> {
        let eye = self.view.camera().eye_m;
        let [lon_deg, lat_deg] = self.city.frame()?.to_degrees(f64::from(eye.x), f64::from(eye.y));
        let Orbit { heading_deg, pitch_deg, .. } = *self.view.now();
        Some(CameraPose { lon_deg, lat_deg, height_m: f64::from(eye.z), heading_deg, pitch_deg })
    }

    /// The place looked at: longitude, latitude, and the distance to it in metres.
    pub fn target(&self) -> Option<[f64; 3]> {
        let now = self.view.now();
        let [lon, lat] = self.city.frame()?.to_degrees(now.target_m.x, now.target_m.y);
        Some([lon, lat, now.distance_m])
    }

    /// Puts the eye somewhere at once.
    ///
    /// # Errors
    /// When a figure is out of range.
    pub fn set_camera(&mut self, pose: &CameraPose) -> Result<(), Error> {
        checked("longitude", pose.lon_deg, 360.0, "-360 to 360 degrees")?;
        checked("latitude", pose.lat_deg, 90.0, "-90 to 90 degrees")?;
        checked("height", pose.height_m, 100_000.0, "0 to 100000 metres")?;
        checked("heading", pose.heading_deg, 720.0, "-720 to 720 degrees")?;
        checked("pitch", pose.pitch_deg, 90.0, "-90 to 90 degrees")?;
        self.city.settle_frame(std::iter::once([pose.lon_deg, pose.lat_deg]));
        let Some(frame) = self.city.frame() else { return Ok(()) };
        let eye = frame.to_metres(pose.lon_deg, pose.lat_deg, pose.height_m.max(1.0));
        let pitch_deg = pose.pitch_deg.clamp(-89.0, -4.0);
        let (down, level) = (-pitch_deg).to_radians().sin_cos();
        let distance_m = (eye.z / down).clamp(12.0, 60_000.0);
        let (sin, cos) = pose.heading_deg.to_radians().sin_cos();
        let target_m = eye.truncate() + DVec2::new(sin, cos) * distance_m * level;
        self.view.set(Orbit { target_m, lift_m: 0.0, distance_m, heading_deg: pose.heading_deg, pitch_deg });
        self.homed = true;
        Ok(())
    }

    /// Another size: in event pixels, with the number of device pixels to each.
    ///
    /// # Errors
    /// When the device cannot make a picture of this size.
    pub fn resize(&mut self, width: f32, height: f32, pixel_ratio: f32) -> Result<(), Error> {
        self.asked_ratio = if pixel_ratio.is_finite() { pixel_ratio.clamp(0.25, 4.0) } else { 1.0 };
        self.view.resize(width, height);
        self.fit()
    }

    /// Gives the picture as many pixels as it is to have now.
    fn fit(&mut self) -> Result<(), Error> {
        let ratio = self.asked_ratio * if self.first.is_draft() { DRAFT_SCALE } else { 1.0 };
        let most = self.renderer.gpu().most_px() as f32;
        let size = (self.view.size_px() * ratio).round().clamp(Vec2::ONE, Vec2::splat(most));
        self.renderer.resize(size.x as u32, size.y as u32)?;
        self.pixel_ratio = ratio;
        Ok(())
    }

    /// Starts to find out what is at an event pixel.
    pub fn pick(&mut self, x: f32, y: f32) -> PickRequest {
        let input = self.input();
        self.renderer.pick(&input, [x * self.pixel_ratio, y * self.pixel_ratio])
    }

    /// The entity behind a pick's answer.
    pub fn picked(&self, pick: u32) -> Option<EntityId> {
        self.city.of_pick(pick)
    }

    /// Highlights what the pointer is on.
    pub fn hover(&mut self, id: Option<EntityId>) {
        self.hovered = id;
    }

    /// Highlights what was chosen.
    pub fn select(&mut self, id: Option<EntityId>) {
        self.selected = id;
    }

    /// Shows or hides a layer, or the ground's "grid".
    ///
    /// # Errors
    /// When there is no such layer.
    pub fn set_layer(&mut self, name: &str, on: bool) -> Result<(), Error> {
        if name == "grid" {
            self.grid = on;
            return Ok(());
        }
        let layer = Layer::named(name).ok_or_else(|| Error::UnknownLayer(name.chars().take(60).collect()))?;
        self.stage.set_shown(&mut self.renderer, layer, on);
        Ok(())
    }

    /// The layers that hold something, and the grid.
    pub fn layers(&self) -> Vec<LayerInfo> {
        let mut counts: BTreeMap<Layer, usize> = BTreeMap::new();
        for entity in self.city.iter() {
            *counts.entry(entity.layer).or_default() += 1;
        }
        let layer =
            |(layer, count): (Layer, usize)| LayerInfo { name: layer.name(), on: self.stage.is_shown(layer), count };
        let mut layers: Vec<LayerInfo> = counts.into_iter().map(layer).collect();
        layers.push(LayerInfo { name: "grid", on: self.grid, count: 0 });
        layers
    }

    /// The ramps of what is measured.
    pub fn legend(&self) -> Vec<Legend> {
        self.readings.legend()
    }

    /// Which property colours the sensors; `None` lets each show its first.
    pub fn set_property(&mut self, property: Option<&str>) {
        self.readings.show(property);
    }

    /// Day or night, as far as no time is set.
    pub fn set_theme(&mut self, theme: Theme) {
        self.theme = theme;
    }

    /// Light as at this UTC instant; `None` goes back to the theme's.
    pub fn set_time(&mut self, time_us: Option<i64>) {
        self.time_us = time_us;
    }

    /// Longitude and latitude of the ground at an event pixel; `None` above the horizon.
    pub fn ground_at(&self, x: f32, y: f32) -> Option<[f64; 2]> {
        let place = self.view.camera().on_plane(Vec2::new(x, y), self.view.size_px(), 0.0)?;
        Some(self.city.frame()?.to_degrees(f64::from(place.x), f64::from(place.y)))
    }

    /// Where a place is on screen, in event pixels, also beyond the picture's sides; `None` behind the eye. `above_m`: metres
    /// above the ground.
    pub fn degrees_on_screen(&self, lon_deg: f64, lat_deg: f64, above_m: f64) -> Option<Vec2> {
        let place = self.city.frame()?.to_scene(lon_deg, lat_deg, above_m);
        self.view.camera().on_screen(place, self.view.size_px())
    }

    /// Where an entity is on screen, in event pixels; `None` when it is unknown or out of the picture.
    pub fn place_on_screen(&self, id: &EntityId) -> Option<Vec2> {
        let place = self.place_of(self.city.get(id)?)?;
        let size = self.view.size_px();
        let at = self.view.camera().on_screen(place, size)?;
        (at.cmpge(Vec2::ZERO).all() && at.cmple(size).all()).then_some(at)
    }

    fn place_of(&self, entity: &Entity) -> Option<Vec3> {
        if let Some(pose) = self.motion.pose(&entity.row.id) {
            return Some(pose.place_m.as_vec3());
        }
        let [lon, lat] = crate::city::place_of(&entity.row)?;
        let above = entity.row.height_m.map_or(0.0, |height| (height - self.city.ground_m()).max(0.0));
        let top = entity.row.extrude_m.map_or(0.0, f64::from);
        Some(self.city.frame()?.to_scene(lon, lat, above + top))
    }

    /// Named things in the picture, nearest first.
    pub fn labels(&self, most: usize) -> Vec<Label> {
        let (eye, size) = (self.view.camera().eye_m, self.view.size_px());
        let reach = (self.view.now().distance_m * 2.5) as f32;
        let mut found: Vec<(f32, Label)> = Vec::new();
        for entity in self.city.iter().filter(|entity| self.stage.is_shown(entity.layer)) {
            let Some(name) = entity.row.name.as_deref().filter(|name| !name.is_empty()) else { continue };
            let Some(place) = self.place_of(entity).filter(|place| place.distance(eye) < reach) else { continue };
            let Some(at) = self.view.camera().on_screen(place, size) else { continue };
            if at.cmpge(Vec2::ZERO).all() && at.cmple(size).all() {
                let (id, layer) = (entity.row.id.to_string(), entity.layer.name());
                found.push((place.distance(eye), Label { id, name: name.to_owned(), layer, x: at.x, y: at.y }));
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found.into_iter().take(most).map(|(_, label)| label).collect()
    }

    /// Figures of the last moments.
    pub fn stats(&self) -> Stats {
        let drawn = self.renderer.stats();
        Stats {
            entities: self.city.len(),
            updates: self.updates,
            fps: if self.frame_ms > 0.0 { 1000.0 / self.frame_ms } else { 0.0 },
            backend: self.renderer.gpu().backend_name(),
            adapter: self.renderer.gpu().adapter_name().to_owned(),
            draw_calls: drawn.draw_calls,
            triangles: drawn.triangles,
            last_time_us: self.motion.latest_us(),
            seen: self.first.is_seen(self.renderer.frames()[1]),
        }
    }

    /// The renderer, for pictures without a screen.
    pub fn renderer(&mut self) -> &mut Renderer {
        &mut self.renderer
    }
}

fn checked(what: &'static str, value: f64, most: f64, range: &'static str) -> Result<(), Error> {
    if value.is_finite() && value.abs() <= most { Ok(()) } else { Err(Error::OutOfRange { what, value, range }) }
}
