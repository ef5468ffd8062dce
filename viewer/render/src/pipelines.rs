//! Every pipeline, made once at the start: one table row each. No pipeline is made while frames are drawn.

use crate::Gpu;
use crate::Material;
use crate::targets::DEPTH;
use crate::vertex::{
    INSTANCE_ATTRIBUTES, Instance, LINE_ATTRIBUTES, Line, MESH_ATTRIBUTES, POINT_ATTRIBUTES, Point, Vertex,
};

const COMMON: &str = include_str!("shaders/common.wgsl");
const LIT: &str = include_str!("shaders/lit.wgsl");
const BACKDROP: &str = include_str!("shaders/backdrop.wgsl");
const MESH: &str = include_str!("shaders/mesh.wgsl");
const SURFACE: &str = include_str!("shaders/surface.wgsl");
const MARKS: &str = include_str!("shaders/marks.wgsl");

/// Ids travel as four bytes, because WebGL2 reads nothing else back for certain.
pub(crate) const PICK_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// The pipelines of one way of drawing: to the screen or to the picking target.
pub(crate) struct PassPipelines {
    flat: wgpu::RenderPipeline,
    water: wgpu::RenderPipeline,
    shade: wgpu::RenderPipeline,
    pub(crate) ground_depth: wgpu::RenderPipeline,
    pub(crate) solid: wgpu::RenderPipeline,
    pub(crate) instances: wgpu::RenderPipeline,
    pub(crate) points: wgpu::RenderPipeline,
    pub(crate) lines: wgpu::RenderPipeline,
}

impl PassPipelines {
    /// What a mesh of this material is painted onto the ground with.
    pub(crate) fn flat(&self, material: Material) -> &wgpu::RenderPipeline {
        match material {
            Material::Water => &self.water,
            Material::Shade => &self.shade,
            _ => &self.flat,
        }
    }
}

pub(crate) struct Pipelines {
    pub(crate) frame_layout: wgpu::BindGroupLayout,
    pub(crate) shadow_layout: wgpu::BindGroupLayout,
    pub(crate) backdrop: wgpu::RenderPipeline,
    pub(crate) screen: PassPipelines,
    pub(crate) picking: PassPipelines,
    pub(crate) shadow_meshes: wgpu::RenderPipeline,
    pub(crate) shadow_instances: wgpu::RenderPipeline,
}

/// What differs between pipelines.
struct Recipe<'a> {
    label: &'a str,
    module: &'a wgpu::ShaderModule,
    vertex: &'a str,
    fragment: Option<&'a str>,
    buffers: &'a [Option<wgpu::VertexBufferLayout<'a>>],
    colour: Option<wgpu::ColorTargetState>,
    depth: Depth,
    samples: u32,
    strip: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Depth {
    /// Painted in order: neither asks nor writes.
    Ignore,
    /// Nearer wins.
    Write,
    /// Hidden behind solids, hides nothing.
    Test,
    /// The light's own depth: nearer to the sun is less.
    Shadow,
}

impl Pipelines {
    pub(crate) fn new(gpu: &Gpu) -> Self {
        let (device, format, samples) = (&gpu.device, gpu.format, gpu.samples());
        let frame_layout = frame_layout(device);
        let shadow_layout = shadow_layout(device);
        let plain = layout(device, &[Some(&frame_layout)]);
        let shaded = layout(device, &[Some(&frame_layout), Some(&shadow_layout)]);
        let module = |label: &str, parts: &[&str]| {
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(label),
                source: wgpu::ShaderSource::Wgsl(parts.concat().into()),
            })
        };
        let surface = module("surface", &[COMMON, LIT, MESH, SURFACE]);
        let backdrop = module("backdrop", &[COMMON, LIT, BACKDROP]);
        let shapes = module("shapes", &[COMMON, MESH]);
        let marks = module("marks", &[COMMON, MARKS]);
        let mesh = [Some(mesh_layout())];
        let instanced = [Some(mesh_layout()), Some(instance_layout())];

        let screen = Pass { format, samples, blend: true, meshes: &SCREEN, mark: "fs_mark" };
        let picking = Pass { format: PICK_FORMAT, samples: 1, blend: false, meshes: &PICKING, mark: "fs_mark_pick" };
        let shadow = |label, vertex, buffers| {
            let recipe = Recipe {
                label,
                module: &shapes,
                vertex,
                fragment: None,
                buffers,
                colour: None,
                depth: Depth::Shadow,
                samples: 1,
                strip: false,
            };
            recipe.make(device, &plain)
        };
        let backdrop_recipe = Recipe {
            label: "backdrop",
            module: &backdrop,
            vertex: "vs_backdrop",
            fragment: Some("fs_backdrop"),
            buffers: &[],
            colour: Some(format.into()),
            depth: Depth::Ignore,
            samples,
            strip: false,
        };
        Self {
            backdrop: backdrop_recipe.make(device, &shaded),
            screen: screen.pipelines(device, [&shaded, &plain], [&surface, &shapes, &marks]),
            picking: picking.pipelines(device, [&plain, &plain], [&shapes, &shapes, &marks]),
            shadow_meshes: shadow("shadow meshes", "vs_shadow_mesh", &mesh),
            shadow_instances: shadow("shadow instances", "vs_shadow_instance", &instanced),
            frame_layout,
            shadow_layout,
        }
    }
}

/// The way of drawing that a set of pipelines shares.
struct Pass<'a> {
    format: wgpu::TextureFormat,
    samples: u32,
    blend: bool,
    meshes: &'a MeshEntries,
    mark: &'a str,
}

/// The fragment shaders of meshes, by what is drawn together.
struct MeshEntries {
    flat: &'static str,
    water: &'static str,
    shade: &'static str,
    solid: &'static str,
    copy: &'static str,
}

const SCREEN: MeshEntries =
    MeshEntries { flat: "fs_flat", water: "fs_water", shade: "fs_shade", solid: "fs_solid", copy: "fs_copy" };
const PICKING: MeshEntries =
    MeshEntries { flat: "fs_pick", water: "fs_pick", shade: "fs_pick", solid: "fs_pick", copy: "fs_pick" };

impl Pass<'_> {
    fn pipelines(
        &self,
        device: &wgpu::Device,
        [shaded, plain]: [&wgpu::PipelineLayout; 2],
        [surface, shapes, marks]: [&wgpu::ShaderModule; 3],
    ) -> PassPipelines {
        let mesh = [Some(mesh_layout())];
        let instanced = [Some(mesh_layout()), Some(instance_layout())];
        let points = [Some(mark_layout(size_of::<Point>(), &POINT_ATTRIBUTES))];
        let lines = [Some(mark_layout(size_of::<Line>(), &LINE_ATTRIBUTES))];
        let blended = wgpu::ColorTargetState {
            format: self.format,
            blend: self.blend.then_some(wgpu::BlendState::ALPHA_BLENDING),
            write_mask: wgpu::ColorWrites::ALL,
        };
        let hidden = wgpu::ColorTargetState { write_mask: wgpu::ColorWrites::empty(), ..blended.clone() };
        let opaque = wgpu::ColorTargetState { blend: None, ..blended.clone() };
        let recipe = |label, module, vertex, fragment, buffers, colour, depth, strip| Recipe {
            label,
            module,
            vertex,
            fragment: Some(fragment),
            buffers,
            colour: Some(colour),
            depth,
            samples: self.samples,
            strip,
        };
        let entries = self.meshes;
        let flat = |label, fragment| {
            let recipe = recipe(label, surface, "vs_mesh", fragment, &mesh[..], blended.clone(), Depth::Ignore, false);
            recipe.make(device, shaded)
        };
        let ground =
            recipe("ground depth", shapes, "vs_ground_depth", "fs_nothing", &[][..], hidden, Depth::Write, true);
        let solid = recipe("solid", surface, "vs_mesh", entries.solid, &mesh[..], opaque.clone(), Depth::Write, false);
        let instances =
            recipe("instances", surface, "vs_instance", entries.copy, &instanced[..], opaque, Depth::Write, false);
        let points = recipe("points", marks, "vs_point", self.mark, &points[..], blended.clone(), Depth::Test, true);
        let lines = recipe("lines", marks, "vs_line", self.mark, &lines[..], blended.clone(), Depth::Test, true);
        PassPipelines {
            flat: flat("flat", entries.flat),
            water: flat("water", entries.water),
            shade: flat("shade", entries.shade),
            ground_depth: ground.make(device, plain),
            solid: solid.make(device, shaded),
            instances: instances.make(device, shaded),
            points: points.make(device, plain),
            lines: lines.make(device, plain),
        }
    }
}

impl Recipe<'_> {
    fn make(&self, device: &wgpu::Device, layout: &wgpu::PipelineLayout) -> wgpu::RenderPipeline {
        let targets = [self.colour.clone()];
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(self.label),
            layout: Some(layout),
            vertex: wgpu::VertexState {
                module: self.module,
                entry_point: Some(self.vertex),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: self.buffers,
            },
            primitive: wgpu::PrimitiveState {
                topology: if self.strip {
                    wgpu::PrimitiveTopology::TriangleStrip
                } else {
                    wgpu::PrimitiveTopology::TriangleList
                },
                // City models turn their faces either way.
                cull_mode: None,
                ..Default::default()
            },
            depth_stencil: Some(self.depth.state()),
            multisample: wgpu::MultisampleState { count: self.samples, ..Default::default() },
            fragment: self.fragment.map(|entry_point| wgpu::FragmentState {
                module: self.module,
                entry_point: Some(entry_point),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &targets,
            }),
            multiview_mask: None,
            cache: None,
        })
    }
}

impl Depth {
    fn state(self) -> wgpu::DepthStencilState {
        let compare = match self {
            Self::Ignore => wgpu::CompareFunction::Always,
            Self::Write | Self::Test => wgpu::CompareFunction::GreaterEqual,
            Self::Shadow => wgpu::CompareFunction::LessEqual,
        };
        let bias = match self {
            Self::Shadow => wgpu::DepthBiasState { constant: 2, slope_scale: 2.0, clamp: 0.0 },
            _ => wgpu::DepthBiasState::default(),
        };
        wgpu::DepthStencilState {
            format: DEPTH,
            depth_write_enabled: Some(matches!(self, Self::Write | Self::Shadow)),
            depth_compare: Some(compare),
            stencil: wgpu::StencilState::default(),
            bias,
        }
    }
}

fn mesh_layout() -> wgpu::VertexBufferLayout<'static> {
    wgpu::VertexBufferLayout {
        array_stride: size_of::<Vertex>() as u64,
        step_mode: wgpu::VertexStepMode::Vertex,
        attributes: &MESH_ATTRIBUTES,
    }
}

fn instance_layout() -> wgpu::VertexBufferLayout<'static> {
    mark_layout(size_of::<Instance>(), &INSTANCE_ATTRIBUTES)
}

fn mark_layout(stride: usize, attributes: &'static [wgpu::VertexAttribute]) -> wgpu::VertexBufferLayout<'static> {
    wgpu::VertexBufferLayout { array_stride: stride as u64, step_mode: wgpu::VertexStepMode::Instance, attributes }
}

fn layout(device: &wgpu::Device, groups: &[Option<&wgpu::BindGroupLayout>]) -> wgpu::PipelineLayout {
    device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: groups,
        immediate_size: 0,
    })
}

fn frame_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("frame"),
        entries: &[wgpu::BindGroupLayoutEntry {
            binding: 0,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        }],
    })
}

fn shadow_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry =
        |binding, ty| wgpu::BindGroupLayoutEntry { binding, visibility: wgpu::ShaderStages::FRAGMENT, ty, count: None };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("shadow"),
        entries: &[
            entry(
                0,
                wgpu::BindingType::Texture {
                    sample_type: wgpu::TextureSampleType::Depth,
                    view_dimension: wgpu::TextureViewDimension::D2,
                    multisampled: false,
                },
            ),
            entry(1, wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Comparison)),
        ],
    })
}
