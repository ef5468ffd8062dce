//! One consistent view of everything committed up to a sequence number. Cheap to make and to clone; it never changes
//! and never makes the writer wait.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use kernel_model::schema::Table;
use kernel_model::{ContentId, Sequence};

use crate::manifest::Manifest;
use crate::memtable::resident;
use crate::segment::SegmentRef;

/// One table of a snapshot.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableView {
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) segments: Vec<SegmentRef>,
}

/// The store as of one commit.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) sequence: Sequence,
    pub(crate) dir: PathBuf,
    pub(crate) tables: [Arc<TableView>; Table::ALL.len()],
    pub(crate) entities: Arc<Vec<(RecordBatch, BooleanArray)>>,
}

impl Snapshot {
    /// A view of these rows in memory and of the manifest's segments.
    pub(crate) fn new(
        dir: &Path,
        sequence: Sequence,
        manifest: &Manifest,
        rows: impl Fn(Table) -> Vec<RecordBatch>,
        entities: Arc<Vec<(RecordBatch, BooleanArray)>>,
    ) -> Self {
        let tables = Table::ALL.map(|table| {
            let of_table = manifest.segments.iter().filter(|meta| meta.table == table.name() && !resident(table));
            let segments = of_table.map(|meta| meta.reference(dir)).collect();
            Arc::new(TableView { batches: if table == Table::Entities { Vec::new() } else { rows(table) }, segments })
        });
        Self { sequence, dir: dir.to_owned(), tables, entities }
    }

    /// The last commit it shows.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    fn table(&self, table: Table) -> &TableView {
        &self.tables[table as usize]
    }

    /// Rows held in memory, in the table's schema.
    pub fn batches(&self, table: Table) -> Vec<RecordBatch> {
        match table {
            Table::Entities => self.entities.iter().map(|(batch, _)| batch.clone()).collect(),
            other => self.table(other).batches.clone(),
        }
    }

    /// Sealed Parquet files whose rows are not in memory, in the table's schema.
    pub fn segments(&self, table: Table) -> Vec<SegmentRef> {
        self.table(table).segments.clone()
    }

    /// All revisions of all entities with a mask of those present: the newest of each id, unless retired.
    pub fn entities(&self) -> &[(RecordBatch, BooleanArray)] {
        &self.entities
    }

    /// Number of rows in memory and sealed.
    pub fn row_count(&self, table: Table) -> u64 {
        let view = self.table(table);
        let memory: usize = match table {
            Table::Entities => self.entities.iter().map(|(batch, _)| batch.num_rows()).sum(),
            _ => view.batches.iter().map(RecordBatch::num_rows).sum(),
        };
        memory as u64 + view.segments.iter().map(|segment| segment.rows).sum::<u64>()
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
