//! Changes that come in pieces and become one commit, or none. A few go by the log like any commit. Many are worked in piece by
//! piece on a copy of the present city that nobody sees, their rows go straight into segments, and the manifest that names
//! these is the commit: memory holds a piece, not the import, and what fails or is killed before leaves files that nothing
//! names. All rows have one sequence and one time of recording, as those of any commit.

use std::sync::Arc;

use kernel_model::schema::Table;
use kernel_model::{Change, DatastreamId, EntityId, Sequence, TimeUs};

use super::Store;
use crate::commit::{Committed, Gathering, Outcome};
use crate::delta::{Delta, Fix, Reading};
use crate::error::Error;
use crate::hash::IdSet;
use crate::latest::SealedLatest;
use crate::live::Live;
use crate::memtable::{Rows, batches, resident};
use crate::moving::Move;
use crate::origins::Held;
use crate::parts::{self, Part, SegmentMeta};
use crate::record::TableBatches;
use crate::snapshot::Snapshot;
use crate::{content, duplicates, tidy};

/// Bytes of rows that are written into segments together; an eighth of them goes by the log.
const SEAL_BYTES: usize = 64 << 20;

/// Changes on their way into one commit. Dropped before it is finished, it leaves nothing.
#[derive(Debug)]
pub struct Import<'a> {
    store: &'a mut Store,
    /// Changes that may go by the log.
    waiting: Vec<Change>,
    waiting_bytes: usize,
    staged: Option<Box<Staged>>,
}

/// A commit that nobody sees yet.
#[derive(Debug)]
struct Staged {
    sequence: Sequence,
    at: TimeUs,
    /// The city with what came in so far.
    live: Live,
    rows: Rows,
    unsealed_bytes: usize,
    held: Option<Held>,
    outcome: Outcome,
    /// What is new, for those who are told.
    entities: Vec<EntityId>,
    read: IdSet<DatastreamId>,
    moved: IdSet<EntityId>,
    moves: Vec<Move>,
    /// The names of its files begin with a table's name and this.
    name: String,
    files: usize,
    segments: Vec<SegmentMeta>,
}

impl Store {
    /// Begins to take in changes that come in pieces and are to be one commit, or none. Nothing else is committed meanwhile.
    pub fn import(&mut self) -> Import<'_> {
        Import { store: self, waiting: Vec::new(), waiting_bytes: 0, staged: None }
    }

    /// Takes over an import whose files are all written: the manifest that names them is the commit.
    fn adopt_import(&mut self, staged: Staged) -> Result<Committed, Error> {
        let Staged { sequence, at, live, mut rows, outcome, .. } = staged;
        let file = format!("latest-{}.arrow", self.next_name());
        live.latest.write(&self.options.disk, &self.dir.join(&file))?;
        self.objects.keep(&[(file.clone(), None)])?;
        let mut manifest = self.manifest.clone();
        manifest.sealed = sequence;
        manifest.segments.extend(staged.segments);
        manifest.latest = Some(file);
        manifest.last_observation = live.latest.last_observation;
        manifest.last_recorded_us = at.0;
        let old = self.replace_or_settle(manifest)?;
        self.sequence = sequence;
        let delta = told(&live, sequence, staged.entities, &staged.read, &staged.moved);
        self.latest = SealedLatest::new(Arc::new(live.latest.clone()), sequence);
        let before = std::mem::replace(&mut *self.reader.write_live(), live);
        self.reader.moving().0.apply(&staged.moves);
        std::mem::swap(&mut self.rows.sealed, &mut rows.sealed);
        self.publish(true);
        drop(before);
        self.tidy_up(old.latest);
        self.tend();
        Ok(Committed { sequence, outcomes: vec![outcome], delta, rows: Vec::new(), past_log: true })
    }
}

/// What an import changed in the present city.
fn told(
    live: &Live,
    sequence: Sequence,
    entities: Vec<EntityId>,
    read: &IdSet<DatastreamId>,
    moved: &IdSet<EntityId>,
) -> Delta {
    let mut readings: Vec<Reading> = read
        .iter()
        .filter_map(|series| {
            let entity = live.catalog.by_id.get(series)?.entity;
            Some(Reading { entity, datastream: *series, observation: live.latest.reading_of(*series)? })
        })
        .collect();
    readings.sort_unstable_by_key(|reading| reading.datastream);
    let mut fixes: Vec<Fix> =
        moved.iter().filter_map(|entity| Some(Fix { entity: *entity, fix: *live.latest.fix_of(entity)? })).collect();
    fixes.sort_unstable_by_key(|fix| fix.entity);
    Delta { sequence, entities, readings, fixes }
}

impl Import<'_> {
    /// Takes the next piece: some thousand changes, or some megabytes.
    ///
    /// # Errors
    /// Where files cannot be read or written. Nothing of the import is kept then; what is wrong in itself is no error but
    /// stands in the outcome.
    pub fn take(&mut self, changes: Vec<Change>) -> Result<(), Error> {
        self.waiting_bytes += changes.iter().map(Change::memory_bytes).sum::<usize>();
        self.waiting.extend(changes);
        let rows: usize = self.waiting.iter().map(Change::row_count).sum();
        let goes_by_log =
            self.staged.is_none() && rows <= self.store.options.import_rows / 8 && self.waiting_bytes <= SEAL_BYTES / 8;
        if goes_by_log { Ok(()) } else { self.stage() }
    }

    fn stage(&mut self) -> Result<(), Error> {
        let changes = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let staged = match self.staged.take() {
            Some(staged) => staged,
            None => Box::new(Staged::begin(self.store)?),
        };
        self.staged.insert(staged).take(self.store, &changes)
    }

    /// Makes all of it durable as one commit and visible to readers.
    ///
    /// # Errors
    /// Where files cannot be written; then nothing of it is there, and it can be given again.
    pub fn finish(mut self) -> Result<Committed, Error> {
        let Some(mut staged) = self.staged.take() else {
            return self.store.commit(&[std::mem::take(&mut self.waiting)]);
        };
        let name = staged.name.clone();
        let written = staged.write(self.store).and_then(|()| {
            if staged.segments.is_empty() {
                let outcomes = vec![std::mem::take(&mut staged.outcome)];
                return Ok(Committed { sequence: self.store.sequence, outcomes, ..Committed::default() });
            }
            self.store.keep_or_forget(&staged.segments)?;
            self.store.adopt_import(*staged)
        });
        if written.is_err() && !self.store.unsettled {
            remove(self.store, &name);
        }
        written
    }
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        if let Some(staged) = self.staged.take() {
            remove(self.store, &staged.name);
        }
    }
}

/// Removes the files of an import that came to nothing.
fn remove(store: &Store, name: &str) {
    for table in Table::ALL {
        let beginning = format!("{}-{name}-", table.name());
        tidy::beginning(&store.options.disk, &store.dir.join("segments"), &beginning);
    }
}

impl Staged {
    fn begin(store: &mut Store) -> Result<Self, Error> {
        store.settle_manifest()?;
        store.seal()?;
        let at = store.now();
        let live = store.reader.live().whole().clone();
        Ok(Self {
            sequence: Sequence(store.sequence.0 + 1),
            at,
            live,
            rows: Rows { sealed: store.rows.sealed.clone(), ..Rows::default() },
            unsealed_bytes: 0,
            held: None,
            outcome: Outcome::default(),
            entities: Vec::new(),
            read: IdSet::default(),
            moved: IdSet::default(),
            moves: Vec::new(),
            name: store.next_name(),
            files: 0,
            segments: Vec::new(),
        })
    }

    fn take(&mut self, store: &mut Store, changes: &[Change]) -> Result<(), Error> {
        let batches = self.resolve(store, changes)?;
        let (delta, moves) = self.live.learn_commit(self.sequence, &batches);
        self.entities.extend(delta.entities);
        self.read.extend(delta.readings.iter().map(|reading| reading.datastream));
        self.moved.extend(delta.fixes.iter().map(|fix| fix.entity));
        self.moves.extend(moves);
        for (table, batch) in batches {
            self.unsealed_bytes += batch.get_array_memory_size();
            self.rows.unsealed[table as usize].push(batch)?;
        }
        let is_full = self.rows.unsealed_rows() >= store.options.import_rows || self.unsealed_bytes >= SEAL_BYTES;
        if is_full { self.write(store) } else { Ok(()) }
    }

    fn resolve(&mut self, store: &mut Store, changes: &[Change]) -> Result<TableBatches, Error> {
        let parts = |table: Table| self.rows.parts(table, &[]);
        let latest = store.latest.clone();
        let snapshot = Snapshot::new(&store.dir, self.sequence, parts, Arc::default(), latest, store.cache.clone());
        let mut gathering = Gathering::new(&self.live, &snapshot, self.at, store.limits(self.at));
        gathering.begin_group();
        gathering.held = self.held.take();
        for change in changes {
            gathering.take(change, |bytes| content::keep(&store.options.disk, &store.dir, bytes).map(|id| id.0))?;
        }
        duplicates::settle(&mut gathering, &snapshot)?;
        gathering.sample(&mut store.sampler, self.at);
        self.held = gathering.held.take();
        let (batches, outcomes) = gathering.finish(self.sequence, self.at)?;
        for outcome in outcomes {
            self.outcome.add(outcome);
        }
        Ok(batches)
    }

    /// Writes the rows that are in memory into segments.
    fn write(&mut self, store: &Store) -> Result<(), Error> {
        self.unsealed_bytes = 0;
        let gathered = self.rows.freeze();
        for table in Table::ALL {
            let part = Part::of(table, &batches(&gathered[table as usize]))?;
            let name = format!("{}-{}-{:04}", table.name(), self.name, self.files);
            let Some(meta) = parts::write(&store.options.disk, &store.dir, &name, &part)? else { continue };
            let of_table = &mut self.rows.sealed[table as usize];
            match table {
                Table::Entities => {
                    self.live.present.freeze();
                    self.live.present.settle(store.mapped_things(std::slice::from_ref(&meta)));
                }
                table if resident(table) => of_table.push(part),
                _ => of_table.extend(store.open_segments(std::slice::from_ref(&meta))?),
            }
            self.segments.push(meta);
        }
        self.files += 1;
        Ok(())
    }
}
