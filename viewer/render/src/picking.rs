//! Which thing is under a pixel: the scene is drawn once more into a window of a few pixels around it, with ids for
//! colours, and read back when the GPU has finished. Asking returns at once; the answer is polled for, never waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::Error;
use crate::pipelines::PICK_FORMAT;
use crate::targets::{DEPTH, texture, view};

/// The window's side in pixels: small things may be missed by this half of it.
pub const PICK_WINDOW_PX: u32 = 7;

const ROW_BYTES: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;
const WAITING: u8 = 0;
const READY: u8 = 1;
const FAILED: u8 = 2;

/// The small textures that a pick is drawn into.
pub struct PickSlot {
    pub(crate) colour: wgpu::TextureView,
    pub(crate) depth: wgpu::TextureView,
    texture: wgpu::Texture,
}

/// A pick under way.
pub struct PickRequest {
    buffer: wgpu::Buffer,
    state: Arc<AtomicU8>,
}

impl PickSlot {
    pub(crate) fn new(device: &wgpu::Device) -> Self {
        let side = [PICK_WINDOW_PX, PICK_WINDOW_PX];
        let usage = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC;
        let ids = texture(device, "pick ids", PICK_FORMAT, side, 1, usage);
        let depth = texture(device, "pick depth", DEPTH, side, 1, wgpu::TextureUsages::RENDER_ATTACHMENT);
        Self { colour: view(&ids), depth: view(&depth), texture: ids }
    }

    /// Records the copy that follows the drawing.
    pub(crate) fn copy_out(&self, device: &wgpu::Device, encoder: &mut wgpu::CommandEncoder) -> wgpu::Buffer {
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("pick"),
            size: u64::from(ROW_BYTES * PICK_WINDOW_PX),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        encoder.copy_texture_to_buffer(
            self.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(ROW_BYTES), rows_per_image: None },
            },
            wgpu::Extent3d { width: PICK_WINDOW_PX, height: PICK_WINDOW_PX, depth_or_array_layers: 1 },
        );
        buffer
    }
}

impl PickRequest {
    /// Starts reading back; the drawing must have been submitted.
    pub(crate) fn start(buffer: wgpu::Buffer) -> Self {
        let state = Arc::new(AtomicU8::new(WAITING));
        let done = Arc::clone(&state);
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            done.store(if result.is_ok() { READY } else { FAILED }, Ordering::Release);
        });
        Self { buffer, state }
    }

    /// The answer, once there is one: the id nearest to the pixel, 0 for nothing. `None` means "ask again".
    ///
    /// # Errors
    /// When the device could not read back.
    pub fn poll(&self) -> Result<Option<u32>, Error> {
        match self.state.load(Ordering::Acquire) {
            WAITING => Ok(None),
            READY => {
                let bytes = self.buffer.get_mapped_range(..).map_err(|error| Error::ReadBack(error.to_string()))?;
                Ok(Some(nearest(&bytes)))
            }
            _ => Err(Error::ReadBack("the buffer could not be mapped".to_owned())),
        }
    }
}

/// The id in the middle, else the one nearest to it.
fn nearest(bytes: &[u8]) -> u32 {
    let middle = (PICK_WINDOW_PX / 2) as i32;
    let mut best = (i32::MAX, 0);
    for y in 0..PICK_WINDOW_PX as i32 {
        for x in 0..PICK_WINDOW_PX as i32 {
            let at = (y as usize) * ROW_BYTES as usize + (x as usize) * 4;
            let Some(&[a, b, c, d]) = bytes.get(at..at + 4) else { continue };
            let id = u32::from_le_bytes([a, b, c, d]);
            let away = (x - middle).pow(2) + (y - middle).pow(2);
            if id != 0 && away < best.0 {
                best = (away, id);
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_wins_and_the_nearer_neighbour_follows() {
        let mut bytes = vec![0u8; (ROW_BYTES * PICK_WINDOW_PX) as usize];
        assert_eq!(nearest(&bytes), 0);
        let mut put = |x: usize, y: usize, id: u32| {
            let at = y * ROW_BYTES as usize + x * 4;
            bytes[at..at + 4].copy_from_slice(&id.to_le_bytes());
            nearest(&bytes)
        };
        assert_eq!(put(0, 0, 0x0102_0304), 0x0102_0304);
        assert_eq!(put(4, 3, 77), 77);
        assert_eq!(put(3, 3, 5), 5);
    }
}
