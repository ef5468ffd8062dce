//! A real `nats-server` with JetStream: killed, and consumers that are gone in the middle.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use connectors_streams::{Decoder, DecoderSettings, FlowSettings, Messages, Nats, NatsSettings, Streams};
use kernel_model::Change;

use crate::foreign::{Running, has};
use crate::until;

fn nats_server(dir: &Path, port: u16) -> Running {
    let mut command = Command::new("nats-server");
    command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(dir);
    Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

async fn context(url: &str) -> jetstream::Context {
    for _ in 0..100 {
        if let Ok(client) = async_nats::connect(url).await {
            return jetstream::new(client);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no nats-server at {url}");
}

async fn publish(context: &jetstream::Context, subject: &str, payload: String) {
    context.publish(subject.to_owned(), payload.into()).await.unwrap().await.unwrap();
}

/// Reads, gives some acknowledgements and leaves others owed; returns the payloads that were acknowledged.
async fn some(messages: &mut Messages, count: usize) -> Vec<String> {
    let mut kept = Vec::new();
    for n in 0..count {
        let Ok(Some(incoming)) = tokio::time::timeout(Duration::from_secs(5), messages.recv()).await else { break };
        assert_eq!(incoming.message.topic, "site/a/pm25");
        if n % 3 != 2 {
            kept.push(String::from_utf8(incoming.message.payload.to_vec()).unwrap());
            incoming.acknowledgement.unwrap().give();
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_durable_is_delivered_again_whoever_was_killed() {
    if !has("nats-server") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("nats://127.0.0.1:{port}");
    let settings =
        || NatsSettings { ack_wait: Duration::from_secs(1), ..NatsSettings::new(&url, "CITY", "urbis-test") };
    // Neither server nor stream is there yet: the consumer waits for both.
    let (early, waiting) = Nats::start(settings());
    let mut server = nats_server(dir.path(), port);
    let publisher = context(&url).await;
    let config =
        jetstream::stream::Config { name: "CITY".into(), subjects: vec!["site.>".into()], ..Default::default() };
    publisher.create_stream(config).await.unwrap();
    until(|| early.is_connected()).await;
    drop((early, waiting));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for n in 0..100 {
        publish(&publisher, "site.a.pm25", n.to_string()).await;
    }
    for round in 0..4 {
        let (consumer, mut messages) = Nats::start(settings());
        for payload in some(&mut messages, 40).await {
            *counts.entry(payload).or_default() += 1;
        }
        if round == 1 {
            server.0.kill().unwrap();
            server.0.wait().unwrap();
            server = nats_server(dir.path(), port);
            let publisher = context(&url).await;
            for n in 100..150 {
                publish(&publisher, "site.a.pm25", n.to_string()).await;
            }
            // The same consumer goes on by itself.
            for payload in some(&mut messages, 20).await {
                *counts.entry(payload).or_default() += 1;
            }
        }
        drop((consumer, messages));
    }
    let (_consumer, mut messages) = Nats::start(settings());
    while let Ok(Some(incoming)) = tokio::time::timeout(Duration::from_secs(3), messages.recv()).await {
        *counts.entry(String::from_utf8(incoming.message.payload.to_vec()).unwrap()).or_default() += 1;
        incoming.acknowledgement.unwrap().give();
    }
    assert_eq!(counts.len(), 150, "nothing is lost");
    let stream = context(&url).await.get_stream("CITY").await.unwrap();
    let mut consumer: jetstream::consumer::PullConsumer = stream.get_consumer("urbis-test").await.unwrap();
    let info = consumer.info().await.unwrap();
    assert_eq!((info.num_ack_pending, info.num_pending), (0, 0), "and all is acknowledged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subjects_are_read_as_topics_and_acknowledged_when_the_batch_is_durable() {
    if !has("nats-server") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("nats://127.0.0.1:{port}");
    let _server = nats_server(dir.path(), port);
    let publisher = context(&url).await;
    let config =
        jetstream::stream::Config { name: "CITY".into(), subjects: vec!["urbis.>".into()], ..Default::default() };
    publisher.create_stream(config).await.unwrap();
    let (_consumer, messages) = Nats::start(NatsSettings::new(&url, "CITY", "urbis-test"));
    let (out, mut batches) = tokio::sync::mpsc::channel(4);
    let _flow = Streams::start(messages, Decoder::new(DecoderSettings::default()), out, FlowSettings::default());
    publish(&publisher, "urbis.d.s.pm25", r#"{"t":1795305600000,"v":1,"unit":"ug/m3"}"#.to_owned()).await;
    let batch = tokio::time::timeout(Duration::from_secs(20), batches.recv()).await.unwrap().unwrap();
    assert!(matches!(&batch.changes[..], [Change::Observations(one)] if one.datastream.to_string() == "d/s/pm25"));
    let stream = publisher.get_stream("CITY").await.unwrap();
    let mut consumer: jetstream::consumer::PullConsumer = stream.get_consumer("urbis-test").await.unwrap();
    assert_eq!(consumer.info().await.unwrap().num_ack_pending, 1, "not before it is durable");
    batch.acknowledge();
    for _ in 0..100 {
        if consumer.info().await.unwrap().num_ack_pending == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was never acknowledged");
}
