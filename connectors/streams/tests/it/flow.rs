//! The task between source and ingest: batches, back pressure, the end.

use std::time::Duration;

use connectors_streams::{BrokerLimits, Decoder, DecoderSettings, FlowSettings, Streams};
use kernel_model::Change;
use rumqttc::QoS;
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
        assert!(batch.iter().map(Change::row_count).sum::<usize>() <= 20);
        for change in &batch {
            match change {
                Change::Rejected(_) => refused += 1,
                other => rows += other.row_count() as u64,
            }
        }
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
    assert_eq!(batch.len(), 1);
    drop(changes);
    speaker.say("urbis/d/s/p", QoS::AtMostOnce, false, READING).await;
    tokio::time::timeout(Duration::from_secs(5), flow.finished()).await.expect("it ends when nobody takes changes");
}
