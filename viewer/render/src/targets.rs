//! The textures that a frame is drawn into: depth, and colour where a pixel has several samples. Made again when the size
//! changes.

use crate::Gpu;

pub(crate) const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// Colour and depth of one picture size.
pub(crate) struct Targets {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The samples to be resolved; without it the frame is drawn into its target at once.
    pub(crate) colour: Option<wgpu::TextureView>,
    pub(crate) depth: wgpu::TextureView,
}

impl Targets {
    pub(crate) fn new(gpu: &Gpu, width: u32, height: u32) -> Self {
        let samples = gpu.samples();
        let attached = |label, format| {
            let attachment = wgpu::TextureUsages::RENDER_ATTACHMENT;
            view(&texture(&gpu.device, label, format, [width, height], samples, attachment))
        };
        let colour = (samples > 1).then(|| attached("colour", gpu.format));
        Self { width, height, colour, depth: attached("depth", DEPTH) }
    }

    /// What a pass draws to for its picture to end in `target`, and what it resolves into.
    pub(crate) fn of_pass<'a>(
        &'a self,
        target: &'a wgpu::TextureView,
    ) -> (&'a wgpu::TextureView, Option<&'a wgpu::TextureView>) {
        self.colour.as_ref().map_or((target, None), |colour| (colour, Some(target)))
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
