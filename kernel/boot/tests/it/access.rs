//! Keys as they are made, used and revoked beside a running server, and what is recorded of it.

use std::path::Path;
use std::time::Duration;

use crate::support::{Server, done, urbis};

/// A key made by the command, and its id.
fn add(data: &Path, options: &[&str]) -> (String, String) {
    let data = data.to_str().unwrap();
    let said = done(&[&["key", "add", "--data", data, "--name", "test"], options].concat());
    let key = said.lines().find_map(|line| line.strip_prefix("key: ")).unwrap().split_whitespace().next().unwrap();
    (key.to_owned(), said.split_whitespace().next().unwrap().to_owned())
}

fn status(server: &Server, path: &str, key: Option<&str>) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.get(format!("{}{path}", server.url));
    let request = match key {
        Some(key) => request.header("x-api-key", key),
        None => request,
    };
    request.call().unwrap().status().as_u16()
}

#[test]
fn a_server_lets_in_who_has_a_good_key_and_records_who_has_not() {
    let dir = tempfile::tempdir().unwrap();
    let (data, config) = (dir.path().join("data"), dir.path().join("urbis.toml"));
    std::fs::write(&config, "[access]\nanonymous = \"\"\naudit = \"all\"\n").unwrap();
    let server = Server::start_with(urbis(), &data, "off", Some(&config));
    let first = server.key.clone().unwrap();
    let (reader, id) = add(&data, &["--role", "reader", "--clearance", "9"]);
    let (stale, _) = add(&data, &["--role", "reader", "--expires", "2020-01-01T00:00:00Z"]);
    // The server looks at the file again.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(status(&server, "/api/info", Some(&first)), 200);
    assert_eq!(status(&server, "/api/info", Some(&reader)), 200);
    assert_eq!(status(&server, "/api/info", Some(&stale)), 403);
    assert_eq!(status(&server, "/api/info", None), 401);
    assert_eq!((status(&server, "/health", None), status(&server, "/ready", None)), (200, 200));
    // The program's own commands show a key too.
    let count = |key: Option<&str>| {
        let mut command = urbis();
        command.args(["sql", "SELECT count(*) AS n FROM entities", "--format", "csv", "--server", &server.url]);
        command.env_remove("URBIS_API_KEY").envs(key.map(|key| ("URBIS_API_KEY", key))).output().unwrap()
    };
    assert_eq!(String::from_utf8_lossy(&count(Some(&reader)).stdout), "n\n0\n");
    assert!(String::from_utf8_lossy(&count(None).stderr).contains("401"));
    done(&["key", "revoke", &id, "--data", data.to_str().unwrap()]);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(status(&server, "/api/info", Some(&reader)), 403);
    let listed = done(&["key", "list", "--data", data.to_str().unwrap()]);
    assert!(listed.contains("revoked") && listed.contains("expired") && !listed.contains(&reader), "{listed}");
    drop(server);
    let record = std::fs::read_to_string(data.join("audit/audit.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = record.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let has = |principal: &str, status: u16| {
        lines
            .iter()
            .any(|line| line["principal"] == principal && line["status"] == status && line["path"] == "/api/info")
    };
    assert!(has(&format!("key:{id}"), 200) && has("anonymous", 401), "{record}");
    assert!(!record.contains("urbis_"), "no key stands in it");
}
