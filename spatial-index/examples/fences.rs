//! How many positions a second find their fences: `cargo run --release -p spatial-index --example fences [FENCES] [MOVERS]`.
//!
//! A million polygons of twenty corners in a city of 100 km, half of them small (40 to 120 m), the rest up to 2 km, a third
//! with a height band; a hundred thousand things that move 15 m a step. Twenty answers are first compared with a test
//! of every fence; a difference ends the program. One thread.
#![expect(clippy::print_stdout, reason = "a program that prints its measurements")]

use std::{error::Error, time::Instant};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use spatial_index::{Fence, Fences};

const WEST: f64 = 116.0;
const SOUTH: f64 = 39.5;
const WIDTH: f64 = 1.0;
const METRE: f64 = 1e-5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let fences = arguments.next().unwrap_or(Ok(1_000_000))?;
    let movers = arguments.next().unwrap_or(Ok(100_000))?;
    let mut rng = SmallRng::seed_from_u64(42);
    let all = (0..fences).map(|_| fence(&mut rng)).collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let mut index = Fences::new();
    for (number, fence) in (0..).zip(&all) {
        index.insert(number, fence.clone())?;
    }
    let built = begun.elapsed();
    println!("{fences} fences in {built:.2?}, {} MiB", index.memory_bytes() >> 20);
    let mut things: Vec<[f64; 3]> = (0..movers)
        .map(|_| {
            let [lon, lat] = somewhere(&mut rng);
            [lon, lat, rng.random_range(0.0..200.0)]
        })
        .collect();
    compare(&index, &all, &things)?;
    for _ in 0..3 {
        let (begun, mut held) = (Instant::now(), 0_u64);
        for at in &mut things {
            at[0] += rng.random_range(-15.0..15.0) * METRE;
            at[1] += rng.random_range(-15.0..15.0) * METRE;
            index.visit([at[0], at[1]], Some(at[2]), |_, _| held += 1);
        }
        let took = begun.elapsed().as_secs_f64();
        let each = held as f64 / movers as f64;
        println!("{movers} positions in {took:.3} s: {:.0} a second, in {each:.1} fences each", movers as f64 / took);
    }
    Ok(())
}

fn somewhere(rng: &mut SmallRng) -> [f64; 2] {
    [WEST + rng.random_range(0.0..WIDTH), SOUTH + rng.random_range(0.0..WIDTH)]
}

fn fence(rng: &mut SmallRng) -> Result<Fence, spatial_index::Error> {
    let [lon, lat] = somewhere(rng);
    let size_m = if rng.random() { rng.random_range(20.0..60.0) } else { 20.0 * 50_f64.powf(rng.random()) };
    let corner = |n: i32| {
        let (sin, cos) = (f64::from(n) * std::f64::consts::TAU / 20.0).sin_cos();
        let r = size_m * METRE * rng.random_range(0.6..1.0);
        [lon + r * cos, lat + r * sin]
    };
    let ring: Vec<[f64; 2]> = (0..20).map(corner).collect();
    let fence = Fence::polygons(&[vec![ring]])?;
    if rng.random_ratio(1, 3) { fence.between(0.0, 120.0) } else { Ok(fence) }
}

fn compare(index: &Fences, all: &[Fence], things: &[[f64; 3]]) -> Result<(), Box<dyn Error>> {
    for [lon, lat, height_m] in things.iter().step_by(things.len().div_ceil(20).max(1)) {
        let mut found = Vec::new();
        index.visit([*lon, *lat], Some(*height_m), |number, _| found.push(number));
        found.sort_unstable();
        let holds = |fence: &Fence| fence.holds([*lon, *lat], Some(*height_m)).is_some();
        let wanted: Vec<u32> = (0..).zip(all).filter(|(_, fence)| holds(fence)).map(|(number, _)| number).collect();
        if found != wanted {
            return Err(format!("at {lon} {lat} {height_m}: {found:?}, not {wanted:?}").into());
        }
    }
    println!("20 answers are those of a test of every fence");
    Ok(())
}
