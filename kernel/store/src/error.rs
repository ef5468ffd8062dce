//! What can go wrong with a data folder, each with what to do.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process writes here.
    #[error("{0} is in use by another urbis: stop it, or pass --server with its address instead of --data")]
    Locked(PathBuf),
    /// Bytes do not match their checksum or format.
    #[error("{path} is damaged at byte {at}: {what}; restore it from a backup, nothing was changed")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Offset in bytes.
        at: u64,
        /// What was found.
        what: String,
    },
    /// Written by a newer program.
    #[error("{path} has format version {found}, this urbis reads up to {known}: use a newer urbis")]
    Version {
        /// Which file.
        path: PathBuf,
        /// In the file.
        found: u32,
        /// Newest known.
        known: u32,
    },
    /// A commit could not be written and the log could not be put back: writes are refused until a restart.
    #[error("the log could not be written ({0}); nothing of the commit was kept, writes are refused until a restart")]
    Poisoned(String),
    /// Arrow or Parquet refused, which means damaged data or a defect.
    #[error("{what}: {source}")]
    Arrow {
        /// What was being done.
        what: String,
        /// What the library said.
        source: arrow::error::ArrowError,
    },
    /// The data folder was opened for reading only.
    #[error("this data folder was opened for reading only")]
    ReadOnly,
    /// A writer replaced files again and again while they were being read.
    #[error(
        "{0} changes faster than it can be read: try again, or pass --server with the address of the urbis that writes there"
    )]
    Busy(PathBuf),
    /// A place that is none.
    #[error("row {row}: {name} {degrees} is not on the globe: give degrees, longitude first; nothing was kept")]
    OffTheGlobe {
        /// In its batch, counted from 0.
        row: usize,
        /// Which coordinate.
        name: &'static str,
        /// What was given.
        degrees: f64,
    },
    /// A row of a datastream that was never declared.
    #[error("datastream {0} was never declared: declare it with its unit first; nothing was kept")]
    NoDatastream(u64),
    /// Something that cannot be.
    #[error("{0}: this is a defect, please report it")]
    Defect(&'static str),
    /// There is no such data folder.
    #[error("{0} is not a data folder: make one with `urbis serve --data {0}` or `urbis import FILE --data {0}`")]
    Missing(String),
}

impl Error {
    /// Something that cannot be.
    pub(crate) fn defect(what: &'static str) -> Self {
        Self::Defect(what)
    }

    /// Wraps an I/O error with its path.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    /// Wraps an Arrow error with what was being done.
    pub(crate) fn arrow(what: impl Into<String>) -> impl FnOnce(arrow::error::ArrowError) -> Self {
        let what = what.into();
        move |source| Self::Arrow { what, source }
    }

    /// Wraps a Parquet error with what was being done.
    pub(crate) fn parquet(what: impl Into<String>) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let what = what.into();
        move |source| Self::Arrow { what, source: source.into() }
    }
}
