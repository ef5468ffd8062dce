//! The listening socket. Connections come in, as many as there are places for; requests go to the entrance. Whoever is slow to
//! say what it wants, or to take what it is given, is cut off, so that a place is always free again soon.

mod patient;
mod places;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::patient::Patient;
use self::places::{Place, Places};
pub use self::tls::{Tls, TlsError};
use crate::entrance::Entrance;
use crate::error::Error;
use crate::live::Hub;
use crate::state::AppState;

/// What may be done over one HTTP/2 connection at once.
const STREAMS: u32 = 128;
/// Told to whoever finds no place.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 5\r\n\
                      connection: close\r\ncontent-length: 76\r\n\r\n\
                      {\"code\":\"ServiceUnavailable\",\"description\":\"too many connections are open\"}\n";

/// Who sends a request. Its place is taken as long as this is kept.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    _place: Arc<Place>,
}

/// Bounds of connections.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_of_one: usize,
    /// Longest time for the first bytes, a TLS handshake, and the header of a request; also between two requests.
    pub header: Duration,
    /// Longest time in which nothing of an answer is taken.
    pub write: Duration,
    /// Longest time in which running requests may end after the word to stop.
    pub stop: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 8_192,
            connections_of_one: 4_096,
            header: Duration::from_secs(15),
            write: Duration::from_secs(60),
            stop: Duration::from_secs(10),
        }
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    /// Where.
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
    stop: watch::Sender<bool>,
    hub: Arc<Hub>,
}

impl Server {
    /// Takes no new connections, tells live clients to come back later, lets running requests end for a bounded time.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.hub.close();
        drop((&mut self.task).await);
    }

    /// Waits for the server, which ends only by a failure.
    ///
    /// # Errors
    /// The failure.
    pub async fn wait(&mut self) -> std::io::Result<()> {
        (&mut self.task).await.unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
    }
}

/// Listens at `address` (port 0: any free one) and answers.
///
/// # Errors
/// [`Error::Listen`] where the address is taken or not this machine's.
pub async fn serve(address: &str, state: Arc<AppState>) -> Result<Server, Error> {
    let listen = |source| Error::Listen { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (stop, stopped) = watch::channel(false);
    let (settings, hub) = (&state.settings, state.hub.clone());
    let line = Line {
        places: Places::new(settings.bounds.connections, settings.bounds.connections_of_one),
        bounds: settings.bounds.clone(),
        tls: settings.tls.clone(),
        router: Entrance::router(state.clone(), stopped.clone()),
        stopped,
    };
    let task = tokio::spawn(line.accept(listener));
    Ok(Server { address, task, stop, hub })
}

/// Waits until a word is said, or cannot be said any more.
pub(crate) async fn said(word: &mut watch::Receiver<bool>) {
    drop(word.wait_for(|word| *word).await);
}

/// What every connection needs.
#[derive(Clone)]
struct Line {
    places: Places,
    bounds: Bounds,
    tls: Option<Tls>,
    router: Router,
    stopped: watch::Receiver<bool>,
}

impl Line {
    async fn accept(self, listener: TcpListener) -> std::io::Result<()> {
        let mut stopped = self.stopped.clone();
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                () = said(&mut stopped) => break,
                Some(_) = running.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.clone().admit(stream, peer, &mut running),
                    // No more files, or a client that left at once: the next one may be lucky.
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be taken");
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                },
            }
        }
        drop(listener);
        let all = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(self.bounds.stop, all).await.is_err() {
            tracing::info!(open = running.len(), "open connections were closed");
        }
        running.shutdown().await;
        Ok(())
    }

    fn admit(self, stream: TcpStream, peer: SocketAddr, running: &mut JoinSet<()>) {
        let Some(place) = self.places.take(peer.ip()) else {
            // Whoever speaks TLS cannot be told anything yet.
            if self.tls.is_none() {
                drop(stream.try_write(FULL));
            }
            return;
        };
        drop(stream.set_nodelay(true));
        running.spawn(async move {
            self.connection(stream, Peer { address: peer, _place: Arc::new(place) }).await;
        });
    }

    async fn connection(self, stream: TcpStream, peer: Peer) {
        let stream = Patient::new(stream, self.bounds.header, self.bounds.write);
        let Some(tls) = &self.tls else { return self.requests(stream, peer).await };
        match tokio::time::timeout(self.bounds.header, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                let stream = Patient::new(stream, self.bounds.header, self.bounds.write);
                self.requests(stream, peer).await;
            }
            Ok(Err(error)) => tracing::debug!(peer = %peer.address, %error, "no TLS"),
            Err(_) => tracing::debug!(peer = %peer.address, "no TLS in time"),
        }
    }

    async fn requests<S>(mut self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.bounds.header);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(self.bounds.header);
        let service = TowerToHyperService::new(self.router.clone().layer(Extension(peer.clone())));
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = said(&mut self.stopped) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %peer.address, %error, "a connection ended");
        }
    }
}

#[cfg(test)]
mod tests;
