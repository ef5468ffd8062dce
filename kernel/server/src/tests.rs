//! Readers beside a commit that takes long: the writer is stopped in its middle, where the log holds the commit and the
//! present city does not yet, and every door is asked over a socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel_model::{
    Change, Coord, DatastreamDraft, EntityDraft, Geometry, Kind, Observation, ObservationBatch, Quality, Shape,
    SourceKey, TimeUs,
};
use kernel_query::Engine;
use kernel_store::{Reader, Store};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use crate::live::Hub;
use crate::{Access, AppState, Gauges, Hooks, Ingest, Registrar, Server, Settings};

/// A webhook whose body is a JSON list of changes.
fn hooks() -> Hooks {
    let mut hooks = Hooks::default();
    hooks.add("test", b"secret", |body| serde_json::from_slice(body).unwrap_or_default());
    hooks
}

/// Everything behind the doors over a folder, and its API key.
pub(crate) fn state(dir: &std::path::Path) -> (Arc<AppState>, String) {
    let (access, key) = Access::open(dir).unwrap();
    (state_with(dir, access, Settings::default()), key.unwrap().reveal().to_owned())
}

fn state_with(dir: &std::path::Path, access: Access, settings: Settings) -> Arc<AppState> {
    let (store, _) = Store::open(dir, kernel_store::Options::default()).unwrap();
    let reader = store.reader();
    let (registrar, _) =
        Registrar::open(&dir.join("ledger"), &dir.join("log.pub"), "urbis.example/test", reader.clone()).unwrap();
    let hub = Arc::new(Hub::default());
    let (ingest, _writer) = Ingest::start(store, hub.clone());
    Arc::new(AppState {
        reader,
        ingest,
        hub,
        registrar: Arc::new(registrar),
        trust: Arc::default(),
        alarms: None,
        engine: Engine::new(&kernel_query::Options { threads: 2, ..kernel_query::Options::default() }).unwrap().into(),
        access,
        sql_places: Arc::new(Semaphore::new(settings.sql_at_once)),
        settings,
        hooks: hooks().into(),
        gauges: Gauges::default(),
        started: Instant::now(),
    })
}

pub(crate) async fn served(dir: &std::path::Path) -> (Arc<AppState>, Server, String) {
    let (state, key) = state(dir);
    let server = crate::serve("127.0.0.1:0", state.clone()).await.unwrap();
    (state, server, key)
}

pub(crate) async fn served_with(dir: &std::path::Path, access: Access, settings: Settings) -> (Arc<AppState>, Server) {
    let state = state_with(dir, access, settings);
    let server = crate::serve("127.0.0.1:0", state.clone()).await.unwrap();
    (state, server)
}

/// Both things named and read anew, as one commit.
fn told(word: &str, value: f64) -> Vec<Change> {
    let key = || SourceKey::new("test", "mast");
    let mut mast = EntityDraft::new(key(), Kind::Sensor, "mast");
    mast.name = Some(word.to_owned());
    mast.geometry = Some(Geometry::flat(Shape::Point(Coord::new(116.3, 39.9, 0.0))));
    let (property, unit, name) = ("level".to_owned(), "m".to_owned(), "Level".to_owned());
    let row =
        Observation { phenomenon_time: TimeUs((value * 1e6) as i64), result_time: None, value, quality: Quality::Good };
    vec![
        Change::Entity(mast),
        Change::Datastream(DatastreamDraft { source: key(), entity: key(), property, unit, name }),
        Change::Observations(ObservationBatch { datastream: key(), unit: None, rows: vec![row], places: Vec::new() }),
    ]
}

/// Sends a request and reads the answer until the server hangs up.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(request).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let answer = tokio::time::timeout(Duration::from_secs(20), exchange(address, request.as_bytes())).await;
    let answer = answer.unwrap_or_else(|_| panic!("no answer while the writer writes: {request}"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{request}: {answer}");
    answer
}

async fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")).await
}

async fn sql(address: SocketAddr, query: &str) -> String {
    let length = query.len();
    let head = format!("POST /sql HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    ask(address, &format!("{head}{query}")).await
}

/// Every door tells `word` and `value`, and not the other ones.
async fn all_tell(address: SocketAddr, id: &str, [word, other]: [&str; 2], [value, late]: [&str; 2]) {
    for path in [
        "/ogc/collections/sensor/items".to_owned(),
        format!("/ogc/collections/sensor/items/{id}"),
        "/api/search?q=mast".to_owned(),
        format!("/api/search?q={id}"),
        format!("/api/entities/{id}"),
    ] {
        let answer = get(address, &path).await;
        assert!(answer.contains(word) && !answer.contains(other), "{path}: {answer}");
    }
    for path in ["/api/datastreams/1/observations".to_owned(), format!("/api/entities/{id}")] {
        let answer = get(address, &path).await;
        assert!(answer.contains(value) && !answer.contains(late), "{path}: {answer}");
    }
    for path in ["/api/info", "/health", "/metrics", "/ogc/collections"] {
        get(address, path).await;
    }
    let answer = sql(address, "SELECT name FROM entities UNION ALL SELECT CAST(value AS TEXT) FROM observations").await;
    assert!(answer.contains(word) && answer.contains(value) && !answer.contains(other) && !answer.contains(late));
}

/// Holds a glance at the present city, which the writer has to wait for, until it is told to let go.
fn hold(reader: Reader) -> (std::sync::mpsc::Sender<()>, std::thread::JoinHandle<()>) {
    let (go, held) = std::sync::mpsc::channel::<()>();
    let (ready, begun) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _glance = reader.live();
        ready.send(()).unwrap();
        held.recv().unwrap();
    });
    begun.recv().unwrap();
    (go, thread)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_door_waits_for_a_commit_that_takes_long() {
    let dir = tempfile::tempdir().unwrap();
    let (state, server, _) = served(dir.path()).await;
    state.ingest.commit(told("former", 1.125)).await.unwrap();
    let answer = sql(server.address, "SELECT id FROM entities").await;
    let answer: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let id = answer["rows"][0]["id"].as_str().unwrap().to_owned();

    let (go, holding) = hold(state.reader.clone());
    let committing = tokio::spawn({
        let state = state.clone();
        async move { state.ingest.commit(told("latter", 2.25)).await.unwrap() }
    });
    // A writer that waits keeps others from looking.
    while state.reader.glance().is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    all_tell(server.address, &id, ["former", "latter"], ["1.125", "2.25"]).await;
    assert!(!committing.is_finished(), "the commit is still going on");
    go.send(()).unwrap();
    holding.join().unwrap();
    committing.await.unwrap();
    all_tell(server.address, &id, ["latter", "former"], ["2.25", "9999"]).await;
    server.stop().await;
}
