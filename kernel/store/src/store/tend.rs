//! Sealing and compaction beside the writer: begun when there is enough, taken over when a background thread is done, waited
//! for where somebody asks for it. What fails is tried again; the rows stay in the log and in memory, the segments in their places.

use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use kernel_model::Sequence;
use kernel_model::schema::Table;

use super::Store;
use crate::background::Background;
use crate::compact::{self, Compaction};
use crate::error::Error;
use crate::latest::SealedLatest;
use crate::load::open_file;
use crate::memtable::resident;
use crate::objects;
use crate::parts::{Part, SegmentMeta, mapped};
use crate::seal::Sealing;

impl Store {
    /// Seals and compacts in the background when there is enough. A failure here costs nothing but room: the rows stay in
    /// the log and in memory, the old segments in their places, and it is tried again.
    pub(super) fn tend(&mut self) {
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

    /// Freezes the unsealed rows and hands them to a background thread; a new log file takes what comes next.
    pub(super) fn begin_sealing(&mut self) -> Result<(), Error> {
        if self.sealing.is_some() {
            return Ok(());
        }
        self.log.turn_over(Sequence(self.sequence.0 + 1))?;
        self.reader.write_live().present.freeze();
        let work = Sealing {
            dir: self.dir.clone(),
            sequence: self.sequence,
            name: self.next_name(),
            rows: self.rows.freeze(),
            latest: Arc::new(self.reader.live().whole().latest.clone()),
            last_recorded: self.reader.live().whole().last_recorded,
            objects: self.objects.clone(),
            written: OnceLock::new(),
        };
        self.sealing = Some(Background::begin(Arc::new(work)));
        Ok(())
    }

    /// Takes over what the background thread has written; waits for it where `wait` says so.
    pub(super) fn finish_sealing(&mut self, wait: bool) -> Result<(), Error> {
        let Some(sealing) = self.sealing.take_if(|sealing| wait || sealing.is_done()) else { return Ok(()) };
        let (work, failures) = (sealing.work().clone(), sealing.failures() + 1);
        let replaced = sealing.finish().and_then(|written| {
            let files = self.open_segments(&written.segments)?;
            let things = self.mapped_things(&written.segments);
            let mut manifest = self.manifest.clone();
            manifest.sealed = work.sequence;
            manifest.segments.extend(written.segments);
            manifest.latest = Some(written.latest);
            manifest.last_observation = work.latest.last_observation;
            manifest.last_recorded_us = work.last_recorded.0;
            Ok((self.replace_manifest(manifest)?, files, things))
        });
        let (old, files, things) = match replaced {
            Ok(replaced) => replaced,
            Err(error) => {
                self.sealing = Some(Background::again(work, failures));
                return Err(error);
            }
        };
        self.rows.keep_sealed(&work.rows, files);
        self.latest = SealedLatest::new(work.latest.clone(), work.sequence);
        let has_things = things.is_some();
        self.reader.write_live().present.settle(things);
        self.publish(has_things);
        self.tidy_up(old.latest);
        Ok(())
    }

    /// The revisions of things among segments that were just written, where they lie in their file.
    pub(super) fn mapped_things(&self, segments: &[SegmentMeta]) -> Option<Vec<RecordBatch>> {
        let meta = segments.iter().find(|meta| mapped::has_rows(meta))?;
        let segment = self.objects.path(&objects::sealed(&meta.file));
        mapped::open(&segment, Table::Entities, meta.parquet).unwrap_or_else(|error| {
            tracing::error!(%error, "revisions stay in memory that were to lie in a file");
            None
        })
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
    pub(super) fn finish_compaction(&mut self, wait: bool) -> Result<(), Error> {
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
}
