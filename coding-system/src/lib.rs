//! Position and instant to space-time codes and back.
#![forbid(unsafe_code)]

pub mod area;
pub mod beidou;
pub mod cover;
mod error;
pub mod geosot;
pub mod height;
pub mod key;
mod lattice;
pub mod quantum;
mod text;
pub mod time;

pub use area::{HeightBand, LonLatBox};
pub use error::Error;
pub use key::{Key, Profile};
pub use quantum::Position;
pub use text::CodeText;
