//! How many messages a second the broker, the decoder and the flow take on this machine.
//!
//! `cargo run --release -p connectors-streams --example throughput` decodes from memory, then publishes with
//! `mosquitto_pub -l` (QoS 0 and QoS 1) over loopback into the process and prints what arrived as changes.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program, not library code")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use connectors_streams::{Broker, BrokerLimits, Decoder, DecoderSettings, FlowSettings, Streams};
use kernel_model::Change;

const MESSAGES: usize = 400_000;
/// `mosquitto_pub -l` leaves at the first acknowledgement that bears its last packet id, so it must not count round.
const MESSAGES_QOS_1: usize = 60_000;

type Payload = fn(usize) -> String;

fn main() {
    decode();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for (qos, messages) in [("0", MESSAGES), ("1", MESSAGES_QOS_1)] {
        runtime.block_on(through_the_broker(qos, messages));
    }
}

fn decode() {
    let payload =
        |i: usize| format!(r#"{{"t":{},"v":{}.25,"unit":"ug/m3"}}"#, 1_795_305_600_000_i64 + i as i64, i % 300);
    let position = |i: usize| {
        let ms = 1_795_305_600_000_i64 + i as i64;
        format!(
            r#"{{"t":{ms},"lon":116.3125001,"lat":39.983{i},"h":42.0,"height_reference":"ellipsoid","heading":91.5,"speed":8.31}}"#
        )
    };
    let rfc3339 = |i: usize| format!(r#"{{"t":"2026-11-22T08:00:00.{:03}+08:00","v":1.5,"unit":"ug/m3"}}"#, i % 1_000);
    let cases: [(&str, &str, Payload); 3] =
        [("reading", "pm25", payload), ("reading, RFC 3339", "pm25", rfc3339), ("position", "position", position)];
    for (name, property, payload) in cases {
        let messages: Vec<(String, String)> =
            (0..MESSAGES).map(|i| (format!("urbis/district/thing-{}/{property}", i % 2_500), payload(i))).collect();
        let mut decoder = Decoder::new(DecoderSettings::default());
        let (since, mut rows) = (Instant::now(), 0);
        for batch in messages.chunks(4_096) {
            for (topic, payload) in batch {
                decoder.decode(topic, payload.as_bytes());
            }
            rows += decoder.finish().iter().map(Change::row_count).sum::<usize>();
        }
        println!("decode, {name}: {rows} rows, {:.0} a second", rows as f64 / since.elapsed().as_secs_f64());
    }
}

async fn through_the_broker(qos: &'static str, messages: usize) {
    let broker = Broker::start(([127, 0, 0, 1], 0).into(), BrokerLimits::default()).await.unwrap();
    let (out, mut changes) = tokio::sync::mpsc::channel(16);
    let flow =
        Streams::start(broker.messages(), Decoder::new(DecoderSettings::default()), out, FlowSettings::default());
    let port = broker.address().port().to_string();
    let publisher = std::thread::spawn(move || publish(qos, messages, &port));
    let (mut rows, mut since, mut last) = (0, None, Instant::now());
    while let Ok(Some(batch)) = tokio::time::timeout(Duration::from_secs(3), changes.recv()).await {
        since.get_or_insert_with(Instant::now);
        last = Instant::now();
        rows += batch.changes.iter().map(Change::row_count).sum::<usize>();
        batch.acknowledge();
    }
    publisher.join().unwrap();
    let seconds = since.map_or(f64::NAN, |since| (last - since).as_secs_f64());
    println!(
        "mosquitto_pub QoS {qos} -> broker -> changes: {rows} of {messages}, {:.0} a second",
        rows as f64 / seconds
    );
    println!("  {:?}\n  {:?}", broker.counters(), flow.counters());
    broker.stop().await;
    flow.finished().await;
}

fn publish(qos: &str, messages: usize, port: &str) {
    let mut child = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", port, "-q", qos, "-t", "urbis/district/thing/pm25", "-l"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let filler = "x".repeat(48);
    let mut lines = String::new();
    for i in 0..messages {
        let ms = 1_795_305_600_000_i64 + i as i64;
        let _ = writeln!(lines, "{{\"t\":{ms},\"v\":41.5,\"unit\":\"ug/m3\",\"note\":\"{filler}\"}}");
    }
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}
