//! Areas proven complete: "these are all the assets in this area as of this size of the log", "there are exactly so
//! many". Records of the log go into an ordered Merkle map over GeoSOT cells ([`AreaMap`]); a question comes in, a file
//! goes out ([`Shows`]), and [`verify_area`] checks it offline. Beside a receipt it convicts a log that hides an asset
//! ([`contradiction`]). Nothing here knows files, and everything compiles for the browser.
//!
//! An asset has an entry at each of its cells (a record has at most eight), and is counted at the first of them in the
//! order of the grid: so counts of cells side by side add up. An asset that goes from a cell leaves its entry there,
//! marked, with the leaf by which it went.

mod bytes;
mod counts;
mod fraud;
mod map;
mod node;
mod output;
mod place;
mod proof;
mod query;
mod state;
#[cfg(test)]
mod tests;
mod verify;

pub use counts::{Counts, Grade};
pub use fraud::{Fraud, contradiction};
pub use map::{AreaMap, Revision};
pub use output::{AREA_LOG, MapRoot, MapRootError};
pub use place::MapCell;
pub use proof::Shows;
pub use query::{Query, QueryError};
pub use verify::{AreaAsset, AreaCell, AreaError, VerifiedArea, verify_area};
