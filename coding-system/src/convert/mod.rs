//! From one scheme to another. A cell comes in; the equal cell of another scheme goes out where there is one ([`to_geosot`], [`to_beidou`],
//! [`to_rslc`], in whole units), a refusal by name where there is none, and a cover that says which cells are inner everywhere
//! ([`cover`]). A cell that is only nearly the same is never given as the same.
//!
//! | | GeoSOT | BeiDou | RSLC |
//! |---|---|---|---|
//! | 6° x 4° | | 1 | 2 |
//! | 1° | 9 | | 4 |
//! | 30' | | 2 | 5 |
//! | 15' x 10' | | 3 (2D) | 6 (2D) |
//! | 1' | 15 | 4 | 8 |
//! | 4", 2" | 19, 20 | 5, 6 | 10, 11 |
//! | 1" | 21 | | 12 |
//! | 1/4", 1/32", 1/256", 1/2048" | 23, 26, 29, 32 | 7, 8, 9, 10 | 13, 14, 15, 16 |
//!
//! Beside these levels, GeoSOT cells that the virtual minutes and seconds cut short can equal a cell of another level: the last 16" cell of a
//! minute spans 12", as the RSLC cells of level 9 do. Longitude 180 is the one place where equal cells code differently: BeiDou and RSLC
//! count it to the last cells of the west, GeoSOT gives it cells of its own.

mod cover;
mod exact;

pub use cover::{Target, cover};
pub use exact::{LatticeCell, exact, to_beidou, to_geosot, to_rslc};
