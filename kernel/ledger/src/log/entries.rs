//! Leaves read back in order: a range in, leaves with their place and hash out, one bundle in memory at a time. Each is
//! held against the hash tile beside its bundle. The reader keeps no lock and no handle on the ledger; leaves below its end
//! never change.

use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog_tiles::Hash;

use super::Error;
use super::files::{Row, Tile, WIDTH, split_entries};
use super::tree::read_checkpoint;
use crate::keys::KeyRing;
use crate::leaf::Leaf;

/// One leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the log, from 0.
    pub index: u64,
    /// RFC 6962 hash of the leaf.
    pub leaf_hash: [u8; 32],
    /// What it holds.
    pub leaf: Leaf,
}

/// Iterator over the leaves of a log of assets; ends after its first error.
#[derive(Debug)]
pub struct Entries(Leaves);

impl Entries {
    /// All leaves of the log in `dir`, as of the checkpoint there, beside whoever writes it.
    ///
    /// # Errors
    /// Where there is no checkpoint, or the key (the text of `log.pub`) did not sign it.
    pub fn open(dir: &Path, vkey: &str) -> Result<Self, Error> {
        let path = dir.join("checkpoint");
        let ring = KeyRing::parse(vkey).map_err(|source| Error::Checkpoint { path, source })?;
        let size = read_checkpoint(dir, &ring)?.0.size();
        Ok(Self::new(Leaves::new(dir.into(), size, 0..size)))
    }

    pub(super) fn new(leaves: Leaves) -> Self {
        Self(leaves)
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.0.next()?.and_then(|(index, bytes, hash)| match Leaf::decode(&bytes) {
            Ok(leaf) => Ok(Entry { index, leaf_hash: hash.0, leaf }),
            Err(e) => Err(damaged(&self.0.dir, self.0.size, index, &e)),
        });
        if entry.is_err() {
            self.0.range.start = self.0.range.end;
        }
        Some(entry)
    }
}

/// Iterator over the bytes and hashes of leaves; ends after its first error.
#[derive(Debug)]
pub(crate) struct Leaves {
    dir: Arc<Path>,
    /// The log's size when the reader was made.
    size: u64,
    range: Range<u64>,
    bundle: std::vec::IntoIter<Vec<u8>>,
    /// The hashes of the leaves of a bundle, with its number.
    hashes: Option<(u64, Vec<u8>)>,
}

impl Leaves {
    /// The leaves of the range that a log of `size` leaves has.
    pub(super) fn new(dir: Arc<Path>, size: u64, range: Range<u64>) -> Self {
        let range = range.start.min(size)..range.end.min(size);
        Self { dir, size, range, bundle: Vec::new().into_iter(), hashes: None }
    }

    fn next_leaf(&mut self) -> Result<Option<(u64, Vec<u8>, Hash)>, Error> {
        if self.range.is_empty() {
            return Ok(None);
        }
        let index = self.range.start;
        if self.bundle.len() == 0 {
            let leaves = read_bundle(&self.dir, self.size, index / WIDTH)?;
            self.bundle = leaves.into_iter();
            // The range may begin inside its first bundle.
            self.bundle.by_ref().take((index % WIDTH) as usize).for_each(drop);
        }
        self.range.start += 1;
        let Some(bytes) = self.bundle.next() else { return Ok(None) };
        let hash = tlog_tiles::record_hash(&bytes);
        if self.hash_of(index)? != hash.0 {
            return Err(damaged(&self.dir, self.size, index, &"its hash is not the one in tile/0"));
        }
        Ok(Some((index, bytes, hash)))
    }

    /// The hash of a leaf by the hash tile beside its bundle.
    fn hash_of(&mut self, index: u64) -> Result<&[u8], Error> {
        let number = index / WIDTH;
        if self.hashes.as_ref().is_none_or(|(held, _)| *held != number) {
            let tile = Tile { row: Row::Hashes(0), ..bundle_tile(self.size, number) };
            self.hashes = Some((number, tile.read(&self.dir)?.0));
        }
        let at = (index % WIDTH) as usize * tlog_tiles::HASH_SIZE;
        let hashes = self.hashes.as_ref().map_or(&[][..], |(_, hashes)| hashes);
        hashes.get(at..at + tlog_tiles::HASH_SIZE).ok_or_else(|| {
            let path = self.dir.join(Tile { row: Row::Hashes(0), ..bundle_tile(self.size, number) }.path());
            Error::Damaged { path, what: "it is too short".to_owned() }
        })
    }
}

impl Iterator for Leaves {
    type Item = Result<(u64, Vec<u8>, Hash), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let leaf = self.next_leaf().transpose();
        if matches!(leaf, Some(Err(_))) {
            self.range.start = self.range.end;
        }
        leaf
    }
}

/// The entry bundle's tile in a log of `size` leaves.
fn bundle_tile(size: u64, number: u64) -> Tile {
    Tile { row: Row::Entries, number, width: (size - number * WIDTH).min(WIDTH) }
}

/// All leaves of one bundle that a log of `size` leaves has.
pub(super) fn read_bundle(dir: &Path, size: u64, number: u64) -> Result<Vec<Vec<u8>>, Error> {
    let tile = bundle_tile(size, number);
    let (bytes, path) = tile.read(dir)?;
    match split_entries(&bytes, tile.width) {
        Some(entries) => Ok(entries.into_iter().map(<[u8]>::to_vec).collect()),
        None => Err(Error::Damaged { path, what: format!("it does not hold {} whole entries", tile.width) }),
    }
}

/// The error for a leaf that is no record.
pub(super) fn damaged(dir: &Path, size: u64, index: u64, why: &dyn Display) -> Error {
    let path: PathBuf = dir.join(bundle_tile(size, index / WIDTH).path());
    Error::Damaged { path, what: format!("leaf {index}: {why}") }
}
