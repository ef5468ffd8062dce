//! Many rows at once into the store: a bulk load beside the log, and the manifest by which it becomes one commit.

use std::sync::Arc;

use arrow::array::RecordBatch;
use kernel_model::schema::Table;
use kernel_model::{Sequence, TimeUs};

use super::Store;
use crate::bulk::{self, Bulk, Loaded};
use crate::error::Error;
use crate::latest::SealedLatest;
use crate::manifest::Manifest;
use crate::parts::SegmentMeta;
use crate::{retention, tidy};

impl Store {
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
            (live.whole().latest.last_observation, live.whole().catalog.last_datastream)
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

    /// Makes a new manifest the one that counts, or makes sure that the old one is.
    pub(super) fn replace_or_settle(&mut self, manifest: Manifest) -> Result<Manifest, Error> {
        let replaced = self.replace_manifest(manifest);
        if replaced.is_err() {
            // It may be in its place all the same, and would hide what is committed next.
            self.unsettled = true;
            if let Err(error) = self.settle_manifest() {
                tracing::error!(%error, "the manifest cannot be put back: nothing is committed until it can be");
            }
        }
        replaced
    }

    /// Puts segments where they belong, or takes all of them away again.
    pub(super) fn keep_or_forget(&self, segments: &[SegmentMeta]) -> Result<(), Error> {
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
        let mut latest = self.reader.live().whole().latest.clone();
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
        let old = self.replace_or_settle(manifest)?;
        self.sequence = sequence;
        self.latest = SealedLatest::new(Arc::new(latest.clone()), sequence);
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
}
