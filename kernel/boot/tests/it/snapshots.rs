//! A reader sees one commit, never half of one: a writer moves a value between two things, all day long, and whoever asks
//! finds the same sum.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kernel_model::{
    Change, DatastreamDraft, EntityDraft, Kind, Observation, ObservationBatch, Quality, SourceKey, TimeUs,
};
use serde_json::Value;

use crate::crash::post;
use crate::support::Server;

/// What the two have together.
const SUM: i64 = 1_000;
/// Commits of the writer.
const MOVES: i64 = 60;

fn key(id: &str) -> SourceKey {
    SourceKey::new("bank", id)
}

/// Both things with their part of the sum as a name, and as a reading of the same instant.
fn moved(round: i64) -> Vec<Change> {
    let left = round * 37 % SUM;
    let mut changes = Vec::new();
    for (id, part) in [("left", left), ("right", SUM - left)] {
        let mut draft = EntityDraft::new(key(id), Kind::Other, "account");
        draft.name = Some(part.to_string());
        changes.push(Change::Entity(draft));
        changes.push(Change::Datastream(DatastreamDraft {
            source: key(id),
            entity: key(id),
            property: "balance".to_owned(),
            unit: "1".to_owned(),
            name: id.to_owned(),
        }));
        let row = Observation {
            phenomenon_time: TimeUs(round * 1_000_000),
            result_time: None,
            value: part as f64,
            quality: Quality::Good,
        };
        let (datastream, places) = (key(id), Vec::new());
        changes.push(Change::Observations(ObservationBatch { datastream, unit: None, rows: vec![row], places }));
    }
    changes
}

fn number(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_f64().map(|value| value as i64)).unwrap()
}

#[test]
fn no_reader_ever_sees_half_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"), "off");
    let (url, api_key) = (server.url.clone(), server.key.clone().unwrap());
    post(&url, &api_key, &moved(0)).unwrap();
    let left = server.sql("SELECT id FROM entities WHERE source_id = 'left'")[0]["id"].as_str().unwrap().to_owned();
    let (done, seen) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; 7]);
    let sum_of = |names: &mut dyn Iterator<Item = &Value>| names.map(number).sum::<i64>();
    let sql = |query: &str| server.number(&format!("SELECT CAST(sum({query}"));
    let readers: [(&str, &(dyn Fn() -> i64 + Sync)); 7] = [
        ("entities", &|| sql("CAST(name AS BIGINT)) AS BIGINT) FROM entities")),
        ("the newest readings", &|| sql("value) AS BIGINT) FROM observations_as_of(null)")),
        ("entities beside readings", &|| {
            sql("CAST(e.name AS DOUBLE) - o.value) AS BIGINT) + 1000 FROM entities e \
                 JOIN datastreams d ON d.entity = e.id JOIN observations_as_of(null) o ON o.datastream = d.id")
        }),
        ("all readings", &|| sql("value) / count(*) * 2 AS BIGINT) FROM observations")),
        ("features", &|| {
            let page = server.json("/ogc/collections/other/items");
            sum_of(&mut page["features"].as_array().unwrap().iter().map(|feature| &feature["properties"]["name"]))
        }),
        ("search", &|| {
            let hits = server.json("/api/search?q=account");
            sum_of(&mut hits.as_array().unwrap().iter().map(|hit| &hit["name"]))
        }),
        ("a card and its reading", &|| {
            let card = server.json(&format!("/api/entities/{left}"));
            number(&card["datastreams"][0]["latest"]["value"]) - number(&card["name"]) + SUM
        }),
    ];
    std::thread::scope(|scope| {
        let done = &done;
        for ((name, read), seen) in readers.iter().zip(&seen) {
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(read(), SUM, "{name}");
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let written = (1..=MOVES).try_for_each(|round| post(&url, &api_key, &moved(round)));
        done.store(true, Ordering::Relaxed);
        written.unwrap();
    });
    for ((name, _), seen) in readers.iter().zip(&seen) {
        assert!(seen.load(Ordering::Relaxed) > 3, "{name} was asked {seen:?} times");
    }
    // And so it was after every single commit.
    let times = server.sql("SELECT DISTINCT recorded_at FROM entity_revisions ORDER BY recorded_at");
    assert_eq!(times.as_array().unwrap().len() as i64, MOVES + 1);
    for at in times.as_array().unwrap().iter().step_by(20) {
        let at = at["recorded_at"].as_str().unwrap();
        let sum = |from: &str| server.number(&format!("SELECT CAST(sum({from}"));
        assert_eq!(sum(&format!("CAST(name AS BIGINT)) AS BIGINT) FROM entities_as_of(null, '{at}')")), SUM, "{at}");
        assert_eq!(sum(&format!("value) AS BIGINT) FROM observations_as_of(null, '{at}')")), SUM, "{at}");
    }
}
