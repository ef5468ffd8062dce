//! Which parts may be near each other: their boxes in the volume index. Its first axis is a longitude that wraps, so
//! millimetres are brought to a narrow band of it by one factor; beyond the band boxes are clamped to its edge, which keeps
//! every meeting.

use spatial_index::{Volume, VolumeIndex};

use crate::tree::Aabb;

/// What is well inside of -180..180.
const BAND: f64 = 90.0;

/// Boxes of parts by number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Broad {
    index: VolumeIndex,
    factor: f64,
    kept: Vec<Option<Volume>>,
}

impl Broad {
    /// Of boxes in millimetres; numbers count up from 0.
    pub(crate) fn new(boxes: &[Aabb]) -> Self {
        let reach = |b: &Aabb| b.lo.abs().max(b.hi.abs()).max_element();
        let widest = boxes.iter().map(reach).filter(|r| r.is_finite()).fold(1.0, f64::max);
        let mut broad = Self { index: VolumeIndex::default(), factor: BAND / (8.0 * widest), kept: Vec::new() };
        broad.kept = boxes.iter().map(|b| Some(broad.volume(*b))).collect();
        let numbered = broad.kept.iter().flatten().zip(0_u32..).map(|(volume, number)| (*volume, number));
        broad.index.extend(numbered);
        broad
    }

    fn volume(&self, b: Aabb) -> Volume {
        let at = |value: f64| (value * self.factor).clamp(-BAND, BAND);
        Volume { min: [at(b.lo.x), at(b.lo.y), at(b.lo.z)], max: [at(b.hi.x), at(b.hi.y), at(b.hi.z)] }
    }

    /// Numbers of all boxes that share a point with this one, ascending.
    pub(crate) fn near(&self, b: Aabb) -> Vec<usize> {
        let mut found: Vec<usize> = self.index.candidates(self.volume(b)).map(|number| number as usize).collect();
        found.sort_unstable();
        found
    }

    /// Puts a box in another place.
    pub(crate) fn replace(&mut self, number: usize, b: Aabb) {
        self.remove(number);
        let volume = self.volume(b);
        if self.index.insert(volume, number as u32) {
            self.kept[number] = Some(volume);
        }
    }

    /// Takes a box out.
    pub(crate) fn remove(&mut self, number: usize) {
        if let Some(volume) = self.kept[number].take() {
            self.index.remove(volume, number as u32);
        }
    }
}
