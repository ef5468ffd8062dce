//! The map in memory: leaves of the log in, in their order, the root and the pruned tree of a question out. It is a
//! function of the leaves alone; an entry that was made is never taken away, only marked as gone, so that a receipt
//! always has its counterpart. A trie whose branches stand where keys first differ; hashes are made when they are asked.

use std::collections::HashMap;

use super::counts::{Counts, Grade};
use super::node::{Entry, State, branch_content, empty_root, node_hash};
use super::place::{KEY_BITS, Key, MapCell, Prefix, hash_of};

/// What a leaf of the log says of an asset's place.
#[derive(Debug, Clone, Copy)]
pub struct Revision<'a> {
    /// The asset.
    pub asset: &'a str,
    /// The leaf's place in the log.
    pub index: u64,
    /// RFC 6962 hash of the leaf.
    pub leaf_hash: [u8; 32],
    /// Where the asset is now: nothing where the leaf does not say, no cells where it is gone.
    pub cells: Option<&'a [MapCell]>,
    /// Its grade, where the leaf says one.
    pub grade: Option<Grade>,
}

/// An asset as its newest leaf leaves it.
#[derive(Debug)]
pub(super) struct Asset {
    pub id: Box<str>,
    hash: [u8; 32],
    pub index: u64,
    pub leaf_hash: [u8; 32],
    pub grade: Grade,
    /// Its present cells, in order; the first one counts it.
    pub cells: Box<[MapCell]>,
}

/// An entry of the trie.
#[derive(Debug)]
pub(super) struct Leaf {
    pub cell: MapCell,
    pub asset: u32,
    pub state: State,
    /// The leaf by which the asset went from here.
    pub gone: Option<Box<(u64, [u8; 32])>>,
    hash: [u8; 32],
}

/// Where keys part.
#[derive(Debug)]
pub(super) struct Branch {
    pub left: Ref,
    pub right: Ref,
    /// Bits that both sides have in common.
    len: u16,
    is_stale: bool,
    /// Any entry below: its key begins with the bits of this branch.
    sample: u32,
    counts: Counts,
    hash: [u8; 32],
}

/// A branch, or an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ref {
    Branch(u32),
    Leaf(u32),
}

/// The ordered Merkle map over cells.
#[derive(Debug, Default)]
pub struct AreaMap {
    pub(super) assets: Vec<Asset>,
    by_hash: HashMap<[u8; 32], u32>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) branches: Vec<Branch>,
    pub(super) root: Option<Ref>,
}

impl AreaMap {
    /// Takes in the next leaf of the log.
    pub fn apply(&mut self, revision: &Revision<'_>) {
        let hash = hash_of(revision.asset);
        let known = self.by_hash.get(&hash).copied();
        let number = match (known, revision.cells) {
            (Some(number), _) => number,
            (None, Some(cells)) if !cells.is_empty() => self.add_asset(revision.asset, hash),
            // It never had a place.
            (None, _) => return,
        };
        let asset = &mut self.assets[number as usize];
        asset.index = revision.index;
        asset.leaf_hash = revision.leaf_hash;
        asset.grade = revision.grade.unwrap_or(asset.grade);
        let before = asset.cells.clone();
        let mut cells = revision.cells.map_or_else(|| before.to_vec(), <[_]>::to_vec);
        cells.sort_unstable();
        cells.dedup();
        asset.cells = cells.clone().into();
        let gone = Some(Box::new((revision.index, revision.leaf_hash)));
        for cell in before.iter().filter(|cell| cells.binary_search(cell).is_err()) {
            self.put(*cell, number, State::Gone, gone.clone());
        }
        for (n, cell) in cells.into_iter().enumerate() {
            self.put(cell, number, if n == 0 { State::Home } else { State::There }, None);
        }
    }

    /// Takes in an asset as it was kept, also one that is nowhere now.
    pub(super) fn restore(&mut self, revision: &Revision<'_>) {
        let hash = hash_of(revision.asset);
        if !self.by_hash.contains_key(&hash) {
            self.add_asset(revision.asset, hash);
        }
        self.apply(revision);
    }

    /// Takes in the entry of an asset that is gone from a cell, as it was kept.
    pub(super) fn restore_gone(&mut self, asset: u32, cell: MapCell, index: u64, leaf_hash: [u8; 32]) {
        self.put(cell, asset, State::Gone, Some(Box::new((index, leaf_hash))));
    }

    fn add_asset(&mut self, id: &str, hash: [u8; 32]) -> u32 {
        let number = self.assets.len() as u32;
        self.by_hash.insert(hash, number);
        let cells = Box::default();
        self.assets.push(Asset { id: id.into(), hash, index: 0, leaf_hash: [0; 32], grade: Grade::Ungraded, cells });
        number
    }

    /// Assets that are somewhere.
    pub fn asset_count(&mut self) -> u64 {
        self.refresh();
        self.root.map_or(0, |root| self.counts(root).total())
    }

    /// Assets that are or were somewhere.
    pub(crate) fn assets(&self) -> u64 {
        self.assets.len() as u64
    }

    /// Entries: an asset has one for each cell that it is or was in.
    pub fn entry_count(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The root of the map as it stands.
    pub fn root(&mut self) -> [u8; 32] {
        self.refresh();
        self.root.map_or_else(empty_root, |root| self.hash(root))
    }

    fn key(&self, leaf: u32) -> Key {
        let leaf = &self.leaves[leaf as usize];
        Key::new(leaf.cell, &self.assets[leaf.asset as usize].hash)
    }

    fn sample(&self, at: Ref) -> u32 {
        match at {
            Ref::Leaf(leaf) => leaf,
            Ref::Branch(branch) => self.branches[branch as usize].sample,
        }
    }

    /// Bits that everything below begins with.
    pub(super) fn prefix(&self, at: Ref) -> Prefix {
        let len = match at {
            Ref::Leaf(_) => KEY_BITS,
            Ref::Branch(branch) => self.branches[branch as usize].len,
        };
        Prefix::of(&self.key(self.sample(at)), len)
    }

    pub(super) fn entry(&self, leaf: &Leaf) -> Entry<'_> {
        let asset = &self.assets[leaf.asset as usize];
        let (index, leaf_hash, grade) = match &leaf.gone {
            None => (asset.index, &asset.leaf_hash, asset.grade),
            Some(_) => (0, &asset.leaf_hash, Grade::Ungraded),
        };
        Entry { asset: &asset.id, state: leaf.state, grade, index, leaf_hash }
    }

    pub(super) fn content(&self, at: Ref) -> [u8; 32] {
        match at {
            Ref::Leaf(number) => {
                let leaf = &self.leaves[number as usize];
                let entry = self.entry(leaf);
                match &leaf.gone {
                    None => entry.content(),
                    Some(gone) => Entry { index: gone.0, leaf_hash: &gone.1, ..entry }.content(),
                }
            }
            Ref::Branch(number) => {
                let branch = &self.branches[number as usize];
                branch_content(&self.hash(branch.left), &self.hash(branch.right))
            }
        }
    }

    pub(super) fn counts(&self, at: Ref) -> Counts {
        match at {
            Ref::Leaf(leaf) => self.entry(&self.leaves[leaf as usize]).counts(),
            Ref::Branch(branch) => self.branches[branch as usize].counts,
        }
    }

    pub(super) fn hash(&self, at: Ref) -> [u8; 32] {
        match at {
            Ref::Leaf(leaf) => self.leaves[leaf as usize].hash,
            Ref::Branch(branch) => self.branches[branch as usize].hash,
        }
    }

    /// Makes or changes one entry.
    fn put(&mut self, cell: MapCell, asset: u32, state: State, gone: Option<Box<(u64, [u8; 32])>>) {
        let key = Key::new(cell, &self.assets[asset as usize].hash);
        let nearest = self.root.map(|root| self.nearest(root, &key));
        let common = nearest.map_or(0, |leaf| key.common(&self.key(leaf)));
        let leaf = match nearest {
            Some(leaf) if common == KEY_BITS => {
                let known = &mut self.leaves[leaf as usize];
                (known.state, known.gone) = (state, gone);
                leaf
            }
            _ => {
                self.leaves.push(Leaf { cell, asset, state, gone, hash: [0; 32] });
                self.leaves.len() as u32 - 1
            }
        };
        self.leaves[leaf as usize].hash = self.computed(Ref::Leaf(leaf));
        self.link(&key, common, leaf);
    }

    /// The entry whose key is most like this one.
    fn nearest(&self, mut at: Ref, key: &Key) -> u32 {
        loop {
            match at {
                Ref::Leaf(leaf) => return leaf,
                Ref::Branch(number) => {
                    let branch = &self.branches[number as usize];
                    at = if key.bit(branch.len) { branch.right } else { branch.left };
                }
            }
        }
    }

    /// Marks the way to the entry as stale and hangs the entry in where it parts from the others after `common` bits.
    fn link(&mut self, key: &Key, common: u16, leaf: u32) {
        let Some(mut at) = self.root else {
            self.root = Some(Ref::Leaf(leaf));
            return;
        };
        let mut above = None;
        while let Ref::Branch(number) = at {
            let branch = &mut self.branches[number as usize];
            if branch.len >= common {
                break;
            }
            branch.is_stale = true;
            above = Some((number, key.bit(branch.len)));
            at = if key.bit(branch.len) { branch.right } else { branch.left };
        }
        if common == KEY_BITS {
            return;
        }
        let (left, right) = if key.bit(common) { (at, Ref::Leaf(leaf)) } else { (Ref::Leaf(leaf), at) };
        let counts = Counts::default();
        self.branches.push(Branch { left, right, len: common, is_stale: true, sample: leaf, counts, hash: [0; 32] });
        let new = Ref::Branch(self.branches.len() as u32 - 1);
        match above {
            None => self.root = Some(new),
            Some((number, true)) => self.branches[number as usize].right = new,
            Some((number, false)) => self.branches[number as usize].left = new,
        }
    }

    fn computed(&self, at: Ref) -> [u8; 32] {
        node_hash(&self.prefix(at), &self.counts(at), &self.content(at))
    }

    /// Makes the hashes and counts of all stale branches anew, those below first.
    pub(super) fn refresh(&mut self) {
        let mut todo: Vec<(u32, bool)> = match self.root {
            Some(Ref::Branch(root)) => vec![(root, false)],
            _ => return,
        };
        while let Some((number, is_ready)) = todo.pop() {
            let branch = &self.branches[number as usize];
            let (left, right) = (branch.left, branch.right);
            if is_ready {
                let counts = self.counts(left).plus(self.counts(right));
                self.branches[number as usize].counts = counts;
                let hash = self.computed(Ref::Branch(number));
                let branch = &mut self.branches[number as usize];
                (branch.hash, branch.is_stale) = (hash, false);
            } else if branch.is_stale {
                todo.push((number, true));
                todo.extend([left, right].into_iter().filter_map(|child| match child {
                    Ref::Branch(child) => Some((child, false)),
                    Ref::Leaf(_) => None,
                }));
            }
        }
    }
}
