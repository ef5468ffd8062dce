//! Position and instant to space-time codes and back. A longitude, a latitude, perhaps an ellipsoidal height and an instant come in; code
//! texts, sortable keys and covers by code ranges go out, and texts and keys become boxes, height bands and intervals again. No input or
//! output, no clock, no allocation per coded position; the datum, the height reference and the time zone are never guessed.
//!
//! ```
//! use coding_system::{GridCell, Key, LonLatBox, Position, Profile, Scheme, beidou, cover, decode, encode, geosot};
//!
//! # fn main() -> Result<(), coding_system::Error> {
//! // The example of GB/T 39409-2020: 39°59'35.38" N, 116°18'45.37" E, in CGCS2000 / WGS 84 degrees.
//! let place = Position::new(116.312_602_777_777_78, 39.993_161_111_111_114, None)?;
//! assert_eq!(beidou::encode_2d(&place, 8)?, "N50J47539B825534");
//! assert_eq!(geosot::Cell::of(&place, 15)?.text(), "G001310322232032");
//!
//! // One door for all schemes; an instant (UTC microseconds since 1970) makes a space-time code with a check character.
//! let text = encode(Scheme::SpaceTime, 8, &place, Some(1_795_330_800_000_000))?;
//! assert_eq!(text, "BD:N50J47539B825534@2026-11-22T07:00:00Z/2026-11-22T08:00:00Z*4");
//! let decoded = decode(&text)?;
//! assert!(decoded.area.contains(&place) && decoded.level == 8);
//!
//! // Every refusal says where and what to give.
//! let refusal = decode("N50J4X").unwrap_err();
//! assert_eq!(refusal.to_string(), "BeiDou code 'N50J4X': character 6 is 'X', allowed here: 0-7");
//!
//! // Keys sort as bytes; a box becomes a few ranges of them.
//! let key = Key::new(&place, Some(1_795_330_800_000_000), Profile::SpaceFirst)?;
//! let ranges = cover::cover_box(&LonLatBox::new(116.2, 39.9, 116.4, 40.1)?, 16, 32)?;
//! assert!(ranges.len() <= 16 && ranges.iter().any(|r| Key::range_of(r).contains(&key.to_u128())));
//! # Ok(())
//! # }
//! ```
//!
//! | module | standard | levels | 3D |
//! |---|---|---|---|
//! | [`beidou`] | GB/T 39409-2020 (2D, polar caps to level 2, 3D mixed radix, reference and short codes) | 0-10 | interleaved height digits |
//! | [`geosot`] | GB/T 40087-2021 (text not had; rules from independent programs) | 0-32 | `GZ` codes |
//! | [`rslc`] | basic geographic entities, 3D Real Scene China (two printed examples); national spatial identity codes | 1-16 | 44 characters |
//! | [`h3`] | H3 by the crate h3o | 0-15 | no |
//! | [`spatialid`] | Japan's Spatial ID, heights above sea level, floor zooms of their own | 0-35 | always |
//! | [`s2`] | S2 cells (outside the door: no texts of their own shape) | 0-30 | no |
//! | [`pluscode`] | Plus Codes, Open Location Code (outside the door) | 2-15 digits | no |
//! | [`time`] | multi-scale time segment integer, ISO 8601, bins of hours, days and weeks | 1-63 | |
//! | [`key`], [`stc`] | our own: 128-bit key; `BD:code@interval*check` with ISO 7064 MOD 37,36 | | both |
//!
//! The latitude-longitude schemes share one integer grid ([`quantum`]), so conversion between them is exact where their cells coincide
//! ([`convert`] has the table) and a cover that says inner or outer elsewhere. Areas, lines, corridors, solids and trajectories are covered by
//! cells or key ranges in [`cover`], whose ranges can be united, intersected and subtracted. GCJ-02 and BD-09 come in and go out by name
//! ([`datum`]). [`grid`] is what all grids have in common: parents, children, neighbours, rings, disks, distance; [`AnyCell`] is a cell whose
//! scheme its text says. [`batch`] codes whole columns into the caller's slices. The rest of the crate is [`scheme`] (the door), [`height`]
//! (metres to grid units) and [`area`] (boxes and bands). The page `docs/codes.md` shows one place in every code, and [`standards`] goes
//! through the standards clause by clause: what is done, where, and which test holds it.
//!
//! Choices where a standard is silent: longitude +180 is coded as -180 in BeiDou, RSLC and Spatial ID and stays east in GeoSOT; latitude 0
//! is north; heights below the ellipsoid are sign and magnitude.
#![forbid(unsafe_code)]

pub mod area;
mod axes;
pub mod batch;
pub mod beidou;
mod cell;
mod check;
pub mod convert;
pub mod cover;
pub mod datum;
mod error;
pub mod geosot;
pub mod grid;
pub mod h3;
pub mod height;
pub mod key;
mod lattice;
pub mod pluscode;
pub mod quantum;
pub mod rslc;
pub mod s2;
pub mod scheme;
pub mod spatialid;
#[doc = include_str!("../STANDARDS.md")]
pub mod standards {}
pub mod stc;
mod text;
pub mod time;

pub use area::{HeightBand, LonLatBox};
pub use cell::AnyCell;
pub use check::check_character;
pub use datum::Datum;
pub use error::Error;
pub use grid::{Adjacency, Dimension, Grid, GridCell};
pub use key::{Key, Profile};
pub use quantum::Position;
pub use scheme::{Decoded, HeightReference, Scheme, decode, encode, encode_with_geoid};
pub use stc::SpaceTimeCode;
pub use text::CodeText;
