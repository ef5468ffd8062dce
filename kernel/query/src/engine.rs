//! The engine: made once, asked often. In: a snapshot, SQL, limits. Out: a stream of record batches, or one line that
//! says why not. It has its own threads and its own memory, both bounded, so that no question can starve the writer;
//! it never writes anything but spill files, and those only where it was given a folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, GreedyMemoryPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use futures_util::{FutureExt, StreamExt};
use kernel_store::Snapshot;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::catalog::{CATALOG, ExtraTable, SCHEMA};
use crate::condition::Condition;
use crate::error::Error;
use crate::functions;
use crate::join::JoinInSpace;
use crate::leash::Leash;
use crate::planner::{Described, Planner, Question, Way};
use crate::result::{Part, QueryResult};
use crate::rules::FirstRows;
use crate::running::{Running, RunningQuestion};
use crate::size::STACK_BYTES;
use crate::view::View;

/// What the engine may use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads, and parts into which a scan is cut. 0: as many as there are cores.
    pub threads: usize,
    /// Memory of all running questions together, in bytes.
    pub memory_bytes: usize,
    /// Folder for sorts and joins that outgrow the memory; `None`: such a question fails.
    pub spill: Option<PathBuf>,
    /// Forms of questions of which the plan is kept, so that the next question of the form is answered without planning; 0:
    /// every question is planned.
    pub kept_plans: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 0, memory_bytes: 2 << 30, spill: None, kept_plans: 1_024 }
    }
}

/// What one question may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time from asking to the last row.
    pub deadline: Duration,
    /// Rows that come out at most.
    pub max_rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(30), max_rows: 100_000 }
    }
}

/// Memory of running questions, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuestionMemory {
    /// What they have reserved.
    pub reserved: u64,
    /// The most they may have together.
    pub budget: u64,
}

/// Answers questions.
pub struct Engine {
    planner: Arc<Planner>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    memory_bytes: usize,
    running: Arc<Running>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Engine")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Waiting for running questions here would block a caller's thread.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Engine {
    /// Starts the threads and registers every function.
    ///
    /// # Errors
    /// [`Error::Start`] where threads or the spill folder cannot be had.
    pub fn new(options: &Options) -> Result<Self, Error> {
        let start = |error: DataFusionError| Error::Start(error.strip_backtrace());
        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            threads => threads,
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("urbis-query")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()
            .map_err(|error| Error::Start(error.to_string()))?;
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(pool(options))
            .with_disk_manager_builder(disk(options))
            .build_arc()
            .map_err(start)?;
        let mut base = SessionStateBuilder::new()
            .with_config(config(threads))
            .with_runtime_env(environment)
            .with_default_features()
            .with_optimizer_rule(Arc::new(FirstRows))
            .with_physical_optimizer_rule(Arc::new(JoinInSpace))
            .build();
        functions::register(&mut base).map_err(start)?;
        let planner = Arc::new(Planner::new(base, options.kept_plans));
        Ok(Self { planner, runtime: Some(runtime), memory_bytes: options.memory_bytes, running: Arc::default() })
    }

    /// What running questions use.
    pub fn memory(&self) -> QuestionMemory {
        let reserved = self.planner.reserved_bytes() as u64;
        QuestionMemory { reserved, budget: self.memory_bytes as u64 }
    }

    /// The questions that are running, the oldest first.
    pub fn running(&self) -> Vec<RunningQuestion> {
        self.running.now()
    }

    /// Plans a condition over the columns that `entities` has in SQL, such as `class = 'house' AND st_intersects(geometry,
    /// ...)`, to be tested on rows of any snapshot. Like [`Self::query`] it must be called within a tokio runtime.
    ///
    /// # Errors
    /// Where it is no such condition, or longer than a question may be.
    pub async fn condition(&self, sql: &str) -> Result<Condition, Error> {
        let runtime = self.runtime.as_ref().ok_or_else(|| Error::Start("it is shutting down".to_owned()))?;
        let (planner, sql) = (self.planner.clone(), sql.to_owned());
        let planned = runtime.spawn(async move { planner.condition(&sql) }).await;
        planned.map_err(|panic| Error::Internal(panic.to_string()))?
    }

    /// Asks `sql` of `snapshot`, beside which the tables of `extra` can be named. Must be called within a tokio runtime
    /// with a timer (the caller's own); the work is done on the engine's threads.
    ///
    /// # Errors
    /// What [`Error`] says; failures of later rows come out of [`QueryResult::next`].
    pub async fn query(
        &self,
        snapshot: &Snapshot,
        extra: &[ExtraTable],
        sql: &str,
        limits: Limits,
    ) -> Result<QueryResult, Error> {
        self.ask(&View::new(snapshot.clone(), extra.to_vec()), sql, Vec::new(), limits).await
    }

    /// Asks `sql` of `view`, with values for `$1`, `$2`, ... (or the first, second, ... `?`). Otherwise as [`Self::query`].
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn ask(
        &self,
        view: &View,
        sql: &str,
        parameters: Vec<ScalarValue>,
        limits: Limits,
    ) -> Result<QueryResult, Error> {
        let begin = Instant::now();
        let until = begin + limits.deadline.min(Duration::from_hours(24));
        // One more than may come out, to know whether there were more.
        let question = self.question(view, sql, parameters, limits.max_rows.saturating_add(1));
        let leash = question.leash.clone();
        let (planned, schema) = oneshot::channel();
        let (sender, receiver) = mpsc::channel(2);
        let task = self.runtime()?.spawn(answer(self.planner.clone(), question, planned, sender));
        let result = QueryResult::new(receiver, task, leash, until, limits);
        match tokio::time::timeout_at(until, schema).await {
            Ok(Ok(Ok(schema))) => Ok(result.with_schema(schema)),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(result.failure().await),
            Err(_) => Err(Error::PlanDeadline(limits.deadline.as_millis())),
        }
    }

    /// What `sql` would answer and which values it needs, without an answer. The columns are exactly those of the answer
    /// where every value is given, else as the planner knows them so far.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn describe(
        &self,
        view: &View,
        sql: &str,
        parameters: Vec<ScalarValue>,
        deadline: Duration,
    ) -> Result<Described, Error> {
        let question = self.question(view, sql, parameters, usize::MAX);
        let planner = self.planner.clone();
        let task = self.runtime()?.spawn(async move { planner.describe(&question).await });
        match tokio::time::timeout(deadline, task).await {
            Ok(Ok(described)) => described,
            Ok(Err(ended)) => Err(Error::Internal(ended.to_string().replace('\n', " "))),
            Err(_) => Err(Error::PlanDeadline(deadline.as_millis())),
        }
    }

    fn question(&self, view: &View, sql: &str, parameters: Vec<ScalarValue>, most_rows: usize) -> Question {
        let running = self.running.begin(sql);
        Question { view: view.clone(), sql: sql.to_owned(), parameters, most_rows, leash: Leash::default(), running }
    }

    fn runtime(&self) -> Result<&Runtime, Error> {
        self.runtime.as_ref().ok_or_else(|| Error::Start("it is shutting down".to_owned()))
    }
}

fn pool(options: &Options) -> Arc<dyn MemoryPool> {
    match options.spill {
        Some(_) => Arc::new(FairSpillPool::new(options.memory_bytes)),
        None => Arc::new(GreedyMemoryPool::new(options.memory_bytes)),
    }
}

fn disk(options: &Options) -> DiskManagerBuilder {
    DiskManagerBuilder::default().with_mode(match &options.spill {
        Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
        None => DiskManagerMode::Disabled,
    })
}

fn config(threads: usize) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(threads)
        .with_information_schema(true)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, SCHEMA);
    let options = config.options_mut();
    options.execution.time_zone = Some("+00:00".to_owned());
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    options.execution.parquet.skip_metadata = false;
    config
}

/// Plans and runs a question; tells the columns, then the rows.
async fn answer(
    planner: Arc<Planner>,
    question: Question,
    planned: oneshot::Sender<Result<SchemaRef, Error>>,
    sender: mpsc::Sender<Part>,
) {
    match planner.start(&question).await {
        Err(error) => drop(planned.send(Err(error))),
        Ok((mut stream, way)) => {
            // What is there at once goes before the word that it is, so that whoever waits wakes once.
            let ended = way == Way::Short && send_what_is_there(&mut stream, &sender);
            // Whoever asked may have gone: then nobody is there to be told, here and below.
            if planned.send(Ok(stream.schema())).is_ok() && !ended {
                forward(stream, sender).await;
            }
        }
    }
}

/// Sends rows while there are some without waiting and the channel takes them; whether that was all.
fn send_what_is_there(stream: &mut SendableRecordBatchStream, sender: &mpsc::Sender<Part>) -> bool {
    while let Ok(place) = sender.try_reserve() {
        let (part, last) = match stream.next().now_or_never() {
            None => return false,
            Some(None) => (Part::End, true),
            Some(Some(Ok(batch))) => (Part::Rows(batch), false),
            Some(Some(Err(error))) => (Part::Failed(error.into()), true),
        };
        place.send(part);
        if last {
            return true;
        }
    }
    false
}

async fn forward(mut stream: SendableRecordBatchStream, sender: mpsc::Sender<Part>) {
    while let Some(batch) = stream.next().await {
        let part = match batch {
            Ok(batch) => Part::Rows(batch),
            Err(error) => Part::Failed(error.into()),
        };
        let last = matches!(part, Part::Failed(_));
        if sender.send(part).await.is_err() || last {
            return;
        }
    }
    let _ = sender.send(Part::End).await;
}
