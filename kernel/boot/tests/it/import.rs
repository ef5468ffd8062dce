//! A file is taken in again: what it lists no more is removed, unless it is said to be a part; what was refused is not. An
//! import that is killed leaves nothing, and the next one is whole, in the store and in the ledger.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{done, run, stderr, urbis};

/// A square for each id.
fn collection(ids: impl Iterator<Item = u32>) -> String {
    let square = |id: u32| {
        let (x, y) = (116.0 + f64::from(id % 1000) * 1e-4, 39.0 + f64::from(id / 1000) * 1e-4);
        let at = |dx: f64, dy: f64| format!("[{:.7},{:.7}]", x + dx, y + dy);
        let ring = [at(0.0, 0.0), at(5e-5, 0.0), at(5e-5, 5e-5), at(0.0, 5e-5), at(0.0, 0.0)].join(",");
        format!(
            r#"{{"type":"Feature","id":{id},"properties":{{}},"geometry":{{"type":"Polygon","coordinates":[[{ring}]]}}}}"#
        )
    };
    let features: Vec<_> = ids.map(square).collect();
    format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
}

struct Town {
    dir: tempfile::TempDir,
}

impl Town {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and takes it in.
    fn import(&self, name: &str, text: &str, more: &[&str]) -> String {
        let (file, data) = (self.path(name), self.path("data"));
        fs::write(&file, text).unwrap();
        done(&[&["import", &file, "--dataset", "town", "--class", "building", "--data", &data], more].concat())
    }

    fn count(&self, query: &str) -> usize {
        let answer = done(&["sql", query, "--data", &self.path("data"), "--format", "csv"]);
        answer.lines().nth(1).unwrap().parse().unwrap()
    }

    fn there(&self) -> usize {
        self.count("SELECT count(*) FROM entities")
    }
}

#[test]
fn what_a_file_lists_no_more_is_removed_and_what_is_refused_is_not() {
    let town = Town::new();
    assert!(town.import("a.geojson", &collection(0..10), &[]).contains("imported 10 new"));
    let report = town.import("a.geojson", &collection(0..8), &["--partial"]);
    assert!(report.contains("8 unchanged, 0 removed"), "{report}");
    let report = town.import("a.geojson", &collection(0..8), &[]);
    assert!(report.contains("imported 0 new, 0 revised") && report.contains("8 unchanged, 2 removed"), "{report}");
    assert_eq!(town.there(), 8);
    assert_eq!(town.count("SELECT count(*) FROM entity_revisions WHERE lineage LIKE '%not in a any more'"), 2);
    assert_eq!(town.count("SELECT count(*) FROM assets WHERE operation = 'retire'"), 2);
    // Another file of the dataset adds to it; alone it is all of the dataset only where that is said.
    let report = town.import("b.geojson", &collection(5..12), &[]);
    assert!(report.contains("imported 2 new, 2 revised") && report.contains("3 unchanged, 0 removed"), "{report}");
    assert_eq!(town.there(), 12);
    // A record that is refused and says whose it is keeps its thing; one that does not say it keeps all.
    let bad = collection(0..3).replacen("116.0001000", "416.0001000", 1);
    let report = town.import("a.geojson", &bad, &[]);
    assert!(report.contains("refused 1") && report.contains("2 unchanged, 2 removed"), "{report}");
    assert_eq!(town.there(), 10, "3 and 4 are gone, 1 is refused, b has 5 to 11");
    let nameless = collection(0..2).replace(r#""type":"Feature","id":1"#, r#""type":"Strange""#);
    let report = town.import("a.geojson", &nameless, &[]);
    assert!(report.contains("0 removed") && report.contains("nothing was removed: 1 refused"), "{report}");
    let report = town.import("b.geojson", &collection(5..12), &["--complete"]);
    assert!(report.contains("7 unchanged, 3 removed"), "{report}");
    // A file that ends early removes nothing.
    let text = collection(5..7);
    fs::write(town.path("b.geojson"), &text[..text.len() - 10]).unwrap();
    let refused = run(&["import", &town.path("b.geojson"), "--dataset", "town", "--data", &town.path("data")]);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert_eq!(town.there(), 7);
    let both = run(&["import", "x", "--partial", "--complete", "--data", "y"]);
    assert_eq!(both.status.code(), Some(2), "usage");
}

/// Things that there are, and those of them that are registered.
fn seen(town: &Town) -> (usize, usize) {
    match Path::new(&town.path("data")).join("log").exists() {
        true => (town.there(), town.count("SELECT count(*) FROM assets")),
        false => (0, 0),
    }
}

#[test]
fn an_import_that_is_killed_leaves_nothing_and_the_next_one_is_whole() {
    const THINGS: u32 = 40_000;
    let town = Town::new();
    let (file, data) = (town.path("big.geojson"), town.path("data"));
    fs::write(&file, collection(0..THINGS)).unwrap();
    let (mut cut, mut delay) = (0, Duration::from_millis(50));
    while delay < Duration::from_secs(120) {
        let mut child = urbis().args(["import", &file, "--data", &data]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(delay);
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        if ended.is_some() {
            break;
        }
        let things = match Path::new(&data).join("log").exists() {
            true => town.there(),
            false => 0,
        };
        assert!(things == 0 || things == THINGS as usize, "{things} things after {delay:?}");
        cut += 1;
        delay = delay * 3 / 2;
    }
    assert!(cut > 2, "it was killed at work {cut} times");
    done(&["import", &file, "--data", &data]);
    assert_eq!(seen(&town), (THINGS as usize, THINGS as usize), "each is there and registered, once");
    let checked = done(&["check", "--data", &data]);
    assert!(checked.contains("ledger: sound"), "{checked}");
}
