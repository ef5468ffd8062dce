//! What is asked, and how the store and its index answer.

use std::ops::Range;

use anyhow::{Context, anyhow};
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use kernel_model::EntityId;
use kernel_store::{CHUNK_ROWS, Nearest, Part};
use serde::Deserialize;
use serde_json::{Value, json};
use spatial_index::{Area, Circle, LonLatBox, Near, Region, Spans, TimeBand};

use crate::buildings::Buildings;
use crate::cells::{Hours, Rows};
use crate::city::{City, Named, Points};
use crate::commit;
use crate::movers;
use crate::timing::time;

/// Columns of `observations`.
const TIME: usize = 1;
const VALUE: usize = 3;
const LON: usize = 5;
const LAT: usize = 6;
const ID: usize = 9;

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
    Things(Vec<EntityId>),
    Number(usize),
    Counts(Vec<(i64, usize)>),
    /// Ids and WKB.
    Shapes(Vec<(u64, Vec<u8>)>),
    /// Cell, hour, number and mean.
    Groups(Vec<(u64, i64, u64, f64)>),
    /// Number of groups, of rows, sum of the means.
    Sums(u64, u64, f64),
}

pub(crate) fn ask(city: &mut City, name: &str, request: &Value) -> anyhow::Result<Value> {
    let seconds = request["seconds"].as_f64().unwrap_or(0.0);
    let clients = request["clients"].as_u64().unwrap_or(1) as usize;
    let questions = match &request["questions"] {
        Value::Null => Vec::new(),
        questions => Vec::<Question>::deserialize(questions).context("`questions`")?,
    };
    let beside = if request["beside"].as_bool() == Some(true) { questions.as_slice() } else { &[] };
    if name == "commit" {
        let boxes: Vec<_> = beside.iter().map(window).collect();
        return commit::commit(city, request["rows"].as_u64().unwrap_or(1000) as usize, seconds, clients, &boxes);
    }
    if name == "move" {
        let circles = beside.iter().map(circle).collect::<anyhow::Result<Vec<_>>>()?;
        let movers = city.movers.as_ref().context("no movers were brought in")?;
        return movers::make(&mut city.store, movers, request, &circles);
    }
    let Some(answer) = way(name) else {
        return Ok(json!({ "not_run": format!("{name} cannot be asked in process yet") }));
    };
    let points = city.points();
    if request["answers"].as_bool() == Some(true) {
        let city = &*city;
        let answers = questions.iter().map(|question| Ok(json_of(answer(city, &points, question)?, city)));
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
        "radius" => |_, points, question| ids(points, &circle(question)?),
        "nearby" => |city, _, question| Ok(Answer::Things(city.store.reader().moving().ids_within(&circle(question)?))),
        "nearest" => |_, points, question| nearest(points, question),
        "polygon" => |_, points, question| ids(points, &Area::new(std::slice::from_ref(&question.ring))?),
        "points_by_district" => |city, points, _| counts(points, &city.districts),
        "points_by_fence" => |city, points, _| counts(points, &city.fences),
        "cells_of_district" => cells_of_district,
        "cells_of_everything" => |_, points, _| sums(points),
        "buildings" => |_, points, question| {
            let [west, south, east, north] = question.r#box;
            let bounds = LonLatBox { min: [west, south], max: [east, north] };
            Ok(Answer::Shapes(Buildings::of(points.snapshot()).in_box(bounds)?))
        },
        "buildings_by_district" => {
            |city, points, _| Ok(Answer::Counts(Buildings::of(points.snapshot()).counts(&city.districts)?))
        }
        _ => return None,
    })
}

fn window(question: &Question) -> spatial_index::Windows<2> {
    let [west, south, east, north] = question.r#box;
    LonLatBox { min: [west, south], max: [east, north] }.region()
}

fn circle(question: &Question) -> anyhow::Result<Circle> {
    Ok(Circle::new([question.lon, question.lat], question.metres)?)
}

/// Ids of the points in a region.
pub(crate) fn ids_in(points: &Points, region: &impl Region<2>) -> anyhow::Result<Vec<u64>> {
    let mut ids = Vec::new();
    for part in points.parts() {
        each_run(part, part.rows_in(region, &Spans::ALL)?, |chunk, rows| {
            let column = part.column(chunk, ID)?;
            ids.extend_from_slice(&column.as_primitive::<UInt64Type>().values()[rows]);
            Ok(())
        })?;
    }
    Ok(ids)
}

fn ids(points: &Points, region: &impl Region<2>) -> anyhow::Result<Answer> {
    Ok(Answer::Ids(ids_in(points, region)?))
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
    let cells = by_cell(points, |part| Ok(part.rows_in(area, &Spans { band, series: None })?))?;
    let (mut groups, mut hours) = (Vec::new(), Hours::default());
    for (cell, rows) in &cells {
        hours.each(rows, |hour, count, mean| groups.push((*cell, hour, count, mean)));
    }
    Ok(Answer::Groups(groups))
}

/// Sums over the groups of all rows.
fn sums(points: &Points) -> anyhow::Result<Answer> {
    let cells = by_cell(points, |part| Ok(part.rows_in_spans(&Spans::ALL)?))?;
    let of = |cells: &[(u64, Vec<(i32, f64)>)]| {
        let (mut sums, mut hours) = ((0, 0, 0.0), Hours::default());
        for (_, rows) in cells {
            hours.each(rows, |_, count, mean| sums = (sums.0 + 1, sums.1 + count, sums.2 + mean));
        }
        sums
    };
    let half = cells.len().div_ceil(threads()).max(1);
    let all = std::thread::scope(|scope| {
        let workers: Vec<_> = cells.chunks(half).map(|cells| scope.spawn(move || of(cells))).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, (u64, u64, f64)>| {
            worker.join().map_err(|_| anyhow!("a thread ended with a panic"))
        };
        workers.into_iter().map(join).collect::<anyhow::Result<Vec<_>>>()
    })?;
    let (groups, rows, means) = all.into_iter().fold((0, 0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    Ok(Answer::Sums(groups, rows, means))
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Hour and value of rows by their cell.
type ByCell = Vec<(u64, Vec<(i32, f64)>)>;

/// Gathers rows by cell, on all processors.
fn by_cell(
    points: &Points,
    rows_of: impl Fn(&Part) -> anyhow::Result<Vec<Range<usize>>> + Sync,
) -> anyhow::Result<ByCell> {
    let mut runs: Vec<(usize, usize, Range<usize>)> = Vec::new();
    for (number, part) in points.parts().iter().enumerate() {
        each_run(part, rows_of(part)?, |chunk, rows| {
            runs.push((number, chunk, rows));
            Ok(())
        })?;
    }
    let rows: usize = runs.iter().map(|(_, _, rows)| rows.len()).sum();
    let threads = if rows < 20_000 { 1 } else { threads() };
    let next = std::sync::atomic::AtomicUsize::new(0);
    let step = runs.len().div_ceil(threads * 8).max(1);
    let work = || -> anyhow::Result<Rows> {
        let mut taken = Rows::default();
        loop {
            let from = next.fetch_add(step, std::sync::atomic::Ordering::Relaxed);
            let Some(runs) = runs.get(from..runs.len().min(from + step)).filter(|runs| !runs.is_empty()) else {
                return Ok(taken);
            };
            for (part, chunk, rows) in runs {
                let column = |column: usize| points.parts()[*part].column(*chunk, column);
                let (lon, lat, value, time) = (column(LON)?, column(LAT)?, column(VALUE)?, column(TIME)?);
                let real =
                    |column: &ArrayRef| column.as_primitive::<Float64Type>().values().slice(rows.start, rows.len());
                let times = &time.as_primitive::<TimestampMicrosecondType>().values()[rows.clone()];
                taken.take(&real(&lon), &real(&lat), times, &real(&value))?;
            }
        }
    };
    let all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
            worker.join().map_err(|_| anyhow!("a thread ended with a panic"))?
        };
        workers.into_iter().map(join).collect::<anyhow::Result<Vec<_>>>()
    })?;
    Ok(Rows::together(all))
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

fn json_of(answer: Answer, city: &City) -> Value {
    match answer {
        Answer::Things(things) => {
            let number = |thing: &EntityId| city.movers.as_ref()?.number(thing);
            json!(things.iter().map(number).collect::<Vec<_>>())
        }
        // A point's id is the number of its observation less one.
        Answer::Ids(ids) => json!(ids.into_iter().map(|id| id - 1).collect::<Vec<_>>()),
        Answer::Number(number) => json!(number),
        Answer::Counts(counts) => json!(counts.into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>()),
        Answer::Shapes(shapes) => json!(shapes.iter().map(|(id, wkb)| (id, crc32(wkb))).collect::<Vec<_>>()),
        Answer::Groups(groups) => json!(groups),
        Answer::Sums(groups, rows, means) => json!([groups, rows, means]),
    }
}

/// CRC-32 as in zlib.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xEDB8_8320 * (crc & 1))))
}
