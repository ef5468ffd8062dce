//! A socket and its two buffers: bytes come in, packets go out, and back. No write waits longer than the broker's patience.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::count;
use super::hub::Hub;
use super::session::{Session, SessionLost};
use crate::mqtt::{self, Fault, Packet, Version, reason};

/// Bytes asked of the socket at once.
const READ_BYTES: usize = 64 * 1_024;

/// A connection, plain or under TLS.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// Why a connection ended without DISCONNECT.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the socket failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("the peer closed the connection")]
    Closed,
    #[error("no packet within the keep-alive time")]
    Silent,
    #[error("the peer takes no bytes")]
    Stuck,
    #[error("not MQTT: {0}")]
    Broken(#[from] Fault),
    #[error(transparent)]
    Session(#[from] SessionLost),
    #[error("it left and wants its will told")]
    WithWill,
}

impl Ended {
    /// What a 5.0 peer is told.
    pub(crate) fn reason(&self) -> Option<u8> {
        match self {
            Self::Silent => Some(reason::SILENT),
            Self::Broken(fault) => Some(fault.reason),
            Self::Session(SessionLost::TakenOver) => Some(reason::TAKEN_OVER),
            Self::Session(SessionLost::Overflow) => Some(reason::QUOTA),
            Self::Io(_) | Self::Closed | Self::Stuck | Self::WithWill => None,
        }
    }
}

pub(crate) struct Wire<'a> {
    stream: Box<dyn Socket>,
    input: BytesMut,
    output: BytesMut,
    pub(crate) version: Version,
    /// Longest packet the peer takes.
    pub(crate) peer_bytes: usize,
    pub(crate) hub: &'a Hub,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(stream: Box<dyn Socket>, hub: &'a Hub) -> Self {
        Self {
            stream,
            input: BytesMut::with_capacity(READ_BYTES),
            output: BytesMut::new(),
            version: Version::V311,
            peer_bytes: usize::MAX,
            hub,
        }
    }

    /// The next whole packet among the bytes read, if there is one.
    pub(crate) fn packet(&mut self) -> Result<Option<Packet>, Ended> {
        Ok(mqtt::read(self.version, &mut self.input, self.hub.limits.packet_bytes)?)
    }

    /// Waits for more bytes. Safe to cancel.
    pub(crate) async fn read(&mut self) -> Result<(), Ended> {
        self.input.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(Ended::Closed),
            _ => Ok(()),
        }
    }

    pub(crate) fn write(&mut self, packet: &Packet) {
        mqtt::write(self.version, packet, &mut self.output);
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Ended> {
        if !self.output.is_empty() {
            let patience = self.hub.limits.patience;
            let sent = async {
                self.stream.write_all(&self.output).await?;
                self.stream.flush().await
            };
            timeout(patience, sent).await.map_err(|_| Ended::Stuck)??;
            self.output.clear();
        }
        Ok(())
    }

    /// Writes what the session gave. A message longer than the peer takes counts as delivered (MQTT 5.0, 3.1.2.11.4).
    pub(crate) fn give(&mut self, packets: &mut Vec<Packet>, session: &Session) {
        count(&self.hub.tally.sent, packets.len() as u64);
        for packet in packets.drain(..) {
            let before = self.output.len();
            self.write(&packet);
            if self.output.len() - before > self.peer_bytes {
                self.output.truncate(before);
                if let Packet::Publish(publish) = packet {
                    count(&self.hub.tally.dropped, 1);
                    session.acknowledged(publish.id);
                }
            }
        }
    }

    /// Tells a 5.0 peer why its connection ends; 3.1.1 has no such word.
    pub(crate) async fn farewell(&mut self, ended: &Ended) {
        if let (Version::V5, Some(reason)) = (self.version, ended.reason()) {
            self.write(&Packet::Disconnect(reason, None));
            // It is gone either way.
            drop(self.flush().await);
        }
    }
}
