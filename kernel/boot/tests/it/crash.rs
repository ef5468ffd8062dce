//! Killed in the middle of writing, again and again: what was acknowledged is there, once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kernel_model::{
    Change, Coord, DatastreamDraft, EntityDraft, Geometry, Kind, Observation, ObservationBatch, Quality, Shape,
    SourceKey, TimeUs,
};

use crate::support::{Server, done};

/// Readings in one request.
const BATCH: i64 = 50;

pub(crate) fn describe(thing: i64) -> Vec<Change> {
    let source = SourceKey::new("crash", format!("thing-{thing}"));
    let mut draft = EntityDraft::new(source.clone(), Kind::Sensor, "air");
    draft.geometry = Some(Geometry::flat(Shape::Point(Coord::new(116.3, 39.9, 0.0))));
    let datastream = DatastreamDraft {
        source: SourceKey::new("crash", "d"),
        entity: SourceKey::new("crash", "thing-0"),
        property: "n".to_owned(),
        unit: "1".to_owned(),
        name: "n".to_owned(),
    };
    vec![Change::Entity(draft), Change::Datastream(datastream)]
}

pub(crate) fn readings(from: i64) -> Change {
    let row =
        |n: i64| Observation { phenomenon_time: TimeUs(n), result_time: None, value: n as f64, quality: Quality::Good };
    Change::Observations(ObservationBatch {
        datastream: SourceKey::new("crash", "d"),
        unit: None,
        rows: (from..from + BATCH).map(row).collect(),
        places: Vec::new(),
    })
}

pub(crate) fn post(url: &str, key: &str, changes: &Vec<Change>) -> Result<(), ureq::Error> {
    let mut body = Vec::new();
    ciborium::into_writer(changes, &mut body).unwrap();
    let request = ureq::post(format!("{url}/changes")).header("authorization", format!("Bearer {key}"));
    request.content_type("application/cbor").send(&body[..]).map(|_| ())
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut key = None;
    let (mut sent, mut acknowledged) = (0_i64, 0_i64);
    for round in 0..6_i64 {
        let mut server = Server::start(&data, "off");
        key = server.key.clone().or(key);
        let key = key.clone().unwrap();
        let present = server.number("SELECT count(*) FROM observations");
        assert!(present >= acknowledged, "round {round}: {acknowledged} acknowledged, {present} there");
        assert!(present <= sent, "round {round}: {sent} sent, {present} there");
        assert_eq!(server.number("SELECT count(DISTINCT phenomenon_time) FROM observations"), present, "none twice");
        if present > 0 {
            assert_eq!(server.number("SELECT CAST(max(value) AS BIGINT) FROM observations"), present - 1, "no gap");
        }
        // Go on where the store is, as a client that asks after a crash does.
        (sent, acknowledged) = (present, present);
        let dead = AtomicBool::new(false);
        let url = server.url.clone();
        std::thread::scope(|scope| {
            let (dead, url, key) = (&dead, &url, &key);
            let writing = scope.spawn(move || {
                while !dead.load(Ordering::Relaxed) {
                    let mut changes = describe(0);
                    changes.extend(describe(sent));
                    changes.push(readings(sent));
                    sent += BATCH;
                    match post(url, key, &changes) {
                        Ok(()) => acknowledged += BATCH,
                        Err(_) => break,
                    }
                }
                (sent, acknowledged)
            });
            // A moment that differs from round to round.
            std::thread::sleep(Duration::from_millis(150 + 173 * round as u64 % 400));
            server.child.kill().unwrap();
            server.child.wait().unwrap();
            dead.store(true, Ordering::Relaxed);
            (sent, acknowledged) = writing.join().unwrap();
        });
        let report = done(&["check", "--data", data.to_str().unwrap()]);
        assert!(report.contains("store:  whole") && report.contains("ledger: sound"), "{report}");
    }
    let server = Server::start(&data, "off");
    let present = server.number("SELECT count(*) FROM observations");
    assert!((acknowledged..=sent).contains(&present) && acknowledged > 0, "{acknowledged} <= {present} <= {sent}");
    // Every thing is registered, once, also those whose registration the last kill cut off.
    let things = server.number("SELECT count(*) FROM entities");
    for _ in 0..50 {
        if server.number("SELECT count(*) FROM assets") == things {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(server.number("SELECT count(*) FROM assets"), things);
    assert_eq!(server.number("SELECT count(DISTINCT asset) FROM assets"), things);
}
