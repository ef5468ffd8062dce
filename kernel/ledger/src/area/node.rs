//! Hashes of the map's nodes. A node commits to the bits that everything below it begins with, to its counts and to its
//! content, so that a node whose content is left out of a proof can still not lie about where it is nor how much it is.
//!
//! ```text
//! node   = SHA-256(0x02 || bits: u16 || bytes of the bits || counts || content)
//! branch = SHA-256(0x01 || left node || right node)
//! entry  = SHA-256(0x00 || state || grade || leaf index: u64 || leaf hash || asset)
//! empty  = SHA-256(0x03)
//! ```
//! Numbers are big-endian; the state is 0 for an entry whose asset has gone from the cell, 1 for an asset there, and 2 for
//! an asset there that is counted here.

use sha2::{Digest, Sha256};

use super::counts::{Counts, Grade};
use super::place::Prefix;

/// What an entry says of its asset and its cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// It was here once.
    Gone,
    /// It is here, and counted at another of its cells.
    There,
    /// It is here and counted here.
    Home,
}

/// An entry: the asset's newest leaf that speaks of the cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub asset: &'a str,
    pub state: State,
    pub grade: Grade,
    pub index: u64,
    pub leaf_hash: &'a [u8; 32],
}

impl Entry<'_> {
    pub(super) fn content(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update([0, self.state as u8, self.grade as u8])
            .chain_update(self.index.to_be_bytes())
            .chain_update(self.leaf_hash)
            .chain_update(self.asset)
            .finalize()
            .into()
    }

    pub(super) fn counts(&self) -> Counts {
        if self.state == State::Home { Counts::one(self.grade) } else { Counts::default() }
    }
}

pub(super) fn branch_content(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

pub(super) fn node_hash(prefix: &Prefix, counts: &Counts, content: &[u8; 32]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(128);
    bytes.push(2);
    bytes.extend_from_slice(&prefix.len.to_be_bytes());
    bytes.extend_from_slice(prefix.bytes());
    counts.write(&mut bytes);
    bytes.extend_from_slice(content);
    Sha256::digest(&bytes).into()
}

/// The root of a map without entries.
pub(super) fn empty_root() -> [u8; 32] {
    Sha256::digest([3]).into()
}
