//! What docs/streams.md says, run as it stands there; and the program between a broker and its disk, killed.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Server, has, urbis};

const PAGE: &str = include_str!("../../../../docs/streams.md");

/// The pieces of the page in a language.
fn pieces(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let pieces = PAGE.split(&fence).skip(1);
    pieces.map(|piece| piece.split("```").next().unwrap().to_owned()).collect()
}

/// A foreign server that ends with the test.
struct Running(Child);

impl Running {
    fn start(program: &str, arguments: &[&str]) -> Self {
        Self(Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn serve(dir: &Path, config: &str, mqtt: &str) -> Server {
    let path = dir.join("urbis.toml");
    std::fs::write(&path, config).unwrap();
    Server::start_with(urbis(), &dir.join("data"), mqtt, Some(&path))
}

/// Runs a piece of shell with the page's addresses put right.
fn shell(server: &Server, piece: &str) {
    let (host, port) = server.mqtt.as_deref().unwrap().split_once(':').unwrap();
    let script = format!("set -e\nmosquitto_pub() {{ command mosquitto_pub -h {host} -p {port} \"$@\"; }}\n{piece}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("URBIS_URL", &server.url)
        .env("URBIS_API_KEY", server.key.as_deref().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{piece}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_page_of_streams_holds() {
    if !has("mosquitto_pub") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &pieces("toml")[0], "127.0.0.1:0");
    let shells = pieces("sh");
    shell(&server, &shells[0]);
    server.until("SELECT count(*) FROM observations", 1);
    server.until("SELECT count(*) FROM rejected", 1);
    let refused = &server.sql("SELECT place, reason, sample FROM rejected")[0];
    assert_eq!((&refused["place"], &refused["sample"]), (&"s1/pm25".into(), &"4150 at 2026-11-22T00:10:00Z".into()));
    assert_eq!(refused["reason"], "quality rule: outside the range 0 to 1000 ug/m3");
    // The webhook, twice: the second changes nothing.
    let hook = format!("URL = {:?}\n{}", server.url, pieces("python")[0]);
    for wanted in ["'taken': 3, 'unchanged': 0", "'taken': 0, 'unchanged': 3"] {
        let output = Command::new("python3").args(["-c", &hook]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains(wanted), "{told} {}", String::from_utf8_lossy(&output.stderr));
    }
    let first = &server.sql("SELECT phenomenon_time AS t FROM observations WHERE value = 20.5")[0]["t"];
    assert!(first.as_str().unwrap().starts_with("2026-07-01T10:00:00"), "summer time of Berlin: {first}");
    // SensorThings, over HTTP and MQTT.
    shell(&server, &shells[1]);
    shell(&server, &shells[2]);
    server.until("SELECT count(*) FROM observations WHERE datastream = 1", 3);
    let health = &server.sql(&pieces("sql")[0])[0];
    assert_eq!((&health["source"], &health["outside_range"]), (&"site/s1/pm25".into(), &1.into()));
    assert_eq!(health["state"], "dead", "its last reading is of a week ago");
    assert!(health["last_seen"].as_str().unwrap().starts_with("2026-11-22T00:30:00"), "{health}");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let post = |path: &str, key: bool, body: &str| {
        let mut request = agent.post(format!("{}{path}", server.url));
        if key {
            request = request.header("authorization", format!("Bearer {}", server.key.as_deref().unwrap()));
        }
        let mut response = request.send(body).unwrap();
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), location, response.body_mut().read_to_string().unwrap())
    };
    // The same observation is answered as it was the first time.
    let same = r#"{"phenomenonTime": "2026-11-22T08:20:00+08:00", "result": 43.5}"#;
    let (status, location, body) = post("/sta/v1.1/Datastreams(1)/Observations", true, same);
    assert!(status == 201 && location.unwrap().contains("/sta/v1.1/Observations("), "{body}");
    assert_eq!(server.number("SELECT count(*) FROM observations WHERE datastream = 1"), 3);
    for (path, key, body, wanted) in [
        ("/sta/v1.1/Datastreams(1)/Observations", false, same, 401),
        ("/sta/v1.1/Datastreams(99)/Observations", true, same, 404),
        ("/sta/v1.1/Things(1)/Observations", true, same, 404),
        ("/sta/v1.1/Observations", true, same, 400),
        ("/sta/v1.1/Datastreams(1)/Observations", true, r#"{"result": 5000}"#, 422),
        ("/hooks/weather", false, "{}", 401),
        ("/hooks/none", false, "{}", 404),
    ] {
        let (status, _, answer) = post(path, key, body);
        assert_eq!(status, wanted, "{path} {body}: {answer}");
    }
}

/// The door of the page: only who has the key comes in.
#[test]
fn a_broker_behind_a_key() {
    if !has("mosquitto_pub") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), "[mqtt_door]\naccess = \"key\"\n", "127.0.0.1:0");
    let (host, port) = server.mqtt.as_deref().unwrap().split_once(':').unwrap();
    let publish = |more: &[&str]| {
        let mut command = Command::new("mosquitto_pub");
        command.args(["-h", host, "-p", port, "-q", "1", "-t", "urbis/d/s/p", "-m", "x"]).args(more);
        command.output().unwrap().status.success()
    };
    assert!(publish(&["-u", "any", "-P", server.key.as_deref().unwrap()]));
    assert!(!publish(&["-u", "any", "-P", "urbis_0000"]) && !publish(&[]));
}

/// Messages numbered from `from`, each a reading whose value is its number.
fn publish(port: u16, qos: &str, from: usize, count: usize) {
    use std::io::Write;
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", qos, "-t", "urbis/site/gate/n", "-l"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut lines = String::new();
    for n in from..from + count {
        writeln!(lines, "{{\"t\":{},\"v\":{n},\"unit\":\"1\"}}", 1_795_305_600_000 + n).unwrap();
    }
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

const DESCRIBE: &str = r#"{"kind":"sensor","class":"gate","name":"Gate","lon":116.31,"lat":39.98,
    "datastreams":[{"property":"n","unit":"1","name":"n"}]}"#;

/// `mosquitto` keeps what comes while the kernel is dead; killed again and again in the middle of catching up, the kernel has
/// everything once in the end.
#[test]
fn a_broker_outside_keeps_what_a_killed_kernel_misses() {
    if !has("mosquitto") || !has("mosquitto_pub") {
        return;
    }
    for qos in ["1", "2"] {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let place = dir.path().display();
        let conf = dir.path().join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {place}/\nmax_queued_messages 0\nuser root\n"
        );
        std::fs::write(&conf, text).unwrap();
        let broker = Running::start("mosquitto", &["-c", conf.to_str().unwrap()]);
        let piece = pieces("toml").into_iter().find(|piece| piece.contains("[[brokers]]")).unwrap();
        let config =
            piece.replace("127.0.0.1:1884", &format!("127.0.0.1:{port}")).replace("qos = 1", &format!("qos = {qos}"));
        let start = || serve(dir.path(), &config, "off");
        let count = "SELECT count(*) FROM observations";
        let describe = |topic: &str, message: &str| {
            let address = ["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1"].map(str::to_owned);
            let status = Command::new("mosquitto_pub").args(address).args(["-t", topic, "-m", message]).status();
            assert!(status.unwrap().success());
        };
        // The first visit makes the session.
        let server = start();
        wait_until(|| server.get("/metrics").1.contains("urbis_outside_connected 1"));
        std::thread::sleep(Duration::from_millis(500));
        describe("urbis/site/gate/describe", DESCRIBE);
        server.until("SELECT count(*) FROM datastreams", 1);
        drop(server);
        // Dead. What comes now waits in the broker.
        publish(port, qos, 0, 3_000);
        for round in 0..4_u64 {
            let mut server = start();
            std::thread::sleep(Duration::from_millis(40 + 90 * round));
            server.child.kill().unwrap();
            server.child.wait().unwrap();
            publish(port, qos, 3_000 + 200 * round as usize, 200);
        }
        let server = start();
        wait_until(|| server.number(count) >= 3_800);
        assert_eq!(server.number(count), 3_800, "QoS {qos}: none doubled");
        assert_eq!(server.number("SELECT count(DISTINCT value) FROM observations"), 3_800, "none lost");
        assert_eq!(server.number("SELECT count(*) FROM rejected"), 0);
        drop(broker);
    }
}

fn wait_until(what: impl Fn() -> bool) {
    for _ in 0..600 {
        if what() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("it did not become so within a minute");
}
