//! Content objects: bytes in, a file named by their SHA-256 out. A file that is there is whole: it is written beside,
//! synced and renamed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use kernel_model::ContentId;

use crate::error::Error;
use crate::log::sync_dir;

/// Where the bytes of `id` lie under the data folder.
pub(crate) fn path(dir: &Path, id: &ContentId) -> PathBuf {
    let hex = id.to_string();
    dir.join("content").join(&hex[..2]).join(hex)
}

/// Keeps the bytes durably and returns their id. Bytes that are there already are not written again.
pub(crate) fn keep(dir: &Path, bytes: &[u8]) -> Result<ContentId, Error> {
    let id = ContentId::of(bytes);
    let target = path(dir, &id);
    if target.exists() {
        return Ok(id);
    }
    let folder = target.parent().unwrap_or(dir);
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let beside = target.with_extension("part");
    let written = File::create(&beside).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&beside, &target)).map_err(Error::io(&target))?;
    sync_dir(folder)?;
    Ok(id)
}
