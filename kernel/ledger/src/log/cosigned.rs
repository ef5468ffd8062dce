//! Checkpoints that witnesses have signed. A log that grows has a new checkpoint before its witnesses have seen the last
//! one; so the newest cosigned one is kept beside it, in `cosigned`, and receipts can be had under that.

use std::fs;
use std::io;

use tlog_tiles::Hash;

use super::files::replace;
use super::proof::StoredTiles;
use super::tree::Log;
use super::{Error, Ledger, Which};
use crate::cosign::{Witness, with_cosignature};
use crate::receipt::Receipt;

/// A checkpoint with signatures of witnesses.
#[derive(Debug, Clone)]
pub(super) struct Cosigned {
    size: u64,
    root: Hash,
    note: String,
}

impl Cosigned {
    /// The one beside a log; nothing where there is none, or it is not of this log.
    pub(super) fn read(log: &Log) -> Result<Option<Self>, Error> {
        let path = log.dir.join("cosigned");
        let note = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { doing: "read", path, source }),
        };
        match log.key.ring().open_checkpoint(&note) {
            Ok((checkpoint, _)) if checkpoint.size() <= log.size() => {
                Ok(Some(Self { size: checkpoint.size(), root: *checkpoint.hash(), note }))
            }
            _ => {
                tracing::warn!(path = %path.display(), "no checkpoint of this log: it is left aside");
                Ok(None)
            }
        }
    }
}

impl Ledger {
    /// Takes a witness's signature of a checkpoint that this log had.
    ///
    /// # Errors
    /// Where the line is not the witness's of that checkpoint, the checkpoint is not this log's, or the file cannot be
    /// written.
    pub fn add_cosignature(&mut self, checkpoint: &str, line: &str, witness: &Witness) -> Result<(), Error> {
        self.log.may_append()?;
        let path = self.log.dir.join("cosigned");
        let refused = |source| Error::Checkpoint { path: path.clone(), source };
        let (tree, _) = self.log.key.ring().open_checkpoint(checkpoint).map_err(refused)?;
        let before = self.cosigned.as_ref().filter(|held| held.size == tree.size() && held.root == *tree.hash());
        let note = before.map_or(checkpoint, |held| &held.note);
        let note = with_cosignature(note, line, witness).map_err(refused)?;
        if self.cosigned.as_ref().is_some_and(|held| held.size > tree.size()) {
            return Ok(());
        }
        replace(&path, note.as_bytes())?;
        self.cosigned = Some(Cosigned { size: tree.size(), root: *tree.hash(), note });
        Ok(())
    }

    /// The newest checkpoint that a witness has signed.
    pub fn cosigned_checkpoint(&self) -> Option<&str> {
        self.cosigned.as_ref().map(|held| held.note.as_str())
    }

    /// A receipt for one of the asset's leaves under the newest checkpoint that a witness has signed.
    ///
    /// # Errors
    /// As [`Ledger::receipt`], and [`Error::NotWitnessed`] where that checkpoint is older than the leaf.
    pub fn witnessed_receipt(&self, asset: &str, which: Which) -> Result<Receipt, Error> {
        let index = self.leaf_of(asset, which)?;
        let held = self.cosigned.as_ref().filter(|held| index < held.size);
        let held = held.ok_or_else(|| Error::NotWitnessed { asset: asset.to_owned(), index })?;
        let mut receipt = self.log.prove_at(index, held.size, held.root)?;
        receipt.checkpoint.clone_from(&held.note);
        Ok(receipt)
    }

    /// The root that the log had at a size.
    ///
    /// # Errors
    /// Where it has fewer leaves, or the files no longer hold what was signed.
    pub fn root_at(&self, size: u64) -> Result<[u8; 32], Error> {
        if size > self.size() {
            return Err(Error::NoSuchLeaf { index: size, size: self.size() });
        }
        let tiles = StoredTiles { dir: &self.log.dir };
        let reader = tlog_tiles::TileHashReader::new(self.size(), self.log.root(), &tiles);
        let root = tlog_tiles::tree_hash(size, &reader).map_err(|e| self.log.misled(&format!("{size} leaves"), &e))?;
        Ok(root.0)
    }
}
