//! The files of the log, each named by the number of its first record.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::Path;

use super::frame::{Begin, Frame, begin};
use crate::error::Error;

const ENDING: &str = ".alerts";
/// What every file begins with.
pub(super) const MAGIC: &[u8; 8] = b"URBALRT1";

pub(super) fn file_name(first: u64) -> String {
    format!("{first:020}{ENDING}")
}

/// The numbers by which the files of a folder are named, ascending.
pub(super) fn numbers_of_files(dir: &Path) -> Result<Vec<u64>, Error> {
    let entries = std::fs::read_dir(dir).map_err(Error::io("read", dir))?;
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let mut numbers: Vec<u64> =
        entries.filter_map(name).filter_map(|name| name.strip_suffix(ENDING)?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Hands the frames of a file to `take`; how many bytes file and frames have in all, 0 where there is no frame. What follows them
/// is torn.
pub(super) fn walk(path: &Path, bytes: &[u8], mut take: impl FnMut(Frame) -> Result<(), Error>) -> Result<u64, Error> {
    if !bytes.starts_with(MAGIC) {
        // A file whose first bytes were never synced holds nothing that was told.
        let is_torn = MAGIC.starts_with(bytes) || bytes.iter().all(|byte| *byte == 0);
        let what = "it does not begin as a log of alerts does".to_owned();
        return if is_torn { Ok(0) } else { Err(Error::Damaged { path: path.to_owned(), at: 0, what }) };
    }
    let mut at = MAGIC.len();
    while at < bytes.len() {
        match begin(&bytes[at..]) {
            Begin::Whole(frame, length) => {
                take(frame)?;
                at += length;
            }
            Begin::Torn => break,
            Begin::Damaged(what) => {
                return Err(Error::Damaged { path: path.to_owned(), at: at as u64, what: what.to_owned() });
            }
        }
    }
    Ok(if at > MAGIC.len() { at as u64 } else { 0 })
}

/// Opens a file to append after so many bytes; what follows them is cut. Its name survives a power cut.
pub(super) fn open_at(path: &Path, bytes: u64) -> Result<File, Error> {
    let is_new = !path.exists();
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(Error::io("open", path))?;
    let cut = file.set_len(bytes).and_then(|()| file.seek(SeekFrom::Start(bytes))).and_then(|_| file.sync_all());
    cut.map_err(Error::io("cut", path))?;
    if is_new && let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))?;
    }
    Ok(file)
}
