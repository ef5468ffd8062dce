//! Retention beside the writer: what has grown too old is looked for at intervals, after all of it is sealed; a background
//! thread writes what stays and the summaries; here one manifest makes both count. Files that go, go with their last reader.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kernel_model::schema::Table;
use kernel_model::{Sequence, TimeUs};

use super::Store;
use crate::background::Background;
use crate::error::Error;
use crate::load::open_segment;
use crate::parts::Part;
use crate::retention::{Cut, Limits, Pass, Retired, TABLES};

/// When is looked next, and what must be sealed before.
#[derive(Debug)]
pub(super) struct Look {
    next: Instant,
    sealed_to: Option<Sequence>,
}

/// A start has enough to do: the first look comes after it.
const AFTER_START: Duration = Duration::from_secs(60);

impl Look {
    pub(super) fn first(every: Duration) -> Self {
        Self { next: Instant::now() + every.min(AFTER_START), sealed_to: None }
    }
}

impl Store {
    /// Removes what is too old at an instant, by [`Options::retention`](crate::Options), and writes the summaries of readings
    /// that go; waits for it.
    ///
    /// # Errors
    /// Where a file cannot be read or written; then every row is still there.
    pub fn retain(&mut self, now: TimeUs) -> Result<Retired, Error> {
        self.seal()?;
        self.finish_compaction(true)?;
        self.finish_retiring(true)?;
        self.begin_retiring(now);
        Ok(self.finish_retiring(true)?.unwrap_or_default())
    }

    /// What comes too late to be kept, or to be told apart from what was there.
    pub(super) fn limits(&self, now: TimeUs) -> Limits {
        let horizons = self.options.retention.horizons(now);
        let gone = |table: Table| TimeUs(self.manifest.gone_us.get(table.name()).copied().unwrap_or(i64::MIN));
        Limits {
            gone: gone(Table::Observations),
            readings: TimeUs(horizons.nothing_kept_us()),
            fixes: gone(Table::Positions).max(TimeUs(horizons.of(Table::Positions))),
        }
    }

    /// Begins a pass in the background when one is due, and takes over one that is done.
    pub(super) fn tend_retention(&mut self) -> Result<(), Error> {
        self.finish_retiring(false)?;
        let is_due = self.options.retention.removes() && Instant::now() >= self.look.next;
        if !is_due || self.retiring.is_some() || self.compaction.is_some() {
            return Ok(());
        }
        let now = self.now();
        if self.look.sealed_to.is_none() && self.has_old_unsealed(now)? {
            self.look.sealed_to = Some(self.sequence);
        }
        if self.look.sealed_to.is_some_and(|sequence| self.manifest.sealed < sequence) {
            return self.begin_sealing();
        }
        self.begin_retiring(now);
        self.look = Look { next: Instant::now() + self.options.retention.every, sealed_to: None };
        Ok(())
    }

    fn has_old_unsealed(&self, now: TimeUs) -> Result<bool, Error> {
        if self.sealing.is_some() {
            return Ok(true);
        }
        let horizons = self.options.retention.horizons(now);
        for table in TABLES {
            let cut = Cut::of(table, &horizons);
            for part in self.rows.unsealed[table as usize].parts().iter().filter(|part| cut.touches(part)) {
                if cut.going(part)?.rows > 0 {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn begin_retiring(&mut self, now: TimeUs) {
        let sealed = |table: Table| -> Vec<Part> {
            let parts = &self.rows.sealed[table as usize];
            parts.iter().filter(|part| part.segment().is_some()).cloned().collect()
        };
        let parts = TABLES.map(sealed);
        let work = Pass {
            dir: self.dir.clone(),
            objects: self.objects.clone(),
            name: self.next_name(),
            horizons: self.options.retention.horizons(now),
            parts,
            written: OnceLock::new(),
        };
        self.retiring = Some(Background::begin(Arc::new(work)));
    }

    /// Takes over what a pass has written; waits for it where `wait` says so.
    pub(super) fn finish_retiring(&mut self, wait: bool) -> Result<Option<Retired>, Error> {
        let Some(pass) = self.retiring.take_if(|pass| wait || pass.is_done()) else { return Ok(None) };
        let (work, failures) = (pass.work().clone(), pass.failures() + 1);
        let taken = pass.finish().and_then(|written| self.take_over(&work, written));
        match taken {
            Ok(retired) => Ok(Some(retired)),
            Err(error) => {
                self.retiring = Some(Background::again(work, failures));
                Err(error)
            }
        }
    }

    fn take_over(&mut self, work: &Pass, written: crate::retention::Written) -> Result<Retired, Error> {
        if written.replaced.is_empty() && written.added.is_empty() {
            return Ok(written.retired);
        }
        let open = |meta| open_segment(&self.objects, meta, &self.cache);
        let mut replaced = Vec::new();
        for (table, old, rest) in &written.replaced {
            replaced.push((*table, old, rest.as_ref().map(open).transpose()?));
        }
        let added = written.added.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let mut manifest = self.manifest.clone();
        for (_, old, rest) in &written.replaced {
            manifest.replace(std::slice::from_ref(old), rest.iter().cloned().collect());
        }
        manifest.segments.extend(written.added.iter().cloned());
        for removed in &written.retired.removed {
            let before_us = work.horizons.of(removed.table);
            let gone = manifest.gone_us.entry(removed.table.name().to_owned()).or_insert(before_us);
            *gone = before_us.max(*gone);
        }
        self.replace_manifest(manifest)?;
        for (table, old, rest) in replaced {
            self.rows.replace(table, std::slice::from_ref(old), rest.into_iter().collect());
        }
        for part in added {
            self.rows.sealed[part.table() as usize].push(part);
        }
        self.publish(false);
        for removed in &written.retired.removed {
            self.reader.count_removed(removed);
            let crate::Removed { table, rows, bytes, time } = removed;
            let (from, to) = time.unzip();
            tracing::info!(table = table.name(), rows, bytes, from = ?from.map(|t| t.to_string()), to = ?to.map(|t| t.to_string()), "rows were older than they are kept and have gone");
        }
        for (table, rows) in &written.retired.summaries {
            tracing::info!(table = table.name(), rows, "summaries of readings that have gone");
        }
        Ok(written.retired)
    }
}
