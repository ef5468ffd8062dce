//! Killed with SIGKILL at any instant while readings grow old: each that was acknowledged is there as a row or in the
//! summaries of its minute, hour and day, once. The writer is this test program as a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, UInt64Type};
use kernel_model::TimeUs;
use kernel_model::schema::Table;
use kernel_store::{Keep, Options, Reader, Retention, Snapshot, Store, check};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::support::*;

const KILLS: u64 = 25;
const DAY: i64 = 86_400_000_000;
/// Between two readings: some are of one minute, and a day comes soon.
const STEP: i64 = 23_000_000;

fn options() -> Options {
    let retention = Retention { observations: Keep::For(DAY), minute: Keep::Ever, late_us: 0, ..Retention::default() };
    Options { seal_rows: 64, segment_rows: 300, retention, ..Options::default() }
}

#[test]
#[ignore = "started by the test below as a process of its own, to be killed"]
fn the_writer() {
    let (Ok(dir), Ok(from)) = (std::env::var("URBIS_KILL_DIR"), std::env::var("URBIS_KILL_FROM")) else { return };
    let (mut store, _) = Store::open(Path::new(&dir), options()).unwrap();
    let from: i64 = from.parse().unwrap();
    store.commit(&[vec![thing("site", "air"), datastream("d", "site", "1")]]).unwrap();
    let begin = (TimeUs::now().0 / DAY - 100) * DAY;
    for number in from.. {
        // Values are numbers of readings, so that sums tell which are there; every 50th comes twice.
        let rows = vec![reading(begin + number * 50 * STEP, number as f64)];
        for _ in 0..=i64::from(number % 50 == 0) {
            store.commit(&[vec![readings("d", rows.clone())]]).unwrap();
        }
        std::io::stdout().write_all(format!("kept {number}\n").as_bytes()).unwrap();
        match number % 12 {
            5 => drop(store.retain(TimeUs::now()).unwrap()),
            11 => store.compact().unwrap(),
            _ => {}
        }
    }
}

/// How many readings there are and the sum of their values.
type Sum = (u64, f64);

fn rows(snapshot: &Snapshot) -> Sum {
    let mut sum = (0, 0.0);
    for part in snapshot.parts(Table::Observations) {
        let values = part.column(0, 3).unwrap();
        sum.0 += values.len() as u64;
        sum.1 += values.as_primitive::<Float64Type>().values().iter().sum::<f64>();
    }
    sum
}

fn summed(snapshot: &Snapshot, table: Table) -> Sum {
    let mut sum = (0, 0.0);
    for part in snapshot.parts(table) {
        let (counts, sums) = (part.column(0, 2).unwrap(), part.column(0, 6).unwrap());
        sum.0 += counts.as_primitive::<UInt64Type>().values().iter().sum::<u64>();
        sum.1 += sums.as_primitive::<Float64Type>().values().iter().sum::<f64>();
    }
    sum
}

/// Runs the writer from a number on, kills it, and gives the last number that was acknowledged.
fn killed(dir: &Path, from: i64, delay: Duration) -> Option<i64> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "retention_kill::the_writer", "--ignored", "--nocapture"]);
    command.env("URBIS_KILL_DIR", dir).env("URBIS_KILL_FROM", from.to_string());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let number = |line: &String| line.strip_prefix("kept ")?.parse::<i64>().ok();
    let first = lines.find_map(|line| number(&line));
    let last = std::thread::scope(|scope| {
        let hearing = scope.spawn(|| lines.filter_map(|line| number(&line)).last());
        std::thread::sleep(delay);
        assert!(child.try_wait().unwrap().is_none(), "the writer goes on until it is killed");
        child.kill().unwrap();
        child.wait().unwrap();
        hearing.join().unwrap()
    });
    last.or(first)
}

#[test]
fn each_reading_is_a_row_or_in_the_summaries_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = SmallRng::seed_from_u64(3);
    let (mut next, mut summaries, mut kills) = (1_i64, 0, 0);
    let mut longest_us = 200_000;
    while kills < KILLS || (summaries == 0 && longest_us < 60_000_000) {
        kills += 1;
        // On a busy machine a writer comes to little: it is given longer, and longer.
        longest_us += if kills < KILLS { 10_000 } else { longest_us / 4 };
        let delay = Duration::from_micros(random.random_range(0..longest_us));
        let kept = killed(dir.path(), next, delay).unwrap_or(next - 1);
        let (reader, _) = Reader::open(dir.path()).unwrap();
        let snapshot = reader.snapshot();
        let raw = rows(&snapshot);
        let hours = summed(&snapshot, Table::ObservationsHour);
        for table in [Table::ObservationsMinute, Table::ObservationsDay] {
            assert_eq!(summed(&snapshot, table), hours, "{table:?} after kill {kills}");
        }
        let there = (raw.0 + hours.0) as i64;
        // One more may have been kept and not been answered.
        assert!(
            there == kept || there == kept + 1,
            "kill {kills}: {kept} were acknowledged, {raw:?} and {hours:?} are there"
        );
        assert_eq!(raw.1 + hours.1, (there * (there + 1) / 2) as f64, "kill {kills}: each is there once");
        check(dir.path()).unwrap();
        summaries = hours.0;
        next = there + 1;
    }
    writeln!(std::io::stderr(), "{kills} kills: {} readings, {summaries} of them summarised", next - 1).unwrap();
    assert!(summaries > 0, "readings grew old");
}
