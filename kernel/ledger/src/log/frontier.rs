//! The right edge of the tree: leaf hashes in, finished tiles and the root out. It holds at most 255 hashes a level, so
//! a log of any size grows in constant memory.

use tlog_tiles::{EMPTY_HASH, Hash, Tile as HashTile, node_hash};

use super::files::{Row, Tile, WIDTH};

/// Hashes of the last, unfinished tile of every level.
#[derive(Debug, Clone, Default)]
pub(super) struct Frontier {
    size: u64,
    levels: Vec<Vec<u8>>,
}

const HASH_BYTES: usize = 32;

impl Frontier {
    /// The right edge of a log of `size` leaves, from its unfinished tiles; nothing where one is missing or too short.
    pub(super) fn read(size: u64, mut tile: impl FnMut(Tile) -> Option<Vec<u8>>) -> Option<Self> {
        let mut levels = Vec::new();
        for level in 0_u8.. {
            let slots = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            if slots == 0 {
                break;
            }
            let width = slots % WIDTH;
            let mut bytes = match width {
                0 => Vec::new(),
                _ => tile(Tile { row: Row::Hashes(level), number: slots / WIDTH, width })?,
            };
            // A full tile may have taken the partial one's place.
            bytes.truncate(width as usize * HASH_BYTES);
            (bytes.len() == width as usize * HASH_BYTES).then_some(())?;
            levels.push(bytes);
        }
        Some(Self { size, levels })
    }

    /// The hashes of the leaves in the unfinished tile.
    pub(super) fn open_leaves(&self) -> &[u8] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The hash in an unfinished tile, by its level and its number there; nothing where that tile is finished.
    pub(super) fn hash(&self, level: u8, number: u64) -> Option<Hash> {
        let slots = self.size.checked_shr(8 * u32::from(level))?;
        let at = number.checked_sub(slots / WIDTH * WIDTH)? as usize * HASH_BYTES;
        let bytes = self.levels.get(usize::from(level))?.get(at..at + HASH_BYTES)?;
        bytes.try_into().ok().map(Hash)
    }

    /// How many leaves are in.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; tells of every tile that it fills, lowest level first.
    pub(super) fn push<E>(
        &mut self,
        leaf: Hash,
        mut filled: impl FnMut(Tile, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.size += 1;
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(HASH_BYTES * WIDTH as usize));
            }
            let slots = &mut self.levels[level];
            slots.extend_from_slice(&hash.0);
            if slots.len() < HASH_BYTES * WIDTH as usize {
                break;
            }
            let number = (self.size >> (8 * (level + 1))) - 1;
            filled(Tile { row: Row::Hashes(level as u8), number, width: WIDTH }, slots)?;
            hash = HashTile::subtree_hash(slots);
            slots.clear();
        }
        Ok(())
    }

    /// The unfinished tiles, lowest level first.
    pub(super) fn partials(&self) -> impl Iterator<Item = (Tile, &[u8])> {
        self.levels.iter().enumerate().filter(|(_, slots)| !slots.is_empty()).map(|(level, slots)| {
            let number = self.size >> (8 * (level + 1));
            (Tile { row: Row::Hashes(level as u8), number, width: (slots.len() / HASH_BYTES) as u64 }, slots.as_slice())
        })
    }

    /// The root (RFC 6962, 2.1): the whole subtrees from left to right, joined from the right.
    pub(super) fn root(&self) -> Hash {
        let mut whole = Vec::new();
        for slots in self.levels.iter().rev() {
            let mut rest = slots.as_slice();
            while !rest.is_empty() {
                let count = 1_usize << (rest.len() / HASH_BYTES).ilog2();
                let (left, right) = rest.split_at(count * HASH_BYTES);
                whole.push(HashTile::subtree_hash(left));
                rest = right;
            }
        }
        whole.into_iter().rev().reduce(|right, left| node_hash(left, right)).unwrap_or(EMPTY_HASH)
    }
}
