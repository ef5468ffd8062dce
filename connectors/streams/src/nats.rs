//! The consumer of a NATS JetStream stream: messages come in over a durable pull consumer, the same [`Messages`] go out as
//! from MQTT, their subjects as topics (`site.7.pm25` is `site/7/pm25`). A message is acknowledged when it is durable; what
//! was not, because this program or the server was killed, is delivered again. The stream is there before: it is its owner's
//! to say what it keeps.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{self, Message as Delivered};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::message::{Acknowledgement, Delivery, Incoming, Message, Messages};

/// First pause before trying again; doubled until [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(30);
/// How long one step of the set-up may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Messages asked for at once.
const PULLED: usize = 1_000;

/// Which server, stream and consumer.
#[derive(Debug, Clone)]
pub struct NatsSettings {
    /// `nats://host:4222`, or `tls://host:4222`.
    pub url: String,
    /// User name and password.
    pub login: Option<(String, String)>,
    /// PEM file of the authorities that the server's certificate is checked against; without it the system's.
    pub authorities: Option<PathBuf>,
    /// The stream's name.
    pub stream: String,
    /// The durable consumer's name; made where it is not there. Two programs of one name share its messages.
    pub durable: String,
    /// Subjects wanted of the stream; none: all.
    pub subject: Option<String>,
    /// After this without acknowledgement a message is delivered again.
    pub ack_wait: Duration,
    /// Messages that may be unacknowledged.
    pub unacknowledged: u16,
}

impl NatsSettings {
    /// All of a stream, acknowledged within half a minute.
    pub fn new(url: impl Into<String>, stream: impl Into<String>, durable: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            login: None,
            authorities: None,
            stream: stream.into(),
            durable: durable.into(),
            subject: None,
            ack_wait: Duration::from_secs(30),
            unacknowledged: 16_384,
        }
    }
}

/// A running consumer; dropping it stops it.
#[derive(Debug)]
pub struct Nats {
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    is_connected: AtomicBool,
    received: AtomicU64,
}

impl Nats {
    /// Starts connecting on the current tokio runtime; an absent server or stream is tried again until it is there.
    pub fn start(settings: NatsSettings) -> (Self, Messages) {
        let (sender, receiver) = mpsc::channel(usize::from(settings.unacknowledged.max(1)));
        let state = Arc::new(State::default());
        let task = tokio::spawn(run(settings, sender, Arc::clone(&state)));
        (Self { state, task }, Messages::new(VecDeque::new(), receiver))
    }

    /// Whether messages are being taken.
    pub fn is_connected(&self) -> bool {
        self.state.is_connected.load(Ordering::Acquire)
    }

    /// Messages received, those that came again too.
    pub fn received(&self) -> u64 {
        self.state.received.load(Ordering::Relaxed)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why no messages come.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("no connection: {0}")]
    Connect(#[from] async_nats::ConnectError),
    #[error("no answer in time")]
    Silent,
    #[error("stream: {0}; it must be there, say its name")]
    Stream(#[from] jetstream::context::GetStreamError),
    #[error("consumer: {0}; one of the same name with other settings must be removed first")]
    Consumer(#[from] jetstream::stream::ConsumerError),
    #[error("{0}")]
    Pull(#[from] jetstream::consumer::StreamError),
    #[error("{0}")]
    Messages(#[from] pull::MessagesError),
    #[error("acknowledging: {0}")]
    Acknowledge(async_nats::Error),
    #[error("the server ended the delivery")]
    Over,
    #[error("nobody takes messages any more")]
    Unwanted,
}

async fn run(settings: NatsSettings, out: mpsc::Sender<Incoming>, state: Arc<State>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let received = state.received.load(Ordering::Relaxed);
        let Err(ended) = consume(&settings, &out, &state).await;
        state.is_connected.store(false, Ordering::Release);
        if matches!(ended, Ended::Unwanted) {
            return;
        }
        if state.received.load(Ordering::Relaxed) > received {
            pause = FIRST_PAUSE;
        }
        tracing::warn!(url = settings.url, stream = settings.stream, reason = %ended, ?pause, "NATS gives no messages: trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

async fn in_time<T, E: Into<Ended>>(step: impl Future<Output = Result<T, E>>) -> Result<T, Ended> {
    tokio::time::timeout(PATIENCE, step).await.map_err(|_| Ended::Silent)?.map_err(Into::into)
}

/// Connects and finds the consumer, or makes it.
async fn open(settings: &NatsSettings) -> Result<pull::Stream, Ended> {
    let mut options = ConnectOptions::new().name(&settings.durable);
    if let Some((user, password)) = &settings.login {
        options = options.user_and_password(user.clone(), password.clone());
    }
    if let Some(path) = &settings.authorities {
        options = options.add_root_certificates(path.clone()).require_tls(true);
    }
    let client = in_time(options.connect(&settings.url)).await?;
    let stream = in_time(jetstream::new(client).get_stream(&settings.stream)).await?;
    let wanted = pull::Config {
        durable_name: Some(settings.durable.clone()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: settings.ack_wait,
        max_ack_pending: i64::from(settings.unacknowledged),
        filter_subject: settings.subject.clone().unwrap_or_default(),
        ..pull::Config::default()
    };
    let consumer = in_time(stream.get_or_create_consumer(&settings.durable, wanted)).await?;
    in_time(consumer.stream().max_messages_per_batch(PULLED).messages()).await
}

async fn consume(
    settings: &NatsSettings,
    out: &mpsc::Sender<Incoming>,
    state: &State,
) -> Result<std::convert::Infallible, Ended> {
    let mut messages = open(settings).await?;
    tracing::info!(url = settings.url, stream = settings.stream, "taking messages from NATS");
    state.is_connected.store(true, Ordering::Release);
    let (kept, mut told) = mpsc::unbounded_channel();
    let mut open = Open::new(settings.unacknowledged);
    loop {
        tokio::select! {
            next = messages.next(), if open.has_room() => {
                let delivered = next.ok_or(Ended::Over)??;
                state.received.fetch_add(1, Ordering::Relaxed);
                let message = message(&delivered);
                let acknowledgement = Some(Acknowledgement::new(open.keep(delivered), kept.clone()));
                // A full queue holds up what is to be acknowledged too; the server delivers again what takes too long.
                if out.send(Incoming { message, acknowledgement }).await.is_err() {
                    return Err(Ended::Unwanted);
                }
            }
            Some(id) = told.recv() => {
                if let Some(delivered) = open.take(id) {
                    delivered.ack().await.map_err(Ended::Acknowledge)?;
                }
            }
            () = out.closed() => return Err(Ended::Unwanted),
        }
    }
}

fn message(delivered: &Delivered) -> Message {
    Message {
        topic: delivered.subject.replace('.', "/"),
        payload: delivered.payload.clone(),
        delivery: Delivery::AtLeastOnce,
        retain: false,
        passed: None,
    }
}

/// Delivered messages that are not durable yet, by numbers that are given again.
struct Open {
    held: Vec<Option<Delivered>>,
    free: Vec<u16>,
}

impl Open {
    fn new(limit: u16) -> Self {
        let limit = limit.max(1);
        Self { held: (0..limit).map(|_| None).collect(), free: (0..limit).rev().collect() }
    }

    fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    /// A number for the message; called only where there is room.
    fn keep(&mut self, delivered: Delivered) -> u16 {
        let id = self.free.pop().unwrap_or_default();
        self.held[usize::from(id)] = Some(delivered);
        id
    }

    fn take(&mut self, id: u16) -> Option<Delivered> {
        let delivered = self.held[usize::from(id)].take()?;
        self.free.push(id);
        Some(delivered)
    }
}
