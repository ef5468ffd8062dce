//! The one writer of a data folder and the readers' door to it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use kernel_model::schema::Table;
use kernel_model::{Change, DatastreamId, EntityId, Observation, PositionFix, Region, Sequence, TimeUs};

use crate::catalog::Catalog;
use crate::commit::{Committed, Gathering};
use crate::delta::{Delta, Fix, Reading};
use crate::entities::{DatastreamInfo, Present, PresentEntity};
use crate::error::Error;
use crate::latest::Latest;
use crate::log::{self, Log, TornTail};
use crate::manifest::Manifest;
use crate::memtable::Memtable;
use crate::record::{self, TableBatches};
use crate::rows::{read_observations, read_positions};
use crate::sampler::Sampler;
use crate::seal::Sealing;
use crate::segment::{self, SegmentMeta, SegmentRef};
use crate::snapshot::{Snapshot, TableView};
use crate::{content, duplicates};

/// How a store behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Unsealed rows at which sealing begins.
    pub seal_rows: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seal_rows: 1 << 20 }
    }
}

/// What opening found.
#[derive(Debug, Clone, Default)]
pub struct Opened {
    /// Whether the folder was made anew.
    pub created: bool,
    /// The last commit.
    pub sequence: Sequence,
    /// Commits read back from the log.
    pub replayed: u64,
    /// Unacknowledged bytes cut from the log.
    pub torn: Option<TornTail>,
}

/// The present city, shared between the writer and readers.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) catalog: Catalog,
    pub(crate) present: Present,
    pub(crate) latest: Latest,
    pub(crate) contents: HashSet<([u8; 32], EntityId)>,
}

impl Live {
    /// Takes in rows that are durable.
    fn learn(&mut self, table: Table, batch: &RecordBatch) {
        match table {
            Table::Entities => {
                self.catalog.learn_entities(batch);
                self.present.learn(batch);
            }
            Table::Datastreams => self.catalog.learn_datastreams(batch),
            Table::Contents => {
                let (digest, entity) = (batch.column(0).as_fixed_size_binary(), batch.column(1).as_fixed_size_binary());
                self.contents.extend((0..batch.num_rows()).filter_map(|row| {
                    Some((digest.value(row).try_into().ok()?, EntityId::from_slice(entity.value(row))?))
                }));
            }
            Table::Observations | Table::Positions => self.latest.learn(table, batch),
            Table::Rejected => {}
        }
    }

    /// Takes in the rows of a commit and says what is new in the present city.
    fn learn_commit(&mut self, sequence: Sequence, batches: &TableBatches) -> Delta {
        let mut delta = Delta { sequence, ..Delta::default() };
        for (table, batch) in batches {
            match table {
                Table::Observations => read_observations(batch, |datastream, observation| {
                    let entity = self.catalog.by_id.get(&datastream).map(|info| info.entity);
                    if let Some(entity) = entity.filter(|_| self.latest.reading(datastream, observation)) {
                        delta.readings.push(Reading { entity, datastream, observation });
                    }
                }),
                Table::Positions => read_positions(batch, |entity, fix| {
                    if self.latest.fix(entity, fix) {
                        delta.fixes.push(Fix { entity, fix });
                    }
                }),
                Table::Entities => {
                    self.learn(*table, batch);
                    let ids = batch.column(0).as_fixed_size_binary();
                    delta.entities.extend((0..batch.num_rows()).filter_map(|row| EntityId::from_slice(ids.value(row))));
                }
                other => self.learn(*other, batch),
            }
        }
        delta
    }
}

/// Tables whose sealed rows stay in memory.
fn resident(table: Table) -> bool {
    matches!(table, Table::Entities | Table::Datastreams | Table::Contents)
}

/// The writer. One process holds it for a data folder; it belongs to one task.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    options: Options,
    log: Log,
    manifest: Manifest,
    sequence: Sequence,
    memtables: [Memtable; Table::ALL.len()],
    sealed_in_memory: [Vec<RecordBatch>; Table::ALL.len()],
    sealing: Option<Sealing>,
    reader: Reader,
    sampler: Sampler,
    _lock: File,
}

/// The readers' door: clones are cheap and may go to any thread.
#[derive(Debug, Clone)]
pub struct Reader {
    live: Arc<RwLock<Live>>,
    snapshot: Arc<RwLock<Snapshot>>,
}

/// Everything read from a data folder.
struct Loaded {
    manifest: Manifest,
    live: Live,
    memtables: [Memtable; Table::ALL.len()],
    sealed_in_memory: [Vec<RecordBatch>; Table::ALL.len()],
    opened: Opened,
    log: Option<(PathBuf, u64)>,
}

fn load(dir: &Path) -> Result<Loaded, Error> {
    let manifest = Manifest::read(dir)?;
    let mut live = Live::default();
    let mut sealed_in_memory: [Vec<RecordBatch>; Table::ALL.len()] = Default::default();
    for meta in &manifest.segments {
        let Some(table) = Table::ALL.into_iter().find(|t| t.name() == meta.table && resident(*t)) else { continue };
        for batch in segment::read(&dir.join("segments").join(&meta.file), table, None)? {
            live.learn(table, &batch);
            sealed_in_memory[table as usize].push(batch);
        }
    }
    if let Some(file) = &manifest.latest {
        live.latest = Latest::read(&dir.join(file))?;
    }
    let mut memtables: [Memtable; Table::ALL.len()] = Default::default();
    let mut opened = Opened { sequence: manifest.sealed, ..Opened::default() };
    let files = log::files(&dir.join("log"))?;
    let mut last = None;
    for (n, path) in files.iter().enumerate() {
        let replayed = log::replay(path, n + 1 == files.len(), |sequence, payload| {
            if sequence <= manifest.sealed {
                return Ok(());
            }
            for (table, batch) in record::decode(payload)? {
                live.learn(table, &batch);
                memtables[table as usize].push(batch).map_err(Error::arrow("read the log back"))?;
            }
            opened.sequence = sequence;
            opened.replayed += 1;
            Ok(())
        })?;
        opened.torn = replayed.torn;
        last = Some((path.clone(), replayed.len));
    }
    Ok(Loaded { manifest, live, memtables, sealed_in_memory, opened, log: last })
}

fn view(
    dir: &Path,
    manifest: &Manifest,
    sequence: Sequence,
    live: &Live,
    rows: impl Fn(Table) -> Vec<RecordBatch>,
) -> Snapshot {
    let tables = Table::ALL.map(|table| {
        let of_table = manifest.segments.iter().filter(|meta| meta.table == table.name() && !resident(table));
        let segments = of_table.map(|meta| reference(dir, meta)).collect();
        Arc::new(TableView { batches: if table == Table::Entities { Vec::new() } else { rows(table) }, segments })
    });
    Snapshot { sequence, dir: dir.to_owned(), tables, entities: Arc::new(live.present.revisions()) }
}

fn reference(dir: &Path, meta: &SegmentMeta) -> SegmentRef {
    SegmentRef { path: dir.join("segments").join(&meta.file), rows: meta.rows, time_us: meta.time_us }
}

impl Store {
    /// Opens a data folder for writing, making it where there is none, and reads back what the log holds.
    ///
    /// # Errors
    /// Where another process writes there, or bytes are damaged.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Opened), Error> {
        let created = !dir.join("log").exists();
        for folder in ["log", "segments", "content"] {
            let folder = dir.join(folder);
            fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        }
        let lock = lock(dir)?;
        let loaded = load(dir)?;
        let sequence = loaded.opened.sequence;
        let log = match loaded.log {
            Some((path, len)) if len > 0 => Log::resume(&dir.join("log"), path, len)?,
            _ => Log::create(&dir.join("log"), Sequence(sequence.0 + 1))?,
        };
        let rows = |table: Table| gather(&loaded.sealed_in_memory, &[], &loaded.memtables, table);
        let snapshot = view(dir, &loaded.manifest, sequence, &loaded.live, rows);
        let reader = Reader { live: Arc::new(RwLock::new(loaded.live)), snapshot: Arc::new(RwLock::new(snapshot)) };
        let mut store = Self {
            dir: dir.to_owned(),
            options,
            log,
            manifest: loaded.manifest,
            sequence,
            memtables: loaded.memtables,
            sealed_in_memory: loaded.sealed_in_memory,
            sealing: None,
            reader,
            sampler: Sampler::default(),
            _lock: lock,
        };
        store.remove_orphans()?;
        Ok((store, Opened { created, ..loaded.opened }))
    }

    /// The readers' door.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Makes groups of changes durable as one commit and visible to readers. When this returns, they survive a power
    /// cut; when it fails, nothing of them is there.
    ///
    /// # Errors
    /// Where the log cannot be written; records that are wrong in themselves are no error but stand in the outcome.
    pub fn commit(&mut self, groups: Vec<Vec<Change>>) -> Result<Committed, Error> {
        self.finish_sealing(false)?;
        let sequence = Sequence(self.sequence.0 + 1);
        let (batches, outcomes) = self.resolve(groups, sequence)?;
        if batches.is_empty() {
            return Ok(Committed { sequence: self.sequence, outcomes, delta: Delta::default() });
        }
        self.log.append(sequence, &record::encode(&batches)?)?;
        self.sequence = sequence;
        let delta = self.reader.write_live().learn_commit(sequence, &batches);
        let described = batches.iter().any(|(table, _)| *table == Table::Entities);
        for (table, batch) in batches {
            self.memtables[table as usize].push(batch).map_err(Error::arrow("apply a commit"))?;
        }
        self.publish(described);
        if self.memtables.iter().map(Memtable::rows).sum::<usize>() >= self.options.seal_rows {
            self.begin_sealing()?;
        }
        Ok(Committed { sequence, outcomes, delta })
    }

    fn resolve(
        &mut self,
        groups: Vec<Vec<Change>>,
        sequence: Sequence,
    ) -> Result<(TableBatches, Vec<crate::commit::Outcome>), Error> {
        let (reader, now) = (self.reader.clone(), TimeUs::now());
        let live = reader.live();
        let mut gathering = Gathering::new(&live.0);
        for group in groups {
            gathering.begin_group();
            for change in group {
                gathering.take(change, |bytes| content::keep(&self.dir, bytes).map(|id| id.0))?;
            }
        }
        duplicates::settle(&mut gathering, &reader.snapshot())?;
        gathering.sample(&mut self.sampler, now);
        gathering.finish(sequence, now)
    }

    fn publish(&self, described: bool) {
        let sealing = self.sealing.as_ref().map(Sealing::rows).unwrap_or_default();
        let live = self.reader.live();
        let old = self.reader.snapshot();
        let rows = |table: Table| gather(&self.sealed_in_memory, sealing, &self.memtables, table);
        let tables = Table::ALL.map(|table| {
            let of_table = self.manifest.segments.iter().filter(|meta| meta.table == table.name() && !resident(table));
            let segments = of_table.map(|meta| reference(&self.dir, meta)).collect();
            Arc::new(TableView { batches: if table == Table::Entities { Vec::new() } else { rows(table) }, segments })
        });
        let entities = if described { Arc::new(live.0.present.revisions()) } else { old.entities };
        let snapshot = Snapshot { sequence: self.sequence, dir: self.dir.clone(), tables, entities };
        *self.reader.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    /// Freezes the memtables and hands them to a background thread; a new log file takes what comes next.
    fn begin_sealing(&mut self) -> Result<(), Error> {
        if self.sealing.is_some() {
            return Ok(());
        }
        let log = Log::create(self.log.dir(), Sequence(self.sequence.0 + 1))?;
        self.log = log;
        let frozen = Table::ALL.map(|table| self.memtables[table as usize].take());
        let latest = self.reader.live().0.latest.clone();
        self.sealing =
            Some(Sealing::begin(self.dir.clone(), self.sequence, self.manifest.generation + 1, frozen, latest));
        Ok(())
    }

    /// Takes over what the background thread has written; waits for it where `wait` says so.
    fn finish_sealing(&mut self, wait: bool) -> Result<(), Error> {
        let Some(sealing) = self.sealing.take_if(|sealing| wait || sealing.is_done()) else { return Ok(()) };
        let sealed = sealing.finish()?;
        let old_latest = self.manifest.latest.replace(sealed.latest);
        self.manifest.generation += 1;
        self.manifest.sealed = sealed.sequence;
        self.manifest.segments.extend(sealed.segments);
        self.manifest.write(&self.dir)?;
        for (kept, frozen) in self
            .sealed_in_memory
            .iter_mut()
            .zip(Table::ALL)
            .zip(sealed.rows)
            .filter_map(|((kept, table), frozen)| resident(table).then_some((kept, frozen)))
        {
            kept.extend(frozen);
        }
        self.publish(false);
        self.remove_old_logs()?;
        if let Some(old) = old_latest {
            let path = self.dir.join(old);
            fs::remove_file(&path).map_err(Error::io(&path))?;
        }
        Ok(())
    }

    /// Writes everything that is not sealed yet into segments and waits for it.
    ///
    /// # Errors
    /// Where a file cannot be written; nothing is lost, the log still holds the rows.
    pub fn seal(&mut self) -> Result<(), Error> {
        self.finish_sealing(true)?;
        if self.memtables.iter().any(|memtable| memtable.rows() > 0) {
            self.begin_sealing()?;
            self.finish_sealing(true)?;
        }
        Ok(())
    }

    /// Log files all of whose commits are sealed go.
    fn remove_old_logs(&self) -> Result<(), Error> {
        let files = log::files(self.log.dir())?;
        for pair in files.windows(2) {
            let next_first = pair[1].file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse::<u64>().ok());
            if next_first.is_some_and(|first| first <= self.manifest.sealed.0 + 1) {
                fs::remove_file(&pair[0]).map_err(Error::io(&pair[0]))?;
            }
        }
        Ok(())
    }

    /// Files that a crash left beside the manifest go.
    fn remove_orphans(&mut self) -> Result<(), Error> {
        let folder = self.dir.join("segments");
        for entry in fs::read_dir(&folder).map_err(Error::io(&folder))? {
            let path = entry.map_err(Error::io(&folder))?.path();
            let named = path.file_name().and_then(|n| n.to_str());
            if !self.manifest.segments.iter().any(|meta| Some(meta.file.as_str()) == named) {
                tracing::warn!(path = %path.display(), "removing a segment that was never finished");
                fs::remove_file(&path).map_err(Error::io(&path))?;
            }
        }
        Ok(())
    }
}

fn gather(
    sealed: &[Vec<RecordBatch>; Table::ALL.len()],
    sealing: &[Vec<RecordBatch>],
    memtables: &[Memtable; Table::ALL.len()],
    table: Table,
) -> Vec<RecordBatch> {
    let at = table as usize;
    let frozen = sealing.get(at).map(Vec::as_slice).unwrap_or_default();
    [sealed[at].as_slice(), frozen, memtables[at].batches()].concat()
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("LOCK");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Locked(dir.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(Error::Io { path, source }),
    }
}

/// A glance at the present city. Hold it shortly: the writer waits for it.
#[derive(Debug)]
pub struct LiveView<'a>(pub(crate) RwLockReadGuard<'a, Live>);

impl LiveView<'_> {
    /// The newest revision of an id, retired ones too.
    pub fn entity(&self, id: &EntityId) -> Option<&PresentEntity> {
        self.0.present.get(id)
    }

    /// The whole row of an entity, in the schema of `entities`.
    pub fn entity_row(&self, entity: &PresentEntity) -> RecordBatch {
        self.0.present.row(entity)
    }

    /// Everything present, in the order in which it was first seen.
    pub fn entities(&self) -> impl Iterator<Item = &PresentEntity> {
        self.0.present.iter()
    }

    /// Everything present whose box meets the region, in the order in which it was first seen.
    pub fn entities_in(&self, region: &Region) -> Vec<&PresentEntity> {
        self.0.present.in_region(region)
    }

    /// A datastream.
    pub fn datastream(&self, id: DatastreamId) -> Option<&DatastreamInfo> {
        self.0.catalog.by_id.get(&id).map(Arc::as_ref)
    }

    /// The datastreams of a thing.
    pub fn datastreams_of(&self, entity: &EntityId) -> &[DatastreamId] {
        self.0.catalog.by_entity.get(entity).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether anything of a dataset is present.
    pub fn knows_dataset(&self, dataset: &str) -> bool {
        self.0.catalog.datasets.contains(dataset)
    }

    /// Number of datastreams.
    pub fn datastream_count(&self) -> usize {
        self.0.catalog.by_id.len()
    }

    /// The newest reading of a datastream.
    pub fn reading(&self, datastream: DatastreamId) -> Option<Observation> {
        self.0.latest.readings.get(&datastream).copied()
    }

    /// The newest fix of a thing.
    pub fn fix(&self, entity: &EntityId) -> Option<PositionFix> {
        self.0.latest.fixes.get(entity).copied()
    }
}

impl Reader {
    /// Opens a data folder for reading only; another process may be writing there.
    ///
    /// # Errors
    /// Where there is no data folder or bytes are damaged.
    pub fn open(dir: &Path) -> Result<(Self, Opened), Error> {
        if !dir.join("log").exists() {
            return Err(Error::Missing(dir.display().to_string()));
        }
        let loaded = load(dir)?;
        let rows = |table: Table| gather(&loaded.sealed_in_memory, &[], &loaded.memtables, table);
        let snapshot = view(dir, &loaded.manifest, loaded.opened.sequence, &loaded.live, rows);
        let reader = Self { live: Arc::new(RwLock::new(loaded.live)), snapshot: Arc::new(RwLock::new(snapshot)) };
        Ok((reader, loaded.opened))
    }

    /// The store as of its last commit.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A glance at the present city.
    pub fn live(&self) -> LiveView<'_> {
        LiveView(self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write_live(&self) -> std::sync::RwLockWriteGuard<'_, Live> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rows of the table `entities` recorded after a commit, oldest first: what the ledger still has to register.
pub fn entity_rows_after(snapshot: &Snapshot, after: Sequence) -> Vec<RecordBatch> {
    let mut rows = Vec::new();
    for (batch, _) in snapshot.entities() {
        let sequences = batch.column(1).as_primitive::<UInt64Type>().values();
        let from = sequences.partition_point(|sequence| *sequence <= after.0);
        if from < batch.num_rows() {
            rows.push(batch.slice(from, batch.num_rows() - from));
        }
    }
    rows
}
