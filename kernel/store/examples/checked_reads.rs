//! What it costs to compare every column with its checksum before it is decoded: a million readings in segments, every column
//! of every row group read from its file and decoded, nothing cached; and beside it the checksums of the same bytes alone.
//!
//! `cargo run --profile quick -p kernel-store --example checked_reads`

use std::error::Error;
use std::time::{Duration, Instant};

use kernel_model::schema::Table;
use kernel_model::{
    Change, DatastreamDraft, EntityDraft, Kind, Observation, ObservationBatch, Quality, SourceKey, TimeUs,
};
use kernel_store::{Options, Store};

const SERIES: i64 = 500;
const READINGS: i64 = 2_000;
const ROUNDS: usize = 7;

fn key(n: i64) -> SourceKey {
    SourceKey::new("example", format!("s{n}"))
}

fn declared(n: i64) -> [Change; 2] {
    let thing = EntityDraft::new(key(n), Kind::Sensor, "air");
    let (property, unit, name) = ("pm25".to_owned(), "ug/m3".to_owned(), n.to_string());
    [
        Change::Entity(thing),
        Change::Datastream(DatastreamDraft { source: key(n), entity: key(n), property, unit, name }),
    ]
}

fn readings(n: i64) -> Change {
    let row = |t: i64| {
        let noise = (t * 7_919 + n * 104_729) % 100_003;
        let at = TimeUs(t * 60_000_000 + noise);
        Observation { phenomenon_time: at, result_time: None, value: noise as f64 / 97.0, quality: Quality::Good }
    };
    let rows = (0..READINGS).map(row).collect();
    Change::Observations(ObservationBatch { datastream: key(n), unit: None, rows, places: Vec::new() })
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

#[expect(clippy::print_stdout, reason = "an example says what it measured")]
fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let options = Options { cache_bytes: 0, seal_rows: 1 << 22, ..Options::default() };
    let mut store = Store::open(dir.path(), options)?.0;
    store.commit(&[(0..SERIES).flat_map(declared).collect()])?;
    for n in 0..SERIES {
        store.commit(&[vec![readings(n)]])?;
    }
    let begun = Instant::now();
    store.seal()?;
    let sealing = begun.elapsed();
    let snapshot = store.reader().snapshot();
    let (mut decoding, mut summing, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for part in snapshot.parts(Table::Observations) {
            for chunk in 0..part.chunks() {
                for column in 0..Table::Observations.schema().fields().len() {
                    part.column(chunk, column)?;
                }
            }
        }
        decoding.push(begun.elapsed());
        let files: Vec<_> = snapshot
            .segments(Table::Observations)
            .iter()
            .map(kernel_store::SegmentRef::path)
            .collect::<Result<_, _>>()?;
        let files = files.into_iter().flatten().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
        bytes = files.iter().map(Vec::len).sum();
        let begun = Instant::now();
        std::hint::black_box(files.iter().map(|file| crc32c::crc32c(file)).collect::<Vec<_>>());
        summing.push(begun.elapsed());
    }
    let rows = snapshot.row_count(Table::Observations);
    println!(
        "{rows} readings, {:.1} MB of Parquet, sealed in {:.0} ms",
        bytes as f64 / 1e6,
        sealing.as_secs_f64() * 1e3
    );
    println!("all columns read, compared and decoded: {:.1} ms (median of {ROUNDS})", median(decoding));
    println!("of that the checksums: {:.2} ms", median(summing));
    Ok(())
}
