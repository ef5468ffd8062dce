//! Why a file as a whole could not be taken in. Each message is one line that says what to pass or to do; whoever
//! stages the changes of a file throws them away on any of these. A single bad record is no error of this sort: it goes
//! to [`kernel_model::Sink::refused`] and the rest of the file goes in.

use kernel_model::SinkError;

use crate::crs::CrsError;
use crate::table::MappingError;

/// What failed on which file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("{file}: cannot be read: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The content is of no known format.
    #[error(
        "{file}: {found}; give CityJSON, CityGML, GeoJSON, GeoPackage, Shapefile, FlatGeobuf, GeoParquet, OSM PBF or XML, GTFS, LAS/LAZ, terrain, changes, or CSV or Parquet with --mapping"
    )]
    Foreign {
        /// The file.
        file: String,
        /// What it looks like.
        found: String,
    },
    /// The file ends in the middle.
    #[error("{file}: ends too early ({detail}); fetch it again, nothing of it was taken in")]
    Truncated {
        /// The file.
        file: String,
        /// Where and what was expected.
        detail: String,
    },
    /// The format's outer shape is broken, so that no record can be trusted.
    #[error("{file}: {place}: {reason}; nothing of it was taken in")]
    Malformed {
        /// The file.
        file: String,
        /// Where in it.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// Neither the file nor the caller states a coordinate reference system.
    #[error("{file}: states no coordinate reference system; pass --crs, such as --crs EPSG:31256")]
    NoCrs {
        /// The file.
        file: String,
    },
    /// The coordinate reference system stated cannot be used.
    #[error("{file}: {source}")]
    Crs {
        /// The file.
        file: String,
        /// Which and why.
        source: CrsError,
    },
    /// An option does not fit.
    #[error("{option}: {reason}")]
    Option {
        /// The option as the command line names it.
        option: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// A table came without a mapping.
    #[error("{file}: a table needs --mapping: beijing-air, geolife, or a TOML file that names its columns")]
    NoMapping {
        /// The file.
        file: String,
    },
    /// The mapping cannot be used.
    #[error("mapping {0}")]
    Mapping(#[from] MappingError),
    /// The receiver takes no more.
    #[error("{0}")]
    Sink(#[from] SinkError),
}

impl Error {
    /// An error of reading: an early end of the bytes or of a gzip stream is [`Error::Truncated`].
    pub(crate) fn from_io(file: &str, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                Self::Truncated { file: file.to_owned(), detail: "the bytes stop in the middle of a record".to_owned() }
            }
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
                Self::Malformed { file: file.to_owned(), place: "stream".to_owned(), reason: source.to_string() }
            }
            _ => Self::Io { file: file.to_owned(), source },
        }
    }

    /// An error of JSON: an early end is [`Error::Truncated`], the rest [`Error::Malformed`].
    pub(crate) fn from_json(file: &str, place: &str, source: serde_json::Error) -> Self {
        let at = format!("{place}line {} column {}", source.line(), source.column());
        match source.classify() {
            serde_json::error::Category::Eof => Self::Truncated { file: file.to_owned(), detail: at },
            serde_json::error::Category::Io => Self::from_io(file, source.into()),
            _ => Self::Malformed { file: file.to_owned(), place: at, reason: source.to_string() },
        }
    }
}
