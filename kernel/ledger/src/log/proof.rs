//! Receipts out of the log: an asset and a leaf in, a proof out. It reads the leaf's bundle and at most two hash tiles a
//! level, and hands out only proofs that lead to the signed root.

use std::path::Path;

use tlog_tiles::{Error as TreeError, Hash, Tile as HashTile, TileHashReader, TileReader, prove_record, record_hash};

use super::entries::{damaged, read_bundle};
use super::files::{Row, Tile, WIDTH};
use super::{Error, Ledger};
use crate::receipt::{Receipt, check_inclusion};

/// Which of an asset's leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Latest,
    /// The one at this place in the log.
    Leaf(u64),
}

/// Leaf numbers named in an error.
const NAMED: usize = 8;

impl Ledger {
    /// A receipt for one of the asset's leaves under the present checkpoint.
    ///
    /// # Errors
    /// Where the asset has no such leaf, or the files no longer hold what was signed.
    pub fn receipt(&self, asset: &str, which: Which) -> Result<Receipt, Error> {
        let leaves = self.leaves_of_asset(asset);
        let latest = *leaves.last().ok_or_else(|| Error::NoAsset(asset.to_owned()))?;
        let index = match which {
            Which::Latest => latest,
            Which::Leaf(index) if leaves.binary_search(&index).is_ok() => index,
            Which::Leaf(index) => {
                let newest: Vec<_> = leaves.iter().rev().take(NAMED).rev().map(u64::to_string).collect();
                return Err(Error::NoLeaf { asset: asset.to_owned(), index, known: newest.join(", ") });
            }
        };
        self.prove(index)
    }

    fn prove(&self, index: u64) -> Result<Receipt, Error> {
        let (size, root) = (self.size(), self.frontier.root());
        let leaf = read_bundle(&self.dir, size, index / WIDTH)?
            .into_iter()
            .nth((index % WIDTH) as usize)
            .ok_or_else(|| damaged(&self.dir, size, index, &"it is not in its bundle"))?;
        let tiles = StoredTiles { dir: &self.dir };
        let proof =
            prove_record(size, index, &TileHashReader::new(size, root, &tiles)).map_err(|e| Error::Damaged {
                path: self.dir.join("tile"),
                what: format!("the hash tiles do not lead from leaf {index} to the signed root ({e})"),
            })?;
        check_inclusion(&proof, size, root, index, record_hash(&leaf))
            .map_err(|e| damaged(&self.dir, size, index, &e))?;
        let proof = proof.into_iter().map(|hash: Hash| hash.0).collect();
        Ok(Receipt { leaf, index, proof, checkpoint: self.checkpoint.clone() })
    }
}

/// The hash tiles on disk for the library's proofs; it checks them against the root itself.
struct StoredTiles<'a> {
    dir: &'a Path,
}

impl StoredTiles<'_> {
    fn read(&self, wanted: HashTile) -> Result<Vec<u8>, TreeError> {
        let tile =
            Tile { row: Row::Hashes(wanted.level()), number: wanted.level_index(), width: wanted.width().into() };
        let (mut bytes, _) = tile.read(self.dir).map_err(|e| TreeError::InvalidInput(e.to_string()))?;
        // A full tile may have taken the partial one's place.
        bytes.truncate(wanted.width() as usize * tlog_tiles::HASH_SIZE);
        Ok(bytes)
    }
}

impl TileReader for StoredTiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[HashTile]) -> Result<Vec<Vec<u8>>, TreeError> {
        tiles.iter().map(|tile| self.read(*tile)).collect()
    }

    fn save_tiles(&self, _: &[HashTile], _: &[Vec<u8>]) {}
}
