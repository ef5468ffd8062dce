//! A copy of the log as of one checkpoint, made beside its writer: tiles are never written again and are copied once, the
//! checkpoint goes last.

use std::fs;
use std::io;
use std::path::Path;

use super::Error;
use super::files::{Tile, replace, write_synced};
use super::recover::tile_files;

/// How often the copy is begun anew because the writer finished tiles meanwhile.
const ATTEMPTS: usize = 20;

/// Copies the log in `from` to `to`, where an earlier copy may be: what is there is not copied again. How many files were
/// copied comes back. The signing key goes with it, as it has to for the copy to go on as the log.
///
/// # Errors
/// Where files cannot be read or written; the earlier copy is then still whole.
pub fn backup(from: &Path, to: &Path) -> Result<u64, Error> {
    fs::create_dir_all(to).map_err(Error::io("create", to))?;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match areas(from, to).and_then(|copied| Ok(copied + copy(from, to)?)) {
            // A partial tile went because its full one is there now.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => last = Some(source),
            other => return other,
        }
    }
    let source = last.unwrap_or_else(|| io::Error::other("it changes faster than it can be copied"));
    Err(Error::Io { doing: "copy", path: from.to_owned(), source })
}

/// The log of areas, before the log itself: so it speaks of no leaves that are not copied.
fn areas(from: &Path, to: &Path) -> Result<u64, Error> {
    let from = from.join("areas");
    if from.join("checkpoint").is_file() { copy(&from, &to.join("areas")) } else { Ok(0) }
}

fn copy(from: &Path, to: &Path) -> Result<u64, Error> {
    let read = |path: &Path| fs::read(path).map_err(Error::io("read", path));
    let checkpoint = read(&from.join("checkpoint"))?;
    let mut copied = 0;
    for tile in tile_files(from)?.into_iter().filter(|path| Tile::from_path(path).is_some()) {
        let target = to.join(&tile);
        if target.exists() {
            continue;
        }
        let bytes = read(&from.join(&tile))?;
        let folder = target.parent().unwrap_or(to);
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        replace(&target, &bytes)?;
        copied += 1;
    }
    if from.join("log.key").is_file() {
        copy_key(&from.join("log.key"), &to.join("log.key"))?;
    }
    replace(&to.join("checkpoint"), &checkpoint)?;
    Ok(copied)
}

/// With the permissions that it has.
fn copy_key(from: &Path, to: &Path) -> Result<(), Error> {
    if to.exists() {
        return Ok(());
    }
    write_synced(to, b"")?;
    let permissions = fs::metadata(from).map_err(Error::io("look at", from))?.permissions();
    fs::set_permissions(to, permissions).map_err(Error::io("protect", to))?;
    write_synced(to, &fs::read(from).map_err(Error::io("read", from))?)
}
