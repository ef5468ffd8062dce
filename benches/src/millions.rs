//! A hundred million observations of a month in one folder: how soon a server answers from it, how long a count in a box and an
//! hour takes, and what the server then holds in memory. Each count is compared with the generator's own.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use arrow::array::{
    ArrayRef, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt8Array, UInt64Array, new_null_array,
};
use arrow::datatypes::DataType;
use kernel_model::schema::{Table, timestamp};
use kernel_model::{Change, DatastreamDraft, EntityDraft, Kind, SourceKey, TimeUs};
use kernel_store::{Options, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::figure::{Bound, Figure};
use crate::program::{Program, Server};

/// How many, unless `URBIS_FIGURE_ROWS` says otherwise.
const ROWS: usize = 100_000_000;
const BATCH: usize = 65_536;
const DATASTREAMS: u64 = 2_000;
/// What the server is given, MiB.
const MEMORY_MB: &str = "1536";
const FIRST_US: i64 = 1_790_784_000_000_000; // 2026-10-01T00:00:00Z
const HOUR_US: i64 = 3_600_000_000;
const HOURS: i64 = 30 * 24;
/// Sides of the boxes that are asked, degrees: a quarter, a district, the whole city.
const SIDES: [(f64, &str); 3] = [(0.01, "a quarter"), (0.1, "a district"), (1.7, "the city")];
/// Questions of each side.
const QUESTIONS: usize = 12;

/// A box and an hour, and how many readings were made there.
struct Question {
    west: f64,
    south: f64,
    side: f64,
    from_us: i64,
    made: i64,
}

/// Opens, asks and weighs.
pub(crate) fn observations(program: &Program) -> anyhow::Result<Vec<Figure>> {
    let rows = match std::env::var("URBIS_FIGURE_ROWS") {
        Ok(text) => text.parse().with_context(|| format!("URBIS_FIGURE_ROWS is a number, not `{text}`"))?,
        Err(_) => ROWS,
    };
    let dir = tempfile::tempdir()?;
    let (loading, questions) = make(dir.path(), rows)?;
    let (mut opening, mut server) = (Vec::new(), None);
    for _ in 0..3 {
        drop(server.take());
        let begun = Instant::now();
        let started = program.start_with("serve", dir.path(), &["--memory", MEMORY_MB])?;
        ensure!(started.number("SELECT count(*) FROM observations")? == rows as i64, "all readings are there");
        opening.push(begun.elapsed().as_secs_f64());
        server = Some(started);
    }
    let server = server.context("a server")?;
    let millions = rows / 1_000_000;
    let figure = |name: String, unit, runs, bound| Figure {
        name: format!("{millions} M observations: {name}"),
        unit,
        runs,
        bound,
    };
    let mut figures = vec![
        figure("loaded, durable".to_owned(), "rows/s", vec![rows as f64 / loading], Bound::None),
        figure("from start to the first answer".to_owned(), "s", opening, Bound::Below(3.0)),
    ];
    for (side, name) in SIDES {
        let asked = questions.iter().filter(|question| question.side == side);
        let mut runs = Vec::new();
        for question in asked {
            question.ask(&server)?;
            for _ in 0..5 {
                runs.push(question.ask(&server)?);
            }
        }
        figures.push(figure(format!("count in {name} and an hour, warm"), "ms", runs, Bound::Below(50.0)));
    }
    let (now, most) = server.resident_mb()?;
    figures.push(figure("resident memory after the questions".to_owned(), "MiB", vec![now], Bound::Below(2_048.0)));
    figures.push(figure("resident memory at its most".to_owned(), "MiB", vec![most], Bound::Below(2_048.0)));
    Ok(figures)
}

impl Question {
    fn random(random: &mut SmallRng, side: f64) -> Self {
        Self {
            west: random.random_range(115.7..=117.4 - side),
            south: random.random_range(39.4..=41.1 - side),
            side,
            from_us: FIRST_US + random.random_range(0..HOURS) * HOUR_US,
            made: 0,
        }
    }

    fn note(&mut self, lon: f64, lat: f64, at_us: i64) {
        let inside = (self.from_us..self.from_us + HOUR_US).contains(&at_us)
            && (self.west..=self.west + self.side).contains(&lon)
            && (self.south..=self.south + self.side).contains(&lat);
        self.made += i64::from(inside);
    }

    /// Milliseconds; the answer is compared.
    fn ask(&self, server: &Server) -> anyhow::Result<f64> {
        let Self { west, south, side, from_us, made } = self;
        let (from, until) = (TimeUs(*from_us), TimeUs(from_us + HOUR_US));
        let query = format!(
            "SELECT count(*) FROM observations WHERE lon BETWEEN {west} AND {} AND lat BETWEEN {south} AND {}
             AND phenomenon_time >= '{from}' AND phenomenon_time < '{until}'",
            west + side,
            south + side
        );
        let begun = Instant::now();
        let counted = server.number(&query)?;
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        ensure!(counted == *made, "{query}: {counted} counted, {made} made");
        Ok(milliseconds)
    }
}

/// Seconds that the load took, and the questions with what was made for each.
fn make(dir: &std::path::Path, rows: usize) -> anyhow::Result<(f64, Vec<Question>)> {
    let mut random = SmallRng::seed_from_u64(42);
    let mut questions: Vec<Question> =
        SIDES.iter().flat_map(|(side, _)| [*side; QUESTIONS]).map(|side| Question::random(&mut random, side)).collect();
    let centres: Vec<[f64; 2]> =
        (0..200).map(|_| [random.random_range(115.75..117.35), random.random_range(39.45..41.05)]).collect();
    let (mut store, _) = Store::open(dir, Options::default())?;
    declare(&mut store)?;
    let begun = Instant::now();
    let batches = (0..rows.div_ceil(BATCH)).map(|number| {
        let count = BATCH.min(rows - number * BATCH);
        batch(&mut random, &centres, count, &mut questions)
    });
    let loaded = store.load(Table::Observations, batches)?;
    ensure!(loaded.rows == rows as u64, "{} of {rows} readings were new", loaded.rows);
    Ok((begun.elapsed().as_secs_f64(), questions))
}

fn declare(store: &mut Store) -> anyhow::Result<()> {
    let source = |id: &str| SourceKey::new("millions", id);
    let mut changes = vec![Change::Entity(EntityDraft::new(source("survey"), Kind::Sensor, "survey"))];
    changes.extend((0..DATASTREAMS).map(|number| {
        Change::Datastream(DatastreamDraft {
            source: source(&format!("datastream-{number}")),
            entity: source("survey"),
            property: "value".to_owned(),
            unit: "1".to_owned(),
            name: format!("datastream {number}"),
        })
    }));
    store.commit(&[changes])?;
    Ok(())
}

/// Readings anywhere, six of ten near a centre, at any instant of the month.
fn batch(
    random: &mut SmallRng,
    centres: &[[f64; 2]],
    count: usize,
    questions: &mut [Question],
) -> anyhow::Result<RecordBatch> {
    let (mut lon, mut lat, mut at) = (Vec::with_capacity(count), Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        let centre = centres[random.random_range(0..centres.len())];
        let place = match random.random_bool(0.6) {
            true => near(random, centre),
            false => [random.random_range(115.7..117.4), random.random_range(39.4..41.1)],
        };
        let at_us = FIRST_US + random.random_range(0..HOURS * HOUR_US);
        for question in questions.iter_mut() {
            question.note(place[0], place[1], at_us);
        }
        lon.push(place[0]);
        lat.push(place[1]);
        at.push(at_us);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values((0..count).map(|_| random.random_range(1..=DATASTREAMS)))),
        Arc::new(TimestampMicrosecondArray::from(at).with_timezone("+00:00")),
        new_null_array(&timestamp(), count),
        real(random, count, 100.0),
        Arc::new(UInt8Array::from(vec![0; count])),
        Arc::new(Float64Array::from(lon)),
        Arc::new(Float64Array::from(lat)),
        Arc::new(UInt64Array::from(vec![0; count])),
        real(random, count, 300.0),
        new_null_array(&DataType::UInt64, count),
        new_null_array(&timestamp(), count),
    ];
    Ok(RecordBatch::try_new(Table::Observations.schema(), columns)?)
}

/// Anything from zero to `most`.
fn real(random: &mut SmallRng, count: usize, most: f64) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values((0..count).map(|_| random.random_range(0.0..most))))
}

/// A place around a centre, normally distributed with 0.01 degrees.
fn near(random: &mut SmallRng, centre: [f64; 2]) -> [f64; 2] {
    let radius = 0.01 * (-2.0 * random.random_range(f64::EPSILON..1.0).ln()).sqrt();
    let angle = random.random_range(0.0..std::f64::consts::TAU);
    [centre[0] + radius * angle.cos(), centre[1] + radius * angle.sin()]
}
