//! `urbis retain`, and a server that does it by itself: what is older than it is kept goes, its summaries come, and what is
//! told again is known again.

use std::fs;

use crate::crash::{describe, post, readings};
use crate::support::{Server, done, run, stderr, urbis};

const CONFIG: &str = "[retention]\nobservations = \"30d\"\nobservations_minute = \"1y\"\nlate = \"1s\"\n";

/// The server with ages in its environment, which looks for what is old every second.
fn serve(data: &std::path::Path) -> Server {
    let mut command = urbis();
    for (field, value) in [("OBSERVATIONS", "30d"), ("LATE", "1s"), ("EVERY", "1s")] {
        command.env(format!("URBIS_RETENTION_{field}"), value);
    }
    Server::start_by(command, data, "off")
}

#[test]
fn old_readings_go_and_are_summarised_by_hand_and_by_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("urbis.toml"), CONFIG).unwrap();
    let retain =
        |more: &[&str]| done(&[&["retain", "--data", &path("data"), "--config", &path("urbis.toml")], more].concat());
    let key = {
        let server = Server::start(&dir.path().join("data"), "off");
        let key = server.key.clone().unwrap();
        post(&server.url, &key, &describe(0)).unwrap();
        // Of the first microseconds of 1970.
        post(&server.url, &key, &vec![readings(0)]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        let would = retain(&["--dry-run"]);
        assert!(
            would.contains("observations: 50 rows would go") && would.contains("from 1970-01-01T00:00:00Z"),
            "{would}"
        );
        assert!(would.contains("observations_hour: 1 summaries would come"), "{would}");
        assert!(!would.contains("observations_minute"), "minutes of 1970 are older than a year: {would}");
        assert_eq!(server.number("SELECT count(*) FROM observations"), 50, "nothing goes where nothing is configured");
        key
    };
    assert!(retain(&[]).contains("observations: 50 rows gone"));
    assert_eq!(retain(&[]), "nothing is older than it is kept\n");
    let server = serve(&dir.path().join("data"));
    let summed = "SELECT (SELECT count(*) FROM observations) + 1000 * (SELECT sum(count) FROM observations_hour)";
    assert_eq!(server.number(summed), 50_000);
    post(&server.url, &key, &vec![readings(0)]).unwrap();
    assert_eq!(server.number(summed), 50_000, "the same again changes nothing");
    let newest = |more: &str| server.json(&format!("/api/datastreams/1/observations{more}"))["rows"].clone();
    assert_eq!(newest(""), serde_json::json!([[49, 49.0]]), "the newest value stays known");
    assert_eq!(newest("?datetime=../1970-01-02T00:00:00Z"), serde_json::json!([[49, 49.0]]));
    assert_eq!(newest("?datetime=1970-01-02T00:00:00Z/.."), serde_json::json!([]));
    // Two days later.
    post(&server.url, &key, &vec![readings(2 * 86_400_000_000)]).unwrap();
    server.until(summed, 100_000);
    assert_eq!(server.number("SELECT count(*) FROM observations_day WHERE mean = (first + last) / 2"), 2);
    let (_, metrics) = server.get("/metrics");
    assert!(metrics.contains("\nurbis_observations_removed_total 50\n"), "{metrics}");
    assert!(metrics.contains("\nurbis_observations_day 2\n"), "{metrics}");
    drop(server);
    done(&["check", "--data", &path("data")]);
}

#[test]
fn ages_that_make_no_sense_are_refused_before_anything_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("urbis.toml");
    let refused = |text: &str| {
        fs::write(&config, text).unwrap();
        let data = dir.path().join("data");
        let output = run(&["retain", "--data", data.to_str().unwrap(), "--config", config.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let line = stderr(&output);
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(!data.exists());
        line
    };
    assert!(refused("[retention]\nobservations = \"-1d\"").contains("retention.observations"));
    assert!(refused("[retention]\nobservations = 30").contains("invalid type"));
    assert!(refused("[retention]\nreadings = \"30d\"").contains("unknown field `readings`"));
    assert!(refused(&CONFIG.replace("1y", "7d")).contains("observations_minute = \"7d\" is shorter than observations"));
    assert!(refused("retention = \"30d\"").contains("retention is a table"));
    assert!(refused(CONFIG).contains("is not a data folder"));
}
