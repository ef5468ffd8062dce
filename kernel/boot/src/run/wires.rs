//! The SQL wires of `urbis serve`: what the configuration says of them and what the kernel holds come in, listening wires go
//! out. Both ask the one engine, of what `POST /sql` asks too.

use std::sync::Arc;

use kernel_query::Limits;
use kernel_server::AppState;
use kernel_wires::{Door, Refusal, Session, Wire, flight, pg};

use crate::config::Config;

/// Those that listen.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    pub(crate) flight: Option<Wire>,
    pub(crate) pg: Option<Wire>,
    pub(crate) is_encrypted: bool,
}

impl Wires {
    /// Starts those that the configuration gives an address.
    pub(crate) async fn start(config: &Config, state: &Arc<AppState>) -> anyhow::Result<Self> {
        let certificate = config.wires.certificate()?;
        let is_closed = config.wires.is_closed()?;
        let mut wires = Self { is_encrypted: certificate.is_some(), ..Self::default() };
        // Each has its own places: a crowd at one does not keep the others waiting.
        if config.flight != "off" {
            let door = door(config, state, is_closed)?;
            wires.flight = Some(flight::serve(&config.flight, door, certificate.as_ref()).await?);
        }
        if config.pg != "off" {
            let door = door(config, state, is_closed)?;
            wires.pg = Some(pg::serve(&config.pg, door, certificate.as_ref()).await?);
        }
        Ok(wires)
    }

    /// Waits for the end of one, which nobody asked for.
    pub(crate) async fn wait(&mut self) -> Result<(), kernel_wires::Error> {
        match (&mut self.flight, &mut self.pg) {
            (None, None) => std::future::pending().await,
            (Some(wire), None) | (None, Some(wire)) => wire.wait().await,
            (Some(flight), Some(pg)) => tokio::select! {
                ended = flight.wait() => ended,
                ended = pg.wait() => ended,
            },
        }
    }

    /// Ends both.
    pub(crate) async fn stop(self) {
        for wire in [self.flight, self.pg].into_iter().flatten() {
            wire.stop().await;
        }
    }
}

fn door(config: &Config, state: &Arc<AppState>, is_closed: bool) -> anyhow::Result<Door> {
    let settings = config.settings()?;
    let limits = Limits { deadline: settings.sql_deadline, max_rows: config.wires.rows };
    let (engine, state) = (state.engine.clone(), state.clone());
    Ok(Door::new(engine, limits, settings.sql_at_once, move |shown| {
        if shown.is_none() && is_closed {
            return Err(Refusal::NoKey);
        }
        // A key that is shown is looked at also where none is needed: who shows a wrong one is to know.
        let state = state.seen_with(shown).ok_or(Refusal::UnknownKey)?;
        Ok(Session::new(move || kernel_server::view(&state)))
    }))
}
