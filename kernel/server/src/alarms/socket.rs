//! `GET /alerts/live?since=N` as a WebSocket: every record after a number as a text frame of JSON, then every one that comes,
//! in order. A client that comes back with the number it had last misses none and is told none twice. Without `since` it begins
//! with what comes. A client that takes nothing for half a minute is cut off; what it did not take is there when it comes back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde::Deserialize;

use super::AlarmDoor;
use super::doors::door;
use crate::error::ApiError;
use crate::parameters::Parameters;
use crate::state::AppState;

/// Longest time a client may take to take a message.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time between two pings.
const PING: Duration = Duration::from_secs(15);
/// Records read at once.
const SOME: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    since: Option<u64>,
    rule: Option<String>,
}

/// Upgrades the connection.
pub(crate) async fn live(
    State(state): State<Arc<AppState>>,
    Parameters(wanted): Parameters<Wanted>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let door = door(&state)?.clone();
    let since = wanted.since.unwrap_or_else(|| door.reader().last());
    Ok(upgrade.max_message_size(4 << 10).on_upgrade(move |socket| async move {
        if let Err(gone) = follow(door, socket, since, wanted.rule).await {
            tracing::debug!("a client of alerts left: {gone}");
        }
    }))
}

async fn follow(
    door: Arc<AlarmDoor>,
    mut socket: WebSocket,
    mut since: u64,
    rule: Option<String>,
) -> Result<(), String> {
    let mut told = door.told();
    let mut ping = tokio::time::interval(PING);
    loop {
        told.borrow_and_update();
        loop {
            let reader = door.reader().clone();
            let read = tokio::task::spawn_blocking(move || reader.after(since, SOME)).await;
            let records = read.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
            let Some((last, _)) = records.last() else { break };
            since = *last;
            for (number, record) in &records {
                if rule.as_deref().is_none_or(|rule| record.rule().is_none_or(|own| own == rule)) {
                    send(&mut socket, Message::Text(record.json(*number).to_string().into())).await?;
                }
            }
        }
        tokio::select! {
            changed = told.changed() => changed.map_err(|e| e.to_string())?,
            _ = ping.tick() => send(&mut socket, Message::Ping(Vec::new().into())).await?,
            heard = socket.recv() => match heard {
                None | Some(Ok(Message::Close(_))) => return Err("it closed the connection".to_owned()),
                Some(other) => drop(other.map_err(|e| e.to_string())?),
            },
        }
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), String> {
    match tokio::time::timeout(PATIENCE, socket.send(message)).await {
        Ok(sent) => sent.map_err(|e| e.to_string()),
        Err(_) => Err(format!("it took no message for {} s", PATIENCE.as_secs())),
    }
}
