//! The anchor `file`: trees in, lines out, each with the hash of the line before it. A line that was altered, dropped or
//! moved breaks the chain at the next opening; the last lines can be cut off unseen, which is why the file belongs on a
//! disk where the log's holder cannot write.
//!
//! ```text
//! {"origin":"city.example/log","size":4711,"root":"<hex>","previous":"<hex SHA-256 of the line before, without its end>"}
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kernel_model::{Anchor, AnchorError, AnchorPoint, Anchored};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    point: AnchorPoint,
    previous: String,
}

/// A file of chained lines.
#[derive(Debug)]
pub struct FileAnchor {
    path: PathBuf,
    /// Lines so far, and the hash of the last one.
    count: u64,
    last: String,
    /// Length of the whole lines, bytes.
    length: u64,
    newest: BTreeMap<String, Anchored>,
}

impl FileAnchor {
    /// Opens the file, which need not be there yet, and checks every line of it.
    ///
    /// # Errors
    /// Where it cannot be read or the chain is broken.
    pub fn open(path: &Path) -> Result<Self, AnchorError> {
        let mut anchor = Self { path: path.to_owned(), count: 0, last: hash(""), length: 0, newest: BTreeMap::new() };
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(anchor),
            Err(e) => return Err(anchor.away(e)),
        };
        // What stands after the last line end is the rest of a line that was never acknowledged.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        whole.lines().try_for_each(|line| anchor.read(line))?;
        anchor.length = whole.len() as u64;
        Ok(anchor)
    }

    fn read(&mut self, text: &str) -> Result<(), AnchorError> {
        let number = self.count + 1;
        let broken = |what: &str| AnchorError::Damaged { anchor: self.name(), what: format!("line {number} {what}") };
        let line: Line = serde_json::from_str(text).map_err(|_| broken("is no anchor"))?;
        if line.previous != self.last {
            return Err(broken("does not follow the line before it: one of the two was altered, or lines are missing"));
        }
        if self.held(&line.point)?.is_some() {
            return Err(broken("stands there twice"));
        }
        self.take(line.point, text);
        Ok(())
    }

    /// What is anchored already of this very tree; an error where it goes back or differs.
    fn held(&self, point: &AnchorPoint) -> Result<Option<Anchored>, AnchorError> {
        match self.newest.get(&point.origin) {
            Some(held) if held.point == *point => Ok(Some(held.clone())),
            Some(held) if held.point.size >= point.size => Err(AnchorError::Refused {
                anchor: self.name(),
                origin: point.origin.clone(),
                held: held.point.size,
                root: held.point.root.clone(),
            }),
            _ => Ok(None),
        }
    }

    fn take(&mut self, point: AnchorPoint, text: &str) {
        self.count += 1;
        self.last = hash(text);
        self.length += text.len() as u64 + 1;
        let place = format!("line {} of {}", self.count, self.path.display());
        self.newest.insert(point.origin.clone(), Anchored { point, place });
    }

    fn away(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AnchorError {
        AnchorError::Away { anchor: self.name(), source: source.into() }
    }

    fn append(&self, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        file.set_len(self.length)?;
        file.write_all(format!("{text}\n").as_bytes())?;
        file.sync_all()?;
        self.path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

impl Anchor for FileAnchor {
    fn name(&self) -> String {
        format!("the anchor {}", self.path.display())
    }

    fn newest(&mut self, origin: &str) -> Result<Option<Anchored>, AnchorError> {
        Ok(self.newest.get(origin).cloned())
    }

    fn anchor(&mut self, point: &AnchorPoint) -> Result<Anchored, AnchorError> {
        if let Some(held) = self.held(point)? {
            return Ok(held);
        }
        let line = Line { point: point.clone(), previous: self.last.clone() };
        let text = serde_json::to_string(&line).map_err(|e| self.away(e))?;
        self.append(&text).map_err(|e| self.away(e))?;
        self.take(line.point, &text);
        self.newest(&point.origin)?.ok_or_else(|| self.away("it was not written"))
    }
}
