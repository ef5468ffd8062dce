//! Evidence for streams: a hash chain over the readings of one datastream. Readings in, in the order in which the store
//! took them, links out; the last link is registered every minute, so that a reading that is changed, dropped, added or
//! moved afterwards leads to another head than the one in the log.
//!
//! ```text
//! link(0)   = 32 zeros
//! link(n+1) = SHA-256(0x04 || link(n) || phenomenon time || result time || value || quality)
//! ```
//! Times are microseconds since 1970 as i64, the value is an f64, big-endian; the quality a byte: 0 good, 1 suspect, 2 missing.

use kernel_model::ChainHead;
use sha2::{Digest, Sha256};

/// What of a reading is chained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// When it was so, microseconds since 1970.
    pub phenomenon_us: i64,
    /// When it was measured, microseconds since 1970.
    pub result_us: i64,
    /// The value.
    pub value: f64,
    /// The quality: 0 good, 1 suspect, 2 missing.
    pub quality: u8,
}

/// A chain as far as it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chain {
    count: u64,
    last: [u8; 32],
}

impl Chain {
    /// The chain that a registered head ends; nothing where its hash is none.
    pub fn from_head(head: &ChainHead) -> Option<Self> {
        let mut last = [0; 32];
        hex::decode_to_slice(&head.hash, &mut last).ok()?;
        Some(Self { count: head.count, last })
    }

    /// Adds a reading.
    pub fn push(&mut self, link: &Link) {
        self.last = Sha256::new()
            .chain_update([4])
            .chain_update(self.last)
            .chain_update(link.phenomenon_us.to_be_bytes())
            .chain_update(link.result_us.to_be_bytes())
            .chain_update(link.value.to_be_bytes())
            .chain_update([link.quality])
            .finalize()
            .into();
        self.count += 1;
    }

    /// Readings in it.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Its end, to be registered.
    pub fn head(&self, datastream: u64) -> ChainHead {
        ChainHead { datastream, count: self.count, hash: hex::encode(self.last) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chain(readings: &[(i64, f64)]) -> Chain {
        let mut chain = Chain::default();
        for (time, value) in readings {
            chain.push(&Link { phenomenon_us: *time, result_us: *time, value: *value, quality: 0 });
        }
        chain
    }

    proptest! {
        #[test]
        fn a_reading_changed_dropped_or_moved_is_seen(readings in prop::collection::vec((any::<i64>(), -1e9..1e9_f64), 2..30), at in any::<prop::sample::Index>()) {
            let right = chain(&readings);
            let at = at.index(readings.len() - 1);
            let mut changed = readings.clone();
            changed[at].1 += 1.0;
            prop_assert_ne!(chain(&changed).head(1), right.head(1));
            let mut dropped = readings.clone();
            dropped.remove(at);
            prop_assert_ne!(chain(&dropped).head(1).hash, right.head(1).hash);
            let mut moved = readings.clone();
            moved.swap(at, at + 1);
            prop_assert_eq!(chain(&moved).head(1) == right.head(1), readings[at] == readings[at + 1]);
            // A chain that goes on from its head is the whole one.
            let mut resumed = Chain::from_head(&chain(&readings[..at]).head(1)).unwrap();
            for (time, value) in &readings[at..] {
                resumed.push(&Link { phenomenon_us: *time, result_us: *time, value: *value, quality: 0 });
            }
            prop_assert_eq!(resumed.head(1), right.head(1));
        }
    }
}
