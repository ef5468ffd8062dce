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
    ("kernel-ledger", &["kernel-model"]),
    ("connectors-files", &["kernel-model"]),
    ("connectors-streams", &["kernel-model"]),
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
            "coding-system",
        ],
    ),
    ("pilots-district", &["connectors-streams", "kernel-model"]),
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
            "pilots-district",
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
