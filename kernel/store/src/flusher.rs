//! Syncs the log from time to time, where commits need not be durable one by one: a thread that wakes once an interval. The
//! last sync comes when the log file is left.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::disk::DiskFile;

/// When what was written is safe from a power cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before a commit returns.
    #[default]
    EveryCommit,
    /// At most so much later: a power cut (not the end of the program) may take with it what was acknowledged within it.
    Within(Duration),
}

/// A thread that syncs one file.
#[derive(Debug)]
pub(crate) struct Flusher {
    state: Arc<State>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    file: DiskFile,
    written: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl State {
    fn sync(&self) {
        if self.written.swap(false, Ordering::AcqRel)
            && let Err(error) = self.file.sync_data()
        {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
    }
}

impl Flusher {
    pub(crate) fn start(file: DiskFile, interval: Duration) -> Self {
        let state = Arc::new(State { file, written: AtomicBool::new(false), failure: Mutex::new(None) });
        let (stop, stopped) = channel();
        let own = state.clone();
        let thread = std::thread::spawn(move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                own.sync();
            }
            own.sync();
        });
        Self { state, stop: Some(stop), thread: Some(thread) }
    }

    /// Something was written that is to be synced.
    pub(crate) fn note(&self) {
        self.state.written.store(true, Ordering::Release);
    }

    /// Why a sync failed, if one did.
    pub(crate) fn failure(&self) -> Option<String> {
        self.state.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
