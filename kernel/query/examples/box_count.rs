//! How long a box count over a million fixes in memory takes, from SQL text to the number, planned each time and with kept plans: `cargo run --release -p
//! kernel-query --example box_count`. Prints the median of 50, after checking the number against a plain loop.

use std::io::Write;
use std::time::{Duration, Instant};

use kernel_model::{Change, EntityDraft, HeightReference, Kind, Place, PositionBatch, PositionFix, SourceKey, TimeUs};
use kernel_query::{Engine, Limits, Options};
use kernel_store::{Snapshot, Store};

const ROWS: usize = 1_000_000;
const MOVERS: usize = 1_000;
const QUESTIONS: [(&str, &str); 3] = [
    ("box", "select count(*) from positions where lon between 116.30 and 116.35 and lat between 39.95 and 40.00"),
    (
        "triangle",
        "select count(*) from positions where st_intersects(st_point(lon, lat), \
         st_geomfromtext('POLYGON((116.30 39.95, 116.35 39.95, 116.30 40.00, 116.30 39.95))'))",
    ),
    ("empty table", "select count(*) from rejected where reason = 'none'"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::TempDir::new()?;
    let (mut store, _) = Store::open(dir.path(), kernel_store::Options { seal_rows: ROWS * 4, ..Default::default() })?;
    let places = fill(&mut store)?;
    let snapshot = store.reader().snapshot();
    for kept_plans in [0, Options::default().kept_plans] {
        let engine = Engine::new(&Options { kept_plans, ..Options::default() })?;
        writeln!(std::io::stdout(), "{kept_plans} plans kept")?;
        ask(&engine, &snapshot, &places)?;
    }
    Ok(())
}

fn ask(engine: &Engine, snapshot: &Snapshot, places: &[(f64, f64)]) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut out = std::io::stdout();
    let inside = |(lon, lat): &&(f64, f64)| (116.30..=116.35).contains(lon) && (39.95..=40.00).contains(lat);
    let expected = places.iter().filter(inside).count();
    for (name, sql) in QUESTIONS {
        let mut times = Vec::new();
        let mut count = String::new();
        for _ in 0..50 {
            let begin = Instant::now();
            let answer = runtime
                .block_on(async { engine.query(snapshot, &[], sql, Limits::default()).await?.collect().await })?;
            times.push(begin.elapsed());
            count = format!("{:?}", answer.batches[0].column(0));
        }
        times.sort();
        if name == "box" && !count.contains(&expected.to_string()) {
            return Err(format!("the answer is {count}, a plain loop counts {expected}").into());
        }
        writeln!(out, "{name}: median {:.2} ms, best {:.2} ms", ms(times[25]), ms(times[0]))?;
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Fixes on a lattice of irrational steps, so that they fill the city evenly.
fn fill(store: &mut Store) -> Result<Vec<(f64, f64)>, Box<dyn std::error::Error>> {
    let key = |mover: usize| SourceKey::new("example", format!("m-{mover}"));
    let movers = (0..MOVERS).map(|m| Change::Entity(EntityDraft::new(key(m), Kind::Vehicle, "car"))).collect();
    store.commit(&[movers])?;
    let place = |n: usize| {
        let part = |step: f64| (n as f64 * step).fract();
        (116.2 + 0.4 * part(0.618_033_988_749_895), 39.8 + 0.4 * part(0.754_877_666_246_693))
    };
    let per_mover = ROWS / MOVERS;
    let fix = |n: usize, t: usize| {
        let (lon_deg, lat_deg) = place(n);
        let place = Place { lon_deg, lat_deg, height_m: None };
        PositionFix { time: TimeUs(t as i64 * 1_000_000), place, heading_deg: None, speed_m_s: None }
    };
    for mover in 0..MOVERS {
        let rows = (0..per_mover).map(|t| fix(mover * per_mover + t, t)).collect();
        let batch = PositionBatch { entity: key(mover), height_reference: HeightReference::None, rows };
        store.commit(&[vec![Change::Positions(batch)]])?;
    }
    Ok((0..ROWS).map(place).collect())
}
