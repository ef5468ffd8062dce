//! The city as it was, over HTTP: every door takes `datetime` and `recorded`, and refuses what is no time in one form.

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use arrow::ipc::reader::StreamReader;
use futures_util::{SinkExt, StreamExt};
use kernel_model::{
    Change, Coord, DatastreamDraft, EntityDraft, Geometry, HeightReference, Kind, Observation, ObservationBatch, Place,
    PositionBatch, PositionFix, Quality, Shape, SourceKey, TimeUs,
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::crash::post;
use crate::support::{Server, done, run, stderr};

fn key(id: &str) -> SourceKey {
    SourceKey::new("town", id)
}

fn time(text: &str) -> TimeUs {
    TimeUs::parse(text).unwrap()
}

fn ferry(name: &str, from: &str) -> Change {
    let mut draft = EntityDraft::new(key("ferry"), Kind::Vehicle, "ferry");
    (draft.name, draft.valid_from) = (Some(name.to_owned()), Some(time(from)));
    draft.height_reference = HeightReference::Ellipsoid;
    draft.geometry = Some(Geometry::flat(Shape::Point(Coord::new(116.3, 39.9, 0.0))));
    Change::Entity(draft)
}

fn reading(at: &str, value: f64) -> Change {
    let row = Observation { phenomenon_time: time(at), result_time: None, value, quality: Quality::Good };
    let (datastream, places) = (key("speed"), Vec::new());
    Change::Observations(ObservationBatch { datastream, unit: None, rows: vec![row], places })
}

fn fix(at: &str, lon_deg: f64) -> Change {
    let place = Place { lon_deg, lat_deg: 39.9, height_m: None };
    let row = PositionFix { time: time(at), place, heading_deg: None, speed_m_s: None };
    let height_reference = HeightReference::Ellipsoid;
    Change::Positions(PositionBatch { entity: key("ferry"), height_reference, rows: vec![row] })
}

fn sql(server: &Server, question: &Value) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(format!("{}/sql", server.url)).content_type("application/json");
    let mut response = request.send(question.to_string()).unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap())
}

/// A ferry that changes its name, and an instant before it was told of, and one after its first commit.
fn harbour(data: &Path) -> (Server, String, String) {
    let server = Server::start(data, "off");
    let write = |changes: Vec<Change>| {
        post(&server.url, server.key.as_deref().unwrap(), &changes).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
        TimeUs::now().to_string()
    };
    let declared = Change::Datastream(DatastreamDraft {
        source: key("speed"),
        entity: key("ferry"),
        property: "speed".to_owned(),
        unit: "m/s".to_owned(),
        name: "Speed".to_owned(),
    });
    let nothing = TimeUs::now().to_string();
    let first = write(vec![
        ferry("Anna", "2026-01-01T00:00:00Z"),
        declared,
        reading("2026-01-02T00:00:00Z", 2.0),
        fix("2026-01-02T00:00:00Z", 116.2),
    ]);
    write(vec![ferry("Clara", "2026-03-01T00:00:00Z")]);
    write(vec![reading("2026-01-04T00:00:00Z", 4.0), fix("2026-01-04T00:00:00Z", 116.4)]);
    // What is told late: a name since February, a reading and a fix of January the third.
    write(vec![
        ferry("Berta", "2026-02-01T00:00:00Z"),
        reading("2026-01-03T00:00:00Z", 3.0),
        fix("2026-01-03T00:00:00Z", 116.3),
    ]);
    (server, nothing, first)
}

#[test]
fn every_door_shows_the_city_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (server, nothing, first) = harbour(&data);
    let id = server.sql("SELECT id FROM entities")[0]["id"].as_str().unwrap().to_owned();
    let recorded = |query: &str, recorded: &str| {
        let (status, answer) = sql(&server, &json!({ "sql": query, "recorded": recorded }));
        assert_eq!(status, 200, "{answer}");
        answer["rows"].clone()
    };

    let card = |query: &str| server.json(&format!("/api/entities/{id}?{query}"));
    let short = |card: &Value| {
        let series: Vec<f64> =
            card["datastreams"][0]["series"].as_array().unwrap().iter().map(|row| row[1].as_f64().unwrap()).collect();
        (card["name"].as_str().unwrap().to_owned(), card["place"]["lon"].as_f64().unwrap(), series)
    };
    let said = |name: &str, lon: f64, series: &[f64]| (name.to_owned(), lon, series.to_vec());
    assert_eq!(short(&card("")), said("Clara", 116.4, &[2.0, 3.0, 4.0]));
    assert_eq!(short(&card("datetime=2026-02-02T00:00:00Z")), said("Berta", 116.4, &[2.0, 3.0, 4.0]));
    assert_eq!(short(&card("datetime=2026-01-03T12:00:00Z")), said("Anna", 116.3, &[2.0, 3.0]));
    assert_eq!(short(&card(&format!("datetime=2026-02-02T00:00:00Z&recorded={first}"))), said("Anna", 116.2, &[2.0]));
    assert_eq!(card("datetime=../2026-01-02T00:00:00Z")["datastreams"][0]["latest"]["value"], 2.0);
    assert_eq!(server.get(&format!("/api/entities/{id}?recorded={nothing}")).0, 404);
    assert_eq!(server.get(&format!("/api/entities/{id}?datetime=2025-01-01T00:00:00Z")).0, 404);

    let values = |query: &str| {
        let rows = server.json(&format!("/api/datastreams/1/observations?{query}"))["rows"].clone();
        rows.as_array().unwrap().iter().map(|row| row[1].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(values(""), [2.0, 3.0, 4.0]);
    assert_eq!(values("datetime=2026-01-03T00:00:00Z"), [2.0, 3.0]);
    assert_eq!(values("datetime=2026-01-03T00:00:00Z/.."), [3.0, 4.0]);
    assert_eq!(values("datetime=2026-01-02T12:00:00Z/2026-01-03T12:00:00Z"), [3.0]);
    assert_eq!(values(&format!("recorded={first}&limit=5")), [2.0]);
    assert_eq!(server.get(&format!("/api/datastreams/1/observations?recorded={nothing}")).0, 404);

    let found = |query: &str| {
        let hits = server.json(&format!("/api/search?{query}"));
        hits.as_array().unwrap().iter().map(|hit| hit["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((found("q=ferry"), found("q=berta").len()), (vec!["Clara".to_owned()], 0));
    assert_eq!(found("q=berta&datetime=2026-02-02T00:00:00Z"), ["Berta"]);
    assert_eq!(found(&format!("q={id}&recorded={first}")), ["Anna"]);
    assert_eq!(found(&format!("q=ferry&recorded={nothing}")).len(), 0);

    let items = server.json(&format!("/ogc/collections/vehicle/items?datetime=2026-02-02T00:00:00Z&recorded={first}"));
    assert_eq!(items["features"][0]["properties"]["name"], "Anna");
    assert_eq!(recorded("SELECT name FROM entities", &first), json!([{ "name": "Anna" }]));
    assert_eq!(recorded("SELECT count(*) AS n FROM observations", &first), json!([{ "n": 1 }]));
    assert_eq!(recorded("SELECT count(*) AS n FROM entities", &nothing), json!([{ "n": 0 }]));
    let mut plain =
        ureq::post(format!("{}/sql?recorded={first}", server.url)).send("SELECT name FROM entities").unwrap();
    assert!(plain.body_mut().read_to_string().unwrap().contains("Anna"));
    let asked = |place: &[&str]| {
        let arguments = ["sql", "SELECT name FROM entities", "--format", "csv", "--recorded", &first];
        done(&[&arguments, place].concat())
    };
    assert_eq!(asked(&["--server", &server.url]), "name\nAnna\n");
    assert_eq!(asked(&["--data", data.to_str().unwrap()]), "name\nAnna\n");
}

#[test]
fn what_is_no_time_is_refused_at_every_door() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (server, ..) = harbour(&data);
    let id = server.sql("SELECT id FROM entities")[0]["id"].as_str().unwrap().to_owned();
    let refused = run(&["sql", "SELECT 1", "--recorded", "today", "--data", data.to_str().unwrap()]);
    assert!(stderr(&refused).contains("`today` is not an RFC 3339 instant"), "{}", stderr(&refused));

    for path in [
        format!("/api/entities/{id}?"),
        "/api/datastreams/1/observations?".to_owned(),
        "/api/search?q=x&".to_owned(),
        "/ogc/collections/vehicle/items?".to_owned(),
        format!("/ogc/collections/vehicle/items/{id}?"),
    ] {
        for (query, word) in [
            ("datetime=today", "datetime: `today` is not an RFC 3339 instant"),
            ("datetime=2026-01-02T00:00:00Z/2026-01-01T00:00:00Z", "an interval that begins before it ends"),
            ("datetime=2026-01-02T00:00:00+08:00", "+ is written %2B"),
            ("recorded=2026-01-02", "recorded: `2026-01-02` is not"),
            ("recorded=../..", "recorded: "),
        ] {
            let (status, body) = server.get(&format!("{path}{query}"));
            let error: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}{query}: {body}"));
            assert_eq!((status, &error["code"]), (400, &json!("BadRequest")), "{path}{query}");
            assert!(error["description"].as_str().unwrap().contains(word), "{path}{query}: {body}");
        }
    }
    let (status, error) = sql(&server, &json!({ "sql": "SELECT 1", "recorded": "now" }));
    assert!(status == 400 && error["description"].as_str().unwrap().starts_with("recorded: `now`"), "{error}");
    let (status, body) = server.get("/api/datastreams/1/observations?limit=many");
    assert!(status == 400 && body.contains("\"description\""), "{body}");
}

/// The document that docs/changes.md shows.
fn shown() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/changes.md");
    let page = std::fs::read_to_string(page).unwrap();
    page.split("```json\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

const BECAME: &str = "SELECT DISTINCT l.kind, r.name, e.id IS NULL AS gone FROM lineage l JOIN entity_revisions r \
                      ON r.id = l.successor LEFT JOIN entities e ON e.id = l.successor ORDER BY r.name";

#[test]
fn a_plot_is_split_by_a_file_and_over_http() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("split.json"), shown()).unwrap();
    let import = || done(&["import", &path("split.json"), "--data", &path("data")]);
    let first = import();
    assert!(first.contains("(changes, dataset cadastre, OGC:CRS84)") && first.contains("imported 3 new"), "{first}");
    assert!(first.contains("ended 2 things; 2 links") && first.contains("refused 0"), "{first}");
    let again = import();
    assert!(
        again.contains("imported 0 new, 0 revised") && again.contains("5 unchanged") && !again.contains("ended"),
        "{again}"
    );
    let asked = |query: &str| done(&["sql", query, "--data", &path("data"), "--format", "csv"]);
    assert_eq!(asked(BECAME), "kind,name,gone\nsplit,Plot 17/1,false\nsplit,Plot 17/2,true\n");
    let id = asked("SELECT id FROM entity_revisions WHERE source_id = '17'").lines().nth(1).unwrap().to_owned();
    let onward = asked(&format!("SELECT steps, kind, valid_time FROM descendants('{id}')"));
    assert_eq!(onward.matches("1,split,2026-04-30T16:00:00Z").count(), 2, "{onward}");
    let april = asked("SELECT name FROM entities_as_of('2026-04-30T23:59:59+08:00')");
    let may = asked("SELECT name FROM entities_as_of('2026-05-01T00:00:00+08:00') ORDER BY name");
    assert_eq!((april.as_str(), may.as_str()), ("name\nPlot 17\n", "name\nPlot 17/1\nPlot 17/2\n"));
    assert!(done(&["check", "--data", &path("data")]).contains("ledger: sound"));

    let server = Server::start(&dir.path().join("served"), "off");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let send = |body: &str| {
        let request = agent.post(format!("{}/changes", server.url)).content_type("application/json; charset=utf-8");
        let request = request.header("authorization", format!("Bearer {}", server.key.as_deref().unwrap()));
        let mut response = request.send(body).unwrap();
        let answer: Value = serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap();
        (response.status().as_u16(), answer)
    };
    let (status, answer) = send(&shown());
    assert_eq!(
        (status, &answer["created"], &answer["retired"], &answer["links"]),
        (200, &json!(3), &json!(2), &json!(2))
    );
    assert_eq!(answer["registered"], true);
    assert_eq!(server.sql(BECAME).as_array().unwrap().len(), 2);
    // Refused whole, with the reason, and nothing of it is there.
    let merge = |at: &str| {
        let successor = json!({ "id": "18", "kind": "landuse" });
        let merge = json!({ "at": at, "predecessors": ["17/1", "17/2"], "successors": [successor] });
        json!({ "type": "Changes", "dataset": "cadastre", "changes": [{ "succession": merge }] }).to_string()
    };
    let (status, answer) = send(&merge("2026-10-01T00:00:00Z"));
    assert_eq!((status, &answer["rejected"], &answer["created"]), (200, &json!(1), &json!(0)), "{answer}");
    assert_eq!(answer["first_rejected"][0]["place"], "17/2");
    assert!(
        answer["first_rejected"][0]["reason"].as_str().unwrap().contains("gone already since 2026-08-31T16:00:00Z")
    );
    assert_eq!(server.number("SELECT count(*) FROM lineage"), 2);
    assert_eq!(server.number("SELECT count(*) FROM rejected WHERE reason LIKE '%gone already%'"), 1);
    for (body, word) in [
        (merge("1 October"), "changes/0: `1 October` is not an RFC 3339 instant"),
        ("{".to_owned(), "EOF"),
        (shown().replace("landuse", "castle"), "unknown variant `castle`"),
    ] {
        let (status, answer) = send(&body);
        let description = answer["description"].as_str().unwrap();
        assert!(status == 400 && description.contains(word), "{answer}");
    }
}

/// What a live client is told of one instant: the names of the things, the longitudes of the fixes, the values of the readings.
type Told = (Vec<String>, Vec<f64>, Vec<f64>);

/// Reads one picture from a line, up to its end; a refusal is its text.
async fn told(
    socket: &mut (impl futures_util::Stream<Item = Result<Message, WsError>> + Unpin),
) -> Result<Told, String> {
    let (mut names, mut lons, mut values) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                let note: Value = serde_json::from_str(&text).unwrap();
                match note["type"].as_str().unwrap() {
                    "snapshot_end" => return Ok((names, lons, values)),
                    "error" => return Err(note["description"].as_str().unwrap().to_owned()),
                    _ => {}
                }
            }
            Message::Binary(bytes) => {
                for batch in StreamReader::try_new(bytes.as_ref(), None).unwrap() {
                    let batch = batch.unwrap();
                    let floats =
                        |name: &str| batch.column_by_name(name).map(|c| c.as_primitive::<Float64Type>().clone());
                    if let Some(name) = batch.column_by_name("name") {
                        names.extend(name.as_string::<i32>().iter().flatten().map(str::to_owned));
                    } else {
                        lons.extend(floats("lon").unwrap().iter().flatten());
                        values.extend(floats("value").unwrap().iter().flatten());
                    }
                }
            }
            _ => {}
        }
    }
}

#[test]
fn a_live_client_is_shown_the_city_of_an_instant() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _nothing, first) = harbour(&dir.path().join("data"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let line = server.url.replace("http://", "ws://");
        let open = async |query: String| tokio_tungstenite::connect_async(format!("{line}/live?{query}")).await;
        let (mut socket, _) = open("datetime=2026-01-02T00:05:00Z".to_owned()).await.unwrap();
        let anna = |lons: &[f64], values: &[f64]| Ok((vec!["Anna".to_owned()], lons.to_vec(), values.to_vec()));
        assert_eq!(told(&mut socket).await, anna(&[116.2], &[2.0]));
        let mut ask = async |instant: Value| {
            socket.send(Message::text(instant.to_string())).await.unwrap();
            told(&mut socket).await
        };
        // What was told late belongs to its time; a fix of hours ago says nothing, a reading of the same day does.
        assert_eq!(ask(json!({ "datetime": "2026-01-03T00:05:00Z" })).await, anna(&[116.3], &[3.0]));
        assert_eq!(ask(json!({ "datetime": "2026-01-03T05:00:00Z" })).await, anna(&[], &[3.0]));
        assert_eq!(ask(json!({ "datetime": "2026-02-02T00:00:00Z" })).await.unwrap().0, ["Berta"]);
        // By what was known after the first commit she was still called Anna then, and nothing was known of January the third.
        let known = json!({ "datetime": "2026-02-02T00:00:00Z", "recorded": first });
        assert_eq!(ask(known).await.unwrap().0, ["Anna"]);
        let known = json!({ "datetime": "2026-01-03T00:05:00Z", "recorded": first });
        assert_eq!(ask(known).await, anna(&[], &[]));
        assert_eq!(ask(json!({ "datetime": "2025-01-01T00:00:00Z" })).await, Ok((vec![], vec![], vec![])));
        assert!(ask(json!({ "datetime": "yesterday" })).await.unwrap_err().contains("yesterday"));
        assert!(
            ask(json!({ "when": "now" })).await.unwrap_err().contains("datetime"),
            "the line goes on after a refusal"
        );
        assert_eq!(ask(json!({ "datetime": "2026-01-02T00:05:00Z" })).await, anna(&[116.2], &[2.0]));
        let (mut walkers, _) = open("datetime=2026-01-02T00:05:00Z&kinds=pedestrian".to_owned()).await.unwrap();
        assert_eq!(told(&mut walkers).await, Ok((vec![], vec![], vec![])), "nor fixes and readings of other kinds");
        let (mut elsewhere, _) = open("datetime=2026-01-02T00:05:00Z&bbox=116.25,39,117,40".to_owned()).await.unwrap();
        assert_eq!(told(&mut elsewhere).await.unwrap().1, [] as [f64; 0], "she was west of there");
        assert!(open("datetime=2026-01-01T00:00:00Z/2026-01-02T00:00:00Z".to_owned()).await.is_err());
        assert!(open("recorded=2026-01-01T00:00:00Z".to_owned()).await.is_err());
    });
}
