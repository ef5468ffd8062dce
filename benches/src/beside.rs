//! A reader beside a writer at full rate, both over HTTP: what questions for the readings in a small box take while another client
//! sends a thousand readings a commit, each commit durable before the next is sent. Of each answer the readings that were there
//! before are counted and compared with the generator's own number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Schema;
use arrow::ipc::writer::StreamWriter;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::figure::{Bound, Figure};
use crate::program::{Program, Server};

/// Readings that are there before.
const BEFORE: usize = 1_000_000;
const COMMIT: usize = 1_000;
const DATASTREAMS: usize = 1_000;
/// Side of a box, degrees.
const SIDE: f64 = 0.01;
const BOXES: usize = 200;
const LASTS: Duration = Duration::from_secs(30);
const FIRST_US: i64 = 1_790_784_000_000_000; // 2026-10-01T00:00:00Z

struct Asked {
    west: f64,
    south: f64,
    made: usize,
}

/// Milliseconds of questions beside the writer, and how much it wrote.
pub(crate) fn reader(program: &Program) -> anyhow::Result<Vec<Figure>> {
    let dir = tempfile::tempdir()?;
    let server = program.start("serve", dir.path())?;
    declare(&server)?;
    let mut random = SmallRng::seed_from_u64(42);
    let corner =
        |random: &mut SmallRng| [random.random_range(115.7..117.4 - SIDE), random.random_range(39.4..41.1 - SIDE)];
    let corners = (0..BOXES).map(|_| corner(&mut random)).collect::<Vec<_>>();
    let mut asked: Vec<Asked> = corners.into_iter().map(|[west, south]| Asked { west, south, made: 0 }).collect();
    for first in (0..BEFORE).step_by(65_536) {
        let rows = readings("before", first, 65_536.min(BEFORE - first), &mut random, &mut asked)?;
        send(&server, &rows)?;
    }
    let alone = ask_for(&server, &asked, Duration::from_secs(5), None)?;
    let stop = AtomicBool::new(false);
    let (beside, (written, seconds)) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(&server, &stop));
        let beside = ask_for(&server, &asked, LASTS, Some(&stop));
        stop.store(true, Ordering::Relaxed);
        let written = writer.join().map_err(|_| anyhow::anyhow!("the writer ended with a panic"))?;
        Ok::<_, anyhow::Error>((beside?, written?))
    })?;
    let kept = server.number("SELECT count(*) FROM observations")?;
    ensure!(kept == (BEFORE + written) as i64, "{kept} are there, {BEFORE} and {written} were acknowledged");
    let p99 = |runs: &[f64]| vec![Figure::at(runs, 0.99)];
    let (alone_p99, beside_p99) = (p99(&alone), p99(&beside));
    let figure = |name: &str, unit, runs, bound| Figure { name: name.to_owned(), unit, runs, bound };
    Ok(vec![
        figure("small box alone, 99th percentile", "ms", alone_p99, Bound::None),
        figure("small box beside ingest at full rate, median", "ms", beside, Bound::None),
        figure("small box beside ingest at full rate, 99th percentile", "ms", beside_p99, Bound::Below(20.0)),
        figure("readings written beside it, durable", "rows/s", vec![written as f64 / seconds], Bound::None),
    ])
}

fn declare(server: &Server) -> anyhow::Result<()> {
    let mut changes = vec![json!({"describe": {"id": "survey", "kind": "sensor"}})];
    for name in ["before", "beside"] {
        changes.extend((0..DATASTREAMS).map(|n| {
            json!({"datastream": {"id": format!("{name}-{n}"), "entity": "survey", "property": "value", "unit": "1"}})
        }));
    }
    let document = json!({"type": "Changes", "dataset": "beside", "changes": changes});
    let answer = server.post("/changes", "application/json", document.to_string().as_bytes())?;
    ensure!(answer["rejected"] == 0, "{answer}");
    Ok(())
}

/// Readings anywhere, one a millisecond from the number `first` on.
fn readings(
    name: &str,
    first: usize,
    count: usize,
    random: &mut SmallRng,
    asked: &mut [Asked],
) -> anyhow::Result<RecordBatch> {
    let (mut lon, mut lat) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        let at = [random.random_range(115.7..117.4), random.random_range(39.4..41.1)];
        for one in asked.iter_mut() {
            let inside =
                (one.west..=one.west + SIDE).contains(&at[0]) && (one.south..=one.south + SIDE).contains(&at[1]);
            one.made += usize::from(inside);
        }
        lon.push(at[0]);
        lat.push(at[1]);
    }
    let numbers = first..first + count;
    let times = numbers.clone().map(|n| FIRST_US + n as i64 * 1_000);
    let columns: [(&str, ArrayRef); 5] = [
        ("source_id", Arc::new(numbers.map(|n| Some(format!("{name}-{}", n % DATASTREAMS))).collect::<StringArray>())),
        ("phenomenon_time", Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("+00:00"))),
        ("value", Arc::new(Float64Array::from_iter_values((0..count).map(|_| random.random_range(0.0..100.0))))),
        ("lon", Arc::new(Float64Array::from(lon))),
        ("lat", Arc::new(Float64Array::from(lat))),
    ];
    let batch = RecordBatch::try_from_iter(columns)?;
    let said = [("unit", "1"), ("dataset", "beside"), ("crs", "OGC:CRS84")];
    let said = said.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let schema = Arc::new(Schema::new_with_metadata(batch.schema().fields().clone(), said));
    Ok(batch.with_schema(schema)?)
}

fn send(server: &Server, rows: &RecordBatch) -> anyhow::Result<()> {
    let mut stream = StreamWriter::try_new(Vec::new(), &rows.schema())?;
    stream.write(rows)?;
    let answer = server.post("/observations", "application/vnd.apache.arrow.stream", &stream.into_inner()?)?;
    ensure!(answer["taken"] == rows.num_rows(), "{answer}");
    Ok(())
}

/// Writes until it is told to stop; how many were acknowledged, in how many seconds.
fn write(server: &Server, stop: &AtomicBool) -> anyhow::Result<(usize, f64)> {
    let (mut random, mut written, begun) = (SmallRng::seed_from_u64(43), 0, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        send(server, &readings("beside", BEFORE + written, COMMIT, &mut random, &mut [])?)?;
        written += COMMIT;
    }
    Ok((written, begun.elapsed().as_secs_f64()))
}

/// Milliseconds of each question for so long; an error stops the writer too.
fn ask_for(server: &Server, asked: &[Asked], lasts: Duration, stop: Option<&AtomicBool>) -> anyhow::Result<Vec<f64>> {
    let (mut runs, begun) = (Vec::new(), Instant::now());
    for one in asked.iter().cycle() {
        if begun.elapsed() > lasts {
            break;
        }
        let took = one.ask(server);
        if let (Err(_), Some(stop)) = (&took, stop) {
            stop.store(true, Ordering::Relaxed);
        }
        runs.push(took?);
    }
    Ok(runs)
}

impl Asked {
    fn ask(&self, server: &Server) -> anyhow::Result<f64> {
        let Self { west, south, made } = self;
        let (east, north) = (west + SIDE, south + SIDE);
        let query = format!(
            "SELECT datastream, value FROM observations WHERE lon BETWEEN {west} AND {east} AND lat BETWEEN {south} AND {north}"
        );
        let begun = Instant::now();
        let answer = server.post("/sql", "text/plain", query.as_bytes())?;
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        let rows = answer["rows"].as_array().context("no rows")?;
        let before = |row: &&Value| row["datastream"].as_u64().is_some_and(|number| number <= DATASTREAMS as u64);
        let found = rows.iter().filter(before).count();
        ensure!(found == *made, "{query}: {found} found, {made} made");
        Ok(milliseconds)
    }
}
