//! MQTT on real sockets: our own clients, foreign clients, a foreign broker, hostile bytes, and the decoder's laws.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod broker;
mod decoding;
mod flow;
mod foreign;
mod hostile;
mod mqtt5;
mod nats;
mod outside;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use connectors_streams::mqtt::{self, ConnAck, Connect, Packet as Raw, Properties, Version};
use connectors_streams::{Broker, BrokerLimits, Delivery, Message, Messages};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, Publish, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn start(limits: BrokerLimits) -> Broker {
    Broker::start(LOCAL, limits).await.unwrap()
}

async fn next(messages: &mut Messages) -> Message {
    let incoming =
        tokio::time::timeout(Duration::from_secs(20), messages.recv()).await.expect("a message in time").unwrap();
    if let Some(acknowledgement) = incoming.acknowledgement {
        acknowledgement.give();
    }
    incoming.message
}

/// A client of `rumqttc` whose event loop runs in a task; what it receives comes out of the channel.
struct Peer {
    client: AsyncClient,
    received: mpsc::UnboundedReceiver<Publish>,
    task: tokio::task::JoinHandle<()>,
}

impl Peer {
    /// Connects; returns once the broker has answered, with "session present".
    async fn connect(address: SocketAddr, id: &str, clean: bool) -> (Self, bool) {
        let mut options = MqttOptions::new(id, address.ip().to_string(), address.port());
        options.set_clean_session(clean).set_keep_alive(Duration::from_secs(30));
        let (client, mut events) = AsyncClient::new(options, 1_000);
        let (sender, received) = mpsc::unbounded_channel();
        let present = loop {
            if let Event::Incoming(Packet::ConnAck(ack)) = events.poll().await.unwrap() {
                break ack.session_present;
            }
        };
        let task = tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                if let Event::Incoming(Packet::Publish(publish)) = event {
                    let _ = sender.send(publish);
                }
            }
        });
        (Self { client, received, task }, present)
    }

    async fn next(&mut self) -> Publish {
        tokio::time::timeout(Duration::from_secs(20), self.received.recv()).await.expect("a message in time").unwrap()
    }

    /// Breaks the connection without a word.
    fn vanish(self) {
        self.task.abort();
    }

    async fn say(&self, topic: &str, qos: QoS, retain: bool, payload: &str) {
        self.client.publish(topic, qos, retain, payload).await.unwrap();
    }
}

/// A 5.0 client that sends and sees every packet itself.
struct Hand {
    stream: TcpStream,
    input: BytesMut,
}

impl Hand {
    /// Connects with what `change` makes of a plain CONNECT with a clean start.
    async fn connect(address: SocketAddr, id: &str, change: impl FnOnce(&mut Connect)) -> (Self, ConnAck) {
        let mut connect = Connect {
            version: Version::V5,
            client_id: id.to_owned(),
            clean: true,
            keep_alive_s: 0,
            will: None,
            user: None,
            password: None,
            properties: Properties::default(),
        };
        change(&mut connect);
        let mut hand = Self { stream: TcpStream::connect(address).await.unwrap(), input: BytesMut::new() };
        hand.send(&Raw::Connect(Box::new(connect))).await;
        match hand.next().await {
            Some(Raw::ConnAck(ack)) => (hand, *ack),
            other => panic!("{other:?}"),
        }
    }

    async fn send(&mut self, packet: &Raw) {
        let mut out = BytesMut::new();
        mqtt::write(Version::V5, packet, &mut out);
        self.stream.write_all(&out).await.unwrap();
    }

    /// The next packet; `None` at the end of the connection.
    async fn next(&mut self) -> Option<Raw> {
        loop {
            if let Some(packet) = mqtt::read(Version::V5, &mut self.input, 1 << 20).unwrap() {
                return Some(packet);
            }
            let read = self.stream.read_buf(&mut self.input);
            if tokio::time::timeout(Duration::from_secs(20), read).await.expect("a packet in time").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Sends the packet and returns the next.
    async fn ask(&mut self, packet: &Raw) -> Raw {
        self.send(packet).await;
        self.next().await.unwrap()
    }

    /// The next packet, which must be a message.
    async fn message(&mut self) -> mqtt::Publish {
        match self.next().await {
            Some(Raw::Publish(publish)) => publish,
            other => panic!("{other:?}"),
        }
    }
}

/// A message as it is published.
fn publish(topic: &str, payload: &str, delivery: Delivery, id: u16) -> mqtt::Publish {
    let (topic, payload) = (topic.to_owned(), payload.to_owned().into());
    let message = Message { topic, payload, delivery, retain: false, passed: None };
    mqtt::Publish { message, id, again: false, alias: None, subscriptions: Vec::new() }
}

/// Waits until something becomes so.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not become so within 20 s");
}
