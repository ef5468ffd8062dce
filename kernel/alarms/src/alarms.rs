//! The alarms of a data folder. Commits come in as they are made; their transitions are in the log when [`Alarms::flush`]
//! returns. At a start the state is that of the checkpoint, and what the store has after it is looked at again: transitions
//! that the log has already are left out, the rest is appended, each once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kernel_model::schema::Table;
use kernel_model::{Sequence, TimeUs};
use kernel_store::Snapshot;

use crate::alert::Alert;
use crate::checkpoint;
use crate::commit::{Commit, streams};
use crate::engine::Engine;
use crate::error::Error;
use crate::log::{AlertLog, LogReader};
use crate::replay::replay;
use crate::rules::Checked;

/// Rows after which a checkpoint is written: about as many are looked at again after a kill.
const CHECKPOINT_ROWS: u64 = 4 << 20;

/// Transitions that are held before they are written, where much is looked at again.
const PENDING: usize = 65_536;

/// Engine, log and checkpoint.
#[derive(Debug)]
pub struct Alarms {
    engine: Engine,
    log: Arc<Mutex<AlertLog>>,
    checkpoint: PathBuf,
    /// Found and not yet in the log.
    pending: Vec<Alert>,
    /// Through this commit the log has everything.
    logged: Sequence,
    rows: u64,
}

/// Looks the files of a folder of alarms over; how many records the log holds.
///
/// # Errors
/// [`Error::Damaged`] with the first file and byte that is not as it was written.
pub fn check(dir: &Path) -> Result<u64, Error> {
    checkpoint::read(&dir.join("checkpoint"))?;
    crate::log::check(&dir.join("log"))
}

impl Alarms {
    /// Opens the alarms in `dir` over a store, and looks at what the store has since they were looked at last.
    ///
    /// # Errors
    /// Where a file cannot be read or written, or is damaged.
    pub fn open(dir: &Path, rules: Checked, snapshot: &Snapshot) -> Result<Self, Error> {
        let mut log = AlertLog::open(&dir.join("log"))?;
        let path = dir.join("checkpoint");
        let state = checkpoint::read(&path)?;
        if state.is_none() && log.last() > 0 {
            return Err(Error::NoCheckpoint { path, folder: dir.to_owned() });
        }
        let is_new = state.is_none();
        // Where a power cut took commits from the store that had been told already, they count as never looked at.
        let known = state.as_ref().map_or(snapshot.sequence(), |state| state.sequence).min(snapshot.sequence());
        let logged = log.through().max(known).min(snapshot.sequence());
        let has_lost =
            log.through().max(state.as_ref().map_or(Sequence(0), |state| state.sequence)) > snapshot.sequence();
        if has_lost {
            let (store, told) = (snapshot.sequence(), log.through());
            log.alerts(store, Vec::new())?;
            tracing::warn!(%store, %told, "the store has lost commits whose alerts were told already; alerts go on from what it has");
        }
        let mut engine = Engine::new(rules, logged);
        let entities: Vec<_> = snapshot.entities().iter().map(|(batch, _)| batch.clone()).collect();
        let series = snapshot.batches(Table::Datastreams);
        engine.learn(&entities, series.iter().flat_map(streams), known);
        let is_changed = state.is_some_and(|state| engine.restore(state, logged));
        engine.set_sequence(known);
        let mut alarms =
            Self { engine, log: Arc::new(Mutex::new(log)), checkpoint: path, pending: Vec::new(), logged, rows: 0 };
        if is_new || is_changed || has_lost {
            // From when a rule holds must be known before anything comes of it.
            alarms.write_checkpoint()?;
        }
        alarms.catch_up(snapshot)?;
        alarms.flush()?;
        Ok(alarms)
    }

    /// The last commit that was looked at.
    pub fn sequence(&self) -> Sequence {
        self.engine.sequence()
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The log, to acknowledge in. Hold it shortly.
    pub fn log(&self) -> Arc<Mutex<AlertLog>> {
        self.log.clone()
    }

    /// The readers' end of the log.
    pub fn reader(&self) -> LogReader {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).reader()
    }

    /// Looks at the next commit; `false` where there are others before it, for which the store is to be asked.
    pub fn take(&mut self, commit: Commit) -> bool {
        let (next, last) = (commit.sequence, self.engine.sequence());
        if next.0 > last.0 + 1 {
            return false;
        }
        self.look(commit);
        true
    }

    /// Looks at everything that the store has and that was not looked at.
    ///
    /// # Errors
    /// Where rows cannot be read, or alerts cannot be written; what was looked at until then is.
    pub fn catch_up(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        if snapshot.sequence() > self.engine.sequence() {
            replay(snapshot, self.engine.sequence(), |commit| {
                self.look(commit);
                if self.pending.len() > PENDING { self.flush().map(drop) } else { Ok(()) }
            })?;
            self.engine.skip_to(snapshot.sequence());
        }
        Ok(())
    }

    fn look(&mut self, commit: Commit) {
        let sequence = commit.sequence;
        self.rows += commit.rows();
        let alerts = self.engine.take(commit);
        if sequence > self.logged {
            self.pending.extend(alerts);
        }
    }

    /// Appends what was found to the log; when this returns it survives a power cut and readers have it. The number of the last
    /// record comes out.
    ///
    /// # Errors
    /// Where a file cannot be written; nothing is lost, and it can be called again.
    pub fn flush(&mut self) -> Result<u64, Error> {
        let last = {
            let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.pending.is_empty() {
                log.alerts(self.engine.sequence(), self.pending.clone())?;
                self.pending.clear();
                self.logged = self.engine.sequence();
            }
            log.last()
        };
        if self.rows > CHECKPOINT_ROWS {
            self.write_checkpoint()?;
        }
        Ok(last)
    }

    /// Appends that somebody has taken note of an alert.
    ///
    /// # Errors
    /// As [`AlertLog::acknowledge`].
    pub fn acknowledge(&self, alert: u64, by: &str, time: TimeUs) -> Result<u64, Error> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).acknowledge(alert, by, time)
    }

    /// Writes the state, so that a start need not look at what was looked at. Only after [`Alarms::flush`].
    ///
    /// # Errors
    /// Where it cannot be written; the one before stays.
    pub fn write_checkpoint(&mut self) -> Result<(), Error> {
        checkpoint::write(&self.checkpoint, &checkpoint::encode(&self.engine.state()))?;
        self.rows = 0;
        Ok(())
    }
}
