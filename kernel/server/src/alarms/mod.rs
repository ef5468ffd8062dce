//! The alarms at work: a thread looks at every commit as the writer makes it, writes the transitions and then tells whoever
//! follows. The writer never waits for it: what does not fit into its queue is read from the store again.

mod doors;
mod socket;
mod table;
mod webhook;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arrow::array::RecordBatch;
use kernel_alarms::{Alarms, AlertLog, Commit, LogReader, Record};
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, Sequence, TimeUs};
use kernel_store::{Eye, Reader};
use tokio::sync::watch;

pub(crate) use self::doors::{acknowledge, list};
pub(crate) use self::socket::live;
pub use self::webhook::{Webhook, WebhookError, deliver};
use crate::error::ApiError;

/// Commits that may wait.
const QUEUE: usize = 256;
/// Longest wait for a commit before what is left undone is tried again.
const WAIT: Duration = Duration::from_secs(1);
/// Commits whose transitions are written together.
const TOGETHER: usize = 64;

/// A commit and its rows.
type Told = (Sequence, Vec<(Table, RecordBatch)>);

/// The writer's end.
#[derive(Debug, Clone)]
pub struct Feed {
    queue: SyncSender<Told>,
    missed: Arc<AtomicBool>,
}

impl Feed {
    /// Tells of a commit; never waits.
    pub(crate) fn tell(&self, sequence: Sequence, rows: Vec<(Table, RecordBatch)>) {
        if self.queue.try_send((sequence, rows)).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }

    /// Tells that the store has commits whose rows are to be read from it.
    pub(crate) fn tell_loaded(&self) {
        self.missed.store(true, Ordering::Release);
        drop(self.queue.try_send((Sequence(0), Vec::new())));
    }
}

/// What doors and followers have of the alarms.
#[derive(Debug)]
pub struct AlarmDoor {
    log: Arc<Mutex<AlertLog>>,
    reader: LogReader,
    table: table::AlertTable,
    told: watch::Sender<u64>,
    fences: usize,
}

/// Begins to look at commits; ends when the feed and all its clones are gone.
pub fn start_alarms(alarms: Alarms, store: Reader) -> (Arc<AlarmDoor>, Feed, JoinHandle<()>) {
    let (queue, commits) = sync_channel(QUEUE);
    let feed = Feed { queue, missed: Arc::default() };
    let reader = alarms.reader();
    let (told, _) = watch::channel(reader.last());
    let fences = alarms.engine().fences();
    let door = Arc::new(AlarmDoor { log: alarms.log(), reader, table: table::AlertTable::default(), told, fences });
    // The writer may have committed since the alarms were opened.
    feed.missed.store(true, Ordering::Release);
    let looking = Looking { alarms, store, commits, missed: feed.missed.clone(), door: door.clone() };
    let thread = std::thread::spawn(move || looking.run());
    (door, feed, thread)
}

/// Whether somebody is told of a record: of an alert who sees exactly what it is of, of the rest who sees everything.
fn is_told(record: &Record, eye: &mut Option<Eye>) -> bool {
    let Some(eye) = eye else { return true };
    let Record::Alert(alert) = record else { return false };
    let thing = match (alert.datastream, alert.lon_lat_deg) {
        (Some(id), place) => eye.reading(DatastreamId(id), place),
        (None, Some(place)) => eye.fix(&alert.thing, place),
        (None, None) => eye.thing(&alert.thing),
    };
    let views = [Some(thing), alert.fence.map(|fence| eye.thing(&fence))];
    views.into_iter().flatten().all(|view| view.is_some_and(|view| view.is_exact()))
}

impl AlarmDoor {
    /// The readers' end of the log.
    pub fn reader(&self) -> &LogReader {
        &self.reader
    }

    /// Follows the number of the last record.
    pub fn told(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    /// How many fences there were at the start.
    pub fn fences(&self) -> usize {
        self.fences
    }

    /// The SQL table `alerts`.
    pub(crate) fn table(self: &Arc<Self>) -> kernel_query::ExtraTable {
        let door = self.clone();
        let read = move || door.table.read(&door.reader);
        kernel_query::ExtraTable::new("alerts", table::schema(), read).of_things(&["thing", "fence"])
    }

    fn acknowledge(&self, alert: u64, by: &str) -> Result<u64, ApiError> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let number = log.acknowledge(alert, by, TimeUs::now()).map_err(|error| match error {
            kernel_alarms::Error::NoAlert(_) => ApiError::not_found(error),
            other => ApiError::unavailable(other),
        })?;
        self.told.send_replace(log.last());
        Ok(number)
    }
}

struct Looking {
    alarms: Alarms,
    store: Reader,
    commits: Receiver<Told>,
    missed: Arc<AtomicBool>,
    door: Arc<AlarmDoor>,
}

impl Looking {
    fn run(mut self) {
        loop {
            let first = match self.commits.recv_timeout(WAIT) {
                Ok(told) => Some(told),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.look(first);
        }
        self.look(None);
        if let Err(error) = self.alarms.write_checkpoint() {
            tracing::warn!(%error, "the next start looks at more rows again");
        }
    }

    fn look(&mut self, first: Option<Told>) {
        let mut is_behind = false;
        let mut next = first;
        for _ in 0..TOGETHER {
            let Some((sequence, rows)) = next else { break };
            // Nothing may be looked at before what comes before it.
            is_behind = is_behind || !self.alarms.take(Commit::of(sequence, &rows));
            next = self.commits.try_recv().ok();
        }
        if let Some((sequence, rows)) = next {
            is_behind = is_behind || !self.alarms.take(Commit::of(sequence, &rows));
        }
        if self.missed.swap(false, Ordering::AcqRel) || is_behind {
            let caught_up = self.alarms.catch_up(&self.store.snapshot());
            self.note(caught_up);
        }
        match self.alarms.flush() {
            Ok(last) => {
                self.door.told.send_if_modified(|told| std::mem::replace(told, last.max(*told)) < last);
            }
            Err(error) => self.note(Err(error)),
        }
    }

    fn note(&self, done: Result<(), kernel_alarms::Error>) {
        if let Err(error) = done {
            tracing::error!(%error, "alarms are late and will be tried again");
            self.missed.store(true, Ordering::Release);
            std::thread::sleep(WAIT);
        }
    }
}
