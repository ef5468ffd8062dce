//! The only writer. Groups of changes come in over a bounded channel; all that wait are committed together; each sender
//! is told when its changes are durable. A full channel slows the senders; how often and how long is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kernel_model::{Change, Sequence};
use kernel_store::{Outcome, Store};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::Error;
use crate::live::Hub;

/// Rows after which a commit takes no further group.
const COMMIT_ROWS: usize = 65_536;
/// Groups that may wait.
const QUEUE: usize = 256;

/// Word that changes are durable.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    /// The last commit they are part of.
    pub sequence: Sequence,
    /// What became of them.
    pub outcome: Outcome,
}

/// Where a sender waits, if it does.
type Reply = Option<oneshot::Sender<Result<Receipt, String>>>;

struct Group {
    changes: Vec<Change>,
    reply: Reply,
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
    queue: mpsc::Sender<Group>,
    counts: Arc<Counts>,
    committed: watch::Receiver<Sequence>,
}

impl Ingest {
    /// Gives the store to a thread of its own that writes what comes in until all senders are gone, then seals nothing
    /// and ends: the log holds what it needs.
    pub fn start(store: Store, hub: Arc<Hub>) -> (Self, std::thread::JoinHandle<()>) {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let (tell, committed) = watch::channel(store.reader().snapshot().sequence());
        let writer = Writer { store, receiver, hub, counts: counts.clone(), tell };
        let thread = std::thread::spawn(move || writer.run());
        (Self { queue, counts, committed }, thread)
    }

    /// Sends changes and does not wait for the commit; waits only while the queue is full.
    ///
    /// # Errors
    /// Where the writer has stopped.
    pub async fn send(&self, changes: Vec<Change>) -> Result<(), Error> {
        self.push(Group { changes, reply: None }).await
    }

    /// Sends changes and waits until they are durable.
    ///
    /// # Errors
    /// Where the writer has stopped or the commit failed; then nothing of it was kept.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<Receipt, Error> {
        let (reply, answer) = oneshot::channel();
        self.push(Group { changes, reply: Some(reply) }).await?;
        match answer.await {
            Ok(result) => result.map_err(Error::WriterStopped),
            Err(_) => Err(Error::WriterStopped("it gave no answer".to_owned())),
        }
    }

    async fn push(&self, group: Group) -> Result<(), Error> {
        let stopped = || Error::WriterStopped("its queue is closed".to_owned());
        let group = match self.queue.try_send(group) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(stopped()),
            Err(mpsc::error::TrySendError::Full(group)) => group,
        };
        let begun = Instant::now();
        let sent = self.queue.send(group).await;
        self.counts.waits.fetch_add(1, Ordering::Relaxed);
        self.counts.waited_us.fetch_add(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
        sent.map_err(|_| stopped())
    }

    /// Follows the last commit.
    pub fn committed(&self) -> watch::Receiver<Sequence> {
        self.committed.clone()
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

struct Writer {
    store: Store,
    receiver: mpsc::Receiver<Group>,
    hub: Arc<Hub>,
    counts: Arc<Counts>,
    tell: watch::Sender<Sequence>,
}

impl Writer {
    fn run(mut self) {
        while let Some(first) = self.receiver.blocking_recv() {
            let (groups, replies) = self.gather(first);
            match self.store.commit(groups) {
                Ok(committed) => self.acknowledge(committed, replies),
                Err(error) => {
                    let line = error.to_string();
                    tracing::error!("commit failed: {line}");
                    for reply in replies.into_iter().flatten() {
                        drop(reply.send(Err(line.clone())));
                    }
                    self.counts.failed.fetch_add(1, Ordering::Relaxed);
                    // A disk that is full may have room again; do not spin on it.
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
        }
    }

    fn gather(&mut self, first: Group) -> (Vec<Vec<Change>>, Vec<Reply>) {
        let mut rows = first.changes.iter().map(Change::row_count).sum::<usize>();
        let (mut groups, mut replies) = (vec![first.changes], vec![first.reply]);
        while rows < COMMIT_ROWS {
            let Ok(next) = self.receiver.try_recv() else { break };
            rows += next.changes.iter().map(Change::row_count).sum::<usize>();
            groups.push(next.changes);
            replies.push(next.reply);
        }
        (groups, replies)
    }

    fn acknowledge(&self, committed: kernel_store::Committed, replies: Vec<Reply>) {
        self.counts.commits.fetch_add(1, Ordering::Relaxed);
        let sequence = committed.sequence;
        for (outcome, reply) in committed.outcomes.into_iter().zip(replies) {
            self.count(&outcome);
            if let Some(reply) = reply {
                drop(reply.send(Ok(Receipt { sequence, outcome })));
            }
        }
        self.hub.publish(&committed.delta, &self.store.reader());
        self.tell.send_replace(sequence);
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
