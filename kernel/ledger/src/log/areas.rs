//! The map, the view and the log of areas, beside a log of assets: leaves in, in their order, signed map roots, area proofs
//! and the present state of assets out. All of it is a function of the leaves; what is kept of it on disk is there to start
//! sooner, and is held at every start against the root that was signed.
//!
//! Below the folder of the log: `areas/checkpoint` and `areas/tile` are the log of areas (C2SP tlog-tiles again, `/areas`
//! after the name of the log, the same key), `areas/state` the map and the view as of one of its leaves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel_model::{Operation, Statement};
use tlog_tiles::record_hash;

use super::entries::{Entries, Leaves};
use super::files::replace;
use super::key::Key;
use super::tree::{Log, Options};
use super::{Error, Ledger};
use crate::area::{AREA_LOG, AreaMap, Grade, MapCell, MapRoot, Query, Revision, Shows};
use crate::keys::KeyRing;
use crate::leaf::Leaf;
use crate::view::View;

const MAGIC: &[u8; 8] = b"URBISMA1";
/// Leaves after which the state is kept again, and at least half as many as there are assets.
const KEEP_AFTER: u64 = 1 << 16;

/// The map and the view of a log.
pub struct Areas {
    output: Log,
    dir: PathBuf,
    built: Built,
    /// The newest leaf of the log of areas, and its receipt.
    published: Option<(MapRoot, String)>,
    /// Size of the log as of the state on disk.
    kept: u64,
}

/// What the leaves up to a size of the log give.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub map: AreaMap,
    pub view: View,
    pub size: u64,
    /// Statements that may not have been made, in words.
    pub refused: Vec<String>,
}

impl Built {
    pub(super) fn apply(&mut self, leaf: &Leaf, leaf_hash: [u8; 32]) {
        let index = self.size;
        self.size += 1;
        if let Err(error) = self.view.apply(leaf, index) {
            self.refused.push(format!("leaf {index}: {error}"));
            return;
        }
        let is_retired = leaf.operation() == Operation::Retire;
        let (cells, grade) = match leaf {
            _ if is_retired => (Some(Vec::new()), None),
            Leaf::Record(record) => {
                (Some(record.cells.iter().filter_map(|text| MapCell::of_text(text)).collect()), None)
            }
            Leaf::Event(event) => (None, event.statement.grade.as_deref().and_then(Grade::of_name)),
        };
        self.map.apply(&Revision { asset: leaf.asset(), index, leaf_hash, cells: cells.as_deref(), grade });
    }

    /// Takes in the leaves up to a size.
    fn follow(&mut self, tip: &Tip, size: u64) -> Result<(), Error> {
        for entry in tip.entries(self.size..size) {
            let entry = entry?;
            self.apply(&entry.leaf, entry.leaf_hash);
        }
        Ok(())
    }

    pub(super) fn root(&mut self, log_root: [u8; 32]) -> MapRoot {
        MapRoot {
            assets: self.map.asset_count(),
            entries: self.map.entry_count(),
            log_root,
            log_size: self.size,
            map_root: self.map.root(),
        }
    }
}

/// What opening found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AreasOpened {
    /// Size of the log as of the state that was on disk; the leaves after it were read.
    pub kept: u64,
    /// Assets in the map.
    pub assets: u64,
}

/// A log as it stands: what its areas are made from, without holding it.
pub struct Tip {
    dir: Arc<Path>,
    size: u64,
    root: [u8; 32],
    ring: KeyRing,
    key: Option<Key>,
}

impl std::fmt::Debug for Tip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tip").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Tip {
    fn entries(&self, range: std::ops::Range<u64>) -> Entries {
        Entries::new(Leaves::new(self.dir.clone(), self.size, range))
    }
}

impl Ledger {
    /// The log as it stands.
    pub fn tip(&self) -> Tip {
        let key = self.log.may_append().ok().and_then(|()| self.log.key.of_log(AREA_LOG));
        let (dir, ring) = (self.log.dir.clone(), self.keys().of_log(AREA_LOG));
        Tip { dir, size: self.size(), root: self.root(), ring, key }
    }
}

impl Areas {
    /// Opens the areas of a log, or makes them, and catches up with it.
    ///
    /// # Errors
    /// Where the leaves do not give the map that was signed, or files cannot be read or written.
    pub fn open(tip: Tip) -> Result<(Self, AreasOpened), Error> {
        let dir = tip.dir.join("areas");
        let output = match &tip.key {
            Some(_) => open_output(&dir, &tip)?,
            None => Log::open_reading(&dir, Options::default(), tip.ring.clone())?,
        };
        let signed = newest_root(&output)?;
        let mut built = read_state(&dir.join("state"), tip.size).unwrap_or_default();
        let kept = built.size;
        if let Some((root, _)) = &signed {
            if root.log_size > tip.size {
                return Err(differs(&dir, root, "none, the log is shorter"));
            }
            built = Self::check(&dir, &tip, built, root)?;
        } else {
            built = Built::default();
        }
        let mut areas = Self { output, dir, built, published: signed, kept };
        if areas.output.may_append().is_ok() {
            areas.follow(&tip)?;
        }
        let assets = areas.built.map.asset_count();
        Ok((areas, AreasOpened { kept, assets }))
    }

    /// The map as of the newest root that was signed, which it has to give.
    fn check(dir: &Path, tip: &Tip, mut built: Built, root: &MapRoot) -> Result<Built, Error> {
        if built.size <= root.log_size {
            built.follow(tip, root.log_size)?;
            if built.map.root() == root.map_root {
                return Ok(built);
            }
        }
        // What was kept may be wrong; the leaves are not.
        let mut anew = Built::default();
        anew.follow(tip, root.log_size)?;
        match anew.map.root() {
            right if right == root.map_root => Ok(anew),
            wrong => Err(differs(dir, root, &hex::encode(wrong))),
        }
    }

    /// Takes in the leaves that are new in the log and signs the map that they give.
    ///
    /// # Errors
    /// Where files cannot be read or written; it can be called again.
    pub fn follow(&mut self, tip: &Tip) -> Result<(), Error> {
        self.built.follow(tip, tip.size)?;
        if self.built.size != tip.size || self.published.as_ref().is_some_and(|(root, _)| root.log_size == tip.size) {
            return Ok(());
        }
        let root = self.built.root(tip.root);
        let bytes = root.encode();
        let hash = record_hash(&bytes);
        self.output.append(&[(bytes, hash)])?;
        let receipt = self.output.prove(self.output.size() - 1)?.to_string();
        self.published = Some((root, receipt));
        if self.built.size - self.kept >= KEEP_AFTER.max(self.built.map.assets() / 2) {
            self.keep()?;
        }
        Ok(())
    }

    /// Keeps the map and the view on disk, so that the next start is sooner.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn keep(&mut self) -> Result<(), Error> {
        self.output.may_append()?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.built.size.to_be_bytes());
        bytes.extend_from_slice(&self.built.map.root());
        let view = serde_json::to_vec(&self.built.view).unwrap_or_default();
        bytes.extend_from_slice(&(view.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&view);
        self.built.map.write_state(&mut bytes);
        let sum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_be_bytes());
        replace(&self.dir.join("state"), &bytes)?;
        self.kept = self.built.size;
        Ok(())
    }

    /// The present state of assets.
    pub fn view(&self) -> &View {
        &self.built.view
    }

    /// Whether a statement may be made now.
    ///
    /// # Errors
    /// [`Error::Rule`].
    pub fn admit(&self, statement: &Statement) -> Result<(), Error> {
        Ok(self.built.view.admit(statement)?)
    }

    /// The newest map root that was signed.
    pub fn root(&self) -> Option<&MapRoot> {
        self.published.as_ref().map(|(root, _)| root)
    }

    /// The last signed checkpoint of the log of areas.
    pub fn checkpoint(&self) -> &str {
        &self.output.checkpoint
    }

    /// Leaves of the log that are in.
    pub fn size(&self) -> u64 {
        self.built.size
    }

    /// The folder of the log of areas.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The proof of what is in an area, or how much, as of the newest map root.
    ///
    /// # Errors
    /// Where nothing was signed yet, or the question is no area.
    pub fn prove(&mut self, query: &Query, shows: Shows) -> Result<Vec<u8>, Error> {
        let (root, receipt) = self.published.as_ref().ok_or(Error::NoMap)?;
        // Nothing may be in the map that the signed root does not have.
        if root.log_size != self.built.size {
            return Err(Error::NoMap);
        }
        self.built.map.prove(query, shows, receipt).ok_or(Error::NoMap)
    }
}

fn open_output(dir: &Path, tip: &Tip) -> Result<Log, Error> {
    let key = |_| tip.key.as_ref().map(Key::again).ok_or(Error::ReadOnly);
    let (output, opened) = Log::open(dir, Options::default(), key)?;
    for cut in &opened.cut {
        tracing::warn!(path = %cut.path.display(), "moved aside what an interrupted append left in the log of areas");
    }
    Ok(output)
}

/// The newest leaf of the log of areas.
fn newest_root(output: &Log) -> Result<Option<(MapRoot, String)>, Error> {
    let Some(last) = output.size().checked_sub(1) else { return Ok(None) };
    let receipt = output.prove(last)?;
    let root = MapRoot::decode(&receipt.leaf)
        .map_err(|e| Error::Damaged { path: output.dir.join("tile/entries"), what: format!("leaf {last}: {e}") })?;
    Ok(Some((root, receipt.to_string())))
}

/// All map roots that were signed, oldest first.
pub(super) fn all_roots(tip: &Tip) -> Result<Vec<MapRoot>, Error> {
    let dir = tip.dir.join("areas");
    if !dir.join("checkpoint").is_file() {
        return Ok(Vec::new());
    }
    let output = Log::open_reading(&dir, Options::default(), tip.ring.clone())?;
    let root = |leaf: Result<(u64, Vec<u8>, _), Error>| {
        let (index, bytes, _) = leaf?;
        let what = |e| Error::Damaged { path: dir.join("tile/entries"), what: format!("leaf {index}: {e}") };
        MapRoot::decode(&bytes).map_err(what)
    };
    output.leaves(0..output.size()).map(root).collect()
}

/// The state on disk; nothing where there is none, or it is damaged or another log's.
fn read_state(path: &Path, log_size: u64) -> Option<Built> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the kept map cannot be read and is made anew");
            return None;
        }
    };
    let built = parse_state(&bytes).filter(|built| built.size <= log_size);
    if built.is_none() {
        tracing::warn!(path = %path.display(), "the kept map is damaged or another log's and is made anew");
    }
    built
}

/// The map and view in a state file; nothing where it is damaged.
pub(super) fn parse_state(bytes: &[u8]) -> Option<Built> {
    let (bytes, sum) = bytes.split_last_chunk::<4>()?;
    if *sum != crc32c::crc32c(bytes).to_be_bytes() {
        return None;
    }
    let rest = bytes.strip_prefix(MAGIC)?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (root, rest) = rest.split_first_chunk::<32>()?;
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (view, mut rest) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    let view = serde_json::from_slice(view).ok()?;
    let mut map = AreaMap::read_state(&mut rest)?;
    let built = Built { view, size: u64::from_be_bytes(*size), refused: Vec::new(), map: AreaMap::default() };
    (rest.is_empty() && map.root() == *root).then_some(Built { map, ..built })
}

fn differs(dir: &Path, root: &MapRoot, computed: &str) -> Error {
    Error::MapDiffers {
        path: dir.to_owned(),
        log_size: root.log_size,
        computed: computed.to_owned(),
        signed: hex::encode(root.map_root),
    }
}
