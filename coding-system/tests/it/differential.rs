//! Against independent programs: thousands of random questions are asked at once of the reference libraries of H3, S2 and Plus Codes, by small
//! programs in `tests/differential`, and every answer is compared with ours. The libraries are installed into an environment of their own
//! (`python3 -m venv tests/differential/.venv`, then `pip install -r tests/differential/requirements.txt` with it); where it is missing the
//! test says so and is left out, but never in CI.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coding_system::cover::{Limits, Shape, cover_s2};
use coding_system::{GridCell, LonLatBox, Position, h3, pluscode, s2};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// The interpreter that has the libraries: `URBIS_CODES_PYTHON`, or that of the environment beside the programs.
fn interpreter() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/.venv/bin/python");
    let python = std::env::var_os("URBIS_CODES_PYTHON").map_or(beside, PathBuf::from);
    if python.exists() {
        return Some(python);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing: make its environment", python.display());
    eprintln!("left out: {} is missing", python.display());
    None
}

/// What a program answers to the questions, one line each.
fn ask(program: &str, questions: &[String]) -> Option<Vec<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential").join(program);
    let mut child = Command::new(interpreter()?)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut input = child.stdin.take().unwrap();
    let text = questions.join("\n") + "\n";
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{program} ended with {}", output.status);
    let answers: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), questions.len(), "{program} left questions unanswered");
    Some(answers)
}

/// Random values, others in every run.
fn random<S: Strategy>(strategy: S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::default();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn place() -> impl Strategy<Value = (f64, f64)> {
    // Even over the sphere, so that the poles are not overdone, and some places at them and at the antimeridian.
    let even = (-180.0..180.0f64, -1.0..1.0f64).prop_map(|(lon, sin)| (lon, sin.asin().to_degrees()));
    prop_oneof![8 => even, 1 => (179.99..180.0f64, -90.0..90.0f64), 1 => (-180.0..180.0f64, 89.0..90.0f64)]
}

fn cell_of((lon, lat): (f64, f64), resolution: u8) -> h3::Cell {
    h3::Cell::of(&Position::new_2d(lon, lat).unwrap(), resolution).unwrap()
}

fn places_of(answer: &str) -> Vec<(f64, f64)> {
    let numbers: Vec<f64> = answer.split(' ').map(|word| word.parse().unwrap()).collect();
    numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect()
}

fn ids(cells: impl IntoIterator<Item = h3::Cell>) -> BTreeSet<String> {
    cells.into_iter().map(|cell| cell.text().to_string()).collect()
}

fn listed(answer: &str) -> BTreeSet<String> {
    answer.split_whitespace().map(str::to_owned).collect()
}

/// The same place, or nearly: 1e-9 degrees is a tenth of a millimetre. Near a pole an arc sine loses digits in any program, by one over the
/// cosine of the latitude.
fn same(a: (f64, f64), b: (f64, f64)) -> bool {
    let squeeze = a.1.to_radians().cos();
    let hair_deg = 1e-9 + 1e-13 / squeeze.max(1e-7);
    let aside = (a.0 - b.0 + 540.0).rem_euclid(360.0) - 180.0;
    aside.abs() * squeeze < hair_deg && (a.1 - b.1).abs() < hair_deg
}

#[test]
fn h3_cells_there_and_back() {
    let asked = random((place(), 0..=15u8), 4000);
    let questions: Vec<_> =
        asked.iter().map(|((lon, lat), resolution)| format!("cell {lon:?} {lat:?} {resolution}")).collect();
    let Some(theirs) = ask("h3_answers.py", &questions) else { return };
    for ((place, resolution), id) in asked.iter().zip(&theirs) {
        assert_eq!(cell_of(*place, *resolution).text(), id.as_str(), "{place:?}");
    }
    // The other way: what their cells are, asked of both.
    let questions: Vec<_> = theirs.iter().flat_map(|id| [format!("centre {id}"), format!("boundary {id}")]).collect();
    let answers = ask("h3_answers.py", &questions).unwrap();
    for (id, answer) in theirs.iter().zip(answers.chunks(2)) {
        let cell: h3::Cell = id.parse().unwrap();
        assert!(same(cell.centre_deg(), places_of(&answer[0])[0]), "{id} {} {:?}", answer[0], cell.centre_deg());
        let (ours, corners) = (cell.boundary_deg(), places_of(&answer[1]));
        assert!(
            ours.len() == corners.len() && ours.iter().zip(&corners).all(|(a, b)| same(*a, *b)),
            "{id} {ours:?} {corners:?}"
        );
    }
}

#[test]
fn h3_families_and_neighbours() {
    let asked = random((place(), 1..=14u8, 0..=5u32, 0..=14u8, (-0.01..0.01f64, -0.01..0.01f64)), 1500);
    let mut questions = Vec::new();
    for (place, resolution, k, coarser, shift) in &asked {
        let cell = cell_of(*place, *resolution).text();
        let other =
            cell_of((place.0.clamp(-179.9, 179.9) + shift.0, (place.1 + shift.1).clamp(-90.0, 90.0)), *resolution)
                .text();
        questions.push(format!("parent {cell} {}", coarser.min(resolution)));
        questions.push(format!("children {cell}"));
        questions.push(format!("disk {cell} {k}"));
        questions.push(format!("distance {cell} {other}"));
    }
    let Some(answers) = ask("h3_answers.py", &questions) else { return };
    for ((question, answer), (_, _, k, coarser, _)) in questions.chunks(4).zip(answers.chunks(4)).zip(&asked) {
        let words: Vec<_> = question[3].split(' ').collect();
        let (cell, other): (h3::Cell, h3::Cell) = (words[1].parse().unwrap(), words[2].parse().unwrap());
        assert_eq!(cell.parent((*coarser).min(cell.level())).unwrap().text(), answer[0].as_str(), "{}", question[0]);
        assert_eq!(ids(cell.children()), listed(&answer[1]), "{}", question[1]);
        assert_eq!(ids(cell.disk(*k).unwrap()), listed(&answer[2]), "{}", question[2]);
        let ours = cell.distance(&other).map_or("none".to_owned(), |steps| steps.to_string());
        assert_eq!(ours, answer[3], "{}", question[3]);
    }
}

/// Our cover holds every cell they find to overlap a polygon, our inner cells are among those they find inside; both differ only at the
/// border, where our margin is wider.
#[test]
fn h3_covers() {
    let size = prop_oneof![Just(0.05), Just(0.5), Just(3.0)];
    let asked = random((-170.0..170.0f64, -70.0..70.0f64, size, prop::collection::vec(0.4..1.0f64, 3..12)), 150);
    let rings: Vec<Vec<(f64, f64)>> = asked
        .iter()
        .map(|(lon, lat, size, radii)| {
            let angle = |i: usize| i as f64 / radii.len() as f64 * std::f64::consts::TAU;
            let corners = radii.iter().enumerate();
            corners.map(|(i, r)| (lon + size * r * angle(i).cos(), lat + size * r * angle(i).sin())).collect()
        })
        .collect();
    let resolution = |size: f64| {
        if size > 1.0 {
            4
        } else if size > 0.1 {
            6
        } else {
            8
        }
    };
    let questions: Vec<_> = asked
        .iter()
        .zip(&rings)
        .map(|((_, _, size, _), ring)| {
            let numbers: Vec<_> = ring.iter().map(|(lon, lat)| format!("{lon:?} {lat:?}")).collect();
            format!("cover {} {}", resolution(*size), numbers.join(" "))
        })
        .collect();
    let Some(answers) = ask("h3_answers.py", &questions) else { return };
    let (mut kept, mut theirs) = (0, 0);
    for ((ring, answer), (_, _, size, _)) in rings.iter().zip(&answers).zip(&asked) {
        let (overlap, full) = answer.split_once('|').unwrap();
        let cover = h3::cover_polygon(ring, resolution(*size), 100_000).unwrap();
        let (all, inner) = (ids(cover.iter().map(|c| c.cell)), ids(cover.iter().filter(|c| c.inner).map(|c| c.cell)));
        assert!(all.is_superset(&listed(overlap)), "{ring:?}: {:?}", listed(overlap).difference(&all));
        assert!(inner.is_subset(&listed(full)), "{ring:?}: {:?}", inner.difference(&listed(full)));
        (kept, theirs) = (kept + all.len(), theirs + listed(overlap).len());
    }
    assert!(kept * 100 <= theirs * 105, "our covers have {kept} cells and theirs {theirs}");
}

#[test]
fn s2_cells_there_and_back() {
    let asked = random((place(), 0..=30u8), 4000);
    let questions: Vec<_> = asked.iter().map(|((lon, lat), level)| format!("cell {lon:?} {lat:?} {level}")).collect();
    let Some(theirs) = ask("s2_answers.py", &questions) else { return };
    for ((place, level), token) in asked.iter().zip(&theirs) {
        let ours = s2::Cell::of(&Position::new_2d(place.0, place.1).unwrap(), *level).unwrap();
        assert_eq!(ours.text(), token.as_str(), "{place:?}");
    }
    let questions: Vec<_> =
        theirs.iter().flat_map(|token| [format!("centre {token}"), format!("boundary {token}")]).collect();
    let answers = ask("s2_answers.py", &questions).unwrap();
    for ((token, answer), (place, level)) in theirs.iter().zip(answers.chunks(2)).zip(&asked) {
        let cell: s2::Cell = token.parse().unwrap();
        assert_eq!((cell.text().as_str(), cell.level()), (token.as_str(), *level));
        assert!(same(cell.centre_deg(), places_of(&answer[0])[0]), "{token} {} {:?}", answer[0], cell.centre_deg());
        let (ours, corners) = (cell.boundary_deg(), places_of(&answer[1]));
        assert!(ours.iter().zip(&corners).all(|(a, b)| same(*a, *b)), "{token} {ours:?} {corners:?}");
        assert!(
            cell.area().contains(&Position::new_2d(place.0, place.1).unwrap()),
            "{token} {:?} {place:?}",
            cell.area()
        );
    }
    let parents: Vec<_> = theirs.iter().filter(|token| token.parse::<s2::Cell>().unwrap().level() < 30).collect();
    let questions: Vec<_> = parents.iter().map(|token| format!("children {token}")).collect();
    for (token, answer) in parents.iter().zip(ask("s2_answers.py", &questions).unwrap()) {
        let cell: s2::Cell = token.parse().unwrap();
        let ours: Vec<_> = cell.children().map(|child| child.text().to_string()).collect();
        assert_eq!(ours.join(" "), answer, "{token}");
        assert!(cell.children().all(|child| cell.contains(&child) && child.parent(cell.level()) == Some(cell)));
    }
}

/// Every place of a box is, by their word, in a cell of our cover; of a cell we call inner, every place they put into it is in the box.
#[test]
fn s2_covers() {
    let size = prop_oneof![Just(0.002), Just(0.5), Just(12.0)];
    let asked = random((place(), size, 6..200usize, prop::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 12)), 200);
    let mut questions = Vec::new();
    let mut boxes = Vec::new();
    for ((lon, lat), size, max_cells, shares) in &asked {
        let (lon, lat) = (lon.clamp(-179.9, 167.0), lat.clamp(-89.9, 77.0));
        let area = LonLatBox::new(lon, lat, lon + size, lat + size).unwrap();
        let cover = cover_s2(&Shape::of_box(&area), Limits { max_cells: *max_cells, finest_level: 30 }).unwrap();
        assert!(cover.len() <= *max_cells);
        for (u, v) in shares {
            let p = Position::new_2d(lon + size * u, lat + size * v).unwrap();
            let leaf = s2::Cell::of(&p, 30).unwrap();
            let (cell, _) = cover
                .iter()
                .find(|(cell, _)| cell.contains(&leaf))
                .unwrap_or_else(|| panic!("{p:?} is left out of {area:?}"));
            questions.push(format!("inside {cell} {:?} {:?}", p.lon_deg(), p.lat_deg()));
        }
        boxes.push((area, cover));
    }
    let Some(answers) = ask("s2_answers.py", &questions) else { return };
    assert!(answers.iter().all(|answer| answer == "1"), "they put a place into another cell");
    let inner: Vec<_> = boxes
        .iter()
        .flat_map(|(area, cover)| cover.iter().filter(|c| c.1).take(20).map(move |c| (area, c.0)))
        .collect();
    assert!(inner.len() > 500, "{} inner cells", inner.len());
    let questions: Vec<_> = inner.iter().map(|(_, cell)| format!("boundary {cell}")).collect();
    for ((area, cell), answer) in inner.iter().zip(ask("s2_answers.py", &questions).unwrap()) {
        assert!(
            places_of(&answer).iter().all(|p| area.contains(&Position::new_2d(p.0, p.1).unwrap())),
            "{cell} {area:?}"
        );
    }
}

#[test]
fn plus_codes_there_and_back() {
    let digits = prop::sample::select(vec![2u8, 4, 6, 8, 10, 11, 12, 13, 14, 15]);
    let asked = random((place(), digits), 4000);
    let questions: Vec<_> = asked.iter().map(|((lon, lat), digits)| format!("code {lon:?} {lat:?} {digits}")).collect();
    let Some(theirs) = ask("pluscode_answers.py", &questions) else { return };
    let mut compared = 0;
    for (((lon, lat), digits), code) in asked.iter().zip(&theirs) {
        // Their program rounds to a millionth of the finest step before the floor: within that of an edge the two may differ.
        let near_edge = |deg: f64, steps: f64| ((deg * steps).fract().abs() - 0.5).abs() > 0.5 - 1e-5;
        if near_edge(*lat, 2.5e7) || near_edge(*lon, 8_192_000.0) {
            continue;
        }
        compared += 1;
        assert_eq!(
            pluscode::encode(&Position::new_2d(*lon, *lat).unwrap(), *digits).unwrap(),
            code.as_str(),
            "{lon} {lat}"
        );
    }
    assert!(compared > 3900, "only {compared} places are away from edges");
    let questions: Vec<_> = theirs.iter().flat_map(|code| [format!("area {code}"), format!("full {code}")]).collect();
    for (code, answer) in theirs.iter().zip(ask("pluscode_answers.py", &questions).unwrap().chunks(2)) {
        let (ours, sides) = (pluscode::decode(code).unwrap(), places_of(&answer[0]));
        let same = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 1e-9 && (a.1 - b.1).abs() < 1e-9;
        assert!(
            same((ours.west_deg(), ours.south_deg()), sides[0]) && same((ours.east_deg(), ours.north_deg()), sides[1]),
            "{code}"
        );
        assert_eq!(answer[1], "1");
    }
}
