//! What is asked, and how the store and its index answer.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use anyhow::Context;
use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use coding_system::batch::{self, Positions};
use kernel_store::{CHUNK_ROWS, Nearest, Part};
use serde::Deserialize;
use serde_json::{Value, json};
use spatial_index::{Area, Circle, LonLatBox, Near, Region, Spans, TimeBand};

use crate::city::{City, Named, Points};
use crate::commit;
use crate::timing::time;

/// Columns of `observations`.
const TIME: usize = 1;
const VALUE: usize = 3;
const LON: usize = 5;
const LAT: usize = 6;
const ID: usize = 9;
const RESOLUTION: u8 = 8;
const HOUR_US: i64 = 3_600_000_000;

/// A question, whatever it needs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Question {
    r#box: [f64; 4],
    lon: f64,
    lat: f64,
    metres: f64,
    count: usize,
    ring: Vec<[f64; 2]>,
    district: i64,
    from_ms: i64,
    until_ms: i64,
}

/// An answer before it is JSON.
enum Answer {
    Ids(Vec<u64>),
    Number(usize),
    Counts(Vec<(i64, usize)>),
    Groups(Groups),
}

/// Number and sum of the values by cell and hour: hours of a cell stand together, as its rows do.
#[derive(Default)]
struct Groups(HashMap<u64, Hours>);

/// The hours of a cell from the first one on.
#[derive(Default)]
struct Hours {
    first: i64,
    groups: VecDeque<(u64, f64)>,
}

impl Hours {
    fn group(&mut self, hour: i64) -> &mut (u64, f64) {
        if self.groups.is_empty() {
            self.first = hour;
        }
        while hour < self.first {
            self.groups.push_front((0, 0.0));
            self.first -= 1;
        }
        let at = (hour - self.first) as usize;
        if at >= self.groups.len() {
            self.groups.resize(at + 1, (0, 0.0));
        }
        &mut self.groups[at]
    }
}

impl Groups {
    fn take(&mut self, other: Self) {
        for (cell, hours) in other.0 {
            let own = self.0.entry(cell).or_default();
            for (hour, (count, sum)) in (hours.first..).zip(hours.groups) {
                let group = own.group(hour);
                *group = (group.0 + count, group.1 + sum);
            }
        }
    }

    /// Cell, hour, number and mean.
    fn rows(&self) -> impl Iterator<Item = (u64, i64, u64, f64)> + '_ {
        let of_cell = |(cell, hours): (&u64, &Hours)| {
            let (cell, first) = (*cell, hours.first);
            hours
                .groups
                .iter()
                .zip(first..)
                .map(move |((count, sum), hour)| (cell, hour, *count, sum / *count as f64))
                .collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_cell).filter(|(_, _, count, _)| *count > 0)
    }
}

pub(crate) fn ask(city: &mut City, name: &str, request: &Value) -> anyhow::Result<Value> {
    let seconds = request["seconds"].as_f64().unwrap_or(0.0);
    let clients = request["clients"].as_u64().unwrap_or(1) as usize;
    if name == "commit" {
        return commit::commit(city, request["rows"].as_u64().unwrap_or(1000) as usize, seconds, clients);
    }
    let questions: Vec<Question> = serde_json::from_value(request["questions"].clone()).context("`questions`")?;
    let Some(answer) = way(name) else {
        return Ok(json!({ "not_run": format!("{name} cannot be asked in process yet") }));
    };
    let points = city.points();
    if request["answers"].as_bool() == Some(true) {
        let answers = questions.iter().map(|question| Ok(json_of(answer(city, &points, question)?, name)));
        return Ok(json!({ "answers": answers.collect::<anyhow::Result<Vec<_>>>()? }));
    }
    let city = &*city;
    let areas = Shared { city, points };
    time(&questions, seconds, clients, |_, question| answer(areas.city, &areas.points, question).map(drop))
}

/// What clients share.
struct Shared<'a> {
    city: &'a City,
    points: Points,
}

type Way = fn(&City, &Points, &Question) -> anyhow::Result<Answer>;

fn way(name: &str) -> Option<Way> {
    Some(match name {
        "box_small" | "box_medium" => |_, points, question| ids(points, &window(question)),
        "box_large" => |_, points, question| count(points, &window(question)),
        "radius" => |_, points, question| ids(points, &Circle::new([question.lon, question.lat], question.metres)?),
        "nearest" => |_, points, question| nearest(points, question),
        "polygon" => |_, points, question| ids(points, &Area::new(std::slice::from_ref(&question.ring))?),
        "points_by_district" => |city, points, _| counts(points, &city.districts),
        "points_by_fence" => |city, points, _| counts(points, &city.fences),
        "cells_of_district" => cells_of_district,
        "cells_of_everything" => |_, points, _| groups(points, |part| Ok(part.rows_in_spans(&Spans::ALL)?)),
        _ => return None,
    })
}

fn window(question: &Question) -> spatial_index::Windows<2> {
    let [west, south, east, north] = question.r#box;
    LonLatBox { min: [west, south], max: [east, north] }.region()
}

fn ids(points: &Points, region: &impl Region<2>) -> anyhow::Result<Answer> {
    let mut ids = Vec::new();
    for part in points.parts() {
        each_run(part, part.rows_in(region, &Spans::ALL)?, |chunk, rows| {
            let column = part.column(chunk, ID)?;
            ids.extend_from_slice(&column.as_primitive::<UInt64Type>().values()[rows]);
            Ok(())
        })?;
    }
    Ok(Answer::Ids(ids))
}

fn count(points: &Points, region: &impl Region<2>) -> anyhow::Result<Answer> {
    let mut count = 0;
    for part in points.parts() {
        count += part.count_in(region, &Spans::ALL)?;
    }
    Ok(Answer::Number(count))
}

fn nearest(points: &Points, question: &Question) -> anyhow::Result<Answer> {
    let ranking = Near::new([question.lon, question.lat], f64::INFINITY)?;
    let mut nearest = Nearest::new(question.count);
    let parts = points.parts();
    for (number, part) in parts.iter().enumerate() {
        part.nearest(number, ranking, None::<&spatial_index::Windows<2>>, &Spans::ALL, &mut nearest)?;
    }
    let id = |(_, part, row): (f64, usize, usize)| -> anyhow::Result<u64> {
        let column = Part::column(&parts[part], row / CHUNK_ROWS, ID)?;
        Ok(column.as_primitive::<UInt64Type>().value(row % CHUNK_ROWS))
    };
    Ok(Answer::Ids(nearest.into_rows().map(id).collect::<anyhow::Result<_>>()?))
}

/// Areas in turn, on all processors.
fn counts(points: &Points, areas: &[Named]) -> anyhow::Result<Answer> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || -> anyhow::Result<Vec<(i64, usize)>> {
        let mut counts = Vec::new();
        while let Some(named) = areas.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            let Answer::Number(count) = count(points, &named.area)? else { continue };
            counts.push((named.id, count));
        }
        Ok(counts)
    };
    let counts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut counts = Vec::new();
        for worker in workers {
            counts.extend(worker.join().map_err(|_| anyhow::anyhow!("a thread ended with a panic"))??);
        }
        anyhow::Ok(counts)
    })?;
    Ok(Answer::Counts(counts))
}

fn cells_of_district(city: &City, points: &Points, question: &Question) -> anyhow::Result<Answer> {
    let band = TimeBand { from_us: question.from_ms * 1000, to_us: question.until_ms * 1000 - 1 };
    let area = &city.district(question.district)?.area;
    groups(points, |part| Ok(part.rows_in(area, &Spans { band, series: None })?))
}

/// Number and sum of the values by cell and hour.
fn groups(
    points: &Points,
    rows_of: impl Fn(&Part) -> anyhow::Result<Vec<Range<usize>>> + Sync,
) -> anyhow::Result<Answer> {
    let mut runs: Vec<(usize, usize, Range<usize>)> = Vec::new();
    for (number, part) in points.parts().iter().enumerate() {
        each_run(part, rows_of(part)?, |chunk, rows| {
            runs.push((number, chunk, rows));
            Ok(())
        })?;
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let rows: usize = runs.iter().map(|(_, _, rows)| rows.len()).sum();
    let threads = if rows < 20_000 { 1 } else { threads };
    let next = std::sync::atomic::AtomicUsize::new(0);
    let step = runs.len().div_ceil(threads * 8).max(1);
    let work = || -> anyhow::Result<Groups> {
        let mut groups = Groups::default();
        loop {
            let from = next.fetch_add(step, std::sync::atomic::Ordering::Relaxed);
            let Some(runs) = runs.get(from..runs.len().min(from + step)).filter(|runs| !runs.is_empty()) else {
                return Ok(groups);
            };
            for (part, chunk, rows) in runs {
                group(&points.parts()[*part], *chunk, rows.clone(), &mut groups)?;
            }
        }
    };
    let mut all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| anyhow::anyhow!("a thread ended with a panic"))?)
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    let mut groups = all.pop().unwrap_or_default();
    for other in all {
        groups.take(other);
    }
    Ok(Answer::Groups(groups))
}

fn group(part: &Part, chunk: usize, rows: Range<usize>, groups: &mut Groups) -> anyhow::Result<()> {
    let real = |column: usize| part.column(chunk, column);
    let (lon, lat, value, time) = (real(LON)?, real(LAT)?, real(VALUE)?, real(TIME)?);
    let (lon, lat) = (
        &lon.as_primitive::<Float64Type>().values()[rows.clone()],
        &lat.as_primitive::<Float64Type>().values()[rows.clone()],
    );
    let mut cells = vec![0; rows.len()];
    batch::h3(&Positions::new_2d(lon, lat)?, RESOLUTION, &mut cells)?;
    let values = &value.as_primitive::<Float64Type>().values()[rows.clone()];
    let times = &time.as_primitive::<TimestampMicrosecondType>().values()[rows];
    let mut from = 0;
    for same in cells.chunk_by(|a, b| a == b) {
        let rows = from..from + same.len();
        let hours = groups.0.entry(same[0]).or_default();
        for (time, value) in times[rows.clone()].iter().zip(&values[rows.clone()]) {
            let group = hours.group(time.div_euclid(HOUR_US));
            *group = (group.0 + 1, group.1 + value);
        }
        from = rows.end;
    }
    Ok(())
}

/// Runs of a part cut at its chunks: number of the chunk, rows within it.
fn each_run(
    part: &Part,
    runs: Vec<Range<usize>>,
    mut each: impl FnMut(usize, Range<usize>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for mut run in runs {
        while !run.is_empty() {
            let chunk = run.start / CHUNK_ROWS;
            let whole = part.chunk(chunk);
            let to = run.end.min(whole.end);
            each(chunk, run.start - whole.start..to - whole.start)?;
            run.start = to;
        }
    }
    Ok(())
}

fn json_of(answer: Answer, name: &str) -> Value {
    match answer {
        // A point's id is the number of its observation less one.
        Answer::Ids(ids) => json!(ids.into_iter().map(|id| id - 1).collect::<Vec<_>>()),
        Answer::Number(number) => json!(number),
        Answer::Counts(counts) => json!(counts.into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>()),
        Answer::Groups(groups) if name == "cells_of_everything" => {
            let (mut number, mut rows, mut means) = (0_u64, 0, 0.0);
            groups
                .rows()
                .for_each(|(_, _, count, mean)| (number, rows, means) = (number + 1, rows + count, means + mean));
            json!([number, rows, means])
        }
        Answer::Groups(groups) => json!(groups.rows().collect::<Vec<_>>()),
    }
}
