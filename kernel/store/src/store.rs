//! The one writer of a data folder: groups of changes come in, become one durable commit, and show in the next snapshot;
//! what was committed is sealed beside it.

mod import;
mod load;
mod retain;
mod tend;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kernel_model::schema::Table;
use kernel_model::{Change, Sequence, TimeUs};

use crate::background::Background;
use crate::clock::Clock;
use crate::commit::{Committed, Gathering, Outcome};
use crate::compact::Compaction;
use crate::disk::Disk;
use crate::error::Error;
use crate::flusher::Durability;
use crate::latest::SealedLatest;
use crate::load::{Opened, is_old, load, open_segment};
use crate::log::Log;
use crate::manifest::Manifest;
use crate::memtable::{Rows, is_resident};
use crate::objects::{self, Access, Objects, SegmentsAt};
use crate::parts::{self, ColumnCache, Part, SegmentMeta};
use crate::reader::Reader;
use crate::record::{self, TableBatches};
use crate::retention::{Pass, Retention};
use crate::sampler::Sampler;
use crate::seal::Sealing;
use crate::snapshot::Snapshot;
use crate::{content, duplicates, tidy};

pub use import::Import;

/// How long the end of a store waits for the object store to follow it.
const FAREWELL: Duration = Duration::from_secs(2);

/// How a store behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// When a commit is safe from a power cut.
    pub durability: Durability,
    /// Unsealed rows at which sealing begins.
    pub seal_rows: usize,
    /// Rows of a segment, about, beyond which compaction begins another one.
    pub segment_rows: u64,
    /// Rows of an import that are written together; an eighth of them goes by the log.
    pub import_rows: usize,
    /// Bytes of rows that a bulk load holds in memory; more go through files.
    pub load_bytes: usize,
    /// Bytes of decoded columns of sealed files that are kept in memory.
    pub cache_bytes: u64,
    /// Where segments are to be.
    pub segments: SegmentsAt,
    /// How the object store is reached, where they are in one.
    pub access: Access,
    /// Bytes of Parquet files of readings and fixes that stay in the data folder where all are in an object store.
    pub folder_bytes: u64,
    /// Through which files are changed.
    pub disk: Disk,
    /// By which commits are recorded.
    pub clock: Clock,
    /// How long rows are kept.
    pub retention: Retention,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            seal_rows: 1 << 20,
            segment_rows: 8 << 20,
            import_rows: 1 << 17,
            load_bytes: 1 << 30,
            cache_bytes: 512 << 20,
            segments: SegmentsAt::default(),
            access: Access::from_env(),
            folder_bytes: 8 << 30,
            disk: Disk::default(),
            clock: Clock::default(),
            retention: Retention::default(),
        }
    }
}

/// The writer. One process holds it for a data folder; it belongs to one task.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    options: Options,
    log: Log,
    manifest: Manifest,
    sequence: Sequence,
    rows: Rows,
    latest: SealedLatest,
    sealing: Option<Background<Sealing>>,
    compaction: Option<Background<Compaction>>,
    retiring: Option<Background<Pass>>,
    look: retain::Look,
    reader: Reader,
    sampler: Sampler,
    cache: Arc<ColumnCache>,
    objects: Objects,
    /// The manifest on disk may be one that was never taken over; the next commit would have its sequence.
    unsettled: bool,
    _lock: File,
}

impl Drop for Store {
    fn drop(&mut self) {
        // What is not done then is done at the next start.
        self.objects.settle(FAREWELL);
    }
}

impl Store {
    /// Opens a data folder for writing, making it where there is none, and reads back what the log holds.
    ///
    /// # Errors
    /// Where another process writes there, or bytes are damaged.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Opened), Error> {
        let created = !dir.join("log").exists();
        for folder in ["log", "segments", "content"] {
            options.disk.create_folder(&dir.join(folder))?;
        }
        let lock = tidy::lock(&options.disk, dir)?;
        let is_to_mend = Manifest::is_to_mend(dir);
        let cache = Arc::new(ColumnCache::new(options.cache_bytes));
        let objects = objects::settle(dir, &options.disk, &options.segments, &options.access)?;
        let loaded = load(dir, &objects, &cache)?;
        let snapshot = loaded.snapshot(dir, &cache);
        let sequence = loaded.opened.sequence;
        let next = Sequence(sequence.0 + 1);
        tidy::empty_logs(&options.disk, &dir.join("log"), next)?;
        let log = match loaded.log.filter(|end| end.len > 0 && end.path.exists()) {
            Some(end) => {
                let mut log = Log::resume(&options.disk, end.path, (end.len, end.next), options.durability)?;
                if end.is_old {
                    log.begin_next(next)?;
                }
                log
            }
            None => Log::create(&options.disk, &dir.join("log"), next, options.durability)?,
        };
        let look = retain::Look::first(options.retention.every);
        let mut store = Self {
            dir: dir.to_owned(),
            options,
            log,
            manifest: loaded.manifest,
            sequence,
            rows: loaded.rows,
            latest: loaded.latest,
            sealing: None,
            compaction: None,
            retiring: None,
            look,
            reader: Reader::new(loaded.live, snapshot),
            sampler: Sampler::default(),
            cache,
            objects,
            unsettled: false,
            _lock: lock,
        };
        if is_to_mend {
            store.replace_manifest(store.manifest.clone())?;
        }
        tidy::orphans(&store.options.disk, dir, &store.manifest);
        store.objects.trim(&store.manifest, store.options.folder_bytes);
        store.renew_old_segments()?;
        Ok((store, Opened { created, ..loaded.opened }))
    }

    /// The readers' door.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Makes groups of changes durable as one commit and visible to readers. When this returns, they survive a power
    /// cut; when it fails, nothing of them is there and the same groups can be given again.
    ///
    /// # Errors
    /// Where the log cannot be written; records that are wrong in themselves are no error but stand in the outcome.
    pub fn commit(&mut self, groups: &[Vec<Change>]) -> Result<Committed, Error> {
        let sequence = Sequence(self.sequence.0 + 1);
        let (batches, outcomes) = self.resolve(groups, sequence)?;
        if batches.is_empty() {
            self.tend();
            return Ok(Committed { sequence: self.sequence, outcomes, ..Committed::default() });
        }
        self.settle_manifest()?;
        self.log.append(sequence, &record::encode(&batches)?)?;
        self.sequence = sequence;
        let (delta, moves) = self.reader.write_live().learn_commit(sequence, &batches);
        self.reader.moving().0.apply(&moves);
        let described = batches.iter().any(|(table, _)| *table == Table::Entities);
        for (table, batch) in &batches {
            self.rows.unsealed[*table as usize].push(batch.clone())?;
        }
        self.publish(described);
        self.tend();
        Ok(Committed { sequence, outcomes, delta, rows: batches, past_log: false })
    }

    fn now(&self) -> TimeUs {
        self.reader.live().whole().next_recorded(self.options.clock.now())
    }

    fn resolve(&mut self, groups: &[Vec<Change>], sequence: Sequence) -> Result<(TableBatches, Vec<Outcome>), Error> {
        let (reader, now) = (self.reader.clone(), self.now());
        let (live, snapshot) = (reader.live(), reader.snapshot());
        let mut gathering = Gathering::new(live.whole(), &snapshot, now, self.limits(now));
        for group in groups {
            gathering.begin_group();
            for change in group {
                gathering.take(change, |bytes| content::keep(&self.options.disk, &self.dir, bytes).map(|id| id.0))?;
            }
        }
        duplicates::settle(&mut gathering, &snapshot)?;
        gathering.sample(&mut self.sampler, now);
        gathering.finish(sequence, now)
    }

    /// Makes sure that the manifest on disk is the one in memory.
    fn settle_manifest(&mut self) -> Result<(), Error> {
        if self.unsettled {
            self.replace_manifest(self.manifest.clone())?;
            self.unsettled = false;
        }
        Ok(())
    }

    /// Takes away what the manifest makes needless.
    fn tidy_up(&self, old_latest: Option<String>) {
        if let Err(error) = tidy::old_logs(&self.options.disk, self.log.dir(), self.manifest.sealed) {
            tracing::warn!(%error, "log files that are sealed stay for now");
        }
        if let Some(latest) = old_latest.filter(|old| self.manifest.latest.as_ref() != Some(old)) {
            self.objects.forget(&latest);
        }
    }

    /// Shows readers what is committed; the entities only where some were described.
    fn publish(&self, described: bool) {
        let frozen = self.sealing.as_ref().map(|sealing| sealing.work().rows.as_slice()).unwrap_or_default();
        let entities = match described {
            true => Arc::new(self.reader.live().whole().present.history()),
            false => self.reader.snapshot().entities,
        };
        let parts = |table: Table| self.rows.parts(table, frozen);
        let latest = self.latest.clone();
        self.reader.show(Snapshot::new(&self.dir, self.sequence, parts, entities, latest, self.cache.clone()));
    }

    /// What no file's name has had.
    fn next_name(&mut self) -> String {
        self.manifest.last_file += 1;
        format!("{:08}{}", self.manifest.last_file, self.objects.tag())
    }

    /// Parts of those segments whose rows do not stay in memory.
    fn open_segments(&self, metas: &[SegmentMeta]) -> Result<Vec<Part>, Error> {
        metas
            .iter()
            .filter(|meta| !is_resident(meta))
            .map(|meta| open_segment(&self.objects, meta, &self.cache))
            .collect()
    }

    /// Makes a new manifest the one that counts; the old one comes back.
    fn replace_manifest(&mut self, mut manifest: Manifest) -> Result<Manifest, Error> {
        // A generation that failed may be on disk: none has two contents.
        self.manifest.generation += 1;
        manifest.generation = self.manifest.generation;
        manifest.write(&self.options.disk, &self.dir)?;
        self.objects.follow(&manifest)?;
        self.objects.trim(&manifest, self.options.folder_bytes);
        Ok(std::mem::replace(&mut self.manifest, manifest))
    }

    /// Segments that are older than zone maps are written anew.
    fn renew_old_segments(&mut self) -> Result<(), Error> {
        let old: Vec<SegmentMeta> = self.manifest.segments.iter().filter(|meta| is_old(meta)).cloned().collect();
        for meta in old {
            tracing::info!(file = meta.file, "giving an old segment its zone map");
            let part = open_segment(&self.objects, &meta, &self.cache)?;
            let name = format!("{}-{}", meta.table, self.next_name());
            let written: Vec<_> = parts::write(&self.options.disk, &self.dir, &name, &part)?.into_iter().collect();
            self.objects.keep_segments(&written)?;
            let mut manifest = self.manifest.clone();
            manifest.replace(std::slice::from_ref(&meta.file), written.clone());
            self.replace_manifest(manifest)?;
            self.objects.forget_segment(&meta);
        }
        Ok(())
    }
}
