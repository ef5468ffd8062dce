//! Vector tiles and 3D Tiles from snapshots. The address of a tile and the two times it is asked of come in
//! ([`Tiler::answer`]); its bytes go out, or word that the asker's copy still holds. Nothing is made ahead and nothing is
//! ever stored: a tile is made of what the store's snapshot says, and kept in memory within a budget.
//!
//! **How a tile is found.** Each batch of revisions has an index of its own, by kind, in the order of cells of the globe
//! ([`grid`]); a batch never changes, so a commit costs an index of its own rows only. Which revisions are meant, now or at
//! another time, is a mask over them (the [`View`]).
//!
//! **How long a tile holds.** Its tag is a hash of the ids and commits of what it shows. While no commit told of things it
//! is not even looked at; after one the things of the tile are looked up again, and where they are the same, so are the tag
//! and the bytes. So an edit of one thing makes those tiles anew that show it, and no others.

mod cache;
mod columns;
mod fingerprint;
pub mod grid;
mod index;
mod largest;
mod shape;
pub mod space;
mod tiler;
pub mod vector;
mod view;

pub use cache::Body;
pub use tiler::{Answer, Question, Tiler, What};
pub use view::{Times, View};
