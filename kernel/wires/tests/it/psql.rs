//! The PostgreSQL wire with psql.

use std::process::{Command, Output};

use kernel_query::Limits;
use kernel_wires::{Wire, pg};

use crate::city::{City, KEY, LIMITS};

/// Whether psql is installed; missing it fails where `CI` is set.
fn has_psql() -> bool {
    let found = Command::new("psql").arg("--version").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "psql is missing: make setup");
    if !found {
        println!("left out: needs psql");
    }
    found
}

async fn run(wire: &Wire, more: &str, arguments: &[&str]) -> Output {
    let place = format!("host=localhost hostaddr=127.0.0.1 port={} user=any dbname=any {more}", wire.address.port());
    let mut command = Command::new("psql");
    command.args([&place, "-X", "-q", "-At"]).args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn psql(wire: &Wire, sql: &str) -> String {
    let output = run(wire, "", &["-c", sql]).await;
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

fn said(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_asks() {
    if !has_psql() {
        return;
    }
    let city = City::new();
    let wire = pg::serve("127.0.0.1:0", city.door(LIMITS, false), None).await.unwrap();
    assert_eq!(psql(&wire, "SELECT name FROM entities WHERE kind = 'building' ORDER BY 1").await, "Hall\nTower");
    assert_eq!(psql(&wire, "SELECT count(*), max(value) FROM observations").await, "100|99");
    assert_eq!(psql(&wire, "SELECT NULL, true, 1.5, 'a', 2::bigint").await, "|t|1.5|a|2");
    assert_eq!(psql(&wire, "SELECT phenomenon_time FROM observations LIMIT 1").await, "2026-01-01 00:00:00.000000+00");
    let point = psql(&wire, "SELECT geometry FROM entities WHERE name = 'Hall'").await;
    assert!(point.starts_with("0103000020E61000000100000005000000"), "extended WKB with 4326: {point}");
    assert_eq!(psql(&wire, "SHOW server_version").await, "16.6");
    let tables = psql(&wire, "\\dt").await;
    assert!(tables.lines().any(|line| line.starts_with("city|entities|table")), "{tables}");
    let columns = psql(&wire, "\\d entities").await;
    assert!(columns.lines().any(|line| line.starts_with("geometry|geometry|")), "{columns}");
    let refused = said(&run(&wire, "", &["-c", "DELETE FROM entities"]).await);
    assert!(refused.contains("DELETE FROM is refused: this interface only reads"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_the_password_and_tls_is_spoken() {
    if !has_psql() {
        return;
    }
    let city = City::new();
    let (certificate, chain) = city.certificate();
    let wire = pg::serve("127.0.0.1:0", city.door(LIMITS, true), Some(&certificate)).await.unwrap();
    let tls = format!("sslmode=verify-full sslrootcert={}", chain.display());
    let right = run(&wire, &format!("{tls} password={KEY}"), &["-c", "SELECT 1"]).await;
    assert_eq!(String::from_utf8_lossy(&right.stdout), "1\n", "{}", String::from_utf8_lossy(&right.stderr));
    let wrong = said(&run(&wire, &format!("{tls} password=urbis_wrong"), &["-c", "SELECT 1"]).await);
    assert!(wrong.contains("this API key is not one of this server's"), "{wrong}");
    let none = said(&run(&wire, &tls, &["-w", "-c", "SELECT 1"]).await);
    assert!(none.contains("password"), "{none}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_is_an_error() {
    if !has_psql() {
        return;
    }
    let city = City::new();
    let limits = Limits { max_rows: 50, ..LIMITS };
    let wire = pg::serve("127.0.0.1:0", city.door(limits, false), None).await.unwrap();
    for sql in ["SELECT value FROM observations", "SELECT attname FROM pg_attribute"] {
        let cut = said(&run(&wire, "", &["-c", sql]).await);
        assert!(cut.contains("cut after 50 rows"), "{sql}: {cut}");
    }
    let late = said(&run(&wire, "", &["-c", "SET statement_timeout = '300ms'", "-c", ENDLESS]).await);
    assert!(late.contains("cut after 300 ms"), "{late}");
    city.until_idle().await;
}

const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 1000000000000)";
