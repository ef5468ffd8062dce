//! A data folder back into memory: the manifest's resident segments, then the log's commits after them. Nothing on disk
//! is changed here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use kernel_model::schema::Table;
use kernel_model::{Sequence, TimeUs};

use crate::error::Error;
use crate::latest::{Latest, SealedLatest};
use crate::live::Live;
use crate::log::{self, TornTail};
use crate::manifest::Manifest;
use crate::memtable::{Rows, resident};
use crate::objects::{self, Objects};
use crate::parts::{self, ColumnCache, Part, Segment, SegmentMeta, is_placed, mapped};
use crate::record;
use crate::snapshot::Snapshot;

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

/// The newest log file, which is gone on with.
pub(crate) struct LogEnd {
    pub(crate) path: PathBuf,
    /// The length of its good part; 0 where not even its head is whole.
    pub(crate) len: u64,
    /// An older program wrote it.
    pub(crate) is_old: bool,
    /// The commit after the last one in it.
    pub(crate) next: Sequence,
}

/// Everything read from a data folder.
pub(crate) struct Loaded {
    pub(crate) manifest: Manifest,
    pub(crate) live: Live,
    pub(crate) rows: Rows,
    pub(crate) latest: SealedLatest,
    pub(crate) opened: Opened,
    /// The newest log file.
    pub(crate) log: Option<LogEnd>,
}

impl Loaded {
    /// Keeps the files open that readers ask, whatever another program does with them.
    pub(crate) fn hold(&self) -> Result<(), Error> {
        let sealed = self.rows.sealed.iter().flatten();
        sealed.filter_map(Part::segment).try_for_each(|segment| segment.hold())
    }

    /// What readers are shown first.
    pub(crate) fn snapshot(&self, dir: &Path, cache: &Arc<ColumnCache>) -> Snapshot {
        let entities = Arc::new(self.live.present.history());
        let parts = |table| self.rows.parts(table, &[]);
        Snapshot::new(dir, self.opened.sequence, parts, entities, self.latest.clone(), cache.clone())
    }
}

pub(crate) fn load(dir: &Path, objects: &Objects, cache: &Arc<ColumnCache>) -> Result<Loaded, Error> {
    let manifest = Manifest::read(dir)?;
    let mut live = Live::default();
    let mut rows = Rows::default();
    for meta in &manifest.segments {
        if mapped::has_rows(meta) {
            let (batches, is_mapped) = things(objects, meta, cache)?;
            for batch in &batches {
                live.learn_things(batch, is_mapped);
            }
            continue;
        }
        let part = open_segment(objects, meta, cache)?;
        if let Some(batch) = part.batch().filter(|_| resident(part.table())) {
            live.learn(part.table(), batch);
        }
        rows.sealed[part.table() as usize].push(part);
    }
    live.present.freeze();
    live.present.settle(None);
    if let Some(file) = &manifest.latest {
        live.latest = latest(objects, file, &rows)?;
    }
    live.latest.last_observation = manifest.last_observation;
    live.last_recorded = live.last_recorded.max(TimeUs(manifest.last_recorded_us));
    let latest = SealedLatest::new(Arc::new(live.latest.clone()), manifest.sealed);
    let mut opened = Opened { sequence: manifest.sealed, ..Opened::default() };
    let log = replay(dir, &manifest, &mut live, &mut rows, &mut opened)?;
    Ok(Loaded { manifest, live, rows, latest, opened, log })
}

/// The revisions of a segment, and whether they are mapped; they are not where they cannot be put there.
fn things(objects: &Objects, meta: &SegmentMeta, cache: &Arc<ColumnCache>) -> Result<(Vec<RecordBatch>, bool), Error> {
    let segment = objects.path(&objects::sealed(&meta.file));
    let open = || mapped::open(&segment, Table::Entities, meta.parquet);
    match open() {
        Ok(Some(rows)) => return Ok((rows, true)),
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "rows are made anew from their segment"),
    }
    let part = open_file(objects, meta, cache)?;
    if mapped::make(objects.disk(), &segment, &part, meta.parquet).is_ok()
        && let Ok(Some(rows)) = open()
    {
        return Ok((rows, true));
    }
    Ok((parts::read(objects, meta, Table::Entities)?, false))
}

/// The latest values as of the last seal; where their file is damaged, of the sealed rows themselves.
fn latest(objects: &Objects, file: &str, rows: &Rows) -> Result<Latest, Error> {
    match Latest::decode(&objects.place(file), &objects.whole(file, None)?) {
        Err(error @ (Error::Damaged { .. } | Error::Arrow { .. })) => {
            let latest = Latest::of_parts(&rows.sealed.concat())?;
            tracing::error!(%error, "the latest values were made anew from the sealed rows");
            // A program that only reads cannot put them there, and need not.
            drop(latest.write(objects.disk(), &objects.path(file)));
            Ok(latest)
        }
        other => other,
    }
}

/// The log's commits after the segments, which follow each other without a gap.
fn replay(
    dir: &Path,
    manifest: &Manifest,
    live: &mut Live,
    rows: &mut Rows,
    opened: &mut Opened,
) -> Result<Option<LogEnd>, Error> {
    let files = log::files(&dir.join("log"))?;
    let gap = |path: &Path, found: Sequence, after: Sequence| Error::Damaged {
        path: path.to_owned(),
        at: 0,
        what: format!("it goes on at commit {found}, and commits after {after} are missing"),
    };
    if let Some((path, first)) = files.first().and_then(|path| Some((path, log::first_of(path)?)))
        && first.0 > manifest.sealed.0 + 1
    {
        return Err(gap(path, first, manifest.sealed));
    }
    let (mut end, newest) = (None, log::with_records(&files));
    for (n, path) in files.iter().enumerate() {
        let replayed = log::replay(path, n + 1 >= newest, |sequence, payload| {
            if sequence <= manifest.sealed {
                return Ok(());
            }
            if sequence.0 != opened.sequence.0 + 1 {
                return Err(gap(path, sequence, opened.sequence));
            }
            for (table, batch) in record::decode(payload)? {
                live.learn(table, &batch);
                rows.unsealed[table as usize].push(batch)?;
            }
            opened.sequence = sequence;
            opened.replayed += 1;
            Ok(())
        })?;
        for at in &replayed.mended {
            tracing::error!(path = %path.display(), at, "a bit is not as it was written and was read as it was: the disk may be failing; the file goes when its commits are sealed (`urbis compact`)");
        }
        opened.torn = replayed.torn.or(opened.torn.take());
        let next = replayed.next.or(log::first_of(path)).unwrap_or_default();
        end = Some(LogEnd { path: path.clone(), len: replayed.len, is_old: replayed.is_old, next });
    }
    Ok(end)
}

/// A segment as a part: in its file; or in memory where its table is small, or it is older than zone maps.
pub(crate) fn open_segment(objects: &Objects, meta: &SegmentMeta, cache: &Arc<ColumnCache>) -> Result<Part, Error> {
    let part = open_file(objects, meta, cache)?;
    let table = part.table();
    if resident(table) || is_old(meta) {
        return Part::of(table, &parts::read(objects, meta, table)?);
    }
    Ok(part)
}

/// A segment as a part in its file, wherever that is.
pub(crate) fn open_file(objects: &Objects, meta: &SegmentMeta, cache: &Arc<ColumnCache>) -> Result<Part, Error> {
    let table = objects::table_of(meta).ok_or_else(|| Error::Damaged {
        path: objects.path("manifest"),
        at: 0,
        what: format!("it names an unknown table {}", meta.table),
    })?;
    Ok(Part::sealed(Arc::new(Segment::new(table, meta.clone(), objects.clone(), cache.clone()))))
}

/// Whether it should have a zone map and is older than these.
pub(crate) fn is_old(meta: &SegmentMeta) -> bool {
    meta.zones.is_none() && is_placed(meta)
}
