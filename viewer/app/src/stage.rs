//! From the city to the renderer: chunks are built into meshes and sets as the budget of a frame allows, and live things
//! are placed anew each frame. Whatever is on the GPU is here under its chunk's key; nothing is built twice unasked.

use std::collections::{BTreeMap, BTreeSet};

use viewer_render::{BatchId, Camera, Detail, FINE_PX, Instance, MeshId, PointId, Renderer, ShapeId, Stage as Drawn};

use crate::build::{self, Chunk, Context, ShapeKind};
use crate::city::{ChunkKey, City, Entity};
use crate::layer::Layer;
use crate::motion::Motion;
use crate::readings::Readings;
use crate::triangulate::Triangulator;
use crate::{palette, shapes};

/// What one chunk has on the GPU.
#[derive(Default)]
struct Built {
    meshes: Vec<MeshId>,
    batches: Vec<BatchId>,
    points: Vec<PointId>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Stage {
    shapes: BTreeMap<ShapeKind, ShapeId>,
    built: BTreeMap<ChunkKey, Built>,
    live: BTreeMap<(ShapeKind, Detail), BatchId>,
    hidden: BTreeSet<Layer>,
    triangulator: Triangulator,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let hidden = Layer::ALL.into_iter().filter(|layer| !layer.shown_at_first()).collect();
        Self { hidden, ..Self::default() }
    }

    pub(crate) fn is_shown(&self, layer: Layer) -> bool {
        !self.hidden.contains(&layer)
    }

    pub(crate) fn set_shown(&mut self, renderer: &mut Renderer, layer: Layer, shown: bool) {
        if shown {
            self.hidden.remove(&layer);
        } else {
            self.hidden.insert(layer);
        }
        for (_, built) in self.built.iter().filter(|(key, _)| key.layer == layer) {
            built.meshes.iter().for_each(|id| renderer.show_mesh(*id, shown));
            built.batches.iter().for_each(|id| renderer.show_batch(*id, shown));
            built.points.iter().for_each(|id| renderer.show_points(*id, shown));
        }
    }

    /// Builds chunks that changed until about `most_corners` have been made; true when none is left.
    pub(crate) fn build(
        &mut self,
        renderer: &mut Renderer,
        city: &mut City,
        near_m: [f64; 2],
        most_corners: usize,
    ) -> bool {
        let mut corners = 0;
        while corners < most_corners {
            let Some(key) = city.take_dirty(near_m[0], near_m[1]) else { return true };
            corners += 500 + self.rebuild(renderer, city, key);
        }
        !city.has_dirty()
    }

    fn rebuild(&mut self, renderer: &mut Renderer, city: &City, key: ChunkKey) -> usize {
        let Some(frame) = city.frame() else { return 0 };
        let mut chunk = Chunk::default();
        let mut context = Context { frame, ground_m: city.ground_m(), triangulator: &mut self.triangulator };
        for entity in city.members(key) {
            build::entity(entity, key.layer, &mut context, &mut chunk);
        }
        if let Some(old) = self.built.remove(&key) {
            old.remove(renderer);
        }
        let corners = chunk.solid.vertices.len() + chunk.flat.values().map(|mesh| mesh.vertices.len()).sum::<usize>();
        let built = self.upload(renderer, &chunk);
        if !self.is_shown(key.layer) {
            built.meshes.iter().for_each(|id| renderer.show_mesh(*id, false));
            built.batches.iter().for_each(|id| renderer.show_batch(*id, false));
            built.points.iter().for_each(|id| renderer.show_points(*id, false));
        }
        self.built.insert(key, built);
        corners
    }

    fn upload(&mut self, renderer: &mut Renderer, chunk: &Chunk) -> Built {
        let mut built = Built::default();
        built.meshes.extend(renderer.add_mesh(&chunk.solid, Drawn::Solid));
        for (order, mesh) in &chunk.flat {
            built.meshes.extend(renderer.add_mesh(mesh, Drawn::Flat(*order)));
        }
        for (shape, instances) in &chunk.instances {
            let shape = self.shape(renderer, *shape);
            let batch = renderer.add_batch(shape, Detail::BySize, true);
            renderer.fill_batch(batch, instances);
            built.batches.push(batch);
        }
        if !chunk.points.is_empty() {
            let points = renderer.add_points();
            renderer.fill_points(points, &chunk.points);
            built.points.push(points);
        }
        built
    }

    fn shape(&mut self, renderer: &mut Renderer, kind: ShapeKind) -> ShapeId {
        *self.shapes.entry(kind).or_insert_with(|| {
            let [fine, plain] = shapes::both(kind);
            renderer.add_shape(&fine, &plain)
        })
    }

    /// Places what moves and what measures, and the pins of named places.
    pub(crate) fn place_live(&mut self, renderer: &mut Renderer, live: &Live<'_>) {
        let mut sets: BTreeMap<_, Vec<Instance>> = self.live.keys().map(|key| (*key, Vec::new())).collect();
        for entity in live.things {
            if self.is_shown(entity.layer)
                && let Some((shape, instance)) = live.instance(entity)
            {
                sets.entry((shape, live.detail(shape, &instance))).or_default().push(instance);
            }
        }
        for ((kind, detail), instances) in sets {
            let shape = self.shape(renderer, kind);
            let key = (kind, detail);
            let batch = *self.live.entry(key).or_insert_with(|| renderer.add_batch(shape, detail, false));
            renderer.fill_batch(batch, &instances);
        }
    }
}

impl Built {
    fn remove(self, renderer: &mut Renderer) {
        self.meshes.into_iter().for_each(|id| renderer.remove_mesh(id));
        self.batches.into_iter().for_each(|id| renderer.remove_batch(id));
        self.points.into_iter().for_each(|id| renderer.remove_points(id));
    }
}

/// What live things are placed from.
pub(crate) struct Live<'a> {
    pub(crate) things: &'a [&'a Entity],
    pub(crate) city: &'a City,
    pub(crate) motion: &'a Motion,
    pub(crate) readings: &'a Readings,
    pub(crate) camera: Camera,
    /// Height of the picture in pixels.
    pub(crate) height_px: f32,
}

impl Live<'_> {
    /// How finely a copy is drawn, by its height on screen.
    fn detail(&self, shape: ShapeKind, instance: &Instance) -> Detail {
        let distance_m = self.camera.eye_m.distance(instance.position_m.into()).max(0.1);
        let metre_px = self.camera.pixels_at_one_metre(self.height_px) / distance_m;
        let height_px = (instance.scale[2] * shapes::height(shape) * metre_px).max(instance.least_px);
        if height_px < FINE_PX { Detail::Plain } else { Detail::Fine }
    }

    fn instance(&self, entity: &Entity) -> Option<(ShapeKind, Instance)> {
        let frame = self.city.frame()?;
        let pose = self.motion.pose(&entity.row.id);
        let rest = || {
            let [lon, lat] = crate::city::place_of(&entity.row)?;
            let above = entity.row.height_m.map_or(0.0, |height| (height - self.city.ground_m()).max(0.0));
            Some(frame.to_metres(lon, lat, above))
        };
        let place = pose.map(|pose| pose.place_m).or_else(rest)?;
        // A heading is clockwise from north, a yaw anticlockwise from east.
        let yaw = (90.0 - pose.map_or(0.0, |pose| pose.heading_deg)).to_radians();
        let (id, class) = (&entity.row.id, entity.row.class.as_str());
        let (shape, scale, tint, least_px) = match entity.layer {
            Layer::Sensors => (ShapeKind::Sensor, 7.0, self.readings.colour(id), 26.0),
            Layer::Pedestrians => (ShapeKind::Person, 1.0, palette::pedestrian(id), 3.0),
            _ if class.contains("bus") || class.contains("truck") => {
                (ShapeKind::Bus, 1.0, palette::vehicle(class, id), 1.3)
            }
            _ if class.contains("bicycle") => (ShapeKind::Bicycle, 1.0, palette::vehicle(class, id), 3.0),
            _ => (ShapeKind::Car, 1.0, palette::vehicle(class, id), 2.0),
        };
        let mut instance = build::instance(place, yaw, [scale; 3], tint, entity.pick);
        instance.least_px = least_px;
        Some((shape, instance))
    }
}
