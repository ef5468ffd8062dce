//! Position and instant to space-time codes and back.
#![forbid(unsafe_code)]

pub mod area;
pub mod beidou;
mod check;
pub mod cover;
mod error;
pub mod geosot;
pub mod h3;
pub mod height;
pub mod key;
mod lattice;
pub mod quantum;
pub mod rslc;
pub mod scheme;
pub mod spatialid;
pub mod stc;
mod text;
pub mod time;

pub use area::{HeightBand, LonLatBox};
pub use error::Error;
pub use key::{Key, Profile};
pub use check::check_character;
pub use quantum::Position;
pub use scheme::{Decoded, HeightReference, Scheme, decode, encode, encode_with_geoid};
pub use stc::SpaceTimeCode;
pub use text::CodeText;
