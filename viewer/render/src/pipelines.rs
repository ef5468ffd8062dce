//! Every pipeline: one table row each, made when it is first drawn with and then kept. A browser compiles each in tenths of
//! a second where no graphics chip helps; twenty at the start, of which a first picture needs nine, would be waited for.

use std::cell::OnceCell;

use crate::targets::DEPTH;
use crate::vertex::{
    INSTANCE_ATTRIBUTES, Instance, LINE_ATTRIBUTES, Line, MESH_ATTRIBUTES, POINT_ATTRIBUTES, Point, Vertex,
};
use crate::{Gpu, Material};

const COMMON: &str = include_str!("shaders/common.wgsl");
const LIT: &str = include_str!("shaders/lit.wgsl");
const BACKDROP: &str = include_str!("shaders/backdrop.wgsl");
const MESH: &str = include_str!("shaders/mesh.wgsl");
const SURFACE: &str = include_str!("shaders/surface.wgsl");
const MARKS: &str = include_str!("shaders/marks.wgsl");

/// Ids travel as four bytes, because WebGL2 reads nothing else back for certain.
pub(crate) const PICK_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// What a frame is drawn into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// The picture.
    Screen,
    /// The picture without shadows, patterns and clouds.
    Draft,
    /// The numbers of things.
    Picking,
    /// The sun's map; only what stands in space.
    Shadow,
}

impl Pass {
    /// The pass of a picture.
    pub(crate) fn picture(draft: bool) -> Self {
        if draft { Self::Draft } else { Self::Screen }
    }
}

/// What is drawn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Backdrop,
    Flat,
    Water,
    Shade,
    GroundDepth,
    Solid,
    Copies,
    Points,
    Lines,
}

impl What {
    /// What a city consists of.
    pub(crate) fn of_a_city(into: Pass) -> impl Iterator<Item = Self> {
        let ground = [Material::Plain, Material::Water, Material::Shade];
        let flat = ground.into_iter().filter_map(move |material| Self::flat(material, into));
        [Self::Backdrop].into_iter().chain(flat).chain([Self::GroundDepth, Self::Solid, Self::Copies])
    }

    /// What a mesh of this material is when it lies on the ground. A draft knows one kind of ground and no shade.
    pub(crate) fn flat(material: Material, into: Pass) -> Option<Self> {
        match material {
            Material::Shade if into == Pass::Draft => None,
            Material::Shade => Some(Self::Shade),
            Material::Water if into != Pass::Draft => Some(Self::Water),
            _ => Some(Self::Flat),
        }
    }
}

/// How many [`Pass`] and [`What`] there are.
const KINDS: [usize; 2] = [4, 9];

/// See the module.
pub(crate) struct Pipelines {
    device: wgpu::Device,
    format: wgpu::TextureFormat,
    samples: u32,
    pub(crate) frame_layout: wgpu::BindGroupLayout,
    pub(crate) shadow_layout: wgpu::BindGroupLayout,
    /// For what needs the frame only, and for what lies in the light.
    plain: wgpu::PipelineLayout,
    lit: wgpu::PipelineLayout,
    modules: Modules,
    made: [[OnceCell<wgpu::RenderPipeline>; KINDS[1]]; KINDS[0]],
}

#[derive(Default)]
struct Modules {
    backdrop: OnceCell<wgpu::ShaderModule>,
    surface: OnceCell<wgpu::ShaderModule>,
    shapes: OnceCell<wgpu::ShaderModule>,
    marks: OnceCell<wgpu::ShaderModule>,
}

/// One row of the table.
struct Recipe<'a> {
    module: &'a wgpu::ShaderModule,
    layout: &'a wgpu::PipelineLayout,
    vertex: &'static str,
    fragment: Option<&'static str>,
    buffers: Vec<Option<wgpu::VertexBufferLayout<'static>>>,
    colour: Colour,
    depth: Depth,
    strip: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Colour {
    Blended,
    Opaque,
    /// Only the depth is written.
    Hidden,
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
        let device = gpu.device.clone();
        let (frame_layout, shadow_layout) = (frame_layout(&device), shadow_layout(&device));
        let plain = layout(&device, &[Some(&frame_layout)]);
        let lit = layout(&device, &[Some(&frame_layout), Some(&shadow_layout)]);
        let (format, samples) = (gpu.format, gpu.samples());
        let (modules, made) = (Modules::default(), Default::default());
        Self { device, format, samples, frame_layout, shadow_layout, plain, lit, modules, made }
    }

    pub(crate) fn get(&self, into: Pass, what: What) -> &wgpu::RenderPipeline {
        self.made[into as usize][what as usize].get_or_init(|| self.make(into, what, &self.recipe(into, what)))
    }

    /// The table.
    fn recipe(&self, into: Pass, what: What) -> Recipe<'_> {
        use Colour::{Blended, Hidden, Opaque};
        let modules = &self.modules;
        let surface = || self.module(&modules.surface, &[COMMON, LIT, MESH, SURFACE]);
        let backdrop = || self.module(&modules.backdrop, &[COMMON, LIT, BACKDROP]);
        let shapes = || self.module(&modules.shapes, &[COMMON, MESH]);
        let marks = || self.module(&modules.marks, &[COMMON, MARKS]);
        let mesh = || vec![Some(mesh_layout())];
        let copies = || vec![Some(mesh_layout()), Some(instance_layout())];
        let points = || vec![Some(mark_layout(size_of::<Point>(), &POINT_ATTRIBUTES))];
        let lines = || vec![Some(mark_layout(size_of::<Line>(), &LINE_ATTRIBUTES))];
        let row = |module, vertex, fragment, buffers, colour, depth| Recipe {
            module,
            layout: &self.lit,
            vertex,
            fragment: Some(fragment),
            buffers,
            colour,
            depth,
            strip: false,
        };
        let screen = match what {
            What::Backdrop => row(backdrop(), "vs_backdrop", "fs_backdrop", vec![], Opaque, Depth::Ignore),
            What::Flat => row(surface(), "vs_mesh", "fs_flat", mesh(), Blended, Depth::Ignore),
            What::Water => row(surface(), "vs_mesh", "fs_water", mesh(), Blended, Depth::Ignore),
            What::Shade => row(surface(), "vs_mesh", "fs_shade", mesh(), Blended, Depth::Ignore),
            What::GroundDepth => {
                let depth = row(shapes(), "vs_ground_depth", "fs_nothing", vec![], Hidden, Depth::Write);
                Recipe { layout: &self.plain, strip: true, ..depth }
            }
            What::Solid => row(surface(), "vs_mesh", "fs_solid", mesh(), Opaque, Depth::Write),
            What::Copies => row(surface(), "vs_instance", "fs_copy", copies(), Opaque, Depth::Write),
            What::Points => {
                let points = row(marks(), "vs_point", "fs_mark", points(), Blended, Depth::Test);
                Recipe { layout: &self.plain, strip: true, ..points }
            }
            What::Lines => {
                let lines = row(marks(), "vs_line", "fs_mark", lines(), Blended, Depth::Test);
                Recipe { layout: &self.plain, strip: true, ..lines }
            }
        };
        match (into, what) {
            (Pass::Screen | Pass::Draft, _) | (Pass::Picking, What::GroundDepth) => screen,
            (Pass::Picking, What::Points | What::Lines) => Recipe { fragment: Some("fs_mark_pick"), ..screen },
            (Pass::Picking, _) => Recipe { module: shapes(), layout: &self.plain, fragment: Some("fs_pick"), ..screen },
            (Pass::Shadow, _) => {
                let vertex = if what == What::Copies { "vs_shadow_instance" } else { "vs_shadow_mesh" };
                let (module, layout) = (shapes(), &self.plain);
                Recipe { module, layout, vertex, fragment: None, depth: Depth::Shadow, ..screen }
            }
        }
    }

    fn module<'a>(&self, made: &'a OnceCell<wgpu::ShaderModule>, parts: &[&str]) -> &'a wgpu::ShaderModule {
        made.get_or_init(|| {
            let source = wgpu::ShaderSource::Wgsl(parts.concat().into());
            self.device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source })
        })
    }

    fn make(&self, into: Pass, what: What, recipe: &Recipe<'_>) -> wgpu::RenderPipeline {
        let (format, samples) = match into {
            Pass::Screen | Pass::Draft => (self.format, self.samples),
            Pass::Picking | Pass::Shadow => (PICK_FORMAT, 1),
        };
        let blends = recipe.colour == Colour::Blended && matches!(into, Pass::Screen | Pass::Draft);
        let constants: &[_] = if into == Pass::Draft { &[("DRAFT", 1.0)] } else { &[] };
        let options = || wgpu::PipelineCompilationOptions { constants, ..Default::default() };
        let target = wgpu::ColorTargetState {
            format,
            blend: blends.then_some(wgpu::BlendState::ALPHA_BLENDING),
            write_mask: match recipe.colour {
                Colour::Hidden => wgpu::ColorWrites::empty(),
                _ => wgpu::ColorWrites::ALL,
            },
        };
        let targets = [Some(target)];
        self.device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(&format!("{what:?} into {into:?}")),
            layout: Some(recipe.layout),
            vertex: wgpu::VertexState {
                module: recipe.module,
                entry_point: Some(recipe.vertex),
                compilation_options: options(),
                buffers: &recipe.buffers,
            },
            primitive: wgpu::PrimitiveState {
                topology: if recipe.strip {
                    wgpu::PrimitiveTopology::TriangleStrip
                } else {
                    wgpu::PrimitiveTopology::TriangleList
                },
                // City models turn their faces either way.
                cull_mode: None,
                ..Default::default()
            },
            depth_stencil: Some(recipe.depth.state()),
            multisample: wgpu::MultisampleState { count: samples, ..Default::default() },
            fragment: recipe.fragment.map(|entry_point| wgpu::FragmentState {
                module: recipe.module,
                entry_point: Some(entry_point),
                compilation_options: options(),
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
