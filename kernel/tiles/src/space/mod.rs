//! 3D Tiles 1.1 (OGC 22-025r4) of the things of a kind that have faces. A view and the address of a tile come in; out come
//! `tileset.json`, subtrees and binary glTF.
//!
//! **The tree.** Tiles are cells of the globe ([`crate::grid`]), by implicit tiling as a quadtree. A thing belongs to the
//! cells that hold the middle of its box. A cell of at most [`LEAF`] things is a leaf and shows them as they are; one of more
//! shows its [`COARSE`] largest as blocks, and its quarters take its place when one comes near (`REPLACE`). Its geometric
//! error is the size of the largest thing that it leaves out, or a quarter of the largest that it shows as a block. Each
//! tile's own region, since a thing may stick out of its cell, and its error stand in the subtree as metadata
//! (`TILE_BOUNDING_REGION`, `TILE_GEOMETRIC_ERROR`). So an edit of a thing touches the tiles between the root and its leaf,
//! and no others.
//!
//! **Heights** are metres above the ellipsoid in 3D Tiles. What is stored with another reference is drawn as if it were
//! measured from the ellipsoid, and says so (`height_reference` of each feature), unless who asks says what to add
//! ([`Offsets`]): no geoid and no terrain is guessed. What has no heights stands on the ground.
//!
//! **Precision.** Vertices are floats of 32 bits around the middle of their tile, which is a node's translation in the JSON of
//! the glTF, in full precision.

mod block;
mod content;
mod earth;
mod gltf;
mod mesh;
mod properties;
mod subtree;
mod textured;
mod tileset;
mod tree;

use crate::grid::Cell;

pub(crate) use content::{content, glb};
pub(crate) use subtree::subtree;
pub(crate) use tileset::tileset;

/// Things of a leaf.
pub const LEAF: usize = 256;
/// Things that a tile above the leaves shows.
pub const COARSE: usize = 512;
/// Levels of a subtree.
pub const SUBTREE_LEVELS: u8 = 4;
/// The finest level of the globe's cells at which there is a tile: 9.5 m of longitude on the equator.
pub const DEEPEST: u8 = 22;

/// A tile below a root of implicit tiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// The cell at which implicit tiling begins.
    pub root: Cell,
    /// The tile's own.
    pub cell: Cell,
}

impl Address {
    /// The tile at `level`, `x`, `y` below a root; `None` where there is none.
    pub fn new(root: Cell, level: u8, x: u32, y: u32) -> Option<Self> {
        let cell = root.below(level, x, y).filter(|cell| cell.level <= DEEPEST)?;
        Some(Self { root, cell })
    }
}

/// What to add to heights that are not measured from the ellipsoid, millimetres.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Offsets {
    /// To heights above a vertical reference system or an unknown one: how high that is above the ellipsoid here.
    pub undulation_mm: i32,
    /// To heights above ground, and to what has none: how high the ground is above the ellipsoid.
    pub ground_mm: i32,
}

impl Offsets {
    /// Metres to add to heights with this reference.
    fn of(self, height_reference: &str) -> f64 {
        let millimetres = match height_reference {
            "ellipsoid" => 0,
            "ground" | "none" => self.ground_mm,
            _ => self.undulation_mm,
        };
        f64::from(millimetres) / 1000.0
    }

    /// The least and the most that is added to any height.
    fn range_m(self) -> [f64; 2] {
        let all = [0, self.undulation_mm, self.ground_mm].map(|millimetres| f64::from(millimetres) / 1000.0);
        [all.into_iter().fold(0.0, f64::min), all.into_iter().fold(0.0, f64::max)]
    }
}
