//! What the indexes do in a second, beside the crates one would take instead: `cargo run --release -p spatial-index --example speed`.
//!
//! A million places around Beijing, six in ten of them in 200 clusters, and boxes, circles and polygons among them. Each
//! question is first put to both sides and the answers compared; a difference ends the program. Then each side runs three
//! times by turns and its best run counts, because a machine shared with others only ever adds time. All on one thread,
//! except where a reader runs beside a writer.
#![expect(clippy::print_stdout, reason = "a program that prints its measurements")]

mod peers;

use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use peers::{Earth, Hilbert, Planar};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use spatial_index::{
    Area, Circle, LonLatBox, MovingIndex, Near, Packed, PackedBuilder, Position, Region, SharedMoving,
};

const POINTS: usize = 1_000_000;
const WEST: f64 = 115.7;
const SOUTH: f64 = 39.4;
const WIDTH: f64 = 1.7;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let mut rng = SmallRng::seed_from_u64(42);
    let places = places(&mut rng);
    println!("{:<44} {:>12} {:>12}  times", format!("{POINTS} points"), "ours", "peer");
    let packed = builds(&places)?;
    boxes(&packed, &places, &mut rng);
    rounds_and_shapes(&packed, &places, &mut rng)?;
    small_boxes(&places, &mut rng)?;
    moving(&places, &mut rng)?;
    beside_a_writer(&places, &mut rng)
}

/// Uniform ones and clustered ones.
fn places(rng: &mut SmallRng) -> Vec<[f64; 2]> {
    let any = |rng: &mut SmallRng| [WEST + WIDTH * rng.random::<f64>(), SOUTH + WIDTH * rng.random::<f64>()];
    let centres: Vec<[f64; 2]> = (0..200).map(|_| any(rng)).collect();
    let place = |_| {
        if rng.random::<f64>() < 0.4 {
            return any(rng);
        }
        let centre = centres[rng.random_range(0..centres.len())];
        // Twelve even ones make a normal one.
        centre.map(|v| v + 0.01 * ((0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0))
    };
    (0..POINTS).map(place).collect()
}

/// How often a second, best of three runs.
struct Rate(f64);

impl Rate {
    fn better(&mut self, count: usize, run: impl FnOnce()) {
        let start = Instant::now();
        run();
        self.0 = self.0.max(count as f64 / start.elapsed().as_secs_f64());
    }
}

/// Asks of each, and uses the answer for nothing.
fn each<T, R>(of: &[T], mut ask: impl FnMut(&T) -> R) {
    for one in of {
        std::hint::black_box(ask(one));
    }
}

/// Runs both sides by turns; prints how many a second.
fn beside(what: &str, count: usize, mut ours: impl FnMut(), mut peer: impl FnMut()) {
    let (mut a, mut b) = (Rate(0.0), Rate(0.0));
    for _ in 0..3 {
        a.better(count, &mut ours);
        b.better(count, &mut peer);
    }
    println!("{what:<44} {:>12.0} {:>12.0}  {:.1}", a.0, b.0, a.0 / b.0);
}

fn build(places: &[[f64; 2]]) -> Result<Packed<2>, spatial_index::Error> {
    let mut builder = PackedBuilder::with_capacity(places.len());
    for (at, number) in places.iter().zip(0..) {
        builder.point(*at, number)?;
    }
    builder.build()
}

fn builds(places: &[[f64; 2]]) -> Result<Packed<2>, Box<dyn Error>> {
    let packed = build(places)?;
    beside("built, points/s (geo-index, Hilbert)", POINTS, || drop(build(places)), || drop(Hilbert::points(places)));
    beside("built, points/s (geo-index, STR)", POINTS, || drop(build(places)), || drop(Hilbert::points_str(places)));
    beside("built, points/s (rstar)", POINTS, || drop(build(places)), || drop(Planar::new(places)));
    let bytes = packed.to_bytes();
    assert_eq!(Packed::from_bytes(&bytes)?, packed);
    let (mut written, mut read) = (Rate(0.0), Rate(0.0));
    for _ in 0..3 {
        written.better(POINTS, || drop(std::hint::black_box(packed.to_bytes())));
        read.better(POINTS, || drop(std::hint::black_box(Packed::<2>::from_bytes(&bytes))));
    }
    println!("{:<44} {:>12.0}", "written to bytes, points/s", written.0);
    println!("{:<44} {:>12.0}", "read from bytes and checked, points/s", read.0);
    let per_item = |bytes: usize| bytes as f64 / POINTS as f64;
    let peer = per_item(Hilbert::points(places).bytes());
    println!("{:<44} {:>12.1} {peer:>12.1}", "bytes of memory a point (geo-index)", per_item(packed.memory_bytes()));
    Ok(packed)
}

/// Boxes of a part of the whole area, around places of the data.
fn windows(part: f64, places: &[[f64; 2]], count: usize, rng: &mut SmallRng) -> Vec<LonLatBox> {
    let half = WIDTH * part.sqrt() / 2.0;
    let window = |_| {
        let at = places[rng.random_range(0..places.len())];
        LonLatBox { min: at.map(|v| v - half), max: at.map(|v| v + half) }
    };
    (0..count).map(window).collect()
}

fn sorted(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers
}

fn boxes(packed: &Packed<2>, places: &[[f64; 2]], rng: &mut SmallRng) {
    let (rstar, hilbert, str) = (Planar::new(places), Hilbert::points(places), Hilbert::points_str(places));
    for (part, count) in [(1e-6, 100_000), (1e-4, 20_000), (1e-2, 300)] {
        let windows = windows(part, places, count, rng);
        for window in windows.iter().take(200) {
            let ours = sorted(packed.candidates(&window.region()));
            assert_eq!(ours.len(), packed.count(&window.region()));
            assert_eq!(ours, sorted(rstar.in_box(window)));
            assert_eq!(ours, sorted(hilbert.in_box(window)));
        }
        let ours = || each(&windows, |w| packed.candidates(&w.region()));
        let what = |peer| format!("box {part:e}, ids ({peer})");
        let all =
            |ask: &dyn Fn(&LonLatBox) -> Vec<u32>| windows.iter().for_each(|w| drop(std::hint::black_box(ask(w))));
        beside(&what("rstar"), count, ours, || all(&|w| rstar.in_box(w)));
        beside(&what("geo-index Hilbert"), count, ours, || all(&|w| hilbert.in_box(w)));
        beside(&what("geo-index STR"), count, ours, || all(&|w| str.in_box(w)));
        let counts = || each(&windows, |w| packed.count(&w.region()));
        beside(&format!("box {part:e}, count (geo-index STR, ids)"), count, counts, || all(&|w| str.in_box(w)));
    }
}

fn rounds_and_shapes(packed: &Packed<2>, places: &[[f64; 2]], rng: &mut SmallRng) -> Outcome {
    let (rstar, earth) = (Planar::new(places), Earth::new(places));
    let at = |rng: &mut SmallRng| places[rng.random_range(0..places.len())];
    let circles = (0..2_000).map(|_| Circle::new(at(rng), 500.0)).collect::<Result<Vec<_>, _>>()?;
    let finish = |c: &Circle| -> Vec<u32> {
        rstar.in_box(&c.bounds()).into_iter().filter(|n| c.holds(&places[*n as usize])).collect()
    };
    for circle in &circles {
        assert_eq!(sorted(packed.candidates(circle)), sorted(finish(circle)));
    }
    beside(
        "500 m around, ids (rstar, box then circle)",
        circles.len(),
        || each(&circles, |c| packed.candidates(c)),
        || each(&circles, |c| finish(c)),
    );
    let from: Vec<_> = (0..20_000).map(|_| at(rng).map(|v| v + 1e-4)).collect();
    let nearest =
        |p: &[f64; 2]| Near::new(*p, f64::INFINITY).map(|near| packed.nearest(near).take(10).collect::<Vec<_>>());
    for place in from.iter().take(2_000) {
        let ours: Vec<u32> = nearest(place)?.into_iter().map(|(number, _)| number).collect();
        assert_eq!(ours, earth.nearest(place, 10));
    }
    beside(
        "nearest 10 (rstar, earth-centred)",
        from.len(),
        || each(&from, |p| nearest(p)),
        || each(&from, |p| earth.nearest(p, 10)),
    );
    let rings: Vec<_> = (0..500).map(|_| ring(at(rng), rng)).collect();
    let ours = |ring: &Vec<[f64; 2]>| Area::new(&[ring]).map(|area| packed.candidates(&area));
    for ring in rings.iter().take(100) {
        assert_eq!(sorted(ours(ring)?), sorted(rstar.in_polygon(ring, places)));
    }
    beside(
        "50-vertex polygon, ids (rstar, then geo)",
        rings.len(),
        || each(&rings, |r| ours(r)),
        || each(&rings, |r| rstar.in_polygon(r, places)),
    );
    Ok(())
}

/// A star of fifty corners, one to six kilometres out.
fn ring(centre: [f64; 2], rng: &mut SmallRng) -> Vec<[f64; 2]> {
    let corner = |n| {
        let (sin, cos) = (f64::from(n) / 50.0 * std::f64::consts::TAU).sin_cos();
        let out = rng.random_range(0.01..0.06);
        [centre[0] + out * cos, centre[1] + out * sin]
    };
    (0..50).map(corner).collect()
}

fn small_boxes(places: &[[f64; 2]], rng: &mut SmallRng) -> Outcome {
    let house = |at: &[f64; 2]| {
        let half = [rng.random_range(5e-5..4e-4), rng.random_range(5e-5..4e-4)];
        LonLatBox { min: [at[0] - half[0], at[1] - half[1]], max: [at[0] + half[0], at[1] + half[1]] }
    };
    let houses: Vec<LonLatBox> = places.iter().map(house).collect();
    let build = || -> Result<Packed<2>, spatial_index::Error> {
        let mut builder = PackedBuilder::with_capacity(houses.len());
        for (bounds, number) in houses.iter().zip(0..) {
            builder.boxed(*bounds, number)?;
        }
        builder.build()
    };
    let (packed, hilbert) = (build()?, Hilbert::boxes(&houses));
    beside("built of boxes, boxes/s (geo-index Hilbert)", POINTS, || drop(build()), || drop(Hilbert::boxes(&houses)));
    let windows = windows(1e-4, places, 10_000, rng);
    for window in windows.iter().take(200) {
        assert_eq!(sorted(packed.candidates(&window.region())), sorted(hilbert.in_box(window)));
    }
    beside(
        "box 1e-4 among boxes, ids (geo-index Hilbert)",
        windows.len(),
        || each(&windows, |w| packed.candidates(&w.region())),
        || each(&windows, |w| hilbert.in_box(w)),
    );
    Ok(())
}

fn position([lon_deg, lat_deg]: [f64; 2], time_us: i64) -> Position {
    Position { lon_deg, lat_deg, height_m: 0.0, time_us }
}

/// Objects picked at random, each a step of up to so many degrees on.
fn steps(places: &mut [[f64; 2]], count: usize, step: f64, rng: &mut SmallRng) -> Vec<(u32, [f64; 2], [f64; 2])> {
    let one = |_| {
        let number = rng.random_range(0..places.len());
        let before = places[number];
        places[number] = before.map(|v| v + step * (rng.random::<f64>() * 2.0 - 1.0));
        (number as u32, before, places[number])
    };
    (0..count).map(one).collect()
}

fn moving(places: &[[f64; 2]], rng: &mut SmallRng) -> Outcome {
    let mut index = MovingIndex::default();
    let mut rstar = Planar::new(places);
    let mut ours = Rate(0.0);
    ours.better(POINTS, || places.iter().zip(0..).for_each(|(at, n)| drop(index.upsert(n, position(*at, 0)))));
    println!("{:<44} {:>12.0}", "moving objects taken in/s", ours.0);
    let mut now = places.to_vec();
    for (what, step) in [("steps of 30 m", 3e-4), ("steps of 1 km", 1e-2), ("anywhere", 1.0)] {
        let (mut ours, mut peer) = (Rate(0.0), Rate(0.0));
        for _ in 0..3 {
            let steps = steps(&mut now, 300_000, step, rng);
            let news: Vec<_> = steps.iter().map(|(n, _, at)| (*n, position(*at, 1))).collect();
            ours.better(steps.len(), || drop(index.upsert_all(&news)));
            peer.better(steps.len(), || steps.iter().for_each(|(n, before, at)| rstar.step(*n, *before, *at)));
        }
        println!(
            "{:<44} {:>12.0} {:>12.0}  {:.1}",
            format!("moved/s, {what} (rstar)"),
            ours.0,
            peer.0,
            ours.0 / peer.0
        );
    }
    let circles =
        (0..2_000).map(|_| Circle::new(now[rng.random_range(0..now.len())], 500.0)).collect::<Result<Vec<_>, _>>()?;
    let finish = |c: &Circle| -> Vec<u32> {
        rstar.in_box(&c.bounds()).into_iter().filter(|n| c.holds(&now[*n as usize])).collect()
    };
    for circle in &circles {
        assert_eq!(sorted(index.numbers_in(circle)), sorted(finish(circle)));
    }
    beside(
        "500 m around among moving, ids (rstar)",
        circles.len(),
        || each(&circles, |c| index.numbers_in(c)),
        || each(&circles, |c| finish(c)),
    );
    let earth = Earth::new(&now);
    let from: Vec<_> = (0..20_000).map(|_| now[rng.random_range(0..now.len())].map(|v| v + 1e-4)).collect();
    for place in from.iter().take(1_000) {
        let ours: Vec<u32> = index.nearest(*place, 10, f64::INFINITY)?.into_iter().map(|(number, _)| number).collect();
        assert_eq!(ours, earth.nearest(place, 10));
    }
    beside(
        "nearest 10 among moving (rstar, earth-centred)",
        from.len(),
        || each(&from, |p| index.nearest(*p, 10, f64::INFINITY)),
        || each(&from, |p| earth.nearest(p, 10)),
    );
    Ok(())
}

/// A writer at full speed and a reader beside it.
fn beside_a_writer(places: &[[f64; 2]], rng: &mut SmallRng) -> Outcome {
    let mut index = MovingIndex::default();
    for (at, number) in places.iter().zip(0..) {
        index.upsert(number, position(*at, 0))?;
    }
    let shared = SharedMoving::new(index);
    let circles = (0..2_000)
        .map(|_| Circle::new(places[rng.random_range(0..places.len())], 500.0))
        .collect::<Result<Vec<_>, _>>()?;
    let mut now = places.to_vec();
    let batches: Vec<Vec<_>> = (0..200)
        .map(|_| steps(&mut now, 5_000, 3e-4, rng).into_iter().map(|(n, _, at)| (n, Some(position(at, 2)))).collect())
        .collect();
    let done = AtomicBool::new(false);
    let (written, mut waits) = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut waits = Vec::new();
            while !done.load(Ordering::Relaxed) {
                for circle in &circles {
                    let start = Instant::now();
                    std::hint::black_box(shared.read().numbers_in(circle));
                    waits.push(start.elapsed());
                }
            }
            waits
        });
        let start = Instant::now();
        let failed = batches.iter().cycle().take(600).filter(|batch| shared.apply(batch).is_err()).count();
        let took = start.elapsed();
        done.store(true, Ordering::Relaxed);
        ((failed, took), reader.join().unwrap_or_default())
    });
    waits.sort_unstable();
    let total: Duration = waits.iter().sum();
    assert_eq!(written.0, 0);
    println!(
        "a writer and a reader at once: {:.0} moved/s in batches of 5,000; {:.0} circles/s, p50 {:?}, p99 {:?}",
        600.0 * 5_000.0 / written.1.as_secs_f64(),
        waits.len() as f64 / total.as_secs_f64(),
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100],
    );
    Ok(())
}
