//! Alarms of the built program: what docs/alarms.md shows is taken, and each transition is told once at every door, also where
//! the program is killed again and again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use kernel_model::{Change, HeightReference, Place, PositionBatch, PositionFix, SourceKey, TimeUs};
use serde_json::{Value, json};

use crate::crash::post;
use crate::support::Server;

const DOC: &str = include_str!("../../../../docs/alarms.md");

/// The blocks of the document in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    DOC.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// A server with a configuration.
fn serve(data: &Path, config: &Path, mqtt: &str) -> Server {
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" --config \"$CONFIG\"", env!("CARGO_BIN_EXE_urbis")]);
    command.env("URBIS_LOG", "warn").env("CONFIG", config);
    Server::start_by(command, data, mqtt)
}

fn fix(second: i64, [lon_deg, lat_deg]: [f64; 2], height_m: f64) -> Change {
    let place = Place { lon_deg, lat_deg, height_m: Some(height_m) };
    let row = PositionFix { time: TimeUs(second * 1_000_000), place, heading_deg: None, speed_m_s: Some(20.0) };
    let (entity, height_reference) = (SourceKey::new("airspace", "drone-7"), HeightReference::Ellipsoid);
    Change::Positions(PositionBatch { entity, height_reference, rows: vec![row] })
}

fn describe(server: &Server, key: &str) {
    let request = ureq::post(format!("{}/changes", server.url)).header("authorization", format!("Bearer {key}"));
    request.content_type("application/json").send(blocks("json")[0]).unwrap();
}

/// The records after a number, once there are so many.
fn alerts(server: &Server, since: u64, wanted: usize) -> Vec<Value> {
    for _ in 0..300 {
        let answer = server.json(&format!("/alerts?since={since}"));
        let alerts = answer["alerts"].as_array().unwrap();
        if alerts.len() >= wanted {
            return alerts.clone();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{} alerts are not there after 30 s: {}", wanted, server.json(&format!("/alerts?since={since}")));
}

const IN: [f64; 2] = [116.312, 39.981];
const OUT: [f64; 2] = [116.35, 39.97];

/// Takes requests of a webhook, refusing the first; each body with its signature goes out.
fn subscriber() -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut reader = BufReader::new(stream);
            let (mut length, mut signature, mut line) = (0, String::new(), String::new());
            while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 2) {
                let (name, value) = line.split_once(':').unwrap_or(("", ""));
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().unwrap(),
                    "urbis-signature" => signature = value.trim().to_owned(),
                    _ => {}
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let status = if n == 0 { "503 Service Unavailable" } else { "204 No Content" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            if n > 0 && send.send((signature, String::from_utf8(body).unwrap())).is_err() {
                return;
            }
        }
    });
    (url, receive)
}

#[test]
fn what_the_document_shows_is_taken_and_told_once_at_every_door() {
    let dir = tempfile::tempdir().unwrap();
    let (data, config, secret) = (dir.path().join("data"), dir.path().join("urbis.toml"), dir.path().join("secret"));
    let (url, hooked) = subscriber();
    std::fs::write(&secret, "an example of a secret").unwrap();
    let text = blocks("toml").join("\n");
    // The example is for a street in Beijing at day; this test is at any time.
    let text = text.replace("Mo-Fr 07:00-19:00; Sa 10:00-14:00", "Mo-Su 00:00-24:00");
    let text = text.replace("https://example.org/urbis", &url);
    std::fs::write(&config, text.replace("/etc/urbis/control-room.secret", secret.to_str().unwrap())).unwrap();
    let mut server = serve(&data, &config, "127.0.0.1:0");
    let key = server.key.clone().unwrap();
    describe(&server, &key);
    let listening = mqtt_listener(server.mqtt.as_deref().unwrap());
    post(&server.url, &key, &vec![fix(0, OUT, 50.0), fix(10, IN, 200.0), fix(20, IN, 80.0)]).unwrap();
    post(&server.url, &key, &vec![fix(60, IN, 80.0)]).unwrap();
    let told = alerts(&server, 0, 3);
    let events: Vec<_> =
        told.iter().map(|alert| (alert["event"].as_str().unwrap(), alert["time"].as_str().unwrap())).collect();
    let (at_20, at_60) = ("1970-01-01T00:00:20Z", "1970-01-01T00:01:00Z");
    assert_eq!(events, [("enter", at_20), ("speed", at_20), ("dwell", at_60)]);
    assert!(told.iter().all(|alert| alert["rule"] == "no-fly"));
    // Over MQTT, as it came.
    if let Some(mut mqtt) = listening {
        let said: Value = serde_json::from_str(&mqtt.next()).unwrap();
        assert_eq!(said, told[0]);
    }
    // In SQL, with the things' names.
    let rows = server.sql("SELECT a.event, f.name FROM alerts a JOIN entities f ON f.id = a.fence ORDER BY a.number");
    assert_eq!(rows[0], json!({"event": "enter", "name": "School 1"}));
    assert_eq!(rows.as_array().unwrap().len(), 3);
    // The web address refused the first request and was asked again.
    let mut got: Vec<Value> = Vec::new();
    while got.len() < 3 {
        let (signature, body) = hooked.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(signature.starts_with("t=") && signature.contains(",v1="), "{signature}");
        let body: Value = serde_json::from_str(&body).unwrap();
        got.extend(body["alerts"].as_array().unwrap().iter().cloned());
    }
    assert_eq!(got, told);
    // Taking note is a record too, and needs the key.
    let note = |number: u64, key: &str| {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(format!("{}/alerts/{number}/acknowledge", server.url));
        request
            .header("authorization", format!("Bearer {key}"))
            .send_json(json!({"by": "Ann"}))
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!([note(1, "urbis_no"), note(9, &key), note(1, &key), note(4, &key)], [403, 404, 200, 404]);
    let open = "SELECT count(*) FROM alerts WHERE event = 'enter' AND number NOT IN (SELECT alert FROM alerts WHERE alert IS NOT NULL)";
    assert_eq!(server.number(open), 0);
    // Killed: nothing is told again, and what comes is told from where a client was.
    let mut live = Live::open(&server.url, 3);
    assert_eq!(live.next()["event"], "acknowledged");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let server = serve(&data, &config, "off");
    let mut live = Live::open(&server.url, 4);
    post(&server.url, &key, &vec![fix(70, OUT, 80.0)]).unwrap();
    let exit = live.next();
    assert_eq!((exit["event"].as_str(), exit["number"].as_u64()), (Some("exit"), Some(5)));
    let all = alerts(&server, 0, 5);
    assert_eq!((&all[..3], &all[4]), (&told[..], &exit));
    let (_, body) = hooked.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(body.contains("acknowledged") || body.contains("exit"), "{body}");
    // A backup has them too, and both are whole.
    let report = crate::support::done(&["check", "--data", data.to_str().unwrap()]);
    assert!(report.contains("alarms: whole, 5 records"), "{report}");
    let copy = dir.path().join("copy");
    crate::support::done(&["backup", "--data", data.to_str().unwrap(), copy.to_str().unwrap()]);
    let restored = serve(&copy, &config, "off");
    assert_eq!(alerts(&restored, 0, 5), all);
}

#[test]
fn kills_lose_and_double_no_alert() {
    let dir = tempfile::tempdir().unwrap();
    let (data, config) = (dir.path().join("data"), dir.path().join("urbis.toml"));
    std::fs::write(&config, "[[alarms.fence]]\nname = \"zone\"\nfences = { class = \"no_fly_zone\" }\n").unwrap();
    let (mut second, mut key) = (0, None);
    for round in 0..4_u64 {
        let mut server = serve(&data, &config, "off");
        key = server.key.clone().or(key);
        let key = key.clone().unwrap();
        describe(&server, &key);
        let url = server.url.clone();
        let writing = std::thread::spawn(move || {
            loop {
                second += 1;
                let at = if second % 2 == 0 { OUT } else { IN };
                if post(&url, &key, &vec![fix(second, at, 50.0)]).is_err() {
                    return second;
                }
            }
        });
        std::thread::sleep(Duration::from_millis(400 + 170 * round % 300));
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        // What was not acknowledged may be there or not; two further on it is in or out as it is meant to be.
        second = writing.join().unwrap() / 2 * 2 + 2;
    }
    let server = serve(&data, &config, "off");
    let fixes = "SELECT CAST(lon < 116.33 AS INT) AS inside FROM positions ORDER BY time";
    let inside: Vec<i64> =
        server.sql(fixes).as_array().unwrap().iter().map(|row| row["inside"].as_i64().unwrap()).collect();
    let mut wanted = Vec::new();
    for (n, now) in inside.iter().enumerate() {
        match (n.checked_sub(1).map_or(0, |before| inside[before]), now) {
            (0, 1) => wanted.push("enter"),
            (1, 0) => wanted.push("exit"),
            _ => {}
        }
    }
    assert!(wanted.len() > 8, "{}", wanted.len());
    let told = alerts(&server, 0, wanted.len());
    let events: Vec<_> = told.iter().map(|alert| alert["event"].as_str().unwrap()).collect();
    assert_eq!(events, wanted);
}

#[test]
fn rules_that_make_no_sense_are_refused_before_anything_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("urbis.toml");
    let refused = |text: &str| {
        std::fs::write(&config, text).unwrap();
        let data = dir.path().join("data");
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--mqtt", "off", "--data", data.to_str().unwrap()];
        let output = crate::support::run(&[&arguments[..], &["--config", config.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(!data.exists());
        crate::support::stderr(&output)
    };
    assert!(refused("[[alarms.fence]]\nname = \"a\"\nfences = {}").contains("give `fences` a class or kind"));
    assert!(refused("[[alarms.fence]]\nname = \"a\"\nfence = {}").contains("fence"));
    assert!(refused("[[alarms.webhook]]\nname = \"a\"\nurl = \"x\"\nsecret_file = \"y\"").contains("url is https"));
}

/// A client of `/alerts/live`.
struct Live {
    runtime: tokio::runtime::Runtime,
    socket: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Live {
    fn open(url: &str, since: u64) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let url = format!("{}/alerts/live?since={since}", url.replace("http://", "ws://"));
        let (socket, _) = runtime.block_on(tokio_tungstenite::connect_async(url)).unwrap();
        Self { runtime, socket }
    }

    fn next(&mut self) -> Value {
        use futures_util::StreamExt;
        self.runtime.block_on(async {
            loop {
                let next = tokio::time::timeout(Duration::from_secs(30), self.socket.next()).await;
                if let tokio_tungstenite::tungstenite::Message::Text(text) = next.unwrap().unwrap().unwrap() {
                    return serde_json::from_str(&text).unwrap();
                }
            }
        })
    }
}

/// A client of the broker that has subscribed to alerts.
struct Listener(std::process::Child, BufReader<std::process::ChildStdout>);

fn mqtt_listener(address: &str) -> Option<Listener> {
    if !crate::support::has("mosquitto_sub") {
        return None;
    }
    let (host, port) = address.split_once(':').unwrap();
    let mut command = Command::new("mosquitto_sub");
    command.args(["-h", host, "-p", port, "-q", "1", "-t", "urbis/alerts/#"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    // Time to subscribe.
    std::thread::sleep(Duration::from_secs(2));
    Some(Listener(child, lines))
}

impl Listener {
    fn next(&mut self) -> String {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
