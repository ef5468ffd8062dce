//! `urbis assembly` from a file to things with receipts.

use serde_json::Value;

use crate::support::{Server, done, run, stderr};

#[test]
fn an_assembly_is_looked_through_taken_apart_and_taken_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (file, data) = (path("stations.glb"), path("site"));
    done(&["assembly", "make", "--parts", "10", "--out", &file]);
    let refused = run(&["assembly", "clash", &file]);
    assert!(stderr(&refused).contains("--unit mm, cm, m or in"), "{}", stderr(&refused));
    let clash: Value =
        serde_json::from_str(&done(&["assembly", "clash", &file, "--unit", "mm", "--format", "json"])).unwrap();
    assert_eq!((clash["clashes"].as_u64(), clash["contacts"].as_u64()), (Some(0), Some(10)), "{clash}");
    let table = done(&["assembly", "sequence", &file, "--unit", "mm"]);
    assert!(table.contains("9 steps, each checked free of collision"), "{table}");
    let page = done(&["assembly", "sequence", &file, "--unit", "mm", "--format", "html", "--order", "assembly"]);
    assert_eq!(page.matches("data:image/png;base64,").count(), 9);
    let placed = ["--lon", "116.31", "--lat", "39.99", "--height", "50", "--height-reference", "ellipsoid"];
    let import = |heading: &str| {
        let mut words = vec!["assembly", "import", &file, "--unit", "mm", "--heading", heading, "--data", &data];
        words.extend(placed);
        done(&words)
    };
    assert!(import("90").contains("11 new, 0 revised"));
    assert!(
        import("90").contains("0 new, 0 revised") && import("90").contains("12 unchanged"),
        "parts, whole and model"
    );
    let server = Server::start(dir.path().join("site").as_path(), "off");
    let parts = server.sql("SELECT id, name, properties FROM entities WHERE class = 'part' ORDER BY name");
    assert_eq!(parts.as_array().unwrap().len(), 10);
    assert!(parts.to_string().contains("code"), "{parts}");
    let (status, receipt) = server.get(&format!("/assets/{}/receipt", parts[0]["id"].as_str().unwrap()));
    assert_eq!(status, 200);
    std::fs::write(path("receipt"), receipt).unwrap();
    let key = dir.path().join("site/log.pub");
    assert!(done(&["verify", &path("receipt"), "--key", key.to_str().unwrap()]).starts_with("verified:"));
}
