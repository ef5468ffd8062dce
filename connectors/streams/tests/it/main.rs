//! MQTT on real sockets: our own clients, foreign clients, a foreign broker, hostile bytes, and the decoder's laws.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod broker;
mod decoding;
mod flow;
mod foreign;
mod hostile;

use std::net::SocketAddr;
use std::time::Duration;

use connectors_streams::{Broker, BrokerLimits, Message, Messages};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, Publish, QoS};
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
