//! The pilot as its users see it: files read, clashes, sequences, mates, parts as things, sessions.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod clash;
mod entities;
mod mates;
mod reading;
mod reference;
mod sequence;
mod session;
mod tour;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use glam::{DAffine3, DVec3};
use pilots_assembly::{Assembly, Checked, Mesh, Part, Plan, Unit, check, make_glb, read, read_file, sequence};

/// Real input, or `None` with a word about it; missing it fails where `CI` is set.
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("URBIS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let file = root.join(path);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", file.display());
    println!("left out: needs ../shared/{path}");
    None
}

/// The engine, read once.
fn engine() -> Option<&'static Assembly> {
    static ENGINE: LazyLock<Option<Assembly>> = LazyLock::new(|| {
        shared("data/industrial/2CylinderEngine.glb").map(|file| read_file(&file, Some(Unit::Mm)).unwrap())
    });
    ENGINE.as_ref()
}

/// The engine's sequence and its check, worked out once.
fn engine_plan() -> Option<&'static (Plan, Vec<Checked>)> {
    static PLAN: LazyLock<Option<(Plan, Vec<Checked>)>> = LazyLock::new(|| {
        let plan = sequence(engine()?, 0.1).unwrap();
        let checked = check(engine()?, &plan, 1.0);
        Some((plan, checked))
    });
    PLAN.as_ref()
}

fn made(parts: usize) -> Assembly {
    read(&make_glb(parts, 7).unwrap(), "made.glb", None, Some(Unit::Mm)).unwrap()
}

/// A box with its lower corner at the origin, corners shared, outward.
fn block(size: DVec3) -> Mesh {
    let corner =
        |bits: usize| DVec3::from_array(std::array::from_fn(|axis| f64::from((bits >> axis & 1) as u32) * size[axis]));
    let points: Vec<DVec3> = (0..8).map(corner).collect();
    let faces = [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];
    let triangles: Vec<[u32; 3]> = faces.iter().flat_map(|[a, b, c, d]| [[*a, *b, *c], [*a, *c, *d]]).collect();
    Mesh::new(&points, &triangles)
}

/// Bodies at places.
fn assembly(bodies: &[(&str, &Arc<Mesh>, DAffine3)]) -> Assembly {
    let part = |(body, (id, mesh, pose)): (usize, &(&str, &Arc<Mesh>, DAffine3))| Part {
        id: (*id).to_owned(),
        name: (*id).to_owned(),
        path: Vec::new(),
        mesh: Arc::clone(mesh),
        body,
        pose: *pose,
        colour: [180, 180, 180],
    };
    Assembly { name: "bodies".to_owned(), unit: Unit::Mm, parts: bodies.iter().enumerate().map(part).collect() }
}

fn at(x: f64, y: f64, z: f64) -> DAffine3 {
    DAffine3::from_translation(DVec3::new(x, y, z))
}
