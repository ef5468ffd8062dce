//! The task between a source and the ingest task: messages come in, batches of changes go out over a bounded channel.
//! A slow ingest task slows this one, the queue behind it fills, and the source waits: nothing is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kernel_model::Change;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use crate::decode::Decoder;
use crate::message::{Acknowledgement, Messages};

/// How messages are grouped.
#[derive(Debug, Clone)]
pub struct FlowSettings {
    /// A batch ends after this many messages.
    pub batch_messages: usize,
    /// Or this long after its first message.
    pub batch_time: Duration,
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self { batch_messages: 4_096, batch_time: Duration::from_millis(10) }
    }
}

/// Changes that came together, and the publishers that wait for them.
#[derive(Debug, Default)]
pub struct Batch {
    /// What the messages say.
    pub changes: Vec<Change>,
    /// One for each message with QoS 1 or 2.
    pub acknowledgements: Vec<Acknowledgement>,
}

impl Batch {
    /// Tells the publishers. Call it when the changes are durable, not before.
    pub fn acknowledge(self) {
        self.acknowledgements.into_iter().for_each(Acknowledgement::give);
    }
}

/// What the flow did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowCounters {
    /// Messages taken from the source.
    pub received: u64,
    /// Messages that became changes.
    pub decoded: u64,
    /// Messages refused; of each batch the first few stand among the changes as samples.
    pub rejected: u64,
    /// Batches sent.
    pub batches: u64,
    /// How long batches waited for room in the channel, milliseconds.
    pub waited_ms: u64,
}

#[derive(Debug, Default)]
struct Tally {
    received: AtomicU64,
    decoded: AtomicU64,
    rejected: AtomicU64,
    batches: AtomicU64,
    waited_us: AtomicU64,
}

/// A running flow. It ends by itself when the source has stopped or the receiver of the changes is gone; dropping it
/// lets it run on.
#[derive(Debug)]
pub struct Streams {
    tally: Arc<Tally>,
    task: JoinHandle<()>,
}

impl Streams {
    /// Starts the task on the current tokio runtime.
    pub fn start(source: Messages, decoder: Decoder, out: Sender<Batch>, settings: FlowSettings) -> Self {
        let tally = Arc::new(Tally::default());
        let task = tokio::spawn(run(source, decoder, out, settings, Arc::clone(&tally)));
        Self { tally, task }
    }

    /// What happened so far.
    pub fn counters(&self) -> FlowCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FlowCounters {
            received: get(&self.tally.received),
            decoded: get(&self.tally.decoded),
            rejected: get(&self.tally.rejected),
            batches: get(&self.tally.batches),
            waited_ms: get(&self.tally.waited_us) / 1_000,
        }
    }

    /// Waits until the source has stopped and everything it had queued was sent on.
    pub async fn finished(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the stream task did not end well");
        }
    }

    /// Stops at once; what is queued stays unread.
    pub async fn stop(self) {
        self.task.abort();
        if let Err(error) = self.task.await
            && !error.is_cancelled()
        {
            tracing::error!(%error, "the stream task did not end well");
        }
    }
}

async fn run(
    mut source: Messages,
    mut decoder: Decoder,
    out: Sender<Batch>,
    settings: FlowSettings,
    tally: Arc<Tally>,
) {
    let limit = settings.batch_messages.max(1);
    let mut messages = Vec::with_capacity(limit);
    let mut acknowledgements = Vec::new();
    let add = |counter: &AtomicU64, by: u64| counter.fetch_add(by, Ordering::Relaxed);
    loop {
        let mut count = source.recv_many(&mut messages, limit).await;
        let ends = tokio::time::Instant::now() + settings.batch_time;
        let mut is_over = count == 0;
        loop {
            add(&tally.received, messages.len() as u64);
            for incoming in messages.drain(..) {
                decoder.decode(&incoming.message.topic, &incoming.message.payload);
                acknowledgements.extend(incoming.acknowledgement);
            }
            if is_over || count >= limit {
                break;
            }
            match tokio::time::timeout_at(ends, source.recv_many(&mut messages, limit - count)).await {
                Ok(0) => is_over = true,
                Ok(more) => count += more,
                Err(_) => break,
            }
        }
        let decoded = decoder.finish_counted();
        add(&tally.decoded, decoded.accepted);
        add(&tally.rejected, decoded.rejected);
        let batch = Batch { changes: decoded.changes, acknowledgements: std::mem::take(&mut acknowledgements) };
        if batch.changes.is_empty() {
            // Topics that are none of ours: there is nothing to make durable.
            batch.acknowledge();
        } else {
            let since = Instant::now();
            if out.send(batch).await.is_err() {
                tracing::info!("nobody takes changes any more: the stream task ends");
                return;
            }
            add(&tally.waited_us, u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX));
            add(&tally.batches, 1);
        }
        if is_over {
            return;
        }
    }
}
