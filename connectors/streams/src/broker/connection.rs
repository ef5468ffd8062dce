//! One client's connection: bytes come in, packets are answered, published messages go to the hub, the session's
//! messages go out. A client that breaks the protocol loses its connection and nothing else.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, LastWill, Packet, PubAck, PubComp, PubRec, Publish, QoS, SubAck, Subscribe,
    SubscribeReasonCode, UnsubAck,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::count;
use super::hub::Hub;
use super::owed::Owed;
use super::session::{Session, SessionLost};
use crate::message::{Acknowledgement, Delivery, Message};
use crate::topic;

/// Bytes asked of the socket at once.
const READ_BYTES: usize = 64 * 1_024;
/// QoS 2 packets of one client between PUBLISH and PUBREL.
const UNRELEASED: usize = 1_024;

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
    #[error("not MQTT 3.1.1: {0}")]
    Protocol(String),
    #[error(transparent)]
    Session(#[from] SessionLost),
}

/// Answers CONNECT with "server unavailable".
pub(crate) async fn refuse(mut stream: TcpStream, patience: Duration) -> Result<(), Ended> {
    let mut out = BytesMut::new();
    write(&Packet::ConnAck(ConnAck::new(ConnectReturnCode::ServiceUnavailable, false)), &mut out)?;
    timeout(patience, stream.write_all(&out)).await.map_err(|_| Ended::Stuck)??;
    Err(Ended::Protocol("too many connections".to_owned()))
}

/// Serves one client until it leaves.
pub(crate) async fn serve(stream: TcpStream, hub: &Hub) -> Result<(), Ended> {
    stream.set_nodelay(true)?;
    let mut wire = Wire { stream, input: BytesMut::with_capacity(READ_BYTES), output: BytesMut::new(), hub };
    let connect = timeout(hub.limits.patience, wire.connect()).await.map_err(|_| Ended::Silent)??;
    let client_id = if connect.client_id.is_empty() { format!("unnamed-{}", unique(hub)) } else { connect.client_id };
    let (session, present) = hub.open_session(&client_id, connect.clean_session);
    let mut again = Vec::new();
    let owner = session.attach(&mut again);
    count(&hub.tally.connected, 1);
    // The guard also runs where the task is aborted in the middle of anything.
    let _leave = Leave { hub, client_id: &client_id, session: &session, owner };
    write(&Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, present)), &mut wire.output)?;
    wire.publishes(again)?;
    let keep_alive = Duration::from_millis(u64::from(connect.keep_alive) * 1_500);
    let (kept, told) = mpsc::unbounded_channel();
    let mut client =
        Client { wire, session: &session, owner, kept, told, owed: Owed::default(), unreleased: HashSet::new() };
    let ended = client.run(keep_alive).await;
    if ended.is_err()
        && let Some(will) = connect.last_will
    {
        client.last_will(will).await;
    }
    ended
}

/// Ids for clients that give none; any number that was not used before will do.
fn unique(hub: &Hub) -> u64 {
    use std::sync::atomic::AtomicU64;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed) + hub.tally.received.load(Ordering::Relaxed)
}

struct Leave<'a> {
    hub: &'a Hub,
    client_id: &'a str,
    session: &'a Arc<Session>,
    owner: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.session.detach(self.owner);
        self.hub.close_session(self.client_id, self.session);
        self.hub.tally.connected.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The socket and its two buffers.
struct Wire<'a> {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
    hub: &'a Hub,
}

impl Wire<'_> {
    /// The next whole packet among the bytes read, if there is one.
    fn packet(&mut self) -> Result<Option<Packet>, Ended> {
        match Packet::read(&mut self.input, self.hub.limits.packet_bytes) {
            Ok(packet) => Ok(Some(packet)),
            Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(Ended::Protocol(error.to_string())),
        }
    }

    async fn read(&mut self) -> Result<(), Ended> {
        self.input.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(Ended::Closed),
            _ => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if !self.output.is_empty() {
            let patience = self.hub.limits.patience;
            timeout(patience, self.stream.write_all(&self.output)).await.map_err(|_| Ended::Stuck)??;
            self.output.clear();
        }
        Ok(())
    }

    fn publishes(&mut self, publishes: Vec<Publish>) -> Result<(), Ended> {
        count(&self.hub.tally.sent, publishes.len() as u64);
        publishes.into_iter().try_for_each(|publish| write(&Packet::Publish(publish), &mut self.output))
    }

    /// Waits for CONNECT, which must be the first packet.
    async fn connect(&mut self) -> Result<Connect, Ended> {
        loop {
            match self.packet() {
                Ok(Some(Packet::Connect(connect))) if !connect.client_id.is_empty() || connect.clean_session => {
                    return Ok(connect);
                }
                Ok(Some(Packet::Connect(_))) => {
                    return self.turn_away(ConnectReturnCode::BadClientId, "a session to keep needs a client id").await;
                }
                Ok(Some(_)) => return Err(Ended::Protocol("the first packet was not CONNECT".to_owned())),
                Ok(None) => self.read().await?,
                Err(Ended::Protocol(reason)) => {
                    return self.turn_away(ConnectReturnCode::RefusedProtocolVersion, &reason).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn turn_away(&mut self, code: ConnectReturnCode, reason: &str) -> Result<Connect, Ended> {
        write(&Packet::ConnAck(ConnAck::new(code, false)), &mut self.output)?;
        self.flush().await?;
        Err(Ended::Protocol(reason.to_owned()))
    }
}

struct Client<'a> {
    wire: Wire<'a>,
    session: &'a Session,
    owner: u64,
    /// Where those who keep a message say that it is durable; they come back over `told`.
    kept: mpsc::UnboundedSender<u16>,
    told: mpsc::UnboundedReceiver<u16>,
    owed: Owed,
    /// QoS 2 packets between PUBLISH and PUBREL.
    unreleased: HashSet<u16>,
}

impl Client<'_> {
    /// Until DISCONNECT (`Ok`) or anything else that ends it.
    async fn run(&mut self, keep_alive: Duration) -> Result<(), Ended> {
        let mut outgoing = Vec::new();
        let mut heard = Instant::now();
        self.wire.flush().await?;
        // A client may send on without waiting for CONNACK (3.1.4): those packets are read already.
        if self.answer().await? {
            return self.wire.flush().await;
        }
        loop {
            self.session.take(self.owner, &mut outgoing)?;
            self.wire.publishes(std::mem::take(&mut outgoing))?;
            self.wire.flush().await?;
            tokio::select! {
                // A client with this many packets open is not read until some are durable.
                read = self.wire.read(), if self.owed.len() < self.wire.hub.limits.unacknowledged => {
                    read?;
                    if self.answer().await? {
                        return self.wire.flush().await;
                    }
                    heard = Instant::now();
                }
                Some(packet_id) = self.told.recv() => {
                    self.acknowledge(packet_id)?;
                    heard = Instant::now();
                }
                () = self.session.wake.notified() => {}
                () = tokio::time::sleep_until(heard + keep_alive), if !keep_alive.is_zero() => return Err(Ended::Silent),
            }
        }
    }

    /// Handles every whole packet that was read; `true` after DISCONNECT.
    async fn answer(&mut self) -> Result<bool, Ended> {
        while let Some(packet) = self.wire.packet()? {
            match packet {
                Packet::Publish(publish) => self.publish(publish).await?,
                Packet::PubRel(release) => {
                    self.unreleased.remove(&release.pkid);
                    self.reply(&Packet::PubComp(PubComp { pkid: release.pkid }))?;
                }
                Packet::PubAck(ack) => self.session.acknowledged(ack.pkid),
                Packet::Subscribe(subscribe) => self.subscribe(&subscribe)?,
                Packet::Unsubscribe(unsubscribe) => {
                    unsubscribe.topics.iter().for_each(|filter| self.session.unsubscribe(filter));
                    self.reply(&Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)))?;
                }
                Packet::PingReq => self.reply(&Packet::PingResp)?,
                Packet::Disconnect => return Ok(true),
                other => return Err(Ended::Protocol(format!("a client does not send {other:?}"))),
            }
        }
        Ok(false)
    }

    fn reply(&mut self, packet: &Packet) -> Result<(), Ended> {
        write(packet, &mut self.wire.output)
    }

    /// Hands the message on; it is acknowledged when those who keep it say that it is durable.
    async fn publish(&mut self, publish: Publish) -> Result<(), Ended> {
        if !topic::is_valid_name(&publish.topic) {
            return Err(Ended::Protocol(format!("`{:.80}` is no topic to publish to", publish.topic)));
        }
        let (qos, id) = (publish.qos, publish.pkid);
        if qos == QoS::AtMostOnce {
            self.wire.hub.route(message(publish), None).await;
            return Ok(());
        }
        if qos == QoS::ExactlyOnce {
            if self.unreleased.contains(&id) {
                // The same again: acknowledged again, unless the first answer is still owed.
                return if self.owed.contains(id) { Ok(()) } else { self.reply(&Packet::PubRec(PubRec { pkid: id })) };
            }
            if self.unreleased.len() >= UNRELEASED {
                return Err(Ended::Protocol(format!("more than {UNRELEASED} QoS 2 messages without PUBREL")));
            }
            self.unreleased.insert(id);
        }
        self.owed.push(id, qos);
        let acknowledgement = Acknowledgement::new(id, self.kept.clone());
        self.wire.hub.route(message(publish), Some(acknowledgement)).await;
        Ok(())
    }

    /// A message is durable: it and those published before it that are too are acknowledged, in their order
    /// (MQTT 3.1.1, 4.6).
    fn acknowledge(&mut self, packet_id: u16) -> Result<(), Ended> {
        self.owed.durable(packet_id);
        while let Some((id, qos)) = self.owed.pop() {
            match qos {
                QoS::ExactlyOnce => self.reply(&Packet::PubRec(PubRec { pkid: id }))?,
                _ => self.reply(&Packet::PubAck(PubAck::new(id)))?,
            }
        }
        Ok(())
    }

    /// Grants at most QoS 1; a filter that is none, or one too many, is refused in its place of the answer.
    fn subscribe(&mut self, subscribe: &Subscribe) -> Result<(), Ended> {
        let hub = self.wire.hub;
        let mut granted = Vec::with_capacity(subscribe.filters.len());
        for wanted in &subscribe.filters {
            let delivery = delivery(wanted.qos);
            let is_granted = topic::is_valid_filter(&wanted.path)
                && self.session.subscribe(&wanted.path, delivery, hub.limits.filters);
            granted.push(match (is_granted, delivery) {
                (false, _) => SubscribeReasonCode::Failure,
                (true, Delivery::AtMostOnce) => SubscribeReasonCode::Success(QoS::AtMostOnce),
                (true, Delivery::AtLeastOnce) => SubscribeReasonCode::Success(QoS::AtLeastOnce),
            });
            if is_granted {
                let retained = hub.retained(&wanted.path);
                self.session.offer_retained(retained, delivery, hub.limits.session_queue, &hub.tally);
            }
        }
        self.reply(&Packet::SubAck(SubAck::new(subscribe.pkid, granted)))
    }

    async fn last_will(&mut self, will: LastWill) {
        if topic::is_valid_name(&will.topic) {
            let LastWill { topic, message, qos, retain } = will;
            let will = Message { topic, payload: message, delivery: delivery(qos), retain };
            self.wire.hub.route(will, None).await;
        }
    }
}

fn delivery(qos: QoS) -> Delivery {
    match qos {
        QoS::AtMostOnce => Delivery::AtMostOnce,
        QoS::AtLeastOnce | QoS::ExactlyOnce => Delivery::AtLeastOnce,
    }
}

fn message(publish: Publish) -> Message {
    let Publish { topic, payload, qos, retain, .. } = publish;
    Message { topic, payload, delivery: delivery(qos), retain }
}

fn write(packet: &Packet, out: &mut BytesMut) -> Result<(), Ended> {
    packet.write(out, usize::MAX).map(|_| ()).map_err(|error| Ended::Protocol(error.to_string()))
}
