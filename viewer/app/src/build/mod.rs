//! Things to triangles: one entity's geometry in, corners, instances and points of its chunk out. Nothing here touches the
//! GPU or keeps state; the same entity always gives the same triangles.

mod areas;
mod buildings;
mod roads;
mod shade;

use std::collections::BTreeMap;

use glam::DVec3;
use viewer_render::{Instance, MeshData, Point};

use crate::city::Entity;
use crate::layer::Layer;
use crate::local::LocalFrame;
use crate::triangulate::Triangulator;
use crate::wkb::{self, Geometry, Place};
use crate::{EntityId, palette};

/// The shapes that things may be copies of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ShapeKind {
    Tree,
    Conifer,
    Car,
    Bus,
    Bicycle,
    Person,
    Sensor,
    Pin,
    Cube,
}

impl ShapeKind {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 9] = [
        Self::Tree,
        Self::Conifer,
        Self::Car,
        Self::Bus,
        Self::Bicycle,
        Self::Person,
        Self::Sensor,
        Self::Pin,
        Self::Cube,
    ];
}

/// Painting order of what lies on the ground.
pub(crate) mod order {
    pub(crate) const LANDUSE: u8 = 10;
    pub(crate) const GREEN: u8 = 12;
    pub(crate) const WATER: u8 = 14;
    pub(crate) const ROAD_EDGE: u8 = 20;
    pub(crate) const ROAD: u8 = 30;
    pub(crate) const MARKING: u8 = 40;
    pub(crate) const SHADE: u8 = 50;
}

/// What a chunk of the city is made of.
#[derive(Default)]
pub(crate) struct Chunk {
    pub(crate) solid: MeshData,
    pub(crate) flat: BTreeMap<u8, MeshData>,
    pub(crate) instances: BTreeMap<ShapeKind, Vec<Instance>>,
    pub(crate) points: Vec<Point>,
}

/// What building needs to know about the scene.
pub(crate) struct Context<'a> {
    pub(crate) frame: &'a LocalFrame,
    /// The height that is drawn as ground, in the data's own reference.
    pub(crate) ground_m: f64,
    pub(crate) triangulator: &'a mut Triangulator,
}

impl Chunk {
    pub(crate) fn flat(&mut self, order: u8) -> &mut MeshData {
        self.flat.entry(order).or_default()
    }

    fn place(&mut self, shape: ShapeKind, instance: Instance) {
        self.instances.entry(shape).or_default().push(instance);
    }
}

impl Context<'_> {
    /// A place in the scene; without a height it lies on the ground.
    pub(crate) fn metres(&self, place: &Place, has_height: bool) -> DVec3 {
        let above = if has_height { place[2] - self.ground_m } else { 0.0 };
        self.frame.to_metres(place[0], place[1], above)
    }

    fn ring(&self, ring: &[Place], has_height: bool) -> Vec<DVec3> {
        ring.iter().map(|place| self.metres(place, has_height)).collect()
    }

    fn rings(&self, rings: &[Vec<Place>], has_height: bool) -> Vec<Vec<DVec3>> {
        rings.iter().map(|ring| self.ring(ring, has_height)).collect()
    }
}

/// Adds one entity to its chunk. A geometry that cannot be read is shown at the anchor point instead.
pub(crate) fn entity(entity: &Entity, layer: Layer, context: &mut Context<'_>, chunk: &mut Chunk) {
    let geometry = entity.row.geometry.as_deref().and_then(|bytes| wkb::read(bytes).ok()).unwrap_or_default();
    let drawn = match layer {
        Layer::Buildings => buildings::add(entity, &geometry, context, chunk),
        Layer::Roads => roads::add(entity, &geometry, context, chunk),
        Layer::Water | Layer::Landuse => areas::add(entity, layer, &geometry, context, chunk),
        Layer::Vegetation => vegetation(entity, &geometry, context, chunk),
        Layer::Terrain | Layer::Bridges | Layer::Furniture | Layer::Other => {
            areas::structure(entity, layer, &geometry, context, chunk)
        }
        Layer::PointClouds => cloud(entity, &geometry, context, chunk),
        Layer::Poi | Layer::Sensors | Layer::Vehicles | Layer::Pedestrians => false,
    };
    if !drawn {
        marker(entity, layer, &geometry, context, chunk);
    }
}

fn anchor(entity: &Entity, geometry: &Geometry, context: &Context<'_>) -> Option<DVec3> {
    if let Some([lon, lat]) = entity.row.anchor_deg {
        let above = entity.row.height_m.map_or(0.0, |height| (height - context.ground_m).max(0.0));
        return Some(context.frame.to_metres(lon, lat, above));
    }
    let place = geometry.points.first().or_else(|| geometry.lines.first()?.first())?;
    Some(context.metres(place, geometry.has_height))
}

pub(crate) fn instance(place: DVec3, yaw_rad: f32, scale: [f32; 3], tint: u32, pick: u32) -> Instance {
    Instance { position_m: place.as_vec3().to_array(), yaw_rad, scale, least_px: 0.0, tint, pick, padding: [0; 2] }
}

/// Things without a body get a small sign where they stand.
fn marker(entity: &Entity, layer: Layer, geometry: &Geometry, context: &Context<'_>, chunk: &mut Chunk) {
    let Some(place) = anchor(entity, geometry, context) else { return };
    let pick = entity.pick;
    match layer {
        Layer::Furniture => {
            let scale = [0.5, 0.5, entity.row.extrude_m.unwrap_or(1.2).clamp(0.2, 40.0)];
            chunk.place(ShapeKind::Cube, instance(place, 0.0, scale, palette::FURNITURE, pick));
        }
        Layer::Buildings | Layer::Poi | Layer::Other | Layer::Bridges => {
            let mut pin = instance(place, 0.0, [7.0; 3], palette::POI, pick);
            pin.least_px = 16.0;
            chunk.place(ShapeKind::Pin, pin);
        }
        _ => {}
    }
}

fn vegetation(entity: &Entity, geometry: &Geometry, context: &mut Context<'_>, chunk: &mut Chunk) -> bool {
    if !geometry.polygons.is_empty() {
        return areas::add(entity, Layer::Vegetation, geometry, context, chunk);
    }
    let at = |place: &Place| context.metres(place, false);
    let mut places: Vec<DVec3> = geometry.points.iter().map(at).collect();
    // A row of trees: one every eight metres.
    for line in &geometry.lines {
        places.extend(along(&line.iter().map(at).collect::<Vec<_>>(), 8.0));
    }
    if places.is_empty()
        && let Some([lon, lat]) = entity.row.anchor_deg
    {
        places.push(context.frame.to_metres(lon, lat, 0.0));
    }
    for (number, place) in places.iter().take(5000).enumerate() {
        tree(entity, number as u8, *place, chunk);
    }
    !places.is_empty()
}

fn tree(entity: &Entity, number: u8, place: DVec3, chunk: &mut Chunk) {
    let (id, class): (&EntityId, &str) = (&entity.row.id, &entity.row.class);
    let conifer = ["needle", "conifer", "pine", "spruce", "fir"].iter().any(|word| class.contains(word));
    let guessed = 6.0 + 6.5 * id.chance(number.wrapping_mul(3).wrapping_add(10));
    let height = entity.row.extrude_m.filter(|h| *h > 0.5).unwrap_or(guessed).min(60.0);
    let width = height * (0.85 + 0.4 * id.chance(number.wrapping_add(11)));
    let yaw = id.chance(number.wrapping_add(12)) * std::f32::consts::TAU;
    let shape = if conifer { ShapeKind::Conifer } else { ShapeKind::Tree };
    chunk.place(shape, instance(place, yaw, [width, width, height], palette::leaves(class, id), entity.pick));
}

/// Places every `step` metres along a line, the first half a step in.
fn along(line: &[DVec3], step: f64) -> Vec<DVec3> {
    let mut out = Vec::new();
    let mut next = step / 2.0;
    let mut walked = 0.0;
    for pair in line.windows(2) {
        let length = pair[0].distance(pair[1]);
        while next <= walked + length && out.len() < 5000 {
            out.push(pair[0].lerp(pair[1], (next - walked) / length));
            next += step;
        }
        walked += length;
    }
    out
}

fn cloud(entity: &Entity, geometry: &Geometry, context: &Context<'_>, chunk: &mut Chunk) -> bool {
    for place in &geometry.points {
        let at = context.metres(place, geometry.has_height);
        // Low is blue-grey, high is warm: the only thing a bare point says.
        let rise = (at.z / 30.0).clamp(0.0, 1.0) as f32;
        let part = |low: f32, high: f32| (low + (high - low) * rise) as u8;
        let colour = viewer_render::rgb8(part(96.0, 236.0), part(122.0, 190.0), part(148.0, 120.0));
        chunk.points.push(Point { position_m: at.as_vec3().to_array(), size_px: 2.5, colour, pick: entity.pick });
    }
    !geometry.points.is_empty()
}
