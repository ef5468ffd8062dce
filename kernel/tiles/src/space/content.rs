//! What a tile shows: the things of its cell come in, a binary glTF with a property table goes out.

use arrow::array::Array;
use glam::DVec3;
use kernel_model::{ContentId, EntityId, Kind};

use super::block;
use super::earth::centred;
use super::gltf::Gltf;
use super::mesh::{Builder, Looks, Thing};
use super::properties::Properties;
use super::textured::Stored;
use super::tree::is_leaf;
use super::{Address, COARSE, Offsets};
use crate::columns::Columns;
use crate::fingerprint::Fingerprint;
use crate::index::raised_m;
use crate::largest::Largest;
use crate::shape::Shape;
use crate::vector::number_of;
use crate::view::{Found, View};

/// Things of a leaf that cannot be divided further; what is smaller is left out.
const MOST_THINGS: usize = 4_096;
/// Bytes of stored meshes in one tile; further things are drawn by their geometry.
const MOST_STORED_BYTES: usize = 32 << 20;

/// What a tile shows.
pub(crate) struct Content {
    things: Vec<(Found, Option<ContentId>)>,
    whole: bool,
    offsets: Offsets,
    /// Changes when what the tile shows does.
    pub(crate) fingerprint: u64,
}

/// The things of a tile.
pub(crate) fn content(view: &View, kind: Kind, at: Address, offsets: Offsets) -> Content {
    let all = view.in_cell(kind, &at.cell);
    let whole = is_leaf(&at.cell, &all);
    let columns = view.all_columns();
    let id = |found: &Found| columns[found.part as usize].id.value(found.item.row as usize);
    let mut largest = Largest::new(if whole { MOST_THINGS } else { COARSE });
    for found in all.iter() {
        largest.offer(found.item.extent_m(), || number_of(id(&found)), found);
    }
    let mut things: Vec<Found> = largest.sorted().into_iter().map(|(_, found)| found).collect();
    things.sort_unstable_by_key(|found| (found.item.code, id(found)));
    let mut fingerprint = Fingerprint::new(if whole { "leaf" } else { "blocks" });
    let mut shown = Vec::with_capacity(things.len());
    for found in things {
        let sequence = columns[found.part as usize].sequence.value(found.item.row as usize);
        let stored = EntityId::from_slice(id(&found)).filter(|_| whole).and_then(|id| view.stored_mesh(&id, sequence));
        fingerprint.bytes(id(&found));
        fingerprint.add(sequence);
        fingerprint.bytes(stored.as_ref().map_or(&[], |content| &content.0));
        shown.push((found, stored));
    }
    fingerprint.add((offsets.undulation_mm as u32).into());
    fingerprint.add((offsets.ground_mm as u32).into());
    Content { things: shown, whole, offsets, fingerprint: fingerprint.finish() }
}

/// The file; no bytes where there is no triangle.
pub(crate) fn glb(view: &View, kind: Kind, content: &Content) -> Vec<u8> {
    let columns = view.all_columns();
    let middle = middle(content);
    let mut builder = Builder::new(middle);
    let (mut gltf, mut properties, mut shape) = (Gltf::default(), Properties::default(), Shape::default());
    let mut stored_bytes = 0;
    for (number, (found, stored)) in content.things.iter().enumerate() {
        let columns = &columns[found.part as usize];
        let row = found.item.row as usize;
        let offset_m = content.offsets.of(columns.height_reference.value(row));
        describe(&mut properties, columns, found);
        let stored =
            stored.filter(|_| stored_bytes < MOST_STORED_BYTES).and_then(|id| view.snapshot.content(&id).ok()?);
        if let Some(file) = stored {
            stored_bytes += file.len();
            let mesh = Stored::read(&file);
            if mesh.is_some_and(|mesh| mesh.add(&mut gltf, middle, offset_m, number as u32, content.things.len())) {
                continue;
            }
        }
        if shape.read(columns.geometry.value(row)).is_none() {
            continue;
        }
        let looks = Looks::of(kind);
        if content.whole {
            let raised_m = if shape.has_height { 0.0 } else { raised_m(columns, row, kind) };
            builder.thing(&shape, &Thing { looks, number: number as u32, offset_m, raised_m });
        } else {
            let heights_m = found.item.heights_m.map(|height| f64::from(height) + offset_m);
            block::add(&mut builder, &shape, heights_m, looks, number as u32);
        }
    }
    gltf.coloured(&builder.mesh, content.things.len());
    let metadata = properties.write(&mut gltf);
    gltf.finish(middle, metadata).unwrap_or_default()
}

fn describe(properties: &mut Properties, columns: &Columns<'_>, found: &Found) {
    let row = found.item.row as usize;
    let id = EntityId::from_slice(columns.id.value(row));
    let name = if columns.name.is_valid(row) { columns.name.value(row) } else { "" };
    let [low, high] = found.item.heights_m;
    let own = (found.item.has_height && high > low).then_some(high - low);
    let height_m = columns.stated_height_m(row).map(|height| height as f32).or(own);
    properties.push(id, columns.class.value(row), name, height_m, columns.height_reference.value(row));
}

/// The place around which the vertices are, metres from the earth's centre: the middle of what is shown.
fn middle(content: &Content) -> DVec3 {
    let mut region = kernel_model::Region::EMPTY;
    let mut height_m = 0.0;
    for (found, _) in &content.things {
        region = region.union(&found.item.region());
        height_m += f64::from(found.item.heights_m[0]) / content.things.len() as f64;
    }
    if region.is_empty() {
        return DVec3::ZERO;
    }
    let (lon, lat) = region.centre();
    centred([lon, lat, height_m])
}
