//! Other people's programs on our tiles: GDAL, the validators of Khronos and Cesium, MapLibre and CesiumJS in a browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::town::{SIDE, SOUTH, WEST, town};

/// The scripts and their libraries; `None`, with a word, where these are not installed. Missing they fail where `CI` is set.
fn clients() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    if folder.join("node_modules/cesium").exists() {
        return Some(folder);
    }
    left_out("npm --prefix kernel/server/tests/clients ci")
}

fn left_out<T>(wanted: &str) -> Option<T> {
    assert!(std::env::var_os("CI").is_none(), "missing: {wanted}");
    println!("left out: needs {wanted}");
    None
}

fn artefact(name: &str) -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/artefacts");
    let folder = std::env::var_os("URBIS_ARTEFACTS").map_or(beside, PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// Serves the town while a program runs.
fn beside(url: impl FnOnce(&str) -> Command) -> Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let town = town();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let serving = runtime.spawn(axum::serve(listener, town.router.clone()).into_future());
    let output = url(&format!("http://{address}")).output().unwrap();
    serving.abort();
    output
}

fn told(output: &Output) -> Value {
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}\n{errors}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}\n{errors}"))
}

#[test]
fn gdal_reads_a_vector_tile_with_its_features() {
    if Command::new("ogrinfo").arg("--version").output().is_err() {
        return left_out("ogrinfo").unwrap_or_default();
    }
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let town = town();
    // Zoom 12: the whole town is in one tile.
    let side = f64::from(1_u32 << 12);
    let rad = (SOUTH + 5e-3_f64).to_radians();
    let down = (1.0 - (rad.tan() + 1.0 / rad.cos()).ln() / std::f64::consts::PI) / 2.0;
    let (x, y) = (((WEST + 5e-3 + 180.0) / 360.0 * side) as u32, (down * side) as u32);
    let (_, _, bytes) = runtime.block_on(town.get(&format!("/tiles/building/12/{x}/{y}.mvt"), &[]));
    let file = dir.path().join(format!("{y}.mvt"));
    std::fs::write(&file, &bytes).unwrap();
    let ogrinfo = |arguments: &[&str]| {
        let tile = [("X", x), ("Y", y), ("Z", 12)].map(|(name, value)| format!("{name}={value}"));
        let open = tile.iter().flat_map(|option| ["-oo", option]);
        let output = Command::new("ogrinfo").arg("-ro").arg(&file).args(open).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(
            !String::from_utf8_lossy(&output.stderr).contains("Error"),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let summary = ogrinfo(&["building", "-so"]);
    assert!(summary.contains(&format!("Feature Count: {}", SIDE * SIDE)), "{summary}");
    for field in ["id: String", "class: String", "name: String", "height_m: Real"] {
        assert!(summary.contains(field), "{summary}");
    }
    let named = ogrinfo(&["building", "-q", "-where", "name = '楼 5'"]);
    assert!(named.contains("height_m (Real") && named.contains("MULTIPOLYGON (((12947"), "{named}");
}

/// What the tileset leads to, in a folder, and what its reader said.
fn crawled(clients: &Path, folder: &Path) -> Value {
    told(&beside(|url| {
        let mut node = Command::new("node");
        node.arg(clients.join("crawl.mjs")).arg(format!("{url}/3dtiles/building/tileset.json")).arg(folder);
        node
    }))
}

#[test]
fn khronos_and_cesiums_validators_find_nothing() {
    let Some(clients) = clients() else { return };
    let dir = tempfile::tempdir().unwrap();
    let told = crawled(&clients, dir.path());
    assert_eq!(told["issues"], serde_json::json!([]), "no error and no warning");
    assert!(told["contents"].as_u64().unwrap() > 20 && told["subtrees"].as_u64().unwrap() > 1, "{told}");
    // It is not in every registry: where it is said to be.
    let Some(validator) = std::env::var_os("URBIS_3D_TILES_VALIDATOR") else {
        return println!("left out: needs URBIS_3D_TILES_VALIDATOR, the main.js of Cesium's 3d-tiles-validator");
    };
    let report = dir.path().join("report.json");
    let mut node = Command::new("node");
    node.arg(validator).arg("--tilesetFile").arg(dir.path().join("tileset.json")).arg("--reportFile").arg(&report);
    let output = node.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!((report["numErrors"].as_u64(), report["numWarnings"].as_u64()), (Some(0), Some(0)), "{report:#}");
}

/// A page of docs/tiles.md in a browser.
fn shown(what: &str, number: usize) -> Option<Value> {
    let clients = clients()?;
    let chromium = std::env::var_os("CHROMIUM").map_or("/usr/bin/chromium".into(), PathBuf::from);
    if !chromium.exists() {
        return left_out("chromium");
    }
    let page = include_str!("../../../../../docs/tiles.md");
    let page = page.split("```html").nth(number).unwrap().split("```").next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("page.html");
    std::fs::write(&file, page).unwrap();
    let output = beside(|url| {
        let mut node = Command::new("node");
        node.arg(clients.join("picture.mjs")).arg(&file).arg(url).arg(artefact(&format!("tiles-{what}.png"))).arg(what);
        node
    });
    Some(told(&output))
}

#[test]
fn maplibre_shows_the_map_of_the_documentation() {
    let Some(told) = shown("map", 1) else { return };
    assert!(told["ids"].as_array().unwrap().len() > 500, "{told}");
    assert!(told["heights"].as_array().unwrap().iter().all(|height| height.as_f64().is_some()));
}

#[test]
fn cesium_shows_the_globe_of_the_documentation() {
    let Some(told) = shown("globe", 2) else { return };
    assert!(told["ids"].as_array().unwrap().len() > 500 && told["tiles"].as_u64().unwrap() > 2, "{told}");
    let picked = told["picked"].as_str().unwrap();
    assert!(told["ids"].as_array().unwrap().iter().any(|id| id == picked), "a building stands in the middle");
}
