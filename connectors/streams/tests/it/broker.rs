//! What MQTT 3.1.1 promises between clients, and what our broker promises beyond it.

use std::time::Duration;

use connectors_streams::{Broker, BrokerError, BrokerLimits, Delivery};
use rumqttc::QoS;

use crate::{Peer, next, start, until};

#[tokio::test]
async fn every_quality_reaches_the_process_and_other_clients() {
    let broker = start(BrokerLimits::default()).await;
    let mut messages = broker.messages();
    let (mut listener, _) = Peer::connect(broker.address(), "listener", true).await;
    listener.client.subscribe("城市/+/v", QoS::ExactlyOnce).await.unwrap();
    let (speaker, _) = Peer::connect(broker.address(), "speaker", true).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let qualities = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    for qos in qualities {
        speaker.say("城市/a/v", qos, false, "x").await;
        speaker.say("城市/a/other", qos, false, "not for the listener").await;
    }
    for wanted in [Delivery::AtMostOnce, Delivery::AtLeastOnce, Delivery::ExactlyOnce] {
        let (first, second) = (next(&mut messages).await, next(&mut messages).await);
        assert_eq!((first.topic.as_str(), first.payload.as_ref(), first.delivery), ("城市/a/v", &b"x"[..], wanted));
        assert_eq!(second.topic, "城市/a/other");
    }
    for wanted in qualities {
        let got = listener.next().await;
        assert_eq!((got.topic.as_str(), got.qos, got.retain), ("城市/a/v", wanted, false));
    }
    broker.stop().await;
    assert!(messages.recv().await.is_none(), "a stopped broker ends its readers");
}

#[tokio::test]
async fn retained_messages_wait_for_late_readers_until_cleared() {
    let broker = start(BrokerLimits { retained: 2, ..BrokerLimits::default() }).await;
    let (speaker, _) = Peer::connect(broker.address(), "speaker", true).await;
    for (topic, payload) in [("a", "old"), ("a", "new"), ("b", "gone"), ("c", "one too many"), ("b", "")] {
        speaker.say(topic, QoS::AtLeastOnce, true, payload).await;
    }
    until(|| broker.counters().received == 5).await;
    assert_eq!(broker.counters().not_retained, 1);
    let kept = next(&mut broker.messages()).await;
    assert_eq!((kept.topic.as_str(), kept.payload.as_ref(), kept.retain), ("a", &b"new"[..], true));
    let (mut late, _) = Peer::connect(broker.address(), "late", true).await;
    late.client.subscribe("#", QoS::AtMostOnce).await.unwrap();
    let got = late.next().await;
    assert_eq!((got.topic.as_str(), got.payload.as_ref(), got.retain), ("a", &b"new"[..], true));
    speaker.say("a", QoS::AtMostOnce, false, "live").await;
    assert!(!late.next().await.retain, "only the kept one bears the mark");
}

#[tokio::test]
async fn a_kept_session_gets_what_it_missed() {
    let broker = start(BrokerLimits::default()).await;
    let (listener, present) = Peer::connect(broker.address(), "listener", false).await;
    assert!(!present);
    listener.client.subscribe("a/#", QoS::AtLeastOnce).await.unwrap();
    let (speaker, _) = Peer::connect(broker.address(), "speaker", true).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    listener.vanish();
    until(|| broker.counters().connected == 1).await;
    speaker.say("a/1", QoS::AtLeastOnce, false, "missed").await;
    speaker.say("a/2", QoS::AtMostOnce, false, "not kept").await;
    speaker.say("a/3", QoS::AtLeastOnce, false, "missed too").await;
    until(|| broker.counters().received == 3).await;
    let (mut again, present) = Peer::connect(broker.address(), "listener", false).await;
    assert!(present, "the session was kept");
    assert_eq!((again.next().await.topic, again.next().await.topic), ("a/1".into(), "a/3".into()));
    again.vanish();
    let (_, present) = Peer::connect(broker.address(), "listener", true).await;
    assert!(!present, "a clean session forgets");
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_its_will_and_one_that_says_goodbye_does_not() {
    let broker = start(BrokerLimits::default()).await;
    let mut messages = broker.messages();
    for (id, polite) in [("polite", true), ("rude", false)] {
        let mut options = rumqttc::MqttOptions::new(id, "127.0.0.1", broker.address().port());
        options.set_last_will(rumqttc::LastWill::new(format!("gone/{id}"), "bye", QoS::AtLeastOnce, false));
        let (client, mut events) = rumqttc::AsyncClient::new(options, 10);
        events.poll().await.unwrap();
        if polite {
            client.disconnect().await.unwrap();
            while events.poll().await.is_ok() {}
        }
    }
    assert_eq!(next(&mut messages).await.topic, "gone/rude");
}

#[tokio::test]
async fn a_slow_reader_slows_the_publisher_and_loses_nothing() {
    const COUNT: usize = 20_000;
    let broker = start(BrokerLimits { inside_queue: 100, ..BrokerLimits::default() }).await;
    let mut messages = broker.messages();
    let (speaker, _) = Peer::connect(broker.address(), "speaker", true).await;
    let payload = "x".repeat(1_000);
    let publishing = tokio::spawn(async move {
        for i in 0..COUNT {
            speaker.say(&format!("n/{i}"), QoS::AtMostOnce, false, &payload).await;
        }
        speaker
    });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let held = broker.counters();
    assert!(held.received <= 101 && held.waits >= 1, "{held:?}");
    assert!(!publishing.is_finished(), "the publisher waits: 20 MB do not fit into the sockets");
    for i in 0..COUNT {
        assert_eq!(next(&mut messages).await.topic, format!("n/{i}"));
    }
    drop(publishing.await.unwrap());
    assert!(broker.counters().waited_ms >= 1_000, "{:?}", broker.counters());
}

#[tokio::test]
async fn a_subscriber_that_does_not_keep_up_harms_only_itself() {
    let broker = start(BrokerLimits { session_queue: 50, ..BrokerLimits::default() }).await;
    let mut messages = broker.messages();
    // Subscribes, and then never reads its socket again.
    let mut options = rumqttc::MqttOptions::new("sleeper", "127.0.0.1", broker.address().port());
    options.set_keep_alive(Duration::from_mins(1));
    let (client, mut events) = rumqttc::AsyncClient::new(options, 10);
    client.subscribe("#", QoS::AtMostOnce).await.unwrap();
    while !matches!(events.poll().await.unwrap(), rumqttc::Event::Incoming(rumqttc::Packet::SubAck(_))) {}
    let (speaker, _) = Peer::connect(broker.address(), "speaker", true).await;
    let publishing = tokio::spawn(async move {
        for _ in 0..2_000 {
            speaker.say("n", QoS::AtMostOnce, false, &"x".repeat(10_000)).await;
        }
        speaker
    });
    for _ in 0..2_000 {
        next(&mut messages).await;
    }
    drop(publishing.await.unwrap());
    assert!(broker.counters().dropped > 0, "{:?}", broker.counters());
}

#[tokio::test]
async fn the_newest_client_of_an_id_has_it() {
    let broker = start(BrokerLimits::default()).await;
    let (first, _) = Peer::connect(broker.address(), "same", true).await;
    let (second, _) = Peer::connect(broker.address(), "same", true).await;
    until(|| first.task.is_finished() && broker.counters().connected == 1).await;
    assert!(!second.task.is_finished());
}

#[tokio::test]
async fn limits_and_taken_addresses_are_told() {
    let broker = start(BrokerLimits { connections: 1, ..BrokerLimits::default() }).await;
    let (_one, _) = Peer::connect(broker.address(), "one", true).await;
    let options = rumqttc::MqttOptions::new("two", "127.0.0.1", broker.address().port());
    let (_client, mut events) = rumqttc::AsyncClient::new(options, 10);
    let refused = events.poll().await.unwrap_err().to_string();
    assert!(refused.contains("ServiceUnavailable"), "{refused}");
    let taken = Broker::start(broker.address(), BrokerLimits::default()).await.unwrap_err();
    assert!(matches!(taken, BrokerError::Listen { .. }) && taken.to_string().contains("choose another address"));
    let address = broker.address();
    broker.stop().await;
    Broker::start(address, BrokerLimits::default()).await.unwrap();
}
