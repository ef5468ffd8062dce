//! The task between source and ingest: batches, back pressure, the end.

use std::time::Duration;

use connectors_streams::{BrokerLimits, Decoder, DecoderSettings, FlowSettings, Streams};
use kernel_model::Change;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::mpsc;

use crate::{Peer, start, until};

const READING: &str = r#"{"t":1795305600000,"v":1,"unit":"m"}"#;

#[tokio::test]
async fn a_slow_ingest_task_slows_everything_and_loses_nothing() {
    const COUNT: u64 = 5_000;
    let broker = start(BrokerLimits { inside_queue: 50, ..BrokerLimits::default() }).await;
    let (out, mut changes) = mpsc::channel(1);
    let settings = FlowSettings { batch_messages: 20, batch_time: Duration::from_millis(5) };
    let flow = Streams::start(broker.messages(), Decoder::new(DecoderSettings::default()), out, settings);
    let (speaker, _) = Peer::connect(broker.address(), "speaker", true).await;
    let publishing = tokio::spawn(async move {
        for i in 0..COUNT {
            let payload = if i % 100 == 0 { "bad" } else { READING };
            speaker.say(&format!("urbis/d/s/{}", i % 7), QoS::AtLeastOnce, false, payload).await;
        }
        speaker
    });
    until(|| broker.counters().waits > 0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(flow.counters().received <= 60, "{:?}", flow.counters());
    let (mut rows, mut refused) = (0, 0);
    while rows + refused < COUNT {
        let batch = tokio::time::timeout(Duration::from_secs(20), changes.recv()).await.unwrap().unwrap();
        assert!(batch.changes.iter().map(Change::row_count).sum::<usize>() <= 20);
        for change in &batch.changes {
            match change {
                Change::Rejected(_) => refused += 1,
                other => rows += other.row_count() as u64,
            }
        }
        batch.acknowledge();
    }
    assert_eq!((rows, refused), (COUNT - COUNT / 100, COUNT / 100));
    drop(publishing.await.unwrap());
    until(|| flow.counters().decoded + flow.counters().rejected == COUNT).await;
    let counters = flow.counters();
    assert_eq!((counters.received, counters.rejected), (COUNT, COUNT / 100));
    assert!(counters.waited_ms >= 200, "{counters:?}");
    broker.stop().await;
    flow.finished().await;
    assert!(changes.recv().await.is_none());
}

#[tokio::test]
async fn a_lone_reading_does_not_wait_for_a_full_batch() {
    let broker = start(BrokerLimits::default()).await;
    let (out, mut changes) = mpsc::channel(4);
    let flow =
        Streams::start(broker.messages(), Decoder::new(DecoderSettings::default()), out, FlowSettings::default());
    let (speaker, _) = Peer::connect(broker.address(), "speaker", true).await;
    speaker.say("urbis/d/s/p", QoS::AtMostOnce, false, READING).await;
    let batch = tokio::time::timeout(Duration::from_secs(5), changes.recv()).await.unwrap().unwrap();
    assert_eq!((batch.changes.len(), batch.acknowledgements.len()), (1, 0));
    drop(changes);
    speaker.say("urbis/d/s/p", QoS::AtMostOnce, false, READING).await;
    tokio::time::timeout(Duration::from_secs(5), flow.finished()).await.expect("it ends when nobody takes changes");
}

/// A publisher with QoS 1 is told when its message is durable and not before, in the order of its messages.
#[tokio::test]
async fn acknowledgements_wait_for_the_one_who_keeps_the_readings() {
    let broker = start(BrokerLimits::default()).await;
    let (out, mut changes) = mpsc::channel(4);
    let settings = FlowSettings { batch_messages: 1, ..FlowSettings::default() };
    let flow = Streams::start(broker.messages(), Decoder::new(DecoderSettings::default()), out, settings);
    let (mut events, client) = acknowledgements(broker.address()).await;
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtLeastOnce] {
        client.publish("urbis/d/s/p", qos, false, READING).await.unwrap();
    }
    let [first, second, third] = [changes.recv().await, changes.recv().await, changes.recv().await].map(Option::unwrap);
    assert!(quiet(&mut events).await, "nothing is durable yet");
    third.acknowledge();
    assert!(quiet(&mut events).await, "the first two are not durable yet");
    first.acknowledge();
    assert_eq!(events.recv().await, Some(1));
    assert!(quiet(&mut events).await, "the second is not durable yet");
    second.acknowledge();
    assert_eq!([events.recv().await, events.recv().await], [Some(2), Some(3)]);
    broker.stop().await;
    flow.finished().await;
}

async fn quiet(events: &mut mpsc::UnboundedReceiver<u16>) -> bool {
    tokio::time::timeout(Duration::from_millis(150), events.recv()).await.is_err()
}

/// A client whose acknowledged packet ids come out of the channel, in their order.
async fn acknowledgements(address: std::net::SocketAddr) -> (mpsc::UnboundedReceiver<u16>, AsyncClient) {
    let options = MqttOptions::new("careful", address.ip().to_string(), address.port());
    let (client, mut events) = AsyncClient::new(options, 100);
    let (sender, received) = mpsc::unbounded_channel();
    while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::ConnAck(_))) {}
    tokio::spawn(async move {
        while let Ok(event) = events.poll().await {
            let id = match event {
                Event::Incoming(Packet::PubAck(ack)) => ack.pkid,
                Event::Incoming(Packet::PubRec(received)) => received.pkid,
                _ => continue,
            };
            let _ = sender.send(id);
        }
    });
    (received, client)
}
