//! What follows the data folder's manifest into the object store in its own time: first the copy of the manifest, then the
//! removal of what it names no longer. Both are tried until they succeed, and nobody waits for them: what the end of the
//! program cuts off is done again at the next start. An object that the copy still names is never removed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;

use super::remote::Remote;
use crate::error::Error;

/// Pause before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// A thread that keeps an object store in step.
#[derive(Debug)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    _thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    remote: Arc<Remote>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The newest manifest that is not there yet, and the name of its copy.
    manifest: Option<(String, Bytes)>,
    obsolete: Vec<String>,
    working: bool,
    ended: bool,
}

enum Task {
    Publish(String, Bytes),
    Remove(String),
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }
}

impl Keeper {
    pub(crate) fn begin(remote: Arc<Remote>) -> Self {
        let shared = Arc::new(Shared { remote, state: Mutex::default(), changed: Condvar::new() });
        let own = shared.clone();
        Self { shared, _thread: std::thread::spawn(move || own.work()) }
    }

    /// A copy of this manifest is to be there.
    pub(crate) fn publish(&self, name: String, manifest: Bytes) {
        self.shared.lock().manifest = Some((name, manifest));
        self.shared.changed.notify_all();
    }

    /// Nothing needs an object any more, once the manifests given before are there.
    pub(crate) fn remove(&self, name: String) {
        self.shared.lock().obsolete.push(name);
        self.shared.changed.notify_all();
    }

    /// Waits until everything is done; not longer than so.
    pub(crate) fn settle(&self, most: Duration) {
        let busy = |state: &mut State| state.working || state.manifest.is_some() || !state.obsolete.is_empty();
        drop(self.shared.changed.wait_timeout_while(self.shared.lock(), most, busy));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut tries = 0_u32;
        while let Some(task) = self.next() {
            match task.run(&self.remote) {
                Ok(()) => tries = 0,
                Err(error) => {
                    tries += 1;
                    if tries.is_power_of_two() {
                        tracing::warn!(%error, tries, "the object store does not follow yet; it is tried again");
                    }
                    self.put_back(task);
                }
            }
        }
    }

    /// Waits for something to do; `None` at the end.
    fn next(&self) -> Option<Task> {
        let mut state = self.lock();
        state.working = false;
        loop {
            if state.ended {
                return None;
            }
            let task = match state.manifest.take() {
                Some((name, manifest)) => Some(Task::Publish(name, manifest)),
                None => state.obsolete.pop().map(Task::Remove),
            };
            if task.is_some() {
                state.working = true;
                return task;
            }
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Keeps what failed for later, unless something newer came, and pauses.
    fn put_back(&self, task: Task) {
        let mut state = self.lock();
        match task {
            Task::Publish(name, manifest) => drop(state.manifest.get_or_insert((name, manifest))),
            Task::Remove(name) => state.obsolete.push(name),
        }
        drop(self.changed.wait_timeout_while(state, PAUSE, |state| !state.ended));
    }
}

impl Task {
    fn run(&self, remote: &Remote) -> Result<(), Error> {
        match self {
            Self::Publish(name, manifest) => remote.put(name, manifest.clone()),
            Self::Remove(name) => remote.remove(name),
        }
    }
}
