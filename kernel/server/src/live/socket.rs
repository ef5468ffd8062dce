//! `GET /live` as a WebSocket (RFC 6455): text frames are JSON notes (`hello`, `snapshot_end`, `gap`, `ping`), binary
//! frames are Arrow IPC streams. A snapshot comes first, then what changes, at most twenty times a second. With `datetime`
//! (and `recorded`) the snapshot is of the city as it was and nothing follows; a text frame `{"datetime": "..."}` of the
//! client then asks of another instant. What cannot be answered is said in a note `error`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::response::Response;
use kernel_model::{EntityId, Kind, TimeUs};
use serde::Deserialize;
use serde_json::json;

use super::hub::{Client, Filter, Pending};
use super::messages::{entities_message, snapshot_messages, snapshot_things, states_message};
use super::past::{Instant, Past, past};
use crate::entrance::Stay;
use crate::error::ApiError;
use crate::listen::said;
use crate::state::AppState;

/// Shortest time between two messages to one client.
const PACE: Duration = Duration::from_millis(50);
/// Longest time a client may take to take a message.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time between two pings.
const PING: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    bbox: Option<String>,
    kinds: Option<String>,
    datetime: Option<String>,
    recorded: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Result<Filter, ApiError> {
        let region = self.bbox.as_deref().map(str::parse).transpose().map_err(ApiError::bad_request)?;
        let kinds = self
            .kinds
            .as_deref()
            .map(|names| names.split(',').map(|name| name.trim().parse::<Kind>()).collect::<Result<BTreeSet<_>, _>>());
        Ok(Filter { region, kinds: kinds.transpose().map_err(ApiError::bad_request)? })
    }
}

/// Upgrades the connection.
pub(crate) async fn live(
    State(state): State<Arc<AppState>>,
    Query(wanted): Query<Wanted>,
    stay: Option<Extension<Stay>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let filter = wanted.filter()?;
    let instant = match (wanted.datetime, wanted.recorded) {
        (None, None) => None,
        (None, Some(_)) => return Err(ApiError::bad_request("recorded needs datetime beside it: of which instant?")),
        (Some(datetime), recorded) => Some(Instant::new(datetime, recorded)),
    };
    instant.as_ref().map(Instant::read).transpose()?;
    Ok(upgrade.max_message_size(64 << 10).on_upgrade(move |socket| async move {
        let session = Session { state, stay, socket };
        let ended = match instant {
            None => session.run(filter).await,
            Some(instant) => session.run_past(filter, instant).await,
        };
        if let Err(gone) = ended {
            tracing::debug!("live client left: {gone}");
        }
    }))
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum Gone {
    #[error("it closed the connection")]
    Closed,
    #[error("it took no message for {} s", PATIENCE.as_secs())]
    Slow,
    #[error(transparent)]
    Socket(#[from] axum::Error),
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}

struct Session {
    state: Arc<AppState>,
    stay: Option<Extension<Stay>>,
    socket: WebSocket,
}

impl Session {
    async fn run(mut self, filter: Filter) -> Result<(), Gone> {
        let client = self.state.hub.listen(filter, &self.state.reader);
        self.snapshot(&client).await?;
        let mut ping = tokio::time::interval(PING);
        let mut closing = self.state.hub.closing();
        loop {
            tokio::select! {
                () = client.woken() => {
                    self.changes(&client).await?;
                    tokio::time::sleep(PACE).await;
                }
                _ = ping.tick() => self.ping().await?,
                () = said(&mut closing) => return self.farewell(close_code::AWAY, "the server stops").await,
                heard = self.socket.recv() => match heard {
                    None | Some(Ok(Message::Close(_))) => return Err(Gone::Closed),
                    Some(other) => drop(other?),
                },
            }
        }
    }

    /// Says that the line is alive, unless whoever asked may ask no longer.
    async fn ping(&mut self) -> Result<(), Gone> {
        if self.stay.as_ref().is_some_and(|stay| !stay.may()) {
            self.farewell(close_code::POLICY, "the key or token is not good any more").await?;
            return Err(Gone::Closed);
        }
        self.note(json!({ "type": "ping", "time_us": TimeUs::now().0 })).await
    }

    async fn run_past(mut self, filter: Filter, mut instant: Instant) -> Result<(), Gone> {
        let mut ping = tokio::time::interval(PING);
        let mut closing = self.state.hub.closing();
        loop {
            match past(&self.state, &instant, &filter).await {
                Ok(past) => self.tell_past(past).await?,
                Err(refused) => self.note(json!({ "type": "error", "description": refused.description })).await?,
            }
            instant = loop {
                tokio::select! {
                    _ = ping.tick() => self.ping().await?,
                    () = said(&mut closing) => {
                        return self.farewell(close_code::AWAY, "the server stops").await;
                    }
                    heard = self.socket.recv() => match heard {
                        None | Some(Ok(Message::Close(_))) => return Err(Gone::Closed),
                        Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                            Ok(instant) => break instant,
                            Err(error) => {
                                let description = format!("a text frame is {{\"datetime\": \"...\"}}: {error}");
                                self.note(json!({ "type": "error", "description": description })).await?;
                            }
                        },
                        Some(other) => drop(other?),
                    },
                }
            };
        }
    }

    async fn tell_past(&mut self, past: Past) -> Result<(), Gone> {
        let time = past.at.to_string();
        self.note(json!({ "type": "hello", "sequence": past.sequence, "time": time, "entities": past.things })).await?;
        for message in past.messages {
            self.send(Message::Binary(Bytes::from(message))).await?;
        }
        self.note(json!({ "type": "snapshot_end", "sequence": past.sequence, "time": time })).await
    }

    async fn farewell(&mut self, code: u16, reason: &'static str) -> Result<(), Gone> {
        self.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await
    }

    async fn snapshot(&mut self, client: &Client) -> Result<(), Gone> {
        let reader = self.state.reader.clone();
        let (things, sequence) = {
            let live = reader.live();
            let things = snapshot_things(&live, client.filter());
            // Under the same glance, so that no change falls between the snapshot and the deltas.
            client.know(things.iter().copied());
            (things, reader.snapshot().sequence())
        };
        let time = TimeUs::now().to_string();
        let hello = json!({ "type": "hello", "sequence": sequence.0, "time": time, "entities": things.len() });
        self.note(hello).await?;
        for messages in snapshot_messages(&reader, &things) {
            for message in messages? {
                self.send(Message::Binary(Bytes::from(message))).await?;
            }
        }
        self.note(json!({ "type": "snapshot_end", "sequence": sequence.0 })).await
    }

    async fn changes(&mut self, client: &Client) -> Result<(), Gone> {
        let pending = client.take();
        self.state.hub.count(&pending);
        for message in self.messages(&pending)? {
            self.send(Message::Binary(Bytes::from(message))).await?;
        }
        match pending.missed {
            0 => Ok(()),
            missed => self.note(json!({ "type": "gap", "missed": missed, "coalesced": pending.coalesced })).await,
        }
    }

    fn messages(&self, pending: &Pending) -> Result<Vec<Vec<u8>>, Gone> {
        let live = self.state.reader.live();
        let mut messages = Vec::new();
        let entities: Vec<_> = pending.entities.iter().filter_map(|id| live.entity(id)).collect();
        let hidden: Vec<EntityId> = pending.entities.iter().filter(|id| live.entity(id).is_none()).copied().collect();
        if !entities.is_empty() || !hidden.is_empty() {
            messages.push(entities_message(&live, &entities, &hidden)?);
        }
        if !pending.fixes.is_empty() || !pending.readings.is_empty() {
            messages.push(states_message(&live, pending.fixes.iter(), pending.readings.iter())?);
        }
        Ok(messages)
    }

    async fn note(&mut self, note: serde_json::Value) -> Result<(), Gone> {
        self.send(Message::Text(note.to_string().into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        let bytes = match &message {
            Message::Binary(bytes) => bytes.len(),
            _ => 0,
        };
        self.state.hub.counters.messages.fetch_add(1, Ordering::Relaxed);
        self.state.hub.counters.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        match tokio::time::timeout(PATIENCE, self.socket.send(message)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Gone::Slow),
        }
    }
}
