//! Work beside the writer: a thread that writes files which nothing refers to until the writer takes them over. What failed is
//! begun again with the same input after a pause.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::Error;

/// Pause before work that failed is tried again; it doubles with every failure.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a thread can do.
pub(crate) trait Work: Send + Sync + 'static {
    /// What comes out.
    type Done: Send + 'static;
    /// What it is called.
    const NAME: &'static str;

    /// Does it; nothing it writes counts before the writer has taken it over.
    fn run(self: &Arc<Self>) -> Result<Self::Done, Error>;
}

/// A thread at work.
#[derive(Debug)]
pub(crate) struct Background<W: Work> {
    work: Arc<W>,
    /// How often it failed before.
    failures: u32,
    thread: JoinHandle<Result<W::Done, Error>>,
}

impl<W: Work> Background<W> {
    /// Starts the thread.
    pub(crate) fn begin(work: Arc<W>) -> Self {
        let own = work.clone();
        Self { work, failures: 0, thread: std::thread::spawn(move || own.run()) }
    }

    /// Starts the thread for what failed so often before; it pauses first.
    pub(crate) fn again(work: Arc<W>, failures: u32) -> Self {
        let own = work.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE));
            own.run()
        });
        Self { work, failures, thread }
    }

    /// What it works on.
    pub(crate) fn work(&self) -> &Arc<W> {
        &self.work
    }

    /// How often it failed before.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether the thread has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the thread and takes its result.
    pub(crate) fn finish(self) -> Result<W::Done, Error> {
        self.thread.join().map_err(|_| Error::Io {
            path: PathBuf::from("segments"),
            source: std::io::Error::other(format!(
                "{} ended with a panic: this is a defect, please report it",
                W::NAME
            )),
        })?
    }
}
