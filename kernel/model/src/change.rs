//! What flows from connectors to the ingest task: one [`Change`] after the other, and word of what was refused.

use std::sync::Arc;

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

/// The file that changes come from. A dataset may be of several files, and a thing in several of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The dataset, as in the source keys of its things.
    pub dataset: Arc<str>,
    /// What the file is called, the same at every import: its name, with the layer where one of several was read.
    pub file: Arc<str>,
}

/// What becomes of things that a file did not name again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// They stay: the file is a part of what there is.
    Nothing,
    /// Those that this file held before, and that no other file of the dataset holds, are gone.
    OfFile,
    /// Whatever else the dataset has is gone: the file is all of it.
    OfDataset,
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
    /// What follows in the same group was read from this file.
    Origin(Origin),
    /// The file has a thing that could not be taken in as it stands there: it is not gone.
    Mention(SourceKey),
    /// The file was read to its end.
    Ended {
        /// What becomes of things that it did not name.
        removal: Removal,
        /// Since when they are gone.
        at: TimeUs,
    },
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

impl Change {
    /// Bytes of memory that it holds, about: the other measure of batches, where single changes can be large.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Self::Entity(draft) => draft.memory_bytes(),
            Self::Succession(succession) => succession.successors.iter().map(EntityDraft::memory_bytes).sum(),
            Self::Content(content) => content.bytes.len(),
            Self::Rejected(rejection) => rejection.reason.len() + rejection.sample.len(),
            other => other.row_count() * 64,
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

    /// Takes word that the input has a thing whose record was refused. Who keeps no account of what is gone ignores it.
    ///
    /// # Errors
    /// As of [`Sink::change`].
    fn mention(&mut self, source: SourceKey) -> Result<(), SinkError> {
        let _ = source;
        Ok(())
    }

    /// Told now and then how many bytes of the input were read, for a progress bar.
    fn progress(&mut self, bytes_read: u64) {
        let _ = bytes_read;
    }
}
