//! A grid of many levels: a box is noted in at most nine cells of the level whose cells are half its size or larger, so that
//! small fences of a city and whole districts lie in the same index. Boxes and slots come in; the slots noted at a point's
//! cell of every level in use go out. A note says whether the cell lies wholly in the fence.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::{bounds::LonLatBox, region::Relation};

/// Cells of level n are 360 / 2^n degrees wide and high; the last are some 2 m.
const LEVELS: usize = 25;
/// No further note.
const END: u32 = u32::MAX;
/// Mark of a note whose cell lies wholly in the fence.
const COVERED: u32 = 1 << 31;

/// Notes of slots by cell.
#[derive(Debug)]
pub(super) struct Cells {
    /// The first note of each cell.
    first: HashMap<u64, u32, BuildHasherDefault<Mixed>>,
    notes: Vec<Note>,
    /// Notes that are nobody's, linked.
    free: u32,
    /// Boxes of each level.
    used: [u32; LEVELS],
}

#[derive(Debug, Clone, Copy)]
struct Note {
    /// With [`COVERED`].
    slot: u32,
    next: u32,
}

impl Default for Cells {
    fn default() -> Self {
        Self { first: HashMap::default(), notes: Vec::new(), free: END, used: [0; LEVELS] }
    }
}

impl Cells {
    /// Notes a slot in the cells of its box that the fence is not apart from.
    pub(super) fn insert(&mut self, slot: u32, bounds: LonLatBox, relate: impl Fn(&[f64; 2], &[f64; 2]) -> Relation) {
        each_cell(bounds, |level, x, y| {
            let mark = match relation(level, x, y, &relate) {
                Relation::Apart => return,
                Relation::Meets => 0,
                Relation::Covers => COVERED,
            };
            let next = self.first.get(&key(level, x, y)).copied().unwrap_or(END);
            let note = Note { slot: slot | mark, next };
            let at = match self.free {
                END => {
                    self.notes.push(note);
                    (self.notes.len() - 1) as u32
                }
                free => {
                    self.free = self.notes[free as usize].next;
                    self.notes[free as usize] = note;
                    free
                }
            };
            self.first.insert(key(level, x, y), at);
            self.used[level] += 1;
        });
    }

    /// Takes away what [`Cells::insert`] noted of the same slot, box and fence.
    pub(super) fn remove(&mut self, slot: u32, bounds: LonLatBox, relate: impl Fn(&[f64; 2], &[f64; 2]) -> Relation) {
        each_cell(bounds, |level, x, y| {
            if relation(level, x, y, &relate) == Relation::Apart {
                return;
            }
            let (mut before, mut at) = (END, self.first.get(&key(level, x, y)).copied().unwrap_or(END));
            while at != END && self.notes[at as usize].slot & !COVERED != slot {
                (before, at) = (at, self.notes[at as usize].next);
            }
            if at == END {
                return;
            }
            let next = self.notes[at as usize].next;
            match (before, next) {
                (END, END) => drop(self.first.remove(&key(level, x, y))),
                (END, next) => drop(self.first.insert(key(level, x, y), next)),
                (before, next) => self.notes[before as usize].next = next,
            }
            self.notes[at as usize].next = self.free;
            self.free = at;
            self.used[level] -= 1;
        });
    }

    /// Hands the slots noted at a point to `take`; the relation is that of the cell. What is not a place is nowhere.
    pub(super) fn visit(&self, at: [f64; 2], mut take: impl FnMut(u32, Relation)) {
        if !(at[0].abs() <= 180.0 && at[1].abs() <= 90.0) {
            return;
        }
        for level in (0..LEVELS).filter(|level| self.used[*level] > 0) {
            let mut note = self.first.get(&key(level, column(level, at[0]), row(level, at[1]))).copied().unwrap_or(END);
            while let Some(Note { slot, next }) = self.notes.get(note as usize).copied() {
                let relation = if slot & COVERED == 0 { Relation::Meets } else { Relation::Covers };
                take(slot & !COVERED, relation);
                note = next;
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.notes.capacity() * size_of::<Note>() + self.first.capacity() * 17
    }
}

/// Calls `take` with every cell of a box, each once.
fn each_cell(bounds: LonLatBox, mut take: impl FnMut(usize, u32, u32)) {
    let (pieces, count) = bounds.pieces();
    let pieces = &pieces[..count];
    let extent = pieces.iter().map(|piece| (piece.max[0] - piece.min[0]).max(piece.max[1] - piece.min[1]));
    let level = level_of(extent.fold(0.0, f64::max));
    let runs: Vec<_> = pieces
        .iter()
        .map(|piece| [piece.min, piece.max].map(|[lon, lat]| [column(level, lon), row(level, lat)]))
        .collect();
    for (n, [from, to]) in runs.iter().enumerate() {
        for x in from[0]..=to[0] {
            // Pieces are apart in the plane, but two may share a cell.
            if runs[..n].iter().any(|[first, last]| (first[0]..=last[0]).contains(&x)) {
                continue;
            }
            (from[1]..=to[1]).for_each(|y| take(level, x, y));
        }
    }
}

/// The finest level whose cells are at least half so many degrees.
fn level_of(extent_deg: f64) -> usize {
    let finer = |level: &usize| size_deg(*level) * 2.0 >= extent_deg;
    (0..LEVELS).rev().find(finer).unwrap_or(0)
}

fn size_deg(level: usize) -> f64 {
    360.0 / f64::from(1_u32 << level)
}

/// The column of a longitude: never falls as the longitude rises.
fn column(level: usize, lon: f64) -> u32 {
    place(level, lon + 180.0)
}

fn row(level: usize, lat: f64) -> u32 {
    place(level, lat + 90.0)
}

fn place(level: usize, deg: f64) -> u32 {
    // The last cell has the meridian of 180 degrees too.
    ((deg / size_deg(level)) as u32).min((1 << level) - 1)
}

/// How a fence lies to a cell; the cell is taken a little larger than it is, for the rounding of its sides.
fn relation(level: usize, x: u32, y: u32, relate: impl Fn(&[f64; 2], &[f64; 2]) -> Relation) -> Relation {
    let size = size_deg(level);
    let slack = 1e-9;
    let side = |n: u32, origin: f64| f64::from(n) * size - origin;
    let lo = [(side(x, 180.0) - slack).max(-180.0), (side(y, 90.0) - slack).max(-90.0)];
    let hi = [(side(x + 1, 180.0) + slack).min(180.0), (side(y + 1, 90.0) + slack).min(90.0)];
    relate(&lo, &hi)
}

fn key(level: usize, x: u32, y: u32) -> u64 {
    (level as u64) << 58 | u64::from(x) << 29 | u64::from(y)
}

/// Hashes a cell's key by one multiplication: nobody outside chooses which cells there are so that it would matter, since a
/// point looks at one cell a level.
#[derive(Debug, Clone, Copy, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * 0x9E37_79B9_7F4A_7C15_u128;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}
