//! What is kept of readings that have gone is what a naive count over all readings ever acknowledged says, whatever happened
//! in between; and what is young enough is there as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt8Type, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{Change, Observation, ObservationBatch, Place, Quality, Rejection, TimeUs};
use kernel_store::{Error, Keep, Options, Reader, Retention, Snapshot, Store, backup, check, would_retire};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::support::*;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const PERIODS: [(Table, i64); 3] =
    [(Table::ObservationsMinute, MINUTE), (Table::ObservationsHour, HOUR), (Table::ObservationsDay, DAY)];

/// The beginning of a day that does not end while the tests run.
static TODAY: LazyLock<i64> = LazyLock::new(|| (TimeUs::now().0 + 2 * HOUR).div_euclid(DAY) * DAY);

fn today() -> i64 {
    *TODAY
}

/// The end of that day: everything was told before it.
fn tonight() -> TimeUs {
    TimeUs(today() + DAY - 1)
}

fn days(days: i64) -> Keep {
    Keep::For(days * DAY)
}

/// Readings for three days, minutes for a year, hours and days for ever.
fn three_days() -> Retention {
    Retention { observations: days(3), minute: days(365), late_us: 0, ..Retention::default() }
}

fn options(retention: Retention) -> Options {
    retention.check().unwrap();
    Options { retention, ..Options::default() }
}

fn begun(dir: &Path, options: Options) -> Store {
    let mut store = Store::open(dir, options).unwrap().0;
    let mut changes = Vec::new();
    for n in 1..=3 {
        changes.extend([thing(&format!("a{n}"), "air"), datastream(&format!("d{n}"), &format!("a{n}"), "1")]);
    }
    store.commit(&[changes]).unwrap();
    store
}

/// A reading as the model has it: datastream, instant, bits of the value, quality.
type Told = (u64, i64, u64, u8);

fn told(series: u64, t: i64, value: f64, quality: Quality) -> Told {
    (series, t, value.to_bits(), quality.code())
}

fn observation(told: &Told) -> Observation {
    let quality = [Quality::Good, Quality::Suspect, Quality::Missing][usize::from(told.3)];
    Observation { quality, ..reading(told.1, f64::from_bits(told.2)) }
}

/// The raw rows that there are, sorted.
fn raw(snapshot: &Snapshot) -> Vec<Told> {
    let mut rows = Vec::new();
    for part in snapshot.parts(Table::Observations) {
        for chunk in 0..part.chunks() {
            let column = |column: usize| part.column(chunk, column).unwrap();
            let (series, times, values, quality) = (column(0), column(1), column(3), column(4));
            for row in 0..series.len() {
                rows.push((
                    series.as_primitive::<UInt64Type>().value(row),
                    times.as_primitive::<TimestampMicrosecondType>().value(row),
                    values.as_primitive::<Float64Type>().value(row).to_bits(),
                    quality.as_primitive::<UInt8Type>().value(row),
                ));
            }
        }
    }
    rows.sort_unstable();
    rows
}

/// What a summary says: count, suspect, missing, then sum, mean, least, greatest, first and last value, with their instants.
#[derive(Debug, Clone, PartialEq)]
struct Figures {
    counts: [u64; 3],
    values: [Option<f64>; 6],
    times: [Option<i64>; 2],
}

type Summaries = BTreeMap<(u64, i64), Figures>;

/// The summaries that there are; each bucket may be there once.
fn summaries(snapshot: &Snapshot, table: Table) -> Summaries {
    let mut all = Summaries::new();
    for part in snapshot.parts(table) {
        for chunk in 0..part.chunks() {
            let columns: Vec<_> = (0..table.schema().fields().len()).map(|n| part.column(chunk, n).unwrap()).collect();
            for row in 0..part.chunk(chunk).len() {
                let number = |column: usize| columns[column].as_primitive::<UInt64Type>().value(row);
                let real = |column: usize| {
                    let column = columns[column].as_primitive::<Float64Type>();
                    column.is_valid(row).then(|| column.value(row))
                };
                let time = |column: usize| {
                    let column = columns[column].as_primitive::<TimestampMicrosecondType>();
                    column.is_valid(row).then(|| column.value(row))
                };
                let figures = Figures {
                    counts: [number(2), number(11), number(12)],
                    values: [real(6), real(3), real(4), real(5), real(7), real(9)],
                    times: [time(8), time(10)],
                };
                assert!(all.insert((number(0), time(1).unwrap()), figures).is_none(), "a bucket is there twice");
            }
        }
    }
    all
}

/// The summaries of some readings, counted one by one.
fn naive<'a>(readings: impl Iterator<Item = &'a Told>, length: i64) -> Summaries {
    let mut buckets: BTreeMap<(u64, i64), Vec<&Told>> = BTreeMap::new();
    for reading in readings {
        buckets.entry((reading.0, reading.1.div_euclid(length) * length)).or_default().push(reading);
    }
    let figures = |readings: Vec<&Told>| {
        let mut measured: Vec<(i64, f64, u8)> =
            readings.iter().filter(|r| r.3 < 2).map(|r| (r.1, f64::from_bits(r.2), r.3)).collect();
        measured.sort_by_key(|r| r.0);
        let values = || measured.iter().map(|r| r.1);
        let sum: f64 = values().sum();
        let some = |value: f64| (!measured.is_empty()).then_some(value);
        Figures {
            counts: [
                measured.len() as u64,
                measured.iter().filter(|r| r.2 == 1).count() as u64,
                (readings.len() - measured.len()) as u64,
            ],
            values: [
                some(sum),
                some(sum / measured.len() as f64),
                some(values().fold(f64::INFINITY, f64::min)),
                some(values().fold(f64::NEG_INFINITY, f64::max)),
                measured.first().map(|r| r.1),
                measured.last().map(|r| r.1),
            ],
            times: [measured.first().map(|r| r.0), measured.last().map(|r| r.0)],
        }
    };
    buckets.into_iter().map(|(key, readings)| (key, figures(readings))).collect()
}

/// All readings that were ever acknowledged, and which of them have gone.
#[derive(Default)]
struct Model {
    readings: BTreeMap<Told, bool>,
    gone_before: Option<i64>,
}

impl Model {
    fn agrees(&self, snapshot: &Snapshot) {
        let wanted: Vec<Told> = self.readings.iter().filter(|(_, gone)| !**gone).map(|(told, _)| *told).collect();
        assert_eq!(raw(snapshot), wanted);
        for (table, length) in PERIODS {
            let gone = self.readings.iter().filter(|(_, gone)| **gone).map(|(told, _)| told);
            assert_eq!(summaries(snapshot, table), naive(gone, length), "{table:?}");
        }
    }

    /// Commits readings of one datastream and follows what became of them.
    fn commit(&mut self, store: &mut Store, rows: &[Told]) {
        let change = readings(&format!("d{}", rows[0].0), rows.iter().map(observation).collect());
        let outcome = store.commit(&[vec![change]]).unwrap().outcomes.remove(0);
        let same = |a: &Told, b: &Told| (a.0, a.1, a.2) == (b.0, b.1, b.2);
        let (known, new): (Vec<&Told>, Vec<&Told>) =
            rows.iter().partition(|row| self.readings.keys().any(|told| same(told, row)));
        if outcome.rejected.is_empty() {
            assert_eq!((outcome.observations, outcome.unchanged), (new.len() as u64, known.len() as u64), "{rows:?}");
            self.readings.extend(new.into_iter().map(|row| (*row, false)));
            return;
        }
        // Refused is only what is of a summarised minute, and of that nothing new is taken.
        let is_summarised = |row: &Told| {
            self.readings.iter().any(|(told, gone)| *gone && told.0 == row.0 && told.1 / MINUTE == row.1 / MINUTE)
        };
        let taken: Vec<Told> = new.into_iter().filter(|row| !is_summarised(row)).copied().collect();
        assert!(rows.iter().any(is_summarised), "{:?}", outcome.rejected);
        assert_eq!(outcome.observations, taken.len() as u64);
        self.readings.extend(taken.into_iter().map(|row| (row, false)));
    }

    fn retire(&mut self, before: i64) {
        self.readings.iter_mut().for_each(|(told, gone)| *gone |= told.1 < before);
        self.gone_before = self.gone_before.max(Some(before));
    }
}

/// Readings of one datastream within ten days, of which no two are of one instant.
fn some_readings(random: &mut SmallRng, today: i64, seen: &mut BTreeSet<(u64, i64)>) -> Vec<Told> {
    let series = random.random_range(1..=3);
    let begin = today - random.random_range(0..10 * DAY);
    let rows = (0..random.random_range(1..30)).map(|_| {
        let t = begin + random.random_range(0..20) * 17_000_000;
        let quality = [Quality::Good, Quality::Suspect, Quality::Missing][random.random_range(0..3)];
        told(series, t, f64::from(random.random_range(-80..80)) / 8.0, quality)
    });
    rows.filter(|row| seen.insert((row.0, row.1))).collect()
}

#[test]
fn whatever_happens_raw_rows_and_summaries_are_those_of_a_naive_count() {
    for seed in 0..8 {
        let mut random = SmallRng::seed_from_u64(seed);
        let dir = tempfile::tempdir().unwrap();
        let opened = || Options { seal_rows: 100, segment_rows: 150, ..options(three_days()) };
        let mut store = begun(dir.path(), opened());
        let (mut model, mut seen, mut told) = (Model::default(), BTreeSet::new(), Vec::<Vec<Told>>::new());
        let mut now = tonight().0;
        for _ in 0..60 {
            match random.random_range(0..12) {
                0..6 => {
                    let rows = some_readings(&mut random, now, &mut seen);
                    if !rows.is_empty() {
                        model.commit(&mut store, &rows);
                        told.push(rows);
                    }
                }
                6 | 7 => {
                    // Again what was told before, all of it or a part.
                    if let Some(rows) = told.get(random.random_range(0..told.len().max(1))) {
                        let from = if random.random_bool(0.5) { 0 } else { random.random_range(0..rows.len()) };
                        model.commit(&mut store, &rows[from..]);
                    }
                }
                8 => store.seal().unwrap(),
                9 => store.compact().unwrap(),
                10 => {
                    drop(store);
                    store = Store::open(dir.path(), opened()).unwrap().0;
                }
                _ => {
                    now += random.random_range(0..2) * DAY;
                    let would = would_retire(&store.reader().snapshot(), &three_days(), TimeUs(now)).unwrap();
                    let did = store.retain(TimeUs(now)).unwrap();
                    let rows = |retired: &kernel_store::Retired| {
                        retired
                            .removed
                            .iter()
                            .map(|removed| (removed.table, removed.rows, removed.time))
                            .collect::<Vec<_>>()
                    };
                    assert_eq!(rows(&did), rows(&would), "what is said to go is what goes");
                    assert_eq!(did.summaries, would.summaries);
                    model.retire(now.div_euclid(DAY) * DAY - 3 * DAY);
                    assert!(store.retain(TimeUs(now)).unwrap().is_nothing(), "a second pass has nothing to do");
                }
            }
            model.agrees(&store.reader().snapshot());
        }
        drop(store);
        check(dir.path()).unwrap();
        model.agrees(&Reader::open(dir.path()).unwrap().0.snapshot());
    }
}

/// A store with readings of every 20 seconds from five days ago on, of two datastreams, sealed.
fn filled(dir: &Path, options: Options) -> (Store, Model) {
    let (mut store, mut model) = (begun(dir, options), Model::default());
    for series in 1..=2 {
        for from in (today() - 5 * DAY..today() - DAY).step_by(6 * HOUR as usize) {
            let rows: Vec<Told> =
                (0..300).map(|n| told(series, from + n * 20_000_000, (n % 64) as f64 / 4.0, Quality::Good)).collect();
            model.commit_new(&mut store, &rows);
        }
    }
    store.seal().unwrap();
    (store, model)
}

impl Model {
    fn commit_new(&mut self, store: &mut Store, rows: &[Told]) {
        let change = readings(&format!("d{}", rows[0].0), rows.iter().map(observation).collect());
        assert_eq!(store.commit(&[vec![change]]).unwrap().outcomes[0].observations, rows.len() as u64);
        self.readings.extend(rows.iter().map(|row| (*row, false)));
    }
}

#[test]
fn a_pass_that_is_cut_off_has_changed_nothing_and_the_next_one_does_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut model) = filled(dir.path(), options(three_days()));
    // The manifest cannot be replaced: everything else was written.
    let beside = dir.path().join("manifest.part");
    fs::create_dir(&beside).unwrap();
    assert!(store.retain(tonight()).is_err());
    model.agrees(&store.reader().snapshot());
    let segments = || fs::read_dir(dir.path().join("segments")).unwrap().count();
    let with_orphans = segments();
    drop(store);
    fs::remove_dir(&beside).unwrap();
    let mut store = Store::open(dir.path(), options(three_days())).unwrap().0;
    assert!(segments() < with_orphans, "what the pass wrote is nobody's and goes");
    model.agrees(&store.reader().snapshot());
    assert_eq!(store.retain(tonight()).unwrap().removed.len(), 1);
    model.retire(today() - 3 * DAY);
    model.agrees(&store.reader().snapshot());
    drop(store);
    let mut store = Store::open(dir.path(), options(three_days())).unwrap().0;
    model.agrees(&store.reader().snapshot());
    assert!(store.retain(tonight()).unwrap().is_nothing());
    check(dir.path()).unwrap();
}

#[test]
fn a_pass_that_failed_is_tried_again_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut model) = filled(dir.path(), options(three_days()));
    let beside = dir.path().join("manifest.part");
    fs::create_dir(&beside).unwrap();
    assert!(store.retain(tonight()).is_err());
    fs::remove_dir(&beside).unwrap();
    model.retire(today() - 3 * DAY);
    for _ in 0..500 {
        store.commit(&[Vec::new()]).unwrap();
        if store.reader().removed_rows(Table::Observations) > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    model.agrees(&store.reader().snapshot());
}

#[test]
fn readers_of_an_older_snapshot_go_on_and_files_go_with_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut model) = filled(dir.path(), options(three_days()));
    let before = store.reader().snapshot();
    store.retain(tonight()).unwrap();
    model.agrees(&before);
    drop(before);
    model.retire(today() - 3 * DAY);
    model.agrees(&store.reader().snapshot());
    let manifest = fs::read_to_string(dir.path().join("manifest")).unwrap();
    assert!(manifest.starts_with("URBISMAN 7 "), "older programs do not know summaries: {manifest}");
    for entry in fs::read_dir(dir.path().join("segments")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let segment = name.replace(".zones", ".parquet").replace(".rows", ".parquet");
        assert!(manifest.contains(&segment), "{name} is named no more");
    }
    let newest = store.reader().live().reading(kernel_model::DatastreamId(1)).unwrap();
    assert_eq!(
        newest.phenomenon_time.0,
        model.readings.keys().filter(|told| told.0 == 1).map(|told| told.1).max().unwrap()
    );
}

#[test]
fn the_same_file_again_changes_nothing_though_its_raw_rows_have_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut model) = filled(dir.path(), options(three_days()));
    store.retain(tonight()).unwrap();
    model.retire(today() - 3 * DAY);
    let all: Vec<Told> = model.readings.keys().copied().collect();
    let again = |told: &[Told], series: u64| {
        readings(&format!("d{series}"), told.iter().filter(|told| told.0 == series).map(observation).collect())
    };
    let outcome = store.commit(&[vec![again(&all, 1), again(&all, 2)]]).unwrap().outcomes.remove(0);
    assert_eq!((outcome.unchanged, outcome.observations), (all.len() as u64, 0));
    assert_eq!(outcome.rejected, [], "a whole minute is known again");
    // A part of a minute is not.
    let inner = all[1];
    let outcome = store.commit(&[vec![again(&[inner], 1)]]).unwrap().outcomes.remove(0);
    assert_eq!((outcome.unchanged, outcome.observations, outcome.rejected.len()), (0, 0, 1));
    assert!(outcome.rejected[0].reason.contains("nothing is counted twice"), "{}", outcome.rejected[0].reason);
    // A minute that had no reading.
    let late = told(1, all[0].1 - 2 * MINUTE, 7.0, Quality::Good);
    model.commit_new(&mut store, &[late]);
    model.agrees(&store.reader().snapshot());
    let retired = store.retain(tonight()).unwrap();
    assert_eq!(retired.removed[0].rows, 1);
    assert_eq!(retired.summaries.iter().map(|(_, rows)| *rows).collect::<Vec<_>>(), [1, 1, 1]);
    model.retire(today() - 3 * DAY);
    model.agrees(&store.reader().snapshot());
    assert_eq!(store.commit(&[vec![again(&[late], 1)]]).unwrap().outcomes[0].unchanged, 1);
}

#[test]
fn a_reading_that_comes_late_stays_a_while_for_others_of_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { late_us: DAY, ..three_days() };
    let (mut store, mut model) = filled(dir.path(), options(retention));
    assert!(store.retain(TimeUs::now()).unwrap().is_nothing(), "they were told a moment ago");
    store.retain(TimeUs(tonight().0 + DAY)).unwrap();
    model.retire(today() - 2 * DAY);
    model.agrees(&store.reader().snapshot());
}

#[test]
fn summaries_grow_old_too_and_what_would_leave_nothing_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention {
        observations: days(1),
        minute: days(2),
        hour: days(6),
        day: Keep::Never,
        late_us: 0,
        ..Retention::default()
    };
    let (mut store, model) = filled(dir.path(), options(retention));
    let now = today();
    store.retain(tonight()).unwrap();
    let snapshot = store.reader().snapshot();
    let all = || model.readings.keys();
    assert_eq!(raw(&snapshot), []);
    assert_eq!(summaries(&snapshot, Table::ObservationsMinute), naive(all().filter(|r| r.1 >= now - 2 * DAY), MINUTE));
    assert_eq!(summaries(&snapshot, Table::ObservationsHour), naive(all(), HOUR));
    assert_eq!(summaries(&snapshot, Table::ObservationsDay), Summaries::new());
    store.retain(TimeUs(tonight().0 + 3 * DAY)).unwrap();
    let snapshot = store.reader().snapshot();
    assert_eq!(summaries(&snapshot, Table::ObservationsMinute), Summaries::new());
    assert_eq!(summaries(&snapshot, Table::ObservationsHour), naive(all().filter(|r| r.1 >= now - 3 * DAY), HOUR));
    let outcome = store.commit(&[vec![readings("d1", vec![reading(now - 9 * DAY, 1.0)])]]).unwrap().outcomes.remove(0);
    assert_eq!((outcome.observations, outcome.rejected.len()), (0, 1));
    assert!(outcome.rejected[0].reason.contains("nothing is kept"), "{}", outcome.rejected[0].reason);
}

#[test]
fn fixes_and_refused_records_go_and_the_newest_fix_stays() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { positions: days(7), rejected: days(90), ..Retention::default() };
    let mut store = begun(dir.path(), options(retention.clone()));
    let now = TimeUs::now().0;
    store.commit(&[vec![mover("car"), mover("bus")]]).unwrap();
    for n in 0..10 {
        store.commit(&[vec![fix("car", now - 6 * DAY + n * HOUR, 116.3)]]).unwrap();
    }
    let refused = Rejection { source: "s".into(), place: "p".into(), reason: "r".into(), sample: String::new() };
    store.commit(&[vec![Change::Rejected(refused)]]).unwrap();
    let old = store.commit(&[vec![fix("bus", now - 8 * DAY, 116.3)]]).unwrap().outcomes.remove(0);
    assert_eq!((old.positions, old.rejected.len()), (0, 1), "it would go at once: {old:?}");
    let rows = |store: &Store| {
        let snapshot = store.reader().snapshot();
        [Table::Positions, Table::Rejected].map(|table| snapshot.row_count(table))
    };
    assert!(store.retain(TimeUs(now)).unwrap().is_nothing());
    assert_eq!(rows(&store), [10, 2]);
    store.retain(TimeUs(now + DAY + 4 * HOUR + HOUR / 2)).unwrap();
    assert_eq!(rows(&store), [5, 2]);
    store.retain(TimeUs(now + 100 * DAY)).unwrap();
    assert_eq!(rows(&store), [0, 0]);
    drop(store);
    let mut store = Store::open(dir.path(), options(retention)).unwrap().0;
    assert_eq!(rows(&store), [0, 0]);
    let car =
        store.reader().live().entities().find(|entity| store.reader().live().fix(&entity.id).is_some()).map(|e| e.id);
    assert_eq!(store.reader().live().fix(&car.unwrap()).unwrap().time.0, now - 6 * DAY + 9 * HOUR);
    let again = store.commit(&[vec![fix("car", now - 6 * DAY, 116.3)]]).unwrap().outcomes.remove(0);
    assert_eq!((again.positions, again.rejected.len()), (0, 1), "what has gone does not come back");
}

#[test]
fn where_nothing_is_said_nothing_goes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, model) = filled(dir.path(), Options::default());
    assert!(store.retain(TimeUs(today() + 5_000 * DAY)).unwrap().is_nothing());
    model.agrees(&store.reader().snapshot());
    assert!(fs::read_to_string(dir.path().join("manifest")).unwrap().starts_with("URBISMAN 5 "));
}

#[test]
fn a_backup_has_the_summaries_and_goes_on_from_there() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut store, mut model) = filled(dir.path(), options(three_days()));
    backup(dir.path(), to.path(), |_| {}).unwrap();
    store.retain(tonight()).unwrap();
    model.retire(today() - 3 * DAY);
    backup(dir.path(), to.path(), |_| {}).unwrap();
    drop(store);
    let mut restored = Store::open(to.path(), options(three_days())).unwrap().0;
    model.agrees(&restored.reader().snapshot());
    restored.compact().unwrap();
    model.agrees(&restored.reader().snapshot());
    restored.retain(TimeUs(tonight().0 + DAY)).unwrap();
    model.retire(today() - 2 * DAY);
    model.agrees(&restored.reader().snapshot());
    restored.compact().unwrap();
    model.agrees(&restored.reader().snapshot());
}

#[test]
fn rows_in_bulk_of_a_time_that_has_gone_are_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut model) = filled(dir.path(), options(three_days()));
    store.retain(tonight()).unwrap();
    model.retire(today() - 3 * DAY);
    let rows = [(1, today() - 3 * DAY - 1, 1.0, None), (1, today(), 1.0, None)];
    let error = store.load::<Error>(Table::Observations, [Ok(observation_rows(&rows))]).unwrap_err();
    assert!(matches!(error, Error::TooOld { .. }), "{error}");
    model.agrees(&store.reader().snapshot());
    assert_eq!(store.load::<Error>(Table::Observations, [Ok(observation_rows(&rows[1..]))]).unwrap().rows, 1);
}

#[test]
fn beside_the_writer_it_happens_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { every: Duration::ZERO, ..three_days() };
    let mut store = begun(dir.path(), Options { seal_rows: 1 << 20, ..options(retention) });
    let (mut model, today) = (Model::default(), today());
    let rows = |n: i64| {
        let t = today - (n % 6) * DAY + n * MINUTE;
        [told(1, t, n as f64, Quality::Good), told(1, t + 1, n as f64, Quality::Suspect)]
    };
    for n in 0..300 {
        model.commit_new(&mut store, &rows(n));
    }
    let horizon = TimeUs::now().0.div_euclid(DAY) * DAY - 3 * DAY;
    model.retire(horizon);
    let gone = model.readings.values().filter(|gone| **gone).count() as u64;
    for _ in 0..500 {
        store.commit(&[Vec::new()]).unwrap();
        if store.reader().removed_rows(Table::Observations) == gone {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    model.agrees(&store.reader().snapshot());
}

#[test]
fn a_summary_says_where_the_last_reading_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = begun(dir.path(), options(three_days()));
    let t = today() - 5 * DAY;
    let place = |lon_deg: f64| Place { lon_deg, lat_deg: 39.9, height_m: Some(3.0) };
    let batch = ObservationBatch {
        datastream: key("d1"),
        unit: None,
        rows: vec![reading(t + 2, 2.0), reading(t + 1, 1.0), reading(t + HOUR, 3.0)],
        places: vec![place(116.2), place(116.1), place(116.5)],
    };
    store.commit(&[vec![Change::Observations(batch)]]).unwrap();
    store.retain(tonight()).unwrap();
    let snapshot = store.reader().snapshot();
    let lon = |table: Table| {
        let parts = snapshot.parts(table).iter();
        let mut all: Vec<f64> = parts
            .flat_map(|part| part.column(0, 13).unwrap().as_primitive::<Float64Type>().values().to_vec())
            .collect();
        all.sort_by(f64::total_cmp);
        all
    };
    assert_eq!(lon(Table::ObservationsMinute), [116.2, 116.5]);
    assert_eq!(lon(Table::ObservationsDay), [116.5]);
}
