//! The architecture holds: no package knows one it may not know. The table is ARCHITECTURE.md's.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Package -> packages of ours it may depend on.
const EDGES: &[(&str, &[&str])] = &[
    ("coding-system", &[]),
    ("spatial-index", &["coding-system"]),
    ("kernel-model", &["coding-system"]),
    ("viewer-render", &[]),
    ("kernel-store", &["kernel-model", "spatial-index", "coding-system"]),
    ("kernel-ledger", &["kernel-model", "coding-system"]),
    ("connectors-files", &["kernel-model"]),
    ("connectors-streams", &["kernel-model"]),
    ("connectors-chains", &["kernel-model"]),
    ("viewer-app", &["viewer-render"]),
    ("kernel-query", &["kernel-store", "kernel-model", "spatial-index", "coding-system"]),
    ("kernel-alarms", &["kernel-store", "kernel-model", "spatial-index", "coding-system"]),
    ("kernel-access", &["kernel-model"]),
    ("kernel-tiles", &["kernel-store", "kernel-model", "spatial-index", "coding-system"]),
    ("kernel-wires", &["kernel-query", "kernel-access", "kernel-model"]),
    (
        "kernel-server",
        &[
            "kernel-query",
            "kernel-alarms",
            "kernel-access",
            "kernel-tiles",
            "kernel-ledger",
            "kernel-store",
            "kernel-model",
            "connectors-files",
            "coding-system",
        ],
    ),
    ("pilots-district", &["connectors-streams", "kernel-model"]),
    ("pilots-assembly", &["spatial-index", "kernel-model", "coding-system"]),
    (
        "kernel-boot",
        &[
            "coding-system",
            "kernel-model",
            "kernel-store",
            "kernel-ledger",
            "kernel-query",
            "kernel-alarms",
            "kernel-access",
            "kernel-tiles",
            "kernel-wires",
            "kernel-server",
            "connectors-files",
            "connectors-streams",
            "connectors-chains",
            "pilots-district",
            "pilots-assembly",
            "viewer-app",
            "viewer-render",
        ],
    ),
    ("benches", &["kernel-store", "kernel-model", "spatial-index", "coding-system"]),
];

/// Heavy packages and the only ones of ours that may depend on them directly.
const HOMES: &[(&str, &[&str])] = &[
    ("datafusion", &["kernel-query", "kernel-wires"]),
    ("axum", &["kernel-server"]),
    ("wgpu", &["viewer-render"]),
    ("h3o", &["coding-system"]),
    ("rstar", &["spatial-index"]),
];

#[test]
fn knowledge_points_downward_only() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let edges: BTreeMap<_, _> = EDGES.iter().copied().collect();
    let homes: BTreeMap<_, _> = HOMES.iter().copied().collect();
    let mut seen = 0;
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let may = edges.get(name).unwrap_or_else(|| panic!("{name} is not in the table of edges"));
        seen += 1;
        let folder = package.manifest_path.parent().unwrap().strip_prefix(&metadata.workspace_root).unwrap();
        assert_eq!(folder.as_str().replace('/', "-"), name, "a package's name is its path");
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            let other = dependency.name.as_str();
            assert!(!edges.contains_key(other) || may.contains(&other), "{name} must not know {other}");
            assert!(
                homes.get(other).is_none_or(|homes| homes.contains(&name)),
                "{other} has its home elsewhere, not in {name}"
            );
        }
    }
    assert_eq!(seen, edges.len(), "the table names a package that is gone");
}

/// Names of figures that a server shows, as they stand in the sources.
fn figures() -> std::collections::BTreeSet<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = std::collections::BTreeSet::new();
    for file in ["../server/src/metrics.rs", "../server/src/traffic.rs", "src/run/streams.rs"] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let quoted = text.split('"').skip(1).step_by(2);
        let is_name = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        names.extend(quoted.filter(is_name).map(|name| format!("urbis_{name}")));
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        names.extend(words.filter(|word| word.starts_with("urbis_http_")).map(str::to_owned));
    }
    names
}

#[test]
fn the_dashboard_asks_for_figures_that_there_are() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("deploy/grafana-dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let figures = figures();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let question = target["expr"].as_str().unwrap();
            let words = question.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
            for name in words.filter(|word| word.starts_with("urbis_")) {
                asked += 1;
                assert!(figures.contains(name), "{name} of the panel {} is no figure", panel["title"]);
            }
        }
    }
    assert!(asked > 15, "{asked}");
}

#[test]
fn the_unit_for_systemd_is_one() {
    let unit = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/urbis.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    for line in ["ExecStart=/usr/local/bin/urbis serve", "KillSignal=SIGTERM", "NoNewPrivileges=yes"] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line}");
    }
    // The program is not installed where tests run: a copy names one that is.
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("urbis.service");
    std::fs::write(&copy, text.replace("/usr/local/bin/urbis", "/bin/true")).unwrap();
    let Ok(output) = std::process::Command::new("systemd-analyze").arg("verify").arg(&copy).output() else {
        println!("left out: needs systemd-analyze");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("urbis.service"), "{said}");
}

/// Handlers have a reader that gives only what whoever asks sees. These few have the store's own: the writer's side, and what is
/// kept for everybody.
const WHOLE_READERS: &[&str] = &["ingest.rs", "registrar.rs", "entrance.rs", "state.rs", "quality", "alarms/mod.rs"];

#[test]
fn no_handler_is_given_a_reader_of_everything() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if name.contains("tests") || WHOLE_READERS.iter().any(|whole| name.starts_with(whole)) {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for way in [".store.reader()", "Reader::open(", "store.snapshot()"] {
                assert!(!text.contains(way), "{name} has a reader of its own ({way}): take that of its state");
            }
        }
    }
}
