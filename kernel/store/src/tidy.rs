//! What a crash or a full disk can leave beside what counts: files that no manifest names, and log files all of whose commits
//! are sealed. They go; what cannot be removed costs room and nothing else, and goes another time. And the lock, which is held
//! by the one writer.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kernel_model::Sequence;

use crate::disk::Disk;
use crate::error::Error;
use crate::log;
use crate::manifest::Manifest;

/// How long a lock is waited for that is about to be let go: a program that has just ended, or a child that it was beginning,
/// holds it a moment longer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Takes the folder's lock, which lasts as long as the file is open.
pub(crate) fn lock(disk: &Disk, dir: &Path) -> Result<File, Error> {
    let path = dir.join("LOCK");
    let file = disk.open_or_create(&path).map_err(Error::io(&path))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(PATIENCE / 50),
            Err(TryLockError::WouldBlock) => return Err(Error::Locked(dir.to_owned())),
            Err(TryLockError::Error(source)) => return Err(Error::Io { path, source }),
        }
    }
}

fn remove(disk: &Disk, path: &Path) {
    if let Err(error) = disk.remove(path) {
        tracing::warn!(%error, "a file that is not needed any more stays for now");
    }
}

fn names(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect()
}

/// Files that a crash left beside the manifest.
pub(crate) fn orphans(disk: &Disk, dir: &Path, manifest: &Manifest) {
    for (_, path) in names(&dir.join("segments")).iter().filter(|(name, _)| !manifest.names(name)) {
        tracing::warn!(path = %path.display(), "removing a segment that was never finished");
        remove(disk, path);
    }
    let is_old = |name: &str| name.starts_with("latest-") && manifest.latest.as_deref() != Some(name);
    names(dir).iter().filter(|(name, _)| is_old(name)).for_each(|(_, path)| remove(disk, path));
}

/// Log files all of whose commits are sealed.
pub(crate) fn old_logs(disk: &Disk, dir: &Path, sealed: Sequence) -> Result<(), Error> {
    for pair in log::files(dir)?.windows(2) {
        if log::first_of(&pair[1]).is_some_and(|first| first.0 <= sealed.0 + 1) {
            remove(disk, &pair[0]);
        }
    }
    Ok(())
}

/// Log files that were begun and hold nothing, but for one that begins with the next commit.
pub(crate) fn empty_logs(disk: &Disk, dir: &Path, next: Sequence) -> Result<(), Error> {
    let files = log::files(dir)?;
    for path in files.iter().skip(log::with_records(&files)).filter(|path| log::first_of(path) != Some(next)) {
        disk.remove(path)?;
    }
    Ok(())
}

/// Files of a folder whose names begin so.
pub(crate) fn beginning(disk: &Disk, folder: &Path, beginning: &str) {
    names(folder).iter().filter(|(name, _)| name.starts_with(beginning)).for_each(|(_, path)| remove(disk, path));
}
