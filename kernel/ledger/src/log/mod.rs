//! The log of assets on disk, what is looked up in it, and what is proven of it. See the crate's first page for the shape.

mod areas;
mod audit;
mod check;
mod copy;
mod cosigned;
mod entries;
mod error;
mod files;
mod frontier;
mod index;
mod key;
mod proof;
mod recover;
mod replay;
mod runs;
mod tree;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use kernel_model::{AssetEvent, AssetRecord};
use tlog_tiles::{Hash, record_hash};

pub use areas::{Areas, AreasOpened, Tip};
pub use audit::{Audit, audit};
pub use check::{Report, check};
pub use copy::backup;
pub use entries::{Entries, Entry};
pub use error::Error;
pub(crate) use files::replace;
pub use proof::Which;
pub use recover::Cut;
pub use tree::{Opened, Options};

use crate::event::check_event;
use crate::keys::KeyRing;
use crate::leaf::{self, LeafError};
use cosigned::Cosigned;
use index::Index;
use key::Key;
use tree::Log;

/// The most records of one call.
const MAX_CALL: usize = 65_536;

/// An open log of assets.
pub struct Ledger {
    log: Log,
    index: Index,
    last_sequence: u64,
    cosigned: Option<Cosigned>,
}

impl Ledger {
    /// Opens the log in `dir`, or makes it there with a new key, and writes the public key to `public_key` if it is
    /// not there. `origin` is the log's name for ever, such as `urbis.example.org/assets`.
    ///
    /// # Errors
    /// Where the log does not hold what its checkpoint says, or the files cannot be read or written; see [`Error`].
    pub fn open(dir: &Path, public_key: &Path, origin: &str) -> Result<(Self, Opened), Error> {
        Self::open_with(dir, public_key, origin, Options::default())
    }

    /// As [`Ledger::open`], with other bounds.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(dir: &Path, public_key: &Path, origin: &str, options: Options) -> Result<(Self, Opened), Error> {
        let key_path = dir.join("log.key");
        let created = !key_path.is_file();
        let (log, opened) = Log::open(dir, options, |may_create| Key::open(&key_path, public_key, origin, may_create))?;
        Ok((Self::looking_up(log, options)?, Opened { created, ..opened }))
    }

    /// Opens the log in `dir` for reading only, also where nothing can be written; `public_key` is the file of its public
    /// key. An append to it is refused.
    ///
    /// # Errors
    /// Where the log does not hold what its checkpoint says, or the files cannot be read; see [`Error`].
    pub fn open_reading(dir: &Path, public_key: &Path) -> Result<Self, Error> {
        let options = Options::default();
        Self::looking_up(Log::open_reading(dir, options, key::read_ring(public_key)?)?, options)
    }

    /// With what is looked up: what the files of the index do not have yet is read from the leaves.
    fn looking_up(log: Log, options: Options) -> Result<Self, Error> {
        let mut index = Index::open(&log, options.index_in_memory)?;
        for leaf in log.leaves(index.size()..log.size()) {
            let (at, bytes, _) = leaf?;
            let head = replay::Head::read(&log.dir, log.size(), at, &bytes)?;
            index.push(head.asset(), head.is_first());
            if log.may_append().is_ok()
                && let Err(error) = index.settle(&log)
            {
                tracing::warn!(%error, "the index of the log could not be written");
            }
        }
        let last_sequence = match log.size().checked_sub(1) {
            None => 0,
            Some(last) => replay::Head::read(&log.dir, log.size(), last, &log.leaf(last)?)?.sequence,
        };
        let cosigned = Cosigned::read(&log)?;
        Ok(Self { log, index, last_sequence, cosigned })
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
        let encode =
            |record: &AssetRecord, previous: Option<&str>| leaf::encode(record, previous).map_err(Refused::Leaf);
        self.group(records, |record| (record.asset.as_str(), record.sequence), encode)
    }

    /// Appends what people stated and signed, as [`Ledger::append`] does with records. Each statement has to name the
    /// asset's newest leaf.
    ///
    /// # Errors
    /// As there, and where a signature is not the actor's or a statement follows another leaf than the newest
    /// ([`Error::Stale`]).
    pub fn append_events(&mut self, events: &[AssetEvent]) -> Result<Range<u64>, Error> {
        let encode = |event: &AssetEvent, previous: Option<&str>| {
            if event.statement.previous.as_deref() != previous {
                return Err(Refused::Stale(previous.map(str::to_owned)));
            }
            check_event(event).map_err(Refused::Event)?;
            leaf::encode_event(event).map_err(Refused::Leaf)
        };
        self.group(events, |event| (event.statement.asset.as_str(), event.sequence), encode)
    }

    fn group<T>(
        &mut self,
        items: &[T],
        head: impl Fn(&T) -> (&str, u64),
        encode: impl Fn(&T, Option<&str>) -> Result<Vec<u8>, Refused>,
    ) -> Result<Range<u64>, Error> {
        self.log.may_append()?;
        let start = self.size();
        if items.is_empty() {
            return Ok(start..start);
        }
        if items.len() > MAX_CALL {
            return Err(Error::TooMany(items.len()));
        }
        let mut last = self.last_sequence();
        let mut newest: HashMap<&str, Hash> = HashMap::new();
        let mut leaves = Vec::with_capacity(items.len());
        let mut is_first = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            let (asset, sequence) = head(item);
            if sequence < last {
                return Err(Error::OutOfOrder { position, sequence, last });
            }
            last = sequence;
            let previous = match newest.get(asset) {
                Some(hash) => Some(*hash),
                None => self.newest(asset)?,
            };
            let previous = previous.map(|hash| hex::encode(hash.0));
            let bytes = encode(item, previous.as_deref()).map_err(|refused| refused.error(position, asset))?;
            let hash = record_hash(&bytes);
            newest.insert(asset, hash);
            leaves.push((bytes, hash));
            is_first.push(previous.is_none());
        }
        self.log.append(&leaves)?;
        self.last_sequence = last;
        for (item, is_first) in items.iter().zip(is_first) {
            self.index.push(head(item).0, is_first);
        }
        if let Err(error) = self.index.settle(&self.log) {
            // The leaves are in; what is looked up stays in memory until files can be written again.
            tracing::warn!(%error, "the index of the log could not be written");
        }
        Ok(start..self.size())
    }

    /// The hash of an asset's newest leaf.
    fn newest(&self, asset: &str) -> Result<Option<Hash>, Error> {
        self.index.last(asset)?.map(|leaf| self.log.leaf_hash(leaf)).transpose()
    }

    /// Hexadecimal hash of an asset's newest leaf, which the next statement about it has to name.
    ///
    /// # Errors
    /// Where files cannot be read.
    pub fn newest_leaf_hash(&self, asset: &str) -> Result<Option<String>, Error> {
        Ok(self.newest(asset)?.map(|hash| hex::encode(hash.0)))
    }

    /// How many leaves the log has.
    pub fn size(&self) -> u64 {
        self.log.size()
    }

    /// How many assets it speaks of.
    pub fn asset_count(&self) -> usize {
        self.index.asset_count() as usize
    }

    /// The root, RFC 6962.
    pub fn root(&self) -> [u8; 32] {
        self.log.root().0
    }

    /// The last signed checkpoint, a C2SP signed note.
    pub fn checkpoint(&self) -> &str {
        &self.log.checkpoint
    }

    /// The public keys to hand to verifiers: the text of `log.pub`, without line end. See [`KeyRing`].
    pub fn public_key(&self) -> &str {
        self.log.key.ring().text()
    }

    /// The same, read.
    pub fn keys(&self) -> &KeyRing {
        self.log.key.ring()
    }

    /// The log's own key as an identity, for what the log itself states and issues; nothing where it is only read.
    pub fn identity(&self) -> Option<crate::Identity> {
        self.log.key.seed().map(|seed| crate::Identity::from_seed(&seed))
    }

    /// The folder of the log.
    pub fn dir(&self) -> &Arc<Path> {
        &self.log.dir
    }

    /// Gives the log a new key: the present one signs that it does, and is then no longer there. `public_key` is the file
    /// of the public key, which gets a line more; verifiers who have the older file have to take the new one.
    ///
    /// # Errors
    /// Where the files cannot be written. The old key then still signs, or the new one does at the next opening.
    pub fn rotate_key(&mut self, public_key: &Path) -> Result<(), Error> {
        self.log.may_append()?;
        let size = self.size();
        self.log.key.rotate(&self.log.dir.join("log.key"), public_key, size)?;
        self.log.sign_again()
    }

    /// The highest sequence in the log, 0 in an empty one. After a crash the caller appends what its store has beyond.
    /// One call is all in or not at all, so a sequence that was appended in one call needs no further look; of one
    /// that was split, [`Ledger::records_with_sequence`] says how far it came.
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// The asset ids of a sequence's records in the order of appending; empty where the log has none. Statements, which
    /// come between, are not among them.
    ///
    /// # Errors
    /// Where leaves cannot be read.
    pub fn records_with_sequence(&self, sequence: u64) -> Result<Vec<String>, Error> {
        let (mut low, mut high) = (0, self.size());
        while low < high {
            let middle = low.midpoint(high);
            let head = replay::Head::read(&self.log.dir, self.size(), middle, &self.log.leaf(middle)?)?.sequence;
            if head < sequence { low = middle + 1 } else { high = middle }
        }
        let mut assets = Vec::new();
        for entry in self.entries(low..self.size()) {
            let leaf = entry?.leaf;
            if leaf.sequence() != sequence {
                break;
            }
            assets.extend(leaf.record().map(|record| record.asset.clone()));
        }
        Ok(assets)
    }

    /// The leaves of an asset, oldest first; empty where the log has none.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn leaves_of_asset(&self, asset: &str) -> Result<Vec<u64>, Error> {
        self.index.leaves(asset)
    }

    /// The leaves of the range, read from disk as the iterator goes. It needs the ledger no longer: `entries(n..)` is
    /// written `entries(n..ledger.size())`, and costs nothing for leaves before `n`.
    pub fn entries(&self, range: Range<u64>) -> Entries {
        Entries::new(self.log.leaves(range))
    }
}

/// Why an item of a call is no leaf.
enum Refused {
    Leaf(LeafError),
    Event(crate::EventError),
    Stale(Option<String>),
}

impl Refused {
    fn error(self, position: usize, asset: &str) -> Error {
        let asset = asset.to_owned();
        match self {
            Self::Leaf(source) => Error::Record { position, asset, source },
            Self::Event(source) => Error::Event { position, asset, source },
            Self::Stale(newest) => Error::Stale { asset, newest: newest.unwrap_or_else(|| "none".to_owned()) },
        }
    }
}
