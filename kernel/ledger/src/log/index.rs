//! What the log's holder looks up without reading leaves: which leaves speak of an asset. The newest stretch of the log is
//! in memory, the rest in sorted files that are merged as they become many, so that a log of any size opens at once.
//! Everything here can be made anew from the leaves and says nothing that they do not.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::Error;
use super::runs::{self, AssetKey, Made, Run};
use super::tree::Log;

/// A file is merged with the one before it while that is not so many times as large.
const RATIO: u64 = 4;

/// The look-up tables.
#[derive(Debug)]
pub(super) struct Index {
    dir: PathBuf,
    /// One after the other, from the log's beginning.
    runs: Vec<Run>,
    /// Asset -> its leaves after the last file.
    recent: HashMap<AssetKey, Vec<u64>>,
    recent_new: u64,
    /// How many of them at which a file is written.
    most_recent: u64,
    size: u64,
}

impl Index {
    /// Opens the files that are of this log; those that are not, or are damaged, are left aside.
    pub(super) fn open(log: &Log, most_recent: u64) -> Result<Self, Error> {
        let dir = log.dir.join("index");
        let mut files = Vec::new();
        match fs::read_dir(&dir) {
            Ok(entries) => {
                for entry in entries {
                    let path = entry.map_err(Error::io("list", &dir))?.path();
                    files.extend(runs::range_of(&path).map(|range| (range, path)));
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Io { doing: "list", path: dir, source }),
        }
        // Of two that begin at the same leaf the longer one, which was merged of the other.
        files.sort_by_key(|((first, end), _)| (*first, std::cmp::Reverse(*end)));
        let (mut runs, mut size) = (Vec::new(), 0);
        for ((first, end), path) in files {
            if first != size || end > log.size() || end <= first {
                continue;
            }
            match Run::open(&path) {
                Ok(run) if log.leaf_hash(end - 1).is_ok_and(|hash| hash.0 == run.last_hash) => {
                    size = end;
                    runs.push(run);
                }
                _ => {
                    tracing::warn!(path = %path.display(), "the index is not of this log, or damaged: it is made anew");
                }
            }
        }
        Ok(Self { dir, runs, recent: HashMap::new(), recent_new: 0, most_recent, size })
    }

    /// Takes in the next leaf.
    pub(super) fn push(&mut self, asset: &str, is_first: bool) {
        self.recent.entry(key(asset)).or_default().push(self.size);
        self.recent_new += u64::from(is_first);
        self.size += 1;
    }

    /// Leaves taken in.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    fn in_files(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.end)
    }

    /// The leaves of an asset, oldest first.
    pub(super) fn leaves(&self, asset: &str) -> Result<Vec<u64>, Error> {
        let key = key(asset);
        let mut leaves = Vec::new();
        self.runs.iter().try_for_each(|run| run.leaves(&key, &mut leaves))?;
        leaves.extend(self.recent.get(&key).into_iter().flatten());
        Ok(leaves)
    }

    /// The newest one.
    pub(super) fn last(&self, asset: &str) -> Result<Option<u64>, Error> {
        let key = key(asset);
        if let Some(leaves) = self.recent.get(&key) {
            return Ok(leaves.last().copied());
        }
        let mut leaves = Vec::new();
        for run in self.runs.iter().rev() {
            run.leaves(&key, &mut leaves)?;
            if let Some(last) = leaves.last() {
                return Ok(Some(*last));
            }
        }
        Ok(None)
    }

    pub(super) fn asset_count(&self) -> u64 {
        self.runs.iter().map(|run| run.new_assets).sum::<u64>() + self.recent_new
    }

    /// Writes a file where enough is in memory, and merges files.
    pub(super) fn settle(&mut self, log: &Log) -> Result<(), Error> {
        if self.size - self.in_files() < self.most_recent {
            return Ok(());
        }
        let (first, end) = (self.in_files(), self.size);
        let pairs = self.recent.iter().flat_map(|(key, leaves)| leaves.iter().map(|leaf| (*key, *leaf)));
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_unstable();
        let made = Made { first, end, new_assets: self.recent_new, last_hash: log.leaf_hash(end - 1)?.0 };
        self.runs.push(runs::write(&self.dir, &made, pairs.into_iter().map(Ok))?);
        (self.recent, self.recent_new) = (HashMap::new(), 0);
        while let [.., before, last] = self.runs.as_slice() {
            if before.count() >= last.count() * RATIO {
                break;
            }
            let made = Made {
                first: before.first,
                end: last.end,
                new_assets: before.new_assets + last.new_assets,
                last_hash: last.last_hash,
            };
            let merged = runs::write(&self.dir, &made, Merged::new(before.pairs(), last.pairs()))?;
            for old in self.runs.drain(self.runs.len() - 2..) {
                drop(fs::remove_file(old.path()));
            }
            self.runs.push(merged);
        }
        Ok(())
    }
}

fn key(asset: &str) -> AssetKey {
    let hash = Sha256::digest(asset.as_bytes());
    std::array::from_fn(|i| hash[i])
}

type Pair = Result<(AssetKey, u64), Error>;

/// Two sorted streams as one; a failure comes at once.
struct Merged<A: Iterator<Item = Pair>, B: Iterator<Item = Pair>> {
    left: std::iter::Peekable<A>,
    right: std::iter::Peekable<B>,
}

impl<A: Iterator<Item = Pair>, B: Iterator<Item = Pair>> Merged<A, B> {
    fn new(left: A, right: B) -> Self {
        Self { left: left.peekable(), right: right.peekable() }
    }
}

impl<A: Iterator<Item = Pair>, B: Iterator<Item = Pair>> Iterator for Merged<A, B> {
    type Item = Pair;

    fn next(&mut self) -> Option<Pair> {
        let is_left_next = match (self.left.peek(), self.right.peek()) {
            (Some(Ok(left)), Some(Ok(right))) => left <= right,
            (Some(Ok(_)), Some(Err(_))) | (None, _) => false,
            (Some(_), _) => true,
        };
        if is_left_next { self.left.next() } else { self.right.next() }
    }
}
