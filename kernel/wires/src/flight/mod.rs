//! Arrow Flight SQL (Apache Arrow, Flight SQL RPC format): statements, prepared statements with values, and what there is to
//! ask. Requests of gRPC come in, each with its key in `authorization` and, where wanted, the instant of `recorded`; schemas
//! and record batches go out. The server keeps nothing between two calls: what a client is handed says all that is needed.

mod handle;
mod metadata;
mod service;
mod status;

use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use self::service::Sql;
use crate::door::Door;
use crate::error::Error;
use crate::tls::Certificate;
use crate::wire::{self, Wire};

/// Calls that one connection may have open.
const CALLS: usize = 64;
/// A client that does not answer is gone.
const ALIVE: Duration = Duration::from_secs(20);

/// Listens on `address`.
///
/// # Errors
/// [`Error::Listen`], [`Error::Certificate`].
pub async fn serve(address: &str, door: Door, certificate: Option<&Certificate>) -> Result<Wire, Error> {
    let (listener, address) = wire::listen(address).await?;
    let mut server = Server::builder()
        .concurrency_limit_per_connection(CALLS)
        .http2_keepalive_interval(Some(ALIVE))
        .http2_keepalive_timeout(Some(ALIVE));
    if let Some(certificate) = certificate {
        let refused = |error: tonic::transport::Error| Error::Certificate(error.to_string());
        server = server.tls_config(certificate.tonic()).map_err(refused)?;
    }
    let (stop, mut stopped) = watch::channel(false);
    let service = FlightServiceServer::new(Sql::new(door));
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let task = tokio::spawn(async move {
        let until = async move { drop(stopped.wait_for(|stop| *stop).await) };
        let ended = server.add_service(service).serve_with_incoming_shutdown(incoming, until).await;
        ended.map_err(|error| Error::Ended { address, reason: error.to_string() })
    });
    Ok(Wire::new(address, stop, task))
}
