//! The client of a broker outside: it subscribes, messages come in, the same [`Messages`] go out as from the broker
//! inside. It connects again by itself, with growing pauses. While the queue is full nothing is read from the socket:
//! how much the other broker then keeps is its own matter. What came with QoS 1 is acknowledged when it is durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::message::{Acknowledgement, Delivery, Incoming, Message, Messages};
use crate::topic;

/// First pause before connecting again; doubled until [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// Where and what to subscribe to.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Host name or address.
    pub host: String,
    /// TCP port; 1883 is MQTT's.
    pub port: u16,
    /// The client id; two clients of one id push each other out.
    pub client_id: String,
    /// User name and password, where the broker wants them. They travel unencrypted.
    pub login: Option<(String, String)>,
    /// Filters to subscribe to, such as `urbis/#`.
    pub filters: Vec<String>,
    /// Messages that may wait here.
    pub queue: usize,
    /// Longest packet taken, bytes.
    pub packet_bytes: usize,
    /// Ask for QoS 1 and a session the broker keeps while we are away; else QoS 0 and a clean one.
    pub at_least_once: bool,
}

impl ClientSettings {
    /// All of `urbis/#` from the broker, at least once.
    pub fn new(host: impl Into<String>, port: u16, client_id: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port,
            client_id: client_id.into(),
            login: None,
            filters: vec!["urbis/#".to_owned()],
            queue: 16_384,
            packet_bytes: 256 * 1_024,
            at_least_once: true,
        }
    }
}

/// Why a client did not start.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A filter that the protocol does not allow.
    #[error("`{0}` is no MQTT filter: `+` and `#` stand alone in their level, `#` only in the last")]
    Filter(String),
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
struct State {
    is_connected: AtomicBool,
    connects: AtomicU64,
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
        // `rumqttc` takes these for programming errors and panics.
        if settings.client_id.is_empty() || settings.client_id.starts_with(' ') {
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
    let mut options = MqttOptions::new(&settings.client_id, &settings.host, settings.port);
    options.set_keep_alive(Duration::from_secs(30));
    options.set_clean_session(!settings.at_least_once);
    options.set_manual_acks(true);
    options.set_max_packet_size(settings.packet_bytes, settings.packet_bytes);
    if let Some((user, password)) = &settings.login {
        options.set_credentials(user, password);
    }
    let (client, mut events) = AsyncClient::new(options, settings.filters.len() + 16);
    let (kept, told) = mpsc::unbounded_channel();
    let _acknowledging = AbortOnDrop(tokio::spawn(acknowledge(client.clone(), told)));
    let mut pause = FIRST_PAUSE;
    loop {
        let ended = receive(&mut events, &client, &kept, &settings, &out, &state, &mut pause).await;
        state.is_connected.store(false, Ordering::Release);
        let Some(reason) = ended else { return };
        tracing::warn!(host = settings.host, port = settings.port, %reason, ?pause, "MQTT broker is not there: trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Reads until the connection breaks (`Some` reason) or nobody wants the messages any more (`None`).
async fn receive(
    events: &mut EventLoop,
    client: &AsyncClient,
    kept: &mpsc::UnboundedSender<u16>,
    settings: &ClientSettings,
    out: &mpsc::Sender<Incoming>,
    state: &State,
    pause: &mut Duration,
) -> Option<String> {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                *pause = FIRST_PAUSE;
                state.connects.fetch_add(1, Ordering::Relaxed);
                state.is_connected.store(true, Ordering::Release);
                let qos = if settings.at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce };
                for filter in &settings.filters {
                    // The queue to the event loop has room for all of them: waiting here would wait for ourselves.
                    if let Err(error) = client.try_subscribe(filter, qos) {
                        return Some(error.to_string());
                    }
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                if out.send(incoming(publish, kept)).await.is_err() {
                    return None;
                }
            }
            Ok(_) if out.is_closed() => return None,
            Ok(_) => {}
            Err(error) => return Some(error.to_string()),
        }
    }
}

fn incoming(publish: Publish, kept: &mpsc::UnboundedSender<u16>) -> Incoming {
    let Publish { topic, payload, qos, retain, pkid, .. } = publish;
    let (delivery, acknowledgement) = match qos {
        QoS::AtMostOnce => (Delivery::AtMostOnce, None),
        _ => (Delivery::AtLeastOnce, Some(Acknowledgement::new(pkid, kept.clone()))),
    };
    Incoming { message: Message { topic, payload, delivery, retain }, acknowledgement }
}

/// Acknowledges what is durable. It is a task of its own because the queue to the event loop may be full, and the event
/// loop must not wait for itself.
async fn acknowledge(client: AsyncClient, mut told: mpsc::UnboundedReceiver<u16>) {
    while let Some(packet_id) = told.recv().await {
        let mut publish = Publish::new("", QoS::AtLeastOnce, []);
        publish.pkid = packet_id;
        if client.ack(&publish).await.is_err() {
            return;
        }
    }
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
