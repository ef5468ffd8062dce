//! One connection to a broker outside, from CONNECT to its end: packets come in and are answered, messages go into the queue,
//! acknowledgements leave in the order of their messages once those are durable.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::{ClientSettings, State};
use crate::broker::Socket;
use crate::message::{Acknowledgement, Delivery, Incoming};
use crate::mqtt::{
    self, Ack, Codes, Connect, Fault, Packet, Properties, Publish, Retained, Subscribe, Version, Wanted, reason,
};
use crate::owed::Owed;

/// Longest silence that is agreed with the broker.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long each step of connecting, and a write, may take.
const PATIENCE: Duration = Duration::from_secs(10);
const READ_BYTES: usize = 64 * 1_024;
const SUBSCRIBE_ID: u16 = 1;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("the broker did not answer in time")]
    Silent,
    #[error("the broker closed the connection")]
    Closed,
    #[error("the broker broke the protocol: {0}")]
    Broken(#[from] Fault),
    #[error("the broker refuses the connection, reason 0x{0:02x}{hint}", hint = hint(*.0))]
    Refused(u8),
    #[error("the broker ended the connection, reason 0x{0:02x}")]
    Left(u8),
    #[error("`{0}` is no name that a certificate can bear")]
    Name(String),
    #[error("nobody takes messages any more")]
    Unwanted,
}

fn hint(reason: u8) -> &'static str {
    match reason {
        reason::LOGIN | 0x87 => ": user or password are not right, or may not do this",
        reason::VERSION => ": it does not speak this version of MQTT, say version = \"3.1.1\"",
        reason::CLIENT_ID => ": it does not take this client id",
        _ => "",
    }
}

/// Connects and serves until the connection ends. `unreleased` are the quality 2 packets whose first answer was sent; they
/// outlive the connection.
pub(super) async fn serve(
    settings: &ClientSettings,
    out: &mpsc::Sender<Incoming>,
    state: &State,
    unreleased: &mut HashSet<u16>,
) -> Ended {
    match connect(settings).await {
        Ok(mut link) => match link.greet(settings, state, unreleased).await {
            Ok(()) => match link.run(out, state, unreleased).await {
                Ok(never) => match never {},
                Err(ended) => ended,
            },
            Err(ended) => ended,
        },
        Err(ended) => ended,
    }
}

async fn connect(settings: &ClientSettings) -> Result<Link, Ended> {
    let stream = TcpStream::connect((settings.host.as_str(), settings.port));
    let stream = timeout(PATIENCE, stream).await.map_err(|_| Ended::Silent)??;
    stream.set_nodelay(true)?;
    let stream: Box<dyn Socket> = match &settings.tls {
        None => Box::new(stream),
        Some(tls) => {
            let name = ServerName::try_from(settings.host.clone()).map_err(|_| Ended::Name(settings.host.clone()))?;
            let encrypting = TlsConnector::from(tls.0.clone()).connect(name, stream);
            Box::new(timeout(PATIENCE, encrypting).await.map_err(|_| Ended::Silent)??)
        }
    };
    let (kept, told) = mpsc::unbounded_channel();
    Ok(Link {
        stream,
        version: settings.version,
        limit: settings.packet_bytes,
        input: BytesMut::with_capacity(READ_BYTES),
        output: BytesMut::new(),
        owed: Owed::default(),
        waiting: VecDeque::new(),
        kept,
        told,
    })
}

struct Link {
    stream: Box<dyn Socket>,
    version: Version,
    limit: usize,
    input: BytesMut,
    output: BytesMut,
    owed: Owed,
    /// Read, and not yet in the queue; no more than one reading of the socket brings.
    waiting: VecDeque<Incoming>,
    kept: mpsc::UnboundedSender<u16>,
    told: mpsc::UnboundedReceiver<u16>,
}

impl Link {
    /// CONNECT and CONNACK, then SUBSCRIBE, whose answer comes among the messages.
    async fn greet(
        &mut self,
        settings: &ClientSettings,
        state: &State,
        unreleased: &mut HashSet<u16>,
    ) -> Result<(), Ended> {
        let keeps = settings.delivery != Delivery::AtMostOnce;
        let properties = Properties {
            session_expiry_s: keeps.then_some(settings.session_s),
            receive_maximum: Some(settings.unacknowledged.max(1)),
            packet_maximum: u32::try_from(settings.packet_bytes).ok(),
            ..Properties::default()
        };
        self.write(&Packet::Connect(Box::new(Connect {
            version: self.version,
            client_id: settings.client_id.clone(),
            clean: !keeps,
            keep_alive_s: KEEP_ALIVE.as_secs() as u16,
            will: None,
            user: settings.login.as_ref().map(|(user, _)| user.clone()),
            password: settings.login.as_ref().map(|(_, password)| Bytes::from(password.clone().into_bytes())),
            properties,
        })));
        self.flush().await?;
        let ack = loop {
            match self.packet()? {
                Some(Packet::ConnAck(ack)) => break ack,
                Some(Packet::Disconnect(reason, _)) => return Err(Ended::Refused(reason)),
                Some(_) => return Err(Fault::new(reason::PROTOCOL, "the first packet was not CONNACK").into()),
                None => {
                    timeout(PATIENCE, read(&mut self.stream, &mut self.input)).await.map_err(|_| Ended::Silent)??;
                }
            }
        };
        if ack.reason != reason::SUCCESS {
            return Err(Ended::Refused(ack.reason));
        }
        if !ack.is_present {
            unreleased.clear();
        }
        tracing::info!(
            host = settings.host,
            port = settings.port,
            session = ack.is_present,
            "connected to the MQTT broker"
        );
        let wanted = |filter: &String| Wanted { retained: Retained::New, ..Wanted::new(filter, settings.delivery) };
        let filters = settings.filters.iter().map(wanted).collect();
        self.write(&Packet::Subscribe(Subscribe { id: SUBSCRIBE_ID, number: None, filters }));
        self.flush().await?;
        state.connects.fetch_add(1, Ordering::Relaxed);
        state.is_connected.store(true, Ordering::Release);
        Ok(())
    }

    async fn run(
        &mut self,
        out: &mpsc::Sender<Incoming>,
        state: &State,
        unreleased: &mut HashSet<u16>,
    ) -> Result<std::convert::Infallible, Ended> {
        let mut pings = tokio::time::interval(KEEP_ALIVE / 2);
        let mut heard = Instant::now();
        // What came along with CONNACK is read already.
        self.take(state, unreleased)?;
        loop {
            self.flush().await?;
            tokio::select! {
                read = read(&mut self.stream, &mut self.input), if self.waiting.is_empty() => {
                    read?;
                    heard = Instant::now();
                    self.take(state, unreleased)?;
                }
                room = out.reserve(), if !self.waiting.is_empty() => {
                    let Ok(room) = room else { return Err(Ended::Unwanted) };
                    if let Some(incoming) = self.waiting.pop_front() {
                        room.send(incoming);
                    }
                    while !self.waiting.is_empty() {
                        let Ok(room) = out.try_reserve() else { break };
                        if let Some(incoming) = self.waiting.pop_front() {
                            room.send(incoming);
                        }
                    }
                }
                Some(id) = self.told.recv() => self.acknowledge(id, unreleased),
                _ = pings.tick() => {
                    // While the queue is full nothing is read, the answer to a ping neither.
                    if self.waiting.is_empty() && heard.elapsed() > KEEP_ALIVE * 2 {
                        return Err(Ended::Silent);
                    }
                    self.write(&Packet::PingReq);
                }
                () = out.closed() => return Err(Ended::Unwanted),
            }
        }
    }

    /// Takes every whole packet that was read.
    fn take(&mut self, state: &State, unreleased: &mut HashSet<u16>) -> Result<(), Ended> {
        while let Some(packet) = self.packet()? {
            match packet {
                Packet::Publish(publish) => {
                    state.received.fetch_add(1, Ordering::Relaxed);
                    self.publish(publish, unreleased);
                }
                Packet::PubRel(Ack { id, .. }) => {
                    // Also one we know nothing of any more: its message was durable before its first answer was sent.
                    unreleased.remove(&id);
                    self.write(&Packet::PubComp(Ack::new(id)));
                }
                Packet::SubAck(Codes { codes, .. }) => {
                    if let Some(code) = codes.iter().find(|code| **code >= 0x80) {
                        tracing::error!(
                            "the MQTT broker refuses a subscription, reason 0x{code:02x}: ask its operator"
                        );
                    }
                }
                Packet::PingResp => {}
                Packet::Disconnect(reason, _) => return Err(Ended::Left(reason)),
                _ => return Err(Fault::new(reason::PROTOCOL, "a packet that a broker does not send now").into()),
            }
        }
        Ok(())
    }

    fn publish(&mut self, publish: Publish, unreleased: &HashSet<u16>) {
        let Publish { message, id, .. } = publish;
        let mut acknowledgement = None;
        if message.delivery != Delivery::AtMostOnce {
            if unreleased.contains(&id) && message.delivery == Delivery::ExactlyOnce {
                return self.write(&Packet::PubRec(Ack::new(id)));
            }
            if self.owed.contains(id) {
                return;
            }
            self.owed.push(id, message.delivery);
            acknowledgement = Some(Acknowledgement::new(id, self.kept.clone()));
        }
        self.waiting.push_back(Incoming { message, acknowledgement });
    }

    /// Acknowledges what is durable, in the order in which it came.
    fn acknowledge(&mut self, id: u16, unreleased: &mut HashSet<u16>) {
        self.owed.durable(id);
        while let Ok(id) = self.told.try_recv() {
            self.owed.durable(id);
        }
        while let Some((id, delivery)) = self.owed.pop() {
            match delivery {
                Delivery::ExactlyOnce => {
                    unreleased.insert(id);
                    self.write(&Packet::PubRec(Ack::new(id)));
                }
                _ => self.write(&Packet::PubAck(Ack::new(id))),
            }
        }
    }

    fn packet(&mut self) -> Result<Option<Packet>, Fault> {
        mqtt::read(self.version, &mut self.input, self.limit)
    }

    fn write(&mut self, packet: &Packet) {
        mqtt::write(self.version, packet, &mut self.output);
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if !self.output.is_empty() {
            let sent = async {
                self.stream.write_all(&self.output).await?;
                self.stream.flush().await
            };
            timeout(PATIENCE, sent).await.map_err(|_| Ended::Silent)??;
            self.output.clear();
        }
        Ok(())
    }
}

/// Waits for more bytes. Safe to cancel.
async fn read(stream: &mut Box<dyn Socket>, input: &mut BytesMut) -> Result<(), Ended> {
    input.reserve(READ_BYTES);
    match stream.read_buf(input).await? {
        0 => Err(Ended::Closed),
        _ => Ok(()),
    }
}
