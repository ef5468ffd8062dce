//! How parts are joined: faces that lie on each other, faces at a distance, axes that are one. Mates are found between
//! parts as they lie, a part that comes near one is snapped onto it, and what freedom is left is worked out, so that a part
//! that is dragged keeps its mates.

mod find;
mod freedom;
mod snap;

use glam::DVec3;

pub use find::mates;
pub use freedom::Freedom;
pub use snap::{Reach, snap};

use crate::features::Features;
use crate::part::{Assembly, Part};

/// How two features lie to each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mate {
    /// Two flat faces lie on each other.
    Coincident {
        /// Outward of the first part, in the assembly.
        normal: DVec3,
        /// A point of both.
        at: DVec3,
    },
    /// Two cylinders have one axis.
    Coaxial {
        /// Direction, in the assembly.
        axis: DVec3,
        /// A point of it.
        at: DVec3,
        /// Radius of the one less that of the other, where a shaft is in a hole.
        play_mm: f64,
    },
    /// Two flat faces look at each other over a gap.
    Distance {
        /// Outward of the first part, in the assembly.
        normal: DVec3,
        /// A point of the first face.
        at: DVec3,
        /// The gap.
        distance_mm: f64,
    },
}

/// A part with what was found of its body; what mates are looked for between.
#[derive(Debug, Clone, Copy)]
pub struct Joined<'a> {
    /// Where it is.
    pub part: &'a Part,
    /// Of its body.
    pub features: &'a Features,
}

/// The features of all bodies of an assembly, by the number of the body.
pub fn features(assembly: &Assembly) -> Vec<Features> {
    let count = assembly.parts.iter().map(|part| part.body + 1).max().unwrap_or(0);
    let mut out = vec![Features::default(); count];
    let mut done = vec![false; count];
    for part in &assembly.parts {
        if !std::mem::replace(&mut done[part.body], true) {
            out[part.body] = Features::of(&part.mesh);
        }
    }
    out
}
