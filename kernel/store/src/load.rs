//! A data folder back into memory: the manifest's resident segments, then the log's commits after them. Nothing on disk
//! is changed here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel_model::Sequence;
use kernel_model::schema::Table;

use crate::error::Error;
use crate::latest::Latest;
use crate::live::Live;
use crate::log::{self, TornTail};
use crate::manifest::Manifest;
use crate::memtable::{Rows, resident};
use crate::record;
use crate::segment;
use crate::snapshot::Snapshot;

/// What opening found.
#[derive(Debug, Clone, Default)]
pub struct Opened {
    /// Whether the folder was made anew.
    pub created: bool,
    /// The last commit.
    pub sequence: Sequence,
    /// Commits read back from the log.
    pub replayed: u64,
    /// Unacknowledged bytes cut from the log.
    pub torn: Option<TornTail>,
}

/// Everything read from a data folder.
pub(crate) struct Loaded {
    pub(crate) manifest: Manifest,
    pub(crate) live: Live,
    pub(crate) rows: Rows,
    pub(crate) opened: Opened,
    /// The newest log file and the length of its good part.
    pub(crate) log: Option<(PathBuf, u64)>,
}

impl Loaded {
    /// What readers are shown first.
    pub(crate) fn snapshot(&self, dir: &Path) -> Snapshot {
        let entities = Arc::new(self.live.present.revisions());
        Snapshot::new(dir, self.opened.sequence, &self.manifest, |table| self.rows.batches(table, &[]), entities)
    }
}

pub(crate) fn load(dir: &Path) -> Result<Loaded, Error> {
    let manifest = Manifest::read(dir)?;
    let mut live = Live::default();
    let mut rows = Rows::default();
    for meta in &manifest.segments {
        let Some(table) = Table::ALL.into_iter().find(|t| t.name() == meta.table && resident(*t)) else { continue };
        for batch in segment::read(&dir.join("segments").join(&meta.file), table, None)? {
            live.learn(table, &batch);
            rows.sealed[table as usize].push(batch);
        }
    }
    if let Some(file) = &manifest.latest {
        live.latest = Latest::read(&dir.join(file))?;
    }
    let mut opened = Opened { sequence: manifest.sealed, ..Opened::default() };
    let files = log::files(&dir.join("log"))?;
    let mut last = None;
    for (n, path) in files.iter().enumerate() {
        let replayed = log::replay(path, n + 1 == files.len(), |sequence, payload| {
            if sequence <= manifest.sealed {
                return Ok(());
            }
            for (table, batch) in record::decode(payload)? {
                live.learn(table, &batch);
                rows.unsealed[table as usize].push(batch).map_err(Error::arrow("read the log back"))?;
            }
            opened.sequence = sequence;
            opened.replayed += 1;
            Ok(())
        })?;
        opened.torn = replayed.torn;
        last = Some((path.clone(), replayed.len));
    }
    Ok(Loaded { manifest, live, rows, opened, log: last })
}
