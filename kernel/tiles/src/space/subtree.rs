//! A subtree of implicit tiling as its binary form (OGC 22-025r4, 7.10.6): which tiles there are in [`SUBTREE_LEVELS`] levels,
//! which subtrees follow, and the region and error of every tile.

use kernel_model::Kind;
use serde_json::{Value, json};

use super::tree::{Tile, Tree};
use super::{Address, Offsets, SUBTREE_LEVELS};
use crate::grid::Cell;
use crate::view::View;

/// The subtree whose first tile has this address; no bytes where there is none.
pub(crate) fn subtree(view: &View, kind: Kind, at: Address, offsets: Offsets) -> Vec<u8> {
    if !(at.cell.level - at.root.level).is_multiple_of(SUBTREE_LEVELS) {
        return Vec::new();
    }
    let things = view.in_cell(kind, &at.cell);
    let tree = Tree::of(&things, at.cell, SUBTREE_LEVELS, offsets);
    if tree.tiles.is_empty() { Vec::new() } else { write(&at.cell, tree) }
}

/// Where the levels of a quadtree begin among the bits of a subtree.
const fn level_begin(level: u8) -> usize {
    (4_usize.pow(level as u32) - 1) / 3
}

/// The number of a cell's bit.
fn bit(first: &Cell, cell: &Cell) -> usize {
    let level = cell.level - first.level;
    level_begin(level) + (cell.code() - (first.code() << (2 * u32::from(level)))) as usize
}

/// Bits set, the lowest of a byte first.
struct Bits {
    bytes: Vec<u8>,
    set: usize,
}

impl Bits {
    fn of(count: usize, set: impl Iterator<Item = usize>) -> Self {
        let mut bits = Self { bytes: vec![0; count.div_ceil(8)], set: 0 };
        for bit in set {
            bits.bytes[bit / 8] |= 1 << (bit % 8);
            bits.set += 1;
        }
        bits
    }
}

fn write(first: &Cell, mut tree: Tree) -> Vec<u8> {
    tree.tiles.sort_by_key(|tile| bit(first, &tile.cell));
    let tiles = Bits::of(level_begin(SUBTREE_LEVELS), tree.tiles.iter().map(|tile| bit(first, &tile.cell)));
    let end = level_begin(SUBTREE_LEVELS);
    let below = Bits::of(4_usize.pow(SUBTREE_LEVELS.into()), tree.below.iter().map(|cell| bit(first, cell) - end));
    let regions: Vec<u8> =
        tree.tiles.iter().flat_map(|tile: &Tile| tile.bounds.volume()).flat_map(f64::to_le_bytes).collect();
    let errors: Vec<u8> = tree.tiles.iter().flat_map(|tile| tile.error_m.to_le_bytes()).collect();
    let (mut binary, mut views) = (Vec::new(), Vec::new());
    let mut view = |bytes: &[u8]| {
        views.push(json!({ "buffer": 0, "byteOffset": binary.len(), "byteLength": bytes.len() }));
        binary.extend_from_slice(bytes);
        binary.resize(binary.len().next_multiple_of(8), 0);
        views.len() - 1
    };
    let availability = json!({ "bitstream": view(&tiles.bytes), "availableCount": tiles.set });
    let following: Value = match below.set {
        0 => json!({ "constant": 0 }),
        set => json!({ "bitstream": view(&below.bytes), "availableCount": set }),
    };
    let properties = json!({ "region": { "values": view(&regions) }, "geometricError": { "values": view(&errors) } });
    let document = json!({
        "buffers": [{ "byteLength": binary.len() }],
        "bufferViews": views,
        "tileAvailability": availability,
        "contentAvailability": [availability],
        "childSubtreeAvailability": following,
        "propertyTables": [{ "class": "tile", "count": tiles.set, "properties": properties }],
        "tileMetadata": 0,
    });
    let mut text = document.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut file = Vec::with_capacity(24 + text.len() + binary.len());
    file.extend(b"subt");
    file.extend(1_u32.to_le_bytes());
    file.extend((text.len() as u64).to_le_bytes());
    file.extend((binary.len() as u64).to_le_bytes());
    file.extend(text);
    file.extend(binary);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_follow_levels_and_codes() {
        let first = Cell::new(5, 20, 9).unwrap();
        let [south_west, south_east, _, north_east] = first.quarters();
        assert_eq!([first, south_west, south_east, north_east].map(|cell| bit(&first, &cell)), [0, 1, 2, 4]);
        assert_eq!(bit(&first, &north_east.quarters()[3]), 20);
        assert_eq!(level_begin(SUBTREE_LEVELS), 85);
        let bits = Bits::of(20, [0, 9, 19].into_iter());
        assert_eq!((bits.bytes, bits.set), (vec![1, 2, 8], 3));
    }
}
