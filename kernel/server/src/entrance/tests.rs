//! The same forbidden thing, asked for through every interface: of two cities, one has things that are hidden from whoever asks,
//! the other has not. Nothing that the one says may name them, and every number it says is that of the other.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kernel_access::{Guard, KeyRing, NewKey, Policies, Principal, Scope};
use kernel_model::{
    Change, ContentDraft, Coord, DatastreamDraft, EntityDraft, Geometry, HeightReference, Kind, Observation,
    ObservationBatch, Place, PositionBatch, PositionFix, Quality, Shape, SourceKey, TimeUs,
};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::tests::{exchange, served_with};
use crate::{Access, AppState, Server, Settings};

/// What nothing may say: names, classes, datasets, properties, units, values and places of what is hidden.
const NEEDLES: [&str; 9] =
    ["BUNKER", "SUBMARINE", "defence", "OWNER", "leakage", "424242", "116.3777", "39.9444", "secret-class"];
const BASE_US: i64 = 1_790_000_000_000_000;

struct City {
    _dir: TempDir,
    state: Arc<AppState>,
    _server: Server,
    address: SocketAddr,
    /// A key with which everything is seen, and one with which the hidden things are not.
    all: String,
    weak: String,
    /// Ids of what is hidden.
    hidden: Vec<String>,
}

fn key(id: &str) -> SourceKey {
    SourceKey::new("base", id)
}

fn secret(id: &str) -> SourceKey {
    SourceKey::new("defence", id)
}

fn thing(source: SourceKey, kind: Kind, name: &str, place: Option<[f64; 2]>) -> EntityDraft {
    let mut draft = EntityDraft::new(source, kind, "plain");
    draft.name = Some(name.to_owned());
    draft.geometry = place.map(|[lon, lat]| Geometry::flat(Shape::Point(Coord::new(lon, lat, 0.0))));
    if place.is_none() {
        draft.height_reference = HeightReference::Ellipsoid;
    }
    draft
}

fn stream(source: SourceKey, property: &str) -> Change {
    Change::Datastream(DatastreamDraft {
        entity: source.clone(),
        source,
        property: property.to_owned(),
        unit: "m".to_owned(),
        name: property.to_owned(),
    })
}

fn readings(source: SourceKey, values: &[f64]) -> Change {
    let row = |(n, value): (i64, &f64)| Observation {
        phenomenon_time: TimeUs(BASE_US + n * 1_000_000),
        result_time: None,
        value: *value,
        quality: Quality::Good,
    };
    let rows = (0..).zip(values).map(row).collect();
    Change::Observations(ObservationBatch { datastream: source, unit: None, rows, places: Vec::new() })
}

fn fixes(source: SourceKey, lon: f64, lat: f64) -> Change {
    let row = |n: i64| PositionFix {
        time: TimeUs(BASE_US + n * 1_000_000),
        place: Place { lon_deg: lon + n as f64 * 1e-6, lat_deg: lat, height_m: Some(12.5) },
        heading_deg: None,
        speed_m_s: None,
    };
    let rows = (0..20).map(row).collect();
    Change::Positions(PositionBatch { entity: source, height_reference: HeightReference::Ellipsoid, rows })
}

/// What both cities have.
fn open_things() -> Vec<Change> {
    let mut hall = thing(key("hall"), Kind::Building, "Town hall", Some([116.3, 39.98]));
    hall.properties.insert("storeys".to_owned(), 4.into());
    vec![
        Change::Entity(hall),
        Change::Entity(thing(key("shop"), Kind::Poi, "Shop", Some([116.31, 39.97]))),
        Change::Entity(thing(key("bus"), Kind::Vehicle, "Bus", None)),
        stream(key("hall"), "temperature"),
        readings(key("hall"), &[1.0, 2.0, 3.0]),
        fixes(key("bus"), 116.32, 39.96),
    ]
}

/// What only one has: a building and a vehicle with a grade, a building that was public once.
fn hidden_things() -> Vec<Vec<Change>> {
    let graded = |mut draft: EntityDraft| {
        draft.class = "secret-class".to_owned();
        draft.properties.insert("grade".to_owned(), 7.into());
        draft.properties.insert("keeper".to_owned(), "OWNER".into());
        Change::Entity(draft)
    };
    let former = thing(secret("former"), Kind::Building, "BUNKER, former", Some([116.3777, 39.95]));
    vec![
        vec![Change::Entity(former.clone())],
        vec![
            graded(former),
            graded(thing(secret("bunker"), Kind::Building, "BUNKER", Some([116.3777, 39.9444]))),
            graded(thing(secret("boat"), Kind::Vehicle, "SUBMARINE", None)),
            stream(secret("bunker"), "leakage"),
            readings(secret("bunker"), &[424_242.0, -424_242.5]),
            fixes(secret("boat"), 116.3777, 39.9444),
            Change::Content(ContentDraft {
                entity: secret("bunker"),
                media_type: "text/plain".to_owned(),
                name: "BUNKER.txt".to_owned(),
                bytes: b"plan of the BUNKER".to_vec(),
            }),
        ],
    ]
}

fn reader(clearance: u8) -> NewKey {
    NewKey {
        name: format!("reader {clearance}"),
        roles: ["reader".to_owned()].into(),
        scopes: [Scope::Read].into(),
        districts: BTreeSet::new(),
        clearance,
        expires: None,
    }
}

async fn city(has_hidden: bool) -> City {
    let dir = tempfile::tempdir().unwrap();
    let (keys, first) = KeyRing::open_or_begin(dir.path()).unwrap();
    let (_, weak) = keys.add(reader(3)).unwrap();
    let nobody = Principal::anonymous([], 0);
    let access = Access::new(Guard::new(keys, Policies::new("").unwrap(), Vec::new(), nobody));
    let (state, server) = served_with(dir.path(), access, Settings::default()).await;
    state.ingest.commit(open_things()).await.unwrap();
    if has_hidden {
        for changes in hidden_things() {
            state.ingest.commit(changes).await.unwrap();
        }
    }
    let registrar = state.registrar.clone();
    tokio::task::spawn_blocking(move || registrar.catch_up()).await.unwrap().unwrap();
    let mut hidden = Vec::new();
    for id in ["former", "bunker", "boat"] {
        hidden.extend(state.reader.live().entity_of(&secret(id)).map(|id| id.to_string()));
    }
    let address = server.address;
    let (all, weak) = (first.unwrap().reveal().to_owned(), weak.reveal().to_owned());
    City { _dir: dir, state, _server: server, address, all, weak, hidden }
}

struct Cities {
    runtime: tokio::runtime::Runtime,
    with: City,
    without: City,
}

fn cities() -> &'static Cities {
    static CITIES: OnceLock<Cities> = OnceLock::new();
    CITIES.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (with, without) = runtime.block_on(async { (city(true).await, city(false).await) });
        assert_eq!((with.hidden.len(), without.hidden.len()), (3, 0));
        Cities { runtime, with, without }
    })
}

impl City {
    async fn get(&self, path: &str, key: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nx-api-key: {key}\r\n\r\n");
        exchange(self.address, head.as_bytes()).await
    }

    async fn sql(&self, query: &str, key: &str, format: &str) -> String {
        let length = query.len();
        let head = format!(
            "POST /sql?format={format} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
             content-length: {length}\r\n\r\n{query}"
        );
        exchange(self.address, head.as_bytes()).await
    }

    /// Rows of an answer, or what it says instead.
    async fn rows(&self, query: &str, key: &str) -> Result<Value, String> {
        let answer = self.sql(query, key, "json").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        match head.starts_with("HTTP/1.1 200") {
            true => Ok(serde_json::from_str::<Value>(body).unwrap()["rows"].clone()),
            false => Err(body.to_owned()),
        }
    }
}

/// An answer names nothing of what is hidden; what was asked may be said again.
fn says_nothing(city: &City, asked: &str, answer: &str) {
    let body = answer.split_once("\r\n\r\n").map_or(answer, |(_, body)| body);
    let needles = NEEDLES.iter().copied().chain(city.hidden.iter().map(String::as_str));
    for needle in needles.filter(|needle| !asked.contains(needle)) {
        assert!(!body.contains(needle), "{asked}\ntells {needle}:\n{answer}");
    }
}

/// Questions that name what is hidden, by every table, function and trick.
fn questions(city: &City) -> Vec<String> {
    let tables = [
        "entities",
        "entity_revisions",
        "datastreams",
        "observations",
        "positions",
        "contents",
        "rejected",
        "lineage",
        "observations_minute",
        "observations_hour",
        "observations_day",
        "latest_observations",
        "latest_positions",
        "assets",
        "memory",
        "datastream_health",
        "alerts",
        "entities_as_of(null)",
        "observations_as_of(null)",
        "positions_as_of(null)",
        "entities_as_of(null, '2100-01-01T00:00:00Z')",
        "information_schema.tables",
        "information_schema.columns",
    ];
    let mut all: Vec<String> = tables.iter().map(|table| format!("SELECT * FROM {table}")).collect();
    all.extend(tables.iter().map(|table| format!("EXPLAIN ANALYZE SELECT * FROM {table}")));
    all.extend(tables.iter().map(|table| format!("DESCRIBE {table}")));
    all.extend(city.hidden.iter().map(|id| format!("SELECT * FROM entities WHERE id = '{id}'")));
    all.extend(city.hidden.iter().map(|id| format!("SELECT * FROM positions WHERE entity = '{id}'")));
    all.extend(city.hidden.iter().map(|id| format!("SELECT * FROM lineage('{id}')")));
    all.extend(
        [
            "SHOW MEMORY",
            "SHOW TABLES",
            // Errors tell of the rows that they meet.
            "SELECT count(*) FROM entities WHERE CAST(name AS BIGINT) = 1",
            "SELECT CAST(name AS BIGINT) FROM entities ORDER BY name",
            "SELECT count(*) FROM entities WHERE CAST(properties AS BIGINT) = 1",
            "SELECT 1 / (CASE WHEN value > 400000 THEN 0 ELSE 1 END) FROM observations",
            "SELECT count(*) FROM observations WHERE 1 / (CASE WHEN value > 400000 THEN 0 ELSE 1 END) > 0",
            "SELECT count(*) FROM observations WHERE arrow_cast(CAST(value AS BIGINT), 'Int8') > 0",
            "SELECT count(*) FROM positions WHERE 1 / (CASE WHEN lon > 116.37 THEN 0 ELSE 1 END) > 0",
            "SELECT e.name, o.value FROM entities e JOIN datastreams d ON d.entity = e.id \
             JOIN observations o ON o.datastream = d.id",
            "SELECT value FROM observations ORDER BY value DESC LIMIT 1",
            "SELECT name FROM entities ORDER BY ST_Distance(geometry, ST_Point(116.3777, 39.9444)) LIMIT 1",
            "SELECT lon, lat FROM positions ORDER BY ST_Distance(ST_Point(lon, lat), ST_Point(116.3777, 39.9444)) LIMIT 1",
            "SELECT lon, lat FROM positions ORDER BY time DESC LIMIT 50",
            "SELECT a.name, b.name FROM entities a JOIN entities b ON ST_DWithin(a.geometry, b.geometry, 1.0)",
            "SELECT e.name FROM positions p JOIN entities e ON ST_DWithin(ST_Point(p.lon, p.lat), e.geometry, 1.0)",
            "SELECT * FROM observations WHERE datastream = 2",
            "SELECT string_agg(name, ',') FROM entities",
            "SELECT array_agg(properties) FROM entities",
            "SELECT * FROM entities WHERE name LIKE 'BUNK%'",
            "WITH x AS (SELECT * FROM positions) SELECT max(lon), min(lat) FROM x",
            "SELECT (SELECT max(value) FROM observations)",
            "SELECT name FROM nowhere",
            "SELECT nothing FROM entities",
        ]
        .map(str::to_owned),
    );
    all
}

#[test]
fn no_question_in_sql_names_what_is_hidden() {
    let Cities { runtime, with, .. } = cities();
    runtime.block_on(async {
        for question in questions(with) {
            let answer = with.sql(&question, &with.weak, "json").await;
            says_nothing(with, &question, &answer);
            if question.starts_with("EXPLAIN") || question.starts_with("SHOW MEMORY") {
                assert!(answer.starts_with("HTTP/1.1 400"), "{question}: {answer}");
            }
        }
        for format in ["csv", "arrow", "parquet"] {
            let head = format!(
                "POST /sql?format={format} HTTP/1.1\r\nhost: t\r\nconnection: close\r\nx-api-key: {}\r\n",
                with.weak
            );
            for table in ["entities", "observations", "positions"] {
                let question = format!("SELECT * FROM {table}");
                let request = format!("{head}content-length: {}\r\n\r\n{question}", question.len());
                let bytes = raw(with.address, request.as_bytes(), Duration::from_secs(20)).await;
                says_nothing(with, &question, &String::from_utf8_lossy(&bytes));
            }
        }
        // The same questions do tell whoever may know.
        let known = with.sql("SELECT * FROM entities", &with.all, "json").await;
        assert!(known.contains("BUNKER") && known.contains("SUBMARINE") && known.contains("OWNER"));
        assert!(with.sql("SELECT * FROM observations", &with.all, "json").await.contains("424242"));
    });
}

#[test]
fn no_interface_names_what_is_hidden() {
    let Cities { runtime, with, .. } = cities();
    let mut paths: Vec<String> = [
        "/api/info",
        "/api/search?q=BUNKER",
        "/api/search?q=secret-class",
        "/api/search?q=building",
        "/metrics",
        "/api/datastreams/1/observations",
        "/api/datastreams/2/observations",
        "/ogc",
        "/ogc/collections",
        "/ogc/collections/building",
        "/ogc/collections/building/items?limit=1000",
        "/ogc/collections/vehicle/items?limit=1000",
        "/ogc/collections/building/items?bbox=116.37,39.94,116.38,39.96",
        "/ogc/collections/building/items?datetime=../..&recorded=../..",
        "/log/tile/entries/000.p/3",
        "/log/tile/entries/000",
        "/log/tile/0/000.p/3",
        "/log/checkpoint",
        "/alerts",
        "/health",
        "/ready",
    ]
    .map(str::to_owned)
    .into();
    for id in &with.hidden {
        paths.extend([
            format!("/api/entities/{id}"),
            format!("/api/entities/{id}?recorded=2100-01-01T00:00:00Z"),
            format!("/api/search?q={id}"),
            format!("/assets/{id}/receipt"),
            format!("/ogc/collections/building/items/{id}"),
            format!("/ogc/collections/vehicle/items/{id}"),
        ]);
    }
    runtime.block_on(async {
        for path in &paths {
            says_nothing(with, path, &with.get(path, &with.weak).await);
        }
        // What is hidden and what is not there are answered alike.
        let nobody = "0192f0c1-7b1e-7cc2-9a53-2f4f7d6b1a10";
        for id in &with.hidden {
            for path in
                ["/api/entities/{}", "/assets/{}/receipt", "/ogc/collections/building/items/{}", "/api/search?q={}"]
            {
                let body = |answer: String| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
                let hidden = body(with.get(&path.replace("{}", id), &with.weak).await).replace(id, nobody);
                let missing = body(with.get(&path.replace("{}", nobody), &with.weak).await);
                assert_eq!(hidden, missing, "{path}");
            }
        }
        for (path, status) in [("/metrics", 403), ("/log/tile/entries/000.p/3", 403), ("/api/info", 200)] {
            let answer = with.get(path, &with.weak).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
            let request = format!("GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
            let nobody = exchange(with.address, request.as_bytes()).await;
            assert!(nobody.starts_with("HTTP/1.1 401"), "{path} without a key");
        }
        let told = with.get(&format!("/api/entities/{}", with.hidden[1]), &with.all).await;
        assert!(told.contains("BUNKER"), "{told}");
    });
}

/// Bytes of an answer, until the server hangs up or nothing more is waited for.
async fn raw(address: SocketAddr, request: &[u8], wait: Duration) -> Vec<u8> {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(request).await.unwrap();
    let mut bytes = Vec::new();
    drop(tokio::time::timeout(wait, socket.read_to_end(&mut bytes)).await);
    bytes
}

#[test]
fn live_clients_hear_nothing_of_what_is_hidden() {
    let Cities { runtime, with, .. } = cities();
    runtime.block_on(async {
        let request = |key: &str| {
            format!(
                "GET /live HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-api-key: {key}\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
        };
        let (weak, all) = (request(&with.weak), request(&with.all));
        let listen = |request: String| {
            let address = with.address;
            tokio::spawn(async move { raw(address, request.as_bytes(), Duration::from_secs(3)).await })
        };
        let (weak, all) = (listen(weak), listen(all));
        tokio::time::sleep(Duration::from_millis(800)).await;
        let news =
            vec![readings(secret("bunker"), &[1.0, 2.0, 3.0, 424_242.0]), fixes(secret("boat"), 116.3777, 39.9444)];
        with.state.ingest.commit(news).await.unwrap();
        let (weak, all) = (weak.await.unwrap(), all.await.unwrap());
        let holds = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        let places = [116.3777_f64.to_le_bytes(), 424_242.0_f64.to_le_bytes()];
        for needle in ["BUNKER", "SUBMARINE", "leakage", "secret-class"]
            .map(str::as_bytes)
            .into_iter()
            .chain(places.iter().map(|p| &p[..]))
        {
            assert!(holds(&all, needle), "who may know hears {needle:?}");
            assert!(!holds(&weak, needle), "who may not hears {needle:?}");
        }
        assert!(holds(&weak, b"Town hall") && holds(&weak, b"temperature"), "the rest is told");
    });
}

/// A question whose answer hangs on no id: with what is hidden it must be what it is without.
fn question() -> impl Strategy<Value = String> {
    let table = prop::sample::select(vec![
        ("entities", "name", "lon"),
        ("entity_revisions", "class", "lat"),
        ("observations", "datastream", "value"),
        ("positions", "time", "lon"),
        ("latest_observations", "property", "value"),
        ("latest_positions", "entity_name", "lat"),
        ("datastreams", "property", "id"),
        ("entities_as_of(null)", "kind", "lon"),
        ("observations_as_of(null)", "datastream", "value"),
        ("positions_as_of(null)", "time", "lat"),
        ("contents", "name", "size"),
    ]);
    let aggregate = prop::sample::select(vec!["count(*)", "sum(N)", "min(N)", "max(N)", "count(DISTINCT K)", "avg(N)"]);
    let filter = prop::sample::select(vec![
        "",
        "WHERE N > 100",
        "WHERE N < 200000",
        "WHERE N IS NULL OR N <> 0",
        "WHERE K IS NOT NULL",
        "WHERE abs(N) > 39.9",
        "WHERE CAST(K AS VARCHAR) LIKE '%e%'",
        "WHERE N BETWEEN 39.9 AND 116.4",
        "WHERE N IN (SELECT max(N) FROM T)",
    ]);
    let shape = prop::sample::select(vec![
        "SELECT A AS a FROM T W",
        "SELECT K AS k, A AS a FROM T W GROUP BY K ORDER BY K",
        "SELECT K AS k, N AS n FROM T W ORDER BY N DESC, K LIMIT 3",
        "SELECT K AS k, N AS n FROM T W ORDER BY K, N LIMIT 4",
        "SELECT x.K AS k, count(*) AS a FROM T x JOIN T y ON x.N <= y.N GROUP BY x.K ORDER BY x.K",
        "SELECT A AS a FROM (SELECT * FROM T W LIMIT 100000)",
        "SELECT (SELECT A FROM T W) AS a",
    ]);
    (table, aggregate, filter, shape).prop_map(|((table, key, number), aggregate, filter, shape)| {
        let words = shape
            .replace("A AS", &format!("{aggregate} AS"))
            .replace("SELECT A FROM", &format!("SELECT {aggregate} FROM"));
        let words = words.replace(" W", &format!(" {filter}"));
        let mut question = String::new();
        let mut word = String::new();
        for letter in words.chars().chain([' ']) {
            if letter.is_alphanumeric() || letter == '_' {
                word.push(letter);
                continue;
            }
            question += match word.as_str() {
                "T" => table,
                "K" => key,
                "N" => number,
                other => other,
            };
            question.push(letter);
            word.clear();
        }
        question
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn what_is_hidden_changes_no_answer(question in question()) {
        let Cities { runtime, with, without } = cities();
        let (seen, real, whole) = runtime.block_on(async {
            (with.rows(&question, &with.weak).await, without.rows(&question, &without.all).await, with.rows(&question, &with.all).await)
        });
        prop_assert_eq!(&seen, &real, "{}", question);
        if question.starts_with("SELECT count(*) AS a FROM entities") && !question.contains("WHERE") {
            prop_assert_ne!(seen, whole, "the test can tell: {}", question);
        }
    }
}
