//! What MQTT 5.0 adds: each clause with packets written by hand.

use std::time::Duration;

use bytes::Bytes;
use connectors_streams::mqtt::{Ack, Codes, Packet, Passed, Properties, Retained, Subscribe, Wanted, Will, reason};
use connectors_streams::{BrokerLimits, Client, ClientSettings, Delivery, Message};

use crate::{Hand, next, publish, start, until};

fn subscribe(wanted: Wanted) -> Packet {
    Packet::Subscribe(Subscribe { id: 1, number: None, filters: vec![wanted] })
}

fn keeps(seconds: u32) -> impl FnOnce(&mut connectors_streams::mqtt::Connect) {
    move |connect| {
        connect.clean = false;
        connect.properties.session_expiry_s = Some(seconds);
    }
}

#[tokio::test]
async fn connack_says_what_the_server_sets() {
    let broker = start(BrokerLimits { packet_bytes: 5_000, unacknowledged: 100, ..BrokerLimits::default() }).await;
    let (_hand, ack) = Hand::connect(broker.address(), "", |_| {}).await;
    assert_eq!((ack.is_present, ack.reason), (false, reason::SUCCESS));
    let said = ack.properties;
    assert_eq!((said.packet_maximum, said.receive_maximum, said.alias_maximum), (Some(5_000), Some(100), Some(64)));
    assert!(said.assigned_client_id.is_some_and(|id| !id.is_empty()));
    let (mut hand, ack) =
        Hand::connect(broker.address(), "x", |connect| connect.properties.authentication_method = Some("k".into()))
            .await;
    assert_eq!((ack.reason, hand.next().await), (reason::METHOD, None));
}

#[tokio::test]
async fn a_topic_alias_stands_for_its_topic() {
    let broker = start(BrokerLimits::default()).await;
    let mut messages = broker.messages();
    let (mut hand, _) = Hand::connect(broker.address(), "x", |_| {}).await;
    for (topic, alias) in [("long/topic", 3), ("", 3), ("other", 3), ("", 3)] {
        let mut packet = publish(topic, "x", Delivery::AtMostOnce, 0);
        packet.alias = Some(alias);
        hand.send(&Packet::Publish(packet)).await;
    }
    for wanted in ["long/topic", "long/topic", "other", "other"] {
        assert_eq!(next(&mut messages).await.topic, wanted);
    }
    for (alias, wanted) in [(4, reason::PROTOCOL), (0, reason::ALIAS), (65, reason::ALIAS)] {
        let (mut hand, _) = Hand::connect(broker.address(), "y", |_| {}).await;
        let mut packet = publish("", "x", Delivery::AtMostOnce, 0);
        packet.alias = Some(alias);
        assert_eq!(hand.ask(&Packet::Publish(packet)).await, Packet::Disconnect(wanted, None));
        assert_eq!(hand.next().await, None, "alias {alias}");
    }
}

#[tokio::test]
async fn a_session_ends_when_its_client_said() {
    let broker = start(BrokerLimits::default()).await;
    let (mut hand, _) = Hand::connect(broker.address(), "x", keeps(1)).await;
    assert!(matches!(hand.ask(&subscribe(Wanted::new("a", Delivery::AtLeastOnce))).await, Packet::SubAck(_)));
    drop(hand);
    until(|| broker.counters().connected == 0).await;
    let (hand, ack) = Hand::connect(broker.address(), "x", keeps(1)).await;
    assert!(ack.is_present, "within its second");
    drop(hand);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (mut hand, ack) = Hand::connect(broker.address(), "x", keeps(100)).await;
    assert!(!ack.is_present, "after it");
    hand.send(&Packet::Disconnect(reason::SUCCESS, Some(0))).await;
    assert_eq!(hand.next().await, None);
    let (_hand, ack) = Hand::connect(broker.address(), "x", keeps(100)).await;
    assert!(!ack.is_present, "DISCONNECT may end it at once");
}

#[tokio::test]
async fn a_will_waits_for_its_delay_and_not_for_one_who_comes_back() {
    let broker = start(BrokerLimits::default()).await;
    let mut messages = broker.messages();
    let will = |delay_s| {
        let message = Message {
            topic: "gone".into(),
            payload: "x".into(),
            delivery: Delivery::AtMostOnce,
            retain: false,
            passed: None,
        };
        Some(Will { message, delay_s })
    };
    for id in ["stays away", "comes back"] {
        let (hand, _) = Hand::connect(broker.address(), id, |connect| {
            keeps(100)(connect);
            connect.will = will(1);
        })
        .await;
        drop(hand);
    }
    until(|| broker.counters().connected == 0).await;
    let (_hand, ack) = Hand::connect(broker.address(), "comes back", keeps(100)).await;
    assert!(ack.is_present);
    assert!(tokio::time::timeout(Duration::from_millis(500), messages.recv()).await.is_err(), "not before its time");
    assert_eq!(next(&mut messages).await.topic, "gone");
    assert!(tokio::time::timeout(Duration::from_millis(1_000), messages.recv()).await.is_err(), "once");
    let (mut hand, _) = Hand::connect(broker.address(), "asks for it", |connect| connect.will = will(0)).await;
    hand.send(&Packet::Disconnect(reason::WITH_WILL, None)).await;
    assert_eq!(next(&mut messages).await.topic, "gone");
}

#[tokio::test]
async fn options_of_a_subscription_are_kept() {
    let broker = start(BrokerLimits::default()).await;
    let (mut hand, _) = Hand::connect(broker.address(), "x", |_| {}).await;
    let mut kept = publish("a", "kept", Delivery::AtMostOnce, 0);
    kept.message.retain = true;
    hand.send(&Packet::Publish(kept)).await;
    until(|| broker.counters().received == 1).await;
    let own = Wanted { no_local: true, retained: Retained::Never, ..Wanted::new("a", Delivery::AtMostOnce) };
    assert_eq!(hand.ask(&subscribe(own)).await, Packet::SubAck(Codes { id: 1, codes: vec![0] }));
    hand.send(&Packet::Publish(publish("a", "own", Delivery::AtMostOnce, 0))).await;
    let (mut other, _) = Hand::connect(broker.address(), "y", |_| {}).await;
    let mut live = publish("a", "live", Delivery::AtMostOnce, 0);
    live.message.retain = true;
    other.send(&Packet::Publish(live)).await;
    let heard = hand.message().await;
    assert_eq!(
        (&heard.message.payload[..], heard.message.retain),
        (&b"live"[..], false),
        "no retained one, not its own"
    );
    let again = Wanted { keeps_retain: true, retained: Retained::New, ..Wanted::new("a", Delivery::AtMostOnce) };
    assert!(matches!(hand.ask(&subscribe(again)).await, Packet::SubAck(_)), "no retained one: the filter is not new");
    let mut live = publish("a", "kept too", Delivery::AtMostOnce, 0);
    live.message.retain = true;
    other.send(&Packet::Publish(live)).await;
    assert!(hand.message().await.message.retain, "as it was published");
    let numbered = Packet::Subscribe(Subscribe {
        id: 2,
        number: Some(9),
        filters: vec![Wanted { retained: Retained::Never, ..Wanted::new("b/#", Delivery::AtMostOnce) }],
    });
    assert!(matches!(hand.ask(&numbered).await, Packet::SubAck(_)));
    other.send(&Packet::Publish(publish("b/c", "x", Delivery::AtMostOnce, 0))).await;
    assert_eq!(hand.message().await.subscriptions, [9]);
    let refused = Packet::Subscribe(Subscribe {
        id: 3,
        number: None,
        filters: vec![Wanted::new("a/#/b", Delivery::AtMostOnce), Wanted::new("$share/g", Delivery::AtMostOnce)],
    });
    let codes = vec![reason::FILTER, reason::FILTER];
    assert_eq!(hand.ask(&refused).await, Packet::SubAck(Codes { id: 3, codes }));
}

#[tokio::test]
async fn a_client_is_sent_no_more_than_it_takes() {
    let broker = start(BrokerLimits::default()).await;
    let (mut hand, _) = Hand::connect(broker.address(), "x", |connect| {
        connect.properties = Properties { receive_maximum: Some(2), packet_maximum: Some(50), ..Properties::default() };
    })
    .await;
    assert!(matches!(hand.ask(&subscribe(Wanted::new("#", Delivery::AtLeastOnce))).await, Packet::SubAck(_)));
    let (mut speaker, _) = Hand::connect(broker.address(), "y", |_| {}).await;
    for (id, payload) in (1..).zip(["1", &"long".repeat(20), "2", "3"]) {
        speaker.ask(&Packet::Publish(publish("a", payload, Delivery::AtLeastOnce, id))).await;
    }
    let (first, second) = (hand.message().await, hand.message().await);
    assert_eq!(
        (&first.message.payload[..], &second.message.payload[..]),
        (&b"1"[..], &b"2"[..]),
        "the long one is left out"
    );
    assert!(tokio::time::timeout(Duration::from_millis(300), hand.next()).await.is_err(), "two are open");
    hand.send(&Packet::PubAck(Ack::new(first.id))).await;
    assert_eq!(hand.message().await.message.payload, "3");
}

#[tokio::test]
async fn quality_2_goes_out_once_and_comes_in_once() {
    let broker = start(BrokerLimits::default()).await;
    let (mut hand, _) = Hand::connect(broker.address(), "hearer", keeps(100)).await;
    assert!(matches!(hand.ask(&subscribe(Wanted::new("a", Delivery::ExactlyOnce))).await, Packet::SubAck(_)));
    let (mut speaker, _) = Hand::connect(broker.address(), "speaker", keeps(100)).await;
    let said = Packet::Publish(publish("a", "x", Delivery::ExactlyOnce, 5));
    assert_eq!(speaker.ask(&said).await, Packet::PubRec(Ack::new(5)));
    // The answer is lost, the connection too: the same packet comes again over the next one.
    drop(speaker);
    until(|| broker.counters().connected == 1).await;
    let (mut speaker, ack) = Hand::connect(broker.address(), "speaker", keeps(100)).await;
    assert!(ack.is_present);
    assert_eq!(speaker.ask(&said).await, Packet::PubRec(Ack::new(5)));
    assert_eq!(speaker.ask(&Packet::PubRel(Ack::new(5))).await, Packet::PubComp(Ack::new(5)));
    let unknown = Ack { id: 5, reason: reason::NO_PACKET };
    assert_eq!(speaker.ask(&Packet::PubRel(Ack::new(5))).await, Packet::PubComp(unknown));
    let heard = hand.message().await;
    assert_eq!(hand.ask(&Packet::PubRec(Ack::new(heard.id))).await, Packet::PubRel(Ack::new(heard.id)));
    drop(hand);
    until(|| broker.counters().connected == 1).await;
    let (mut hand, _) = Hand::connect(broker.address(), "hearer", keeps(100)).await;
    assert_eq!(hand.next().await, Some(Packet::PubRel(Ack::new(heard.id))), "it goes on where it was");
    hand.send(&Packet::PubComp(Ack::new(heard.id))).await;
    assert!(tokio::time::timeout(Duration::from_millis(300), hand.next()).await.is_err(), "once");
}

#[tokio::test]
async fn what_has_expired_is_not_delivered() {
    let broker = start(BrokerLimits::default()).await;
    let (mut hand, _) = Hand::connect(broker.address(), "x", keeps(100)).await;
    assert!(matches!(hand.ask(&subscribe(Wanted::new("#", Delivery::AtLeastOnce))).await, Packet::SubAck(_)));
    drop(hand);
    until(|| broker.counters().connected == 0).await;
    let (mut speaker, _) = Hand::connect(broker.address(), "y", |_| {}).await;
    for (id, seconds) in [(1, 1), (2, 100)] {
        let mut packet = publish("a", &format!("{seconds}"), Delivery::AtLeastOnce, id);
        let expires = Some(std::time::Instant::now() + Duration::from_secs(seconds));
        packet.message.passed = Some(Passed { expires, ..Passed::default() }.into());
        packet.message.retain = seconds == 1;
        speaker.ask(&Packet::Publish(packet)).await;
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let (mut hand, _) = Hand::connect(broker.address(), "x", keeps(100)).await;
    assert_eq!(hand.message().await.message.payload, Bytes::from("100"));
    let (mut late, _) = Hand::connect(broker.address(), "late", |_| {}).await;
    assert!(matches!(late.ask(&subscribe(Wanted::new("#", Delivery::AtLeastOnce))).await, Packet::SubAck(_)));
    assert_eq!(late.ask(&Packet::PingReq).await, Packet::PingResp, "no retained message in between");
}

#[tokio::test]
async fn one_who_is_pushed_out_hears_why() {
    let broker = start(BrokerLimits::default()).await;
    let (mut first, _) = Hand::connect(broker.address(), "same", |_| {}).await;
    let (_second, _) = Hand::connect(broker.address(), "same", |_| {}).await;
    assert_eq!(first.next().await, Some(Packet::Disconnect(reason::TAKEN_OVER, None)));
}

/// One who comes back while the old connection still stands: its will stays untold, and its session is the new connection's.
#[tokio::test]
async fn a_session_is_taken_over_whole() {
    let broker = start(BrokerLimits::default()).await;
    let mut messages = broker.messages();
    let message = Message {
        topic: "gone".into(),
        payload: "x".into(),
        delivery: Delivery::AtMostOnce,
        retain: false,
        passed: None,
    };
    let (mut old, _) = Hand::connect(broker.address(), "x", |connect| {
        keeps(100)(connect);
        connect.will = Some(Will { message, delay_s: 1 });
    })
    .await;
    assert!(matches!(old.ask(&subscribe(Wanted::new("a", Delivery::AtLeastOnce))).await, Packet::SubAck(_)));
    // The new connection says that the session ends with it.
    let (mut new, ack) = Hand::connect(broker.address(), "x", keeps(0)).await;
    assert!(ack.is_present);
    assert_eq!(old.next().await, Some(Packet::Disconnect(reason::TAKEN_OVER, None)));
    until(|| broker.counters().connected == 1).await;
    assert!(tokio::time::timeout(Duration::from_millis(1_700), messages.recv()).await.is_err(), "the client is back");
    let (mut speaker, _) = Hand::connect(broker.address(), "y", |_| {}).await;
    speaker.send(&Packet::Publish(publish("a", "still", Delivery::AtLeastOnce, 1))).await;
    assert_eq!(new.message().await.message.payload, "still");
}

#[tokio::test]
async fn of_a_shared_subscription_each_message_goes_to_one() {
    let broker = start(BrokerLimits::default()).await;
    let clients: Vec<_> = ["one", "two"]
        .map(|id| {
            let filters = vec!["$share/team/work/#".to_owned()];
            let settings = ClientSettings::new("127.0.0.1", broker.address().port(), id);
            Client::start(ClientSettings { filters, ..settings }).unwrap()
        })
        .into();
    until(|| clients.iter().all(|(client, _)| client.is_connected())).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (mut speaker, _) = Hand::connect(broker.address(), "speaker", |_| {}).await;
    for id in 1..=20 {
        speaker.ask(&Packet::Publish(publish("work/x", &id.to_string(), Delivery::AtLeastOnce, id))).await;
    }
    let mut heard = Vec::new();
    for (_, mut messages) in clients {
        for _ in 0..10 {
            heard.push(next(&mut messages).await.payload);
        }
        assert!(tokio::time::timeout(Duration::from_millis(100), messages.recv()).await.is_err(), "ten each");
    }
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), 20, "each once");
}
