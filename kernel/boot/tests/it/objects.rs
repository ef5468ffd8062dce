//! A city whose segments are in an object store, as its users meet it: written to, killed on either side, compacted, checked,
//! backed up and restored. Asked of a real S3-compatible server.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kernel_model::Change;

use crate::crash::{describe, post, readings};
use crate::s3::S3;
use crate::support::{Server, done, stderr, stdout, urbis};

/// All readings in one row.
const ALL: &str = "SELECT count(*) AS n, sum(value) AS total, count(DISTINCT value) AS different FROM observations";

/// `urbis` that knows how the object store is reached.
fn reaching(s3: &S3) -> Command {
    let mut command = urbis();
    command.envs(s3.variables());
    command
}

fn serve(s3: &S3, data: &Path, log: &Path) -> Server {
    let mut command = reaching(s3);
    command.env("URBIS_SEGMENTS", "s3://city/district").env("URBIS_SEGMENTS_FOLDER_MB", "0");
    command.env("URBIS_SEAL_ROWS", "2000").stderr(File::options().create(true).append(true).open(log).unwrap());
    Server::start_by(command, data, "off")
}

fn run(s3: &S3, arguments: &[&str]) -> Output {
    reaching(s3).args(arguments).output().unwrap()
}

fn well(s3: &S3, arguments: &[&str]) -> String {
    let output = run(s3, arguments);
    assert!(output.status.success(), "urbis {arguments:?}: {}", stderr(&output));
    stdout(&output)
}

/// Writes readings from one number to another, each request acknowledged.
fn write(server: &Server, key: &str, numbers: std::ops::Range<i64>) {
    for first in numbers.clone().step_by(500) {
        let batches = (first..numbers.end.min(first + 500)).step_by(50).map(readings);
        post(&server.url, key, &describe(0).into_iter().chain(batches).collect()).unwrap();
    }
}

fn whole(numbers: i64) -> serde_json::Value {
    serde_json::json!([{ "n": numbers, "total": (numbers * (numbers - 1) / 2) as f64, "different": numbers }])
}

fn parquet(s3: &S3) -> usize {
    s3.objects("district").iter().filter(|path| path.to_string_lossy().contains("observations-0")).count() / 2
}

/// Whether it is neither a segment nor the latest values.
fn is_beside(object: &Path) -> bool {
    object.ends_with("mark") || object.file_name().unwrap().to_string_lossy().starts_with("manifest-")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_city_in_an_object_store_outlives_kills_on_either_side() {
    let Some(mut s3) = S3::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (data, log) = (dir.path().join("data"), dir.path().join("log"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let folder = text(&data);
    let mut server = serve(&s3, &data, &log);
    let key = server.key.clone().unwrap();
    write(&server, &key, 0..5_000);
    until("two are sealed", || parquet(&s3) >= 2);
    assert_eq!(server.sql(ALL), whole(5_000));
    // The object store goes away: writing goes on, the log says why sealing does not.
    s3.kill();
    write(&server, &key, 5_000..8_000);
    assert!(server.number("SELECT count(*) FROM observations") == 8_000, "counts need no object");
    until("it says so", || {
        // The writer looks after sealing when something comes, be it there already.
        write(&server, &key, 7_950..8_000);
        fs::read_to_string(&log).unwrap().contains("s3://city/district/segments/observations-")
    });
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("sealing failed and will be tried again; nothing is lost"), "{said}");
    let before = parquet(&s3);
    s3.run();
    until("it is sealed", || {
        write(&server, &key, 7_950..8_000);
        parquet(&s3) > before
    });
    assert_eq!(server.sql(ALL), whole(8_000));
    // Killed while an object is on its way: it arrives, and no manifest ever names it.
    s3.signal("STOP");
    write(&server, &key, 8_000..10_000);
    std::thread::sleep(Duration::from_millis(500));
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    s3.signal("CONT");
    let mut last = 10_000;
    for round in 0..4_u64 {
        let mut server = serve(&s3, &data, &log);
        assert_eq!(server.sql(ALL), whole(last), "round {round}");
        write(&server, &key, last..last + 2_500);
        last += 2_500;
        std::thread::sleep(Duration::from_millis(round * 37));
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        let report = well(&s3, &["check", "--data", &folder]);
        assert!(report.contains("store:  whole"), "{report}");
    }
    let compacted = well(&s3, &["compact", "--data", &folder]);
    assert!(compacted.ends_with(&format!("with {} rows\n", last + 2)), "{compacted}");
    assert_eq!(parquet(&s3), 1, "{compacted}");
    let answer = well(&s3, &["sql", ALL, "--data", &folder, "--format", "json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&answer).unwrap(), whole(last));
    // What is made of it needs no object store.
    let (copy, again) = (text(&dir.path().join("copy")), text(&dir.path().join("again")));
    well(&s3, &["backup", &copy, "--data", &folder]);
    let second = well(&s3, &["backup", &copy, "--data", &folder]);
    assert!(second.contains(": 1 files copied"), "only the log: {second}");
    done(&["restore", &copy, "--data", &again]);
    done(&["check", "--data", &again]);
    let answer = done(&["sql", ALL, "--data", &again, "--format", "json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&answer).unwrap(), whole(last));
}

#[test]
fn a_flipped_byte_of_any_object_is_found_and_named() {
    let Some(s3) = S3::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (data, log) = (dir.path().join("data"), dir.path().join("log"));
    let folder = data.to_str().unwrap().to_owned();
    let server = serve(&s3, &data, &log);
    let key = server.key.clone().unwrap();
    write(&server, &key, 0..3_000);
    // Of a datastream that nobody declared.
    let stray = readings(0);
    let Change::Observations(mut stray) = stray else { unreachable!() };
    stray.datastream.id = "nobody's".into();
    post(&server.url, &key, &vec![Change::Observations(stray)]).unwrap();
    let rejected = server.number("SELECT count(*) FROM rejected");
    assert!(rejected > 0);
    drop(server);
    well(&s3, &["compact", "--data", &folder]);
    // Also what is asked file by file is read from there where the folder lost it.
    for file in fs::read_dir(data.join("segments")).unwrap().map(|entry| entry.unwrap().path()) {
        fs::remove_file(file).unwrap();
    }
    let answer = well(&s3, &["sql", "SELECT count(*) AS n FROM rejected", "--data", &folder, "--format", "json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&answer).unwrap(), serde_json::json!([{ "n": rejected }]));
    let objects = s3.objects("district");
    assert!(objects.len() >= 6, "{objects:?}");
    for object in objects.iter().filter(|path| !is_beside(path)) {
        let good = fs::read(object).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 4;
        fs::write(object, &bad).unwrap();
        let output = run(&s3, &["check", "--data", &folder]);
        let (line, name) = (stderr(&output), object.file_name().unwrap().to_str().unwrap());
        assert!(!output.status.success() && line.contains("s3://city/district/") && line.contains(name), "{line}");
        fs::write(object, &good).unwrap();
    }
    well(&s3, &["check", "--data", &folder]);
    // Without the variables it says what is missing, not that the data is.
    let output = urbis().args(["check", "--data", &folder]).env("AWS_ENDPOINT", "http://10.0.0.1").output().unwrap();
    assert!(stderr(&output).contains("is plain http"), "{}", stderr(&output));
}
