//! What the ledger proves, as its users meet it: areas, statements, certificates, witnesses, anchors, and what each of them
//! says of a lie.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::{Server, done, run, stderr, urbis};

/// A folder with a hundred cafés in a row along a parallel, twenty metres apart.
fn city(dir: &Path) -> String {
    let feature = |n: u32| {
        let lon = 116.0 + f64::from(n) / 5_000.0;
        format!(
            r#"{{"type":"Feature","id":"cafe-{n}","properties":{{}},"geometry":{{"type":"Point","coordinates":[{lon},40.0]}}}}"#
        )
    };
    let features: Vec<_> = (0..100).map(feature).collect();
    let file = dir.join("cafes.geojson");
    fs::write(&file, format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))).unwrap();
    let data = dir.join("city").to_str().unwrap().to_owned();
    done(&["import", file.to_str().unwrap(), "--data", &data, "--class", "poi/cafe"]);
    data
}

/// The first ten of them.
const TEN: &str = "115.9,39.9,116.0019,40.1";

fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    stderr(&output)
}

/// Waits for a path to answer with 200.
fn until(server: &Server, path: &str) -> String {
    for _ in 0..200 {
        let (status, body) = server.get(path);
        if status == 200 {
            return body;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{path} has no answer after 20 s: {:?}", server.get(path));
}

#[test]
fn an_area_is_proven_from_a_folder_and_a_server_and_lies_have_names() {
    let dir = tempfile::tempdir().unwrap();
    let data = city(dir.path());
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let key = format!("{data}/log.pub");
    let (area, count, served) = (path("ten.area"), path("count.area"), path("served.area"));
    let told = done(&["prove", "area", "--bbox", TEN, "--data", &data, "--out", &area]);
    assert!(told.starts_with("proven: 10 assets as of 100 leaves"), "{told}");
    done(&["prove", "area", "--bbox", TEN, "--count", "--data", &data, "--out", &count]);
    let verified = done(&["verify", "area", &area, "--key", &key]);
    assert!(verified.contains("these 10 and no other") && verified.lines().count() >= 12, "{verified}");
    assert!(done(&["verify", "area", &count, "--key", &key]).contains("exactly 10"));

    let server = Server::start(Path::new(&data), "off");
    until(&server, "/log/areas/checkpoint");
    let from_server = done(&["prove", "area", "--bbox", TEN, "--server", &server.url, "--out", &served]);
    assert_eq!(from_server.replace(&served, &area), told);
    // Beside the server the folder can be asked too.
    done(&["prove", "area", "--bbox", TEN, "--data", &data, "--out", &served]);
    let id =
        server.sql("SELECT asset FROM assets WHERE source = 'cafes/cafe-3'")[0]["asset"].as_str().unwrap().to_owned();
    let receipt = path("receipt");
    fs::write(&receipt, server.get(&format!("/assets/{id}/receipt")).1).unwrap();
    done(&["verify", "receipt", &receipt, "--key", &key]);
    done(&["verify", "area", &area, "--key", &key, "--receipt", &receipt]);
    assert_eq!(server.get("/assets/area?bbox=1,2,3").0, 400);
    assert_eq!(server.get("/assets/area?cells=X12").0, 400);
    assert_eq!(server.get("/log/consistency?old=7").0, 200);
    assert_eq!(server.get("/log/consistency?old=101&new=100").0, 404);
    assert!(server.get("/log/areas/checkpoint").1.starts_with("urbis.local/log/areas\n"));
    assert_eq!(server.get("/log/areas/tile/entries/000.p/1").0, 200);
    drop(server);

    // Every byte of the proof that is altered is found or changes nothing; some of the names.
    let right = fs::read(&area).unwrap();
    for at in (0..right.len()).step_by(right.len() / 12) {
        let mut wrong = right.clone();
        wrong[at] ^= 2;
        fs::write(&served, wrong).unwrap();
        let told = refused(&["verify", "area", &served, "--key", &key]);
        assert!(told.contains("does not verify"), "byte {at}: {told}");
    }
    let mut hidden = fs::read(&count).unwrap();
    hidden[24] = 0;
    fs::write(&served, hidden).unwrap();
    assert!(refused(&["verify", "area", &served, "--key", &key]).contains("something is hidden"));
    assert!(done(&["audit", "--data", &data]).contains("signed roots are those of the leaves"));
    let ledger = format!("{data}/ledger");
    done(&["verify", "audit", &ledger, "--key", &key]);
    let bundle = format!("{ledger}/tile/entries/000.p/100");
    let mut bytes = fs::read(&bundle).unwrap();
    bytes[500] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    assert!(refused(&["verify", "audit", &ledger, "--key", &key]).contains("not sound"));
    assert!(refused(&["verify", "nonsense", &area, "--key", &key]).contains("say receipt, area, audit or credential"));
}

#[test]
fn an_asset_is_owned_transferred_certified_and_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let data = city(dir.path());
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let server = Server::start(Path::new(&data), "off");
    until(&server, "/log/areas/checkpoint");
    let api_key = server.key.clone().unwrap_or_default();
    let id = server.sql("SELECT asset FROM assets LIMIT 1")[0]["asset"].as_str().unwrap().to_owned();
    let (alice, bob) = (path("alice.key"), path("bob.key"));
    let bob_did = done(&["identity", &bob]).trim().to_owned();
    let alice_did = done(&["identity", &alice]).trim().to_owned();
    assert_eq!(done(&["identity", &alice]).trim(), alice_did, "a key that is there is kept");
    let state = |deed: &str, identity: &str, more: &[&str]| {
        let first = ["asset", deed, &id, "--identity", identity, "--server", &server.url, "--key", &api_key];
        run(&[first.as_slice(), more].concat())
    };
    let receipt = path("deed.receipt");
    assert!(state("register", &alice, &["--out", &receipt]).status.success());
    let key = format!("{data}/log.pub");
    assert!(done(&["verify", &receipt, "--key", &key]).contains(&alice_did));
    let again = state("register", &bob, &[]);
    assert!(stderr(&again).contains("403") && stderr(&again).contains("is registered to"), "{}", stderr(&again));
    let stolen = state("transfer", &bob, &["--to", &bob_did]);
    assert!(stderr(&stolen).contains("403"), "{}", stderr(&stolen));
    assert!(state("grade", &alice, &["--grade", "important", "--basis", "GB/T 43697-2024"]).status.success());
    assert!(state("transfer", &alice, &["--to", &bob_did]).status.success());
    let stated = server.json(&format!("/assets/{id}/state"));
    assert_eq!(stated["stated"]["owner"], bob_did.as_str());
    // The grade is in the map.
    let area = path("area");
    done(&["prove", "area", "--bbox", "115,39,117,41", "--count", "--server", &server.url, "--out", &area]);
    assert!(done(&["verify", "area", &area, "--key", &key]).contains("1 important"));

    let certificate = path("certificate.json");
    fs::write(&certificate, server.get(&format!("/assets/{id}/certificate")).1).unwrap();
    let held = done(&["verify", "credential", &certificate, "--key", &key]);
    assert!(held.contains(&format!("subject:  {bob_did}")), "{held}");
    let altered = fs::read_to_string(&certificate).unwrap().replace(&bob_did, &alice_did);
    fs::write(path("altered.json"), altered).unwrap();
    let told = refused(&["verify", "credential", &path("altered.json"), "--key", &key]);
    assert!(told.contains("signature does not match"), "{told}");
    // Bob issues nothing: his revocation revokes nothing.
    let parsed: serde_json::Value = serde_json::from_str(&fs::read_to_string(&certificate).unwrap()).unwrap();
    let credential = parsed["id"].as_str().unwrap();
    assert!(state("revoke", &bob, &["--credential", credential, "--out", &receipt]).status.success());
    done(&["verify", "credential", &certificate, "--key", &key, "--revocation", &receipt]);
    assert_eq!(server.get(&format!("/log/credentials/{credential}/revocation?issuer={alice_did}")).0, 404);
    assert_eq!(server.get(&format!("/log/credentials/{credential}/revocation?issuer={bob_did}")).0, 200);
    // Without an API key nothing is stated.
    let anonymous = run(&["asset", "retire", &id, "--identity", &bob, "--server", &server.url]);
    assert!(stderr(&anonymous).contains("401"), "{}", stderr(&anonymous));
    drop(server);
    assert!(done(&["audit", "--data", &data]).contains("statements: of 1 assets"));
    // A new key, and everything that was signed before still verifies with the new file.
    assert!(done(&["rotate-key", "--data", &data]).contains("on this key signs"));
    done(&["verify", "credential", &certificate, "--key", &key]);
    done(&["audit", "--data", &data]);
    done(&["check", "--data", &data]);
}

#[test]
fn two_nodes_witness_and_an_anchor_stops_a_log_that_went_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = city(dir.path());
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let witness_config = path("witness.toml");
    let witnessed = format!("[trust]\nwitness_name = \"witness.example\"\nwitnessed = [\"{data}/log.pub\"]\n");
    fs::write(&witness_config, witnessed).unwrap();
    let start = |data: &Path, config: &str| Server::start_with(urbis(), data, "off", Some(Path::new(config)));
    let witness = start(&dir.path().join("other"), &witness_config);
    let vkey = until(&witness, "/witness/key").trim().to_owned();

    let (config, anchors) = (path("urbis.toml"), path("anchors"));
    let own = format!(
        "[trust]\nwitnesses = [\"{}/witness {vkey}\"]\nanchor_file = \"{anchors}\"\nanchor_every = \"1s\"\n",
        witness.url
    );
    fs::write(&config, own).unwrap();
    let backup = path("backup");
    done(&["backup", &backup, "--data", &data]);
    let server = start(Path::new(&data), &config);
    until(&server, "/log/cosigned");
    let id = server.sql("SELECT asset FROM assets LIMIT 1")[0]["asset"].as_str().unwrap().to_owned();
    let receipt = path("receipt");
    fs::write(&receipt, until(&server, &format!("/assets/{id}/receipt?witnessed=true"))).unwrap();
    let key = format!("{data}/log.pub");
    assert!(done(&["verify", "receipt", &receipt, "--key", &key, "--witness", &vkey]).contains("witness:"));
    fs::write(&receipt, server.get(&format!("/assets/{id}/receipt")).1).unwrap();
    let told = refused(&["verify", "receipt", &receipt, "--key", &key, "--witness", &vkey]);
    assert!(told.contains("0 of the 1 witnesses"), "{told}");

    // More is registered, signed by the witness and anchored.
    let (alice, api_key) = (path("alice.key"), server.key.clone().unwrap_or_default());
    done(&["identity", &alice]);
    done(&["asset", "register", &id, "--identity", &alice, "--server", &server.url, "--key", &api_key]);
    for _ in 0..200 {
        if server.get("/log/cosigned").1.contains("\n101\n")
            && fs::read_to_string(&anchors).is_ok_and(|text| text.contains("\"size\":101"))
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(server.get("/log/cosigned").1.contains("\n101\n"));
    drop(server);

    // The same folder goes on; a backup from before is a log that went back.
    let server = start(Path::new(&data), &config);
    assert_eq!(server.get("/health").0, 200);
    drop(server);
    let restored = path("restored");
    done(&["restore", &backup, "--data", &restored]);
    let server = start(Path::new(&restored), &config);
    assert_eq!(server.number("SELECT count(*) FROM assets"), 100, "questions are answered");
    let told = run(&["asset", "register", &id, "--identity", &alice, "--server", &server.url]);
    assert!(stderr(&told).contains("rollback"), "{}", stderr(&told));
}
