//! Vector tiles (Mapbox Vector Tile 2.1, in the tiles of Web Mercator): a view and the address of a tile come in, the bytes
//! of the tile go out. One layer, of the name of the kind; every feature has the thing's id as property `id`, and a number
//! made of it as feature id.
//!
//! A tile is bounded: what is smaller than half a pixel of its zoom is left out, and beyond [`MAX_FEATURES`] or
//! [`MAX_BYTES`] the smallest go first (of points, which have no size, those whose ids hash high, so that a point that is
//! shown at a zoom is shown at every deeper one).

mod clip;
mod feature;
mod layer;
mod project;
mod simplify;

use kernel_model::Kind;

use crate::fingerprint::Fingerprint;
use crate::largest::Largest;
use crate::view::{Found, View};

pub(crate) use feature::number_of;
pub use project::Address;

/// Units along a tile's side.
pub const EXTENT: i32 = 4_096;
/// Units around a tile that are kept too, so that outlines and labels go on at its border.
pub const BUFFER: i32 = 64;
/// The greatest zoom.
pub const MAX_ZOOM: u8 = 22;
/// Features of a tile.
pub const MAX_FEATURES: usize = 16_384;
/// Bytes of a tile before it is compressed, about.
pub const MAX_BYTES: usize = 2 << 20;
/// What is smaller is not seen, units: half a pixel where a tile is drawn as 512 pixels.
const LEAST_UNITS: f64 = 4.0;

/// What a tile holds: the things, the largest first.
pub(crate) struct Selection {
    things: Vec<Found>,
    /// Changes when what the tile shows does.
    pub(crate) fingerprint: u64,
}

/// The things of a tile.
pub(crate) fn select(view: &View, kind: Kind, at: Address) -> Selection {
    let least_m = (at.unit_m() * LEAST_UNITS) as f32;
    let columns = view.all_columns();
    let id = |found: &Found| number_of(columns[found.part as usize].id.value(found.item.row as usize));
    let mut largest = Largest::new(MAX_FEATURES);
    view.in_window(kind, &at.window(), least_m, |found| largest.offer(found.item.size_m, || id(&found), found));
    let mut things = Vec::new();
    let mut fingerprint = Fingerprint::new("mvt");
    for ((_, id), found) in largest.sorted() {
        fingerprint.add(id);
        fingerprint.add(columns[found.part as usize].sequence.value(found.item.row as usize));
        things.push(found);
    }
    Selection { things, fingerprint: fingerprint.finish() }
}

/// The bytes of a tile; empty where nothing is in it.
pub(crate) fn encode(view: &View, kind: Kind, at: Address, selection: &Selection) -> Vec<u8> {
    let columns = view.all_columns();
    let mut layer = layer::Layer::new(kind.name());
    let mut writer = feature::Writer::new(at);
    for found in &selection.things {
        if layer.bytes() > MAX_BYTES {
            break;
        }
        writer.add(&mut layer, &columns[found.part as usize], found);
    }
    layer.finish()
}
