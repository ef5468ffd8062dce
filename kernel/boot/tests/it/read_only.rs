//! A data folder that cannot be written is served: everything is answered, writes are refused with the reason, and nothing in
//! it changes. Where this runs as root, which no permission stops, the program runs as somebody else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::crash::{describe, post, readings};
use crate::support::{Server, stderr, stdout, urbis};

/// Nobody's number.
const NOBODY: &str = "65534";

fn is_root() -> bool {
    stdout(&Command::new("id").arg("-u").output().unwrap()).trim() == "0"
}

/// `urbis` with no more rights than permissions give; a copy of it in `folder`, since nobody may not be let in where it was built.
fn without_rights(folder: &Path) -> Command {
    if !is_root() {
        return urbis();
    }
    let program = urbis();
    let copy = folder.join("urbis");
    if !copy.exists() {
        fs::copy(program.get_program(), &copy).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(copy);
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(all(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Everybody may read, nobody may write; the secrets stay secret.
fn shut(folder: &Path, shut: bool) {
    for path in all(folder) {
        let secret = path.ends_with("log.key") || path.ends_with("api-keys");
        let mode = match (path.is_dir(), shut) {
            (true, true) => 0o555,
            (true, false) => 0o755,
            (false, true) if !secret => 0o444,
            (false, _) => fs::metadata(&path).unwrap().permissions().mode(),
        };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_served_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data, "off");
    let key = server.key.clone().unwrap();
    post(&server.url, &key, &describe(0)).unwrap();
    post(&server.url, &key, &vec![readings(0)]).unwrap();
    let kept = server.number("SELECT count(*) FROM observations");
    let assets = server.number("SELECT count(*) FROM assets");
    let checkpoint = server.get("/log/checkpoint");
    drop(server);
    shut(&data, true);
    let before: Vec<(PathBuf, Option<Vec<u8>>)> =
        all(&data).into_iter().map(|path| (path.clone(), fs::read(path).ok())).collect();

    let server = Server::start_by(without_rights(dir.path()), &data, "127.0.0.1:0");
    assert_eq!(server.mqtt, None, "nobody listens for publishers who could not be acknowledged");
    assert_eq!(server.number("SELECT count(*) FROM observations"), kept);
    assert_eq!(server.number("SELECT count(*) FROM assets"), assets);
    assert_eq!(server.get("/log/checkpoint"), checkpoint);
    let things = server.sql("SELECT id FROM entities LIMIT 1");
    let id = things[0]["id"].as_str().unwrap();
    assert_eq!(server.get(&format!("/api/entities/{id}")).0, 200);
    assert_eq!(server.get(&format!("/assets/{id}/receipt")).0, 200);
    for door in ["observations", "positions", "observations?bulk=true"] {
        let sent = ureq::post(format!("{}/{door}", server.url.trim_end_matches('/')))
            .header("authorization", format!("Bearer {key}"))
            .send(&[0_u8; 8][..]);
        assert!(sent.unwrap_err().to_string().contains("503"), "{door}");
    }
    let refused = post(&server.url, &key, &vec![readings(1)]).unwrap_err().to_string();
    assert!(refused.contains("503"), "{refused}");
    let health = server.json("/health");
    assert_eq!(health["status"], "degraded");
    assert!(health["trouble"].as_str().unwrap().contains("Permission denied"), "{health}");
    drop(server);

    let mut command = without_rights(dir.path());
    let asked = command.args(["sql", "SELECT count(*) AS n FROM observations", "--format", "csv", "--data"]).arg(&data);
    let answer = asked.output().unwrap();
    assert_eq!(stdout(&answer).lines().last(), Some(kept.to_string().as_str()), "{}", stderr(&answer));
    for (path, bytes) in before {
        assert_eq!(fs::read(&path).ok(), bytes, "{}", path.display());
    }

    shut(&data, false);
    for path in all(&data).into_iter().filter(|path| path.is_file()) {
        let owned = fs::Permissions::from_mode(fs::metadata(&path).unwrap().permissions().mode() | 0o200);
        fs::set_permissions(path, owned).unwrap();
    }
    let server = Server::start(&data, "off");
    post(&server.url, &key, &vec![readings(kept)]).unwrap();
    assert_eq!(server.number("SELECT count(*) FROM observations"), 2 * kept);
}
