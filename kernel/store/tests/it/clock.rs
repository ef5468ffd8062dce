//! The clock is set back, by seconds and by years, while commits and bulk loads come: the times at which they are recorded
//! ascend all the same, and what was known at each of them is what a naive list says, before and after sealing and restarts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::AsArray;
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};
use kernel_model::TimeUs;
use kernel_model::schema::Table;
use kernel_store::{CHUNK_ROWS, Clock, Error, Options, Snapshot, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::support::*;

const START_US: i64 = 1_790_000_000_000_000;
const YEAR_US: i64 = 31_557_600_000_000;

fn open_at(dir: &std::path::Path, clock: &Arc<AtomicI64>) -> Store {
    let clock = clock.clone();
    let clock = Clock::set(move || TimeUs(clock.load(Ordering::SeqCst)));
    Store::open(dir, Options { clock, seal_rows: 30, ..Options::default() }).unwrap().0
}

/// Sequence and time of recording of every reading, in the order of sequences.
fn recorded(snapshot: &Snapshot) -> Vec<(u64, i64)> {
    let mut all = Vec::new();
    for part in snapshot.parts(Table::Observations) {
        for chunk in 0..part.rows().div_ceil(CHUNK_ROWS) {
            let sequences = part.column(chunk, 7).unwrap();
            let times = part.column(chunk, Table::Observations.recorded_column()).unwrap();
            let sequences = sequences.as_primitive::<UInt64Type>().values().iter().copied();
            all.extend(sequences.zip(times.as_primitive::<TimestampMicrosecondType>().values().iter().copied()));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn a_clock_that_jumps_back_changes_neither_the_order_nor_what_was_known() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = SmallRng::seed_from_u64(5);
    let clock = Arc::new(AtomicI64::new(START_US));
    let mut store = open_at(dir.path(), &clock);
    store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1")]]).unwrap();
    let mut things = vec![1];
    for n in 0..200_i64 {
        match n % 40 {
            7 => clock.fetch_sub(YEAR_US, Ordering::SeqCst),
            23 => clock.fetch_add(YEAR_US, Ordering::SeqCst),
            _ => clock.fetch_add(random.random_range(-3_000_000..4_000_000), Ordering::SeqCst),
        };
        if n % 50 == 49 {
            let rows = observation_rows(&[(1, n * 10 + 5, n as f64, None)]);
            store.load::<Error>(Table::Observations, [Ok(rows)]).unwrap();
        } else {
            store
                .commit(&[vec![readings("d", vec![reading(n * 10, n as f64)]), thing(&format!("t{n}"), "air")]])
                .unwrap();
        }
        things.push(things.last().unwrap() + u64::from(n % 50 != 49));
        if random.random_bool(0.05) {
            drop(store);
            store = open_at(dir.path(), &clock);
        }
    }
    for round in 0..2 {
        let snapshot = store.reader().snapshot();
        let recorded = recorded(&snapshot);
        assert_eq!(recorded.len(), 200, "each commit has one time");
        assert!(recorded.windows(2).all(|pair| pair[0].1 < pair[1].1), "times ascend with the commits");
        for (sequence, at) in recorded {
            // The first commit, which had no reading, is number 1.
            let known = snapshot.clone().known_at(TimeUs(at)).row_count(Table::Entities);
            assert_eq!(known, things[sequence as usize - 1], "round {round}, commit {sequence}");
        }
        store.compact().unwrap();
        drop(store);
        store = open_at(dir.path(), &clock);
    }
}
