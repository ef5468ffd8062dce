//! A picture without a screen: the frame is drawn into a texture and its bytes come back as rows of RGBA from the top.

#[cfg(not(target_arch = "wasm32"))]
use crate::{Error, FrameInput, Renderer, targets::texture};

/// A finished picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Four bytes a pixel (red, green, blue, alpha; sRGB), rows from the top, without padding.
    pub bytes: Vec<u8>,
}

impl Picture {
    /// The colour at a pixel; `None` outside the picture.
    pub fn pixel(&self, x: u32, y: u32) -> Option<[u8; 4]> {
        let at = (y as usize * self.width as usize + x as usize) * 4;
        let inside = x < self.width && y < self.height;
        inside.then(|| self.bytes.get(at..at + 4)?.try_into().ok()).flatten()
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Renderer {
    /// Draws one frame of this size and waits for its bytes. Not for browsers: there nothing may wait.
    ///
    /// # Errors
    /// When the size cannot be made, or the device fails.
    pub fn picture(&mut self, input: &FrameInput, width: u32, height: u32) -> Result<Picture, Error> {
        self.resize(width, height)?;
        let usage = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC;
        let target = texture(&self.gpu.device, "picture", self.gpu.format, [width, height], 1, usage);
        self.draw_into(input, &crate::targets::view(&target));

        let row = (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("picture"),
            size: u64::from(row) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: None };
        encoder.copy_texture_to_buffer(
            target.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
            wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        );
        self.gpu.queue.submit([encoder.finish()]);

        let (told, answer) = std::sync::mpsc::channel();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver lives until the answer is there; a closed channel needs no report.
            let _ = told.send(result);
        });
        let failed = |reason: String| Error::ReadBack(reason);
        self.gpu.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| failed(error.to_string()))?;
        answer.recv().map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
        if let Some(error) = self.gpu.take_error() {
            return Err(error);
        }
        let mapped = buffer.get_mapped_range(..).map_err(|error| failed(error.to_string()))?;
        let mut bytes = Vec::with_capacity((width * height * 4) as usize);
        for line in mapped.chunks(row as usize) {
            bytes.extend_from_slice(&line[..(width * 4) as usize]);
        }
        Ok(Picture { width, height, bytes })
    }
}
