//! An area proof as bytes. The prover writes the map's tree down to what the question meets and leaves out the rest; of a
//! count also what lies wholly inside is left out, so that no asset is named.
//!
//! ```text
//! "urbis.org/area-proof@v1\n"
//! kind         0 list, 1 count
//! question     0, then west, south, east, north as f64; or 1, a number of cells, then level and u64 of each
//! receipt      the text that proves the map's root in the log of areas (c2sp.org/tlog-proof)
//! assets       a number, then of each: 0 and 16 bytes of a UUID, or 1 and a text, then leaf index, leaf hash, grade; or 2 and
//!              16 bytes, or 3 and a text, of one that is gone from all cells that are shown
//! tree         depth first: 0 an empty map; 1 a branch, left, right; 2 left out: bits, their bytes, counts, content;
//!              3 gone, 4 there, 5 counted: level, bytes of the cell's code, number of the asset; 3 also index and hash
//! ```
//! Numbers without a width are LEB128, those with one big-endian.

use std::collections::HashMap;

use super::bytes::{Bytes, write_number, write_text};
use super::counts::{Counts, Grade};
use super::map::{AreaMap, Asset, Ref};
use super::node::State;
use super::place::{MapCell, Prefix};
use super::query::{Prepared, Query, Relation};

/// The first line of the file.
pub(super) const MAGIC: &[u8] = b"urbis.org/area-proof@v1\n";

pub(super) const EMPTY: u8 = 0;
pub(super) const BRANCH: u8 = 1;
pub(super) const PRUNED: u8 = 2;
/// Tags of entries: this and their state.
pub(super) const ENTRY: u8 = 3;
/// Kinds of names in the table: from here on of assets that are gone.
const GONE: u8 = 2;

/// What a proof shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Every asset.
    Assets,
    /// How many there are, and none of them.
    Count,
}

impl Shows {
    /// Whether a node that lies so may be left out. What stands at one cell that lies across is counted apart.
    pub(super) fn may_leave_out(self, relation: Relation, is_one_cell: bool) -> bool {
        match (self, relation) {
            (_, Relation::Outside) | (Self::Count, Relation::Inside) => true,
            (Self::Count, Relation::Across) => is_one_cell,
            (Self::Assets, _) => false,
        }
    }
}

impl AreaMap {
    /// The proof of a question, with the receipt of the map's root before it. Nothing where the question is no area.
    pub(crate) fn prove(&mut self, query: &Query, shows: Shows, receipt: &str) -> Option<Vec<u8>> {
        self.refresh();
        let mut writer = Writer {
            map: self,
            asked: query.prepared()?,
            shows,
            tree: Vec::new(),
            named: Vec::new(),
            numbers: HashMap::new(),
        };
        match self.root {
            None => writer.tree.push(EMPTY),
            Some(root) => writer.node(root)?,
        }
        let mut out = MAGIC.to_vec();
        out.push(u8::from(shows == Shows::Count));
        query.write(&mut out);
        write_text(&mut out, receipt);
        write_number(&mut out, writer.named.len() as u64);
        writer
            .named
            .iter()
            .for_each(|(asset, is_there)| write_named(&mut out, &self.assets[*asset as usize], *is_there));
        out.extend_from_slice(&writer.tree);
        Some(out)
    }
}

struct Writer<'a> {
    map: &'a AreaMap,
    asked: Prepared,
    shows: Shows,
    tree: Vec<u8>,
    /// The assets of the table, and whether an entry shows them where they are.
    named: Vec<(u32, bool)>,
    /// Asset -> its place in the table.
    numbers: HashMap<u32, usize>,
}

impl Writer<'_> {
    /// Not deeper than a key has bits.
    fn node(&mut self, at: Ref) -> Option<()> {
        let map = self.map;
        let prefix = map.prefix(at);
        let (cell, is_one_cell) = prefix.cell();
        if self.shows.may_leave_out(self.asked.relation(cell)?, is_one_cell) {
            self.pruned(&prefix, at);
            return Some(());
        }
        match at {
            Ref::Leaf(leaf) => self.entry(leaf),
            Ref::Branch(number) => {
                let branch = &map.branches[number as usize];
                self.tree.push(BRANCH);
                self.node(branch.left)?;
                self.node(branch.right)?;
            }
        }
        Some(())
    }

    fn pruned(&mut self, prefix: &Prefix, at: Ref) {
        self.tree.push(PRUNED);
        write_number(&mut self.tree, prefix.len.into());
        self.tree.extend_from_slice(prefix.bytes());
        self.map.counts(at).write(&mut self.tree);
        self.tree.extend_from_slice(&self.map.content(at));
    }

    fn entry(&mut self, number: u32) {
        let map = self.map;
        let leaf = &map.leaves[number as usize];
        let asset = self.number(leaf.asset, leaf.gone.is_none());
        self.tree.push(ENTRY + leaf.state as u8);
        self.tree.push(leaf.cell.level());
        let code = leaf.cell.code().to_be_bytes();
        self.tree.extend_from_slice(&code[..code_bytes(leaf.cell.level())]);
        write_number(&mut self.tree, asset as u64);
        if let Some(gone) = &leaf.gone {
            write_number(&mut self.tree, gone.0);
            self.tree.extend_from_slice(&gone.1);
        }
    }

    fn number(&mut self, asset: u32, is_there: bool) -> usize {
        let number = *self.numbers.entry(asset).or_insert(self.named.len());
        if number == self.named.len() {
            self.named.push((asset, is_there));
        }
        self.named[number].1 |= is_there;
        number
    }
}

/// Of an asset that is shown only where it is gone from, nothing vouches for its newest leaf: it is not written.
fn write_named(out: &mut Vec<u8>, asset: &Asset, is_there: bool) {
    let gone = if is_there { 0 } else { GONE };
    if let Some(bytes) = uuid_bytes(&asset.id) {
        out.push(gone);
        out.extend_from_slice(&bytes);
    } else {
        out.push(gone + 1);
        write_text(out, &asset.id);
    }
    if is_there {
        write_number(out, asset.index);
        out.extend_from_slice(&asset.leaf_hash);
        out.push(asset.grade as u8);
    }
}

/// Bytes of a cell's code that a level needs.
pub(super) fn code_bytes(level: u8) -> usize {
    usize::from(level).div_ceil(4)
}

/// The bytes of a UUID in its usual form; nothing for another text.
fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let mut digits = String::with_capacity(32);
    for (i, c) in text.chars().enumerate() {
        match (i, c) {
            (8 | 13 | 18 | 23, '-') => {}
            (8 | 13 | 18 | 23, _) => return None,
            (_, '0'..='9' | 'a'..='f') => digits.push(c),
            _ => return None,
        }
    }
    let mut bytes = [0; 16];
    hex::decode_to_slice(digits, &mut bytes).ok().map(|()| bytes)
}

fn uuid_text(bytes: &[u8]) -> String {
    let digits = hex::encode(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// An asset in a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub id: String,
    /// Its newest leaf, the hash of that, and its grade; nothing where it is shown only where it is gone from.
    pub now: Option<(u64, [u8; 32], Grade)>,
}

/// A node that is left out.
pub(super) struct Pruned {
    pub prefix: Prefix,
    pub counts: Counts,
    pub content: [u8; 32],
}

/// An entry of a proof.
pub(super) struct Shown {
    pub cell: MapCell,
    pub state: State,
    pub asset: usize,
    pub gone: Option<(u64, [u8; 32])>,
}

pub(super) fn read_named(bytes: &mut Bytes<'_>) -> Option<Named> {
    let kind = bytes.byte().filter(|kind| *kind < 2 * GONE)?;
    let id = match kind % GONE {
        0 => uuid_text(bytes.take(16)?),
        // One form only: what can be a UUID is one.
        _ => bytes.text().filter(|text| uuid_bytes(text).is_none())?.to_owned(),
    };
    let now = match kind < GONE {
        true => Some((bytes.number()?, bytes.hash()?, Grade::of_number(bytes.byte()?)?)),
        false => None,
    };
    Some(Named { id, now })
}

pub(super) fn read_pruned(bytes: &mut Bytes<'_>) -> Option<Pruned> {
    let len = u16::try_from(bytes.number()?).ok()?;
    let prefix = Prefix::from_bytes(len, bytes.take(usize::from(len.div_ceil(8)))?)?;
    Some(Pruned { prefix, counts: Counts::read(bytes)?, content: bytes.hash()? })
}

pub(super) fn read_shown(bytes: &mut Bytes<'_>, tag: u8) -> Option<Shown> {
    let state = match tag.checked_sub(ENTRY)? {
        0 => State::Gone,
        1 => State::There,
        2 => State::Home,
        _ => return None,
    };
    let level = bytes.byte().filter(|level| *level <= 32)?;
    let mut code = [0; 8];
    code[..code_bytes(level)].copy_from_slice(bytes.take(code_bytes(level))?);
    let cell = MapCell::checked(u64::from_be_bytes(code), level)?;
    let asset = usize::try_from(bytes.number()?).ok()?;
    let gone = if state == State::Gone { Some((bytes.number()?, bytes.hash()?)) } else { None };
    Some(Shown { cell, state, asset, gone })
}
