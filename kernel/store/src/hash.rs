//! Maps by numbers and ids that the store itself gave: hashed by multiplications, some ten times as quick as the hash that
//! withstands keys of an enemy's choice. Nobody outside chooses what is put into these maps.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map by ids of the store's own.
pub(crate) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<Folding>>;
/// A set of them.
pub(crate) type IdSet<K> = HashSet<K, BuildHasherDefault<Folding>>;

/// An odd number without a pattern: the golden ratio's bits.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// Multiplies into 128 bits and folds the halves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Folding(u64);

/// One step: all bits of both go into all bits of what comes out.
#[inline]
pub(crate) fn fold(state: u64, value: u64) -> u64 {
    let product = u128::from(state ^ value) * u128::from(FACTOR);
    (product >> 64) as u64 ^ product as u64
}

impl Hasher for Folding {
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.write_u64(u64::from(*byte));
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        // Turned, so that a word of zeros changes the state too.
        self.0 = fold(self.0.rotate_left(23).wrapping_add(FACTOR), value);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn neighbours_fall_far_apart() {
        let build = BuildHasherDefault::<Folding>::default();
        // Both the lowest bits, which choose a bucket, and the highest, which mark it, must differ.
        for shift in [0, 48] {
            let low: HashSet<u64> = (0..4096_u64).map(|n| (build.hash_one(n) >> shift) & 0xFFFF).collect();
            assert!(low.len() > 3800, "{}", low.len());
            let pairs = (0..64_u64).flat_map(|a| (0..64_u64).map(move |b| (a, b)));
            let low: HashSet<u64> = pairs.map(|pair| (build.hash_one(pair) >> shift) & 0xFFFF).collect();
            assert!(low.len() > 3800, "{}", low.len());
        }
    }
}
