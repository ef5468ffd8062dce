//! Vertices already taken into the kernel's frame: each stands in several faces, and a projection costs more than a look.
//! A table of fixed size; what is not in it is computed.

use kernel_model::Coord;

use crate::crs::Frame;
use crate::intake::Refusal;

const SLOTS: usize = 1 << 13;

/// The table.
#[derive(Default)]
pub(super) struct Located {
    slots: Vec<Option<(usize, [u64; 3], Coord)>>,
}

impl Located {
    /// A vertex of the system of this number in the kernel's frame.
    pub(super) fn locate(&mut self, frame: &Frame, system: usize, at: [f64; 3]) -> Result<Coord, Refusal> {
        if self.slots.is_empty() {
            self.slots = vec![None; SLOTS];
        }
        let bits = at.map(f64::to_bits);
        let mixed =
            bits.iter().fold(system as u64, |sum, b| (sum ^ b).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
        let slot = &mut self.slots[mixed as usize % SLOTS];
        if let Some((of, there, coord)) = slot
            && *of == system
            && *there == bits
        {
            return Ok(*coord);
        }
        let coord = frame.locate(at[0], at[1], at[2])?;
        *slot = Some((system, bits, coord));
        Ok(coord)
    }
}
