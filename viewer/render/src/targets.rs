//! The textures that a frame is drawn into: colour and depth with four samples a pixel. Made again when the size changes.

/// Samples a pixel: what WebGL2 and WebGPU both promise.
pub(crate) const SAMPLES: u32 = 4;
pub(crate) const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// Colour and depth of one picture size.
pub(crate) struct Targets {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) colour: wgpu::TextureView,
    pub(crate) depth: wgpu::TextureView,
}

impl Targets {
    pub(crate) fn new(device: &wgpu::Device, format: wgpu::TextureFormat, width: u32, height: u32) -> Self {
        let attachment = wgpu::TextureUsages::RENDER_ATTACHMENT;
        let colour = texture(device, "colour", format, [width, height], SAMPLES, attachment);
        let depth = texture(device, "depth", DEPTH, [width, height], SAMPLES, attachment);
        Self { width, height, colour: view(&colour), depth: view(&depth) }
    }
}

pub(crate) fn view(texture: &wgpu::Texture) -> wgpu::TextureView {
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

pub(crate) fn texture(
    device: &wgpu::Device,
    label: &str,
    format: wgpu::TextureFormat,
    [width, height]: [u32; 2],
    sample_count: u32,
    usage: wgpu::TextureUsages,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats: &[],
    })
}
