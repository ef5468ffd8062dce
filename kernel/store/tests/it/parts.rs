//! Rows found through zone maps are those that brute force finds, whether they lie in memory or in files.

use std::ops::Range;

use kernel_model::schema::Table;
use kernel_model::{Change, HeightReference, Place, PositionBatch, PositionFix, TimeUs};
use kernel_store::{Nearest, Options, Part, Snapshot, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use spatial_index::{Circle, LonLatBox, Near, NearInDegrees, Ranking, Region, Spans, TimeBand};

use crate::support::{key, mover, open};

const HOUR_US: i64 = 3_600_000_000;

/// A row as brute force sees it: time, longitude, latitude, height.
type Row = (i64, f64, f64, Option<f64>);

fn fill(store: &mut Store, random: &mut SmallRng, commits: Range<usize>, rows: usize) -> Vec<Row> {
    let mut all = Vec::new();
    let things: Vec<String> = (0..7).map(|n| format!("car{n}")).collect();
    store.commit(&[things.iter().map(|id| mover(id)).collect()]).unwrap();
    for commit in commits {
        let mut changes = Vec::new();
        for id in &things {
            let fixes = (0..rows).map(|n| {
                let time = ((commit * rows + n) as i64) * 1_000_000 + random.random_range(0..1000);
                let height = random.random_bool(0.8).then(|| random.random_range(0.0..100.0));
                let row = (time, 116.0 + random.random_range(0.0..0.5), 39.5 + random.random_range(0.0..0.5), height);
                all.push(row);
                let place = Place { lon_deg: row.1, lat_deg: row.2, height_m: row.3 };
                PositionFix { time: TimeUs(time), place, heading_deg: None, speed_m_s: None }
            });
            let rows = fixes.collect();
            let batch = PositionBatch { entity: key(id), height_reference: HeightReference::Ellipsoid, rows };
            changes.push(Change::Positions(batch));
        }
        store.commit(&[changes]).unwrap();
    }
    all
}

/// Times of the rows found, with their longitudes, sorted.
fn found(parts: &[Part], rows_of: impl Fn(&Part) -> Vec<std::ops::Range<usize>>) -> Vec<(i64, u64)> {
    let mut found = Vec::new();
    for part in parts {
        for row in rows_of(part).into_iter().flatten() {
            found.push(time_and_place(part, row));
        }
    }
    found.sort_unstable();
    found
}

fn time_and_place(part: &Part, row: usize) -> (i64, u64) {
    use arrow::array::AsArray;
    use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
    let (chunk, at) = (row / kernel_store::CHUNK_ROWS, row % kernel_store::CHUNK_ROWS);
    let (time, lon) = (part.column(chunk, 1).unwrap(), part.column(chunk, 2).unwrap());
    (time.as_primitive::<TimestampMicrosecondType>().value(at), lon.as_primitive::<Float64Type>().value(at).to_bits())
}

fn wanted(rows: &[Row], test: impl Fn(&Row) -> bool) -> Vec<(i64, u64)> {
    let mut wanted: Vec<_> = rows.iter().filter(|row| test(row)).map(|row| (row.0, row.1.to_bits())).collect();
    wanted.sort_unstable();
    wanted
}

fn agree(snapshot: &Snapshot, rows: &[Row], random: &mut SmallRng) {
    let parts = snapshot.parts(Table::Positions);
    assert_eq!(parts.iter().map(Part::rows).sum::<usize>(), rows.len());
    for n in 0..25 {
        let (lon, lat) = (116.0 + random.random_range(0.0..0.5), 39.5 + random.random_range(0.0..0.5));
        let side = random.random_range(0.0..0.3);
        let window = LonLatBox { min: [lon, lat], max: [lon + side, lat + side] };
        let from_us = random.random_range(0..rows.len() as i64 / 7) * 1_000_000;
        let band = match n % 3 {
            0 => TimeBand::ALWAYS,
            _ => TimeBand { from_us, to_us: from_us + HOUR_US / 4 },
        };
        let spans = Spans { band, series: None };
        let in_time = |row: &Row| band.from_us <= row.0 && row.0 <= band.to_us;
        let plane = window.region();
        let held = wanted(rows, |row| in_time(row) && plane.holds(&[row.1, row.2]));
        assert_eq!(found(parts, |part| part.rows_in(&plane, &spans).unwrap()), held);
        assert_eq!(parts.iter().map(|part| part.count_in(&plane, &spans).unwrap()).sum::<usize>(), held.len());
        let space = window.between(20.0, 60.0).region();
        let held = wanted(rows, |row| in_time(row) && row.3.is_some_and(|h| space.holds(&[row.1, row.2, h])));
        assert_eq!(found(parts, |part| part.rows_in(&space, &spans).unwrap()), held);
        let circle = Circle::new([lon, lat], 3000.0 * side).unwrap();
        let held = wanted(rows, |row| in_time(row) && circle.holds(&[row.1, row.2]));
        assert_eq!(found(parts, |part| part.rows_in(&circle, &spans).unwrap()), held);
        let held = wanted(rows, in_time);
        assert_eq!(found(parts, |part| part.rows_in_spans(&spans).unwrap()), held);
        let near = Near::new([lon, lat], f64::INFINITY).unwrap();
        nearest(parts, rows, near, None, &Spans::ALL, n + 1);
        nearest(parts, rows, near, Some(&plane), &spans, n + 1);
        nearest(parts, rows, NearInDegrees::new([lon, lat]).unwrap(), Some(&circle), &spans, n + 1);
    }
}

fn nearest<K: Ranking<2> + Copy>(
    parts: &[Part],
    rows: &[Row],
    ranking: K,
    region: Option<&dyn Region<2>>,
    spans: &Spans,
    most: usize,
) {
    let mut nearest = Nearest::new(most);
    for (n, part) in parts.iter().enumerate() {
        part.nearest::<2, _>(n, ranking, region.as_ref(), spans, &mut nearest).unwrap();
    }
    let ranks: Vec<f64> = nearest.into_rows().map(|(rank, _, _)| rank).collect();
    let in_time = |row: &&Row| spans.band.from_us <= row.0 && row.0 <= spans.band.to_us;
    let meant = rows.iter().filter(in_time).map(|row| [row.1, row.2]);
    let meant = meant.filter(|at| region.is_none_or(|region| region.holds(at)));
    let mut wanted: Vec<f64> = meant.map(|at| ranking.at(&at)).collect();
    wanted.sort_by(f64::total_cmp);
    wanted.truncate(most);
    assert_eq!(ranks, wanted);
}

#[test]
fn parts_in_memory_and_in_files_give_what_brute_force_gives() {
    let mut random = SmallRng::seed_from_u64(11);
    for (seal_rows, commits) in [(usize::MAX, 60), (3_000, 60), (1, 5)] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path(), seal_rows);
        let rows = fill(&mut store, &mut random, 0..commits, 40);
        agree(&store.reader().snapshot(), &rows, &mut random);
        store.seal().unwrap();
        agree(&store.reader().snapshot(), &rows, &mut random);
        drop(store);
        let store = open(dir.path(), seal_rows);
        agree(&store.reader().snapshot(), &rows, &mut random);
    }
}

/// Forty commits, each sealed.
fn sealed_often(dir: &std::path::Path, segment_rows: u64, random: &mut SmallRng) -> (Store, Vec<Row>) {
    let options = Options { seal_rows: usize::MAX, segment_rows, ..Options::default() };
    let mut store = Store::open(dir, options).unwrap().0;
    let mut rows = Vec::new();
    for n in 0..40 {
        rows.extend(fill(&mut store, random, n..n + 1, 30));
        store.seal().unwrap();
    }
    (store, rows)
}

#[test]
fn compaction_keeps_every_row_and_bounds_the_number_of_files() {
    let mut random = SmallRng::seed_from_u64(12);
    let dir = tempfile::tempdir().unwrap();
    let (mut store, rows) = sealed_often(dir.path(), 1 << 20, &mut random);
    let files = || std::fs::read_dir(dir.path().join("segments")).unwrap().count();
    let reader = store.reader();
    let before = reader.snapshot();
    store.compact().unwrap();
    let snapshot = reader.snapshot();
    assert_eq!(snapshot.parts(Table::Positions).len(), 1);
    agree(&before, &rows, &mut random);
    agree(&snapshot, &rows, &mut random);
    drop(before);
    // Two tables, one with a zone map, one with its rows beside.
    assert_eq!(files(), 4);
    assert_eq!(kernel_store::check(dir.path()).unwrap().rows, rows.len() as u64 + 7);
    drop((snapshot, reader, store));
    let store = open(dir.path(), usize::MAX);
    agree(&store.reader().snapshot(), &rows, &mut random);
}

#[test]
fn what_is_too_large_for_a_segment_is_cut_in_time() {
    let mut random = SmallRng::seed_from_u64(13);
    let dir = tempfile::tempdir().unwrap();
    let (mut store, rows) = sealed_often(dir.path(), 2_000, &mut random);
    store.compact().unwrap();
    let snapshot = store.reader().snapshot();
    let mut bands: Vec<_> = snapshot.parts(Table::Positions).iter().filter_map(Part::time_band).collect();
    bands.sort_by_key(|band| band.from_us);
    assert!((5..12).contains(&bands.len()), "{bands:?}");
    assert!(bands.windows(2).all(|pair| pair[0].to_us < pair[1].from_us), "{bands:?}");
    agree(&snapshot, &rows, &mut random);
}
