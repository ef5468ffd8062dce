//! Whatever is cut off a data folder, acknowledged commits are there and the store opens.

use std::fs;
use std::path::PathBuf;

use kernel_model::schema::Table;
use kernel_store::{Durability, Error, Options, Reader, Store, check};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::*;

fn newest_log(dir: &std::path::Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(dir.join("log")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files.pop().unwrap()
}

#[test]
fn rows_survive_restarts_before_while_and_after_sealing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 400);
    store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1"), mover("car")]]).unwrap();
    for t in 0..3_000 {
        store.commit(&[vec![readings("d", vec![reading(t, t as f64)]), fix("car", t, 116.3)]]).unwrap();
        if t % 701 == 700 {
            drop(store);
            store = open(dir.path(), 400);
        }
    }
    assert_eq!(counts(&store.reader().snapshot()), [2, 1, 3_000, 3_000, 0, 0]);
    assert!(!store.reader().snapshot().segments(Table::Observations).is_empty(), "some of it was sealed");
    drop(store);
    let (reader, opened) = Reader::open(dir.path()).unwrap();
    assert_eq!(opened.sequence.0, 3_001);
    assert_eq!(counts(&reader.snapshot()), [2, 1, 3_000, 3_000, 0, 0]);
    assert_eq!(reader.live().reading(kernel_model::DatastreamId(1)).unwrap().value, 2_999.0);
    let report = check(dir.path()).unwrap();
    assert_eq!((report.sequence.0, report.torn), (3_001, None));
}

#[test]
fn any_cut_of_the_log_keeps_a_whole_prefix_of_commits() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1")]]).unwrap();
    for t in 0..20 {
        store.commit(&[vec![readings("d", vec![reading(t, 0.0); 1])]]).unwrap();
    }
    drop(store);
    let log = newest_log(dir.path());
    let whole = fs::read(&log).unwrap();
    let mut random = StdRng::seed_from_u64(42);
    for _ in 0..60 {
        let cut = random.random_range(0..whole.len());
        fs::write(&log, &whole[..cut]).unwrap();
        let (store, opened) = Store::open(dir.path(), Options::default()).unwrap();
        let rows = store.reader().snapshot().row_count(Table::Observations);
        assert_eq!(rows, opened.sequence.0.saturating_sub(1), "one reading a commit after the first");
        drop(store);
        check(dir.path()).unwrap();
        fs::write(&log, &whole).unwrap();
    }
}

#[test]
fn every_flipped_byte_of_sealed_data_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    let rows = (0..500).map(|t| reading(t, 1.0)).collect();
    store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1"), readings("d", rows)]]).unwrap();
    store.seal().unwrap();
    drop(store);
    check(dir.path()).unwrap();
    let mut random = StdRng::seed_from_u64(7);
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir.path().join("segments")).unwrap().map(|e| e.unwrap().path()).collect();
    files.push(dir.path().join("manifest"));
    for file in files {
        let good = fs::read(&file).unwrap();
        for _ in 0..8 {
            let mut bad = good.clone();
            let at = random.random_range(0..bad.len());
            bad[at] ^= 1 << random.random_range(0..8);
            fs::write(&file, &bad).unwrap();
            assert!(check(dir.path()).is_err(), "byte {at} of {}", file.display());
        }
        fs::write(&file, &good).unwrap();
    }
}

#[test]
fn a_second_writer_is_told_to_go_through_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path(), 1 << 20);
    assert!(matches!(Store::open(dir.path(), Options::default()), Err(Error::Locked(_))));
    assert!(Reader::open(dir.path()).is_ok(), "readers may look on");
    assert!(matches!(Reader::open(&dir.path().join("nowhere")), Err(Error::Missing(_))));
}

#[test]
fn commits_that_are_synced_by_time_are_there_after_the_end_of_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let durability = Durability::Within(std::time::Duration::from_millis(5));
    let options = || Options { durability, seal_rows: 40, ..Options::default() };
    for round in 0..3 {
        let (mut store, opened) = Store::open(dir.path(), options()).unwrap();
        assert!(opened.torn.is_none());
        if round == 0 {
            store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1")]]).unwrap();
        }
        for n in 0..60 {
            store.commit(&[vec![readings("d", vec![reading(round * 60 + n, 1.0)])]]).unwrap();
        }
        assert_eq!(store.reader().snapshot().row_count(Table::Observations), (round as u64 + 1) * 60);
    }
    assert_eq!(kernel_store::check(dir.path()).unwrap().sequence.0, 181);
}

/// What is new in the format must not stand in a file that says it is old: an older program would take it for damage.
#[test]
fn a_log_of_the_version_before_is_read_and_not_appended_to() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 1 << 20);
    store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1")]]).unwrap();
    store.commit(&[vec![readings("d", vec![reading(1, 0.0)])]]).unwrap();
    drop(store);
    let old = newest_log(dir.path());
    let mut bytes = fs::read(&old).unwrap();
    assert_eq!(bytes[8], 3, "the version of this program");
    bytes[8] = 2;
    bytes.extend([7; 5]);
    fs::write(&old, &bytes).unwrap();
    for round in 1..3 {
        let mut store = open(dir.path(), 1 << 20);
        store.commit(&[vec![readings("d", vec![reading(round * 10, 0.0)])]]).unwrap();
        assert_eq!(store.reader().snapshot().row_count(Table::Observations), 1 + round as u64);
        assert_eq!(fs::read(&old).unwrap(), bytes[..bytes.len() - 5], "only its torn tail is cut");
        assert_eq!(fs::read(newest_log(dir.path())).unwrap()[8], 3);
    }
    assert_eq!(check(dir.path()).unwrap().commits, 4);
    let newest = newest_log(dir.path());
    let mut bytes = fs::read(&newest).unwrap();
    bytes[8] = 4;
    fs::write(&newest, bytes).unwrap();
    assert!(matches!(Reader::open(dir.path()), Err(Error::Version { found: 4, known: 3, .. })));
}
