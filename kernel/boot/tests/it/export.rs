//! `urbis export`: every form read back by another program or by our own import, and no file where anything fails.

use std::process::Command;

use serde_json::Value;

use crate::features::city;
use crate::support::{Server, done, has, run, shared, stderr};

fn lines(text: &str) -> usize {
    text.lines().count()
}

#[test]
fn a_collection_becomes_a_file_of_every_form() {
    let dir = tempfile::tempdir().unwrap();
    city(dir.path());
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let data = at("data");
    let export = |arguments: &[&str]| done(&[&["export", "--data", &data], arguments].concat());
    export(&["--collection", "poi", "--out", &at("poi.csv")]);
    assert_eq!(lines(&std::fs::read_to_string(at("poi.csv")).unwrap()), 301);
    let told = export(&["--collection", "poi", "--where", "class = 'cafe'", "--out", &at("cafes.geojson")]);
    assert!(told.contains("100 rows"), "{told}");
    let cafes: Value = serde_json::from_slice(&std::fs::read(at("cafes.geojson")).unwrap()).unwrap();
    assert_eq!(cafes["features"].as_array().unwrap().len(), 100);
    assert_eq!(cafes["features"][0]["properties"]["class"], "cafe");
    assert!(cafes["features"][0]["properties"]["seats"].is_number(), "what the source said is a property of its own");
    export(&["--sql", "SELECT class, count(*) AS n FROM entities GROUP BY class", "--out", &at("classes.parquet")]);
    export(&["--collection", "building", "--out", &at("buildings.parquet")]);
    export(&["--collection", "building", "--out", &at("buildings.fgb")]);

    let again = at("again");
    done(&["import", &at("buildings.parquet"), "--data", &again, "--id", "source_id", "--dataset", "city"]);
    let server = Server::start(std::path::Path::new(&again), "off");
    assert_eq!(server.number("SELECT count(*) FROM entities WHERE kind = 'building' AND geometry IS NOT NULL"), 40);
    if !has("ogrinfo") {
        return;
    }
    for (file, wanted) in [("cafes.geojson", 100), ("buildings.fgb", 40)] {
        let output = Command::new("ogrinfo").args(["-so", "-al", &at(file)]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(&format!("Feature Count: {wanted}")), "{file}: {text}");
    }
}

#[test]
fn a_city_model_comes_back_as_it_was() {
    let Some(file) = shared("data/city/cityjson/delft.city.json") else { return };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    done(&["import", file.to_str().unwrap(), "--data", &at("first"), "--dataset", "delft"]);
    done(&["export", "--collection", "building", "--out", &at("delft.city.jsonl"), "--data", &at("first")]);
    let text = std::fs::read_to_string(at("delft.city.jsonl")).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&first["type"], &first["version"]), (&"CityJSON".into(), &"2.0".into()));
    assert!(
        first["metadata"]["referenceSystem"].as_str().unwrap().ends_with("EPSG/0/5109")
            || first["metadata"]["referenceSystem"].as_str().unwrap().contains("EPSG/0/"),
        "{first}"
    );
    let (mut features, mut objects) = (0, 0);
    for line in text.lines().skip(1) {
        let feature: Value = serde_json::from_str(line).unwrap();
        features += 1;
        let vertices = feature["vertices"].as_array().unwrap().len() as u64;
        for (id, object) in feature["CityObjects"].as_object().unwrap() {
            objects += 1;
            let parents = object["parents"].as_array().cloned().unwrap_or_default();
            for parent in parents {
                let children = feature["CityObjects"][parent.as_str().unwrap()]["children"].clone();
                assert!(children.as_array().unwrap().contains(&Value::from(id.as_str())));
            }
            let used = object["geometry"].to_string();
            assert!(!used.contains("null") || object["geometry"].is_null() || used.contains("semantics"), "{used}");
            let mut stack = vec![object["geometry"][0]["boundaries"].clone()];
            while let Some(value) = stack.pop() {
                match value {
                    Value::Array(list) => stack.extend(list),
                    Value::Number(number) => assert!(number.as_u64().unwrap() < vertices),
                    _ => {}
                }
            }
        }
    }
    assert!(features > 10 && objects >= features, "{features} {objects}");
    // Our own reader takes it, with the reference that it cannot read said anew.
    done(&["import", &at("delft.city.jsonl"), "--data", &at("second"), "--dataset", "again", "--crs", "OGC:CRS84"]);
    let (one, two) =
        (Server::start(&dir.path().join("first"), "off"), Server::start(&dir.path().join("second"), "off"));
    let faces = "SELECT count(*) FROM entities WHERE kind IN ('building', 'building_part') AND geometry IS NOT NULL";
    assert_eq!(one.number(faces), two.number(faces));
}

#[test]
fn where_it_fails_there_is_no_file_and_the_old_one_stays() {
    let dir = tempfile::tempdir().unwrap();
    city(dir.path());
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let data = at("data");
    std::fs::write(at("old.geojson"), "old").unwrap();
    for (arguments, word) in [
        (["--sql", "SELECT nothing FROM entities", "--out", &at("old.geojson")].as_slice(), "nothing"),
        (&["--sql", "SELECT name FROM entities", "--out", &at("old.geojson")], "no geometry among the columns"),
        (
            &[
                "--sql",
                "SELECT property_number(properties, 'seats') / (lon - lon), code_area(name) AS geometry FROM entities",
                "--out",
                &at("old.geojson"),
            ],
            "code",
        ),
        (&["--collection", "castle", "--out", &at("new.csv")], "no collection `castle`"),
        (&["--collection", "poi", "--out", &at("new.xyz")], "--format"),
        (&["--collection", "poi", "--out", &at("new.city.jsonl")], "no others"),
        (&["--sql", "SELECT 1", "--where", "true", "--out", &at("new.csv")], "--where"),
    ] {
        let output = run(&[&["export", "--data", &data], arguments].concat());
        assert!(!output.status.success() && stderr(&output).contains(word), "{arguments:?}: {}", stderr(&output));
    }
    assert_eq!(std::fs::read_to_string(at("old.geojson")).unwrap(), "old");
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "city.geojson, data, old.geojson: {names:?}");
}

#[test]
fn a_server_gives_a_file_or_says_that_it_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    city(dir.path());
    let config = dir.path().join("urbis.toml");
    std::fs::write(&config, "sql_rows = 200\n").unwrap();
    let server = Server::start_with(crate::support::urbis(), &dir.path().join("data"), "off", Some(&config));
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let url = server.url.trim_end_matches('/');
    done(&["export", "--collection", "building", "--out", &at("b.geojson"), "--server", url]);
    let buildings: Value = serde_json::from_slice(&std::fs::read(at("b.geojson")).unwrap()).unwrap();
    assert_eq!(buildings["features"].as_array().unwrap().len(), 40);
    let output = run(&["export", "--collection", "poi", "--out", &at("p.geojson"), "--server", url]);
    assert!(!output.status.success() && stderr(&output).contains("cut after 200 rows"), "{}", stderr(&output));
    assert!(!dir.path().join("p.geojson").exists());
}
