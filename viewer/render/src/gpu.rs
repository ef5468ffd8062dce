//! The graphics device: found on a machine without a screen, or behind a page's canvas with WebGPU or else WebGL2.
//! Errors that the device reports on its own time are kept and handed out by [`Gpu::take_error`]; none ends the program.

use std::sync::{Arc, Mutex};

use crate::Error;

/// Which browser interface to draw with.
#[cfg(target_arch = "wasm32")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendChoice {
    /// WebGPU or an error.
    WebGpu,
    /// WebGL2 or an error.
    WebGl,
}

/// A device with its queue and, in a browser, the canvas it draws to.
pub struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) surface: Option<wgpu::Surface<'static>>,
    pub(crate) format: wgpu::TextureFormat,
    errors: Arc<Mutex<Option<String>>>,
    info: wgpu::AdapterInfo,
}

impl Gpu {
    /// A device without a screen: Vulkan, else OpenGL. A software adapter is good enough.
    ///
    /// # Errors
    /// When the machine has no adapter or the adapter gives no device.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn headless() -> Result<Self, Error> {
        let native = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
        let advice = "On Debian the software adapter is the package mesa-vulkan-drivers";
        // OpenGL is asked only where nothing else answers: it is the slowest of them.
        let mut found = Self::without_screen(native, advice).await;
        if found.is_err() {
            found = Self::without_screen(wgpu::Backends::GL, advice).await;
        }
        Self::with(found?, None).await
    }

    #[cfg(not(target_arch = "wasm32"))]
    async fn without_screen(backends: wgpu::Backends, advice: &'static str) -> Result<wgpu::Adapter, Error> {
        let mut wanted = wgpu::InstanceDescriptor::new_without_display_handle();
        wanted.backends = backends;
        ask(&wgpu::Instance::new(wanted), None, "a picture without a screen", advice).await
    }

    /// A device that draws to a canvas.
    ///
    /// # Errors
    /// When the browser offers no such interface, or the canvas is taken.
    #[cfg(target_arch = "wasm32")]
    pub async fn for_canvas(canvas: web_sys::HtmlCanvasElement, choice: BackendChoice) -> Result<Self, Error> {
        let (backends, wanted, advice) = match choice {
            BackendChoice::WebGpu => (wgpu::Backends::BROWSER_WEBGPU, "WebGPU", "Try WebGL2, or a browser with WebGPU"),
            BackendChoice::WebGl => (wgpu::Backends::GL, "WebGL2", "Switch hardware acceleration on in the browser"),
        };
        let mut described = wgpu::InstanceDescriptor::new_without_display_handle();
        described.backends = backends;
        let instance = wgpu::Instance::new(described);
        let target = wgpu::SurfaceTarget::Canvas(canvas);
        let surface = instance.create_surface(target).map_err(|error| Error::NoAdapter {
            wanted,
            reason: error.to_string(),
            advice,
        })?;
        let adapter = ask(&instance, Some(&surface), wanted, advice).await?;
        Self::with(adapter, Some(surface)).await
    }

    async fn with(adapter: wgpu::Adapter, surface: Option<wgpu::Surface<'static>>) -> Result<Self, Error> {
        let info = adapter.get_info();
        let mut limits = wgpu::Limits::downlevel_webgl2_defaults().using_resolution(adapter.limits());
        // City meshes are larger than the cautious default.
        limits.max_buffer_size = adapter.limits().max_buffer_size.min(1 << 30);
        let wanted = wgpu::DeviceDescriptor { label: Some("viewer"), required_limits: limits, ..Default::default() };
        let (device, queue) = adapter
            .request_device(&wanted)
            .await
            .map_err(|error| Error::NoDevice { adapter: info.name.clone(), reason: error.to_string() })?;
        let errors = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&errors);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            if let Ok(mut slot) = kept.lock() {
                // The first error is the cause; later ones are its echo.
                slot.get_or_insert_with(|| error.to_string());
            }
        }));
        let format = match &surface {
            Some(surface) => chosen_format(&surface.get_capabilities(&adapter).formats)?,
            None => wgpu::TextureFormat::Rgba8Unorm,
        };
        Ok(Self { device, queue, surface, format, errors, info })
    }

    /// "WebGPU", "WebGL2", "Vulkan" and so on.
    pub fn backend_name(&self) -> &'static str {
        match self.info.backend {
            wgpu::Backend::BrowserWebGpu => "WebGPU",
            wgpu::Backend::Gl if cfg!(target_arch = "wasm32") => "WebGL2",
            wgpu::Backend::Gl => "OpenGL",
            wgpu::Backend::Vulkan => "Vulkan",
            wgpu::Backend::Metal => "Metal",
            wgpu::Backend::Dx12 => "Direct3D 12",
            wgpu::Backend::Noop => "none",
        }
    }

    /// The adapter's own name; browsers may leave it empty.
    pub fn adapter_name(&self) -> &str {
        &self.info.name
    }

    /// Samples a pixel. Four is what WebGL2 and WebGPU both promise; a canvas without a graphics chip behind it gets one,
    /// because there each sample is the processor's work (four cost 2.3 times as much) and a city that moves is worth more
    /// than smooth edges. A still picture has the time.
    pub(crate) fn samples(&self) -> u32 {
        if self.is_software() && self.surface.is_some() { 1 } else { 4 }
    }

    /// Whether the processor draws, because there is no graphics chip.
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// The longest side of a picture in pixels.
    pub fn most_px(&self) -> u32 {
        self.device.limits().max_texture_dimension_2d
    }

    /// The first error the device has reported since the last call.
    pub fn take_error(&self) -> Option<Error> {
        self.errors.lock().ok()?.take().map(Error::Device)
    }

    pub(crate) fn checked_size(&self, width: u32, height: u32) -> Result<(), Error> {
        let most = self.most_px();
        let fits = |side: u32| (1..=most).contains(&side);
        if fits(width) && fits(height) { Ok(()) } else { Err(Error::Size { width, height, most }) }
    }

    pub(crate) fn configure_surface(&self, width: u32, height: u32) {
        let Some(surface) = &self.surface else { return };
        surface.configure(
            &self.device,
            &wgpu::SurfaceConfiguration {
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
                format: self.format,
                color_space: wgpu::SurfaceColorSpace::Auto,
                width,
                height,
                present_mode: wgpu::PresentMode::Fifo,
                desired_maximum_frame_latency: 2,
                alpha_mode: wgpu::CompositeAlphaMode::Auto,
                view_formats: vec![],
            },
        );
    }
}

async fn ask(
    instance: &wgpu::Instance,
    surface: Option<&wgpu::Surface<'static>>,
    wanted: &'static str,
    advice: &'static str,
) -> Result<wgpu::Adapter, Error> {
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        compatible_surface: surface,
        ..Default::default()
    };
    let answer = instance.request_adapter(&options).await;
    answer.map_err(|error| Error::NoAdapter { wanted, reason: error.to_string(), advice })
}

/// The shaders encode sRGB themselves, so a plain 8-bit format it is: the browsers' defaults differ.
fn chosen_format(offered: &[wgpu::TextureFormat]) -> Result<wgpu::TextureFormat, Error> {
    [wgpu::TextureFormat::Rgba8Unorm, wgpu::TextureFormat::Bgra8Unorm]
        .into_iter()
        .find(|format| offered.contains(format))
        .ok_or_else(|| Error::Canvas(format!("it offers no plain 8-bit format, only {offered:?}")))
}
