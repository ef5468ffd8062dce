//! Draws "one place in every code" (`docs/codes.md`): the cells of each scheme around one place over a small map, covers of an area, their
//! algebra, a corridor and a trajectory, and conversions, as SVG files. `cargo run --release -p coding-system --example one_place --
//! docs/codes` writes them; a GeoJSON file as second argument replaces the map (its lines and outlines) and the area (its first
//! polygon). It also prints the table of the page.
#![expect(clippy::print_stdout, reason = "a program that prints a table")]

mod draw;
mod figures;
mod map;

use std::path::Path;

use coding_system::{Position, Scheme, encode_with_geoid};
use map::Map;

/// What goes wrong is said in words and ends the program.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The geoid lies about so far below the ellipsoid in Beijing, metres (EGM2008, rounded).
const GEOID_M: f64 = -9.0;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "docs/codes".to_owned());
    let map = match arguments.next() {
        Some(file) => Map::of_geojson(&std::fs::read_to_string(file)?)?,
        None => Map::by_hand()?,
    };
    std::fs::create_dir_all(&folder)?;
    for (name, figure) in figures::all(&map)? {
        std::fs::write(Path::new(&folder).join(name), figure)?;
    }
    table(&map.place)
}

/// The rows of the page: the place in every code.
fn table(place: &Position) -> Outcome<()> {
    println!("| scheme | level | 2D | 3D |\n|---|---|---|---|");
    let rows =
        [(Scheme::BeiDou, 8, "BeiDou 北斗"), (Scheme::GeoSot, 26, "GeoSOT"), (Scheme::Rslc, 14, "RSLC 实景三维中国")];
    for (scheme, level, name) in rows {
        let flat = encode_with_geoid(scheme, level, &place.without_height(), None, None)?;
        println!("| {name} | {level} | `{flat}` | `{}` |", encode_with_geoid(scheme, level, place, None, None)?);
    }
    println!("| H3 | 12 | `{}` | |", encode_with_geoid(Scheme::H3, 12, place, None, None)?);
    println!(
        "| Spatial ID 空間ID | 24 | | `{}` |",
        encode_with_geoid(Scheme::SpatialId, 24, place, None, Some(GEOID_M))?
    );
    println!(
        "| space-time code 时空码 | 8 | `{}` | |",
        encode_with_geoid(Scheme::SpaceTime, 8, &place.without_height(), Some(1_795_330_800_000_000), None)?
    );
    Ok(())
}
