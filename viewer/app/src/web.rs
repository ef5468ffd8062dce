//! Hello.
use glam::Vec3;
use viewer_render::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
pub struct UrbisViewer {
    renderer: Renderer,
}

#[wasm_bindgen]
pub async fn start(canvas_id: String, backend: String) -> Result<UrbisViewer, JsError> {
    console_error_panic_hook::set_once();
    let document = web_sys::window().and_then(|w| w.document()).ok_or_else(|| JsError::new("no document"))?;
    let canvas: web_sys::HtmlCanvasElement = document
        .get_element_by_id(&canvas_id)
        .ok_or_else(|| JsError::new("no canvas"))?
        .dyn_into()
        .map_err(|_| JsError::new("not a canvas"))?;
    let choice = match backend.as_str() {
        "webgl" => BackendChoice::WebGl,
        "webgpu" => BackendChoice::WebGpu,
        _ => BackendChoice::Auto,
    };
    let (w, h) = (canvas.width(), canvas.height());
    let gpu = Gpu::for_canvas(canvas, choice).await?;
    let mut renderer = Renderer::new(gpu, w, h)?;
    let mut m = MeshData::default();
    for (x, h) in [(0.0f32, 10.0f32), (30.0, 25.0), (60.0, 40.0)] {
        let c = |dx: f32, dy: f32, z: f32, n: [f32; 3]| {
            Vertex::new([x + dx, dy, z], n, Material::Wall, rgb8(225, 220, 210), 7)
        };
        for (a, b, n) in [
            ((0., 0.), (20., 0.), [0., -1., 0.]),
            ((20., 0.), (20., 20.), [1., 0., 0.]),
            ((20., 20.), (0., 20.), [0., 1., 0.]),
            ((0., 20.), (0., 0.), [-1., 0., 0.]),
        ] {
            m.quad([c(a.0, a.1, 0., n), c(b.0, b.1, 0., n), c(b.0, b.1, h, n), c(a.0, a.1, h, n)]);
        }
        let n = [0., 0., 1.];
        m.quad([c(0., 0., h, n), c(20., 0., h, n), c(20., 20., h, n), c(0., 20., h, n)]);
    }
    renderer.add_mesh(&m, Stage::Solid);
    Ok(UrbisViewer { renderer })
}
#[wasm_bindgen]
impl UrbisViewer {
    pub fn backend(&self) -> String {
        self.renderer.gpu().backend_name().to_owned()
    }
    pub fn frame(&mut self) -> Result<(), JsError> {
        let camera =
            Camera { eye_m: Vec3::new(-30.0, -120.0, 60.0), target_m: Vec3::new(40.0, 10.0, 10.0), fov_rad: 0.8 };
        let light = Light::from_sun(Vec3::new(-0.6, -0.5, 0.45).normalize());
        self.renderer.present(&FrameInput::new(camera, light))?;
        Ok(())
    }
}
