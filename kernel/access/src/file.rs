//! The file of keys: a line that says its version, a JSON object on a line for each key, a line with the SHA-256 of all before.
//! It is written beside and put in place whole. Files that were written before there were names and scopes have one hash on each
//! line; they are read, and become the newer form when a key is added or revoked.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::keys::Key;

const MAGIC: &str = "urbis-keys 1";
/// Larger files are none of ours.
const MOST_BYTES: u64 = 16 << 20;

/// The keys of a file; `None` where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<Key>>, Error> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    let length = match fs::metadata(path) {
        Ok(about) => about.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let wrong = |why: &str| Error::Keys { path: path.to_owned(), why: why.to_owned() };
    if length > MOST_BYTES {
        return Err(wrong("it is too large"));
    }
    let text = fs::read_to_string(path).map_err(io)?;
    if text.lines().next() != Some(MAGIC) {
        let old = text.lines().map(|hash| is_hash(hash).then(|| Key::of_old_file(hash)));
        return old.collect::<Option<Vec<_>>>().map(Some).ok_or_else(|| wrong("a line is no hash"));
    }
    let (body, sum) = text.trim_end().rsplit_once('\n').ok_or_else(|| wrong("its checksum is missing"))?;
    let body = format!("{body}\n");
    if sum.strip_prefix("sha256 ") != Some(hex::encode(Sha256::digest(&body)).as_str()) {
        return Err(wrong("its checksum does not match"));
    }
    let keys = body.lines().skip(1).map(|line| serde_json::from_str(line).map_err(|error| wrong(&error.to_string())));
    keys.collect::<Result<_, _>>().map(Some)
}

/// Writes the keys; what stood there stands there until all of them do.
pub(crate) fn write(path: &Path, keys: &[Key]) -> Result<(), Error> {
    let mut text = format!("{MAGIC}\n");
    for key in keys {
        let line = serde_json::to_string(key);
        text += &line.map_err(|error| Error::Keys { path: path.to_owned(), why: error.to_string() })?;
        text.push('\n');
    }
    let sum = hex::encode(Sha256::digest(&text));
    text.extend(["sha256 ", &sum, "\n"]);
    let beside = path.with_extension("new");
    let io = |source| Error::Io { path: beside.clone(), source };
    // Only one can make the file: it keeps two writers from each other.
    let mut file = match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(Error::Busy(beside)),
        opened => opened.map_err(io)?,
    };
    let written =
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        drop(fs::remove_file(&beside));
        return Err(io(error));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| Error::Io { path: folder.to_owned(), source })
}

fn is_hash(line: &str) -> bool {
    line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit())
}
