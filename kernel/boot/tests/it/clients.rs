//! Other people's programs on our wires: `mosquitto_pub` in, `ogrinfo` out, pyarrow both ways.

use std::process::Command;

use crate::support::{Server, done, has, python, shared};

fn publish(address: &str, topic: &str, payload: &str, more: &[&str]) {
    let (host, port) = address.split_once(':').unwrap();
    let status = Command::new("mosquitto_pub")
        .args(["-h", host, "-p", port, "-t", topic, "-m", payload])
        .args(more)
        .status()
        .unwrap();
    assert!(status.success(), "mosquitto_pub {topic}");
}

#[test]
fn mosquitto_pub_brings_readings_and_rubbish_is_kept_apart() {
    if !has("mosquitto_pub") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), "127.0.0.1:0");
    let mqtt = server.mqtt.clone().unwrap();
    let describe = r#"{"kind":"sensor","class":"air","name":"Gate","lon":116.31,"lat":39.98,
        "datastreams":[{"property":"pm25","unit":"ug/m3","name":"PM2.5"}]}"#;
    publish(&mqtt, "urbis/site/gate/describe", describe, &["-q", "1"]);
    for minute in 0..10 {
        let payload = format!(r#"{{"t":"2026-11-22T08:{minute:02}:00+08:00","v":{minute}.5,"unit":"ug/m3"}}"#);
        publish(&mqtt, "urbis/site/gate/pm25", &payload, &["-q", "1"]);
    }
    for rubbish in [
        "",
        "{",
        "null",
        r#"{"t":"yesterday","v":1,"unit":"ug/m3"}"#,
        r#"{"t":"2026-11-22T08:00:00Z","v":1,"unit":"ppm"}"#,
    ] {
        publish(&mqtt, "urbis/site/gate/pm25", rubbish, &["-q", "1"]);
    }
    server.until("SELECT count(*) FROM observations", 10);
    server.until("SELECT count(*) FROM rejected", 5);
    let rows = server.sql(
        "SELECT e.name, d.unit, max(o.value) AS top, min(o.phenomenon_time) AS first FROM observations o \
         JOIN datastreams d ON o.datastream = d.id JOIN entities e ON d.entity = e.id GROUP BY e.name, d.unit",
    );
    assert_eq!(rows[0]["name"], "Gate");
    assert_eq!(rows[0]["top"], 9.5);
    assert!(rows[0]["first"].as_str().unwrap().starts_with("2026-11-22T00:00:00"), "UTC: {}", rows[0]["first"]);
    let (_, metrics) = server.get("/metrics");
    assert!(metrics.contains("urbis_observations_written_total 10"), "{metrics}");
}

#[test]
fn ogrinfo_lists_and_reads_the_collections() {
    if !has("ogrinfo") {
        return;
    }
    let Some(file) = shared("data/city/cityjson/delft.city.json") else { return };
    let dir = tempfile::tempdir().unwrap();
    done(&["import", file.to_str().unwrap(), "--data", dir.path().to_str().unwrap()]);
    let server = Server::start(dir.path(), "off");
    let buildings = server.number("SELECT count(*) FROM entities WHERE kind = 'building'");
    let ogrinfo = |arguments: &[&str]| {
        let source = format!("OAPIF:{}/ogc", server.url);
        let output = Command::new("ogrinfo").arg("-ro").arg(&source).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let list = ogrinfo(&[]);
    assert!(list.contains("building") && list.contains("road"), "{list}");
    let all = ogrinfo(&["building", "-al", "-q", "-geom=NO"]);
    assert_eq!(all.matches("OGRFeature(building)").count() as i64, buildings, "paged through to the end");
    let one = ogrinfo(&["building", "-q", "-spat", "4.3650", "52.0110", "4.3665", "52.0126"]);
    assert!(one.contains("MULTIPOLYGON Z"), "{one}");
}

/// What docs/arrow.md shows for pyarrow, run as it stands there.
#[test]
fn the_recipe_for_pyarrow_works() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), "off");
    let page = include_str!("../../../../docs/arrow.md");
    let recipe = page.split("```python").nth(1).unwrap().split("```").next().unwrap();
    let (url, key) = (server.url.trim_end_matches('/'), server.key.clone().unwrap());
    let output =
        Command::new(&python).arg("-c").arg(format!("URL, KEY = {url:?}, {key:?}\n{recipe}")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("'taken': 2") && told.contains("4.25"), "{told}");
    assert_eq!(server.sql("SELECT lon FROM observations WHERE value = 3.5")[0]["lon"], 116.31);
}
