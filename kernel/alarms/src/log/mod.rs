//! The log of alerts: records are appended in frames and synced, each with its number, counted from 1; records after a number
//! come out. A frame of transitions says up to which commit the log is whole. What a crash tore off at the end was never told
//! to anybody and is cut when the log is opened; damage anywhere else is said and nothing is cut.

mod files;
mod frame;

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use kernel_model::{Sequence, TimeUs};

use self::files::{MAGIC, file_name, numbers_of_files};
use self::frame::{Frame, encode};
use crate::alert::{Alert, Record};
use crate::error::Error;

/// Records that stay in memory, newest: who follows the log reads no file.
const KEPT: usize = 65_536;
/// Bytes after which a new file is begun.
const FILE_BYTES: u64 = 64 << 20;
/// The longest name of who acknowledges, bytes.
const NAME_BYTES: usize = 256;

/// A record and its number.
type Numbered = (u64, Arc<Record>);

/// The writer's end of the log.
#[derive(Debug)]
pub struct AlertLog {
    dir: PathBuf,
    file: File,
    path: PathBuf,
    bytes: u64,
    next: u64,
    through: Sequence,
    /// What was written may be torn: a failure left the end of the file unknown.
    unsettled: bool,
    reader: LogReader,
}

/// The readers' end; clones are cheap.
#[derive(Debug, Clone)]
pub struct LogReader {
    dir: PathBuf,
    newest: Arc<RwLock<VecDeque<Numbered>>>,
}

impl AlertLog {
    /// Opens the log of a folder, which is made where there is none.
    ///
    /// # Errors
    /// Where a file cannot be read or written, or is damaged.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(Error::io("make", dir))?;
        let first = numbers_of_files(dir)?.last().copied().unwrap_or(1);
        let path = dir.join(file_name(first));
        let mut newest = VecDeque::new();
        let (mut next, mut through, mut whole) = (first, Sequence(0), 0);
        if path.exists() {
            let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
            whole = files::walk(&path, &bytes, |frame| {
                through = frame.through().unwrap_or(through);
                for record in frame.into_records() {
                    keep(&mut newest, (next, Arc::new(record)));
                    next += 1;
                }
                Ok(())
            })?;
            if whole < bytes.len() as u64 {
                let torn = bytes.len() as u64 - whole;
                tracing::warn!(path = %path.display(), torn, "cut bytes that a crash tore from the log of alerts; nobody was told of them");
            }
        }
        let file = files::open_at(&path, whole)?;
        let newest = Arc::new(RwLock::new(newest));
        let reader = LogReader { dir: dir.to_owned(), newest };
        let mut log = Self { dir: dir.to_owned(), file, path, bytes: whole, next, through, unsettled: false, reader };
        if log.bytes == 0 {
            // A file says through which commit the log is whole before it says anything else.
            let before = log.through_before()?;
            log.append(Frame::Alerts { through: before.0, alerts: Vec::new() })?;
        }
        Ok(log)
    }

    /// Through which commit the files before the last one are whole.
    fn through_before(&self) -> Result<Sequence, Error> {
        let mut through = Sequence(0);
        let files = numbers_of_files(&self.dir)?;
        if let Some(before) = files.iter().rev().nth(1) {
            let path = self.dir.join(file_name(*before));
            let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
            files::walk(&path, &bytes, |frame| {
                through = frame.through().unwrap_or(through);
                Ok(())
            })?;
        }
        Ok(through)
    }

    /// The commit through which all transitions are in the log.
    pub fn through(&self) -> Sequence {
        self.through
    }

    /// The number of the last record, 0 where there is none.
    pub fn last(&self) -> u64 {
        self.next - 1
    }

    /// The readers' end.
    pub fn reader(&self) -> LogReader {
        self.reader.clone()
    }

    /// Appends the transitions of commits up to one; when this returns they survive a power cut and readers have them.
    ///
    /// # Errors
    /// Where the file cannot be written; then nothing of it is there, and the same can be given again.
    pub fn alerts(&mut self, through: Sequence, alerts: Vec<Alert>) -> Result<(), Error> {
        self.append(Frame::Alerts { through: through.0, alerts })
    }

    /// Appends that somebody has taken note of an alert; its number comes out.
    ///
    /// # Errors
    /// [`Error::NoAlert`] where the number is none of an alert; else as [`AlertLog::alerts`].
    pub fn acknowledge(&mut self, alert: u64, by: &str, time: TimeUs) -> Result<u64, Error> {
        let found = alert.checked_sub(1).map(|since| self.reader.after(since, 1)).transpose()?.unwrap_or_default();
        let is_alert =
            matches!(found.first(), Some((number, record)) if *number == alert && matches!(**record, Record::Alert(_)));
        if !is_alert {
            return Err(Error::NoAlert(alert));
        }
        let by = by.chars().take(NAME_BYTES / 4).collect();
        self.append(Frame::Acknowledged { alert, by, time_us: time.0 })?;
        Ok(self.last())
    }

    fn append(&mut self, frame: Frame) -> Result<(), Error> {
        if self.unsettled {
            self.file = files::open_at(&self.path, self.bytes)?;
            self.unsettled = false;
        }
        if self.bytes > FILE_BYTES {
            self.begin_file()?;
        }
        let mut bytes = if self.bytes == 0 { MAGIC.to_vec() } else { Vec::new() };
        bytes.extend(encode(&frame));
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.unsettled = true;
            return Err(Error::io("write", &self.path)(error));
        }
        self.bytes += bytes.len() as u64;
        self.through = frame.through().unwrap_or(self.through);
        let mut newest = self.reader.newest.write().unwrap_or_else(PoisonError::into_inner);
        for record in frame.into_records() {
            keep(&mut newest, (self.next, Arc::new(record)));
            self.next += 1;
        }
        Ok(())
    }

    fn begin_file(&mut self) -> Result<(), Error> {
        let path = self.dir.join(file_name(self.next));
        let head = [&MAGIC[..], &encode(&Frame::Alerts { through: self.through.0, alerts: Vec::new() })].concat();
        let mut file = files::open_at(&path, 0)?;
        file.write_all(&head).and_then(|()| file.sync_data()).map_err(Error::io("write", &path))?;
        (self.file, self.path, self.bytes) = (file, path, head.len() as u64);
        Ok(())
    }
}

fn keep(newest: &mut VecDeque<Numbered>, record: Numbered) {
    if newest.len() == KEPT {
        newest.pop_front();
    }
    newest.push_back(record);
}

/// Looks all files of a log over; how many records they hold. What a crash tore off at the end is no damage.
///
/// # Errors
/// [`Error::Damaged`] with the first byte that is not as it was written.
pub(crate) fn check(dir: &Path) -> Result<u64, Error> {
    let mut records = 0;
    for first in numbers_of_files(dir)? {
        let path = dir.join(file_name(first));
        let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
        if first != records + 1 {
            let what = format!("it begins with record {first}, and the files before it end with {records}");
            return Err(Error::Damaged { path, at: 0, what });
        }
        files::walk(&path, &bytes, |frame| {
            records += frame.into_records().len() as u64;
            Ok(())
        })?;
    }
    Ok(records)
}

impl LogReader {
    /// The records after a number, oldest first, so many at most.
    ///
    /// # Errors
    /// Where a file cannot be read or is damaged.
    pub fn after(&self, since: u64, limit: usize) -> Result<Vec<Numbered>, Error> {
        {
            let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
            let Some((first, _)) = newest.front() else { return Ok(Vec::new()) };
            if since + 1 >= *first {
                let from = (since + 1 - first).min(newest.len() as u64) as usize;
                return Ok(newest.range(from..).take(limit).cloned().collect());
            }
        }
        let mut found = Vec::new();
        let files = numbers_of_files(&self.dir)?;
        let begin = files.partition_point(|first| *first <= since + 1).saturating_sub(1);
        for first in &files[begin..] {
            if found.len() >= limit {
                break;
            }
            let path = self.dir.join(file_name(*first));
            let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
            let mut number = *first;
            files::walk(&path, &bytes, |frame| {
                for record in frame.into_records() {
                    if number > since && found.len() < limit {
                        found.push((number, Arc::new(record)));
                    }
                    number += 1;
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The number of the last record, 0 where there is none.
    pub fn last(&self) -> u64 {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        newest.back().map_or(0, |(number, _)| *number)
    }
}

#[cfg(test)]
mod tests;
