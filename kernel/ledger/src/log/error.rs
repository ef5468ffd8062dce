//! What can go wrong with the log on disk, and what to do then.

use std::io;
use std::path::{Path, PathBuf};

use crate::event::EventError;
use crate::leaf::LeafError;
use crate::receipt::VerifyError;
use crate::view::RuleError;

/// A failure of the log. After [`Error::Io`] out of an append the ledger takes no more until it is opened anew.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The name cannot stand in a signed note.
    #[error("`{0}` cannot name a log: it must not be empty nor hold spaces, line breaks or `+` (C2SP signed-note)")]
    Origin(String),
    /// Another process has the log open.
    #[error("{} is held by another process: stop it, a log has one writer", .0.display())]
    Locked(PathBuf),
    /// The key file is not a key.
    #[error("{} is no usable signing key of the log `{origin}`: restore it from a backup", path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// The log it should sign.
        origin: String,
    },
    /// There are leaves and no key.
    #[error("{} is missing although the log has content: restore it from a backup, a new key would be a new log", .0.display())]
    KeyMissing(PathBuf),
    /// There are leaves and no checkpoint.
    #[error("{} is missing although the log has content: restore it from a backup", .0.display())]
    CheckpointMissing(PathBuf),
    /// The published public key is another one.
    #[error("{} is not the public key of this log's signing key: one of the two was replaced; restore it, or remove the \
             public key's file if it is meant for another log", .0.display())]
    PublicKeyDiffers(PathBuf),
    /// The checkpoint does not hold.
    #[error("{}: {source}; restore it from a backup", path.display())]
    Checkpoint {
        /// The checkpoint file.
        path: PathBuf,
        /// Why it does not hold.
        source: VerifyError,
    },
    /// A file of the log that the checkpoint vouches for is gone, cut or changed.
    #[error("{}: {what}; the log does not open on it: restore the file from a backup", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The leaves on disk are not the ones that were signed.
    #[error("the {size} leaves give the root {computed}, signed was {signed}{}: restore tile/entries from a backup",
        first_bad.map(|n| format!("; the first changed leaf is among {} to {}", n * 256, n * 256 + 255)).unwrap_or_default())]
    RootDiffers {
        /// How many leaves.
        size: u64,
        /// Hexadecimal root of the leaves on disk.
        computed: String,
        /// Hexadecimal root in the checkpoint.
        signed: String,
        /// The first bundle whose hashes are not those of the hash tile beside it.
        first_bad: Option<u64>,
    },
    /// A record cannot be a leaf; nothing of the call was appended.
    #[error("record {position} of the call (asset `{asset}`): {source}")]
    Record {
        /// Its place in the call, from 0.
        position: usize,
        /// Its asset.
        asset: String,
        /// Why not.
        source: LeafError,
    },
    /// A statement cannot be a leaf; nothing of the call was appended.
    #[error("statement {position} of the call (asset `{asset}`): {source}")]
    Event {
        /// Its place in the call, from 0.
        position: usize,
        /// Its asset.
        asset: String,
        /// Why not.
        source: EventError,
    },
    /// A statement was made of an older state of its asset; nothing of the call was appended.
    #[error(
        "the statement of `{asset}` does not follow its newest leaf {newest}: look at the asset again and sign anew"
    )]
    Stale {
        /// The asset.
        asset: String,
        /// Hexadecimal hash of its newest leaf, or `none`.
        newest: String,
    },
    /// A statement that its actor may not make, or that leads nowhere.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// No witness has seen it yet.
    #[error("no witness has signed a checkpoint with leaf {index} of `{asset}` yet: ask again later")]
    NotWitnessed {
        /// The asset.
        asset: String,
        /// Its leaf.
        index: u64,
    },
    /// A file of the index is damaged.
    #[error("{}: the index does not lead to the asset's leaves: remove it and start again, it is made anew from the log", .0.display())]
    Index(PathBuf),
    /// No such leaf.
    #[error("there is no leaf {index} in a log of {size}")]
    NoSuchLeaf {
        /// What was asked for.
        index: u64,
        /// Leaves of the log.
        size: u64,
    },
    /// The map that the leaves give is not the one that was signed.
    #[error("the leaves give a map with the root {computed}, signed at {log_size} leaves was {signed}: the log of areas in {} was \
             replaced or the leaves were; restore both from one backup", path.display())]
    MapDiffers {
        /// The folder of the log of areas.
        path: PathBuf,
        /// Size of the log.
        log_size: u64,
        /// Hexadecimal root that the leaves give.
        computed: String,
        /// Hexadecimal root in the log of areas.
        signed: String,
    },
    /// No map root was signed yet.
    #[error("no map of the log was signed yet: ask again when the leaves that were added are in it")]
    NoMap,
    /// A record older than what is in the log; nothing of the call was appended.
    #[error("record {position} of the call has sequence {sequence}, the log is at {last}: append in order of sequence")]
    OutOfOrder {
        /// Its place in the call, from 0.
        position: usize,
        /// Its sequence.
        sequence: u64,
        /// The log's last.
        last: u64,
    },
    /// More records than one call takes; nothing was appended.
    #[error("{0} records in one call, at most 65536: append in several calls")]
    TooMany(usize),
    /// The log was opened for reading only.
    #[error("this log was opened for reading only: open it where its folder can be written")]
    ReadOnly,
    /// An earlier append failed half way.
    #[error("an earlier append failed half way: close the ledger and open it anew")]
    Stopped,
    /// No leaf speaks of the asset.
    #[error("the asset `{0}` is not in the log")]
    NoAsset(String),
    /// No leaf there, or it is another asset's.
    #[error("leaf {index} is not one of the asset `{asset}`; its leaves are {known}")]
    NoLeaf {
        /// The asset.
        asset: String,
        /// The leaf asked for.
        index: u64,
        /// The asset's leaves, the last few of them.
        known: String,
    },
}

impl Error {
    /// For `map_err` after a file operation.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
