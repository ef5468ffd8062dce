//! A backup is whole, is the folder as of one commit, and copies nothing twice; also beside a writer.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use kernel_model::schema::Table;
use kernel_store::{Options, Reader, Store, backup};

use crate::support::{counts, datastream, open, reading, readings, thing};

fn fill(store: &mut Store, from: i64, commits: i64) {
    for n in from..from + commits {
        store.commit(&[vec![readings("d", vec![reading(n * 1000, n as f64)])]]).unwrap();
    }
}

fn begun(dir: &Path, options: Options) -> Store {
    let mut store = Store::open(dir, options).unwrap().0;
    store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1")]]).unwrap();
    store
}

#[test]
fn a_backup_is_the_folder_and_the_next_one_copies_what_is_new() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = begun(dir.path(), Options::default());
    fill(&mut store, 0, 50);
    store.seal().unwrap();
    let first = backup(dir.path(), to.path(), |_| {}).unwrap();
    assert_eq!(first.kept, 0);
    fill(&mut store, 50, 20);
    let second = backup(dir.path(), to.path(), |_| {}).unwrap();
    assert!(second.copied == 1 && second.kept == first.copied - 1, "only the log is new: {second:?}");
    store.compact().unwrap();
    fill(&mut store, 70, 5);
    let third = backup(dir.path(), to.path(), |_| {}).unwrap();
    let snapshot = store.reader().snapshot();
    assert_eq!(third.sequence, snapshot.sequence());
    drop(store);
    let restored = open(to.path(), 1 << 20);
    assert_eq!(counts(&restored.reader().snapshot()), counts(&snapshot));
    let newest =
        |snapshot: &kernel_store::Snapshot| snapshot.newest_readings(kernel_model::DatastreamId(1), None, 100).unwrap();
    assert_eq!(newest(&restored.reader().snapshot()), newest(&snapshot));
}

#[test]
fn backups_beside_a_writer_that_seals_and_compacts_are_whole() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = begun(dir.path(), Options { seal_rows: 8, ..Options::default() });
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            fill(&mut store, 0, 400);
            done.store(true, Ordering::Relaxed);
        });
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let report = match backup(dir.path(), to.path(), |_| {}) {
                Err(kernel_store::Error::Busy(_)) => continue,
                other => other.unwrap(),
            };
            let (reader, _) = Reader::open(to.path()).unwrap();
            let snapshot = reader.snapshot();
            assert_eq!(snapshot.sequence(), report.sequence);
            assert_eq!(snapshot.row_count(Table::Observations) + 1, report.sequence.0, "a reading for each commit");
            assert!(report.sequence.0 >= last);
            last = report.sequence.0;
        }
    });
}

#[test]
fn what_is_no_data_folder_is_not_backed_up() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(backup(dir.path(), to.path(), |_| {}).unwrap_err().to_string().contains("is not a data folder"));
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
}
