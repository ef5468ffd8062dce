//! A drawing of the district seen from above, kept as an artefact to be looked at. The test asserts that every entity
//! was drawn; whether it is handsome is for eyes to say.

use std::fmt::Write as _;
use std::path::PathBuf;

use kernel_model::{Change, Coord, EntityDraft, Kind, Shape};
use pilots_district::{CENTRE_LAT_DEG, CENTRE_LON_DEG};

use crate::CHANGES;

const SCALE: f64 = 1.6;

fn xy(c: &Coord) -> (f64, f64) {
    let x = (c.lon_deg - CENTRE_LON_DEG) * 85_415.0 + 545.0;
    let y = 545.0 - (c.lat_deg - CENTRE_LAT_DEG) * 111_034.0;
    (x * SCALE, y * SCALE)
}

fn path(ring: &[Coord], close: bool) -> String {
    let mut out = String::new();
    for (i, c) in ring.iter().enumerate() {
        let (x, y) = xy(c);
        let _ = write!(out, "{}{x:.2} {y:.2}", if i == 0 { 'M' } else { 'L' });
    }
    if close {
        out.push('Z');
    }
    out
}

fn colour(e: &EntityDraft) -> &'static str {
    match (e.kind, e.class.as_str()) {
        (Kind::Landuse, "park") => "#cfe3b4",
        (Kind::Landuse, "lawn" | "garden") => "#bedc9d",
        (Kind::Landuse, "pitch") => "#9fcf85",
        (Kind::Landuse, "track") => "#d98b6a",
        (Kind::Landuse, "hutong") => "#e3dccb",
        (Kind::Landuse, "plaza") => "#efe8dc",
        (Kind::Landuse, "commercial") => "#e9e6ee",
        (Kind::Landuse, "retail") => "#f2e6dc",
        (Kind::Landuse, "industrial") => "#e6dfe2",
        (Kind::Landuse, "university" | "school") => "#e8ead2",
        (Kind::Landuse, _) => "#eceadf",
        (Kind::Building, "office") => "#8fa6c4",
        (Kind::Building, "hotel") => "#b69ac0",
        (Kind::Building, "commercial" | "retail") => "#e0a884",
        (Kind::Building, "hutong") => "#a3a09a",
        (Kind::Building, "university" | "school" | "kindergarten") => "#c9a25e",
        (Kind::Building, "industrial") => "#b78d7c",
        (Kind::Building, "residential") => "#d9c7a7",
        _ => "#c06b4d",
    }
}

fn svg(changes: &[Change]) -> String {
    let size = 1_090.0 * SCALE;
    let mut out = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{size}' height='{size}'><rect width='{size}' height='{size}' fill='#dedbd2'/>"
    );
    let entities = || changes.iter().filter_map(|c| if let Change::Entity(e) = c { Some(e) } else { None });
    let of = |kind: Kind| entities().filter(move |e| e.kind == kind);
    for kind in [Kind::Landuse, Kind::Water] {
        for e in of(kind) {
            let Some(Shape::Polygon(rings)) = e.geometry.as_ref().map(|g| &g.shape) else { continue };
            let d: String = rings.iter().map(|r| path(r, true)).collect();
            let fill = if kind == Kind::Water { "#9cc7de" } else { colour(e) };
            let _ = writeln!(out, "<path d='{d}' fill='{fill}' fill-rule='evenodd'/>");
        }
    }
    for (extra, line) in [(true, "#c9c5bb"), (false, "#f4f2ec")] {
        for e in of(Kind::Road) {
            let Some(Shape::LineString(points)) = e.geometry.as_ref().map(|g| &g.shape) else { continue };
            let width = e.properties["width_m"].as_f64().unwrap();
            let walk = e.properties["sidewalk_m"].as_f64().unwrap();
            let width = if extra { width + 2.0 * walk } else { width } * SCALE;
            let line = if e.class == "footway" { "#efe3c4" } else { line };
            let d = path(points, false);
            let _ = writeln!(
                out,
                "<path d='{d}' fill='none' stroke='{line}' stroke-width='{width:.1}' stroke-linecap='round'/>"
            );
        }
    }
    buildings(&mut out, of(Kind::Building));
    for e in of(Kind::Vegetation) {
        let Some(Shape::Point(c)) = e.geometry.as_ref().map(|g| &g.shape) else { continue };
        let (x, y) = xy(c);
        let r = e.properties["crown_m"].as_f64().unwrap() / 2.0 * SCALE;
        let fill = if e.properties["species"] == "ginkgo" { "#c9b64a" } else { "#6f9a5c" };
        let _ = writeln!(out, "<circle cx='{x:.1}' cy='{y:.1}' r='{r:.1}' fill='{fill}' fill-opacity='.75'/>");
    }
    out.push_str("</svg>");
    out
}

/// Long shadows first, then roofs, shaded by the way they face, the higher the later.
fn buildings<'a>(out: &mut String, buildings: impl Iterator<Item = &'a EntityDraft> + Clone) {
    for e in buildings.clone() {
        let Some(Shape::MultiPolygon(faces)) = e.geometry.as_ref().map(|g| &g.shape) else { continue };
        for face in faces {
            let shifted: Vec<Coord> = face[0]
                .iter()
                .map(|c| {
                    let up = c.height_m - 42.0;
                    Coord::new(c.lon_deg + up * 0.38 / 85_415.0, c.lat_deg + up * 0.30 / 111_034.0, 0.0)
                })
                .collect();
            let _ = writeln!(out, "<path d='{}' fill='#6b6f7d' fill-opacity='1' opacity='.35'/>", path(&shifted, true));
        }
    }
    for e in buildings {
        let Some(Shape::MultiPolygon(faces)) = e.geometry.as_ref().map(|g| &g.shape) else { continue };
        let mut up: Vec<_> = faces.iter().map(|f| (normal(&f[0]), f)).filter(|(n, _)| n.2 > 0.05).collect();
        up.sort_by(|a, b| a.1[0][0].height_m.total_cmp(&b.1[0][0].height_m));
        for (n, face) in up {
            let light = (0.55 + 0.45 * (n.2 * 0.7 - n.0 * 0.5 - n.1 * 0.5)).clamp(0.3, 1.05);
            let rgb: Vec<u32> =
                (0..3).map(|i| u32::from_str_radix(&colour(e)[1 + 2 * i..3 + 2 * i], 16).unwrap()).collect();
            let shade: Vec<u32> = rgb.iter().map(|v| ((f64::from(*v) * light * 1.12) as u32).min(255)).collect();
            let d: String = face.iter().map(|r| path(r, true)).collect();
            let _ = writeln!(
                out,
                "<path d='{d}' fill='rgb({},{},{})' fill-rule='evenodd' stroke='#5c564d' stroke-width='.35'/>",
                shade[0], shade[1], shade[2]
            );
        }
    }
}

fn normal(ring: &[Coord]) -> (f64, f64, f64) {
    let mut n = (0.0, 0.0, 0.0);
    for w in ring.windows(2) {
        let (ax, ay) = (w[0].lon_deg * 85_415.0, w[0].lat_deg * 111_034.0);
        let (bx, by) = (w[1].lon_deg * 85_415.0, w[1].lat_deg * 111_034.0);
        let (az, bz) = (w[0].height_m, w[1].height_m);
        n.0 += (ay - by) * (az + bz);
        n.1 += (az - bz) * (ax + bx);
        n.2 += (ax - bx) * (ay + by);
    }
    let length = (n.0 * n.0 + n.1 * n.1 + n.2 * n.2).sqrt().max(1e-9);
    (n.0 / length, n.1 / length, n.2 / length)
}

fn artefacts() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/artefacts");
    let folder = std::env::var_os("URBIS_ARTEFACTS").map_or_else(|| PathBuf::from(default), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_plan_is_drawn() {
    let changes = &*CHANGES;
    let svg = svg(changes);
    std::fs::write(artefacts().join("district.svg"), &svg).unwrap();
    let count = |kind: Kind| changes.iter().filter(|c| matches!(c, Change::Entity(e) if e.kind == kind)).count();
    for kind in [Kind::Building, Kind::Road, Kind::Vegetation, Kind::Landuse, Kind::Water] {
        println!("{kind}: {}", count(kind));
    }
    let mut classes = std::collections::BTreeMap::new();
    crate::entities(Kind::Building).for_each(|b| *classes.entry(b.class.as_str()).or_insert(0) += 1);
    println!("{classes:?}");
    assert_eq!(svg.matches("<circle").count(), count(Kind::Vegetation));
}
