//! The one writer of a data folder: groups of changes come in, become one durable commit, and show in the next snapshot;
//! what was committed is sealed beside it.

mod retain;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kernel_model::schema::Table;
use kernel_model::{Change, Sequence, TimeUs};

use arrow::array::RecordBatch;

use crate::background::Background;
use crate::bulk::{self, Bulk, Loaded};
use crate::clock::Clock;
use crate::commit::{Committed, Gathering, Outcome};
use crate::compact::{self, Compaction};
use crate::delta::Delta;
use crate::disk::Disk;
use crate::error::Error;
use crate::flusher::Durability;
use crate::latest::SealedLatest;
use crate::load::{Opened, is_old, load, open_file, open_segment};
use crate::log::Log;
use crate::manifest::Manifest;
use crate::memtable::{Rows, is_resident, resident};
use crate::objects::{self, Access, Objects, SegmentsAt};
use crate::parts::{self, ColumnCache, Part, SegmentMeta};
use crate::reader::Reader;
use crate::record::{self, TableBatches};
use crate::retention::{self, Pass, Retention};
use crate::sampler::Sampler;
use crate::seal::Sealing;
use crate::snapshot::Snapshot;
use crate::{content, duplicates, tidy};

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
            return Ok(Committed { sequence: self.sequence, outcomes, delta: Delta::default() });
        }
        self.settle_manifest()?;
        self.log.append(sequence, &record::encode(&batches)?)?;
        self.sequence = sequence;
        let (delta, moves) = self.reader.write_live().learn_commit(sequence, &batches);
        self.reader.moving().0.apply(&moves);
        let described = batches.iter().any(|(table, _)| *table == Table::Entities);
        for (table, batch) in batches {
            self.rows.unsealed[table as usize].push(batch)?;
        }
        self.publish(described);
        self.tend();
        Ok(Committed { sequence, outcomes, delta })
    }

    fn now(&self) -> TimeUs {
        self.reader.live().0.next_recorded(self.options.clock.now())
    }

    fn resolve(&mut self, groups: &[Vec<Change>], sequence: Sequence) -> Result<(TableBatches, Vec<Outcome>), Error> {
        let (reader, now) = (self.reader.clone(), self.now());
        let live = reader.live();
        let mut gathering = Gathering::new(&live.0, self.limits(now));
        for group in groups {
            gathering.begin_group();
            for change in group {
                gathering.take(change, |bytes| content::keep(&self.options.disk, &self.dir, bytes).map(|id| id.0))?;
            }
        }
        duplicates::settle(&mut gathering, &reader.snapshot())?;
        gathering.sample(&mut self.sampler, now);
        gathering.finish(sequence, now)
    }

    /// Takes many rows at once, straight into segments, as one commit: all are durable and visible when it returns, or none.
    /// The rows are in the schema of `observations` or `positions`; what stands in `seq`, `id` and `recorded_at` is
    /// filled in here. Rows
    /// that are there already change nothing. Nothing else is committed meanwhile.
    ///
    /// # Errors
    /// Where a row is off the globe or of a datastream that was never declared, or files cannot be written.
    pub fn load<E: From<Error>>(
        &mut self,
        table: Table,
        rows: impl IntoIterator<Item = Result<RecordBatch, E>>,
    ) -> Result<Loaded, E> {
        self.settle_manifest()?;
        self.seal()?;
        let (sequence, at) = (Sequence(self.sequence.0 + 1), self.now());
        let (last_id, last_datastream) = {
            let live = self.reader.live();
            (live.0.latest.last_observation, live.0.catalog.last_datastream)
        };
        let name = format!("{}-{}", table.name(), self.next_name());
        let dir = self.dir.clone();
        let mut bulk = Bulk::new(bulk::Target {
            disk: self.options.disk.clone(),
            dir: &dir,
            table,
            name: name.clone(),
            sequence,
            at,
            last_id,
            run_rows: self.options.seal_rows.min(1 << 20),
            segment_rows: self.options.segment_rows as usize,
            memory_bytes: self.options.load_bytes,
            cache: self.cache.clone(),
        });
        let limits = self.limits(at);
        for rows in rows {
            let rows = rows?;
            retention::check_bulk(table, &rows, limits)?;
            if let Some(unknown) = bulk::greatest_series(&rows).filter(|greatest| *greatest > last_datastream) {
                return Err(Error::NoDatastream(unknown).into());
            }
            bulk.push(&rows)?;
        }
        let finished = bulk.finish(self.reader.snapshot().parts(table));
        if finished.is_err() {
            // What a full disk left half written must not keep it full.
            tidy::beginning(&self.options.disk, &dir.join("segments"), &format!("{name}-"));
        }
        let written = finished?;
        self.keep_or_forget(&written.segments)?;
        let adopted = self.adopt(sequence, at, table, written);
        if adopted.is_err() && !self.unsettled {
            tidy::beginning(&self.options.disk, &dir.join("segments"), &format!("{name}-"));
        }
        Ok(adopted?)
    }

    /// Puts segments where they belong, or takes all of them away again.
    fn keep_or_forget(&self, segments: &[SegmentMeta]) -> Result<(), Error> {
        let kept = self.objects.keep_segments(segments);
        if kept.is_err() {
            for meta in segments {
                self.objects.forget_segment(meta);
            }
        }
        kept
    }

    /// Makes segments that were written in bulk a commit.
    fn adopt(&mut self, sequence: Sequence, at: TimeUs, table: Table, written: bulk::Written) -> Result<Loaded, Error> {
        let loaded = Loaded { sequence: None, rows: written.rows, unchanged: written.unchanged };
        if written.rows == 0 {
            return Ok(loaded);
        }
        let files = self.open_segments(&written.segments)?;
        let mut latest = self.reader.live().0.latest.clone();
        let moved = latest.take(written.latest);
        let file = format!("latest-{}.arrow", self.next_name());
        latest.write(&self.options.disk, &self.dir.join(&file))?;
        self.objects.keep(&[(file.clone(), None)])?;
        let mut manifest = self.manifest.clone();
        manifest.sealed = sequence;
        manifest.segments.extend(written.segments);
        manifest.latest = Some(file);
        manifest.last_observation = latest.last_observation;
        manifest.last_recorded_us = at.0;
        let replaced = self.replace_manifest(manifest);
        if replaced.is_err() {
            // It may be in its place all the same, and would hide what is committed next.
            self.unsettled = true;
            if let Err(error) = self.settle_manifest() {
                tracing::error!(%error, "the manifest cannot be put back: nothing is committed until it can be");
            }
        }
        let old = replaced?;
        self.sequence = sequence;
        self.latest = SealedLatest { values: Arc::new(latest.clone()), through: sequence };
        let mut live = self.reader.write_live();
        (live.latest, live.last_recorded) = (latest, at);
        let moves = live.moves(moved);
        drop(live);
        self.reader.moving().0.apply(&moves);
        self.rows.sealed[table as usize].extend(files);
        self.publish(false);
        self.tidy_up(old.latest);
        Ok(Loaded { sequence: Some(sequence), ..loaded })
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
            true => Arc::new(self.reader.live().0.present.history()),
            false => self.reader.snapshot().entities,
        };
        let parts = |table: Table| self.rows.parts(table, frozen);
        let latest = self.latest.clone();
        self.reader.show(Snapshot::new(&self.dir, self.sequence, parts, entities, latest, self.cache.clone()));
    }

    /// Seals and compacts in the background when there is enough. A failure here costs nothing but room: the rows stay in
    /// the log and in memory, the old segments in their places, and it is tried again.
    fn tend(&mut self) {
        // Rows must not come in faster than they can be sealed for ever: memory is bounded, the source is slowed.
        let is_behind = self.rows.unsealed_rows() >= self.options.seal_rows.saturating_mul(2);
        let sealed =
            self.finish_sealing(is_behind).and_then(|()| match self.rows.unsealed_rows() >= self.options.seal_rows {
                true => self.begin_sealing(),
                false => Ok(()),
            });
        let failures = self.sealing.as_ref().map_or(1, Background::failures);
        if let Err(error) = sealed
            && failures.is_power_of_two()
        {
            tracing::error!(%error, failures, "sealing failed and will be tried again; nothing is lost, the log holds the rows");
        }
        let retained = self.tend_retention();
        let failures = self.retiring.as_ref().map_or(1, Background::failures);
        if let Err(error) = retained
            && failures.is_power_of_two()
        {
            tracing::error!(%error, failures, "removing old rows failed and will be tried again; they are all still there");
        }
        let compacted = self.finish_compaction(false).and_then(|()| {
            match compact::due(&self.manifest, self.options.segment_rows) {
                Some((table, files)) => self.begin_compaction(table, files),
                None => Ok(()),
            }
        });
        let failures = self.compaction.as_ref().map_or(1, Background::failures);
        if let Err(error) = compacted
            && failures.is_power_of_two()
        {
            tracing::error!(%error, failures, "compaction failed and will be tried again; nothing is lost, the segments stay as they are");
        }
    }

    /// What no file's name has had.
    fn next_name(&mut self) -> String {
        self.manifest.last_file += 1;
        format!("{:08}{}", self.manifest.last_file, self.objects.tag())
    }

    /// Freezes the unsealed rows and hands them to a background thread; a new log file takes what comes next.
    fn begin_sealing(&mut self) -> Result<(), Error> {
        if self.sealing.is_some() {
            return Ok(());
        }
        self.log.turn_over(Sequence(self.sequence.0 + 1))?;
        let work = Sealing {
            dir: self.dir.clone(),
            sequence: self.sequence,
            name: self.next_name(),
            rows: self.rows.freeze(),
            latest: Arc::new(self.reader.live().0.latest.clone()),
            last_recorded: self.reader.live().0.last_recorded,
            objects: self.objects.clone(),
            written: OnceLock::new(),
        };
        self.sealing = Some(Background::begin(Arc::new(work)));
        Ok(())
    }

    /// Takes over what the background thread has written; waits for it where `wait` says so.
    fn finish_sealing(&mut self, wait: bool) -> Result<(), Error> {
        let Some(sealing) = self.sealing.take_if(|sealing| wait || sealing.is_done()) else { return Ok(()) };
        let (work, failures) = (sealing.work().clone(), sealing.failures() + 1);
        let replaced = sealing.finish().and_then(|written| {
            let files = self.open_segments(&written.segments)?;
            let mut manifest = self.manifest.clone();
            manifest.sealed = work.sequence;
            manifest.segments.extend(written.segments);
            manifest.latest = Some(written.latest);
            manifest.last_observation = work.latest.last_observation;
            manifest.last_recorded_us = work.last_recorded.0;
            Ok((self.replace_manifest(manifest)?, files))
        });
        let (old, files) = match replaced {
            Ok(replaced) => replaced,
            Err(error) => {
                self.sealing = Some(Background::again(work, failures));
                return Err(error);
            }
        };
        self.rows.keep_sealed(&work.rows, files);
        self.latest = SealedLatest { values: work.latest.clone(), through: work.sequence };
        self.publish(false);
        self.tidy_up(old.latest);
        Ok(())
    }

    /// Hands segments that are to become fewer to a background thread.
    fn begin_compaction(&mut self, table: Table, files: Vec<String>) -> Result<(), Error> {
        if self.compaction.is_some() || self.retiring.is_some() {
            return Ok(());
        }
        let metas: Vec<_> = self.manifest.of(table).filter(|meta| files.contains(&meta.file)).cloned().collect();
        // Opened past the parts in memory, so that small tables, which stay there, are merged from their files too.
        let open = |meta: &SegmentMeta| open_file(&self.objects, meta, &self.cache);
        let parts = metas.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let name = format!("{}-{}", table.name(), self.next_name());
        let work = Compaction {
            dir: self.dir.clone(),
            table,
            files,
            parts,
            name,
            most_rows: self.options.segment_rows,
            objects: self.objects.clone(),
            written: OnceLock::new(),
        };
        self.compaction = Some(Background::begin(Arc::new(work)));
        Ok(())
    }

    /// Takes over the merged segments; waits for them where `wait` says so.
    fn finish_compaction(&mut self, wait: bool) -> Result<(), Error> {
        let Some(compaction) = self.compaction.take_if(|work| wait || work.is_done()) else { return Ok(()) };
        let (work, failures) = (compaction.work().clone(), compaction.failures() + 1);
        let replaced = compaction.finish().and_then(|written| {
            let files = self.open_segments(&written)?;
            let mut manifest = self.manifest.clone();
            manifest.replace(&work.files, written);
            self.replace_manifest(manifest)?;
            Ok(files)
        });
        match replaced {
            Ok(files) if resident(work.table) => {
                drop(files);
                work.parts.iter().filter_map(Part::segment).for_each(|segment| segment.retire());
            }
            Ok(files) => self.rows.replace(work.table, &work.files, files),
            Err(error) => {
                self.compaction = Some(Background::again(work, failures));
                return Err(error);
            }
        }
        self.publish(false);
        Ok(())
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

    /// Writes everything that is not sealed yet into segments and waits for it.
    ///
    /// # Errors
    /// Where a file cannot be written; nothing is lost, the log still holds the rows.
    pub fn seal(&mut self) -> Result<(), Error> {
        self.finish_sealing(true)?;
        if self.rows.unsealed_rows() > 0 {
            self.begin_sealing()?;
            self.finish_sealing(true)?;
        }
        Ok(())
    }

    /// Seals, and merges segments until no table can have fewer; waits for it.
    ///
    /// # Errors
    /// Where a file cannot be read or written; nothing is lost.
    pub fn compact(&mut self) -> Result<(), Error> {
        self.seal()?;
        self.finish_compaction(true)?;
        self.finish_retiring(true)?;
        while let Some((table, files)) = compact::possible(&self.manifest, self.options.segment_rows) {
            self.begin_compaction(table, files)?;
            self.finish_compaction(true)?;
        }
        Ok(())
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
