//! A log of leaves whatever they are: hashes and bytes in, tiles, entry bundles and a signed checkpoint on disk. One writer,
//! any number of readers of its files. [`Ledger`](super::Ledger) puts assets into one and map roots into another.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog_tiles::{Checkpoint, Hash};

use super::Error;
use super::entries::Leaves;
use super::files::{Row, Tile, WIDTH, Writer, push_entry, replace};
use super::frontier::Frontier;
use super::key::Key;
use super::recover::{self, Cut};
use crate::keys::KeyRing;

/// An open log.
pub(crate) struct Log {
    pub(super) dir: Arc<Path>,
    pub(super) key: Key,
    pub(super) frontier: Frontier,
    /// Bytes of the unfinished entry bundle.
    bundle: Vec<u8>,
    pub(super) checkpoint: String,
    /// Set while files and memory may disagree.
    stopped: bool,
    /// The lock lasts as long as the file is open; who only reads has none.
    lock: Option<File>,
}

/// How a log is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A log of at most so many leaves is reread whole at every opening, and its hash tiles are mended. Of a larger one only
    /// the right edge is held against the signed root; what is damaged elsewhere is found when it is read, and by a check.
    pub reread_upto: u64,
    /// Leaves whose assets are looked up in memory before a file of the index is written.
    pub index_in_memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { reread_upto: 1 << 16, index_in_memory: 1 << 16 }
    }
}

/// What opening found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// The log is new: a key was made.
    pub created: bool,
    /// How many leaves it has.
    pub size: u64,
    /// What an interrupted append had left beyond the checkpoint, now moved aside.
    pub cut: Vec<Cut>,
    /// Tiles that were missing or wrong and were written anew from the leaves, whose root was right.
    pub repaired: Vec<PathBuf>,
}

impl Log {
    /// Opens the log in `dir`, or makes it there. `key` is asked for the key, and told whether it may make one.
    pub(super) fn open(
        dir: &Path,
        options: Options,
        key: impl FnOnce(bool) -> Result<Key, Error>,
    ) -> Result<(Self, Opened), Error> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let lock = lock(dir)?;
        let checkpoint_path = dir.join("checkpoint");
        let has_leaves = recover::has_tiles(dir)?;
        let has_checkpoint = checkpoint_path.is_file();
        let key = key(!has_leaves && !has_checkpoint)?;
        match (has_checkpoint, has_leaves) {
            (false, true) => return Err(Error::CheckpointMissing(checkpoint_path)),
            (false, false) => publish_checkpoint(dir, &key, &Frontier::default()).map(drop)?,
            (true, _) => {}
        }
        let (checkpoint, note) = read_checkpoint(dir, key.ring())?;
        let recovered = recover::recover(dir, &checkpoint, options, true)?;
        let cut = recover::cut(dir, checkpoint.size())?;
        let opened = Opened { created: !has_checkpoint, size: checkpoint.size(), cut, repaired: recovered.repaired };
        let (frontier, bundle) = (recovered.frontier, recovered.bundle);
        Ok((
            Self { dir: dir.into(), key, frontier, bundle, checkpoint: note, stopped: false, lock: Some(lock) },
            opened,
        ))
    }

    /// As [`Log::open`], of a log that nothing is added to.
    pub(super) fn open_reading(dir: &Path, options: Options, ring: KeyRing) -> Result<Self, Error> {
        let (checkpoint, note) = read_checkpoint(dir, &ring)?;
        let recovered = recover::recover(dir, &checkpoint, options, false)?;
        let (frontier, bundle, key) = (recovered.frontier, recovered.bundle, Key::public(ring));
        Ok(Self { dir: dir.into(), key, frontier, bundle, checkpoint: note, stopped: false, lock: None })
    }

    /// Whether leaves can be added.
    pub(super) fn may_append(&self) -> Result<(), Error> {
        match (self.stopped, &self.lock) {
            (true, _) => Err(Error::Stopped),
            (_, None) => Err(Error::ReadOnly),
            _ => Ok(()),
        }
    }

    /// Adds leaves, all of them or none, and signs.
    pub(super) fn append(&mut self, leaves: &[(Vec<u8>, Hash)]) -> Result<(), Error> {
        self.may_append()?;
        self.write(leaves).inspect_err(|_| {
            // While the old checkpoint stands, nothing vouches for what was written beyond it.
            let stands = fs::read_to_string(self.dir.join("checkpoint")).is_ok_and(|note| note == self.checkpoint);
            self.stopped = !stands;
        })
    }

    /// Leaves and tiles to disk, then the checkpoint, then the new edge to memory.
    fn write(&mut self, leaves: &[(Vec<u8>, Hash)]) -> Result<(), Error> {
        let mut frontier = self.frontier.clone();
        let mut bundle = self.bundle.clone();
        let before: Vec<Tile> = self.partials().collect();
        let mut writer = Writer::new(&self.dir);
        for (bytes, hash) in leaves {
            push_entry(&mut bundle, bytes);
            frontier.push(*hash, |tile, slots| writer.tile(tile, slots))?;
            if frontier.size().is_multiple_of(WIDTH) {
                writer.tile(Tile { row: Row::Entries, number: frontier.size() / WIDTH - 1, width: WIDTH }, &bundle)?;
                bundle.clear();
            }
        }
        if let Some(tile) = open_bundle(frontier.size()) {
            writer.tile(tile, &bundle)?;
        }
        for (tile, slots) in frontier.partials().filter(|(tile, _)| !before.contains(tile)) {
            writer.tile(tile, slots)?;
        }
        writer.finish()?;
        self.checkpoint = publish_checkpoint(&self.dir, &self.key, &frontier)?;
        (self.frontier, self.bundle) = (frontier, bundle);
        let filled = |tile: &Tile| (Tile { width: WIDTH, ..*tile }).belongs_to(self.size());
        before.into_iter().filter(filled).for_each(|tile| recover::remove_partials(&self.dir, tile));
        Ok(())
    }

    /// The unfinished tiles of the present tree.
    fn partials(&self) -> impl Iterator<Item = Tile> {
        self.frontier.partials().map(|(tile, _)| tile).chain(open_bundle(self.size()))
    }

    pub(super) fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(super) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The leaves of the range, held against the hash tiles beside them.
    pub(super) fn leaves(&self, range: std::ops::Range<u64>) -> Leaves {
        Leaves::new(self.dir.clone(), self.size(), range)
    }

    /// One leaf's bytes.
    pub(super) fn leaf(&self, index: u64) -> Result<Vec<u8>, Error> {
        self.leaves(index..index + 1).next().transpose()?.map(|(_, bytes, _)| bytes).ok_or_else(|| Error::Damaged {
            path: self.dir.join("tile/entries"),
            what: format!("leaf {index} is missing"),
        })
    }

    /// Signs the present tree anew.
    pub(super) fn sign_again(&mut self) -> Result<(), Error> {
        self.may_append()?;
        self.checkpoint = publish_checkpoint(&self.dir, &self.key, &self.frontier)?;
        Ok(())
    }
}

/// The unfinished entry bundle of a log of `size` leaves.
fn open_bundle(size: u64) -> Option<Tile> {
    let width = size % WIDTH;
    (width > 0).then_some(Tile { row: Row::Entries, number: size / WIDTH, width })
}

/// The checkpoint of a folder, and its text.
pub(super) fn read_checkpoint(dir: &Path, ring: &KeyRing) -> Result<(Checkpoint, String), Error> {
    let path = dir.join("checkpoint");
    let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
    let note = String::from_utf8_lossy(&bytes).into_owned();
    match ring.open_checkpoint(&note) {
        Ok((checkpoint, _)) => Ok((checkpoint, note)),
        Err(source) => Err(Error::Checkpoint { path, source }),
    }
}

/// Signs the tree and puts the checkpoint in its place.
fn publish_checkpoint(dir: &Path, key: &Key, frontier: &Frontier) -> Result<String, Error> {
    let path = dir.join("checkpoint");
    let origin = || Error::Origin(key.ring().origin().to_owned());
    let checkpoint =
        Checkpoint::new(key.ring().origin(), frontier.size(), frontier.root(), "").map_err(|_| origin())?;
    let note = key.sign(&checkpoint, &path)?;
    replace(&path, &note)?;
    String::from_utf8(note).map_err(|_| origin())
}

/// Takes the folder's lock.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("log.lock");
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked(path)),
        Err(TryLockError::Error(source)) if source.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(source)) => Err(Error::Io { doing: "lock", path, source }),
    }
}
