//! What flows from connectors to the ingest task: one [`Change`] after the other, and word of what was refused.

use serde::{Deserialize, Serialize};

use crate::columns::{FixColumns, ReadingColumns};
use crate::entity::EntityDraft;
use crate::id::SourceKey;
use crate::observation::{DatastreamDraft, ObservationBatch, PositionBatch};
use crate::time::TimeUs;

/// Bytes kept whole: a point cloud, a mesh, an image. Its id is the hash of the bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContentDraft {
    /// The thing it shows.
    pub entity: SourceKey,
    /// IANA media type.
    pub media_type: String,
    /// File name or other label.
    pub name: String,
    /// The bytes.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// A record that could not be taken in: where it stood, why, and a sample of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// File name, topic or peer.
    pub source: String,
    /// Where in it: `line 17`, `CityObjects/x`, `way 1234`.
    pub place: String,
    /// What is wrong and what to do.
    pub reason: String,
    /// The first bytes of the record, as text.
    pub sample: String,
}

/// Things that become other things: one into several (a split), several into one (a merge), or several into several.
/// It is taken whole or refused whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Succession {
    /// What ends at the instant: known things that are there until then.
    pub predecessors: Vec<SourceKey>,
    /// What comes of them, each described; a description without a beginning begins at the instant.
    pub successors: Vec<EntityDraft>,
    /// When.
    pub at: TimeUs,
}

/// How things came of other things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Descent {
    /// One thing became several.
    Split,
    /// Several things became one.
    Merge,
    /// One took the place of one, or several of several.
    Replace,
}

impl Descent {
    /// What it is when so many things become so many.
    pub const fn of(predecessors: usize, successors: usize) -> Self {
        match (predecessors, successors) {
            (1, 2..) => Self::Split,
            (2.., 1) => Self::Merge,
            _ => Self::Replace,
        }
    }

    /// Name in SQL and on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Merge => "merge",
            Self::Replace => "replace",
        }
    }
}

/// One thing to write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// Describe a thing, new or known.
    Entity(EntityDraft),
    /// A thing is gone since the instant.
    Retire {
        /// Which thing.
        source: SourceKey,
        /// Since when.
        at: TimeUs,
    },
    /// Things become other things.
    Succession(Succession),
    /// Declare a datastream, new or known.
    Datastream(DatastreamDraft),
    /// Values of a declared datastream.
    Observations(ObservationBatch),
    /// Fixes of a declared thing.
    Positions(PositionBatch),
    /// Values of any declared datastreams, column by column.
    Readings(ReadingColumns),
    /// Fixes of any declared things, column by column.
    Fixes(FixColumns),
    /// Keep bytes whole.
    Content(ContentDraft),
    /// Keep word of a refused record in the table `rejected`.
    Rejected(Rejection),
}

impl Change {
    /// Rows it will write: the measure of queues and batches.
    pub fn row_count(&self) -> usize {
        match self {
            Self::Observations(batch) => batch.rows.len(),
            Self::Positions(batch) => batch.rows.len(),
            Self::Readings(columns) => columns.len(),
            Self::Fixes(columns) => columns.len(),
            Self::Succession(succession) => succession.predecessors.len() + succession.successors.len(),
            _ => 1,
        }
    }
}

/// Why a sink takes no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// Where a connector puts what it reads. A slow sink slows the connector: that is the flow control.
pub trait Sink {
    /// Takes one change.
    ///
    /// # Errors
    /// Where nothing more can be taken; the connector then stops.
    fn change(&mut self, change: Change) -> Result<(), SinkError>;

    /// Takes word of a refused record; the rest goes on.
    fn refused(&mut self, rejection: Rejection);

    /// Told now and then how many bytes of the input were read, for a progress bar.
    fn progress(&mut self, bytes_read: u64) {
        let _ = bytes_read;
    }
}
