//! How many fixes a second pass a million fences, and how long after the commit their transitions are in the log:
//! `cargo run --release -p kernel-alarms --example alarm_speed [FENCES] [MOVERS] [COMMITS]`.
//!
//! Fences of twenty corners, 20 to 500 m wide, in a city of 100 km; things that move 15 m a step, a tenth of all in each commit.
//! The store takes each commit as it does for the server; then the engine looks at it and the log is synced. One thread.
#![expect(clippy::print_stdout, reason = "a program that prints its measurements")]

use std::error::Error;
use std::time::{Duration, Instant};

use kernel_alarms::{Alarms, Commit, Rules};
use kernel_model::{
    Change, Coord, EntityDraft, FixColumns, Geometry, HeightReference, Kind, Names, PlaceColumns, Shape, SourceKey,
};
use kernel_store::{Options, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const RULES: &str = r#"{"fence": [{"name": "zones", "fences": {"class": "zone"}, "things": {"kind": "vehicle"}}]}"#;
const METRE: f64 = 1e-5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let fences = arguments.next().unwrap_or(Ok(1_000_000))?;
    let movers = arguments.next().unwrap_or(Ok(100_000))?;
    let commits = arguments.next().unwrap_or(Ok(100))?;
    let dir = std::env::temp_dir().join(format!("urbis-alarms-{}", std::process::id()));
    let measured = measure(&dir, fences, movers, commits);
    std::fs::remove_dir_all(&dir)?;
    measured
}

fn measure(dir: &std::path::Path, fences: usize, movers: usize, commits: usize) -> Result<(), Box<dyn Error>> {
    let mut rng = SmallRng::seed_from_u64(42);
    let (mut store, _) = Store::open(dir, Options::default())?;
    let key = |n: usize| SourceKey::new("bench", n.to_string());
    for from in (0..fences).step_by(20_000) {
        let of = |n| fence(key(movers + n), &mut rng);
        store.commit(&[(from..fences.min(from + 20_000)).map(of).collect()])?;
    }
    store.commit(&[(0..movers).map(|n| Change::Entity(EntityDraft::new(key(n), Kind::Vehicle, "car"))).collect()])?;
    let ids = {
        let reader = store.reader();
        let live = reader.live();
        (0..movers).filter_map(|n| live.entity_of(&key(n))).collect::<Vec<_>>()
    };
    let rules: Rules = serde_json::from_str(RULES)?;
    let begun = Instant::now();
    let mut alarms = Alarms::open(&dir.join("alarms"), rules.check()?, &store.reader().snapshot())?;
    println!("{} fences in {:.2?}", alarms.engine().fences(), begun.elapsed());
    let mut places: Vec<[f64; 2]> = (0..movers).map(|_| somewhere(&mut rng)).collect();
    let (mut took, mut looked, mut rows) = (Vec::new(), Duration::ZERO, 0);
    for n in 0..commits {
        let tenth = movers.div_ceil(10);
        let from = n * tenth % movers;
        let moved = from..movers.min(from + tenth);
        for at in &mut places[moved.clone()] {
            *at = at.map(|degrees| degrees + rng.random_range(-15.0..15.0) * METRE);
        }
        let at = &places[moved.clone()];
        let columns = FixColumns {
            things: Names::Ids(ids[moved.clone()].to_vec()),
            height_reference: HeightReference::None,
            time_us: vec![n as i64 * 1_000_000; at.len()],
            places: PlaceColumns {
                lon_deg: at.iter().map(|at| at[0]).collect(),
                lat_deg: at.iter().map(|at| at[1]).collect(),
                height_m: Vec::new(),
            },
            heading_deg: Vec::new(),
            speed_m_s: Vec::new(),
        };
        let committed = store.commit(&[vec![Change::Fixes(columns)]])?;
        let begun = Instant::now();
        alarms.take(Commit::of(committed.sequence, &committed.rows));
        looked += begun.elapsed();
        alarms.flush()?;
        // What stands at the beginning is everything that is in a fence.
        if n >= 10 {
            took.push(begun.elapsed());
        }
        rows += at.len();
    }
    took.sort_unstable();
    let at = |share: f64| {
        took.get(((took.len() as f64 * share) as usize).min(took.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    println!("{rows} fixes in {commits} commits: {:.0} looked at a second", rows as f64 / looked.as_secs_f64());
    println!(
        "a commit of {} is looked at and its alerts synced in {:.2?} (half), {:.2?} (99 in 100)",
        movers.div_ceil(10),
        at(0.5),
        at(0.99)
    );
    println!("{} alerts", alarms.reader().last());
    Ok(())
}

fn somewhere(rng: &mut SmallRng) -> [f64; 2] {
    [116.0 + rng.random_range(0.0..1.0), 39.5 + rng.random_range(0.0..1.0)]
}

fn fence(key: SourceKey, rng: &mut SmallRng) -> Change {
    let [lon, lat] = somewhere(rng);
    let size_m = 10.0 * 25_f64.powf(rng.random());
    let corner = |n: i32| {
        let (sin, cos) = (f64::from(n % 20) * std::f64::consts::TAU / 20.0).sin_cos();
        Coord::new(lon + size_m * METRE * cos, lat + size_m * METRE * sin, 0.0)
    };
    let mut draft = EntityDraft::new(key, Kind::Landuse, "zone");
    draft.geometry = Some(Geometry::flat(Shape::Polygon(vec![(0..=20).map(corner).collect()])));
    Change::Entity(draft)
}
