//! Sealing beside the writer: frozen rows in, segments and the file of latest values out. The writer takes the result
//! over by replacing the manifest; until then nothing refers to the new files. A sealing that failed is begun again
//! with the same rows: they stay in the log and in memory until it is through.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use kernel_model::Sequence;
use kernel_model::schema::Table;

use crate::error::Error;
use crate::latest::Latest;
use crate::log::sync_dir;
use crate::memtable::{Parts, batches};
use crate::parts::{self, Part, SegmentMeta};

/// Pause before a sealing that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// What is to be sealed.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) dir: PathBuf,
    /// The last commit among the rows.
    pub(crate) sequence: Sequence,
    /// Makes the file names new.
    pub(crate) generation: u64,
    pub(crate) rows: Parts,
    pub(crate) latest: Latest,
}

/// What was written.
pub(crate) struct Written {
    pub(crate) segments: Vec<SegmentMeta>,
    pub(crate) latest: String,
}

/// A thread that writes segments.
#[derive(Debug)]
pub(crate) struct Sealing {
    job: Arc<Job>,
    thread: JoinHandle<Result<Written, Error>>,
}

impl Sealing {
    /// Starts the thread.
    pub(crate) fn begin(job: Arc<Job>) -> Self {
        let own = job.clone();
        Self { job, thread: std::thread::spawn(move || own.write()) }
    }

    /// Starts the thread for what failed before; it pauses first.
    pub(crate) fn again(job: Arc<Job>) -> Self {
        let own = job.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(PAUSE);
            own.write()
        });
        Self { job, thread }
    }

    /// What it seals; readers still see these rows in memory.
    pub(crate) fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// Whether the thread has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the thread and takes its result.
    pub(crate) fn finish(self) -> Result<Written, Error> {
        self.thread.join().map_err(|_| Error::Io {
            path: PathBuf::from("segments"),
            source: std::io::Error::other("the sealing thread ended with a panic: this is a defect, please report it"),
        })?
    }
}

impl Job {
    fn write(&self) -> Result<Written, Error> {
        let mut segments = Vec::new();
        for table in Table::ALL {
            let name = format!("{}-{:08}", table.name(), self.generation);
            let part = Part::of(table, &batches(&self.rows[table as usize]))?;
            segments.extend(parts::write(&self.dir, &name, &part)?);
        }
        let latest = format!("latest-{:08}.arrow", self.generation);
        self.latest.write(&self.dir.join(&latest))?;
        sync_dir(&self.dir)?;
        Ok(Written { segments, latest })
    }
}
