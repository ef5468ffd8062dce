//! The broker inside the program (MQTT 3.1.1 and 5.0 over TCP or TLS): clients come in, every message goes to the in-process
//! queues and to the clients subscribed to it. Nothing is written to disk, and no message for the in-process queues is ever
//! dropped: where they are full, the publisher's connection is not read until there is room.
//!
//! The ready-made broker of rumqtt was measured and left: it cannot be stopped, does not say when or where it listens, and
//! silently skips messages for a slow in-process reader.

mod connection;
mod door;
mod hub;
mod session;
mod shared;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use door::Door;

use crate::message::{Delivery, Message, Messages};
use hub::Hub;
use wire::Ended;
pub(crate) use wire::Socket;

/// How often wills and sessions that end by time are looked for.
const TENDING: Duration = Duration::from_millis(250);

/// What a broker may use.
#[derive(Debug, Clone)]
pub struct BrokerLimits {
    /// Clients at one time; further ones are refused with "server unavailable".
    pub connections: usize,
    /// Longest packet in bytes; a client that sends a longer one is cut off.
    pub packet_bytes: usize,
    /// Messages that wait for each in-process reader before its publishers have to.
    pub inside_queue: usize,
    /// Messages of one publisher that wait to become durable before they are acknowledged; beyond that its connection
    /// is not read.
    pub unacknowledged: usize,
    /// Messages that wait for each outside subscriber; beyond that QoS 0 is dropped and counted, and a QoS 1
    /// subscriber is cut off (and counted).
    pub session_queue: usize,
    /// Retained messages; further topics are not retained, and counted.
    pub retained: usize,
    /// Sessions kept for clients that connect without "clean session", connected or not; the eldest absent go first.
    pub sessions: usize,
    /// Filters of one client; further ones are refused in the acknowledgement.
    pub filters: usize,
    /// How long a new connection may take to say CONNECT, and a write to make progress.
    pub patience: Duration,
}

impl Default for BrokerLimits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            packet_bytes: 256 * 1_024,
            inside_queue: 16_384,
            unacknowledged: 16_384,
            session_queue: 8_192,
            retained: 100_000,
            sessions: 4_096,
            filters: 256,
            patience: Duration::from_secs(10),
        }
    }
}

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The address cannot be listened on.
    #[error("cannot listen for MQTT on {address}: {source}; choose another address or stop the program that has it")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What the broker did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BrokerCounters {
    /// Clients connected now.
    pub connected: u64,
    /// Messages published by clients.
    pub received: u64,
    /// Messages sent to outside subscribers.
    pub sent: u64,
    /// Times a publisher had to wait for a full in-process queue.
    pub waits: u64,
    /// How long publishers waited in all, milliseconds.
    pub waited_ms: u64,
    /// QoS 0 messages not sent to an outside subscriber that did not keep up.
    pub dropped: u64,
    /// Subscribers cut off because they did not keep up.
    pub cut_off: u64,
    /// Connections refused or cut off for breaking the protocol or a limit.
    pub refused: u64,
    /// Retained messages not kept because of the limit.
    pub not_retained: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) connected: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) waits: AtomicU64,
    pub(crate) waited_us: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) cut_off: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) not_retained: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// A running broker. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    hub: Arc<Hub>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Broker {
    /// Listens on the address (port 0: any free one, see [`Broker::address`]) and serves on the current tokio runtime.
    /// Take [`Broker::messages`] before telling anyone the address: what is published before is not kept.
    ///
    /// # Errors
    /// [`BrokerError::Listen`].
    pub async fn start(listen: SocketAddr, limits: BrokerLimits) -> Result<Self, BrokerError> {
        Self::start_behind(listen, limits, Door::default()).await
    }

    /// The same, behind a door.
    ///
    /// # Errors
    /// [`BrokerError::Listen`].
    pub async fn start_behind(listen: SocketAddr, limits: BrokerLimits, door: Door) -> Result<Self, BrokerError> {
        let refused = |source| BrokerError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let hub = Arc::new(Hub::new(limits, door));
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&hub), stopped));
        tracing::info!(%address, "MQTT broker listens");
        Ok(Self { address, hub, stop, accepting })
    }

    /// The address bound, with the port the system chose where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Subscribes this process to all topics: the retained messages first, then everything published from now on. Each
    /// call is a reader of its own with a queue of its own; a message that is retained in this very moment may come
    /// twice.
    pub fn messages(&self) -> Messages {
        self.hub.subscribe_inside()
    }

    /// Publishes a message of the program's own with QoS 1 to outside subscribers. It is not retained, and no reader of
    /// [`Broker::messages`] gets it.
    pub fn tell(&self, topic: String, payload: Vec<u8>) {
        let (payload, delivery) = (payload.into(), Delivery::AtLeastOnce);
        self.hub.tell(&Message { topic, payload, delivery, retain: false, passed: None });
    }

    /// What clients outside subscribed to, each once; shared subscriptions are left out.
    pub fn filters(&self) -> Vec<String> {
        self.hub.filters()
    }

    /// What happened so far.
    pub fn counters(&self) -> BrokerCounters {
        self.hub.counters()
    }

    /// Closes every connection and waits until all is closed. Readers of [`Broker::messages`] still get what is queued.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.accepting.await {
            tracing::warn!(%error, "the broker's accepting task did not end well");
        }
    }
}

async fn accept(listener: TcpListener, hub: Arc<Hub>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let tending = tokio::spawn(tend(Arc::clone(&hub)));
    loop {
        tokio::select! {
            // Both a stop asked for and a dropped `Broker` end the wait.
            _ = stopped.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(&mut connections, &hub, stream, peer),
                Err(error) => {
                    // Out of file descriptors, mostly: waiting is all that helps.
                    tracing::warn!(%error, "cannot accept an MQTT connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    tending.abort();
    connections.shutdown().await;
    hub.close();
}

async fn tend(hub: Arc<Hub>) {
    let mut ticks = tokio::time::interval(TENDING);
    loop {
        ticks.tick().await;
        hub.tend().await;
    }
}

fn admit(connections: &mut JoinSet<()>, hub: &Arc<Hub>, stream: TcpStream, peer: SocketAddr) {
    let hub = Arc::clone(hub);
    let has_room = connections.len() < hub.limits.connections;
    if connections.len() >= 2 * hub.limits.connections {
        // So many are being told already that there is no room.
        return count(&hub.tally.refused, 1);
    }
    connections.spawn(async move {
        let ended = match socket(stream, &hub).await {
            Ok(socket) if has_room => connection::serve(socket, &hub).await,
            Ok(socket) => connection::refuse(socket, &hub).await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            count(&hub.tally.refused, 1);
            tracing::debug!(%peer, %error, "MQTT connection ended");
        }
    });
}

/// The connection, under TLS where the door says so.
async fn socket(stream: TcpStream, hub: &Hub) -> Result<Box<dyn Socket>, Ended> {
    stream.set_nodelay(true)?;
    let Some(tls) = hub.door.tls() else { return Ok(Box::new(stream)) };
    let encrypted = tokio::time::timeout(hub.limits.patience, tls.accept(stream)).await;
    Ok(Box::new(encrypted.map_err(|_| Ended::Silent)??))
}
