//! The questions that are running: their text comes in when they begin; what each has reserved and has spilled goes out to
//! whoever asks, until they end. All reserve from one pool; here it is only counted who has what.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::ExecutionPlan;

/// A question that is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningQuestion {
    /// What is asked.
    pub sql: String,
    /// What it has reserved, bytes.
    pub reserved: u64,
    /// What it has written to files because it outgrew its memory, bytes.
    pub spilled: u64,
}

/// All that are running, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Running {
    entries: Mutex<(u64, BTreeMap<u64, Arc<Entry>>)>,
}

#[derive(Debug)]
struct Entry {
    sql: String,
    reserved: AtomicUsize,
    /// Not kept alive here: what it holds is counted here.
    plan: OnceLock<Weak<dyn ExecutionPlan>>,
}

/// One of them, as long as it runs.
#[derive(Debug)]
pub(crate) struct Guard {
    running: Arc<Running>,
    number: u64,
    entry: Arc<Entry>,
    plan: OnceLock<Arc<dyn ExecutionPlan>>,
}

impl Running {
    /// Takes a question in.
    pub(crate) fn begin(self: &Arc<Self>, sql: &str) -> Guard {
        let entry = Arc::new(Entry { sql: sql.to_owned(), reserved: AtomicUsize::new(0), plan: OnceLock::new() });
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.0 += 1;
        let number = entries.0;
        entries.1.insert(number, entry.clone());
        Guard { running: self.clone(), number, entry, plan: OnceLock::new() }
    }

    /// What runs now.
    pub(crate) fn now(&self) -> Vec<RunningQuestion> {
        let entries: Vec<_> = {
            let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.1.values().cloned().collect()
        };
        let question = |entry: Arc<Entry>| RunningQuestion {
            sql: entry.sql.clone(),
            reserved: entry.reserved.load(Ordering::Relaxed) as u64,
            spilled: entry.plan.get().and_then(Weak::upgrade).map_or(0, |plan| spilled(&plan)) as u64,
        };
        entries.into_iter().map(question).collect()
    }
}

/// Bytes that a plan has written to files so far.
fn spilled(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = plan.metrics().and_then(|metrics| metrics.spilled_bytes()).unwrap_or(0);
    own + plan.children().into_iter().map(spilled).sum::<usize>()
}

impl Guard {
    /// The same environment, in which what is reserved is counted as this question's.
    pub(crate) fn environment(&self, environment: &RuntimeEnv) -> Arc<RuntimeEnv> {
        let pool = Counted { inner: environment.memory_pool.clone(), entry: self.entry.clone() };
        Arc::new(RuntimeEnv { memory_pool: Arc::new(pool), ..environment.clone() })
    }

    /// Says how it is answered.
    pub(crate) fn planned(&self, plan: &Arc<dyn ExecutionPlan>) {
        self.entry.plan.get_or_init(|| Arc::downgrade(plan));
        self.plan.get_or_init(|| plan.clone());
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.running.entries.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.number);
    }
}

/// The pool of all questions, as one of them uses it.
#[derive(Debug)]
struct Counted {
    inner: Arc<dyn MemoryPool>,
    entry: Arc<Entry>,
}

impl Display for Counted {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.inner, f)
    }
}

impl MemoryPool for Counted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.inner.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.inner.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.inner.grow(reservation, additional);
        self.entry.reserved.fetch_add(additional, Ordering::Relaxed);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.inner.shrink(reservation, shrink);
        self.entry.reserved.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.inner.try_grow(reservation, additional)?;
        self.entry.reserved.fetch_add(additional, Ordering::Relaxed);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.inner.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.inner.memory_limit()
    }
}
