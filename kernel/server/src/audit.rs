//! The audit record: who asked what of which door, and what was decided, a JSON object on a line. Lines are appended and synced
//! within a second; a file that is full is put aside under the time of its first line, and the oldest go. While no line can be
//! written no write is let in. Never: a key, a token, a body, a query.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel_model::TimeUs;
use serde::Serialize;

const FILE: &str = "audit.jsonl";
/// How often lines are synced.
const SYNC: Duration = Duration::from_secs(1);
/// The longest path that is written.
const PATH_BYTES: usize = 512;

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditLevel {
    /// Refusals and writes.
    Writes,
    /// Every request.
    All,
}

/// A decision.
#[derive(Debug, Serialize)]
pub(crate) struct Decision<'a> {
    pub(crate) time: String,
    /// The id of the request, which its answer has too.
    pub(crate) request: &'a str,
    pub(crate) principal: &'a str,
    pub(crate) address: String,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    /// `allowed` or `refused`.
    #[serde(rename = "decision")]
    pub(crate) made: &'a str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<&'a str>,
}

#[derive(Debug)]
struct Open {
    file: Option<File>,
    bytes: u64,
    unsynced: bool,
    trouble: Option<String>,
}

/// Where decisions are recorded.
#[derive(Debug)]
pub struct Audit {
    dir: PathBuf,
    level: AuditLevel,
    most_bytes: u64,
    most_files: usize,
    open: Mutex<Open>,
}

impl Audit {
    /// Goes on with the record in a folder, which is made. Files have about `most_bytes` each, and `most_files` are kept.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn open(dir: &Path, level: AuditLevel, most_bytes: u64, most_files: usize) -> io::Result<Arc<Self>> {
        fs::create_dir_all(dir)?;
        let open = Mutex::new(Open { file: None, bytes: 0, unsynced: false, trouble: None });
        let audit = Arc::new(Self { dir: dir.to_owned(), level, most_bytes, most_files: most_files.max(1), open });
        let weak = Arc::downgrade(&audit);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(SYNC);
                let Some(audit) = weak.upgrade() else { return };
                audit.sync();
            }
        });
        Ok(audit)
    }

    pub(crate) fn level(&self) -> AuditLevel {
        self.level
    }

    /// Why nothing can be recorded at present, if so.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }

    /// Writes a line.
    pub(crate) fn record(&self, decision: &Decision<'_>) {
        let Ok(mut line) = serde_json::to_vec(decision) else { return };
        line.push(b'\n');
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match self.append(&mut open, &line) {
            Ok(()) => open.trouble = None,
            Err(error) => {
                if open.trouble.is_none() {
                    tracing::error!(%error, dir = %self.dir.display(), "decisions cannot be recorded: writes are refused");
                }
                // What was half written is not gone on with.
                open.file = None;
                open.trouble = Some(error.to_string());
            }
        }
    }

    fn append(&self, open: &mut Open, line: &[u8]) -> io::Result<()> {
        let path = self.dir.join(FILE);
        if open.file.is_none() {
            let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
            open.bytes = file.metadata()?.len();
            if open.bytes > 0 && !ends_with_a_line(&path)? {
                file.write_all(b"\n")?;
                open.bytes += 1;
            }
            open.file = Some(file);
        }
        let Some(file) = open.file.as_mut() else { return Ok(()) };
        file.write_all(line)?;
        open.bytes += line.len() as u64;
        open.unsynced = true;
        if open.bytes >= self.most_bytes {
            file.sync_data()?;
            open.file = None;
            fs::rename(&path, self.dir.join(format!("audit-{:020}.jsonl", TimeUs::now().0)))?;
            self.remove_old()?;
        }
        Ok(())
    }

    fn remove_old(&self) -> io::Result<()> {
        let mut old = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with("audit-") && path.extension().is_some_and(|extension| extension == "jsonl") {
                old.push(path);
            }
        }
        old.sort();
        let many = old.len().saturating_sub(self.most_files - 1);
        old.into_iter().take(many).try_for_each(fs::remove_file)
    }

    fn sync(&self) {
        let file = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if !std::mem::take(&mut open.unsynced) {
                return;
            }
            open.file.as_ref().and_then(|file| file.try_clone().ok())
        };
        if let Some(Err(error)) = file.map(|file| file.sync_data()) {
            tracing::error!(%error, "the audit record was not synced");
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.sync();
    }
}

/// Whether the last byte ends a line: a kill may have cut one.
fn ends_with_a_line(path: &Path) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// The beginning of a path.
pub(crate) fn short(path: &str) -> &str {
    match path.char_indices().map(|(at, _)| at).take_while(|at| *at <= PATH_BYTES).last() {
        Some(end) if path.len() > PATH_BYTES => &path[..end],
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(path: &str) -> Decision<'_> {
        Decision {
            time: TimeUs::now().to_string(),
            request: "r1",
            principal: "key:0123456789",
            address: "127.0.0.1".to_owned(),
            method: "POST",
            path,
            status: 200,
            made: "allowed",
            why: None,
        }
    }

    fn lines(dir: &Path) -> usize {
        let files = fs::read_dir(dir).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
        files
            .map(|text| text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count())
            .sum()
    }

    #[test]
    fn a_record_goes_on_is_cut_into_files_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let audit = Audit::open(dir.path(), AuditLevel::All, 1_000, 3).unwrap();
            (0..5).for_each(|_| audit.record(&decision("/changes")));
        }
        assert_eq!(lines(dir.path()), 10, "nothing lost by a restart or a cut");
        let audit = Audit::open(dir.path(), AuditLevel::All, 1_000, 3).unwrap();
        (0..100).for_each(|_| audit.record(&decision("/changes")));
        assert!(fs::read_dir(dir.path()).unwrap().count() <= 3);
        assert!(lines(dir.path()) >= 10 && audit.trouble().is_none());
    }

    #[test]
    fn a_torn_line_does_not_spoil_the_next() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{\"time\":\"20").unwrap();
        Audit::open(dir.path(), AuditLevel::Writes, 1_000, 3).unwrap().record(&decision("/sql"));
        assert_eq!(lines(dir.path()), 1);
    }

    #[test]
    fn it_says_when_nothing_can_be_recorded_and_when_it_can_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("audit");
        let audit = Audit::open(&folder, AuditLevel::Writes, 1_000, 3).unwrap();
        fs::remove_dir(&folder).unwrap();
        audit.record(&decision("/changes"));
        assert!(audit.trouble().is_some());
        fs::create_dir(&folder).unwrap();
        audit.record(&decision("/changes"));
        assert!(audit.trouble().is_none());
        assert_eq!((short("/é").len(), short(&"é".repeat(400)).len()), (3, 512));
    }
}
