//! What segments in an object store cost: the same rows in a folder and there, loaded, opened and asked, answers compared.
//!
//! `AWS_...=... cargo run --release -p kernel-store --example object_store -- s3://bucket/prefix [rows]`; the prefix must be
//! empty, what is put there stays.

#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    Array, ArrayRef, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt8Array, UInt64Array, new_null_array,
};
use kernel_model::schema::Table;
use kernel_model::{Change, DatastreamDraft, EntityDraft, Kind, SourceKey};
use kernel_store::{Error, Options, Part, SegmentsAt, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use spatial_index::{LonLatBox, Spans};

type Failure = Box<dyn std::error::Error>;

/// Rows that come together.
const BATCH: usize = 100_000;
/// Questions asked of each.
const BOXES: usize = 20;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("give s3://bucket/prefix")?;
    let rows: usize = arguments.next().map_or(Ok(4_000_000), |rows| rows.parse())?;
    let mut answers = Vec::new();
    for (name, segments) in [("folder", SegmentsAt::Folder), ("object store", SegmentsAt::Store(url))] {
        let dir = tempfile::tempdir()?;
        answers.push(figures(name, dir.path(), &segments, rows)?);
    }
    if answers.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err("the answers differ".into());
    }
    println!("the same {} rows came out of both", answers[0].iter().sum::<usize>());
    Ok(())
}

fn figures(name: &str, dir: &Path, segments: &SegmentsAt, rows: usize) -> Result<Vec<usize>, Failure> {
    let options = || Options { segments: segments.clone(), folder_bytes: 0, ..Options::default() };
    let (mut store, _) = Store::open(dir, options())?;
    store.commit(&[described()])?;
    store.seal()?;
    let begun = Instant::now();
    let mut random = SmallRng::seed_from_u64(5);
    let batches = (0..rows.div_ceil(BATCH) as i64).map(|n| batch(&mut random, n));
    store.load::<Error>(Table::Observations, batches)?;
    println!("{name}: {rows} rows loaded in {:.1} s", begun.elapsed().as_secs_f64());
    drop(store);
    let begun = Instant::now();
    let (store, _) = Store::open(dir, options())?;
    println!("{name}: opened in {:.0} ms", millis(begun.elapsed()));
    let parts = store.reader().snapshot().parts(Table::Observations).to_vec();
    let mut found = Vec::new();
    for what in ["cold", "warm"] {
        let mut times = Vec::new();
        found.clear();
        for n in 0..BOXES {
            let begun = Instant::now();
            found.push(ask(&parts, n)?);
            times.push(begun.elapsed());
        }
        times.sort();
        let (median, most) = (times[BOXES / 2], times[BOXES - 1]);
        println!("{name}: values in a box, {what}: median {:.1} ms, longest {:.1} ms", millis(median), millis(most));
    }
    let begun = Instant::now();
    let mut bytes = 0;
    for part in &parts {
        for chunk in 0..part.chunks() {
            for column in 0..Table::Observations.schema().fields().len() {
                bytes += part.column(chunk, column)?.get_array_memory_size();
            }
        }
    }
    println!("{name}: every column decoded, {} MB, in {:.1} s", bytes >> 20, begun.elapsed().as_secs_f64());
    Ok(found)
}

/// Rows of which the values in a small box were read.
fn ask(parts: &[Part], n: usize) -> Result<usize, Error> {
    let corner = [116.0 + 0.02 * n as f64, 39.5 + 0.02 * (n * 7 % BOXES) as f64];
    let square = LonLatBox { min: corner, max: corner.map(|degrees| degrees + 0.02) }.as_numbers();
    let mut found = 0;
    for part in parts {
        let rows = part.rows_in(&square, &Spans::ALL)?;
        for chunk in rows.iter().map(|run| run.start / kernel_store::CHUNK_ROWS) {
            std::hint::black_box(part.column(chunk, 3)?);
        }
        found += rows.iter().map(ExactSizeIterator::len).sum::<usize>();
    }
    Ok(found)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn described() -> Vec<Change> {
    let key = |id: &str| SourceKey::new("speed", id);
    let stream = DatastreamDraft {
        source: key("d"),
        entity: key("thing"),
        property: "pm25".to_owned(),
        unit: "ug/m3".to_owned(),
        name: "d".to_owned(),
    };
    vec![Change::Entity(EntityDraft::new(key("thing"), Kind::Sensor, "air")), Change::Datastream(stream)]
}

fn batch(random: &mut SmallRng, number: i64) -> Result<RecordBatch, Error> {
    let times = (0..BATCH as i64).map(|n| (number * BATCH as i64 + n) * 1_000);
    let mut degrees =
        |from: f64| Float64Array::from_iter_values((0..BATCH).map(|_| from + random.random_range(0.0..0.5)));
    let (lon, lat, value) = (degrees(116.0), degrees(39.5), degrees(0.0));
    let schema = Table::Observations.schema();
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from(vec![1; BATCH])),
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("+00:00")),
        new_null_array(schema.field(2).data_type(), BATCH),
        Arc::new(value),
        Arc::new(UInt8Array::from(vec![0; BATCH])),
        Arc::new(lon),
        Arc::new(lat),
        Arc::new(UInt64Array::from(vec![0; BATCH])),
    ];
    // Heights are not known, numbers and times of recording are given when they are kept.
    columns.extend(schema.fields().iter().skip(columns.len()).map(|field| new_null_array(field.data_type(), BATCH)));
    RecordBatch::try_new(schema, columns).map_err(|source| Error::Arrow { what: "make rows".to_owned(), source })
}
