//! Commits of new rows, each durable before the client's next one; two clients share the one writer. Another client may ask for
//! boxes all the while.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, anyhow};
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType, UInt8Type};
use kernel_model::schema::{Table, timestamp};
use kernel_model::{Change, Names, PlaceColumns, ReadingColumns};
use kernel_store::{Door, Reader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use spatial_index::Windows;

use crate::ask::ids_in;
use crate::city::{City, Points};
use crate::load::{CLASSES, declare, source};
use crate::timing::time;

/// The rows that are committed, round and round.
#[derive(Default)]
pub(crate) struct Rows {
    class: Vec<u32>,
    time_us: Vec<i64>,
    lon: Vec<f64>,
    lat: Vec<f64>,
    height: Vec<f64>,
    value: Vec<f64>,
}

impl Rows {
    /// The first row group of a file of points.
    fn read(file: &Path) -> anyhow::Result<Self> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.with_row_groups(vec![0]);
        let schema = reader.schema().clone();
        let points = concat_batches(&schema, &reader.build()?.collect::<Result<Vec<RecordBatch>, _>>()?)?;
        let column = |name: &str| points.column_by_name(name).with_context(|| format!("points have no column {name}"));
        let real = |name: &str| -> anyhow::Result<Vec<f64>> {
            Ok(cast(column(name)?, &DataType::Float64)?.as_primitive::<Float64Type>().values().to_vec())
        };
        let time = cast(column("ts")?, &timestamp())?;
        let class = column("class")?.as_primitive::<UInt8Type>().values();
        Ok(Self {
            class: class.iter().map(|class| u32::from(*class)).collect(),
            time_us: time.as_primitive::<TimestampMicrosecondType>().values().to_vec(),
            lon: real("lon")?,
            lat: real("lat")?,
            height: real("height")?,
            value: real("value")?,
        })
    }

    /// The n-th commit of a client. A row that comes again in a later round is another instant's; the rows of the clients
    /// differ in their instants from each other and from the points, as their ids would.
    fn commit(&self, n: u64, rows: usize, client: usize) -> Change {
        let all = self.class.len();
        let at = || (n as usize * rows..(n as usize + 1) * rows).map(|at| (at % all, at / all));
        let real = |column: &[f64]| at().map(|(row, _)| column[row]).collect::<Vec<f64>>();
        let aside = 1 + client as i64 * CLIENT_US;
        Change::Readings(ReadingColumns {
            datastreams: Names::Sources {
                names: (0..CLASSES).map(|class| source(&format!("class-{class}"))).collect(),
                of: at().map(|(row, _)| self.class[row]).collect(),
            },
            unit: None,
            phenomenon_us: at().map(|(row, round)| self.time_us[row] + round as i64 + aside).collect(),
            result_us: Vec::new(),
            value: real(&self.value),
            quality: Vec::new(),
            places: Some(PlaceColumns {
                lon_deg: real(&self.lon),
                lat_deg: real(&self.lat),
                height_m: real(&self.height),
            }),
        })
    }
}

/// Between the instants of the two clients.
const CLIENT_US: i64 = 500;

pub(crate) fn commit(
    city: &mut City,
    rows: usize,
    seconds: f64,
    clients: usize,
    boxes: &[Windows<2>],
) -> anyhow::Result<Value> {
    if city.rows.is_none() {
        city.rows = Some(Rows::read(&city.data.join("points.parquet"))?);
        declare(&mut city.store)?;
    }
    let source = city.rows.take().ok_or_else(|| anyhow!("no rows"))?;
    let counters: Vec<Mutex<u64>> = city.commits.iter().map(|n| Mutex::new(*n)).collect();
    let reader = city.store.reader();
    let door = Door::new(&mut city.store);
    let is_over = AtomicBool::new(false);
    let (timed, beside) = std::thread::scope(|scope| {
        let asker = scope.spawn(|| ask_all_the_while(&reader, boxes, &is_over));
        let timed = time(&[()], seconds, clients, |client, ()| {
            let mut number = counters[client].lock().map_err(|_| anyhow!("a client ended with a panic"))?;
            door.commit(vec![source.commit(*number, rows, client)])?;
            *number += 1;
            Ok(())
        });
        is_over.store(true, Ordering::Relaxed);
        (timed, asker.join())
    });
    city.commits = std::array::from_fn(|client| counters[client].lock().map(|n| *n).unwrap_or_default());
    city.rows = Some(source);
    let acknowledged: u64 = city.commits.iter().sum::<u64>() * rows as u64;
    let stored = city.store.reader().snapshot().row_count(Table::Observations) - city.loaded;
    let mut answer = timed?;
    answer["acknowledged"] = json!(acknowledged);
    answer["stored"] = json!(stored);
    if !boxes.is_empty() {
        answer["beside_latencies_us"] = json!(beside.map_err(|_| anyhow!("a client ended with a panic"))??);
    }
    Ok(answer)
}

/// Ids of the points in one box after the other, each of the newest snapshot; microseconds of each.
fn ask_all_the_while(reader: &Reader, boxes: &[Windows<2>], is_over: &AtomicBool) -> anyhow::Result<Vec<f64>> {
    let mut latencies = Vec::new();
    for window in boxes.iter().cycle().take_while(|_| !is_over.load(Ordering::Relaxed)) {
        let asked = Instant::now();
        std::hint::black_box(ids_in(&Points::of(reader), window)?);
        latencies.push(asked.elapsed().as_secs_f64() * 1e6);
    }
    Ok(latencies)
}
