//! The disk is full: writers over HTTP are told, publishers over MQTT are slowed and not acknowledged, and when there is
//! room again everything goes on; nothing acknowledged is lost, nothing is there twice. The full disk is a limit on the
//! size of files, which the kernel enforces on every write of the running program, its log on standard error included.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use rumqttc::{Event, MqttOptions, Packet, QoS};

use crate::crash::{describe, post, readings};
use crate::support::{Server, done, urbis};

/// Readings published.
const READINGS: u16 = 3_000;
/// What is published before them.
const DESCRIBE: &str =
    r#"{"kind":"sensor","class":"level","lon":116.3,"lat":39.9,"datastreams":[{"property":"level","unit":"1"}]}"#;

/// Files may grow to so many bytes: room for a few commits.
const ROOM: usize = 20_000;

/// `urbis` that gets an error instead of a signal when a file may not grow, as on a full disk; its log is such a file.
fn without_signal(log: &Path) -> Command {
    let program = urbis();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(program.get_program());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut log = File::create(log).unwrap();
    log.write_all(&vec![b'\n'; ROOM]).unwrap();
    command.stderr(log);
    command
}

/// Files of the running program may grow to so many bytes.
fn room(server: &Server, bytes: &str) {
    let pid = server.child.id().to_string();
    let status = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")]).status().unwrap();
    assert!(status.success());
}

/// A publisher with QoS 1; counts what is acknowledged.
struct Publisher {
    acknowledged: Arc<AtomicU16>,
    thread: std::thread::JoinHandle<()>,
}

impl Publisher {
    fn start(address: &str) -> Self {
        let (host, port) = address.split_once(':').unwrap();
        let (client, mut connection) =
            rumqttc::Client::new(MqttOptions::new("careful", host, port.parse().unwrap()), 10);
        let acknowledged = Arc::new(AtomicU16::new(0));
        let count = acknowledged.clone();
        std::thread::spawn(move || {
            client.publish("urbis/full/thing/describe", QoS::AtLeastOnce, false, DESCRIBE).unwrap();
            for n in 0..READINGS {
                let time = 1_795_305_600_000_u64 + u64::from(n);
                let payload = format!(r#"{{"t":{time},"v":{n},"unit":"1"}}"#);
                client.publish("urbis/full/thing/level", QoS::AtLeastOnce, false, payload).unwrap();
            }
        });
        let thread = std::thread::spawn(move || {
            for event in connection.iter() {
                if let Event::Incoming(Packet::PubAck(_)) = event.unwrap()
                    && count.fetch_add(1, SeqCst) == READINGS
                {
                    return;
                }
            }
        });
        Self { acknowledged, thread }
    }

    fn acknowledged(&self) -> u16 {
        self.acknowledged.load(SeqCst)
    }
}

#[test]
fn a_full_disk_slows_publishers_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_by(without_signal(&dir.path().join("log")), &data, "127.0.0.1:0");
    let key = server.key.clone().unwrap();
    post(&server.url, &key, &describe(0)).unwrap();
    room(&server, &ROOM.to_string());
    let publisher = Publisher::start(server.mqtt.as_deref().unwrap());
    let mut before = u16::MAX;
    while publisher.acknowledged() != before {
        before = publisher.acknowledged();
        std::thread::sleep(Duration::from_secs(1));
    }
    assert!(before < READINGS, "the disk was to be full");
    let refused = post(&server.url, &key, &vec![readings(0)]).unwrap_err().to_string();
    assert!(refused.contains("503"), "{refused}");
    let kept = server.number("SELECT count(*) FROM observations");
    // One of the acknowledged is the description.
    assert!(kept + 1 >= i64::from(before), "{before} acknowledged, {kept} there");
    assert_eq!(server.json("/health")["status"], "degraded");

    room(&server, "unlimited");
    publisher.thread.join().unwrap();
    post(&server.url, &key, &vec![readings(0)]).unwrap();
    let all = i64::from(READINGS);
    assert_eq!(server.number("SELECT count(*) FROM observations"), all + 50);
    assert_eq!(server.number("SELECT count(DISTINCT phenomenon_time) FROM observations"), all + 50);
    assert_eq!(server.json("/health")["status"], "ok");
    drop(server);
    let report = done(&["check", "--data", data.to_str().unwrap()]);
    assert!(report.contains("store:  whole") && report.contains("ledger: sound"), "{report}");
}
