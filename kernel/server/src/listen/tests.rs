//! Attacks over a socket: each is refused clearly or cut off, and while it lasts a normal question is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel_model::{Change, EntityDraft, Kind, SourceKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::tests::{exchange, served, served_with};
use crate::{Access, AppState, Settings};

const PATIENCE: Duration = Duration::from_secs(20);

struct Target {
    _dir: tempfile::TempDir,
    state: Arc<AppState>,
    server: Server,
    address: SocketAddr,
    key: String,
}

async fn target(change: impl FnOnce(&mut Settings)) -> Target {
    let dir = tempfile::tempdir().unwrap();
    let (access, key) = Access::open(dir.path()).unwrap();
    let mut settings = Settings::default();
    change(&mut settings);
    let (state, server) = served_with(dir.path(), access, settings).await;
    let shop = EntityDraft::new(SourceKey::new("test", "shop"), Kind::Poi, "shop");
    state.ingest.commit(vec![Change::Entity(shop)]).await.unwrap();
    Target { _dir: dir, address: server.address, state, server, key: key.unwrap().reveal().to_owned() }
}

impl Target {
    async fn ask(&self, request: &str) -> String {
        let answer = tokio::time::timeout(PATIENCE, exchange(self.address, request.as_bytes())).await;
        answer.unwrap_or_else(|_| panic!("no answer: {request}"))
    }

    async fn sql(&self, query: &str) -> String {
        let length = query.len();
        self.ask(&format!(
            "POST /sql HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{query}"
        ))
        .await
    }

    /// A normal question is answered, soon.
    async fn goes_on(&self) {
        let begun = Instant::now();
        let answer = self.sql("SELECT count(*) AS n FROM entities").await;
        assert!(answer.contains("\"n\":1"), "{answer}");
        assert!(begun.elapsed() < Duration::from_secs(15), "after {:?}", begun.elapsed());
    }

    async fn status(&self, request: &str) -> u16 {
        self.ask(request).await.split(' ').nth(1).unwrap_or_default().parse().unwrap_or(0)
    }
}

fn head(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n{headers}\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_without_a_good_key_is_refused() {
    let target = target(|_| {}).await;
    let keys = kernel_access::KeyRing::open(target.state.reader.snapshot().dir()).unwrap();
    let new = |expires| kernel_access::NewKey {
        name: "w".to_owned(),
        roles: ["writer".to_owned()].into(),
        scopes: kernel_access::Scope::ALL.into(),
        districts: std::collections::BTreeSet::new(),
        clearance: 0,
        expires,
    };
    let (_, stale) = keys.add(new(Some(kernel_model::TimeUs(1)))).unwrap();
    let (revoked, lost) = keys.add(new(None)).unwrap();
    let (_, good) = keys.add(new(None)).unwrap();
    keys.revoke(&revoked.id).unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let post = |authorization: &str| {
        head("POST", "/changes", &format!("{authorization}content-type: application/json\r\ncontent-length: 2\r\n"))
            + "{}"
    };
    let bearer = |key: &str| format!("authorization: Bearer {key}\r\n");
    for (proof, status, word) in [
        (String::new(), 401, "needs an API key"),
        (bearer("urbis_0000"), 403, "not one of this server's"),
        (bearer(stale.reveal()), 403, "expired"),
        (bearer(lost.reveal()), 403, "revoked"),
        (bearer("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."), 401, "Bearer"),
        ("authorization: Basic YTpi\r\n".to_owned(), 401, "Bearer"),
        (bearer(good.reveal()) + "x-api-key: urbis_00\r\n", 400, "not both"),
    ] {
        let answer = target.ask(&post(&proof)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(word), "{proof}: {answer}");
        assert!(!answer.contains(lost.reveal()), "an answer never repeats a key");
    }
    // A good one comes further: to the reader of the body.
    assert_eq!(target.status(&post(&bearer(good.reveal()))).await, 400);
    assert_eq!(target.status(&post(&format!("x-api-key: {}\r\n", good.reveal()))).await, 400);
    target.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_lead_nowhere_else_and_sql_only_reads() {
    let target = target(|_| {}).await;
    for path in [
        "/../../etc/passwd",
        "/log/tile/../../api-keys",
        "/log/tile/..%2f..%2fapi-keys",
        "/log/tile/%2e%2e/%2e%2e/api-keys",
        "/log/tile//etc/passwd",
        "/page/..%2f..%2f..%2fCargo.toml",
        "/..%5c..%5cCargo.toml",
        "/%2e%2e/Cargo.toml",
        "/log/tile/%00",
        "/assets/..%2fapi-keys/receipt",
        "/api/entities/..%2f..",
        "//etc/passwd",
    ] {
        let answer = target.ask(&head("GET", path, "")).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        assert!(!answer.contains("root:") && !answer.contains("urbis-keys") && !answer.contains("[package]"), "{path}");
    }
    for query in [
        "DROP TABLE entities",
        "INSERT INTO entities VALUES (1)",
        "UPDATE entities SET name = 'x'",
        "DELETE FROM entities",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "SELECT 1; DROP TABLE entities",
        "WITH x AS (SELECT 1) INSERT INTO entities SELECT * FROM x",
        "SET datafusion.execution.batch_size = 1",
        "SELECT * FROM '/etc/passwd'",
        "EXPLAIN INSERT INTO entities VALUES (1)",
    ] {
        let answer = target.sql(query).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{query}: {answer}");
    }
    target.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_too_large_or_compressed_are_refused() {
    let target = target(|settings| settings.body_bytes = 1 << 20).await;
    let key = format!("x-api-key: {}\r\n", target.key);
    let large = "x".repeat(4 << 20);
    for (path, headers) in [("/changes", key.as_str()), ("/sql", "")] {
        let head = head("POST", path, &format!("{headers}content-length: {}\r\n", large.len()));
        let answer = exchange_bytes(target.address, (head + &large).as_bytes()).await;
        // Whoever goes on sending may lose the answer, and is cut off.
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 413") || answer.is_empty(), "{path}: {answer}");
    }
    // A zip bomb is not unpacked: compressed bodies are not taken at all.
    for (path, method) in [("/sql", "POST"), ("/changes", "POST"), ("/observations", "POST")] {
        let bomb = head(method, path, &format!("{key}content-encoding: gzip\r\ncontent-length: 4\r\n")) + "\u{1f}abc";
        assert_eq!(target.status(&bomb).await, 415, "{path}");
    }
    // Headers without end.
    let many = (0..20_000).map(|n| format!("x-{n}: {}\r\n", "y".repeat(40))).collect::<Vec<_>>().concat();
    let mut socket = TcpStream::connect(target.address).await.unwrap();
    drop(socket.write_all(format!("GET / HTTP/1.1\r\nhost: t\r\n{many}").as_bytes()).await);
    let mut answer = Vec::new();
    drop(tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("it is cut off"));
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    target.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_are_cut_off_and_keep_nobody_out() {
    let target = target(|settings| {
        settings.bounds.header = Duration::from_secs(2);
        settings.bounds.connections = 300;
        settings.bounds.connections_of_one = 250;
    })
    .await;
    // One says nothing, one a part of the preface of HTTP/2, one a line of a header.
    let mut slow = Vec::new();
    for said in [&b""[..], b"PRI * HT", b"GET / HTTP/1.1\r\nhost: t\r\nx-slow: 1"] {
        for _ in 0..60 {
            let mut socket = TcpStream::connect(target.address).await.unwrap();
            socket.write_all(said).await.unwrap();
            slow.push(socket);
        }
    }
    target.goes_on().await;
    let begun = Instant::now();
    for socket in &mut slow {
        let mut byte = [0; 512];
        let left = PATIENCE.saturating_sub(begun.elapsed());
        loop {
            match tokio::time::timeout(left, socket.read(&mut byte)).await.expect("a slow client is cut off") {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    target.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_have_a_bound_and_places_become_free() {
    let target = target(|settings| {
        settings.bounds.connections = 64;
        settings.bounds.connections_of_one = 48;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..48 {
        held.push(TcpStream::connect(target.address).await.unwrap());
    }
    let mut told = 0;
    for _ in 0..2_000 {
        let Ok(mut socket) = TcpStream::connect(target.address).await else { continue };
        let mut answer = Vec::new();
        drop(tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("it is told, or cut off"));
        told += usize::from(answer.starts_with(b"HTTP/1.1 503"));
    }
    assert!(told > 1_000, "{told} of 2000 were told why");
    drop(held);
    tokio::time::sleep(Duration::from_millis(300)).await;
    target.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_waits() {
    let target = target(|settings| settings.requests_per_s = 5).await;
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(target.status(&head("GET", "/api/info", "")).await);
    }
    let late = statuses.iter().filter(|status| **status == 429).count();
    assert!(late >= 10 && statuses[0] == 200, "{statuses:?}");
    // Who has a key has a bucket of its own.
    assert_eq!(target.status(&head("GET", "/api/info", &format!("x-api-key: {}\r\n", target.key))).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_requests_end_and_tells_live_clients() {
    let target = target(|settings| settings.bounds.stop = Duration::from_secs(10)).await;
    let mut live = TcpStream::connect(target.address).await.unwrap();
    let upgrade = "GET /live HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    live.write_all(upgrade.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    live.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 101");
    // A question that takes about a second is on its way when the word comes.
    let slow = "SELECT count(*) AS n FROM generate_series(1, 1000) a JOIN generate_series(1, 1000) b ON a.value * b.value % 7 = 3";
    let address = target.address;
    let asked = tokio::spawn(async move {
        let length = slow.len();
        let head =
            format!("POST /sql HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{slow}");
        exchange(address, head.as_bytes()).await
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    let begun = Instant::now();
    target.server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(12));
    let answer = asked.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 400"), "in-flight: {answer}");
    let mut said = Vec::new();
    tokio::time::timeout(PATIENCE, live.read_to_end(&mut said)).await.expect("it is closed").unwrap();
    // A close frame of the server: 0x88, length, then the code 1001.
    assert!(said.windows(4).any(|frame| frame[0] == 0x88 && frame[2..4] == 1001_u16.to_be_bytes()), "{said:?}");
    assert!(TcpStream::connect(address).await.is_err(), "nobody new is taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_port_speaks_tls_and_takes_a_new_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (chain, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
    let make = || {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    };
    let first = make();
    let tls = Tls::read(&chain, &key).unwrap();
    let target = target(|settings| settings.tls = Some(tls.clone())).await;
    let ask = |certificate: CertificateDer<'static>| {
        let address = target.address;
        async move {
            let mut roots = RootCertStore::empty();
            roots.add(certificate).unwrap();
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let socket = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let mut socket = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
            socket.write_all(b"GET /health HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").await?;
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        }
    };
    assert!(ask(first.clone()).await.unwrap().starts_with("HTTP/1.1 200"));
    // Plain HTTP at the same port gets no answer of the city.
    let plain = exchange_bytes(target.address, b"GET /health HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert!(!String::from_utf8_lossy(&plain).contains("sequence"));
    let second = make();
    tls.read_again().unwrap();
    assert!(ask(second.clone()).await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask(first).await.is_err(), "the former certificate is not shown any more");
    std::fs::write(&chain, "no certificate").unwrap();
    assert!(tls.read_again().unwrap_err().to_string().contains("chain.pem"));
    assert!(ask(second).await.is_ok(), "what cannot be read leaves the one there is");
}

async fn exchange_bytes(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    drop(socket.write_all(request).await);
    let mut answer = Vec::new();
    drop(tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await);
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted_by_route_and_have_an_id() {
    let dir = tempfile::tempdir().unwrap();
    let (_state, server, _) = served(dir.path()).await;
    let get = |path: &str, headers: &str| {
        let request = head("GET", path, headers);
        async move { exchange(server.address, request.as_bytes()).await }
    };
    let answer = get("/api/info", "x-request-id: mine-1\r\n").await;
    assert!(answer.to_lowercase().contains("x-request-id: mine-1"), "{answer}");
    let answer = get("/api/info", "x-request-id: no id\r\n").await.to_lowercase();
    assert!(answer.contains("x-request-id: ") && !answer.contains("no id"), "{answer}");
    assert!(get("/ready", "").await.starts_with("HTTP/1.1 200"));
    let figures = get("/metrics", "").await;
    assert!(
        figures.contains("urbis_http_requests_total{route=\"/api/info\",method=\"GET\",status=\"200\"} 2"),
        "{figures}"
    );
    assert!(figures.contains("urbis_http_request_seconds_count{route=\"/api/info\"} 2"));
}
