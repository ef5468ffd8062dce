//! Rows that come in bulk are there once, in any order, in memory or through files, beside what was there.

use arrow::array::RecordBatch;
use kernel_model::DatastreamId;
use kernel_model::schema::Table;
use kernel_store::{Error, Options, Part, Store, check};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use spatial_index::{LonLatBox, Spans};

use crate::support::{Row, datastream, observation_rows, reading, readings, thing};

fn random_rows(random: &mut SmallRng, count: usize) -> Vec<Row> {
    let mut row = |_| {
        let place = (random.random_range(116.0..116.5), random.random_range(39.5..40.0));
        let place = random.random_bool(0.9).then_some(place);
        (random.random_range(1..4), random.random_range(0..5_000_000_000), random.random_range(0.0..9.0), place)
    };
    (0..count).map(&mut row).collect()
}

fn batches(rows: &[Row], size: usize) -> impl Iterator<Item = Result<RecordBatch, Error>> + '_ {
    rows.chunks(size).map(|rows| Ok(observation_rows(rows)))
}

/// So many different rows of the first datastream, which no compression makes small.
pub(crate) fn noise(count: usize) -> Vec<RecordBatch> {
    let mut random = SmallRng::seed_from_u64(11);
    let mut rows = random_rows(&mut random, count);
    for (n, row) in (0..).zip(&mut rows) {
        (row.0, row.1) = (1, n);
    }
    rows.chunks(100_000).map(observation_rows).collect()
}

fn begun(dir: &std::path::Path, load_bytes: usize) -> Store {
    let mut store =
        Store::open(dir, Options { load_bytes, seal_rows: 20_000, segment_rows: 40_000, ..Options::default() })
            .unwrap()
            .0;
    let streams = ["a", "b", "c"].map(|id| datastream(id, "mast", "1"));
    store.commit(&[[vec![thing("mast", "air")], streams.to_vec()].concat()]).unwrap();
    store
}

/// Instants and values, sorted, and the numbers.
fn stored(store: &Store) -> (Vec<(i64, u64)>, Vec<u64>) {
    use arrow::array::AsArray;
    use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
    let (mut rows, mut ids) = (Vec::new(), Vec::new());
    for part in store.reader().snapshot().parts(Table::Observations) {
        for chunk in 0..part.chunks() {
            let (time, value) = (part.column(chunk, 1).unwrap(), part.column(chunk, 3).unwrap());
            let times = time.as_primitive::<TimestampMicrosecondType>().values().iter();
            let values = value.as_primitive::<Float64Type>().values().iter().map(|value| value.to_bits());
            rows.extend(times.copied().zip(values));
            ids.extend(part.column(chunk, 9).unwrap().as_primitive::<UInt64Type>().values());
        }
    }
    rows.sort_unstable();
    ids.sort_unstable();
    (rows, ids)
}

fn wanted(rows: &[Row]) -> Vec<(i64, u64)> {
    let mut wanted: Vec<_> = rows.iter().map(|row| (row.1, row.2.to_bits())).collect();
    wanted.sort_unstable();
    wanted
}

#[test]
fn rows_are_there_once_in_memory_and_through_files() {
    let mut random = SmallRng::seed_from_u64(5);
    let rows = random_rows(&mut random, 130_000);
    for load_bytes in [1 << 30, 3 << 20] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = begun(dir.path(), load_bytes);
        let twice = [&rows[..], &rows[..1000]].concat();
        let loaded = store.load(Table::Observations, batches(&twice, 5_000)).unwrap();
        assert_eq!((loaded.rows, loaded.unchanged), (rows.len() as u64, 1000));
        assert!(loaded.sequence.is_some());
        let (found, ids) = stored(&store);
        assert!(found == wanted(&rows));
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "every number once");
        let again = store.load(Table::Observations, batches(&rows[..70_000], 10_000)).unwrap();
        assert_eq!((again.sequence, again.rows, again.unchanged), (None, 0, 70_000));
        let window = LonLatBox { min: [116.1, 39.6], max: [116.2, 39.9] }.region();
        let count =
            |parts: &[Part]| parts.iter().map(|part| part.count_in(&window, &Spans::ALL).unwrap()).sum::<usize>();
        let inside =
            |row: &&Row| row.3.is_some_and(|(lon, lat)| (116.1..=116.2).contains(&lon) && (39.6..=39.9).contains(&lat));
        assert_eq!(count(store.reader().snapshot().parts(Table::Observations)), rows.iter().filter(inside).count());
        let newest = rows.iter().filter(|row| row.0 == 2).map(|row| row.1).max().unwrap();
        assert_eq!(store.reader().live().reading(DatastreamId(2)).unwrap().phenomenon_time.0, newest);
        store.commit(&[vec![readings("a", vec![reading(6_000_000_000, 1.5)])]]).unwrap();
        drop(store);
        assert_eq!(check(dir.path()).unwrap().sequence.0, 3);
        let store = Store::open(dir.path(), Options::default()).unwrap().0;
        assert_eq!(store.reader().snapshot().row_count(Table::Observations), rows.len() as u64 + 1);
        assert_eq!(stored(&store).1.last(), Some(&(twice.len() as u64 + 1)), "numbers go on");
        let runs = std::fs::read_dir(dir.path().join("segments")).unwrap().flatten();
        assert!(runs.into_iter().all(|file| !file.file_name().to_string_lossy().contains("run")), "runs are gone");
    }
}

#[test]
fn many_segments_are_cut_at_instants_and_stay_as_they_are() {
    let mut random = SmallRng::seed_from_u64(6);
    let rows = random_rows(&mut random, 300_000);
    let dir = tempfile::tempdir().unwrap();
    let mut store = begun(dir.path(), 1 << 30);
    store.load(Table::Observations, batches(&rows, 50_000)).unwrap();
    assert!(stored(&store).0 == wanted(&rows));
    let parts = store.reader().snapshot().parts(Table::Observations).to_vec();
    let spans: Vec<i64> = parts.iter().filter_map(Part::time_band).map(|band| band.to_us - band.from_us).collect();
    assert!((8..=12).contains(&spans.len()), "{} segments", spans.len());
    assert!(spans.iter().all(|span| *span < 5_000_000_000 / 3), "each has its share of the time: {spans:?}");
    store.commit(&[vec![readings("a", vec![reading(6_000_000_000, 1.5)])]]).unwrap();
    let now = store.reader().snapshot().segments(Table::Observations).len();
    assert_eq!(now, parts.len(), "they are full: nothing merges them");
}

#[test]
fn what_is_wrong_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = begun(dir.path(), 1 << 30);
    let good = (1, 5, 1.0, Some((116.0, 39.0)));
    let refuse = |store: &mut Store, row: Row| {
        store.load(Table::Observations, batches(&[good, row], 1)).unwrap_err().to_string()
    };
    assert!(refuse(&mut store, (1, 6, 1.0, Some((216.0, 39.0)))).contains("longitude 216 is not on the globe"));
    assert!(refuse(&mut store, (9, 6, 1.0, None)).contains("datastream 9 was never declared"));
    assert!(refuse(&mut store, (1, 6, 1.0, Some((116.0, f64::NAN)))).contains("latitude NaN"));
    assert_eq!(store.reader().snapshot().row_count(Table::Observations), 0);
    let failing = [Ok(observation_rows(&[good])), Err(Error::NoDatastream(77))];
    assert!(store.load(Table::Observations, failing).is_err());
    assert_eq!(store.load(Table::Observations, batches(&[good], 1)).unwrap().rows, 1);
}
