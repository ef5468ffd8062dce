//! The only writer. Groups of changes come in over a bounded channel; all that wait are committed together; each sender
//! is told when its changes are durable. A full channel slows the senders; how often and how long is counted. Where the
//! disk refuses (it is full, say), a sender that can be answered is told that nothing of its changes was kept; those of
//! streams are tried again until they are durable, and meanwhile the channel fills and slows their source.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use kernel_model::schema::Table;
use kernel_model::{Change, Sequence, TimeUs};
use kernel_store::{Committed, Loaded, Outcome, Store};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::alarms::Feed;
use crate::error::{ApiError, Error};
use crate::limit::Limit;
use crate::live::Hub;
use crate::quality::{Judge, Rules, Watched};

/// Rows after which a commit takes no further group.
const COMMIT_ROWS: usize = 65_536;
/// Commits that may wait for one who looks at their rows.
const COMMITS: usize = 16;
/// Groups that may wait.
const QUEUE: usize = 256;
/// Pause after a commit that failed: a full disk may have room again.
const PAUSE: Duration = Duration::from_millis(200);

/// The rows of a commit.
pub(crate) type Rows = Arc<Vec<(Table, RecordBatch)>>;

/// Word that changes are durable.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    /// The last commit they are part of.
    pub sequence: Sequence,
    /// What became of them.
    pub outcome: Outcome,
}

/// What becomes of a group that cannot be committed, and who is told when it is.
enum Sender {
    /// Waits for the answer; a failure is one.
    Waits(oneshot::Sender<Result<Receipt, String>>),
    /// Cannot be answered: tried again until it is durable, then this is called.
    Streams(Box<dyn FnOnce() + Send>),
    /// As the first, of an import.
    Imports(oneshot::Sender<Result<Receipt, ApiError>>),
}

impl Sender {
    fn durable(self, receipt: Receipt) {
        match self {
            Self::Waits(answer) => drop(answer.send(Ok(receipt))),
            Self::Streams(tell) => tell(),
            Self::Imports(answer) => drop(answer.send(Ok(receipt))),
        }
    }
}

/// Groups of changes and their senders, one for each.
#[derive(Default)]
struct Groups {
    changes: Vec<Vec<Change>>,
    senders: Vec<Sender>,
}

impl Groups {
    fn push(&mut self, group: Group) {
        self.changes.push(group.changes);
        self.senders.push(group.sender);
    }

    fn rows(&self) -> usize {
        self.changes.iter().flatten().map(Change::row_count).sum()
    }

    /// Tells those who wait that it failed; what remains is to be tried again.
    fn fail(self, line: &str) -> Self {
        let mut again = Self::default();
        for (changes, sender) in self.changes.into_iter().zip(self.senders) {
            match sender {
                Sender::Waits(answer) => drop(answer.send(Err(line.to_owned()))),
                Sender::Imports(answer) => drop(answer.send(Err(ApiError::unavailable(line)))),
                streams @ Sender::Streams(_) => again.push(Group { changes, sender: streams }),
            }
        }
        again
    }
}

struct Group {
    changes: Vec<Change>,
    sender: Sender,
}

/// Rows of one table in its stored schema.
type Coming = Box<dyn Iterator<Item = Result<RecordBatch, ApiError>> + Send>;

/// Many rows that become a commit of their own.
struct Load {
    table: Table,
    rows: Coming,
    answer: oneshot::Sender<Result<Loaded, ApiError>>,
}

/// Changes in pieces that become a commit of their own.
type Pieces = Box<dyn Iterator<Item = Result<Vec<Change>, ApiError>> + Send>;

struct Import {
    pieces: Pieces,
    answer: oneshot::Sender<Result<Receipt, ApiError>>,
}

enum Task {
    Group(Group),
    /// What is a commit of its own.
    Large(Large),
}

enum Large {
    Load(Load),
    Import(Import),
}

#[derive(Debug, Default)]
struct Counts {
    commits: AtomicU64,
    observations: AtomicU64,
    positions: AtomicU64,
    entities: AtomicU64,
    rejected: AtomicU64,
    unchanged: AtomicU64,
    waits: AtomicU64,
    waited_us: AtomicU64,
    failed: AtomicU64,
    /// Why the last commit failed, until one succeeds.
    trouble: Mutex<Option<String>>,
}

impl Counts {
    /// Sets it and returns what it was.
    fn set_trouble(&self, line: Option<String>) -> Option<String> {
        std::mem::replace(&mut *self.trouble.lock().unwrap_or_else(PoisonError::into_inner), line)
    }
}

/// What the writer has done since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestCounters {
    /// Commits.
    pub commits: u64,
    /// Readings kept.
    pub observations: u64,
    /// Fixes kept.
    pub positions: u64,
    /// Things created or revised.
    pub entities: u64,
    /// Records refused.
    pub rejected: u64,
    /// Records that were there already.
    pub unchanged: u64,
    /// Times a sender found the queue full.
    pub waits: u64,
    /// How long senders waited, microseconds.
    pub waited_us: u64,
    /// Commits that failed; nothing of them was kept.
    pub failed: u64,
}

/// The senders' end; clones are cheap.
#[derive(Debug, Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Task>,
    /// Why nothing can be written until the end of the program.
    refuses: Option<Arc<str>>,
    counts: Arc<Counts>,
    committed: watch::Receiver<Sequence>,
    commits: broadcast::Sender<Rows>,
    watched: Arc<Watched>,
    /// To which datasets whoever has this end may write, where not to all.
    limit: Option<Limit>,
}

impl Ingest {
    /// The same end for a sender who may write to some datasets only.
    pub(crate) fn limited(&self, limit: Limit) -> Self {
        Self { limit: Some(limit), ..self.clone() }
    }

    /// Whether it may write to some datasets only.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Gives the store to a thread of its own that writes what comes in until all senders are gone, then seals nothing
    /// and ends: the log holds what it needs.
    pub fn start(store: Store, hub: Arc<Hub>) -> (Self, std::thread::JoinHandle<()>) {
        Self::start_watching(store, hub, Rules::default(), None)
    }

    /// The same, with rules for what readings must be; `alarms` are told of every commit.
    pub fn start_watching(
        store: Store,
        hub: Arc<Hub>,
        rules: Rules,
        alarms: Option<Feed>,
    ) -> (Self, std::thread::JoinHandle<()>) {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let (tell, committed) = watch::channel(store.reader().snapshot().sequence());
        let (judge, watched) = Judge::new(rules, store.reader());
        let commits = broadcast::channel(COMMITS).0;
        let all = commits.clone();
        let writer =
            Writer { store, receiver, hub, alarms, counts: counts.clone(), tell, commits: all, judge, large: None };
        let thread = std::thread::spawn(move || writer.run());
        (Self { queue, refuses: None, counts, committed, commits, watched, limit: None }, thread)
    }

    /// An end behind which nobody writes: everything is refused, and `why` says why. `last` is the last commit.
    pub fn refusing(why: &str, last: Sequence) -> Self {
        let (queue, _) = mpsc::channel(1);
        let counts = Arc::new(Counts::default());
        counts.set_trouble(Some(why.to_owned()));
        let (committed, watched) = (watch::channel(last).1, Arc::default());
        let commits = broadcast::channel(COMMITS).0;
        Self { queue, refuses: Some(why.into()), counts, committed, commits, watched, limit: None }
    }

    /// Says at once that nothing can be written, where that is so until the end of the program.
    ///
    /// # Errors
    /// Where the data folder was opened for reading only.
    pub fn may_write(&self) -> Result<(), Error> {
        self.refuses.as_ref().map_or(Ok(()), |why| Err(Error::ReadOnly(why.clone())))
    }

    /// Sends changes that nobody can be asked for again: they are committed as soon as the disk takes them, and then
    /// `durable` is called. Waits only while the queue is full.
    ///
    /// # Errors
    /// Where the writer has stopped.
    pub async fn stream(&self, changes: Vec<Change>, durable: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        self.push(Task::Group(Group { changes, sender: Sender::Streams(Box::new(durable)) })).await
    }

    /// Sends changes and waits until they are durable.
    ///
    /// # Errors
    /// Where the writer has stopped or the commit failed; then nothing of it was kept.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<Receipt, Error> {
        if let Some(what) = self.limit.as_ref().and_then(|limit| limit.first_forbidden(&changes)) {
            return Err(Error::NotAllowed(what));
        }
        let (answer, answered) = oneshot::channel();
        self.push(Task::Group(Group { changes, sender: Sender::Waits(answer) })).await?;
        match answered.await {
            Ok(result) => result.map_err(Error::NotKept),
            Err(_) => Err(Error::WriterStopped("it gave no answer".to_owned())),
        }
    }

    /// Sends many rows at once, as they come, and waits until all are durable. Nothing else is committed meanwhile, so they
    /// must come without waiting for anybody.
    ///
    /// # Errors
    /// The first row's that is refused, or where they cannot be written; then nothing of them was kept.
    pub(crate) async fn load(&self, table: Table, rows: Coming) -> Result<Loaded, ApiError> {
        let (answer, answered) = oneshot::channel();
        self.push(Task::Large(Large::Load(Load { table, rows, answer }))).await.map_err(ApiError::unavailable)?;
        answered.await.unwrap_or_else(|_| Err(ApiError::unavailable("the writer gave no answer")))
    }

    /// As [`Ingest::load`], of changes in pieces: one commit or none.
    ///
    /// # Errors
    /// Where they cannot be read or written; then nothing of them was kept.
    pub(crate) async fn import(&self, pieces: Pieces) -> Result<Receipt, ApiError> {
        let (answer, answered) = oneshot::channel();
        self.push(Task::Large(Large::Import(Import { pieces, answer }))).await.map_err(ApiError::unavailable)?;
        answered.await.unwrap_or_else(|_| Err(ApiError::unavailable("the writer gave no answer")))
    }

    async fn push(&self, task: Task) -> Result<(), Error> {
        self.may_write()?;
        let stopped = || Error::WriterStopped("its queue is closed".to_owned());
        let task = match self.queue.try_send(task) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(stopped()),
            Err(mpsc::error::TrySendError::Full(task)) => task,
        };
        let begun = Instant::now();
        let sent = self.queue.send(task).await;
        self.counts.waits.fetch_add(1, Ordering::Relaxed);
        self.counts.waited_us.fetch_add(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
        sent.map_err(|_| stopped())
    }

    /// What is known of datastreams that a quality rule names.
    pub(crate) fn watched(&self) -> Arc<Watched> {
        Arc::clone(&self.watched)
    }

    /// Follows the last commit.
    pub fn committed(&self) -> watch::Receiver<Sequence> {
        self.committed.clone()
    }

    /// The rows of every commit from now on. Who is too slow misses some, and is told how many.
    pub(crate) fn commits(&self) -> broadcast::Receiver<Rows> {
        self.commits.subscribe()
    }

    /// Why nothing can be written at present, if so.
    pub fn trouble(&self) -> Option<String> {
        self.counts.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Groups that wait.
    pub fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// What was done since the start.
    pub fn counters(&self) -> IngestCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let c = &self.counts;
        IngestCounters {
            commits: read(&c.commits),
            observations: read(&c.observations),
            positions: read(&c.positions),
            entities: read(&c.entities),
            rejected: read(&c.rejected),
            unchanged: read(&c.unchanged),
            waits: read(&c.waits),
            waited_us: read(&c.waited_us),
            failed: read(&c.failed),
        }
    }
}

/// Why rows in bulk were not kept.
struct LoadError(ApiError);

impl From<kernel_store::Error> for LoadError {
    fn from(error: kernel_store::Error) -> Self {
        Self(match error {
            kernel_store::Error::OffTheGlobe { .. }
            | kernel_store::Error::NoDatastream(_)
            | kernel_store::Error::TooOld { .. } => ApiError::bad_request(error),
            other => ApiError::unavailable(other),
        })
    }
}

struct Writer {
    store: Store,
    receiver: mpsc::Receiver<Task>,
    hub: Arc<Hub>,
    alarms: Option<Feed>,
    counts: Arc<Counts>,
    tell: watch::Sender<Sequence>,
    commits: broadcast::Sender<Rows>,
    judge: Judge,
    /// What comes after the groups that were gathered.
    large: Option<Large>,
}

impl Writer {
    fn run(mut self) {
        let mut groups = Groups::default();
        while self.gather(&mut groups) {
            if !groups.changes.is_empty() {
                groups = match self.store.commit(&groups.changes) {
                    Ok(committed) => self.acknowledge(committed, groups.senders),
                    Err(error) => self.put_off(&error.to_string(), groups),
                };
            }
            match self.large.take() {
                Some(Large::Load(load)) => self.load(load),
                Some(Large::Import(import)) => self.import(import),
                None => {}
            }
        }
        if !groups.changes.is_empty() {
            let rows = groups.rows();
            tracing::warn!(
                rows,
                "stopping with changes of streams that could not be written and were never acknowledged"
            );
        }
    }

    /// Adds what waits to what is to be tried again, as far as one commit goes; waits where there is nothing at all.
    /// `false` at the end: all senders are gone and nothing new is there.
    fn gather(&mut self, groups: &mut Groups) -> bool {
        let tried = groups.changes.len();
        if tried == 0 {
            match self.receiver.blocking_recv() {
                None => return false,
                Some(first) => self.add(first, groups),
            }
        }
        let mut rows = groups.rows();
        while rows < COMMIT_ROWS && self.large.is_none() {
            let Ok(next) = self.receiver.try_recv() else { break };
            let before = groups.changes.len();
            self.add(next, groups);
            rows += groups.changes[before..].iter().flatten().map(Change::row_count).sum::<usize>();
        }
        groups.changes.len() > tried || self.large.is_some() || !self.receiver.is_closed()
    }

    fn add(&mut self, task: Task, groups: &mut Groups) {
        match task {
            Task::Group(Group { changes, sender }) => {
                groups.push(Group { changes: self.judge.judge(changes, TimeUs::now()), sender });
            }
            Task::Large(large) => self.large = Some(large),
        }
    }

    /// Takes changes in that come in pieces, as a commit of their own.
    fn import(&mut self, import: Import) {
        let Import { pieces, answer } = import;
        match self.take_in(pieces) {
            Ok(committed) => drop(self.acknowledge(committed, vec![Sender::Imports(answer)])),
            Err(error) => {
                tracing::warn!("an import was refused: {}", error.description);
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                drop(answer.send(Err(error)));
            }
        }
    }

    fn take_in(&mut self, pieces: Pieces) -> Result<Committed, ApiError> {
        let mut import = self.store.import();
        for changes in pieces {
            let changes = self.judge.judge(changes?, TimeUs::now());
            import.take(changes).map_err(ApiError::unavailable)?;
        }
        import.finish().map_err(ApiError::unavailable)
    }

    /// Writes many rows as a commit of their own.
    fn load(&mut self, load: Load) {
        let loaded = self
            .store
            .load(load.table, load.rows.map(|rows| rows.map_err(LoadError)))
            .map_err(|failed: LoadError| failed.0);
        match &loaded {
            Err(error) => tracing::warn!("rows in bulk were refused: {}", error.description),
            Ok(done) => {
                let counter = match load.table {
                    Table::Positions => &self.counts.positions,
                    _ => &self.counts.observations,
                };
                counter.fetch_add(done.rows, Ordering::Relaxed);
                self.counts.unchanged.fetch_add(done.unchanged, Ordering::Relaxed);
                self.counts.commits.fetch_add(u64::from(done.sequence.is_some()), Ordering::Relaxed);
                if let Some(sequence) = done.sequence {
                    self.tell.send_replace(sequence);
                    self.alarms.iter().for_each(Feed::tell_loaded);
                }
            }
        }
        drop(load.answer.send(loaded));
    }

    /// After a failure: those who wait are told, the rest is kept for another try.
    fn put_off(&self, line: &str, groups: Groups) -> Groups {
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        // Said once, not at every try.
        if self.counts.set_trouble(Some(line.to_owned())).is_none_or(|before| before != line) {
            tracing::error!("commit failed, trying again: {line}");
        }
        let again = groups.fail(line);
        std::thread::sleep(PAUSE);
        again
    }

    fn acknowledge(&mut self, committed: Committed, senders: Vec<Sender>) -> Groups {
        self.counts.commits.fetch_add(1, Ordering::Relaxed);
        if self.counts.set_trouble(None).is_some() {
            tracing::info!("commits go on");
        }
        let sequence = committed.sequence;
        for (outcome, sender) in committed.outcomes.into_iter().zip(senders) {
            self.count(&outcome);
            self.judge.told(&outcome);
            sender.durable(Receipt { sequence, outcome });
        }
        if self.commits.receiver_count() > 0 {
            drop(self.commits.send(Arc::new(committed.rows.clone())));
        }
        match &self.alarms {
            Some(alarms) if committed.past_log => alarms.tell_loaded(),
            Some(alarms) => alarms.tell(sequence, committed.rows),
            None => {}
        }
        self.hub.publish(&committed.delta, &self.store.reader());
        self.tell.send_replace(sequence);
        Groups::default()
    }

    fn count(&self, outcome: &Outcome) {
        let add = |counter: &AtomicU64, n: u64| counter.fetch_add(n, Ordering::Relaxed);
        add(&self.counts.observations, outcome.observations);
        add(&self.counts.positions, outcome.positions);
        add(&self.counts.entities, outcome.created + outcome.revised);
        add(&self.counts.rejected, outcome.rejected.len() as u64);
        add(&self.counts.unchanged, outcome.unchanged);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use kernel_model::TimeUs;

    use super::*;

    #[test]
    fn rows_that_are_wrong_in_themselves_are_not_to_be_sent_again() {
        let too_old = kernel_store::Error::TooOld { table: "positions", first: TimeUs(1), before: TimeUs(2) };
        for wrong in [too_old, kernel_store::Error::NoDatastream(7)] {
            assert_eq!(LoadError::from(wrong).0.status, StatusCode::BAD_REQUEST);
        }
        let away = kernel_store::Error::Poisoned("the disk is full".to_owned());
        assert_eq!(LoadError::from(away).0.status, StatusCode::SERVICE_UNAVAILABLE, "later it may be taken");
    }
}
