//! Leaves read back in order: a range in, records with their place and hash out, one bundle in memory at a time. The
//! reader keeps no lock and no handle on the ledger; leaves below its end never change.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel_model::AssetRecord;
use signed_note::StandardVerifier;

use super::Error;
use super::files::{Row, Tile, WIDTH, split_entries};
use crate::leaf;
use crate::receipt::{VerifyError, open_checkpoint};

/// One leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the log, from 0.
    pub index: u64,
    /// RFC 6962 hash of the leaf.
    pub leaf_hash: [u8; 32],
    /// The record.
    pub record: AssetRecord,
}

/// Iterator over leaves; ends after its first error.
#[derive(Debug)]
pub struct Entries {
    dir: Arc<Path>,
    /// The log's size when the reader was made.
    size: u64,
    range: Range<u64>,
    bundle: std::vec::IntoIter<Vec<u8>>,
    /// The hashes of the leaves of a bundle, with its number.
    hashes: Option<(u64, Vec<u8>)>,
}

impl Entries {
    /// All leaves of the log in `dir`, as of the checkpoint there, beside whoever writes it.
    ///
    /// # Errors
    /// Where there is no checkpoint, or the key (C2SP signed-note vkey) did not sign it.
    pub fn open(dir: &Path, vkey: &str) -> Result<Self, Error> {
        let path = dir.join("checkpoint");
        let note = fs::read(&path).map_err(Error::io("read", &path))?;
        let note = String::from_utf8_lossy(&note);
        let key = StandardVerifier::new(vkey.trim()).map_err(|e| VerifyError::Key(e.to_string()));
        let checkpoint = key.and_then(|key| open_checkpoint(&note, &key));
        let size = checkpoint.map_err(|source| Error::Checkpoint { path, source })?.size();
        Ok(Self::new(dir.into(), size, 0..size))
    }

    /// The leaves of the range that a log of `size` leaves has.
    pub(super) fn new(dir: Arc<Path>, size: u64, range: Range<u64>) -> Self {
        let range = range.start.min(size)..range.end.min(size);
        Self { dir, size, range, bundle: Vec::new().into_iter(), hashes: None }
    }

    /// The next leaf's bytes.
    pub(super) fn next_leaf(&mut self) -> Result<Option<(u64, Vec<u8>)>, Error> {
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
        Ok(self.bundle.next().map(|leaf| (index, leaf)))
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        let Some((index, bytes)) = self.next_leaf()? else {
            return Ok(None);
        };
        let leaf_hash = tlog_tiles::record_hash(&bytes).0;
        if self.hash_of(index)? != leaf_hash {
            return Err(damaged(&self.dir, self.size, index, &"its hash is not the one in tile/0"));
        }
        let record = leaf::decode(&bytes).map_err(|e| damaged(&self.dir, self.size, index, &e))?;
        Ok(Some(Entry { index, leaf_hash, record }))
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

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.next_entry().transpose();
        if matches!(entry, Some(Err(_))) {
            self.range.start = self.range.end;
        }
        entry
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
pub(super) fn damaged(dir: &Path, size: u64, index: u64, why: &dyn std::fmt::Display) -> Error {
    let path: PathBuf = dir.join(bundle_tile(size, index / WIDTH).path());
    Error::Damaged { path, what: format!("leaf {index}: {why}") }
}
