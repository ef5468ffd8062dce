//! The answer to one question: record batches as they come, and afterwards whether it was cut. Dropping it stops the
//! work. Rows beyond the limit and rows after the deadline never come out.

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::engine::Limits;
use crate::error::Error;
use crate::leash::Leash;

/// Why rows are missing at the end of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// There were more than so many rows.
    Rows(usize),
    /// So many milliseconds had passed.
    Deadline(u128),
}

impl std::fmt::Display for Cut {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rows(rows) => write!(out, "cut after {rows} rows"),
            Self::Deadline(ms) => write!(out, "cut after {ms} ms"),
        }
    }
}

/// What the engine's threads send.
#[derive(Debug)]
pub(crate) enum Part {
    Rows(RecordBatch),
    Failed(Error),
    End,
}

/// A running answer.
#[derive(Debug)]
pub struct QueryResult {
    schema: SchemaRef,
    parts: mpsc::Receiver<Part>,
    task: JoinHandle<()>,
    leash: Leash,
    until: Instant,
    limits: Limits,
    rows: usize,
    truncated: Option<Cut>,
    ended: bool,
}

/// A finished answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The columns; geometry and other extension types are marked in the fields' metadata.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Whether and why it is not whole.
    pub truncated: Option<Cut>,
}

impl Answer {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl Drop for QueryResult {
    fn drop(&mut self) {
        self.leash.pull();
        self.task.abort();
    }
}

impl QueryResult {
    pub(crate) fn new(
        parts: mpsc::Receiver<Part>,
        task: JoinHandle<()>,
        leash: Leash,
        until: Instant,
        limits: Limits,
    ) -> Self {
        let schema = Schema::empty().into();
        Self { schema, parts, task, leash, until, limits, rows: 0, truncated: None, ended: false }
    }

    pub(crate) fn with_schema(mut self, schema: SchemaRef) -> Self {
        self.schema = schema;
        self
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// After the last batch: whether and why rows are missing.
    pub fn truncated(&self) -> Option<Cut> {
        self.truncated
    }

    /// The next batch with rows, `None` after the last.
    ///
    /// # Errors
    /// [`Error::Execution`] and its like where a row cannot be computed; nothing comes after it.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, Error>> {
        while !self.ended {
            match tokio::time::timeout_at(self.until, self.parts.recv()).await {
                Err(_) => self.end(Some(Cut::Deadline(self.limits.deadline.as_millis()))),
                Ok(Some(Part::End)) => self.end(None),
                Ok(Some(Part::Rows(batch))) if batch.num_rows() == 0 => {}
                Ok(Some(Part::Rows(batch))) => {
                    if let Some(batch) = self.admit(batch) {
                        return Some(Ok(batch));
                    }
                }
                Ok(Some(Part::Failed(error))) => {
                    self.end(None);
                    return Some(Err(error));
                }
                Ok(None) => {
                    self.end(None);
                    return Some(Err(self.panic().await));
                }
            }
        }
        None
    }

    /// All rows.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn collect(mut self) -> Result<Answer, Error> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await {
            batches.push(batch?);
        }
        Ok(Answer { schema: self.schema.clone(), batches, truncated: self.truncated })
    }

    fn admit(&mut self, batch: RecordBatch) -> Option<RecordBatch> {
        let left = self.limits.max_rows - self.rows;
        if batch.num_rows() <= left {
            self.rows += batch.num_rows();
            return Some(batch);
        }
        self.rows += left;
        self.end(Some(Cut::Rows(self.limits.max_rows)));
        (left > 0).then(|| batch.slice(0, left))
    }

    fn end(&mut self, cut: Option<Cut>) {
        self.ended = true;
        self.truncated = cut;
        self.parts.close();
        self.leash.pull();
    }

    /// Why the engine's threads went silent.
    pub(crate) async fn failure(mut self) -> Error {
        self.panic().await
    }

    async fn panic(&mut self) -> Error {
        match (&mut self.task).await {
            Err(error) if error.is_panic() => {
                let payload = error.into_panic();
                let text = payload.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
                Error::Internal(format!("panic: {}", text.unwrap_or("no reason was given").replace('\n', " ")))
            }
            _ => Error::Internal("it stopped before the end".to_owned()),
        }
    }
}
