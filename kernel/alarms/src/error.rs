//! What can go wrong, and what to do then.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the alarms.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule that makes no sense.
    #[error("alarm rule `{rule}`: {what}")]
    Rule {
        /// Its name.
        rule: String,
        /// What is wrong and what to give.
        what: String,
    },
    /// A schedule that cannot be read.
    #[error("the schedule `{text}` {what}")]
    Schedule {
        /// As given.
        text: String,
        /// What is wrong and what to give.
        what: String,
    },
    /// The file system refused.
    #[error("{doing} {}: {source}; make room or mend the disk, it is tried again", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Bytes that are not what was written.
    #[error("{} at byte {at}: {what}; restore the file from a backup", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// There are alerts and no state to go on from.
    #[error("{} is missing although alerts were raised: restore it from a backup, or move the folder {} away to begin anew", path.display(), folder.display())]
    NoCheckpoint {
        /// The file.
        path: PathBuf,
        /// The folder of the alarms.
        folder: PathBuf,
    },
    /// No such alert.
    #[error("there is no alert {0}: GET /alerts says which there are")]
    NoAlert(u64),
    /// The store's rows cannot be read.
    #[error(transparent)]
    Store(#[from] kernel_store::Error),
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    pub(crate) fn rule(rule: &str, what: impl Into<String>) -> Self {
        Self::Rule { rule: rule.to_owned(), what: what.into() }
    }
}
