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
    /// A commit could not be written, and what was written of it could not be cut off again: nothing is written before that
    /// has been done.
    #[error(
        "the log could not be written ({0}), nor put back as it was: writes are refused until it can be; a restart finds the \
         last commit whole or not at all, and giving it again is safe"
    )]
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
    /// An object store is out of reach, or refuses.
    #[error(
        "{place}: the object store does not answer as it should: {why}; what is in the data folder goes on, nothing is lost"
    )]
    Objects {
        /// Which object.
        place: String,
        /// The innermost thing that was said.
        why: String,
    },
    /// An object that a manifest names is not in the object store.
    #[error("{0} is not in the object store, though the manifest names it: restore it from a backup")]
    Gone(String),
    /// No place for segments.
    #[error("`{0}` is no place for segments: give s3://bucket or s3://bucket/prefix")]
    NoStore(String),
    /// Keys and rows would go in the clear.
    #[error(
        "{0} is plain http: give an https endpoint, or, for a server on this machine, set AWS_ALLOW_HTTP=true as well"
    )]
    PlainHttp(String),
    /// Another data folder has its segments there.
    #[error("{0} holds the segments of another data folder: give each folder a prefix of its own")]
    Taken(String),
    /// The object store has seen more than this folder.
    #[error(
        "{url} holds generation {theirs} of the manifest, this data folder has {ours}: it is an old copy of that folder; \
         give it a prefix of its own"
    )]
    Ahead {
        /// Where.
        url: String,
        /// Of the copy there.
        theirs: u64,
        /// Of this folder.
        ours: u64,
    },
    /// No age.
    #[error(
        "`{0}` is no age: give \"ever\", or a number of hours, days, weeks or years (12h, 30d, 8w, 1y); \"none\" for a summary that is not made"
    )]
    NoAge(String),
    /// Ages that make no sense together.
    #[error("{0}")]
    Retention(String),
    /// Rows in bulk of a time whose rows have gone.
    #[error(
        "{table} of before {before} have gone or are not kept, and these begin at {first}: load what is later; nothing was kept"
    )]
    TooOld {
        /// Which table.
        table: &'static str,
        /// The first of them.
        first: kernel_model::TimeUs,
        /// Of before this instant none are taken.
        before: kernel_model::TimeUs,
    },
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

    /// Whether it says that files cannot be changed: a disk that is read-only, or no permission.
    pub fn is_read_only(&self) -> bool {
        let kinds = [io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::PermissionDenied];
        matches!(self, Self::Io { source, .. } if kinds.contains(&source.kind()))
    }

    /// Wraps an I/O error with its path.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    /// Bytes whose length or checksum is not the manifest's.
    pub(crate) fn not_as_named(place: impl Into<PathBuf>) -> Self {
        let what = "its length or checksum is not the manifest's".to_owned();
        Self::Damaged { path: place.into(), at: 0, what }
    }

    /// Wraps an error of an object store with the object's place.
    pub(crate) fn objects(place: &str) -> impl FnOnce(object_store::Error) -> Self + '_ {
        move |error| Self::Objects { place: place.to_owned(), why: innermost(&error) }
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

/// Where a library without keys asks the machine for them.
const MACHINE_KEYS: &str = "169.254.169.254";

/// What began an error; those around it say the same at length.
fn innermost(error: &object_store::Error) -> String {
    if error.to_string().contains(MACHINE_KEYS) {
        return "there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let line = inner.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    // S3 answers in XML, with a code and a sentence.
    let between = |tag: &str| {
        let (_, rest) = line.split_once(&format!("<{tag}>"))?;
        rest.split_once("</").map(|(text, _)| text)
    };
    match (between("Code"), between("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => line.chars().take(300).collect(),
    }
}
