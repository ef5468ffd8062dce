//! The PostgreSQL wire (frontend/backend protocol 3.0): simple and extended queries, answered by the engine; what clients ask of
//! `pg_catalog`, `information_schema` and the tables of PostGIS, answered by a catalogue of the tables' shapes. Connections come
//! in, rows in text or binary form go out, geometry as EWKB.
//!
//! The protocol is pgwire's, the forms of values arrow-pg's, the catalogue datafusion-pg-catalog's. The handlers that
//! datafusion-postgres puts on top hold one session context for all and plan in it; here a question belongs to the engine, with
//! its snapshot, its deadline and its memory, so that the handlers are our own.

mod catalogue;
mod command;
mod connection;
mod encode;
mod ewkb;
mod functions;
mod gone;
mod information;
mod login;
mod numbers;
mod obey;
mod places;
mod run;
mod settings;
mod status;
mod types;
mod values;
mod words;

use std::sync::Arc;

use datafusion_postgres::pgwire::tokio::process_socket;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use self::catalogue::Catalogue;
use self::connection::{Connection, Handlers, Running};
use crate::door::Door;
use crate::error::Error;
use crate::tls::Certificate;
use crate::wire::{self, Wire};

/// Connections at once.
const CONNECTIONS: usize = 256;

/// What all connections share.
struct Shared {
    door: Door,
    catalogue: Catalogue,
    running: Running,
    acceptor: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
}

/// Listens on `address`.
///
/// # Errors
/// [`Error::Listen`], and [`Error::Question`] where the catalogue cannot be made.
pub async fn serve(address: &str, door: Door, certificate: Option<&Certificate>) -> Result<Wire, Error> {
    let (listener, address) = wire::listen(address).await?;
    let shared = Arc::new(Shared {
        door,
        catalogue: Catalogue::default(),
        running: Running::default(),
        acceptor: certificate.map(Certificate::acceptor),
        places: Arc::new(Semaphore::new(CONNECTIONS)),
    });
    let (stop, mut stopped) = watch::channel(false);
    let task = tokio::spawn(async move {
        tokio::select! {
            () = accept(listener, shared) => Ok(()),
            _ = stopped.wait_for(|stop| *stop) => Ok(()),
        }
    });
    Ok(Wire::new(address, stop, task))
}

/// Takes connections in; they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Err(error) => {
                tracing::warn!(%error, "a PostgreSQL connection could not be taken in");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Ok((socket, _)) => {
                connections.spawn(speak(socket, shared.clone()));
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// One connection from its beginning to its end.
async fn speak(socket: TcpStream, shared: Arc<Shared>) {
    // Whoever comes when all places are taken is turned away at once.
    let Ok(_place) = shared.places.clone().try_acquire_owned() else {
        tracing::warn!("more than {CONNECTIONS} PostgreSQL connections: one was turned away");
        return;
    };
    let (socket, watched) = match gone::split(socket) {
        Ok(both) => both,
        Err(error) => return tracing::warn!(%error, "a PostgreSQL connection could not be watched"),
    };
    let acceptor = shared.acceptor.clone();
    let connection = Connection::new(shared);
    let handlers = Handlers(connection.clone());
    let calls = connection.calls();
    tokio::select! {
        ended = process_socket(socket, acceptor, handlers) => if let Err(error) = ended {
            tracing::debug!(%error, "a PostgreSQL connection ended");
        },
        never = gone::watch(watched, calls) => match never {},
    }
}
