//! `/sql` over a million fixes: how many in a box, compared with the generator's own count.

use std::fmt::Write;
use std::time::Instant;

use anyhow::ensure;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::figure::{Bound, Figure};
use crate::program::{Program, text};

const POINTS: usize = 1_000_000;
const MAPPING: &str = r#"
dataset = "points"

[[layout]]
first_line = "id,time,lon,lat"
mode = "positions"
datum = "WGS84"
kind = "vehicle"
class = "point"
id = { column = "id" }
place = { lat = "lat", lon = "lon" }
time = { zone = "UTC", columns = ["time"], format = "%Y-%m-%dT%H:%M:%SZ" }
"#;

/// Counts in a box.
pub(crate) fn box_count(program: &Program) -> anyhow::Result<Vec<Figure>> {
    let dir = tempfile::tempdir()?;
    let (csv, mapping, data) = (dir.path().join("points.csv"), dir.path().join("points.toml"), dir.path().join("data"));
    let mut random = SmallRng::seed_from_u64(42);
    let (mut rows, mut inside) = (String::from("id,time,lon,lat\n"), 0_i64);
    for n in 0..POINTS {
        let (lon, lat) = (random.random_range(115.7..117.4_f64), random.random_range(39.4..41.1_f64));
        inside += i64::from((116.2..=116.5).contains(&lon) && (39.8..=40.0).contains(&lat));
        let (hour, minute, second) = (n / 3_600 % 24, n / 60 % 60, n % 60);
        let day = 1 + n / 86_400;
        writeln!(rows, "{},2026-10-{day:02}T{hour:02}:{minute:02}:{second:02}Z,{lon},{lat}", n % 1_000)?;
    }
    std::fs::write(&csv, rows)?;
    std::fs::write(&mapping, MAPPING)?;
    program.run(&["import", text(&csv)?, "--mapping", text(&mapping)?, "--data", text(&data)?])?;
    let server = program.start("serve", &data)?;
    ensure!(server.number("SELECT count(*) FROM positions")? == POINTS as i64, "all points are there");
    let query = "SELECT count(*) FROM positions WHERE lon BETWEEN 116.2 AND 116.5 AND lat BETWEEN 39.8 AND 40.0";
    let mut runs = Vec::new();
    for _ in 0..60 {
        let begun = Instant::now();
        let counted = server.number(query)?;
        runs.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(counted == inside, "{counted} counted, {inside} made");
    }
    let name = "/sql count in a box, 1 M points".to_owned();
    Ok(vec![Figure { name, unit: "ms", runs: runs.split_off(10), bound: Bound::Below(20.0) }])
}
