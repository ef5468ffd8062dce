//! Time per position of the hot paths, in nanoseconds: `cargo run --release -p coding-system --example speed`.
//!
//! Positions around Beijing, coded in batches of 4,096 until 200 batches are done; the best batch is printed, because a machine shared with
//! others only ever adds time. A sum of the results keeps the compiler from leaving work out. Only the coding is timed.
#![expect(clippy::print_stdout, reason = "a program that prints its measurements")]

use std::time::Instant;

use coding_system::{Error, GridCell, Key, LonLatBox, Position, Profile, beidou, cover, geosot, h3};

const BATCH: u64 = 4096;

fn main() -> Result<(), Error> {
    let positions = (0..BATCH).map(position).collect::<Result<Vec<_>, _>>()?;
    let low = |key: Result<Key, Error>| key.map_or(0, |k| k.to_u128() as u64);
    measure("GeoSOT 2D Morton (u64)", &positions, geosot::morton_2d);
    measure("GeoSOT 3D Morton (u96)", &positions, |p| geosot::morton_3d(p).unwrap_or(0) as u64);
    measure("key 2D, space first", &positions, |p| {
        low(Key::new_2d(p, Some(1_795_330_800_000_000), Profile::SpaceFirst))
    });
    measure("key 3D, space first", &positions, |p| low(Key::new(p, Some(1_795_330_800_000_000), Profile::SpaceFirst)));
    let mut buffer = [0; 20];
    measure("BeiDou 2D text, level 10, into a buffer", &positions, |p| {
        beidou::encode_into(p, 10, &mut buffer).map_or(0, |n| u64::from(buffer[n - 1]))
    });
    measure("BeiDou 2D text, level 10", &positions, |p| {
        beidou::encode_2d(p, 10).map_or(0, |t| u64::from(t.as_bytes()[19]))
    });
    measure("BeiDou 3D text, level 10", &positions, |p| {
        beidou::encode_3d(p, 10).map_or(0, |t| u64::from(t.as_bytes()[31]))
    });
    measure("BeiDou 2D text read", &positions, |p| {
        beidou::encode_2d(p, 10).and_then(|t| beidou::Cell::parse(&t)).map_or(0, |c| u64::from(c.level()))
    });
    measure("H3 resolution 12", &positions, |p| h3::Cell::of(p, 12).map_or(0, |c| c.to_u64()));
    let area = LonLatBox::new(116.31, 39.87, 116.42, 39.95)?;
    measure("cover of a city box, 64 cells", &positions[..16], |_| {
        cover::cover_box(&area, 64, 32).map_or(0, |c| c.len() as u64)
    });
    Ok(())
}

/// Scattered over a degree by two multiplicative sequences, with heights of a city.
fn position(i: u64) -> Result<Position, Error> {
    let share = |factor: u64| (i.wrapping_mul(factor) >> 11) as f64 / (1u64 << 53) as f64;
    let (u, v, w) = (share(0x9e37_79b9_7f4a_7c15), share(0xc2b2_ae3d_27d4_eb4f), share(0x1656_67b1_9e37_79f9));
    Position::new(115.9 + u, 39.4 + v, Some(20.0 + 300.0 * w))
}

fn measure(name: &str, positions: &[Position], mut work: impl FnMut(&Position) -> u64) {
    let mut best = f64::INFINITY;
    let mut sum = 0u64;
    for _ in 0..200 {
        let start = Instant::now();
        sum = positions.iter().fold(0, |sum, p| sum.wrapping_add(work(p)));
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / positions.len() as f64);
    }
    println!("{name:<42} {best:>9.1} ns   (sum {sum:x})");
}
