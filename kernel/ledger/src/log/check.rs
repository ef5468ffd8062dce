//! The log examined from outside: a folder and the public key in, a report out. Every leaf is reread and decoded, the
//! root and every tile recomputed and compared. Nothing is written or repaired, and no secret is read.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use tlog_tiles::{Checkpoint, Hash};

use super::Error;
use super::files::{Row, Tile};
use super::recover::tile_files;
use super::replay::{Seen, replay};
use crate::event::check_event;
use crate::keys::KeyRing;
use crate::leaf::Leaf;

/// Problems that are told one by one; the rest is counted.
const TOLD: usize = 100;

/// What the examination found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The log's name, from its checkpoint.
    pub origin: String,
    /// Leaves under the checkpoint.
    pub size: u64,
    /// Hexadecimal root in the checkpoint.
    pub root_hash: String,
    /// Assets that the leaves speak of.
    pub asset_count: usize,
    /// The highest sequence.
    pub last_sequence: u64,
    /// Tile files compared.
    pub tile_count: u64,
    /// Files beyond the checkpoint: the rest of an interrupted append, or one going on now.
    pub beyond_count: u64,
    /// The first hundred problems, in words.
    pub problems: Vec<String>,
    /// How many there are.
    pub problem_count: u64,
}

impl Report {
    /// Whether everything is as it was signed.
    pub fn is_sound(&self) -> bool {
        self.problem_count == 0
    }

    fn problem(&mut self, what: String) {
        self.problem_count += 1;
        if self.problems.len() < TOLD {
            self.problems.push(what);
        }
    }
}

/// Examines the log in `dir` with the public key `vkey_text`.
///
/// # Errors
/// Where the folder cannot be read. What is wrong with the log itself stands in the report.
pub fn check(dir: &Path, vkey_text: &str) -> Result<Report, Error> {
    let mut report = Report::default();
    let path = dir.join("checkpoint");
    let note = fs::read(&path).map_err(Error::io("read", &path))?;
    let note = String::from_utf8_lossy(&note);
    match KeyRing::parse(vkey_text).and_then(|ring| ring.open_checkpoint(&note)) {
        Ok((checkpoint, _)) => examine(dir, &checkpoint, &mut report)?,
        Err(e) => report.problem(format!("checkpoint: {e}")),
    }
    Ok(report)
}

fn examine(dir: &Path, checkpoint: &Checkpoint, report: &mut Report) -> Result<(), Error> {
    checkpoint.origin().clone_into(&mut report.origin);
    report.size = checkpoint.size();
    report.root_hash = hex::encode(checkpoint.hash().0);
    let stored = stored_tiles(dir, report)?;
    let mut chains = Chains::default();
    let replayed = replay(dir, checkpoint.size(), |seen| {
        match seen {
            Seen::Leaf { index, bytes, hash } => chains.follow(index, bytes, hash, report),
            Seen::Tile(tile, bytes) => compare(dir, tile, bytes, &stored, report),
        }
        Ok(())
    });
    report.asset_count = chains.newest.len();
    report.last_sequence = chains.last_sequence;
    match replayed {
        Ok((frontier, _)) if frontier.root() == *checkpoint.hash() => {}
        Ok((frontier, _)) => {
            let (root, signed) = (hex::encode(frontier.root().0), &report.root_hash);
            let told = format!("the leaves give the root {root}, signed was {signed}");
            report.problem(told);
        }
        Err(e) => report.problem(e.to_string()),
    }
    Ok(())
}

/// Widths of the files of every tile, by row and number; counts what lies beyond the checkpoint.
fn stored_tiles(dir: &Path, report: &mut Report) -> Result<BTreeMap<(Row, u64), Vec<Tile>>, Error> {
    let mut stored: BTreeMap<_, Vec<Tile>> = BTreeMap::new();
    for tile in tile_files(dir)?.iter().filter_map(|path| Tile::from_path(path)) {
        if tile.belongs_to(report.size) {
            stored.entry((tile.row, tile.number)).or_default().push(tile);
        } else {
            report.beyond_count += 1;
        }
    }
    Ok(stored)
}

/// Compares every file of a tile, also the narrower ones that earlier checkpoints needed, with what has to be in it.
fn compare(dir: &Path, tile: Tile, wanted: &[u8], stored: &BTreeMap<(Row, u64), Vec<Tile>>, report: &mut Report) {
    let files = stored.get(&(tile.row, tile.number)).map_or(&[][..], Vec::as_slice);
    if !files.iter().any(|file| file.width >= tile.width) {
        report.problem(format!("{}: the file is missing", tile.path().display()));
    }
    for file in files {
        report.tile_count += 1;
        let right = file.read(dir).is_ok_and(|(bytes, _)| {
            bytes == wanted || (file.width < tile.width && wanted.starts_with(&bytes) && !bytes.is_empty())
        });
        if !right {
            report.problem(format!("{}: it is not what the leaves give", file.path().display()));
        }
    }
}

/// Follows each asset's chain of `previous` hashes and the order of sequences.
#[derive(Default)]
struct Chains {
    newest: HashMap<String, Hash>,
    last_sequence: u64,
}

impl Chains {
    fn follow(&mut self, index: u64, bytes: &[u8], hash: Hash, report: &mut Report) {
        let leaf = match Leaf::decode(bytes) {
            Ok(leaf) => leaf,
            Err(e) => return report.problem(format!("leaf {index}: {e}")),
        };
        if let Leaf::Event(event) = &leaf
            && let Err(e) = check_event(event)
        {
            report.problem(format!("leaf {index}: {e}"));
        }
        if leaf.sequence() < self.last_sequence {
            report.problem(format!("leaf {index}: sequence {} after {}", leaf.sequence(), self.last_sequence));
        }
        self.last_sequence = self.last_sequence.max(leaf.sequence());
        let before = self.newest.insert(leaf.asset().to_owned(), hash).map(|hash| hex::encode(hash.0));
        if leaf.previous() != before.as_deref() {
            report.problem(format!("leaf {index}: `previous` is not the hash of the asset's leaf before"));
        }
    }
}
