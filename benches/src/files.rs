//! Imports of real files into fresh folders: the process from start to end, so registered and durable.

use anyhow::{Context, ensure};

use crate::figure::{Bound, Figure};
use crate::program::{Program, shared, text};

const RUNS: usize = 5;

fn timed(program: &Program, name: &str, path: &str, wanted: &str, most_s: f64) -> anyhow::Result<Figure> {
    let file = shared(path)?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let dir = tempfile::tempdir()?;
        let (seconds, report) = program.run(&["import", text(&file)?, "--data", text(dir.path())?])?;
        ensure!(report.contains(wanted), "{report}");
        runs.push(seconds);
    }
    Ok(Figure { name: name.to_owned(), unit: "s", runs, bound: Bound::Below(most_s) })
}

/// Two cities.
pub(crate) fn import(program: &Program) -> anyhow::Result<Vec<Figure>> {
    Ok(vec![
        timed(
            program,
            "import denhaag_01.city.json.gz",
            "data/city/cityjson/denhaag_01.city.json.gz",
            "read 2498",
            2.0,
        )?,
        timed(program, "import helsinki-centre.osm.pbf", "data/osm/helsinki-centre.osm.pbf", "imported", 3.0)?,
    ])
}

/// Four years of hourly readings of nine stations.
pub(crate) fn observations(program: &Program) -> anyhow::Result<Vec<Figure>> {
    let folder = shared("data/iot/beijing_air")?;
    let mut files: Vec<_> = std::fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("PRSA")))
        .collect();
    files.sort();
    let mut runs = Vec::new();
    for _ in 0..3 {
        let dir = tempfile::tempdir()?;
        let mut arguments = vec!["import", "--mapping", "beijing-air", "--data", text(dir.path())?];
        for file in &files {
            arguments.push(text(file)?);
        }
        let (seconds, report) = program.run(&arguments)?;
        let kept: f64 = report.lines().filter_map(observations_of).sum();
        ensure!(kept > 1e6, "{report}");
        runs.push(kept / seconds);
    }
    let name = "observations from files, durable".to_owned();
    Ok(vec![Figure { name, unit: "1/s", runs, bound: Bound::Above(200_000.0) }])
}

fn observations_of(line: &str) -> Option<f64> {
    let (before, _) = line.split_once(" observations")?;
    before.rsplit(' ').next().context("a number").ok()?.parse().ok()
}
