//! Content objects: bytes in, a file named by their SHA-256 out. A file that is there is whole: it is written beside,
//! synced and renamed.

use std::fs;
use std::path::{Path, PathBuf};

use kernel_model::ContentId;

use crate::disk::Disk;
use crate::error::Error;

/// Where the bytes of `id` lie under the data folder.
pub(crate) fn path(dir: &Path, id: &ContentId) -> PathBuf {
    let hex = id.to_string();
    dir.join("content").join(&hex[..2]).join(hex)
}

/// Keeps the bytes durably and returns their id. Bytes that are there already are not written again, unless they are damaged.
pub(crate) fn keep(disk: &Disk, dir: &Path, bytes: &[u8]) -> Result<ContentId, Error> {
    let id = ContentId::of(bytes);
    let target = path(dir, &id);
    let folder = target.parent().unwrap_or(dir);
    if !folder.is_dir() {
        disk.create_folder(folder)?;
    }
    match fs::read(&target).is_ok_and(|there| there == bytes) {
        // It may have come into its place without the folder being synced.
        true => disk.sync_folder(folder)?,
        false => disk.replace(&target, bytes)?,
    }
    disk.sync_folder(&dir.join("content"))?;
    Ok(id)
}

/// The bytes of `id`; none where there are none.
pub(crate) fn read(dir: &Path, id: &ContentId) -> Result<Option<Vec<u8>>, Error> {
    let path = path(dir, id);
    match fs::read(&path) {
        Ok(bytes) if ContentId::of(&bytes) == *id => Ok(Some(bytes)),
        Ok(_) => Err(Error::Damaged { path, at: 0, what: "its hash is not its name".to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { path, source }),
    }
}
