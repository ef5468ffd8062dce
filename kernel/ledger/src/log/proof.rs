//! Receipts out of the log: an asset and a leaf in, a proof out. It reads the leaf's bundle and at most two hash tiles a
//! level, and hands out only proofs that lead to the signed root.

use std::path::Path;

use tlog_tiles::{
    Error as TreeError, Hash, Tile as HashTile, TileHashReader, TileReader, prove_record, prove_tree, record_hash,
};

use super::entries::{damaged, read_bundle};
use super::files::{Row, Tile, WIDTH};
use super::tree::Log;
use super::{Error, Ledger};
use crate::leaf::Leaf;
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
        let receipt = self.log.prove(self.leaf_of(asset, which)?)?;
        // Who is asked for by a hash in the index has to be the one who is in the leaf.
        match Leaf::decode(&receipt.leaf) {
            Ok(leaf) if leaf.asset() == asset => Ok(receipt),
            _ => Err(Error::Index(self.log.dir.join("index"))),
        }
    }

    pub(super) fn leaf_of(&self, asset: &str, which: Which) -> Result<u64, Error> {
        let leaves = self.leaves_of_asset(asset)?;
        let latest = *leaves.last().ok_or_else(|| Error::NoAsset(asset.to_owned()))?;
        match which {
            Which::Latest => Ok(latest),
            Which::Leaf(index) if leaves.binary_search(&index).is_ok() => Ok(index),
            Which::Leaf(index) => {
                let newest: Vec<_> = leaves.iter().rev().take(NAMED).rev().map(u64::to_string).collect();
                Err(Error::NoLeaf { asset: asset.to_owned(), index, known: newest.join(", ") })
            }
        }
    }

    /// A receipt for any leaf.
    ///
    /// # Errors
    /// Where there is none there, or the files no longer hold what was signed.
    pub fn receipt_of_leaf(&self, index: u64) -> Result<Receipt, Error> {
        if index >= self.size() {
            return Err(Error::NoSuchLeaf { index, size: self.size() });
        }
        self.log.prove(index)
    }

    /// The proof that the log of `new` leaves begins with that of `old` leaves (RFC 6962, 2.1.2), for
    /// [`check_consistency`](crate::check_consistency).
    ///
    /// # Errors
    /// Where the log has not so many leaves, or the files no longer hold what was signed.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<[u8; 32]>, Error> {
        self.log.consistency(old, new)
    }
}

impl Log {
    pub(super) fn prove(&self, index: u64) -> Result<Receipt, Error> {
        self.prove_at(index, self.size(), self.root())
    }

    /// The proof in the tree that the log was at a size, with the present checkpoint.
    pub(super) fn prove_at(&self, index: u64, size: u64, root: Hash) -> Result<Receipt, Error> {
        let leaf = read_bundle(&self.dir, size, index / WIDTH)?
            .into_iter()
            .nth((index % WIDTH) as usize)
            .ok_or_else(|| damaged(&self.dir, size, index, &"it is not in its bundle"))?;
        let tiles = StoredTiles { dir: &self.dir };
        let proof = prove_record(size, index, &TileHashReader::new(size, root, &tiles))
            .map_err(|e| self.misled(&format!("leaf {index}"), &e))?;
        check_inclusion(&proof, size, root, index, record_hash(&leaf))
            .map_err(|e| damaged(&self.dir, size, index, &e))?;
        let proof = proof.into_iter().map(|hash: Hash| hash.0).collect();
        Ok(Receipt { leaf, index, proof, checkpoint: self.checkpoint.clone() })
    }

    pub(super) fn consistency(&self, old: u64, new: u64) -> Result<Vec<[u8; 32]>, Error> {
        if old > new || new > self.size() {
            return Err(Error::NoSuchLeaf { index: old.max(new), size: self.size() });
        }
        if old == 0 || old == new {
            return Ok(Vec::new());
        }
        let tiles = StoredTiles { dir: &self.dir };
        let proof = prove_tree(new, old, &TileHashReader::new(self.size(), self.root(), &tiles));
        let proof = proof.map_err(|e| self.misled(&format!("{old} leaves"), &e))?;
        Ok(proof.into_iter().map(|hash| hash.0).collect())
    }

    /// The hash of a leaf, by its tile, which is held against the tile above it.
    pub(super) fn leaf_hash(&self, index: u64) -> Result<Hash, Error> {
        if let Some(hash) = self.frontier.hash(0, index) {
            return Ok(hash);
        }
        let tile = |level, number| Tile { row: Row::Hashes(level), number, width: WIDTH };
        let short = |path| Error::Damaged { path, what: "it is too short".to_owned() };
        let number = index / WIDTH;
        let (bytes, path) = tile(0, number).read(&self.dir)?;
        let at = (index % WIDTH) as usize * tlog_tiles::HASH_SIZE;
        let hash = bytes.get(at..at + tlog_tiles::HASH_SIZE).and_then(|hash| hash.try_into().ok()).map(Hash);
        let hash = hash.ok_or_else(|| short(path.clone()))?;
        let above = if let Some(above) = self.frontier.hash(1, number) {
            above
        } else {
            let (bytes, path) = tile(1, number / WIDTH).read(&self.dir)?;
            let at = (number % WIDTH) as usize * tlog_tiles::HASH_SIZE;
            let above = bytes.get(at..at + tlog_tiles::HASH_SIZE).and_then(|hash| hash.try_into().ok());
            Hash(above.ok_or_else(|| short(path))?)
        };
        if bytes.len() == WIDTH as usize * tlog_tiles::HASH_SIZE && HashTile::subtree_hash(&bytes) == above {
            return Ok(hash);
        }
        Err(Error::Damaged { path, what: "its hashes do not lead to the tile above it".to_owned() })
    }

    pub(super) fn misled(&self, from: &str, why: &TreeError) -> Error {
        let what = format!("the hash tiles do not lead from {from} to the signed root ({why})");
        Error::Damaged { path: self.dir.join("tile"), what }
    }
}

/// The hash tiles on disk for the library's proofs; it checks them against the root itself.
pub(super) struct StoredTiles<'a> {
    pub dir: &'a Path,
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
