//! Bytes from strangers: whatever they send, the broker goes on serving the others.

use std::time::Duration;

use connectors_streams::BrokerLimits;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rumqttc::QoS;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Peer, next, start, until};

/// CONNECT of client `x`, keep-alive 0, clean session (MQTT 3.1.1, 3.1).
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01x";

#[tokio::test]
async fn breaking_the_protocol_costs_the_connection_only() {
    let limits = BrokerLimits { packet_bytes: 1_000, patience: Duration::from_secs(1), ..BrokerLimits::default() };
    let broker = start(limits).await;
    let mut messages = broker.messages();
    let cases: [(&str, Vec<u8>); 9] = [
        ("no CONNECT first", b"\xc0\x00".to_vec()),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("a second CONNECT", [CONNECT, CONNECT].concat()),
        ("a topic with a wildcard", [CONNECT, b"\x30\x04\x00\x01#x"].concat()),
        ("an empty topic", [CONNECT, b"\x30\x03\x00\x00x"].concat()),
        ("a topic longer than its packet", [CONNECT, b"\x30\x04\x00\xffab"].concat()),
        ("a topic that is no UTF-8", [CONNECT, b"\x30\x04\x00\x01\xffx"].concat()),
        ("a packet that is too long", [CONNECT, b"\x30\xff\xff\xff\x7f"].concat()),
        ("a length without end", [CONNECT, b"\x30\xff\xff\xff\xff\xff"].concat()),
    ];
    for (i, (what, bytes)) in cases.iter().enumerate() {
        let mut stream = TcpStream::connect(broker.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        assert!(closed.is_ok(), "{what}: the connection stays open");
        until(|| broker.counters().refused == i as u64 + 1).await;
    }
    let (speaker, _) = Peer::connect(broker.address(), "speaker", true).await;
    speaker.say("still/here", QoS::AtMostOnce, false, "x").await;
    assert_eq!(next(&mut messages).await.topic, "still/here");
}

#[tokio::test]
async fn packets_sent_along_with_connect_are_answered() {
    let broker = start(BrokerLimits::default()).await;
    let mut messages = broker.messages();
    let mut stream = TcpStream::connect(broker.address()).await.unwrap();
    // CONNECT, PUBLISH (QoS 1, topic `a`, packet 7), PINGREQ in one write.
    stream.write_all(&[CONNECT, b"\x32\x06\x00\x01a\x00\x07x", b"\xc0\x00"].concat()).await.unwrap();
    let mut answer = vec![0; 6];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"\x20\x02\x00\x00\xd0\x00", "CONNACK, PINGRESP; the message is not durable yet");
    assert_eq!(next(&mut messages).await.payload, "x");
    stream.read_exact(&mut answer[..4]).await.unwrap();
    assert_eq!(answer[..4], *b"\x40\x02\x00\x07", "PUBACK");
    stream.write_all(b"\xe0\x00").await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer.len(), 6, "nothing more after DISCONNECT");
}

#[tokio::test]
async fn a_silent_client_is_let_go() {
    let broker = start(BrokerLimits { patience: Duration::from_millis(200), ..BrokerLimits::default() }).await;
    let mut nothing = TcpStream::connect(broker.address()).await.unwrap();
    assert_eq!(nothing.read(&mut [0; 8]).await.unwrap_or(0), 0, "no CONNECT in time");
    let mut quiet = TcpStream::connect(broker.address()).await.unwrap();
    let mut connect = CONNECT.to_vec();
    connect[11] = 1;
    quiet.write_all(&connect).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), quiet.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, b"\x20\x02\x00\x00", "accepted, then let go after one and a half seconds of silence");
}

#[test]
fn random_bytes_never_stop_the_broker() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let broker = runtime.block_on(start(BrokerLimits::default()));
    let packet = (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40));
    let packets = proptest::collection::vec(packet, 1..6);
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    runner
        .run(&packets, |packets| {
            let mut bytes = CONNECT.to_vec();
            for (first, body) in packets {
                bytes.extend([first, body.len() as u8]);
                bytes.extend(body);
            }
            let ended: std::io::Result<()> = runtime.block_on(async {
                let mut stream = TcpStream::connect(broker.address()).await?;
                stream.write_all(&bytes).await?;
                stream.shutdown().await?;
                let mut answer = Vec::new();
                let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
                prop_or_ok(&answer)
            });
            prop_assert!(ended.is_ok(), "{ended:?}");
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        let (speaker, _) = Peer::connect(broker.address(), "speaker", true).await;
        let mut messages = broker.messages();
        speaker.say("still/here", QoS::AtMostOnce, false, "x").await;
        while next(&mut messages).await.topic != "still/here" {}
        // A task that panicked would not have counted itself out.
        until(|| broker.counters().connected == 1).await;
        broker.stop().await;
    });
}

/// Every answer begins with CONNACK, since the first packet was a good CONNECT.
fn prop_or_ok(answer: &[u8]) -> std::io::Result<()> {
    if answer.starts_with(b"\x20\x02\x00\x00") {
        return Ok(());
    }
    Err(std::io::Error::other(format!("{answer:?}")))
}
