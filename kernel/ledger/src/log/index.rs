//! What the log's holder looks up without reading leaves: which leaves speak of an asset, and where each sequence
//! begins. Rebuilt from the leaves whenever the log is opened; it says nothing that they do not.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use tlog_tiles::Hash;

/// An asset's leaves, oldest first, and the hash of the newest.
#[derive(Debug)]
pub(super) struct AssetLeaves {
    pub leaves: Vec<u64>,
    pub last_hash: Hash,
}

/// The look-up tables.
#[derive(Debug, Default)]
pub(super) struct Index {
    assets: HashMap<Box<str>, AssetLeaves>,
    /// Sequence -> its first leaf. Leaves stand in order of sequence.
    sequences: BTreeMap<u64, u64>,
    size: u64,
}

impl Index {
    /// Takes in the next leaf.
    pub(super) fn push(&mut self, asset: &str, sequence: u64, leaf_hash: Hash) {
        let leaf = self.size;
        self.size += 1;
        self.sequences.entry(sequence).or_insert(leaf);
        if let Some(known) = self.assets.get_mut(asset) {
            known.leaves.push(leaf);
            known.last_hash = leaf_hash;
        } else {
            self.assets.insert(asset.into(), AssetLeaves { leaves: vec![leaf], last_hash: leaf_hash });
        }
    }

    pub(super) fn asset(&self, id: &str) -> Option<&AssetLeaves> {
        self.assets.get(id)
    }

    pub(super) fn asset_count(&self) -> usize {
        self.assets.len()
    }

    /// The highest sequence, which is the newest leaf's.
    pub(super) fn last_sequence(&self) -> u64 {
        self.sequences.last_key_value().map_or(0, |(sequence, _)| *sequence)
    }

    /// The leaves of a sequence.
    pub(super) fn leaves_of(&self, sequence: u64) -> Range<u64> {
        let Some(&start) = self.sequences.get(&sequence) else {
            return 0..0;
        };
        let next = self.sequences.range(sequence + 1..).next();
        start..next.map_or(self.size, |(_, leaf)| *leaf)
    }
}
