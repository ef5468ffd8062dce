//! Ours beside a reference, and beside what the machine can do: `cargo bench -p coding-system --bench codes`.
//!
//! Each group codes the same 4,096 places scattered over the Earth's codable latitudes. `ours` takes one position after the other, `batch` the
//! whole column; `reference` is the plain way to do it (bit by bit, digit by digit, or the crate h3o alone); `limit` reads and
//! writes as many bytes as the batch does and does nothing else. Before anything is timed, all of them must give the same answer.

mod plain;

use std::hint::black_box;
use std::time::Duration;

use coding_system::batch::{self, Positions, Times};
use coding_system::{Error, GridCell, Key, Position, Profile, beidou, geosot, h3};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};

const ROWS: usize = 4096;
const TIME_US: i64 = 1_795_330_800_000_000;

/// The places as columns and as positions.
struct Places {
    lon: Vec<f64>,
    lat: Vec<f64>,
    height: Vec<f64>,
    positions: Vec<Position>,
}

impl Places {
    /// Scattered by three multiplicative sequences, with heights from the sea floor to the sky.
    fn new() -> Result<Self, Error> {
        let share =
            |row: usize, factor: u64| ((row as u64 + 1).wrapping_mul(factor) >> 11) as f64 / (1u64 << 53) as f64;
        let column = |factor: u64, low: f64, high: f64| -> Vec<f64> {
            (0..ROWS).map(|row| low + (high - low) * share(row, factor)).collect()
        };
        let lon = column(0x9e37_79b9_7f4a_7c15, -180.0, 180.0);
        let lat = column(0xc2b2_ae3d_27d4_eb4f, -84.0, 84.0);
        let height = column(0x1656_67b1_9e37_79f9, -4000.0, 9000.0);
        let rows = lon.iter().zip(&lat).zip(&height);
        let positions = rows.map(|((lon, lat), h)| Position::new(*lon, *lat, Some(*h))).collect::<Result<_, _>>()?;
        Ok(Self { lon, lat, height, positions })
    }

    fn flat(&self) -> Result<Positions<'_>, Error> {
        Positions::new_2d(&self.lon, &self.lat)
    }

    fn solid(&self) -> Result<Positions<'_>, Error> {
        Positions::new_3d(&self.lon, &self.lat, &self.height)
    }
}

fn main() -> Result<(), Error> {
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let places = Places::new()?;
    keys(&mut criterion, &places)?;
    texts(&mut criterion, &places)?;
    hexagons(&mut criterion, &places)?;
    containment(&mut criterion, &places)?;
    criterion.final_summary();
    Ok(())
}

/// A group whose times are those of one row.
fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(ROWS as u64));
    group
}

/// Times a function over every position.
fn each<T>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, places: &Places, code: impl Fn(&Position) -> T) {
    group.bench_function(name, |b| {
        b.iter(|| {
            for p in &places.positions {
                black_box(code(black_box(p)));
            }
        });
    });
}

/// Times what the machine needs to read and write these many bytes for each row, by words and with one addition each, because the
/// library's copy takes a path of its own on some virtual machines.
fn limit(group: &mut BenchmarkGroup<'_, WallTime>, read: usize, written: usize) {
    let (from, mut to) = (vec![1u64; ROWS * read / 8], vec![0u64; ROWS * written / 8]);
    group.bench_function("limit: read and write", |b| {
        b.iter(|| {
            let sum = black_box(&from).iter().fold(0u64, |sum, word| sum.wrapping_add(*word));
            black_box(&mut to).fill(sum);
        });
    });
}

fn keys(criterion: &mut Criterion, places: &Places) -> Result<(), Error> {
    let (flat, solid) = (places.flat()?, places.solid()?);
    let mut out = vec![0u128; ROWS];
    for p in &places.positions {
        let ours = Key::new_2d(p, Some(TIME_US), Profile::SpaceFirst)?.to_u128();
        assert_eq!(ours, plain::key_2d(p, TIME_US), "both ways give one key");
        assert_eq!(Key::new(p, Some(TIME_US), Profile::SpaceFirst)?.to_u128(), plain::key_3d(p, TIME_US));
    }
    let mut two = group(criterion, "key 2D");
    each(&mut two, "ours", places, |p| Key::new_2d(p, Some(TIME_US), Profile::SpaceFirst));
    two.bench_function("batch", |b| {
        b.iter(|| batch::keys_2d(black_box(&flat), Times::One(TIME_US), Profile::SpaceFirst, black_box(&mut out)));
    });
    each(&mut two, "reference", places, |p| plain::key_2d(p, TIME_US));
    limit(&mut two, 16, 16);
    two.finish();
    let mut three = group(criterion, "key 3D");
    each(&mut three, "ours", places, |p| Key::new(p, Some(TIME_US), Profile::SpaceFirst));
    three.bench_function("batch", |b| {
        b.iter(|| batch::keys_3d(black_box(&solid), Times::One(TIME_US), Profile::SpaceFirst, black_box(&mut out)));
    });
    each(&mut three, "reference", places, |p| plain::key_3d(p, TIME_US));
    limit(&mut three, 24, 16);
    three.finish();
    Ok(())
}

fn texts(criterion: &mut Criterion, places: &Places) -> Result<(), Error> {
    let (flat, solid) = (places.flat()?, places.solid()?);
    let mut out = vec![0u8; ROWS * 34];
    for p in &places.positions {
        assert_eq!(beidou::encode_2d(p, 10)?, plain::beidou_2d(p).as_str(), "both ways give one text");
        assert_eq!(geosot::Cell::of_2d(p, 32)?.text(), plain::geosot_2d(p).as_str());
    }
    let mut codes = group(criterion, "BeiDou text 2D, level 10");
    each(&mut codes, "ours", places, |p| beidou::encode_2d(p, 10));
    codes.bench_function("batch", |b| b.iter(|| batch::beidou_2d(black_box(&flat), 10, &mut out[..ROWS * 20])));
    each(&mut codes, "reference", places, plain::beidou_2d);
    limit(&mut codes, 16, 20);
    codes.finish();
    let mut codes = group(criterion, "BeiDou text 3D, level 10");
    each(&mut codes, "ours", places, |p| beidou::encode_3d(p, 10));
    codes.bench_function("batch", |b| b.iter(|| batch::beidou_3d(black_box(&solid), 10, &mut out[..ROWS * 32])));
    limit(&mut codes, 24, 32);
    codes.finish();
    let mut codes = group(criterion, "GeoSOT text 2D, level 32");
    each(&mut codes, "ours", places, |p| geosot::Cell::of_2d(p, 32).map(|cell| cell.text()));
    codes.bench_function("batch", |b| b.iter(|| batch::geosot(black_box(&flat), 32, &mut out[..ROWS * 33])));
    each(&mut codes, "reference", places, plain::geosot_2d);
    limit(&mut codes, 16, 33);
    codes.finish();
    let mut codes = group(criterion, "GeoSOT text 3D, level 32");
    each(&mut codes, "ours", places, |p| geosot::Cell::of_3d(p, 32).map(|cell| cell.text()));
    codes.bench_function("batch", |b| b.iter(|| batch::geosot(black_box(&solid), 32, &mut out[..ROWS * 34])));
    limit(&mut codes, 24, 34);
    codes.finish();
    let read: Vec<_> = places.positions.iter().map(|p| beidou::encode_2d(p, 10)).collect::<Result<_, _>>()?;
    let mut codes = group(criterion, "BeiDou text 2D read");
    codes.bench_function("ours", |b| {
        b.iter(|| {
            for text in &read {
                let _ = black_box(beidou::Cell::parse(black_box(text)));
            }
        });
    });
    codes.finish();
    Ok(())
}

fn hexagons(criterion: &mut Criterion, places: &Places) -> Result<(), Error> {
    let flat = places.flat()?;
    let mut out = vec![0u64; ROWS];
    let resolution = h3o::Resolution::Nine;
    let alone = |p: &Position| h3o::LatLng::new(p.lat_deg(), p.lon_deg()).map(|place| place.to_cell(resolution));
    for p in &places.positions {
        assert_eq!(Some(h3::Cell::of(p, 9)?.to_u64()), alone(p).ok().map(u64::from), "both ways give one cell");
    }
    let mut cells = group(criterion, "H3, resolution 9");
    each(&mut cells, "ours", places, |p| h3::Cell::of(p, 9));
    cells.bench_function("batch", |b| b.iter(|| batch::h3(black_box(&flat), 9, black_box(&mut out))));
    each(&mut cells, "reference: h3o", places, alone);
    cells.finish();
    Ok(())
}

/// How many pairs are asked: few enough to stay in the first cache, so that the question is timed and not the memory.
const PAIRS: usize = 512;

fn containment(criterion: &mut Criterion, places: &Places) -> Result<(), Error> {
    let places = &places.positions[..PAIRS];
    // Coarse cells of one place against the finest of the next: no answer can be foretold.
    let keys = places.iter().map(|p| Key::new(p, None, Profile::SpaceFirst)).collect::<Result<Vec<_>, _>>()?;
    let coarse: Vec<Key> = keys.iter().filter_map(|key| key.parent(2)).collect();
    let cells = places.iter().map(|p| beidou::Cell::of(p, 10)).collect::<Result<Vec<_>, _>>()?;
    let wide = places.iter().map(|p| beidou::Cell::of(&p.without_height(), 1)).collect::<Result<Vec<_>, _>>()?;
    let fine = places.iter().map(|p| geosot::Cell::of_3d(p, 32)).collect::<Result<Vec<_>, _>>()?;
    let broad = places.iter().map(|p| geosot::Cell::of_3d(p, 2)).collect::<Result<Vec<_>, _>>()?;
    let text: Vec<String> = fine.iter().map(ToString::to_string).collect();
    let prefix: Vec<String> = broad.iter().map(ToString::to_string).collect();
    let mut holds = criterion.benchmark_group("contains");
    holds.throughput(Throughput::Elements(PAIRS as u64 - 1));
    let range = coarse[7].prefix_range();
    holds.bench_function("ours: keys in the range of one", |b| {
        b.iter(|| black_box(&keys).iter().filter(|key| black_box(&range).contains(&key.to_u128())).count());
    });
    pairs(&mut holds, "ours: keys", &coarse, &keys, |a, b| a.contains(*b));
    pairs(&mut holds, "ours: BeiDou cells", &wide, &cells, GridCell::contains);
    pairs(&mut holds, "ours: GeoSOT cells", &broad, &fine, GridCell::contains);
    pairs(&mut holds, "reference: prefixes of texts", &prefix, &text, |a, b| b.starts_with(a.as_str()));
    holds.finish();
    Ok(())
}

/// Counts how many of the second lie in the first one's neighbour in the list.
fn pairs<A, B>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, a: &[A], b: &[B], holds: impl Fn(&A, &B) -> bool) {
    assert_eq!((a.len(), b.len()), (PAIRS, PAIRS), "every place has a cell");
    group.bench_function(name, |bench| {
        bench.iter(|| black_box(a).iter().zip(&black_box(b)[1..]).filter(|(a, b)| holds(a, b)).count());
    });
}
