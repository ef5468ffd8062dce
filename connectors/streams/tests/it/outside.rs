//! A broker outside that keeps what we miss: `mosquitto` with persistence, killed, and clients that are gone in the middle.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use connectors_streams::mqtt::Version;
use connectors_streams::{Client, ClientSettings, Delivery, Messages};

use crate::foreign::{Running, has, publish};
use crate::until;

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `mosquitto` that writes what it holds to the disk, with no bound on what it keeps for one who is away.
fn mosquitto(dir: &Path, port: u16) -> Running {
    let config = dir.join("mosquitto.conf");
    let place = dir.display();
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {place}/\n\
         max_queued_messages 0\nuser root\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new("mosquitto");
    command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

/// Reads for a while, gives some acknowledgements and leaves others owed; returns the payloads that were acknowledged.
async fn some(messages: &mut Messages, count: usize) -> Vec<String> {
    let mut kept = Vec::new();
    for n in 0..count {
        let Ok(Some(incoming)) = tokio::time::timeout(Duration::from_secs(10), messages.recv()).await else { break };
        // Every third is never durable: the process dies before.
        if n % 3 != 2 {
            kept.push(String::from_utf8(incoming.message.payload.to_vec()).unwrap());
            incoming.acknowledgement.unwrap().give();
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_durable_comes_again_and_nothing_is_lost() {
    if !has("mosquitto") || !has("mosquitto_pub") {
        return;
    }
    for (version, delivery, qos) in [
        (Version::V5, Delivery::AtLeastOnce, "1"),
        (Version::V5, Delivery::ExactlyOnce, "2"),
        (Version::V311, Delivery::AtLeastOnce, "1"),
        (Version::V311, Delivery::ExactlyOnce, "2"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut broker = mosquitto(dir.path(), port);
        let settings = || ClientSettings { version, delivery, ..ClientSettings::new("127.0.0.1", port, "urbis-test") };
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        // A first visit makes the session; then the client is away while things are published.
        let (client, messages) = Client::start(settings()).unwrap();
        until(|| client.is_connected()).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop((client, messages));
        let lines = |from: usize| (from..from + 100).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        publish(port, &["-q", qos, "-t", "urbis/d/e/p", "-l"], Some(lines(0))).await;
        for round in 0..6 {
            let (client, mut messages) = Client::start(settings()).unwrap();
            for payload in some(&mut messages, 40).await {
                *counts.entry(payload).or_default() += 1;
            }
            // Gone without a word, as a process that is killed is; acknowledgements that were given may still be on their way.
            drop((client, messages));
            match round {
                1 => publish(port, &["-q", qos, "-t", "urbis/d/e/p", "-l"], Some(lines(100))).await,
                // The broker ends too, and comes back with what it wrote to the disk.
                2 => {
                    Command::new("kill").args(["-TERM", &broker.0.id().to_string()]).status().unwrap();
                    broker.0.wait().unwrap();
                    broker = mosquitto(dir.path(), port);
                }
                _ => {}
            }
        }
        let (client, mut messages) = Client::start(settings()).unwrap();
        while let Ok(Some(incoming)) = tokio::time::timeout(Duration::from_secs(2), messages.recv()).await {
            *counts.entry(String::from_utf8(incoming.message.payload.to_vec()).unwrap()).or_default() += 1;
            incoming.acknowledgement.unwrap().give();
        }
        assert_eq!(counts.len(), 200, "{version:?} {delivery:?}: nothing is lost");
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop((client, messages));
        let (_client, mut messages) = Client::start(settings()).unwrap();
        let rest = tokio::time::timeout(Duration::from_millis(1_500), messages.recv()).await;
        assert!(rest.is_err(), "{version:?} {delivery:?}: all is acknowledged, {rest:?}");
    }
}
