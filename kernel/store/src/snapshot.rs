//! One consistent view of everything committed up to a sequence number. Cheap to make and to clone; it never changes
//! and never makes the writer wait.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use kernel_model::schema::Table;
use kernel_model::{ContentId, DatastreamId, Sequence};

use crate::error::Error;
use crate::memtable;
use crate::parts::{Part, SegmentRef, newest};

/// The store as of one commit.
#[derive(Debug, Clone)]
pub struct Snapshot {
    sequence: Sequence,
    dir: PathBuf,
    parts: [Arc<Vec<Part>>; Table::ALL.len()],
    pub(crate) entities: Arc<Vec<(RecordBatch, BooleanArray)>>,
}

impl Snapshot {
    /// A view of these parts; rows of `entities` come apart.
    pub(crate) fn new(
        dir: &Path,
        sequence: Sequence,
        parts: impl Fn(Table) -> Vec<Part>,
        entities: Arc<Vec<(RecordBatch, BooleanArray)>>,
    ) -> Self {
        let parts = Table::ALL.map(|table| match table {
            Table::Entities => Arc::default(),
            _ => Arc::new(parts(table)),
        });
        Self { sequence, dir: dir.to_owned(), parts, entities }
    }

    /// The last commit it shows.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The parts of a table, sealed ones first; those of `entities` are [`Snapshot::entities`].
    pub fn parts(&self, table: Table) -> &[Part] {
        &self.parts[table as usize]
    }

    /// Rows held in memory, in the table's schema.
    pub fn batches(&self, table: Table) -> Vec<RecordBatch> {
        match table {
            Table::Entities => self.entities.iter().map(|(batch, _)| batch.clone()).collect(),
            other => memtable::batches(self.parts(other)),
        }
    }

    /// Sealed Parquet files whose rows are not in memory, in the table's schema.
    pub fn segments(&self, table: Table) -> Vec<SegmentRef> {
        self.parts(table).iter().filter_map(Part::segment).map(|segment| segment.reference()).collect()
    }

    /// All revisions of all entities with a mask of those present: the newest of each id, unless retired.
    pub fn entities(&self) -> &[(RecordBatch, BooleanArray)] {
        &self.entities
    }

    /// Number of rows in memory and sealed.
    pub fn row_count(&self, table: Table) -> u64 {
        let rows: usize = match table {
            Table::Entities => self.entities.iter().map(|(batch, _)| batch.num_rows()).sum(),
            other => self.parts(other).iter().map(Part::rows).sum(),
        };
        rows as u64
    }

    /// The newest readings of a datastream as (UTC microseconds, value), oldest first; of one instant the last one stands.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn newest_readings(&self, datastream: DatastreamId, limit: usize) -> Result<Vec<(i64, f64)>, Error> {
        newest(self.parts(Table::Observations), datastream, limit)
    }

    /// Where the bytes of a content object lie.
    pub fn content_path(&self, id: &ContentId) -> PathBuf {
        crate::content::path(&self.dir, id)
    }

    /// The data folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}
