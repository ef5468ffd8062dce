//! Commits of new rows, each durable before the next begins; two clients share the one writer.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, anyhow};
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType, UInt8Type};
use kernel_model::schema::{Table, timestamp};
use kernel_model::{Change, Observation, ObservationBatch, Place, Quality, TimeUs};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::city::City;
use crate::load::{CLASSES, declare, source};
use crate::timing::time;

/// The rows that are committed, round and round.
pub(crate) struct Rows(Vec<(u64, Observation, Place)>);

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
        let (lon, lat, height, value) = (real("lon")?, real("lat")?, real("height")?, real("value")?);
        let time = cast(column("ts")?, &timestamp())?;
        let (time, class) = (
            time.as_primitive::<TimestampMicrosecondType>().values(),
            column("class")?.as_primitive::<UInt8Type>().values(),
        );
        let row = |n: usize| {
            let place = Place { lon_deg: lon[n], lat_deg: lat[n], height_m: Some(height[n]) };
            let observation = Observation {
                phenomenon_time: TimeUs(time[n]),
                result_time: None,
                value: value[n],
                quality: Quality::Good,
            };
            (u64::from(class[n]), observation, place)
        };
        Ok(Self((0..points.num_rows()).map(row).collect()))
    }

    /// The n-th commit, as changes by class. A row that comes again in a later round is another instant's.
    fn commit(&self, n: u64, rows: usize) -> Vec<Change> {
        let mut batches: Vec<(Vec<Observation>, Vec<Place>)> = vec![Default::default(); CLASSES as usize];
        for at in (n as usize * rows)..((n as usize + 1) * rows) {
            let (class, mut observation, place) = self.0[at % self.0.len()];
            observation.phenomenon_time.0 += (at / self.0.len()) as i64;
            batches[class as usize].0.push(observation);
            batches[class as usize].1.push(place);
        }
        let change = |(class, (rows, places)): (usize, (Vec<Observation>, Vec<Place>))| {
            Change::Observations(ObservationBatch {
                datastream: source(&format!("class-{class}")),
                unit: None,
                rows,
                places,
            })
        };
        batches.into_iter().enumerate().map(change).collect()
    }
}

/// The rows differ in their instants from the points and from those of the other client, as their ids would.
const CLIENT_US: i64 = 500;

pub(crate) fn commit(city: &mut City, rows: usize, seconds: f64, clients: usize) -> anyhow::Result<Value> {
    if city.rows.is_none() {
        city.rows = Some(Rows::read(&city.data.join("points.parquet"))?);
        declare(&mut city.store)?;
    }
    let source = city.rows.take().ok_or_else(|| anyhow!("no rows"))?;
    let begun: Vec<u64> = city.commits.to_vec();
    let counters: Vec<Mutex<u64>> = begun.iter().map(|n| Mutex::new(*n)).collect();
    let store = Mutex::new(&mut city.store);
    let timed = time(&[()], seconds, clients, |client, ()| {
        let poisoned = |_| anyhow!("a client ended with a panic");
        let mut number = counters[client].lock().map_err(poisoned)?;
        let mut changes = source.commit(*number, rows);
        for change in &mut changes {
            if let Change::Observations(batch) = change {
                batch.rows.iter_mut().for_each(|row| row.phenomenon_time.0 += 1 + client as i64 * CLIENT_US);
            }
        }
        store.lock().map_err(|_| anyhow!("a client ended with a panic"))?.commit(&[changes])?;
        *number += 1;
        Ok(())
    })?;
    city.commits = std::array::from_fn(|client| counters[client].lock().map(|n| *n).unwrap_or_default());
    city.rows = Some(source);
    let acknowledged: u64 = city.commits.iter().sum::<u64>() * rows as u64;
    let stored = city.store.reader().snapshot().row_count(Table::Observations) - city.loaded;
    let mut answer = timed;
    answer["acknowledged"] = json!(acknowledged);
    answer["stored"] = json!(stored);
    Ok(answer)
}
