//! One consistent view of everything committed up to a sequence number. Cheap to make and to clone; it never changes
//! and never makes the writer wait.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use kernel_model::schema::Table;
use kernel_model::{ContentId, DatastreamId, EntityId, Observation, Places, PositionFix, Sequence, Span, TimeUs};

use crate::entity_boxes::EntityBoxes;
use crate::error::Error;
use crate::history::History;
use crate::latest::SealedLatest;
use crate::memtable;
use crate::parts::{self, Asked, ColumnCache, Part, SegmentRef, mapped};
use crate::sight::{Eye, Seen, Sieve};

/// The store as of one commit.
#[derive(Debug, Clone)]
pub struct Snapshot {
    sequence: Sequence,
    dir: PathBuf,
    parts: [Arc<Vec<Part>>; Table::ALL.len()],
    pub(crate) entities: Arc<History>,
    pub(crate) known_until: Option<TimeUs>,
    pub(crate) latest: SealedLatest,
    cache: Arc<ColumnCache>,
    /// What it is seen through, where that is not everything.
    pub(crate) seen: Option<Arc<Seen>>,
}

/// What a store uses memory for, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// Rows that are not sealed yet.
    pub unsealed_rows: u64,
    /// Rows of tables that stay in memory: revisions of things that are not sealed, datastreams, contents.
    pub resident_rows: u64,
    /// Revisions of things in files that are mapped: the system's cache, which it takes back where memory is short.
    pub mapped_rows: u64,
    /// Zone maps and trees of boxes that were asked.
    pub zone_maps: u64,
    /// Latest values by the last sealed commit.
    pub latest_values: u64,
    /// Decoded columns of sealed files.
    pub columns: u64,
    /// The most that decoded columns may have.
    pub columns_budget: u64,
}

impl Snapshot {
    /// A view of these parts; rows of `entities` come apart.
    pub(crate) fn new(
        dir: &Path,
        sequence: Sequence,
        parts: impl Fn(Table) -> Vec<Part>,
        entities: Arc<History>,
        latest: SealedLatest,
        cache: Arc<ColumnCache>,
    ) -> Self {
        let parts = Table::ALL.map(|table| match table {
            Table::Entities => Arc::default(),
            _ => Arc::new(parts(table)),
        });
        Self { sequence, dir: dir.to_owned(), parts, entities, known_until: None, latest, cache, seen: None }
    }

    /// The same with less known.
    pub(crate) fn with_history(self, entities: History, known_until: TimeUs) -> Self {
        Self { entities: Arc::new(entities), known_until: Some(known_until), ..self }
    }

    /// The same as somebody sees it. It must come before [`Snapshot::known_at`]: what is secret now was public once.
    pub(crate) fn seen_by(mut self, sieve: &Sieve) -> Self {
        let things = sieve.things(&self.entities);
        let (tables, seen) = sieve.tables(&things, &self.parts);
        self.entities = things.seen.clone();
        for (table, parts) in tables {
            self.parts[table as usize] = parts;
        }
        Self { seen: Some(Arc::new(seen)), ..self }
    }

    /// Whether it shows everything, as it is.
    pub fn is_whole(&self) -> bool {
        self.seen.is_none()
    }

    /// Whether nothing is told to be elsewhere than it is.
    pub fn has_exact_places(&self) -> bool {
        self.seen.as_ref().is_none_or(|seen| seen.sight.places() == Places::Exact)
    }

    /// Looks at rows of the large tables (readings, their summaries, fixes), which are in [`Snapshot::parts`] whether they are
    /// seen or not; `None`: all of them are seen as they are.
    pub fn eye(&self) -> Option<Eye> {
        self.seen.clone().map(Eye::new)
    }

    /// Whether a thing is seen. Where everything is, whether it is known makes no difference.
    pub fn sees_thing(&self, id: &EntityId) -> bool {
        self.seen.as_ref().is_none_or(|seen| seen.sees_thing(id))
    }

    /// Whether a datastream is seen.
    pub fn sees_datastream(&self, id: DatastreamId) -> bool {
        self.seen.as_ref().is_none_or(|seen| seen.sees_datastream(id))
    }

    /// The last commit it shows.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The last commit whose rows are sealed: of later ones all rows are in memory.
    pub fn sealed_through(&self) -> Sequence {
        self.latest.through
    }

    /// The parts of a table, sealed ones first; those of `entities` are [`Snapshot::entities`].
    pub fn parts(&self, table: Table) -> &[Part] {
        &self.parts[table as usize]
    }

    /// Rows held in memory, in the table's schema.
    pub fn batches(&self, table: Table) -> Vec<RecordBatch> {
        match table {
            Table::Entities => self.entities.rows.iter().map(|(batch, _)| batch.clone()).collect(),
            other => memtable::batches(self.parts(other)),
        }
    }

    /// Sealed Parquet files whose rows are not in memory, in the table's schema.
    pub fn segments(&self, table: Table) -> Vec<SegmentRef> {
        self.parts(table).iter().filter_map(Part::segment).map(parts::Segment::reference).collect()
    }

    /// All revisions of all entities with a mask of those present: the last state of each id, unless retired.
    pub fn entities(&self) -> &[(RecordBatch, BooleanArray)] {
        &self.entities.rows
    }

    /// The boxes of [`Snapshot::entities`], batch by batch; a row's box may be that of a revision that is not to be seen.
    pub fn entity_boxes(&self) -> &[Arc<EntityBoxes>] {
        &self.entities.boxes
    }

    /// Number of rows in memory and sealed; of readings, their summaries and fixes 0 where not everything is seen.
    pub fn row_count(&self, table: Table) -> u64 {
        let rows: usize = match table {
            table if self.seen.is_some() && !memtable::resident(table) => 0,
            Table::Entities => self.entities.rows.iter().map(|(batch, _)| batch.num_rows()).sum(),
            other => self.parts(other).iter().map(Part::rows).sum(),
        };
        rows as u64
    }

    /// The newest readings of a datastream within a stretch of time, oldest first; of one instant the last one stands.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn newest_readings(
        &self,
        datastream: DatastreamId,
        valid: Option<Span>,
        limit: usize,
    ) -> Result<Vec<Observation>, Error> {
        if !self.sees_datastream(datastream) {
            return Ok(Vec::new());
        }
        let asked = Asked { valid: valid.unwrap_or_default(), known: self.known_until, limit };
        parts::newest_readings(self.parts(Table::Observations), datastream, asked)
    }

    /// The newest fix of a moving thing within a stretch of time.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn newest_fix(&self, entity: &EntityId, valid: Option<Span>) -> Result<Option<PositionFix>, Error> {
        let asked = Asked { valid: valid.unwrap_or_default(), known: self.known_until, limit: 1 };
        Ok(parts::newest_fix(self.parts(Table::Positions), entity, asked)?.and_then(|fix| self.shown(entity, fix)))
    }

    /// A fix as it is seen.
    pub(crate) fn shown(&self, entity: &EntityId, fix: PositionFix) -> Option<PositionFix> {
        match &self.seen {
            None => Some(fix),
            Some(seen) => seen.fix(entity, fix),
        }
    }

    /// What memory is used for.
    pub fn memory(&self) -> MemoryUse {
        let bytes = |rows: &RecordBatch| rows.get_array_memory_size() as u64;
        let things = || self.entities.rows.iter().map(|(rows, _)| rows).zip(&self.entities.mapped);
        let entities: u64 = things().filter(|(_, mapped)| !**mapped).map(|(rows, _)| bytes(rows)).sum();
        let mapped = things().filter(|(_, mapped)| **mapped).map(|(rows, _)| mapped::bytes_of(rows) as u64).sum();
        let mut used = MemoryUse {
            resident_rows: entities,
            mapped_rows: mapped,
            latest_values: self.latest.memory_bytes(),
            columns: self.cache.held_bytes(),
            columns_budget: self.cache.budget_bytes(),
            ..MemoryUse::default()
        };
        used.zone_maps += self.entities.boxes.iter().map(|boxes| boxes.memory_bytes() as u64).sum::<u64>();
        for table in Table::ALL {
            let rows = self.batches(table).iter().map(bytes).sum::<u64>();
            match memtable::resident(table) {
                true if table == Table::Entities => {}
                true => used.resident_rows += rows,
                false => used.unsealed_rows += rows,
            }
            used.zone_maps += self.parts(table).iter().map(|part| part.zone_map_bytes() as u64).sum::<u64>();
        }
        used
    }

    /// Where the bytes of a content object lie.
    pub fn content_path(&self, id: &ContentId) -> PathBuf {
        crate::content::path(&self.dir, id)
    }

    /// The bytes of a content object; none where there is no such object.
    ///
    /// # Errors
    /// Where it cannot be read, or is not as it was given.
    pub fn content(&self, id: &ContentId) -> Result<Option<Vec<u8>>, Error> {
        if !self.is_whole() && !self.names_content(id) {
            return Ok(None);
        }
        crate::content::read(&self.dir, id)
    }

    /// Whether a thing that is seen has the object.
    fn names_content(&self, id: &ContentId) -> bool {
        let names = |batch: &RecordBatch| {
            let digests = batch.column(0).as_fixed_size_binary();
            (0..batch.num_rows()).any(|row| digests.value(row) == id.0)
        };
        self.batches(Table::Contents).iter().any(names)
    }

    /// The data folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}
