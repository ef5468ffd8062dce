//! Covers beside a plain way to make them, and beside what the machine can do: `cargo bench -p coding-system --bench covers`.
//!
//! `ours` covers a district outline of 1,000 corners to 1 arc-second; `reference` descends the same tree and asks the crate geo about each cell
//! and the whole outline; `limit` only makes ranges of the cells that are the answer. The algebra takes two covers of 100,000 ranges
//! each; its `reference` sorts all ends and sweeps over them, its `limit` copies both covers. Before anything is timed, ours and the
//! reference must give the same answer.

use std::hint::black_box;
use std::time::Duration;

use coding_system::cover::{
    Certainty, CodeRange, Cover, Limits, Sample, Shape, cover, cover_beidou, cover_cells, cover_trajectory,
};
use coding_system::{Error, GridCell, LonLatBox, Position, Profile, geosot};
use criterion::{Criterion, Throughput};
use geo::{Contains, Coord, Intersects, LineString, Polygon, Rect};

const CORNERS: usize = 1000;
const RANGES: u64 = 100_000;
const ONE_SECOND: Limits = Limits { max_cells: usize::MAX, finest_level: 21 };

fn main() -> Result<(), Error> {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    polygons(&mut criterion)?;
    algebra(&mut criterion);
    criterion.final_summary();
    Ok(())
}

/// A district about 17 km across, with bays and capes.
fn district() -> Vec<(f64, f64)> {
    let corner = |i: usize| {
        let a = i as f64 / CORNERS as f64 * std::f64::consts::TAU;
        let r = 0.08 * (1.0 + 0.25 * (3.0 * a).sin() + 0.12 * (7.0 * a + 1.0).sin() + 0.02 * (61.0 * a).sin());
        (116.35 + r * a.cos() / 0.77, 39.91 + r * a.sin())
    };
    (0..CORNERS).map(corner).collect()
}

fn polygons(criterion: &mut Criterion) -> Result<(), Error> {
    let ring = district();
    let judge = Polygon::new(LineString::from(ring.clone()), vec![]);
    let cells = cover_cells(&Shape::of_ring(&ring)?, ONE_SECOND)?;
    let mut plain = Vec::new();
    descend(&judge, geosot::Cell::from_u64(0, 0)?, &mut plain);
    assert_eq!(cells, plain, "ours and the reference differ");
    let mut group = criterion.benchmark_group("cover of 1,000 corners to 1 second");
    group.throughput(Throughput::Elements(cells.len() as u64));
    group.bench_function("ours", |b| b.iter(|| cover(&Shape::of_ring(black_box(&ring))?, ONE_SECOND)));
    group.bench_function("ours, as BeiDou cells to 4 seconds", |b| {
        b.iter(|| cover_beidou(&Shape::of_ring(black_box(&ring))?, None, Limits { finest_level: 5, ..ONE_SECOND }));
    });
    group.bench_function("ours, at most 256 cells", |b| {
        b.iter(|| cover(&Shape::of_ring(black_box(&ring))?, Limits { max_cells: 256, ..ONE_SECOND }));
    });
    group.bench_function("limit", |b| {
        b.iter(|| Cover::<u64>::from_cells(black_box(&cells).iter().map(|(cell, inner)| (cell, *inner))));
    });
    group.sample_size(10);
    let world = geosot::Cell::from_u64(0, 0)?;
    group.bench_function("reference", |b| {
        b.iter(|| {
            let mut plain = Vec::new();
            descend(black_box(&judge), world, &mut plain);
            plain
        });
    });
    group.finish();
    let way = ring.iter().enumerate().map(|(i, p)| -> Result<Sample, Error> {
        Ok(Sample { place: Position::new(p.0, p.1, Some(100.0 + i as f64))?, time_us: i as i64 * 20_000_000 })
    });
    let way = way.collect::<Result<Vec<_>, Error>>()?;
    let mut group = criterion.benchmark_group("trajectory of 1,000 samples, 6 hours, to 4 seconds");
    let limits = Limits { max_cells: 1_000_000, finest_level: 19 };
    group.bench_function("ours", |b| b.iter(|| cover_trajectory(black_box(&way), limits, Profile::TimeFirst)));
    group.finish();
    Ok(())
}

/// The plain way: every cell is compared with the whole outline.
fn descend(judge: &Polygon, cell: geosot::Cell, out: &mut Vec<(geosot::Cell, bool)>) {
    let area = rect(&cell.area());
    if !judge.intersects(&area) {
        return;
    }
    let inner = judge.contains(&area);
    if inner || cell.level() == ONE_SECOND.finest_level {
        out.push((cell, inner));
        return;
    }
    for child in cell.children() {
        descend(judge, child, out);
    }
}

fn rect(b: &LonLatBox) -> Rect {
    Rect::new(Coord { x: b.west_deg(), y: b.south_deg() }, Coord { x: b.east_deg(), y: b.north_deg() })
}

/// Ranges of four cells of level 24, scattered by a multiplicative sequence so that two covers overlap here and there.
fn scattered(factor: u64) -> Cover {
    let range = |i: u64| {
        let cell = i * 40 + (i.wrapping_mul(factor) >> 59);
        let first = 1 << 60 | cell << 16;
        CodeRange { first, last: first + (4 << 16) - 1, inner: !i.is_multiple_of(3) }
    };
    Cover::from_ranges((0..RANGES).map(range))
}

fn algebra(criterion: &mut Criterion) {
    let (a, b) = (scattered(0x9e37_79b9_7f4a_7c15), scattered(0xc2b2_ae3d_27d4_eb4f));
    let least = |x: Certainty, y: Certainty| x.min(y);
    let less = |x: Certainty, y: Certainty| match y {
        Certainty::Outside => x,
        Certainty::Perhaps => x.min(Certainty::Perhaps),
        Certainty::Inside => Certainty::Outside,
    };
    assert_eq!(a.union(&b), sweep(&a, &b, Certainty::max), "union");
    assert_eq!(a.intersection(&b), sweep(&a, &b, least), "intersection");
    assert_eq!(a.difference(&b), sweep(&a, &b, less), "difference");
    let mut group = criterion.benchmark_group("two covers of 100,000 ranges");
    group.throughput(Throughput::Elements((a.ranges().len() + b.ranges().len()) as u64));
    group.bench_function("union, ours", |bench| bench.iter(|| black_box(&a).union(black_box(&b))));
    group
        .bench_function("union, reference", |bench| bench.iter(|| sweep(black_box(&a), black_box(&b), Certainty::max)));
    group.bench_function("intersection, ours", |bench| bench.iter(|| black_box(&a).intersection(black_box(&b))));
    group.bench_function("difference, ours", |bench| bench.iter(|| black_box(&a).difference(black_box(&b))));
    group.bench_function("limit: copy", |bench| bench.iter(|| (black_box(&a).clone(), black_box(&b).clone())));
    let codes: Vec<u64> = a.ranges().iter().map(|range| range.first + 7).collect();
    group.throughput(Throughput::Elements(codes.len() as u64));
    group.bench_function("is a code in the cover", |bench| {
        bench.iter(|| codes.iter().filter(|code| black_box(&a).of_code(**code) == Certainty::Inside).count());
    });
    group.finish();
}

/// The plain way: all ends of both covers sorted, then each stretch asked about by search.
fn sweep(a: &Cover, b: &Cover, rule: impl Fn(Certainty, Certainty) -> Certainty) -> Cover {
    let ranges = a.ranges().iter().chain(b.ranges());
    let mut ends: Vec<u64> = ranges.flat_map(|range| [range.first, range.last + 1]).collect();
    ends.sort_unstable();
    ends.dedup();
    let stretches = ends.windows(2).filter_map(|ends| match rule(a.of_code(ends[0]), b.of_code(ends[0])) {
        Certainty::Outside => None,
        certain => Some(CodeRange { first: ends[0], last: ends[1] - 1, inner: certain == Certainty::Inside }),
    });
    Cover::from_ranges(stretches)
}
