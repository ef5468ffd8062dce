//! Many fences, and which of them hold a point: regions of the plane with a height band each come and go one at a time, by
//! number; the numbers of those that hold a point come out, exactly. Nothing is decided by a cell that the fence's own
//! geometry does not say; a cell that lies wholly in a fence spares the look at its edges.

mod cells;
mod fence;

use std::collections::HashMap;

pub use fence::Fence;

use self::cells::Cells;
use crate::{error::Error, region::Relation};

/// How a fence holds a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// In the plane and in its height band, borders included.
    Inside,
    /// In the plane; the fence has a height band and the point has no height, so that nobody knows.
    HeightUnknown,
}

/// Fences by number. Of a million fences of twenty corners each takes some 500 bytes.
#[derive(Debug, Default)]
pub struct Fences {
    slots: Vec<Option<Fence>>,
    free: Vec<u32>,
    /// The caller's number of each slot.
    numbers: Vec<u32>,
    slot_of: HashMap<u32, u32>,
    cells: Cells,
}

impl Fences {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slot_of.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slot_of.is_empty()
    }

    /// A fence by its number.
    pub fn get(&self, number: u32) -> Option<&Fence> {
        self.slots.get(*self.slot_of.get(&number)? as usize)?.as_ref()
    }

    /// Puts a fence under a number, in the place of the one that had it.
    ///
    /// # Errors
    /// [`Error::NotABox`] where the fence has no extent that is a box; then the one before stays.
    pub fn insert(&mut self, number: u32, fence: Fence) -> Result<(), Error> {
        let extent = fence.bounds();
        if extent.pieces().1 == 0 {
            return Err(Error::NotABox { number });
        }
        self.remove(number);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.numbers.push(0);
            (self.slots.len() - 1) as u32
        });
        self.cells.insert(slot, extent, |lo, hi| fence.relate_plane(lo, hi));
        self.slots[slot as usize] = Some(fence);
        self.numbers[slot as usize] = number;
        self.slot_of.insert(number, slot);
        Ok(())
    }

    /// Takes a fence away; `false` where there was none of that number.
    pub fn remove(&mut self, number: u32) -> bool {
        let Some(slot) = self.slot_of.remove(&number) else { return false };
        if let Some(fence) = self.slots[slot as usize].take() {
            self.cells.remove(slot, fence.bounds(), |lo, hi| fence.relate_plane(lo, hi));
        }
        self.free.push(slot);
        true
    }

    /// Hands the number of every fence that holds a point to `take`, each once, in no order. Longitude and latitude in
    /// degrees; the height, where it is known, in metres of whatever the bands are measured in.
    pub fn visit(&self, at: [f64; 2], height_m: Option<f64>, mut take: impl FnMut(u32, Held)) {
        self.cells.visit(at, |slot, relation| {
            let Some(fence) = &self.slots[slot as usize] else { return };
            let Some(held) = fence.band_holds(height_m) else { return };
            if relation == Relation::Covers || fence.holds_in_plane(at) {
                take(self.numbers[slot as usize], held);
            }
        });
    }

    /// Bytes in memory, about.
    pub fn memory_bytes(&self) -> usize {
        let fences: usize = self.slots.iter().flatten().map(Fence::memory_bytes).sum();
        let slots = self.slots.capacity() * size_of::<Option<Fence>>() + 4 * self.numbers.capacity();
        fences + slots + self.slot_of.capacity() * 9 + 4 * self.free.capacity() + self.cells.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LonLatBox;

    fn held(fences: &Fences, at: [f64; 2], height_m: Option<f64>) -> Vec<(u32, Held)> {
        let mut found = Vec::new();
        fences.visit(at, height_m, |number, held| found.push((number, held)));
        found.sort_by_key(|(number, _)| *number);
        found
    }

    #[test]
    fn a_height_that_is_not_known_is_not_guessed() {
        let mut fences = Fences::new();
        let square = LonLatBox { min: [116.0, 39.0], max: [117.0, 40.0] };
        fences.insert(7, Fence::boxed(square).unwrap().between(0.0, 120.0).unwrap()).unwrap();
        fences.insert(8, Fence::boxed(square).unwrap()).unwrap();
        assert_eq!(held(&fences, [116.5, 39.5], None), [(7, Held::HeightUnknown), (8, Held::Inside)]);
        assert_eq!(held(&fences, [116.5, 39.5], Some(120.0)), [(7, Held::Inside), (8, Held::Inside)]);
        assert_eq!(held(&fences, [116.5, 39.5], Some(120.1)), [(8, Held::Inside)]);
        assert_eq!(held(&fences, [118.0, 39.5], None), []);
    }

    #[test]
    fn a_number_has_one_fence() {
        let mut fences = Fences::new();
        fences.insert(1, Fence::circle([0.0, 0.0], 100.0).unwrap()).unwrap();
        fences.insert(1, Fence::circle([10.0, 0.0], 100.0).unwrap()).unwrap();
        assert_eq!((fences.len(), held(&fences, [0.0, 0.0], None)), (1, vec![]));
        assert_eq!(held(&fences, [10.0, 0.0], None), [(1, Held::Inside)]);
        assert!(fences.remove(1) && !fences.remove(1) && fences.is_empty());
        assert_eq!(held(&fences, [10.0, 0.0], None), []);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Fence::circle([0.0, 0.0], -1.0).is_err());
        assert!(Fence::boxed(LonLatBox { min: [0.0, 5.0], max: [1.0, 4.0] }).is_err());
        assert!(Fence::circle([0.0, 0.0], 1.0).unwrap().between(5.0, 4.0).is_err());
        assert!(Fence::circle([0.0, 0.0], 1.0).unwrap().between(f64::NAN, 4.0).is_err());
    }
}
