//! Who looks on beside a writer sees the commit at which the folder was opened for as long as it likes, also when the writer
//! has merged the files away, and a folder that changes while it is opened is opened as of one commit.

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use kernel_model::schema::Table;
use kernel_store::{Error, Reader, Snapshot, Store};
use spatial_index::Spans;

use crate::support::*;

fn fill(store: &mut Store, from: i64, count: i64) {
    for n in from..from + count {
        store.commit(&[vec![readings("d", vec![reading(n * 1_000, n as f64)])]]).unwrap();
        store.seal().unwrap();
    }
}

fn begun(dir: &Path) -> Store {
    let mut store = open(dir, 1 << 20);
    store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1")]]).unwrap();
    store
}

fn sum(snapshot: &Snapshot) -> f64 {
    let column = |part: &kernel_store::Part| part.column(0, 3).unwrap();
    let parts = snapshot.parts(Table::Observations);
    parts.iter().map(|part| column(part).as_primitive::<Float64Type>().values().iter().sum::<f64>()).sum()
}

#[test]
fn files_that_the_writer_merged_away_are_still_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = begun(dir.path());
    fill(&mut store, 0, 5);
    let (reader, _) = Reader::open(dir.path()).unwrap();
    let names: Vec<_> =
        std::fs::read_dir(dir.path().join("segments")).unwrap().map(|file| file.unwrap().path()).collect();
    store.compact().unwrap();
    drop(store);
    let old = names.iter().filter(|path| path.to_str().unwrap().contains("observations"));
    assert!(old.clone().count() == 10 && old.clone().all(|path| !path.exists()), "they are gone: {names:?}");
    let snapshot = reader.snapshot();
    let found: usize = snapshot
        .parts(Table::Observations)
        .iter()
        .flat_map(|part| part.rows_in_spans(&Spans::ALL).unwrap())
        .map(|rows| rows.len())
        .sum();
    assert_eq!((found, sum(&snapshot)), (5, 10.0));
    assert_eq!(sum(&Reader::open(dir.path()).unwrap().0.snapshot()), 10.0);
}

#[test]
fn a_folder_under_a_busy_writer_is_read_as_of_one_commit() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = begun(dir.path());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..12 {
                fill(&mut store, round * 10, 10);
                store.compact().unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut last = 0;
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            let (reader, opened) = match Reader::open(dir.path()) {
                Err(Error::Busy(_)) => continue,
                other => other.unwrap(),
            };
            // The first commit holds no reading.
            let count = opened.sequence.0 as i64 - 1;
            assert_eq!(sum(&reader.snapshot()), (count * (count - 1) / 2) as f64);
            assert!(count >= last);
            last = count;
        }
    });
}
