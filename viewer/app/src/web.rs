//! The viewer in a page: one class for JavaScript over [`App`]. Numbers, bytes and JSON texts cross the border, nothing else.
//! The page calls `frame` from `requestAnimationFrame`; answers to picks come with a later frame. Every failure is an `Error`
//! with a sentence that can be shown.

use std::collections::VecDeque;

use js_sys::{Function, Promise};
use serde::Serialize;
use viewer_render::{BackendChoice, Gpu, PickRequest, Renderer};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use crate::{App, CameraPose, Drag, EntityId, Error, Theme};

/// Picks under way at once; an older one is answered with nothing.
const MOST_PICKS: usize = 4;

/// The viewer on one canvas.
#[wasm_bindgen]
pub struct UrbisViewer {
    app: App,
    picks: VecDeque<Pending>,
}

struct Pending {
    request: PickRequest,
    resolve: Function,
    hover: bool,
}

#[derive(Serialize)]
struct CameraInfo {
    #[serde(flatten)]
    pose: CameraPose,
    target_lon_deg: f64,
    target_lat_deg: f64,
    distance_m: f64,
}

fn error(error: &Error) -> JsError {
    JsError::new(&error.to_string())
}

fn json<T: Serialize>(value: &T) -> Result<String, JsError> {
    serde_json::to_string(value).map_err(|e| JsError::new(&e.to_string()))
}

fn id_of(text: Option<String>) -> Result<Option<EntityId>, JsError> {
    text.map(|text| EntityId::parse(&text)).transpose().map_err(|e| error(&e))
}

/// Starts the viewer on the canvas with this element id. `backend` is "webgpu" or "webgl", which the page has
/// found to be there.
///
/// # Errors
/// When there is no such canvas, or the browser offers no graphics interface: the message says which and what to do.
#[wasm_bindgen]
pub async fn start(canvas_id: String, backend: String) -> Result<UrbisViewer, JsError> {
    console_error_panic_hook::set_once();
    let choice = match backend.as_str() {
        "webgpu" => BackendChoice::WebGpu,
        "webgl" => BackendChoice::WebGl,
        other => return Err(JsError::new(&format!("backend {other:?} is not known: say webgpu or webgl"))),
    };
    let canvas = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id(&canvas_id))
        .and_then(|element| element.dyn_into::<web_sys::HtmlCanvasElement>().ok())
        .ok_or_else(|| JsError::new(&format!("the page has no canvas with the id {canvas_id:?}")))?;
    let (width, height) = (canvas.width().max(1), canvas.height().max(1));
    let failed = |e: viewer_render::Error| error(&Error::from(e));
    let gpu = Gpu::for_canvas(canvas, choice).await.map_err(failed)?;
    let renderer = Renderer::new(gpu, width, height).map_err(failed)?;
    if let Some(reported) = renderer.gpu().take_error() {
        return Err(failed(reported));
    }
    let app = App::new(renderer);
    app.warm_up();
    Ok(UrbisViewer { app, picks: VecDeque::new() })
}

#[wasm_bindgen]
impl UrbisViewer {
    /// Takes one Arrow IPC stream message, as it arrives.
    ///
    /// # Errors
    /// When the message is not understood; what was shown stays.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), JsError> {
        // The clock that `requestAnimationFrame` gives its times by.
        let now_ms = web_sys::window().and_then(|window| window.performance()).map_or(0.0, |clock| clock.now());
        self.app.push(bytes, now_ms).map_err(|e| error(&e))
    }

    /// The server begins to tell everything from the start, as after a broken line.
    pub fn begin_snapshot(&mut self) {
        self.app.begin_snapshot();
    }

    /// The server has told everything: what it did not tell again is gone.
    pub fn end_snapshot(&mut self) {
        self.app.end_snapshot();
    }

    /// Draws the picture of this instant (`performance.now()`, as `requestAnimationFrame` gives it) and answers picks.
    ///
    /// # Errors
    /// When the graphics device fails: stop, and start the viewer again.
    pub fn frame(&mut self, time_ms: f64) -> Result<(), JsError> {
        self.app.frame(time_ms).map_err(|e| error(&e))?;
        self.answer_picks();
        Ok(())
    }

    /// The canvas's size in CSS pixels and the number of device pixels to each. Sets the canvas's own size through the surface.
    ///
    /// # Errors
    /// When the device cannot make a picture of this size.
    pub fn resize(&mut self, width: f32, height: f32, dpr: f32) -> Result<(), JsError> {
        self.app.resize(width, height, dpr).map_err(|e| error(&e))
    }

    /// A pointer went down at CSS pixels of the canvas. `button` as in `PointerEvent.button`: 0 pans, others turn; `turn`
    /// (shift or control held) turns as well. Two pointers down are a pinch.
    pub fn pointer_down(&mut self, pointer_id: i32, x: f32, y: f32, button: i32, turn: bool) {
        let drag = if button == 0 && !turn { Drag::Pan } else { Drag::Turn };
        self.app.view().pointer_down(pointer_id, x, y, drag);
    }

    /// A pointer moved. True when it moves the view, so that the page need not ask what is under it.
    pub fn pointer_move(&mut self, pointer_id: i32, x: f32, y: f32) -> bool {
        self.app.view().pointer_move(pointer_id, x, y);
        self.app.view().is_held()
    }

    /// A pointer went up, was cancelled or left.
    pub fn pointer_up(&mut self, pointer_id: i32) {
        self.app.view().pointer_up(pointer_id);
    }

    /// The wheel turned by `delta_y` CSS pixels (a line is 16, a page the canvas's height); down goes farther away.
    pub fn wheel(&mut self, x: f32, y: f32, delta_y: f32) {
        self.app.view().wheel(x, y, delta_y);
    }

    /// A key went down or up, by `KeyboardEvent.code`: WASD and arrows move, Q E turn, R F tilt, - = zoom, Home flies home.
    /// True when the key means something here.
    pub fn key(&mut self, code: &str, down: bool) -> bool {
        if code == "Home" {
            if down {
                self.app.fly_home();
            }
            return true;
        }
        self.app.view().key(code, down)
    }

    /// Lets go of every pointer and key, as when the window loses the focus.
    pub fn release(&mut self) {
        self.app.view().release();
    }

    /// Shows or hides a layer by its name in `layers()`.
    ///
    /// # Errors
    /// When there is no such layer.
    pub fn set_layer(&mut self, name: &str, on: bool) -> Result<(), JsError> {
        self.app.set_layer(name, on).map_err(|e| error(&e))
    }

    /// JSON: `[{"name","on","count"}]`, the layers that hold something and "grid".
    ///
    /// # Errors
    /// Never in practice: only if JSON cannot be written.
    pub fn layers(&self) -> Result<String, JsError> {
        json(&self.app.layers())
    }

    /// JSON: `[{"property","unit","min","max","stops":[[value,"#rrggbb"]],"count","shown"}]`.
    ///
    /// # Errors
    /// Never in practice: only if JSON cannot be written.
    pub fn legend(&self) -> Result<String, JsError> {
        json(&self.app.legend())
    }

    /// Which property colours the sensors; null lets each sensor show the first it has.
    pub fn set_property(&mut self, property: Option<String>) {
        self.app.set_property(property.as_deref());
    }

    /// Flies to a place; `height_m` is the looked-at thing's height above the ground.
    ///
    /// # Errors
    /// When the place is out of range.
    pub fn fly_to(&mut self, lon_deg: f64, lat_deg: f64, height_m: f64) -> Result<(), JsError> {
        self.app.fly_to(lon_deg, lat_deg, height_m).map_err(|e| error(&e))
    }

    /// Flies to the look at the whole city.
    pub fn fly_home(&mut self) {
        self.app.fly_home();
    }

    /// What is under the pointer (CSS pixels): a promise of an entity's id or null, kept with one of the next frames.
    /// The thing is highlighted as hovered.
    pub fn hover_at(&mut self, x: f32, y: f32) -> Promise {
        self.ask(x, y, true)
    }

    /// What is at a place on the canvas (CSS pixels): a promise of an entity's id or null, kept with one of the next frames.
    pub fn pick_at(&mut self, x: f32, y: f32) -> Promise {
        self.ask(x, y, false)
    }

    /// Highlights a chosen thing; null none.
    ///
    /// # Errors
    /// When the text is not an entity's id.
    pub fn select(&mut self, id: Option<String>) -> Result<(), JsError> {
        self.app.select(id_of(id)?);
        Ok(())
    }

    /// Takes the hover highlight away, as when the pointer leaves.
    pub fn clear_hover(&mut self) {
        self.app.hover(None);
    }

    /// "day" or "night", as far as no time is set.
    ///
    /// # Errors
    /// When it is neither.
    pub fn set_theme(&mut self, theme: &str) -> Result<(), JsError> {
        self.app.set_theme(match theme {
            "day" => Theme::Day,
            "night" => Theme::Night,
            other => return Err(JsError::new(&format!("theme {other:?} is not known: say day or night"))),
        });
        Ok(())
    }

    /// Light as at this UTC instant (milliseconds since 1970); null goes back to the theme's.
    pub fn set_time(&mut self, utc_ms: Option<f64>) {
        self.app.set_time(utc_ms.filter(|ms| ms.is_finite()).map(|ms| (ms * 1e3) as i64));
    }

    /// JSON: `{"lon_deg","lat_deg","height_m","heading_deg","pitch_deg","target_lon_deg","target_lat_deg","distance_m"}`,
    /// or "null" before anything has arrived.
    ///
    /// # Errors
    /// Never in practice: only if JSON cannot be written.
    pub fn camera(&self) -> Result<String, JsError> {
        let info = self.app.camera_pose().zip(self.app.target());
        json(&info.map(|(pose, [target_lon_deg, target_lat_deg, distance_m])| CameraInfo {
            pose,
            target_lon_deg,
            target_lat_deg,
            distance_m,
        }))
    }

    /// Puts the eye somewhere at once: degrees, metres above the ground, clockwise from north, down is negative.
    ///
    /// # Errors
    /// When a figure is out of range.
    pub fn set_camera(
        &mut self,
        lon_deg: f64,
        lat_deg: f64,
        height_m: f64,
        heading_deg: f64,
        pitch_deg: f64,
    ) -> Result<(), JsError> {
        let pose = CameraPose { lon_deg, lat_deg, height_m, heading_deg, pitch_deg };
        self.app.set_camera(&pose).map_err(|e| error(&e))
    }

    /// `[lon, lat]` of the ground under a CSS pixel, or undefined above the horizon.
    pub fn ground_at(&self, x: f32, y: f32) -> Option<Vec<f64>> {
        self.app.ground_at(x, y).map(|place| place.to_vec())
    }

    /// `[x, y]` of each place in CSS pixels, one after the other; places come as longitude, latitude and metres above the
    /// ground. What lies behind the eye is NaN; what lies beside the picture is told too.
    pub fn on_screen(&self, places: &[f64]) -> Vec<f32> {
        let at = |place: &[f64]| match place {
            &[lon, lat, above] => self.app.degrees_on_screen(lon, lat, above).map_or([f32::NAN; 2], |at| at.to_array()),
            _ => [f32::NAN; 2],
        };
        places.chunks(3).flat_map(at).collect()
    }

    /// `[x, y]` of an entity in CSS pixels, or undefined when it is unknown or out of the picture.
    ///
    /// # Errors
    /// When the text is not an entity's id.
    pub fn screen_of(&self, id: &str) -> Result<Option<Vec<f32>>, JsError> {
        let id = EntityId::parse(id).map_err(|e| error(&e))?;
        Ok(self.app.place_on_screen(&id).map(|at| at.to_array().to_vec()))
    }

    /// JSON: `[{"id","name","layer","x","y"}]`, named things in the picture, nearest first.
    ///
    /// # Errors
    /// Never in practice: only if JSON cannot be written.
    pub fn labels(&self, most: usize) -> Result<String, JsError> {
        json(&self.app.labels(most))
    }

    /// JSON: `{"entities","updates","fps","backend","adapter","draw_calls","triangles","last_time_us","seen"}`.
    ///
    /// # Errors
    /// Never in practice: only if JSON cannot be written.
    pub fn stats(&self) -> Result<String, JsError> {
        json(&self.app.stats())
    }

    fn ask(&mut self, x: f32, y: f32, hover: bool) -> Promise {
        // Someone asks faster than frames come: the oldest question is out of date.
        if self.picks.len() >= MOST_PICKS
            && let Some(old) = self.picks.pop_front()
        {
            tell(&old.resolve, None);
        }
        let request = self.app.pick(x, y);
        let picks = &mut self.picks;
        let mut request = Some(request);
        Promise::new(&mut |resolve, _reject| {
            if let Some(request) = request.take() {
                picks.push_back(Pending { request, resolve, hover });
            }
        })
    }

    fn answer_picks(&mut self) {
        while let Some(first) = self.picks.front() {
            let answer = match first.request.poll() {
                Ok(None) => return,
                Ok(Some(pick)) => self.app.picked(pick),
                // A lost answer is no answer; the device's own error comes with the frame.
                Err(_) => None,
            };
            let Some(done) = self.picks.pop_front() else { return };
            if done.hover {
                self.app.hover(answer);
            }
            tell(&done.resolve, answer);
        }
    }
}

fn tell(resolve: &Function, id: Option<EntityId>) {
    let value = id.map_or(JsValue::NULL, |id| JsValue::from_str(&id.to_string()));
    // A promise's resolve function does not throw.
    let _ = resolve.call1(&JsValue::UNDEFINED, &value);
}
