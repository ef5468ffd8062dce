//! `GET /alerts/live?since=N` as a WebSocket: every record after a number as a text frame of JSON, then every one that comes,
//! in order. A client that comes back with the number it had last misses none and is told none twice. Without `since` it begins
//! with what comes. A client that takes nothing for half a minute is cut off; what it did not take is there when it comes back.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use serde::Deserialize;

use super::doors::door;
use super::{AlarmDoor, is_told};
use crate::entrance::Stay;
use crate::error::ApiError;
use crate::listen::said;
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
    stay: Option<Extension<Stay>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let door = door(&state)?.clone();
    let since = wanted.since.unwrap_or_else(|| door.reader().last());
    Ok(upgrade.max_message_size(4 << 10).on_upgrade(move |socket| async move {
        if let Err(gone) = follow(door, &state, stay, socket, since, wanted.rule).await {
            tracing::debug!("a client of alerts left: {gone}");
        }
    }))
}

async fn follow(
    door: Arc<AlarmDoor>,
    state: &AppState,
    stay: Option<Extension<Stay>>,
    mut socket: WebSocket,
    mut since: u64,
    rule: Option<String>,
) -> Result<(), String> {
    let mut told = door.told();
    let mut ping = tokio::time::interval(PING);
    let mut closing = state.hub.closing();
    loop {
        told.borrow_and_update();
        loop {
            let reader = door.reader().clone();
            let read = tokio::task::spawn_blocking(move || reader.after(since, SOME)).await;
            let records = read.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
            let Some((last, _)) = records.last() else { break };
            since = *last;
            let mut eye = state.reader.snapshot().eye();
            for (number, record) in &records {
                if !is_told(record, &mut eye) {
                    continue;
                }
                if rule.as_deref().is_none_or(|rule| record.rule().is_none_or(|own| own == rule)) {
                    send(&mut socket, Message::Text(record.json(*number).to_string().into())).await?;
                }
            }
        }
        tokio::select! {
            changed = told.changed() => changed.map_err(|e| e.to_string())?,
            _ = ping.tick() => {
                if stay.as_ref().is_some_and(|stay| !stay.may()) {
                    return send(&mut socket, farewell(close_code::POLICY, "the key or token is not good any more")).await;
                }
                send(&mut socket, Message::Ping(Vec::new().into())).await?;
            }
            () = said(&mut closing) => {
                return send(&mut socket, farewell(close_code::AWAY, "the server stops")).await;
            }
            heard = socket.recv() => match heard {
                None | Some(Ok(Message::Close(_))) => return Err("it closed the connection".to_owned()),
                Some(other) => drop(other.map_err(|e| e.to_string())?),
            },
        }
    }
}

fn farewell(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), String> {
    match tokio::time::timeout(PATIENCE, socket.send(message)).await {
        Ok(sent) => sent.map_err(|e| e.to_string()),
        Err(_) => Err(format!("it took no message for {} s", PATIENCE.as_secs())),
    }
}
