//! Compiling ahead: pipelines are made, and drawn with once on nothing, while the city is still on its way. Drivers compile
//! as late as at the first draw; half a second of the way to the first picture where no graphics chip helps.

use crate::pipelines::{Pass, What};
use crate::renderer::begin;
use crate::targets::{Targets, texture, view};
use crate::{Instance, Renderer, Vertex};

/// Pixels a side of the picture that nobody sees.
const SIDE_PX: u32 = 4;

impl Renderer {
    /// Draws a triangle without size with every pipeline that a picture of a city needs; of a draft, where that comes first.
    pub fn warm_up(&self, draft: bool) {
        let into = Pass::picture(draft);
        let device = &self.gpu.device;
        let usage = wgpu::TextureUsages::RENDER_ATTACHMENT;
        let target = view(&texture(device, "warm-up", self.gpu.format, [SIDE_PX; 2], 1, usage));
        let targets = Targets::new(&self.gpu, SIDE_PX, SIDE_PX);
        let nothing = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("warm-up"),
            size: (3 * size_of::<Vertex>().max(size_of::<Instance>())) as u64,
            usage: wgpu::BufferUsages::VERTEX,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let (colour, resolve) = targets.of_pass(&target);
            let mut pass = begin(&mut encoder, colour, resolve, &targets.depth);
            self.bind(&mut pass);
            pass.set_vertex_buffer(0, nothing.slice(..));
            pass.set_vertex_buffer(1, nothing.slice(..));
            for what in What::of_a_city(into) {
                pass.set_pipeline(self.pipelines.get(into, what));
                pass.draw(0..3, 0..1);
            }
        }
        self.gpu.queue.submit([encoder.finish()]);
    }
}
