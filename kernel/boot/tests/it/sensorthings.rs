//! What docs/sensorthings.md says, run as it stands there: with curl, with mosquitto's programs and with the client of FROST.

use std::process::Command;

use crate::support::{Server, has};

const PAGE: &str = include_str!("../../../../docs/sensorthings.md");

/// The pieces of the page in a language.
fn pieces(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let pieces: Vec<_> = PAGE.match_indices(&fence).map(|(at, _)| &PAGE[at + fence.len()..]).collect();
    pieces.into_iter().map(|piece| piece.split("```").next().unwrap()).collect()
}

/// Runs a piece of shell in a folder, with the page's addresses put right; what it says.
fn shell(server: &Server, dir: &std::path::Path, piece: &str) -> String {
    let (host, port) = server.mqtt.as_deref().unwrap().split_once(':').unwrap();
    let script = format!(
        "set -e\ncurl() {{ command curl -sS -f -g \"$@\"; echo; }}\n\
         mosquitto_pub() {{ command mosquitto_pub -h {host} -p {port} \"$@\"; }}\n\
         mosquitto_sub() {{ command mosquitto_sub -h {host} -p {port} \"$@\"; }}\n{piece}"
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(dir)
        .env("URBIS_URL", &server.url)
        .env("URBIS_API_KEY", server.key.as_deref().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{piece}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_page_of_sensorthings_holds() {
    if !has("mosquitto_sub") || !has("curl") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"), "127.0.0.1:0");
    let shells = pieces("sh");
    shell(&server, dir.path(), shells[1]);
    assert_eq!(server.number("SELECT count(*) FROM observations WHERE datastream = 1"), 3);
    assert_eq!(server.sql("SELECT unit FROM datastreams")[0]["unit"], "m");
    assert_eq!(server.sql("SELECT lon FROM latest_observations")[0]["lon"], 116.3125);
    let told = shell(&server, dir.path(), shells[0]);
    let lines: Vec<_> = told.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines[0].contains("\"@iot.count\":1") && lines[1].contains("\"result\":2.44"), "{told}");
    // Over MQTT: what was created is told once, as the service tells it.
    shell(&server, dir.path(), shells[2]);
    let told = std::fs::read_to_string(dir.path().join("told.json")).unwrap();
    assert!(told.contains("\"phenomenonTime\":\"2026-11-22T00:30:00Z\"") && told.contains("@iot.selfLink"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn the_client_of_frost_reads_and_writes() {
    let Some(python) = crate::support::python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), "off");
    let (url, key) = (server.url.trim_end_matches('/'), server.key.clone().unwrap());
    let recipe = format!("URL, KEY = {url:?}, {key:?}\n{}", pieces("python")[0]);
    let output = Command::new(&python).args(["-c", &recipe]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[42, 41]\nLamp 1\n0\n");
}
