//! Moving objects: things with a place that is told anew over and over. A mover is an entity without a shape of its own; where
//! it is, its fixes say. Moves go to the store in columns, as from a sender with Arrow batches.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type};
use kernel_model::{
    Change, EntityDraft, EntityId, FixColumns, HeightReference, Kind, Names, PlaceColumns, SourceKey, TimeUs,
};
use kernel_store::{Reader, Store};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use spatial_index::Circle;

/// Rows in a commit while they are brought in.
const LOAD_ROWS: usize = 50_000;
const DATASET: &str = "movers";

/// Rows of `movers.parquet` or `moves.parquet`.
#[derive(Default)]
pub(crate) struct Places {
    ids: Vec<usize>,
    lon: Vec<f64>,
    lat: Vec<f64>,
}

impl Places {
    fn read(file: &Path) -> anyhow::Result<Self> {
        let mut places = Self::default();
        for rows in ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.build()? {
            let rows = rows?;
            let column = |name: &str| rows.column_by_name(name).with_context(|| format!("there is no column {name}"));
            places.ids.extend(column("id")?.as_primitive::<Int64Type>().values().iter().map(|id| *id as usize));
            places.lon.extend_from_slice(column("lon")?.as_primitive::<Float64Type>().values());
            places.lat.extend_from_slice(column("lat")?.as_primitive::<Float64Type>().values());
        }
        Ok(places)
    }
}

/// The movers by their numbers, and where they go.
pub(crate) struct Movers {
    ids: Vec<EntityId>,
    numbers: HashMap<EntityId, usize>,
    moves: Places,
    /// The row of the next move of each client.
    next: [AtomicUsize; 2],
    /// The last instant of a fix.
    last_us: AtomicI64,
}

impl Movers {
    /// Those of a store, where there are some.
    pub(crate) fn of(reader: &Reader, data: &Path) -> anyhow::Result<Option<Self>> {
        let mut ids: Vec<Option<EntityId>> = Vec::new();
        for (rows, _) in reader.snapshot().entities() {
            let column = |name: &str| rows.column_by_name(name).with_context(|| format!("entities have no {name}"));
            let (id, source) = (column("id")?.as_fixed_size_binary(), column("source_id")?.as_string::<i32>());
            let dataset = column("dataset")?.as_string::<i32>();
            for row in (0..rows.num_rows()).filter(|row| dataset.value(*row) == DATASET) {
                let number: usize = source.value(row).parse()?;
                ids.resize(ids.len().max(number + 1), None);
                ids[number] = EntityId::from_slice(id.value(row));
            }
        }
        if ids.is_empty() {
            return Ok(None);
        }
        let ids = ids.into_iter().collect::<Option<Vec<_>>>().context("a mover is missing")?;
        let moves = Places::read(&data.join("moves.parquet"))?;
        let half = moves.ids.len() / 2;
        Ok(Some(Self {
            numbers: ids.iter().copied().zip(0..).collect(),
            ids,
            moves,
            next: [AtomicUsize::new(0), AtomicUsize::new(half)],
            last_us: AtomicI64::new(TimeUs::now().0),
        }))
    }

    /// The number by which the data know a thing.
    pub(crate) fn number(&self, id: &EntityId) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    /// The next moves of a client, each at an instant of its own.
    fn next(&self, client: usize, rows: usize) -> Change {
        let mut from = self.next[client].load(Ordering::Relaxed);
        if from + rows > self.moves.ids.len() {
            from = 0;
        }
        self.next[client].store(from + rows, Ordering::Relaxed);
        let range = from..from + rows;
        let things = self.moves.ids[range.clone()].iter().map(|number| self.ids[*number]).collect();
        let first_us = self.last_us.fetch_add(rows as i64, Ordering::Relaxed) + 1;
        fixes(things, first_us, &self.moves.lon[range.clone()], &self.moves.lat[range])
    }
}

fn fixes(things: Vec<EntityId>, first_us: i64, lon: &[f64], lat: &[f64]) -> Change {
    Change::Fixes(FixColumns {
        time_us: (first_us..first_us + things.len() as i64).collect(),
        things: Names::Ids(things),
        height_reference: HeightReference::None,
        places: PlaceColumns { lon_deg: lon.to_vec(), lat_deg: lat.to_vec(), height_m: Vec::new() },
        heading_deg: Vec::new(),
        speed_m_s: Vec::new(),
    })
}

/// Brings the movers in, each where it begins.
pub(crate) fn load(store: &mut Store, data: &Path) -> anyhow::Result<(u64, Movers)> {
    let begin = Places::read(&data.join("movers.parquet"))?;
    let things: Vec<usize> = (0..begin.ids.len()).collect();
    for numbers in things.chunks(LOAD_ROWS) {
        let draft =
            |number: &usize| EntityDraft::new(SourceKey::new(DATASET, number.to_string()), Kind::Vehicle, "car");
        store.commit(&[numbers.iter().map(|number| Change::Entity(draft(number))).collect()])?;
    }
    let movers = Movers::of(&store.reader(), data)?.context("no movers")?;
    for numbers in things.chunks(LOAD_ROWS) {
        let range = numbers[0]..numbers[0] + numbers.len();
        let things = begin.ids[range.clone()].iter().map(|number| movers.ids[*number]).collect();
        let first_us = movers.last_us.fetch_add(numbers.len() as i64, Ordering::Relaxed) + 1;
        store.commit(&[vec![fixes(things, first_us, &begin.lon[range.clone()], &begin.lat[range])]])?;
    }
    ensure!(store.reader().moving().len() == begin.ids.len(), "some movers are nowhere");
    Ok((begin.ids.len() as u64, movers))
}

/// Moves in batches, each durable before the client's next one; where `nearby` are given, another client asks for these
/// circles all the while.
pub(crate) fn make(store: &mut Store, movers: &Movers, request: &Value, nearby: &[Circle]) -> anyhow::Result<Value> {
    let rows = request["rows"].as_u64().unwrap_or(100) as usize;
    let most = request["batches"].as_u64().map(|batches| batches as usize);
    let length = Duration::from_secs_f64(request["seconds"].as_f64().unwrap_or(0.0));
    let clients = request["clients"].as_u64().unwrap_or(1).clamp(1, 2) as usize;
    if most.is_some() {
        movers.next[0].store(0, Ordering::Relaxed);
    }
    let moving = store.reader().moving();
    let door = kernel_store::Door::new(store);
    let write = |client: usize| -> anyhow::Result<(Duration, Vec<f64>)> {
        let (begun, mut latencies) = (Instant::now(), Vec::new());
        loop {
            let group = vec![movers.next(client, rows)];
            let asked = Instant::now();
            let outcome = door.commit(group)?.outcome;
            latencies.push(asked.elapsed().as_secs_f64() * 1e6);
            ensure!(outcome.positions == rows as u64, "{} of {rows} moves were kept", outcome.positions);
            let is_over = match most {
                Some(most) => latencies.len() >= most,
                None => begun.elapsed() >= length,
            };
            if is_over {
                return Ok((begun.elapsed(), latencies));
            }
        }
    };
    let is_over = AtomicBool::new(false);
    let ask = || {
        let mut latencies = Vec::new();
        for circle in nearby.iter().cycle().take_while(|_| !is_over.load(Ordering::Relaxed)) {
            let asked = Instant::now();
            std::hint::black_box(moving.ids_within(circle));
            latencies.push(asked.elapsed().as_secs_f64() * 1e6);
        }
        latencies
    };
    let (written, beside) = std::thread::scope(|scope| {
        let write = &write;
        let asker = scope.spawn(ask);
        let writers: Vec<_> = (0..clients).map(|client| scope.spawn(move || write(client))).collect();
        let written: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        (written, asker.join())
    });
    let ended = |_| anyhow!("a client ended with a panic");
    let written = written.into_iter().map(|one| one.map_err(ended)?).collect::<anyhow::Result<Vec<_>>>()?;
    let seconds = written.iter().map(|(time, _)| time.as_secs_f64()).fold(0.0, f64::max);
    let latencies: Vec<f64> = written.into_iter().flat_map(|(_, latencies)| latencies).collect();
    let mut answer = json!({ "seconds": seconds, "latencies_us": latencies });
    if !nearby.is_empty() {
        answer["beside_latencies_us"] = json!(beside.map_err(ended)?);
    }
    Ok(answer)
}
