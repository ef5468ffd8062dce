//! One client's connection: bytes come in, packets are answered, published messages go to the hub, the session's
//! messages go out. A client that breaks the protocol loses its connection and nothing else.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::count;
use super::hub::Hub;
use super::session::{Session, Terms};
use super::shared;
use super::wire::{Ended, Socket, Wire};
use crate::message::{Acknowledgement, Delivery, Message};
use crate::mqtt::{
    Ack, Codes, ConnAck, Connect, Fault, Packet, Properties, Publish, Retained, Version, Wanted, Will, reason,
};
use crate::owed::Owed;
use crate::topic;

/// Topic aliases of one client.
const ALIASES: u16 = 64;

/// Answers CONNECT with "server unavailable".
pub(crate) async fn refuse(stream: Box<dyn Socket>, hub: &Hub) -> Result<(), Ended> {
    let mut wire = Wire::new(stream, hub);
    let connect = timeout(hub.limits.patience, wire.connect()).await.map_err(|_| Ended::Silent)??;
    wire.version = connect.version;
    wire.turn_away(reason::UNAVAILABLE, "too many connections").await
}

/// Serves one client until it leaves.
pub(crate) async fn serve(stream: Box<dyn Socket>, hub: &Hub) -> Result<(), Ended> {
    let mut wire = Wire::new(stream, hub);
    let connect = timeout(hub.limits.patience, wire.connect()).await.map_err(|_| Ended::Silent)??;
    let terms = terms(&connect);
    let given = connect.client_id.is_empty().then(|| format!("unnamed-{}", unique(hub)));
    let client_id = given.clone().unwrap_or(connect.client_id);
    let hears = hub.door.lets_hear(connect.user.as_deref(), connect.password.as_deref());
    // What another one subscribed to under this name is not for who may not hear.
    let (session, is_present, will) = hub.open_session(&client_id, connect.clean || !hears, terms);
    let mut again = Vec::new();
    let owner = session.attach(terms, &mut again);
    count(&hub.tally.connected, 1);
    // The guard also runs where the task is aborted in the middle of anything.
    let _leave = Leave { hub, client_id: &client_id, session: &session, owner };
    if let Some(will) = will {
        hub.route(will, None, None).await;
    }
    wire.write(&Packet::ConnAck(Box::new(welcome(hub, connect.version, is_present, given))));
    wire.give(&mut again, &session);
    let keep_alive = Duration::from_millis(u64::from(connect.keep_alive_s) * 1_500);
    let (kept, told) = mpsc::unbounded_channel();
    let aliases = HashMap::new();
    let mut client = Client { wire, session: &session, owner, hears, kept, told, owed: Owed::default(), aliases };
    let ended = client.run(keep_alive).await;
    if let Err(error) = &ended {
        client.wire.farewell(error).await;
        if let Some(will) = connect.will {
            last_will(hub, &session, owner, will).await;
        }
    }
    ended.or_else(|ended| if matches!(ended, Ended::WithWill) { Ok(()) } else { Err(ended) })
}

/// What the client asked for; 3.1.1 keeps a session for ever or not at all.
fn terms(connect: &Connect) -> Terms {
    let expiry_s = match connect.version {
        Version::V5 => connect.properties.session_expiry_s.unwrap_or(0),
        Version::V311 if connect.clean => 0,
        Version::V311 => u32::MAX,
    };
    Terms { expiry_s, receive_maximum: connect.properties.receive_maximum.unwrap_or(u16::MAX) }
}

/// What the server sets, said to 5.0 only.
fn welcome(hub: &Hub, version: Version, is_present: bool, given: Option<String>) -> ConnAck {
    let properties = match version {
        Version::V311 => Properties::default(),
        Version::V5 => Properties {
            receive_maximum: Some(hub.limits.unacknowledged.clamp(1, usize::from(u16::MAX)) as u16),
            packet_maximum: u32::try_from(hub.limits.packet_bytes).ok(),
            alias_maximum: Some(ALIASES),
            assigned_client_id: given,
            ..Properties::default()
        },
    };
    ConnAck { is_present, reason: reason::SUCCESS, properties }
}

/// Publishes the will of a client that vanished, at once or later.
async fn last_will(hub: &Hub, session: &Session, owner: u64, will: Will) {
    if !topic::is_valid_name(&will.message.topic) {
        return;
    }
    let now = match will.delay_s {
        0 => Some(will.message),
        delay_s => session.keep_will(owner, will.message, delay_s),
    };
    if let Some(message) = now {
        hub.route(message, None, None).await;
    }
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

impl Wire<'_> {
    /// Waits for CONNECT, which must be the first packet, from one who may come in.
    async fn connect(&mut self) -> Result<Connect, Ended> {
        let connect = loop {
            match self.packet() {
                Ok(Some(Packet::Connect(connect))) => break *connect,
                Ok(Some(_)) => return Err(Fault::new(reason::PROTOCOL, "the first packet was not CONNECT").into()),
                Ok(None) => self.read().await?,
                Err(Ended::Broken(fault)) => {
                    self.turn_away(fault.reason, fault.what).await?;
                }
                Err(error) => return Err(error),
            }
        };
        self.version = connect.version;
        self.peer_bytes = connect.properties.packet_maximum.map_or(usize::MAX, |bytes| bytes as usize);
        if connect.version == Version::V311 && connect.client_id.is_empty() && !connect.clean {
            self.turn_away(reason::CLIENT_ID, "a session to keep needs a client id").await?;
        }
        if connect.properties.authentication_method.is_some() {
            self.turn_away(reason::METHOD, "an authentication method that is not offered").await?;
        }
        if !self.hub.door.admits(connect.user.as_deref(), connect.password.as_deref()) {
            self.turn_away(reason::LOGIN, "user, password or key are not right").await?;
        }
        Ok(connect)
    }

    /// Answers CONNECT with a reason and ends the connection.
    async fn turn_away(&mut self, reason: u8, what: &'static str) -> Result<(), Ended> {
        self.write(&Packet::ConnAck(Box::new(ConnAck { reason, ..ConnAck::default() })));
        self.flush().await?;
        // The peer has had its word; another one has no place before CONNACK.
        self.version = Version::V311;
        Err(Fault::new(reason, what).into())
    }
}

struct Client<'a> {
    wire: Wire<'a>,
    session: &'a Arc<Session>,
    owner: u64,
    /// Whether it may subscribe.
    hears: bool,
    /// Where those who keep a message say that it is durable; they come back over `told`.
    kept: mpsc::UnboundedSender<u16>,
    told: mpsc::UnboundedReceiver<u16>,
    owed: Owed,
    aliases: HashMap<u16, String>,
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
            self.wire.give(&mut outgoing, self.session);
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
                    self.acknowledge(packet_id);
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
                Packet::PubRel(Ack { id, .. }) => {
                    let was_open = self.session.release(id);
                    self.wire.write(&Packet::PubComp(self.told_of(id, was_open)));
                }
                Packet::PubAck(Ack { id, .. }) | Packet::PubComp(Ack { id, .. }) => self.session.acknowledged(id),
                Packet::PubRec(Ack { id, reason }) if reason >= 0x80 => self.session.acknowledged(id),
                Packet::PubRec(Ack { id, .. }) => {
                    let was_open = self.session.received(id);
                    self.wire.write(&Packet::PubRel(self.told_of(id, was_open)));
                }
                Packet::Subscribe(subscribe) => {
                    let filters = subscribe.filters.into_iter();
                    let codes =
                        filters.map(|wanted| self.subscribe(wanted, subscribe.number)).collect::<Result<_, _>>()?;
                    self.wire.write(&Packet::SubAck(Codes { id: subscribe.id, codes }));
                }
                Packet::Unsubscribe(unsubscribe) => {
                    let codes = unsubscribe.filters.iter().map(|filter| self.unsubscribe(filter)).collect();
                    self.wire.write(&Packet::UnsubAck(Codes { id: unsubscribe.id, codes }));
                }
                Packet::PingReq => self.wire.write(&Packet::PingResp),
                Packet::Disconnect(code, expiry_s) => return self.leave(code, expiry_s),
                _ => return Err(Fault::new(reason::PROTOCOL, "a packet that a client does not send now").into()),
            }
        }
        Ok(false)
    }

    /// Success, or in 5.0 that there was no such packet.
    fn told_of(&self, id: u16, was_open: bool) -> Ack {
        let reason = if was_open || self.wire.version == Version::V311 { reason::SUCCESS } else { reason::NO_PACKET };
        Ack { id, reason }
    }

    fn leave(&self, code: u8, expiry_s: Option<u32>) -> Result<bool, Ended> {
        if let Some(expiry_s) = expiry_s {
            if expiry_s > 0 && self.session.is_clean() {
                let what = "a session that was to end with the connection cannot be kept at its end";
                return Err(Fault::new(reason::PROTOCOL, what).into());
            }
            self.session.set_expiry(expiry_s);
        }
        if code == reason::WITH_WILL { Err(Ended::WithWill) } else { Ok(true) }
    }

    /// Hands the message on; it is acknowledged when those who keep it say that it is durable.
    async fn publish(&mut self, publish: Publish) -> Result<(), Ended> {
        let Publish { mut message, id, alias, subscriptions, .. } = publish;
        if let Some(alias) = alias {
            self.unalias(alias, &mut message)?;
        }
        if !topic::is_valid_name(&message.topic) || !subscriptions.is_empty() {
            return Err(Fault::new(reason::TOPIC, "no topic to publish to, or subscription numbers of a client").into());
        }
        let hub = self.wire.hub;
        let from = Some(self.session.as_ref());
        if message.delivery == Delivery::AtMostOnce {
            hub.route(message, from, None).await;
            return Ok(());
        }
        let mut is_new = true;
        if message.delivery == Delivery::ExactlyOnce {
            if self.owed.contains(id) {
                // The same again while its answer is owed.
                return Ok(());
            }
            // No more than CONNACK said; 3.1.1 has no such word, and is bounded by the same.
            let noted = self.session.note_unreleased(id, hub.limits.unacknowledged);
            is_new = noted.ok_or(Fault::new(reason::RECEIVE_MAXIMUM, "too many QoS 2 messages without PUBREL"))?;
        }
        self.owed.push(id, message.delivery);
        let acknowledgement = Some(Acknowledgement::new(id, self.kept.clone()));
        match is_new {
            true => hub.route(message, from, acknowledgement).await,
            // Others have it. Whether it is durable was for the connection before to hear; a reading told twice is kept once.
            false => hub.route_inside(message, acknowledgement).await,
        }
        Ok(())
    }

    /// Learns an alias, or puts in the topic it stands for (3.3.2.3.4).
    fn unalias(&mut self, alias: u16, message: &mut Message) -> Result<(), Fault> {
        if alias == 0 || alias > ALIASES {
            return Err(Fault::new(reason::ALIAS, "a topic alias that was not agreed"));
        }
        if !message.topic.is_empty() {
            self.aliases.insert(alias, message.topic.clone());
            return Ok(());
        }
        let known =
            self.aliases.get(&alias).ok_or(Fault::new(reason::PROTOCOL, "a topic alias that stands for nothing"))?;
        message.topic.clone_from(known);
        Ok(())
    }

    /// A message is durable: it and those published before it that are too are acknowledged, in their order
    /// (MQTT 5.0, 4.6).
    fn acknowledge(&mut self, packet_id: u16) {
        self.owed.durable(packet_id);
        while let Some((id, delivery)) = self.owed.pop() {
            self.wire.write(&match delivery {
                Delivery::ExactlyOnce => Packet::PubRec(Ack::new(id)),
                _ => Packet::PubAck(Ack::new(id)),
            });
        }
    }

    /// Subscribes and queues the retained messages; the reason code for the answer. A filter that is none, or one too many,
    /// is refused there.
    fn subscribe(&mut self, wanted: Wanted, number: Option<u32>) -> Result<u8, Fault> {
        if !self.hears {
            return Ok(reason::NOT_AUTHORIZED);
        }
        let hub = self.wire.hub;
        let Ok(shared) = shared::parse(&wanted.filter) else { return Ok(reason::FILTER) };
        let is_shared = shared.is_some();
        if is_shared && wanted.no_local {
            return Err(Fault::new(reason::PROTOCOL, "no-local of a shared subscription"));
        }
        if !topic::is_valid_filter(&wanted.filter) {
            return Ok(reason::FILTER);
        }
        let (filter, delivery, retained) = (wanted.filter.clone(), wanted.delivery, wanted.retained);
        let (has_room, is_new) = self.session.subscribe(wanted, number, hub.limits.filters);
        if !has_room {
            return Ok(reason::QUOTA);
        }
        if is_shared {
            hub.share(&filter, self.session, delivery, number);
        } else if retained == Retained::Always || retained == Retained::New && is_new {
            for message in hub.retained(&filter) {
                self.session.offer_to(&message, (delivery, true, number), hub.limits.session_queue, &hub.tally);
            }
        }
        Ok(delivery.number())
    }

    fn unsubscribe(&mut self, filter: &str) -> u8 {
        let was_there = self.session.unsubscribe(filter);
        if matches!(shared::parse(filter), Ok(Some(_))) {
            self.wire.hub.unshare(filter, self.session);
        }
        if was_there { reason::SUCCESS } else { reason::NO_SUBSCRIPTION }
    }
}
