//! Area proofs checked offline: the file and the log's public key in, what is proven out, or the exact reason of the
//! refusal. No file, clock or network is used. What the file leaves out it may leave out: each such node commits to where
//! it lies, and one that meets the question is refused.

use std::collections::BTreeMap;

use super::bytes::Bytes;
use super::counts::{Counts, Grade};
use super::node::{Entry, branch_content, empty_root, node_hash};
use super::output::{AREA_LOG, MapRoot, MapRootError};
use super::place::{KEY_BITS, Key, MapCell, Prefix, hash_of};
use super::proof::{BRANCH, EMPTY, MAGIC, Named, PRUNED, Shows, read_named, read_pruned, read_shown};
use super::query::{Prepared, Query, Relation};
use crate::keys::KeyRing;
use crate::receipt::{VerifyError, verify_leaf};

/// The longest file that is looked at.
const MAX_BYTES: usize = 256 << 20;

/// What an area proof proves.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedArea {
    /// The question.
    pub query: Query,
    /// List or count.
    pub shows: Shows,
    /// Which map of which log.
    pub map: MapRoot,
    /// The log of areas.
    pub origin: String,
    /// The map's place in the log of areas.
    pub map_index: u64,
    /// Assets counted at cells that lie wholly inside.
    pub inside: Counts,
    /// Assets counted at cells that are larger than the question, or lie on its border.
    pub across: Counts,
    /// Every asset that is, or was, in a cell that meets the question, by id; empty in a count.
    pub assets: Vec<AreaAsset>,
}

impl VerifiedArea {
    /// Assets that are there now.
    pub fn present(&self) -> impl Iterator<Item = &AreaAsset> {
        self.assets.iter().filter(|asset| asset.cells.iter().any(|cell| cell.gone.is_none()))
    }
}

/// An asset in the area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaAsset {
    /// Its id.
    pub asset: String,
    /// Its newest leaf; of one that is gone from here, the one by which it went last.
    pub index: u64,
    /// RFC 6962 hash of that.
    pub leaf_hash: [u8; 32],
    /// Its grade; of one that is gone from here nothing is said.
    pub grade: Grade,
    /// Its cells that meet the question.
    pub cells: Vec<AreaCell>,
}

/// One of an asset's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AreaCell {
    /// The cell.
    pub cell: MapCell,
    /// The leaf by which the asset went from there, and its hash, if it did.
    pub gone: Option<(u64, [u8; 32])>,
}

/// Why an area proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AreaError {
    /// No such file.
    #[error("byte {at}: {what}; this is no area proof, or it was cut or altered")]
    Format {
        /// Where, from 0.
        at: usize,
        /// What had to be there.
        what: &'static str,
    },
    /// Longer than any.
    #[error("the proof has {0} bytes, at most 268435456 are looked at")]
    TooLong(usize),
    /// The map's root is not proven.
    #[error("the root of the map: {0}")]
    Receipt(#[from] VerifyError),
    /// Its leaf is something else.
    #[error("the leaf in the log of areas: {0}")]
    Root(#[from] MapRootError),
    /// A part that meets the question is left out.
    #[error("something is hidden: what lies in the cell {cell} meets the question and is left out")]
    Hidden {
        /// The smallest cell that holds it.
        cell: String,
    },
    /// An entry that has no business there.
    #[error("the asset `{asset}` at {cell} lies outside of the question")]
    Outside {
        /// The asset.
        asset: String,
        /// The cell.
        cell: String,
    },
    /// The order of the map is not kept.
    #[error("the entries are not in the order of the map: some were moved, doubled or dropped")]
    Order,
    /// An asset of the table that no entry names, or named twice.
    #[error("the asset `{0}` stands in the table and not in the tree, or twice: it was added")]
    Added(String),
    /// The tree has another root.
    #[error(
        "the tree leads to the root {computed}, the log says {signed}: an asset, a count or a cell was altered, added or dropped"
    )]
    Altered {
        /// Hexadecimal root of what is in the file.
        computed: String,
        /// Hexadecimal root that the log has.
        signed: String,
    },
}

/// Checks an area proof with the log's public key.
///
/// # Errors
/// [`AreaError`].
pub fn verify_area(file: &[u8], keys: &KeyRing) -> Result<VerifiedArea, AreaError> {
    if file.len() > MAX_BYTES {
        return Err(AreaError::TooLong(file.len()));
    }
    let mut bytes = Bytes(file);
    let wrong = |bytes: &Bytes<'_>, what| AreaError::Format { at: file.len() - bytes.0.len(), what };
    if bytes.take(MAGIC.len()) != Some(MAGIC) {
        return Err(wrong(&Bytes(file), "the first line has to be `urbis.org/area-proof@v1`"));
    }
    let shows = match bytes.byte() {
        Some(0) => Shows::Assets,
        Some(1) => Shows::Count,
        _ => return Err(wrong(&bytes, "the kind has to be a list or a count")),
    };
    let query = Query::read(&mut bytes).ok_or_else(|| wrong(&bytes, "there has to be a box or cells"))?;
    let asked = query.prepared().ok_or_else(|| wrong(&bytes, "there has to be a box or cells"))?;
    let receipt = bytes.text().ok_or_else(|| wrong(&bytes, "there has to be a receipt of the map's root"))?;
    let proven = verify_leaf(receipt, &keys.of_log(AREA_LOG))?;
    let map = MapRoot::decode(&proven.leaf)?;
    keys.check_until(&proven.signed_by, map.log_size)?;
    let count = bytes.number().ok_or_else(|| wrong(&bytes, "there has to be a number of assets"))?;
    let mut table = Vec::new();
    for _ in 0..count {
        table.push(read_named(&mut bytes).ok_or_else(|| wrong(&bytes, "there has to be an asset"))?);
    }
    let mut reader = Reader {
        file,
        bytes,
        asked,
        shows,
        table,
        cells: BTreeMap::new(),
        inside: Counts::default(),
        across: Counts::default(),
    };
    let root = reader.root()?;
    if root != map.map_root {
        return Err(AreaError::Altered { computed: hex::encode(root), signed: hex::encode(map.map_root) });
    }
    let (inside, across) = (reader.inside, reader.across);
    let assets = reader.assets()?;
    let (origin, map_index) = (proven.origin, proven.index);
    Ok(VerifiedArea { query, shows, map, origin, map_index, inside, across, assets })
}

struct Reader<'a> {
    file: &'a [u8],
    bytes: Bytes<'a>,
    asked: Prepared,
    shows: Shows,
    table: Vec<Named>,
    /// Place in the table -> its cells.
    cells: BTreeMap<usize, Vec<AreaCell>>,
    inside: Counts,
    across: Counts,
}

/// What a node says of itself.
struct Node {
    prefix: Prefix,
    counts: Counts,
    hash: [u8; 32],
}

impl Reader<'_> {
    fn wrong(&self, what: &'static str) -> AreaError {
        AreaError::Format { at: self.file.len() - self.bytes.0.len(), what }
    }

    fn root(&mut self) -> Result<[u8; 32], AreaError> {
        let root = if self.bytes.0.first() == Some(&EMPTY) {
            self.bytes.byte();
            empty_root()
        } else {
            self.node(0)?.hash
        };
        if self.bytes.0.is_empty() { Ok(root) } else { Err(self.wrong("the file has to end")) }
    }

    /// One node and what is below it; `depth` branches are above it.
    fn node(&mut self, depth: u16) -> Result<Node, AreaError> {
        match self.bytes.byte() {
            Some(BRANCH) if depth < KEY_BITS => self.branch(depth + 1),
            Some(BRANCH) => Err(AreaError::Order),
            Some(PRUNED) => self.pruned(),
            Some(tag) => self.entry(tag),
            None => Err(self.wrong("there has to be a node")),
        }
    }

    fn branch(&mut self, depth: u16) -> Result<Node, AreaError> {
        let left = self.node(depth)?;
        let right = self.node(depth)?;
        let len = left.prefix.bits.common(&right.prefix.bits);
        // They part after `len` bits, the left one with a zero and the right one with a one.
        if len >= left.prefix.len || len >= right.prefix.len || !right.prefix.bits.bit(len) {
            return Err(AreaError::Order);
        }
        let prefix = Prefix::of(&left.prefix.bits, len);
        let counts = left.counts.plus(right.counts);
        let hash = node_hash(&prefix, &counts, &branch_content(&left.hash, &right.hash));
        Ok(Node { prefix, counts, hash })
    }

    fn relation(&self, cell: MapCell) -> Result<Relation, AreaError> {
        self.asked.relation(cell).ok_or_else(|| self.wrong("there has to be a cell of the grid"))
    }

    fn pruned(&mut self) -> Result<Node, AreaError> {
        let pruned =
            read_pruned(&mut self.bytes).ok_or_else(|| self.wrong("there has to be a node that is left out"))?;
        let (cell, is_one_cell) = pruned.prefix.cell();
        let relation = self.relation(cell)?;
        if !self.shows.may_leave_out(relation, is_one_cell) {
            return Err(AreaError::Hidden { cell: cell.text() });
        }
        self.count(relation, pruned.counts);
        let hash = node_hash(&pruned.prefix, &pruned.counts, &pruned.content);
        Ok(Node { prefix: pruned.prefix, counts: pruned.counts, hash })
    }

    fn count(&mut self, relation: Relation, counts: Counts) {
        match relation {
            Relation::Outside => {}
            Relation::Inside => self.inside = self.inside.plus(counts),
            Relation::Across => self.across = self.across.plus(counts),
        }
    }

    fn entry(&mut self, tag: u8) -> Result<Node, AreaError> {
        let shown = read_shown(&mut self.bytes, tag).ok_or_else(|| self.wrong("there has to be an entry"))?;
        let relation = self.relation(shown.cell)?;
        let named = self.table.get(shown.asset).ok_or_else(|| self.wrong("the asset is not in the table"))?;
        if relation == Relation::Outside {
            return Err(AreaError::Outside { asset: named.id.clone(), cell: shown.cell.text() });
        }
        let (index, leaf_hash, grade) = match (shown.gone, named.now) {
            (Some((index, leaf_hash)), _) => (index, leaf_hash, Grade::Ungraded),
            (None, Some(now)) => now,
            (None, None) => return Err(self.wrong("the asset is gone by the table")),
        };
        let entry = Entry { asset: &named.id, state: shown.state, grade, index, leaf_hash: &leaf_hash };
        let prefix = Prefix::of(&Key::new(shown.cell, &hash_of(&named.id)), KEY_BITS);
        let counts = entry.counts();
        let hash = node_hash(&prefix, &counts, &entry.content());
        self.count(relation, counts);
        self.cells.entry(shown.asset).or_default().push(AreaCell { cell: shown.cell, gone: shown.gone });
        Ok(Node { prefix, counts, hash })
    }

    /// The assets with their cells, each of them once.
    fn assets(self) -> Result<Vec<AreaAsset>, AreaError> {
        let mut assets = BTreeMap::new();
        let mut cells = self.cells;
        for (number, named) in self.table.into_iter().enumerate() {
            let Named { id, now } = named;
            let Some(cells) = cells.remove(&number) else { return Err(AreaError::Added(id)) };
            let is_there = cells.iter().any(|cell| cell.gone.is_none());
            let went = cells.iter().filter_map(|cell| cell.gone).max();
            let (index, leaf_hash, grade) = match (is_there, now, went) {
                (true, Some(now), _) => now,
                (false, None, Some((index, leaf_hash))) => (index, leaf_hash, Grade::Ungraded),
                _ => return Err(AreaError::Added(id)),
            };
            if assets.contains_key(&id) {
                return Err(AreaError::Added(id));
            }
            assets.insert(id.clone(), AreaAsset { asset: id, index, leaf_hash, grade, cells });
        }
        Ok(assets.into_values().collect())
    }
}
