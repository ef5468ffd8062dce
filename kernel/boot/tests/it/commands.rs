//! Each command once for good and once for bad, with real files where they are.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::{Server, done, run, shared, stderr, stdout, urbis};

#[test]
fn help_has_an_example_for_every_command() {
    for command in [
        "demo",
        "serve",
        "import",
        "sql",
        "code",
        "verify",
        "check",
        "render",
        "backup",
        "restore",
        "compact",
        "retain",
        "prove",
        "audit",
        "asset",
        "identity",
        "rotate-key",
        "assembly",
        "export",
    ] {
        let help = match command {
            "code" => done(&["code", "encode", "--help"]),
            "prove" => done(&["prove", "area", "--help"]),
            "assembly" => done(&["assembly", "sequence", "--help"]),
            other => done(&[other, "--help"]),
        };
        assert!(help.contains("Example") && help.contains("urbis "), "{command}: {help}");
    }
    assert_eq!(run(&["import"]).status.code(), Some(2), "usage");
    assert_eq!(run(&["sql", "SELECT 1", "--data", "/nowhere"]).status.code(), Some(1), "refused");
}

#[test]
fn codes_go_both_ways_and_stream() {
    let code = done(&["code", "encode", "--scheme", "bd", "--level", "8", "116.31260277777778", "39.993161111111114"]);
    assert_eq!(code.trim(), "N50J47539B825534", "GB/T 39409-2020, annex B.2");
    assert!(done(&["code", "decode", code.trim()]).contains("centre 116.312599826 39.993164062"));
    let south = done(&["code", "encode", "--scheme", "gs", "--level", "15", "-70.5", "-33.4"]);
    assert!(south.starts_with('G'));
    let mut child = urbis()
        .args(["code", "encode", "--scheme", "h3", "--level", "9"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"lon,lat\n116.3,39.9\n2.35,48.86,35\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output).lines().count(), 2);
    let refused = run(&["code", "encode", "--scheme", "bd", "--level", "8", "39.9", "116.3"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(stderr(&refused).lines().count(), 1, "one line: {}", stderr(&refused));
    assert!(stderr(&run(&["code", "decode", "N50J4Z"])).contains("N50J4Z"));
}

#[test]
fn codes_are_converted_explained_and_laid_over_areas() {
    assert_eq!(done(&["code", "convert", "N50J47539B825534", "--to", "gs"]).trim().len(), 27);
    let hexagons = done(&["code", "convert", "N50J475", "--to", "h3", "--level", "7"]);
    assert!(hexagons.lines().count() > 20 && hexagons.contains(",inner") && hexagons.contains(",outer"), "{hexagons}");
    let refused = run(&["code", "convert", "N50J475", "--to", "h3"]);
    assert!(stderr(&refused).contains("take a cover"), "{}", stderr(&refused));
    assert_eq!(done(&["code", "neighbours", "N50J475", "--across", "face"]).lines().count(), 4);
    assert_eq!(done(&["code", "neighbours", "8931aa50107ffff", "--disk", "1"]).lines().count(), 7);
    let said = done(&["code", "explain", "N50J47539B825534"]);
    assert!(said.contains("level  1") && said.contains("114°E to 120°E, 36°N to 40°N"), "{said}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("park.geojson");
    let park = r#"{"type":"Polygon","coordinates":[[[116.3,39.9],[116.31,39.9],[116.31,39.91],[116.3,39.9]]]}"#;
    fs::write(&file, park).unwrap();
    let file = file.to_str().unwrap();
    let rows = done(&["code", "cover", file, "--scheme", "bd", "--level", "6"]);
    assert!(rows.starts_with("shape,code,inner\n") && rows.contains(",true") && rows.contains(",false"), "{rows}");
    let boxes = done(&["code", "cover", file, "--scheme", "gs", "--level", "20", "--format", "geojson"]);
    let boxes: serde_json::Value = serde_json::from_str(&boxes).unwrap();
    assert!(boxes["features"].as_array().unwrap().len() > 10);
}

#[test]
fn files_come_back_with_columns_of_codes() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("a.csv"), "id,lon,lat,note\n1,116.3126,39.9932,\"a, b\"\n2,,39.9,none\n3,-70.5,-33.4,\n").unwrap();
    let add = |from: &str, to: &str| run(&["code", "columns", from, "--out", to, "--code", "bd:8", "--code", "h3:9"]);
    let output = add(&path("a.csv"), &path("b.csv"));
    assert!(output.status.success(), "{}", stderr(&output));
    let coded = fs::read_to_string(path("b.csv")).unwrap();
    let lines: Vec<&str> = coded.lines().collect();
    assert_eq!(lines[0], "id,lon,lat,note,code_bd_8,code_h3_9");
    let bd = done(&["code", "encode", "--scheme", "bd", "--level", "8", "116.3126", "39.9932"]);
    let h3 = done(&["code", "encode", "--scheme", "h3", "--level", "9", "116.3126", "39.9932"]);
    assert_eq!(lines[1], format!("1,116.3126,39.9932,\"a, b\",{},{}", bd.trim(), h3.trim()));
    assert_eq!(lines[2], "2,,39.9,none,,", "no position, no code");
    fs::write(path("bad.csv"), "lon,lat\n116.3,39.9\n39.9,116.3\n").unwrap();
    let refused = add(&path("bad.csv"), &path("c.csv"));
    assert!(stderr(&refused).contains("line 3"), "{}", stderr(&refused));
    assert!(!dir.path().join("c.csv").exists() && !dir.path().join("c.csv.part").exists());
}

#[test]
fn a_city_is_imported_asked_proven_and_imported_again() {
    let Some(file) = shared("data/city/cityjson/denhaag_01.city.json.gz") else { return };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (file, data_text) = (file.to_str().unwrap(), data.to_str().unwrap());
    let first = done(&["import", file, "--data", data_text]);
    assert!(first.contains("read 2498 records"), "{first}");
    let count = done(&["sql", "SELECT count(*) AS n FROM entities", "--data", data_text, "--format", "csv"]);
    let kept: u32 = count.lines().nth(1).unwrap().parse().unwrap();
    assert!(first.contains(&format!("imported {kept} new, 0 revised")), "{first}");
    let again = done(&["import", file, "--data", data_text]);
    assert!(
        again
            .contains(&format!("imported 0 new, 0 revised, 0 observations, 0 positions, 0 contents; {kept} unchanged")),
        "{again}"
    );
    assert!(done(&["check", "--data", data_text]).contains("ledger: sound"));

    let server = Server::start(&data, "off");
    let id = server.sql("SELECT id FROM entities WHERE kind = 'building_part' LIMIT 1")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let card = server.json(&format!("/api/entities/{id}"));
    assert_eq!(card["receipt"]["state"], "registered");
    assert_eq!(card["height_reference"], "EPSG:5709");
    let (status, receipt) = server.get(&format!("/assets/{id}/receipt"));
    assert_eq!(status, 200);
    // The folder can be asked beside the server.
    let counted = |query: &str| done(&["sql", query, "--data", data_text, "--format", "csv"]);
    let with_geometry = "SELECT count(*) AS n FROM entities WHERE geometry IS NOT NULL";
    assert_eq!(counted("SELECT count(*) AS n FROM assets"), counted(with_geometry));
    let listed = "SELECT count(*) AS n FROM information_schema.tables WHERE table_name = 'assets'";
    assert_eq!(counted(listed), "n\n1\n", "a table that can be asked is listed");
    drop(server);
    let path = dir.path().join("receipt");
    let (path_text, key) = (path.to_str().unwrap(), data.join("log.pub"));
    fs::write(&path, &receipt).unwrap();
    let verified = done(&["verify", path_text, "--key", key.to_str().unwrap()]);
    assert!(verified.starts_with("verified:") && verified.contains(&id), "{verified}");
    let at = receipt.find("extra ").unwrap() + 40;
    let mut bytes = receipt.into_bytes();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    fs::write(&path, bytes).unwrap();
    let refused = run(&["verify", path_text, "--key", key.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("does not verify"), "{}", stderr(&refused));
}

#[test]
fn a_city_is_backed_up_while_it_is_served_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let square = |id: u32| {
        let corners = "[[116.3,39.9],[116.31,39.9],[116.31,39.91],[116.3,39.9]]";
        format!(
            r#"{{"type":"Feature","id":{id},"properties":{{}},"geometry":{{"type":"Polygon","coordinates":[{corners}]}}}}"#
        )
    };
    let collection = |ids: std::ops::Range<u32>| {
        format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, ids.map(square).collect::<Vec<_>>().join(","))
    };
    fs::write(path("a.geojson"), collection(0..60)).unwrap();
    fs::write(path("b.geojson"), collection(60..100)).unwrap();
    let import = |file: &str, more: &[&str]| {
        let file = path(file);
        done(&[&["import", &file, "--class", "building", "--dataset", "town"], more].concat())
    };
    import("a.geojson", &["--data", &path("data")]);
    let count = |data: &str| done(&["sql", "SELECT count(*) FROM assets", "--data", &path(data), "--format", "csv"]);
    {
        let server = Server::start(&dir.path().join("data"), "off");
        server.until("SELECT count(*) FROM assets", 60);
        let first = done(&["backup", &path("copy"), "--data", &path("data")]);
        assert!(first.contains("0 were there already"), "{first}");
        import("b.geojson", &["--server", &server.url, "--key", server.key.as_deref().unwrap()]);
        server.until("SELECT count(*) FROM assets", 100);
        assert!(done(&["backup", &path("copy"), "--data", &path("data")]).starts_with("backed up as of commit"));
    }
    done(&["restore", &path("copy"), "--data", &path("again")]);
    assert!(done(&["check", "--data", &path("again")]).contains("ledger: sound, 100 leaves"));
    assert_eq!(count("again"), count("data"));
    assert!(done(&["compact", "--data", &path("again")]).contains("with 200 rows"));
    assert_eq!(count("again"), count("data"));
    let server = Server::start(&dir.path().join("again"), "off");
    assert_eq!(server.number("SELECT count(*) FROM entities"), 100);
    assert!(server.number("SELECT used_bytes FROM memory WHERE part = 'the whole process'") > 10 << 20);
    assert_eq!(server.number("SELECT count(*) FROM memory WHERE used_bytes <= budget_bytes"), 2);
    assert_eq!(
        server.number("SELECT count(*) FROM memory WHERE question LIKE '%question LIKE%' AND spilled_bytes = 0"),
        1
    );
    for (arguments, word) in [
        (["restore", &path("copy"), "--data", &path("again")], "is not empty"),
        (["backup", &path("data"), "--data", &path("again")], "give another folder"),
        (["backup", &path("more"), "--data", &path("nowhere")], "is not a data folder"),
    ] {
        let refused = run(&arguments);
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
    }
}

#[test]
fn a_file_without_crs_or_cut_short_leaves_the_store_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let data_text = data.to_str().unwrap();
    let count = || done(&["sql", "SELECT count(*) AS n FROM entities", "--data", data_text, "--format", "csv"]);
    let good = dir.path().join("good.geojson");
    fs::write(
        &good,
        r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","id":1,"properties":{"name":"a"},"geometry":{"type":"Point","coordinates":[116.3,39.9]}},
        {"type":"Feature","id":2,"properties":{"name":"b"},"geometry":{"type":"Point","coordinates":[416.3,39.9]}}]}"#,
    )
    .unwrap();
    let report = done(&["import", good.to_str().unwrap(), "--data", data_text]);
    assert!(report.contains("imported 1 new") && report.contains("refused 1"), "{report}");
    let before = count();
    let cut = dir.path().join("cut.geojson");
    fs::write(&cut, &fs::read(&good).unwrap()[..150]).unwrap();
    let foreign = dir.path().join("foreign.bin");
    fs::write(&foreign, [0x7f, b'E', b'L', b'F', 1, 2, 3]).unwrap();
    for file in [&cut, &foreign] {
        let output = run(&["import", file.to_str().unwrap(), "--data", data_text]);
        assert_eq!(output.status.code(), Some(1), "{}", file.display());
        assert!(stderr(&output).contains("nothing of this file was kept"), "{}", stderr(&output));
    }
    if let Some(vienna) = shared("data/city/cityjsonseq/vienna_102081.city.jsonl.gz") {
        let output = run(&["import", vienna.to_str().unwrap(), "--data", data_text]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("--crs"), "{}", stderr(&output));
    }
    assert_eq!(count(), before);
}

#[test]
fn a_picture_is_made_without_a_window() {
    let Some(file) = shared("data/city/cityjson/delft.city.json") else { return };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    done(&["import", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    let artefacts = std::env::var_os("URBIS_ARTEFACTS").map_or_else(|| dir.path().to_owned(), Into::into);
    fs::create_dir_all(&artefacts).unwrap();
    let out = artefacts.join("delft.png");
    let output =
        run(&["render", "--data", data.to_str().unwrap(), "--out", out.to_str().unwrap(), "--size", "640x360"]);
    if !output.status.success() && std::env::var_os("CI").is_none() {
        println!("left out: no Vulkan adapter here ({})", stderr(&output).trim());
        return;
    }
    assert!(output.status.success(), "{}", stderr(&output));
    let reader = png::Decoder::new(std::io::BufReader::new(fs::File::open(&out).unwrap())).read_info().unwrap();
    assert_eq!((reader.info().width, reader.info().height), (640, 360));
    assert!(fs::metadata(&out).unwrap().len() > 20_000, "not one colour");
    assert_eq!(
        run(&["render", "--data", data.to_str().unwrap(), "--out", "x.png", "--size", "wide"]).status.code(),
        Some(1)
    );
}
