//! Foreign programs: `mosquitto_pub` and `mosquitto_sub` against our broker, our client against `mosquitto`.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use connectors_streams::{BrokerLimits, Client, ClientError, ClientSettings, Delivery};

use crate::{next, start, until};

/// Whether the tool is there; its absence leaves the test out, except where everything must be there.
pub(crate) fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        assert!(
            std::env::var_os("CI").is_none(),
            "{tool} is needed: install the package mosquitto-clients or mosquitto"
        );
        println!("left out: needs {tool}");
    }
    found
}

/// A program that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn publish(port: u16, args: &[&str], input: Option<String>) {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", "127.0.0.1", "-p", &port.to_string()]).args(args).stdin(Stdio::piped());
    let status = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.unwrap_or_default().as_bytes()).unwrap();
        child.wait().unwrap()
    });
    assert!(status.await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_pub_delivers_every_line() {
    if !has("mosquitto_pub") {
        return;
    }
    let broker = start(BrokerLimits::default()).await;
    let mut messages = broker.messages();
    let port = broker.address().port();
    for (qos, version) in
        [("0", "mqttv311"), ("1", "mqttv311"), ("2", "mqttv311"), ("0", "mqttv5"), ("1", "mqttv5"), ("2", "mqttv5")]
    {
        let lines: Vec<String> = (0..2_000).map(|i| format!("line {i}")).collect();
        let arguments = ["-V", version, "-q", qos, "-t", "urbis/d/e/p", "-l"];
        // It waits for its acknowledgements, which wait for the reader.
        let publishing = tokio::spawn(async move { publish(port, &arguments, Some(lines.join("\n") + "\n")).await });
        for i in 0..2_000 {
            let message = next(&mut messages).await;
            assert_eq!(message.payload, format!("line {i}"));
            assert_eq!(message.delivery == Delivery::AtMostOnce, qos == "0");
        }
        tokio::time::timeout(Duration::from_secs(20), publishing).await.expect("all acknowledged").unwrap();
    }
    publish(port, &["-r", "-t", "城市", "-m", "留"], None).await;
    assert_eq!(next(&mut messages).await.topic, "城市");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_sub_hears_retained_and_live_messages() {
    if !has("mosquitto_sub") || !has("mosquitto_pub") {
        return;
    }
    let broker = start(BrokerLimits::default()).await;
    let port = broker.address().port();
    publish(port, &["-r", "-q", "1", "-t", "a/kept", "-m", "kept"], None).await;
    let mut command = Command::new("mosquitto_sub");
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1", "-t", "a/+", "-v", "-C", "3", "-W", "20"]);
    let listening = tokio::task::spawn_blocking(move || command.output().unwrap());
    until(|| broker.counters().sent >= 1).await;
    publish(port, &["-q", "1", "-t", "a/b/c", "-m", "not for it"], None).await;
    publish(port, &["-q", "0", "-t", "a/x", "-m", "live 0"], None).await;
    publish(port, &["-q", "1", "-t", "a/y", "-m", "live 1"], None).await;
    let output = listening.await.unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "a/kept kept\na/x live 0\na/y live 1\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_sub_sees_what_a_5_0_publisher_said() {
    if !has("mosquitto_sub") || !has("mosquitto_pub") {
        return;
    }
    let broker = start(BrokerLimits::default()).await;
    let port = broker.address().port();
    let mut command = Command::new("mosquitto_sub");
    command.args([
        "-V",
        "mqttv5",
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
        "-q",
        "2",
        "-t",
        "a/#",
        "-C",
        "1",
        "-W",
        "20",
    ]);
    command.args(["-D", "subscribe", "subscription-identifier", "77", "-F", "%t %q %p %C %R %D %P %S %F %E"]);
    let listening = tokio::task::spawn_blocking(move || command.output().unwrap());
    until(|| broker.counters().connected == 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let said = ["-V", "mqttv5", "-q", "2", "-t", "a/b", "-m", "x", "-D", "publish", "user-property", "maker", "城"];
    let more = ["-D", "publish", "content-type", "text/plain", "-D", "publish", "response-topic", "back"];
    let rest = ["-D", "publish", "correlation-data", "7", "-D", "publish", "payload-format-indicator", "1"];
    let expiry = ["-D", "publish", "message-expiry-interval", "100"];
    publish(port, &[&said[..], &more, &rest, &expiry].concat(), None).await;
    let output = String::from_utf8(listening.await.unwrap().stdout).unwrap();
    assert!(output.starts_with("a/b 2 x text/plain back 7 maker:城 77 1 "), "{output}");
    let left: u32 = output.trim().rsplit(' ').next().unwrap().parse().unwrap();
    assert!((95..=100).contains(&left), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_client_hears_mosquitto_and_finds_it_again() {
    if !has("mosquitto") || !has("mosquitto_pub") {
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let broker = || {
        let port = port.to_string();
        let mut command = Command::new("mosquitto");
        Running(command.args(["-p", &port]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    let settings = ClientSettings::new("127.0.0.1", port, "urbis-test");
    // The broker is not there yet: the client waits for it.
    let (client, mut messages) = Client::start(settings).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!client.is_connected());
    for round in 1..=2 {
        let running = broker();
        until(|| client.connects() == round && client.is_connected()).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        publish(port, &["-q", "1", "-t", "urbis/d/e/p", "-m", "heard"], None).await;
        publish(port, &["-q", "1", "-t", "other/d/e/p", "-m", "not subscribed"], None).await;
        publish(port, &["-q", "0", "-t", "urbis/d/e/q", "-m", "heard too"], None).await;
        assert_eq!(next(&mut messages).await.topic, "urbis/d/e/p");
        assert_eq!(next(&mut messages).await.topic, "urbis/d/e/q");
        drop(running);
        until(|| !client.is_connected()).await;
    }
    client.stop().await;
    assert!(messages.recv().await.is_none());
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let wrong = ClientSettings { filters: vec!["a/#/b".into()], ..ClientSettings::new("x", 1, "id") };
    assert!(matches!(Client::start(wrong), Err(ClientError::Filter(filter)) if filter == "a/#/b"));
    assert!(matches!(Client::start(ClientSettings::new("x", 1, "")), Err(ClientError::ClientId)));
    let none = ClientSettings { filters: Vec::new(), ..ClientSettings::new("x", 1, "id") };
    assert!(matches!(Client::start(none), Err(ClientError::NoFilter)));
}
