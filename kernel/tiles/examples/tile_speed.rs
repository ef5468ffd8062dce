//! How fast tiles are: a city of so many building-like polygons (4 to 12 corners, 10 to 80 m across, six of ten in
//! clusters) is written into a folder, opened anew, and asked. Arguments: buildings (1,000,000), threads (2).
//!
//! `cargo run --release -p kernel-tiles --example tile_speed`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints its measurements")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use kernel_model::{Change, Coord, EntityDraft, Geometry, Kind, Shape, SourceKey};
use kernel_store::{Options, Reader, Store};
use kernel_tiles::space::Offsets;
use kernel_tiles::vector::Address;
use kernel_tiles::{Answer, Question, Tiler, Times, What};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The square of degrees of `benches/peers/data.py`, and how its buildings lie there.
const WEST: f64 = 115.7;
const SOUTH: f64 = 39.4;
const SIDE_DEG: f64 = 1.7;
const CLUSTERS: usize = 200;
const CLUSTERED: f64 = 0.6;
const COMMIT: usize = 50_000;

fn place(random: &mut StdRng, centres: &[[f64; 2]]) -> [f64; 2] {
    let mut uniform = || [WEST + random.random_range(0.0..SIDE_DEG), SOUTH + random.random_range(0.0..SIDE_DEG)];
    let somewhere = uniform();
    if random.random_range(0.0..1.0) > CLUSTERED {
        return somewhere;
    }
    let centre = centres[random.random_range(0..centres.len())];
    // Twelve uniform numbers of variance 1/12 together: about normal, with a deviation of 0.01 degrees.
    let mut near = || (0..12).map(|_| random.random_range(-0.5..0.5)).sum::<f64>() * 0.01;
    [centre[0] + near(), centre[1] + near()]
}

fn building(number: usize, random: &mut StdRng, centres: &[[f64; 2]]) -> Change {
    let [lon, lat] = place(random, centres);
    let corners = random.random_range(4..13);
    let radius_deg = random.random_range(5.0..40.0) / 111_320.0;
    let mut ring: Vec<Coord> = (0..corners)
        .map(|corner| {
            let angle =
                std::f64::consts::TAU * (f64::from(corner) + random.random_range(-0.3..0.3)) / f64::from(corners);
            let reach = radius_deg * random.random_range(0.6..1.0);
            Coord::new(lon + reach * angle.cos() / lat.to_radians().cos(), lat + reach * angle.sin(), 0.0)
        })
        .collect();
    ring.push(ring[0]);
    let mut draft = EntityDraft::new(SourceKey::new("speed", number.to_string()), Kind::Building, "residential");
    draft.geometry = Some(Geometry::flat(Shape::Polygon(vec![ring])));
    draft.properties.insert("height_m".to_owned(), (random.random_range(6..60)).into());
    Change::Entity(draft)
}

fn centres(random: &mut StdRng) -> Vec<[f64; 2]> {
    (0..CLUSTERS).map(|_| [WEST, SOUTH].map(|from| from + random.random_range(0.1..SIDE_DEG - 0.1))).collect()
}

fn write(dir: &std::path::Path, buildings: usize) {
    let mut store = Store::open(dir, Options::default()).unwrap().0;
    let mut random = StdRng::seed_from_u64(1);
    let centres = centres(&mut random);
    for first in (0..buildings).step_by(COMMIT) {
        let numbers = first..(first + COMMIT).min(buildings);
        store.commit(&[numbers.map(|number| building(number, &mut random, &centres)).collect()]).unwrap();
    }
}

fn bytes(answer: &Answer) -> usize {
    answer.body.as_ref().map_or(0, |body| body.plain().len())
}

fn ask(tiler: &Tiler, what: What) -> Answer {
    tiler.answer(&Question { kind: Kind::Building, times: Times::default(), what }, None)
}

/// The way of a client that has nothing: the tileset, the first subtree, the first content.
fn first_in_space(reader: &Reader) {
    let tiler = Tiler::new(reader.clone(), 64 << 20);
    let started = Instant::now();
    let tileset = ask(&tiler, What::Tileset(Offsets::default()));
    let text = String::from_utf8_lossy(tileset.body.as_ref().unwrap().plain()).into_owned();
    let after_tileset = started.elapsed();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let uri = document["root"]["children"][0]["content"]["uri"].as_str().unwrap();
    let root: Vec<u32> = uri.split('/').next().unwrap().split('-').map(|part| part.parse().unwrap()).collect();
    let root = kernel_tiles::grid::Cell::new(root[0] as u8, root[1], root[2]).unwrap();
    let at = kernel_tiles::space::Address::new(root, 0, 0, 0).unwrap();
    let subtree = ask(&tiler, What::Subtree(at, Offsets::default()));
    let after_subtree = started.elapsed();
    let content = ask(&tiler, What::Content(at, Offsets::default()));
    println!(
        "3D Tiles, nothing made yet: tileset.json after {after_tileset:.1?} ({} roots), its first subtree after {after_subtree:.1?} \
         ({} bytes), the first tile after {:.1?} ({} bytes)",
        document["root"]["children"].as_array().unwrap().len(),
        bytes(&subtree),
        started.elapsed(),
        bytes(&content),
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<usize>().ok());
    let (buildings, threads) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(2));
    let dir = tempfile::tempdir().unwrap();
    let started = Instant::now();
    write(dir.path(), buildings);
    println!("{buildings} buildings written in {:.1?}", started.elapsed());
    let started = Instant::now();
    let (reader, _) = Reader::open(dir.path()).unwrap();
    println!("opened in {:.1?}", started.elapsed());
    for _ in 0..3 {
        first_in_space(&reader);
    }
    let tiler = Tiler::new(reader.clone(), 1 << 20);
    let started = Instant::now();
    let first = ask(&tiler, What::Vector(Address::of(14, WEST + SIDE_DEG / 2.0, SOUTH + SIDE_DEG / 2.0)));
    println!("vector tiles, nothing made yet: the first after {:.1?} ({} bytes)", started.elapsed(), bytes(&first));

    // Where buildings are: the fuller a tile, the oftener it is asked for.
    let mut random = StdRng::seed_from_u64(1);
    let centres = centres(&mut random);
    let places: Vec<[f64; 2]> = (0..4_000).map(|_| place(&mut random, &centres)).collect();
    for zoom in [8, 10, 12, 14, 16] {
        let asked = if zoom < 12 { 40 } else { places.len() };
        // Next to no cache: every tile is made.
        let tiler = Arc::new(Tiler::new(reader.clone(), 1));
        tiler.reach(Kind::Building, Times::default());
        let (next, total, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some([lon, lat]) = places[..asked].get(next.fetch_add(1, Ordering::Relaxed)) {
                        let bytes = bytes(&ask(&tiler, What::Vector(Address::of(zoom, *lon, *lat))));
                        total.fetch_add(bytes, Ordering::Relaxed);
                        most.fetch_max(bytes, Ordering::Relaxed);
                    }
                });
            }
        });
        let took = started.elapsed().as_secs_f64();
        println!(
            "zoom {zoom}: {:.0} vector tiles a second made, {threads} threads, {:.1} KiB each on average, {:.0} KiB at most",
            asked as f64 / took,
            total.into_inner() as f64 / asked as f64 / 1024.0,
            most.into_inner() as f64 / 1024.0
        );
    }
}
