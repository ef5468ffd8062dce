//! The renderer: owns the device, the pipelines and the scene, and draws frames to a canvas or into a texture.
//! It draws only when asked to; the caller owns time, camera and light.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::frame::{FrameUniform, Sight};
use crate::picking::{PickRequest, PickSlot};
use crate::pipelines::{Pass, Pipelines, What};
use crate::scene::{BatchId, Detail, GpuSet, LineId, MeshId, PointId, Scene, ShapeId, ShapeMesh, Stage};
use crate::shadow::Shadow;
use crate::targets::Targets;
use crate::{Error, FrameInput, Frustum, Gpu, Instance, Line, MeshData, PICK_WINDOW_PX, Point};

/// What the last frame cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameStats {
    /// Draw calls to the screen.
    pub draw_calls: u32,
    /// Triangles in them.
    pub triangles: u64,
    /// Whether the shadow map was drawn as well.
    pub shadow_drawn: bool,
}

/// See the module.
pub struct Renderer {
    pub(crate) gpu: Gpu,
    pub(crate) pipelines: Pipelines,
    scene: Scene,
    shadow: Shadow,
    targets: Targets,
    screen: Uniform,
    picking: Uniform,
    pick_slot: PickSlot,
    stats: FrameStats,
    presented: u64,
    finished: Arc<AtomicU64>,
}

/// A uniform buffer with its bind group.
struct Uniform {
    buffer: wgpu::Buffer,
    group: wgpu::BindGroup,
}

impl Uniform {
    fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout) -> Self {
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("frame"),
            size: size_of::<FrameUniform>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("frame"),
            layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
        });
        Self { buffer, group }
    }
}

/// Counts what one pass draws.
#[derive(Default)]
struct Tally {
    draws: Cell<u32>,
    triangles: Cell<u64>,
}

impl Tally {
    fn add(&self, triangles: u64) {
        self.draws.set(self.draws.get() + 1);
        self.triangles.set(self.triangles.get() + triangles);
    }
}

impl Renderer {
    /// A renderer with an empty scene. The size may be changed at any time.
    ///
    /// # Errors
    /// When the device cannot make a picture of this size.
    pub fn new(gpu: Gpu, width: u32, height: u32) -> Result<Self, Error> {
        gpu.checked_size(width, height)?;
        let pipelines = Pipelines::new(&gpu);
        let shadow = Shadow::new(&gpu.device, &pipelines.shadow_layout);
        let targets = Targets::new(&gpu, width, height);
        gpu.configure_surface(width, height);
        Ok(Self {
            screen: Uniform::new(&gpu.device, &pipelines.frame_layout),
            picking: Uniform::new(&gpu.device, &pipelines.frame_layout),
            pick_slot: PickSlot::new(&gpu.device),
            scene: Scene::default(),
            stats: FrameStats::default(),
            presented: 0,
            finished: Arc::default(),
            gpu,
            pipelines,
            shadow,
            targets,
        })
    }

    /// The device, for its names and errors.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Width and height in pixels.
    pub fn size_px(&self) -> [u32; 2] {
        [self.targets.width, self.targets.height]
    }

    /// What the last frame cost.
    pub fn stats(&self) -> FrameStats {
        self.stats
    }

    /// Whether a canvas waits for the processor to draw, because there is no graphics chip.
    pub fn draws_slowly(&self) -> bool {
        self.gpu.is_software() && self.gpu.surface.is_some()
    }

    /// How many frames the canvas was given, and how many of them the GPU has finished.
    pub fn frames(&self) -> [u64; 2] {
        self.poll();
        [self.presented, self.finished.load(Ordering::Relaxed)]
    }

    /// Another picture size in pixels.
    ///
    /// # Errors
    /// When the device cannot make a picture of this size; the old size stays.
    pub fn resize(&mut self, width: u32, height: u32) -> Result<(), Error> {
        if self.size_px() == [width, height] {
            return Ok(());
        }
        self.gpu.checked_size(width, height)?;
        self.targets = Targets::new(&self.gpu, width, height);
        self.gpu.configure_surface(width, height);
        Ok(())
    }

    /// Puts a mesh into the scene; `None` when it has no triangle.
    pub fn add_mesh(&mut self, mesh: &MeshData, stage: Stage) -> Option<MeshId> {
        if mesh.is_empty() {
            return None;
        }
        self.shadow.mark_stale();
        Some(self.scene.add_mesh(&self.gpu.device, mesh, stage))
    }

    /// Takes a mesh out of the scene.
    pub fn remove_mesh(&mut self, id: MeshId) {
        self.scene.meshes.remove(&id);
        self.shadow.mark_stale();
    }

    /// Shows or hides a mesh.
    pub fn show_mesh(&mut self, id: MeshId, visible: bool) {
        if let Some(mesh) = self.scene.meshes.get_mut(&id) {
            mesh.visible = visible;
            self.shadow.mark_stale();
        }
    }

    /// Puts a shape for instances onto the GPU: with all its detail, and plain for copies that are small on screen.
    pub fn add_shape(&mut self, fine: &MeshData, plain: &MeshData) -> ShapeId {
        self.scene.add_shape(&self.gpu.device, fine, plain)
    }

    /// An empty set of instances. Sets that move every frame should not cast shadows: the shadow map is kept between frames.
    pub fn add_batch(&mut self, shape: ShapeId, detail: Detail, casts_shadow: bool) -> BatchId {
        self.scene.add_batch(&self.gpu.device, shape, detail, casts_shadow)
    }

    /// Replaces the instances of a set.
    pub fn fill_batch(&mut self, id: BatchId, instances: &[Instance]) {
        self.scene.fill_batch((&self.gpu.device, &self.gpu.queue), id, instances);
        if self.scene.batches.get(&id).is_some_and(|set| set.casts) {
            self.shadow.mark_stale();
        }
    }

    /// Shows or hides a set of instances.
    pub fn show_batch(&mut self, id: BatchId, visible: bool) {
        if let Some(set) = self.scene.batches.get_mut(&id) {
            set.visible = visible;
            self.shadow.mark_stale();
        }
    }

    /// Takes a set of instances out of the scene.
    pub fn remove_batch(&mut self, id: BatchId) {
        self.scene.batches.remove(&id);
        self.shadow.mark_stale();
    }

    /// An empty set of points.
    pub fn add_points(&mut self) -> PointId {
        self.scene.add_points(&self.gpu.device)
    }

    /// Replaces the points of a set.
    pub fn fill_points(&mut self, id: PointId, points: &[Point]) {
        self.scene.fill_points((&self.gpu.device, &self.gpu.queue), id, points);
    }

    /// Shows or hides a set of points.
    pub fn show_points(&mut self, id: PointId, visible: bool) {
        if let Some(set) = self.scene.points.get_mut(&id) {
            set.visible = visible;
        }
    }

    /// An empty set of lines.
    pub fn add_lines(&mut self) -> LineId {
        self.scene.add_lines(&self.gpu.device)
    }

    /// Replaces the lines of a set.
    pub fn fill_lines(&mut self, id: LineId, lines: &[Line]) {
        self.scene.fill_lines((&self.gpu.device, &self.gpu.queue), id, lines);
    }

    /// Shows or hides a set of lines.
    pub fn show_lines(&mut self, id: LineId, visible: bool) {
        if let Some(set) = self.scene.lines.get_mut(&id) {
            set.visible = visible;
        }
    }

    /// Draws a frame to the canvas. A frame that the canvas cannot take now is left out; the next one comes.
    ///
    /// # Errors
    /// When there is no canvas, or the device reported an error.
    pub fn present(&mut self, input: &FrameInput) -> Result<(), Error> {
        let Some(surface) = &self.gpu.surface else {
            return Err(Error::Canvas("this device was made without one".to_owned()));
        };
        match surface.get_current_texture() {
            wgpu::CurrentSurfaceTexture::Success(frame) | wgpu::CurrentSurfaceTexture::Suboptimal(frame) => {
                let target = crate::targets::view(&frame.texture);
                self.draw_into(input, &target);
                self.gpu.queue.present(frame);
                self.presented += 1;
                let (number, finished) = (self.presented, Arc::clone(&self.finished));
                self.gpu.queue.on_submitted_work_done(move || {
                    finished.fetch_max(number, Ordering::Relaxed);
                });
            }
            wgpu::CurrentSurfaceTexture::Outdated | wgpu::CurrentSurfaceTexture::Lost => {
                self.gpu.configure_surface(self.targets.width, self.targets.height);
            }
            wgpu::CurrentSurfaceTexture::Timeout
            | wgpu::CurrentSurfaceTexture::Occluded
            | wgpu::CurrentSurfaceTexture::Validation => {}
        }
        self.gpu.take_error().map_or(Ok(()), Err)
    }

    /// Draws a frame into any texture of the device's format and the present size.
    pub(crate) fn draw_into(&mut self, input: &FrameInput, target: &wgpu::TextureView) {
        let shadow_drawn = !input.draft && self.shadow.refit(&input.camera, input.light.direction);
        let size = [self.targets.width as f32, self.targets.height as f32];
        let uniform = FrameUniform::new(input, size, self.shadow.fit.matrix(), self.shadow.fit.radius_m);
        self.gpu.queue.write_buffer(&self.screen.buffer, 0, bytemuck::bytes_of(&uniform));
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        if shadow_drawn {
            self.draw_shadow(&mut encoder);
        }
        let into = Pass::picture(input.draft);
        let tally = Tally::default();
        {
            let (colour, resolve) = self.targets.of_pass(target);
            let mut pass = begin(&mut encoder, colour, resolve, &self.targets.depth);
            self.bind(&mut pass);
            pass.set_pipeline(self.pipelines.get(into, What::Backdrop));
            pass.draw(0..3, 0..1);
            self.draw_scene(&mut pass, into, &uniform.sight(), &tally);
        }
        self.gpu.queue.submit([encoder.finish()]);
        self.stats = FrameStats { draw_calls: tally.draws.get() + 2, triangles: tally.triangles.get(), shadow_drawn };
    }

    /// Starts to find out what is at a pixel (origin top left) of the frame that `input` draws.
    pub fn pick(&mut self, input: &FrameInput, pixel: [f32; 2]) -> PickRequest {
        let size = [self.targets.width as f32, self.targets.height as f32];
        let whole = FrameUniform::new(input, size, self.shadow.fit.matrix(), self.shadow.fit.radius_m);
        let uniform = whole.narrowed(pixel, size, PICK_WINDOW_PX as f32);
        self.gpu.queue.write_buffer(&self.picking.buffer, 0, bytemuck::bytes_of(&uniform));
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = begin(&mut encoder, &self.pick_slot.colour, None, &self.pick_slot.depth);
            pass.set_bind_group(0, &self.picking.group, &[]);
            self.draw_scene(&mut pass, Pass::Picking, &uniform.sight(), &Tally::default());
        }
        let buffer = self.pick_slot.copy_out(&self.gpu.device, &mut encoder);
        self.gpu.queue.submit([encoder.finish()]);
        PickRequest::start(buffer)
    }

    /// Lets finished work report itself, without waiting. Call between frames where nothing else does.
    pub fn poll(&self) {
        // A poll that fails means a lost device, which the next frame reports.
        let _ = self.gpu.device.poll(wgpu::PollType::Poll);
    }

    /// Waits until everything submitted is done. Not for browsers: there nothing may wait.
    ///
    /// # Errors
    /// When the device is lost.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn finish(&self) -> Result<(), Error> {
        let waited = self.gpu.device.poll(wgpu::PollType::wait_indefinitely());
        waited.map(|_| ()).map_err(|error| Error::ReadBack(error.to_string()))
    }

    /// Takes a set of points out of the scene.
    pub fn remove_points(&mut self, id: PointId) {
        self.scene.points.remove(&id);
    }

    /// Gives a pass the frame and its light.
    pub(crate) fn bind(&self, pass: &mut wgpu::RenderPass<'_>) {
        pass.set_bind_group(0, &self.screen.group, &[]);
        pass.set_bind_group(1, &self.shadow.bind_group, &[]);
    }

    fn draw_shadow(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("shadow"),
            color_attachments: &[],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &self.shadow.target,
                depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(1.0), store: wgpu::StoreOp::Store }),
                stencil_ops: None,
            }),
            timestamp_writes: None,
            occlusion_query_set: None,
            multiview_mask: None,
        });
        pass.set_bind_group(0, &self.screen.group, &[]);
        pass.set_pipeline(self.pipelines.get(Pass::Shadow, What::Solid));
        for mesh in self.scene.meshes.values().filter(|mesh| mesh.visible && mesh.stage == Stage::Solid) {
            pass.set_vertex_buffer(0, mesh.vertices.slice(..));
            pass.set_index_buffer(mesh.indices.slice(..), wgpu::IndexFormat::Uint32);
            pass.draw_indexed(0..mesh.count, 0, 0..1);
        }
        pass.set_pipeline(self.pipelines.get(Pass::Shadow, What::Copies));
        for set in self.scene.batches.values().filter(|set| set.visible && set.casts && set.count > 0) {
            let Some(shape) = self.scene.shadow_of(set) else { continue };
            draw_copies(&mut pass, shape, set);
        }
    }

    fn draw_scene(&self, pass: &mut wgpu::RenderPass<'_>, into: Pass, sight: &Sight, tally: &Tally) {
        let frustum = &sight.frustum;
        self.draw_flat(pass, into, frustum, tally);
        let pipeline = |what| self.pipelines.get(into, what);
        pass.set_pipeline(pipeline(What::GroundDepth));
        pass.draw(0..4, 0..1);
        pass.set_pipeline(pipeline(What::Solid));
        for mesh in self.scene.meshes.values().filter(|mesh| mesh.stage == Stage::Solid && mesh.drawn(frustum)) {
            draw_mesh(pass, mesh, tally);
        }
        pass.set_pipeline(pipeline(What::Copies));
        for set in self.scene.batches.values().filter(|set| set.drawn(frustum)) {
            let Some(shape) = self.scene.shape_of(set, sight) else { continue };
            draw_copies(pass, shape, set);
            tally.add(u64::from(shape.count / 3) * u64::from(set.count));
        }
        for set in self.scene.lines.values().filter(|set| set.drawn(frustum)) {
            pass.set_pipeline(pipeline(What::Lines));
            pass.set_vertex_buffer(0, set.buffer.slice(..));
            pass.draw(0..4, 0..set.count);
            tally.add(u64::from(set.count) * 2);
        }
        for set in self.scene.points.values().filter(|set| set.drawn(frustum)) {
            pass.set_pipeline(pipeline(What::Points));
            pass.set_vertex_buffer(0, set.buffer.slice(..));
            pass.draw(0..4, 0..set.count);
            tally.add(u64::from(set.count) * 2);
        }
    }

    fn draw_flat(&self, pass: &mut wgpu::RenderPass<'_>, into: Pass, frustum: &Frustum, tally: &Tally) {
        let mut flat: Vec<_> = self
            .scene
            .meshes
            .iter()
            .filter(|(_, mesh)| mesh.stage != Stage::Solid && mesh.drawn(frustum))
            .map(|(id, mesh)| (mesh.stage, *id, mesh))
            .collect();
        flat.sort_by_key(|(stage, id, _)| (*stage, *id));
        for (_, _, mesh) in flat {
            let Some(what) = What::flat(mesh.material, into) else { continue };
            pass.set_pipeline(self.pipelines.get(into, what));
            draw_mesh(pass, mesh, tally);
        }
    }
}

fn draw_copies(pass: &mut wgpu::RenderPass<'_>, shape: &ShapeMesh, set: &GpuSet) {
    pass.set_vertex_buffer(0, shape.vertices.slice(..));
    pass.set_vertex_buffer(1, set.buffer.slice(..));
    pass.set_index_buffer(shape.indices.slice(..), wgpu::IndexFormat::Uint32);
    pass.draw_indexed(0..shape.count, 0, 0..set.count);
}

fn draw_mesh(pass: &mut wgpu::RenderPass<'_>, mesh: &crate::scene::GpuMesh, tally: &Tally) {
    pass.set_vertex_buffer(0, mesh.vertices.slice(..));
    pass.set_index_buffer(mesh.indices.slice(..), wgpu::IndexFormat::Uint32);
    pass.draw_indexed(0..mesh.count, 0, 0..1);
    tally.add(u64::from(mesh.count / 3));
}

pub(crate) fn begin<'e>(
    encoder: &'e mut wgpu::CommandEncoder,
    colour: &wgpu::TextureView,
    resolve_target: Option<&wgpu::TextureView>,
    depth: &wgpu::TextureView,
) -> wgpu::RenderPass<'e> {
    // Samples that are resolved need not be kept.
    let store = if resolve_target.is_some() { wgpu::StoreOp::Discard } else { wgpu::StoreOp::Store };
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: None,
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: colour,
            depth_slice: None,
            resolve_target,
            ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT), store },
        })],
        depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
            view: depth,
            depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(0.0), store: wgpu::StoreOp::Discard }),
            stencil_ops: None,
        }),
        timestamp_writes: None,
        occlusion_query_set: None,
        multiview_mask: None,
    })
}
