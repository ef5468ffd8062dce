//! The whole log read once more: leaves and recomputed tiles out, in order, and at the end the tree's right edge. What
//! the hash tiles on disk say is not believed here; who asks compares.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;
use tlog_tiles::Hash;

use super::Error;
use super::entries::{damaged, read_bundle};
use super::files::{Row, Tile, WIDTH, push_entry};
use super::frontier::Frontier;

/// What the replay comes past.
pub(super) enum Seen<'a> {
    /// A leaf as stored.
    Leaf { index: u64, bytes: &'a [u8], hash: Hash },
    /// A tile as it has to be.
    Tile(Tile, &'a [u8]),
}

/// Reads the first `size` leaves.
pub(super) fn replay(
    dir: &Path,
    size: u64,
    mut see: impl FnMut(Seen<'_>) -> Result<(), Error>,
) -> Result<(Frontier, Vec<u8>), Error> {
    let mut frontier = Frontier::default();
    let mut bundle = Vec::new();
    for number in 0..size.div_ceil(WIDTH) {
        bundle.clear();
        let leaves = read_bundle(dir, size, number)?;
        for bytes in &leaves {
            let hash = tlog_tiles::record_hash(bytes);
            see(Seen::Leaf { index: frontier.size(), bytes, hash })?;
            push_entry(&mut bundle, bytes);
            frontier.push(hash, |tile, slots| see(Seen::Tile(tile, slots)))?;
        }
        see(Seen::Tile(Tile { row: Row::Entries, number, width: leaves.len() as u64 }, &bundle))?;
    }
    if size.is_multiple_of(WIDTH) {
        bundle.clear();
    }
    frontier.partials().try_for_each(|(tile, slots)| see(Seen::Tile(tile, slots)))?;
    Ok((frontier, bundle))
}

/// The fields of a leaf that the look-up tables need, of a record or of an event.
#[derive(Deserialize)]
pub(super) struct Head<'a> {
    #[serde(borrow)]
    asset: Option<Cow<'a, str>>,
    #[serde(borrow)]
    previous: Option<Cow<'a, str>>,
    pub sequence: u64,
    #[serde(borrow)]
    statement: Option<Stated<'a>>,
}

#[derive(Deserialize)]
struct Stated<'a> {
    #[serde(borrow)]
    asset: Cow<'a, str>,
    #[serde(borrow)]
    previous: Option<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    /// Reads them; the leaf was canonical when it was signed.
    pub(super) fn read(dir: &Path, size: u64, index: u64, bytes: &'a [u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|e| damaged(dir, size, index, &e))
    }

    pub(super) fn asset(&self) -> &str {
        self.statement.as_ref().map_or_else(|| self.asset.as_deref().unwrap_or_default(), |stated| &stated.asset)
    }

    /// Whether it is its asset's first leaf.
    pub(super) fn is_first(&self) -> bool {
        self.statement.as_ref().map_or(self.previous.is_none(), |stated| stated.previous.is_none())
    }
}
