//! The log on disk: one writer, any number of readers of its files. See the crate's first page for the shape.

mod check;
mod copy;
mod entries;
mod error;
mod files;
mod frontier;
mod index;
mod key;
mod proof;
mod recover;
mod replay;

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel_model::AssetRecord;
use tlog_tiles::{Checkpoint, Hash, record_hash};

pub use check::{Report, check};
pub use copy::backup;
pub use entries::{Entries, Entry};
pub use error::Error;
pub use proof::Which;
pub use recover::Cut;

use crate::leaf;
use crate::receipt::open_checkpoint;
use files::{Row, Tile, WIDTH, Writer, push_entry, replace};
use frontier::Frontier;
use index::Index;
use key::Key;

/// The most records of one call.
const MAX_CALL: usize = 65_536;

/// An open log.
pub struct Ledger {
    dir: Arc<Path>,
    origin: String,
    key: Key,
    frontier: Frontier,
    /// Bytes of the unfinished entry bundle.
    bundle: Vec<u8>,
    index: Index,
    checkpoint: String,
    /// Set while files and memory may disagree.
    stopped: bool,
    /// The lock lasts as long as the file is open; who only reads has none.
    lock: Option<File>,
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

impl Ledger {
    /// Opens the log in `dir`, or makes it there with a new key, and writes the public key to `public_key` if it is
    /// not there. `origin` is the log's name for ever, such as `urbis.example.org/assets`.
    ///
    /// Every leaf is reread: about a second for each 200,000.
    ///
    /// # Errors
    /// Where the log does not hold what its checkpoint says, or the files cannot be read or written; see [`Error`].
    pub fn open(dir: &Path, public_key: &Path, origin: &str) -> Result<(Self, Opened), Error> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let lock = lock(dir)?;
        let checkpoint_path = dir.join("checkpoint");
        let key_path = dir.join("log.key");
        let has_leaves = !recover::tile_files(dir)?.is_empty();
        let has_checkpoint = checkpoint_path.is_file();
        let created = !key_path.is_file();
        let key = Key::open(&key_path, origin, !has_leaves && !has_checkpoint)?;
        key.publish(public_key)?;
        match (has_checkpoint, has_leaves) {
            (false, true) => return Err(Error::CheckpointMissing(checkpoint_path)),
            (false, false) => publish_checkpoint(dir, &key, origin, &Frontier::default()).map(drop)?,
            (true, _) => {}
        }
        let (checkpoint, note) = read_checkpoint(dir, &key)?;
        let recovered = recover::reread(dir, &checkpoint, true)?;
        let cut = recover::cut(dir, checkpoint.size())?;
        let opened = Opened { created, size: checkpoint.size(), cut, repaired: recovered.repaired };
        let ledger = Self {
            dir: dir.into(),
            origin: origin.to_owned(),
            key,
            frontier: recovered.frontier,
            bundle: recovered.bundle,
            index: recovered.index,
            checkpoint: note,
            stopped: false,
            lock: Some(lock),
        };
        Ok((ledger, opened))
    }

    /// Opens the log in `dir` for reading only, also where nothing can be written; `public_key` is the file of its public
    /// key. An append to it is refused.
    ///
    /// # Errors
    /// Where the log does not hold what its checkpoint says, or the files cannot be read; see [`Error`].
    pub fn open_reading(dir: &Path, public_key: &Path) -> Result<Self, Error> {
        let key = Key::public(public_key)?;
        let (checkpoint, note) = read_checkpoint(dir, &key)?;
        let recovered = recover::reread(dir, &checkpoint, false)?;
        Ok(Self {
            dir: dir.into(),
            origin: checkpoint.origin().to_owned(),
            key,
            frontier: recovered.frontier,
            bundle: recovered.bundle,
            index: recovered.index,
            checkpoint: note,
            stopped: false,
            lock: None,
        })
    }

    /// Appends the records as one group and returns their leaves. When it returns they are on disk under a signed
    /// checkpoint; when it fails, or the machine stops, either all of them are in or none is. The ledger fills
    /// `previous` itself.
    ///
    /// # Errors
    /// A record that cannot be a leaf, or is older than the log's last sequence, refuses the whole call and leaves the
    /// ledger as it was, and so does [`Error::Io`] (a full disk, say): the call can be made again. Only where the new
    /// checkpoint may or may not be in place does the ledger have to be opened anew, and says so.
    pub fn append(&mut self, records: &[AssetRecord]) -> Result<Range<u64>, Error> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        if self.lock.is_none() {
            return Err(Error::ReadOnly);
        }
        let start = self.size();
        if records.is_empty() {
            return Ok(start..start);
        }
        let leaves = self.encode(records)?;
        if let Err(error) = self.write(&leaves) {
            // While the old checkpoint stands, nothing vouches for what was written beyond it.
            let stands = fs::read_to_string(self.dir.join("checkpoint")).is_ok_and(|note| note == self.checkpoint);
            self.stopped = !stands;
            return Err(error);
        }
        for (record, (_, hash)) in records.iter().zip(&leaves) {
            self.index.push(&record.asset, record.sequence, *hash);
        }
        Ok(start..self.size())
    }

    /// Leaf bytes and hashes; touches nothing.
    fn encode(&self, records: &[AssetRecord]) -> Result<Vec<(Vec<u8>, Hash)>, Error> {
        if records.len() > MAX_CALL {
            return Err(Error::TooMany(records.len()));
        }
        let mut last = self.last_sequence();
        let mut newest: HashMap<&str, Hash> = HashMap::new();
        let mut leaves = Vec::with_capacity(records.len());
        for (position, record) in records.iter().enumerate() {
            if record.sequence < last {
                return Err(Error::OutOfOrder { position, sequence: record.sequence, last });
            }
            last = record.sequence;
            let asset = record.asset.as_str();
            let previous = newest.get(asset).copied().or_else(|| self.index.asset(asset).map(|known| known.last_hash));
            let previous = previous.map(|hash| hex::encode(hash.0));
            let bytes = leaf::encode(record, previous.as_deref()).map_err(|source| Error::Record {
                position,
                asset: asset.to_owned(),
                source,
            })?;
            let hash = record_hash(&bytes);
            newest.insert(asset, hash);
            leaves.push((bytes, hash));
        }
        Ok(leaves)
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
        self.checkpoint = publish_checkpoint(&self.dir, &self.key, &self.origin, &frontier)?;
        (self.frontier, self.bundle) = (frontier, bundle);
        let filled = |tile: &Tile| (Tile { width: WIDTH, ..*tile }).belongs_to(self.size());
        before.into_iter().filter(filled).for_each(|tile| recover::remove_partials(&self.dir, tile));
        Ok(())
    }

    /// The unfinished tiles of the present tree.
    fn partials(&self) -> impl Iterator<Item = Tile> {
        self.frontier.partials().map(|(tile, _)| tile).chain(open_bundle(self.size()))
    }

    /// How many leaves the log has.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// How many assets it speaks of.
    pub fn asset_count(&self) -> usize {
        self.index.asset_count()
    }

    /// The root, RFC 6962.
    pub fn root(&self) -> [u8; 32] {
        self.frontier.root().0
    }

    /// The last signed checkpoint, a C2SP signed note.
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// The public key to hand to verifiers, C2SP signed-note vkey, without line end.
    pub fn public_key(&self) -> &str {
        self.key.vkey()
    }

    /// The highest sequence in the log, 0 in an empty one. After a crash the caller appends what its store has beyond.
    /// One call is all in or not at all, so a sequence that was appended in one call needs no further look; of one
    /// that was split, [`Ledger::records_with_sequence`] says how far it came.
    pub fn last_sequence(&self) -> u64 {
        self.index.last_sequence()
    }

    /// The asset ids of a sequence's leaves in the order of appending; empty where the log has none.
    ///
    /// # Errors
    /// Where leaves cannot be read.
    pub fn records_with_sequence(&self, sequence: u64) -> Result<Vec<String>, Error> {
        self.entries(self.index.leaves_of(sequence)).map(|entry| entry.map(|entry| entry.record.asset)).collect()
    }

    /// The leaves of an asset, oldest first; empty where the log has none.
    pub fn leaves_of_asset(&self, asset: &str) -> &[u64] {
        self.index.asset(asset).map_or(&[], |known| &known.leaves)
    }

    /// The leaves of the range, read from disk as the iterator goes. It needs the ledger no longer: `entries(n..)` is
    /// written `entries(n..ledger.size())`, and costs nothing for leaves before `n`.
    pub fn entries(&self, range: Range<u64>) -> Entries {
        Entries::new(self.dir.clone(), self.size(), range)
    }
}

/// The unfinished entry bundle of a log of `size` leaves.
fn open_bundle(size: u64) -> Option<Tile> {
    let width = size % WIDTH;
    (width > 0).then_some(Tile { row: Row::Entries, number: size / WIDTH, width })
}

/// The checkpoint of a folder, and its text.
fn read_checkpoint(dir: &Path, key: &Key) -> Result<(Checkpoint, String), Error> {
    let path = dir.join("checkpoint");
    let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
    let note = String::from_utf8_lossy(&bytes).into_owned();
    match open_checkpoint(&note, key.verifier()) {
        Ok(checkpoint) => Ok((checkpoint, note)),
        Err(source) => Err(Error::Checkpoint { path, source }),
    }
}

/// Signs the tree and puts the checkpoint in its place.
fn publish_checkpoint(dir: &Path, key: &Key, origin: &str, frontier: &Frontier) -> Result<String, Error> {
    let path = dir.join("checkpoint");
    let checkpoint =
        Checkpoint::new(origin, frontier.size(), frontier.root(), "").map_err(|_| Error::Origin(origin.to_owned()))?;
    let note = key.sign(&checkpoint, &path)?;
    replace(&path, &note)?;
    String::from_utf8(note).map_err(|_| Error::Origin(origin.to_owned()))
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
