//! Features as other people's clients ask for them: GDAL pushes its filters down, geopandas reads every form, schemathesis
//! tries what the API description allows.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Server, done, has, python};

/// A city of 300 points and 40 footprints as a GeoJSON file, imported.
pub(crate) fn city(dir: &Path) {
    let mut features = Vec::new();
    for i in 0..300_u32 {
        let (lon, lat) = (116.0 + f64::from(i % 30) / 100.0, 39.0 + f64::from(i / 30) / 100.0);
        features.push(json!({
            "type": "Feature", "id": format!("p{i}"), "geometry": { "type": "Point", "coordinates": [lon, lat] },
            "properties": {
                "kind": "poi", "class": (["cafe", "school", "shop"][i as usize % 3]), "name": format!("Place {i}"),
                "seats": i % 17, "rating": f64::from(i % 11) / 4.0, "open": i % 2 == 0,
            },
        }));
    }
    for i in 0..40_u32 {
        let (west, south) = (116.0 + f64::from(i % 8) / 50.0, 39.0 + f64::from(i / 8) / 50.0);
        let (east, north) = (west + 0.004, south + 0.003);
        let ring = json!([[west, south], [east, south], [east, north], [west, north], [west, south]]);
        features.push(json!({
            "type": "Feature", "id": format!("b{i}"), "geometry": { "type": "Polygon", "coordinates": [ring] },
            "properties": { "kind": "building", "class": "house", "height_m": f64::from(i) * 3.5, "storeys": i },
        }));
    }
    let file = dir.join("city.geojson");
    std::fs::write(&file, json!({ "type": "FeatureCollection", "features": features }).to_string()).unwrap();
    done(&["import", file.to_str().unwrap(), "--data", dir.join("data").to_str().unwrap()]);
}

fn served() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    city(dir.path());
    let server = Server::start(&dir.path().join("data"), "off");
    (dir, server)
}

#[test]
fn gdal_pushes_filters_down_and_gets_what_brute_force_finds() {
    if !has("ogrinfo") {
        return;
    }
    let (_dir, server) = served();
    let ogrinfo = |collection: &str, arguments: &[&str]| {
        let source = format!("OAPIF:{}/ogc", server.url);
        let output = Command::new("ogrinfo")
            .args(["--debug", "on", "-ro", "-oo", "PAGE_SIZE=40", "-q", "-geom=NO", &source, collection])
            .args(arguments)
            .output()
            .unwrap();
        let (told, debug) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{debug}");
        // Some releases of GDAL show the address as it is sent, some do not.
        let debug = [("%20", " "), ("%27", "'"), ("%28", "("), ("%29", ")"), ("%3C", "<"), ("%3D", "="), ("%3E", ">")]
            .into_iter()
            .fold(debug.into_owned(), |debug, (sent, meant)| debug.replace(sent, meant));
        (told.matches("OGRFeature(").count(), debug)
    };
    // Of the 300 points: how many, and what has to stand in the request.
    for (arguments, wanted, request) in [
        (["-where", "class = 'cafe'"].as_slice(), 100, "filter=class = 'cafe'&filter-lang=cql-text"),
        (&["-where", "seats > 14"], (0..300).filter(|i| i % 17 > 14).count(), "filter=seats > 14"),
        (
            &["-where", "class = 'shop' AND rating <= 0.5 AND NOT (seats = 3)"],
            (0..300).filter(|i| i % 3 == 2 && i % 11 <= 2 && i % 17 != 3).count(),
            "filter=((class = 'shop') AND",
        ),
        (
            &["-where", "class = 'cafe' OR seats BETWEEN 3 AND 5"],
            (0..300).filter(|i| i % 3 == 0 || (3..=5).contains(&(i % 17))).count(),
            "filter=",
        ),
        (&["-where", "name ILIKE 'PLACE 2__' AND class = 'cafe'"], (200..300).filter(|i| i % 3 == 0).count(), "ILIKE"),
        (&["-where", "name LIKE 'Place 1_'", "-spat", "115.9", "38.9", "116.155", "39.005"], 6, "bbox="),
    ] {
        let (found, debug) = ogrinfo("poi", arguments);
        assert_eq!(found, wanted, "{arguments:?}");
        assert!(debug.contains(request), "{arguments:?}: {request} is in no request:\n{debug}");
        assert!(!debug.contains("evaluated on client side"), "{arguments:?}: {debug}");
    }
    let (found, _) = ogrinfo("building", &["-where", "storeys >= 38"]);
    assert_eq!(found, 2);
}

#[test]
fn gdal_counts_by_hits_and_ogr2ogr_copies_every_feature() {
    if !has("ogr2ogr") {
        return;
    }
    let (dir, server) = served();
    let source = format!("OAPIF:{}/ogc", server.url);
    let output = Command::new("ogrinfo")
        .args(["--debug", "on", "-so", &source, "poi", "-where", "seats > 14"])
        .output()
        .unwrap();
    let (told, debug) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let wanted = (0..300).filter(|i| i % 17 > 14).count();
    assert!(told.contains(&format!("Feature Count: {wanted}")) && debug.contains("resultType=hits"), "{told}{debug}");
    let copy = dir.path().join("copy.gpkg");
    let status = Command::new("ogr2ogr").arg(&copy).args([&source, "poi", "building"]).status().unwrap();
    assert!(status.success());
    for (layer, wanted) in [("poi", 300), ("building", 40)] {
        let output = Command::new("ogrinfo").args(["-so", copy.to_str().unwrap(), layer]).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains(&format!("Feature Count: {wanted}")));
    }
}

/// What the reference systems give is what PROJ gives, in the order that the register has.
#[test]
fn positions_in_every_offered_system_are_those_of_proj() {
    if !has("gdaltransform") {
        return;
    }
    let (_dir, server) = served();
    let collection = server.json("/ogc/collections/poi");
    let systems: Vec<&str> = collection["crs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(systems.len() >= 6, "{systems:?}");
    for uri in systems.into_iter().filter(|uri| uri.contains("/EPSG/0/")) {
        let code = uri.rsplit('/').next().unwrap();
        let page = server.json(&format!("/ogc/collections/poi/items?limit=3&crs={uri}"));
        let plain = server.json("/ogc/collections/poi/items?limit=3");
        let wkt = Command::new("gdalsrsinfo").args(["-o", "wkt2_2018", &format!("EPSG:{code}")]).output().unwrap();
        let axes = String::from_utf8_lossy(&wkt.stdout).into_owned();
        let first_axis = axes.split("AXIS[").nth(1).unwrap();
        let north_first = first_axis.split(']').next().unwrap().contains("north");
        for (there, here) in page["features"].as_array().unwrap().iter().zip(plain["features"].as_array().unwrap()) {
            let pair = |feature: &Value| {
                let place = &feature["geometry"]["coordinates"];
                (place[0].as_f64().unwrap(), place[1].as_f64().unwrap())
            };
            let (lon, lat) = pair(here);
            let echo =
                format!("printf '%s %s\\n' {lon} {lat} | gdaltransform -s_srs OGC:CRS84 -t_srs EPSG:{code} -output_xy");
            let output = Command::new("sh").args(["-c", &echo]).output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            let numbers: Vec<f64> = told.split_whitespace().map(|n| n.parse().unwrap()).collect();
            let wanted = (numbers[0], numbers[1]);
            let (a, b) = pair(there);
            let (x, y) = if north_first { (b, a) } else { (a, b) };
            let most = if wanted.0.abs() <= 180.0 { 1e-5 } else { 1.0 };
            assert!(
                (x - wanted.0).abs() < most && (y - wanted.1).abs() < most,
                "EPSG:{code}: {x} {y}, PROJ {wanted:?}"
            );
        }
    }
}

/// What docs/features.md shows for Python, run as it stands there, and every form against the JSON of the same page.
#[test]
fn geopandas_reads_every_form() {
    let Some(python) = python() else { return };
    let (_dir, server) = served();
    let page = include_str!("../../../../docs/features.md");
    let recipe = page.split("```python").nth(1).unwrap().split("```").next().unwrap();
    let more = r#"
assert len(cafes) == 100 and len(everything) == 300, (len(cafes), len(everything))
assert everything.crs.equals("OGC:CRS84") or everything.crs.to_epsg() == 4326, everything.crs
assert cafes.crs.to_epsg() == 4326, cafes.crs
import csv, json, pyarrow.ipc
plain = json.load(read("?limit=10000"))["features"]
by_id = {f["id"]: f for f in plain}
flat = geopandas.read_file(read("?f=fgb&limit=10000"))
for frame in (flat, everything):
    assert len(frame) == 300 and set(frame["id"]) == set(by_id)
    for row in frame.itertuples():
        feature = by_id[row.id]
        assert [row.geometry.x, row.geometry.y] == feature["geometry"]["coordinates"], row
        for name in ("class_" if hasattr(row, "class_") else "name", "seats", "rating", "open"):
            assert getattr(row, name) == feature["properties"][name.rstrip("_")], (name, row)
table = pyarrow.ipc.open_stream(read("?f=arrow&limit=10000")).read_all()
assert table.num_rows == 300 and sum(table["seats"].to_pylist()) == sum(f["properties"]["seats"] for f in plain)
lines = list(csv.DictReader(io.TextIOWrapper(read("?f=csv&limit=10000"), "utf-8")))
assert len(lines) == 300 and lines[0]["geometry"].startswith("POINT("), lines[0]
areas = geopandas.read_file(io.BytesIO(urllib.request.urlopen(URL + "/ogc/collections/building/items?f=fgb").read()))
assert len(areas) == 40 and areas.geometry.is_valid.all() and set(areas.geom_type) == {"Polygon"}, areas
answer = urllib.request.urlopen(items + "?f=parquet&limit=100")
assert 'rel="next"' in answer.headers["link"] and len(geopandas.read_parquet(io.BytesIO(answer.read()))) == 100
"#;
    let url = server.url.trim_end_matches('/');
    let output = Command::new(&python).arg("-c").arg(format!("URL = {url:?}\n{recipe}{more}")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("100 300"));
}

/// What docs/features.md shows for writing, run by a shell.
#[test]
fn the_recipe_for_writing_works() {
    if !has("curl") {
        return;
    }
    let (_dir, server) = served();
    let page = include_str!("../../../../docs/features.md");
    let writing = page.split("## Writing").nth(1).unwrap();
    let recipe = writing.split("```sh").nth(1).unwrap().split("```").next().unwrap();
    let output = Command::new("sh")
        .args(["-c", recipe])
        .env("URBIS_URL", server.url.trim_end_matches('/'))
        .env("URBIS_API_KEY", server.key.as_deref().unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.starts_with("HTTP/1.1 201") && told.to_lowercase().contains("location: "), "{told}");
    let trees = server.json("/ogc/collections/vegetation/items");
    assert_eq!(trees["features"][0]["properties"]["name"], "Old oak");
}

/// Everything that the description allows, and some that it does not, some examples each: never a failure of the server.
#[test]
fn schemathesis_finds_no_failure_of_the_server() {
    let Some(python) = python() else { return };
    let (dir, server) = served();
    let whole = server.json("/ogc/api");
    let root = server.url.trim_end_matches('/');
    // schemathesis has one server a document: the paths of features are below /ogc, all others at the root.
    for (own, base) in [(true, format!("{root}/ogc")), (false, root.to_owned())] {
        let mut document = whole.clone();
        let paths = document["paths"].as_object_mut().unwrap();
        paths.retain(|_, item| item["servers"].is_null() == own);
        // It writes no Arrow.
        paths.retain(|path, _| path != "/observations" && path != "/positions");
        // A WebSocket is no plain answer.
        paths.retain(|path, _| !path.ends_with("/live") && path != "/live");
        paths.values_mut().for_each(|item| drop(item.as_object_mut().unwrap().remove("servers")));
        document["servers"] = json!([{ "url": base }]);
        let file = dir.path().join("openapi.json");
        std::fs::write(&file, document.to_string()).unwrap();
        let output = Command::new(python.with_file_name("schemathesis"))
            .args([
                "run",
                file.to_str().unwrap(),
                "--url",
                &base,
                "--checks",
                "not_a_server_error,content_type_conformance",
            ])
            .args([
                "--max-examples",
                "12",
                "--phases",
                "examples,fuzzing",
                "--seed",
                "1",
                "--suppress-health-check",
                "all",
            ])
            .args(["-H", &format!("Authorization: Bearer {}", server.key.as_deref().unwrap())])
            .current_dir(dir.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(server.get("/health").0, 200, "it goes on");
}
