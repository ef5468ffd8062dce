//! One store for many writers: each brings its group of changes and waits until that is durable. Whoever finds the store free
//! commits all groups that wait as one commit, so that writers share the wait for the disk. Writers who were there a moment
//! ago are waited for, for a fraction of what the disk takes; one who is alone never waits for another.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel_model::{Change, Sequence};

use crate::commit::Outcome;
use crate::error::Error;
use crate::store::Store;

/// How long writers are waited for who were there a moment ago.
const DELAY: Duration = Duration::from_micros(200);

/// A group of changes that is durable and visible.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The commit it is part of.
    pub sequence: Sequence,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a writer waits for.
type Answer = Arc<Mutex<Option<Result<Kept, Arc<Error>>>>>;

/// The door of a store that is lent to it.
#[derive(Debug)]
pub struct Door<'a> {
    store: Mutex<Lent<'a>>,
    waiting: Mutex<Vec<(Vec<Change>, Answer)>>,
    came: Condvar,
}

#[derive(Debug)]
struct Lent<'a> {
    store: &'a mut Store,
    /// How many writers there were at the end of the last commit: those it answered and those who waited.
    writers: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Door<'a> {
    /// Opens the door.
    pub fn new(store: &'a mut Store) -> Self {
        Self { store: Mutex::new(Lent { store, writers: 1 }), waiting: Mutex::default(), came: Condvar::new() }
    }

    /// Makes a group of changes durable and visible; other groups may be part of the same commit.
    ///
    /// # Errors
    /// Where the log cannot be written; then nothing of the group is there.
    pub fn commit(&self, group: Vec<Change>) -> Result<Kept, Arc<Error>> {
        let answer = Answer::default();
        lock(&self.waiting).push((group, answer.clone()));
        self.came.notify_one();
        let mut lent = lock(&self.store);
        if let Some(answer) = lock(&answer).take() {
            return answer;
        }
        let (groups, answers) = self.gather(lent.writers);
        match lent.store.commit(&groups) {
            Ok(done) => {
                for (answer, outcome) in answers.iter().zip(done.outcomes) {
                    *lock(answer) = Some(Ok(Kept { sequence: done.sequence, outcome }));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for answer in &answers {
                    *lock(answer) = Some(Err(error.clone()));
                }
            }
        }
        lent.writers = answers.len() + lock(&self.waiting).len();
        drop(lent);
        lock(&answer).take().ok_or_else(|| Arc::new(Error::defect("a group was committed by nobody")))?
    }

    /// All groups that wait, once there are so many or the delay is over.
    fn gather(&self, writers: usize) -> (Vec<Vec<Change>>, Vec<Answer>) {
        let waiting = self.came.wait_timeout_while(lock(&self.waiting), DELAY, |waiting| waiting.len() < writers);
        let (mut waiting, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *waiting).into_iter().unzip()
    }
}
