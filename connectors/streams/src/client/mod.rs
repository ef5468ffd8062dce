//! The client of a broker outside: it subscribes, messages come in, the same [`Messages`] go out as from the broker
//! inside. It connects again by itself, with growing pauses. What came with QoS 1 or 2 is acknowledged when it is durable;
//! the session is the broker's to keep, so what is published while this program is away, or was not durable when it was
//! killed, comes with the next connection. While the queue is full nothing is read from the socket.

mod link;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::message::{Delivery, Incoming, Messages};
use crate::mqtt::Version;
use crate::tls::ClientTls;
use crate::topic;
use link::Ended;

/// First pause before connecting again; doubled until [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// Where and what to subscribe to.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Host name or address; under TLS the name that the broker's certificate must bear.
    pub host: String,
    /// TCP port; MQTT's are 1883 and, under TLS, 8883.
    pub port: u16,
    /// Which MQTT to speak.
    pub version: Version,
    /// The client id; two clients of one id push each other out. The broker keeps the session under it.
    pub client_id: String,
    /// User name and password, where the broker wants them. Without TLS they travel unencrypted.
    pub login: Option<(String, String)>,
    /// Speak TLS.
    pub tls: Option<ClientTls>,
    /// Filters to subscribe to, such as `urbis/#`.
    pub filters: Vec<String>,
    /// Messages that may wait here.
    pub queue: usize,
    /// Longest packet taken, bytes.
    pub packet_bytes: usize,
    /// QoS asked for. With 0 nothing is kept while we are away.
    pub delivery: Delivery,
    /// How long the broker is to keep the session, and with it what we miss, while we are away, seconds; 3.1.1 knows only
    /// for ever.
    pub session_s: u32,
    /// Unacknowledged messages the broker may send; 3.1.1 has no way to say it.
    pub unacknowledged: u16,
}

impl ClientSettings {
    /// All of `urbis/#` from the broker, over MQTT 5.0, at least once, missed for up to a week.
    pub fn new(host: impl Into<String>, port: u16, client_id: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port,
            version: Version::V5,
            client_id: client_id.into(),
            login: None,
            tls: None,
            filters: vec!["urbis/#".to_owned()],
            queue: 16_384,
            packet_bytes: 256 * 1_024,
            delivery: Delivery::AtLeastOnce,
            session_s: 7 * 86_400,
            unacknowledged: 16_384,
        }
    }
}

/// Why a client did not start.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A filter that the protocol does not allow.
    #[error("`{0}` is no MQTT filter: `+` and `#` stand alone in their level, `#` only in the last")]
    Filter(String),
    /// No filter at all.
    #[error("no filter: say what to subscribe to, such as `urbis/#`")]
    NoFilter,
    /// An empty client id with a session to keep.
    #[error("the client id is empty: give a name that no other client of the broker uses")]
    ClientId,
}

/// A running client; dropping it stops it.
#[derive(Debug)]
pub struct Client {
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    is_connected: AtomicBool,
    connects: AtomicU64,
    received: AtomicU64,
}

impl Client {
    /// Starts connecting on the current tokio runtime; an absent broker is tried again until it is there.
    ///
    /// # Errors
    /// Where a setting cannot be; a broker that is not there is no error, see [`Client::is_connected`].
    pub fn start(settings: ClientSettings) -> Result<(Self, Messages), ClientError> {
        if let Some(wrong) = settings.filters.iter().find(|filter| !topic::is_valid_filter(filter)) {
            return Err(ClientError::Filter(wrong.clone()));
        }
        if settings.filters.is_empty() {
            return Err(ClientError::NoFilter);
        }
        if settings.client_id.is_empty() {
            return Err(ClientError::ClientId);
        }
        let (sender, receiver) = mpsc::channel(settings.queue.max(1));
        let state = Arc::new(State::default());
        let task = tokio::spawn(run(settings, sender, Arc::clone(&state)));
        Ok((Self { state, task }, Messages::new(std::collections::VecDeque::new(), receiver)))
    }

    /// Whether the broker has answered and the connection stands.
    pub fn is_connected(&self) -> bool {
        self.state.is_connected.load(Ordering::Acquire)
    }

    /// How often the connection was made: 1 is the first.
    pub fn connects(&self) -> u64 {
        self.state.connects.load(Ordering::Relaxed)
    }

    /// Messages received, those that came again too.
    pub fn received(&self) -> u64 {
        self.state.received.load(Ordering::Relaxed)
    }

    /// Leaves; what is queued can still be read.
    pub async fn stop(mut self) {
        self.task.abort();
        if let Err(error) = (&mut self.task).await
            && !error.is_cancelled()
        {
            tracing::error!(%error, "the MQTT client did not end well");
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(settings: ClientSettings, out: mpsc::Sender<Incoming>, state: Arc<State>) {
    let mut unreleased = std::collections::HashSet::new();
    let mut pause = FIRST_PAUSE;
    loop {
        let connects = state.connects.load(Ordering::Relaxed);
        let ended = link::serve(&settings, &out, &state, &mut unreleased).await;
        state.is_connected.store(false, Ordering::Release);
        if matches!(ended, Ended::Unwanted) {
            return;
        }
        if state.connects.load(Ordering::Relaxed) > connects {
            pause = FIRST_PAUSE;
        }
        tracing::warn!(host = settings.host, port = settings.port, reason = %ended, ?pause, "no connection to the MQTT broker: trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}
