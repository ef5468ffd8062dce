//! An answer on its way to a client: batches come from the engine and go into the wire, a few at a time. An answer ends whole,
//! or with an error: rows that are missing because of a limit, a deadline, a client that does not read or one that cancels
//! never look like the end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use kernel_query::QueryResult;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::door::Place;
use crate::error::Error;

/// Batches that wait for the client, beside the one that the wire is writing.
const WAITING: usize = 2;
/// How long rows that are there may still be on their way after the deadline, which was for making them.
const GRACE: Duration = Duration::from_secs(5);

/// Why a question is to end before its answer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Called {
    /// The client cancels it.
    Cancel,
    /// The client is not there any more.
    Gone,
}

/// Tells when a question is to end early.
#[derive(Debug, Clone)]
pub(crate) struct Stop(Option<watch::Receiver<Option<Called>>>);

impl Stop {
    /// Nobody calls.
    pub(crate) fn never() -> Self {
        Self(None)
    }

    /// What is called from now on.
    pub(crate) fn new(mut calls: watch::Receiver<Option<Called>>) -> Self {
        if *calls.borrow_and_update() == Some(Called::Gone) {
            calls.mark_changed();
        }
        Self(Some(calls))
    }

    /// Returns when it is called, with what to say.
    pub(crate) async fn called(&mut self) -> Error {
        if let Some(calls) = &mut self.0
            && calls.changed().await.is_ok()
        {
            return match *calls.borrow_and_update() {
                Some(Called::Gone) => Error::Gone,
                _ => Error::Cancelled,
            };
        }
        std::future::pending().await
    }
}

enum Part {
    Rows(RecordBatch),
    Failed(Error),
    End,
}

/// An answer's columns, and its batches as they come.
pub(crate) struct Rows {
    schema: SchemaRef,
    parts: mpsc::Receiver<Part>,
    within: Duration,
    ended: bool,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Rows").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Rows {
    /// What the engine answers.
    pub(crate) fn of_engine(result: QueryResult, until: Instant, place: Place, stop: Stop) -> Self {
        let schema = result.schema();
        let (sender, rows) = Self::channel(schema, until);
        let parts = stream::unfold(result, |mut result| async move {
            let part = match result.next().await {
                Some(Ok(batch)) => Part::Rows(batch),
                Some(Err(error)) => Part::Failed(error.into()),
                None => result.truncated().map_or(Part::End, |cut| Part::Failed(Error::Cut(cut))),
            };
            Some((part, result))
        });
        tokio::spawn(forward(parts.boxed(), sender, until + GRACE, stop, place));
        rows
    }

    /// What any other stream answers; its own limits are its maker's.
    pub(crate) fn of_stream(
        schema: SchemaRef,
        batches: impl Stream<Item = Result<RecordBatch, Error>> + Send + 'static,
        until: Instant,
        place: Place,
        stop: Stop,
    ) -> Self {
        let (sender, rows) = Self::channel(schema, until);
        let parts = batches.map(|batch| batch.map_or_else(Part::Failed, Part::Rows));
        let parts = parts.chain(stream::iter([Part::End]));
        tokio::spawn(forward(parts.boxed(), sender, until + GRACE, stop, place));
        rows
    }

    fn channel(schema: SchemaRef, until: Instant) -> (mpsc::Sender<Part>, Self) {
        let (sender, parts) = mpsc::channel(WAITING);
        let within = until.saturating_duration_since(Instant::now());
        (sender, Self { schema, parts, within, ended: false })
    }

    /// The columns of every batch.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

/// Hands parts over until the last one, until nobody takes them any more, or until it is called off.
async fn forward(
    mut parts: BoxStream<'static, Part>,
    to: mpsc::Sender<Part>,
    until: Instant,
    mut stop: Stop,
    _place: Place,
) {
    loop {
        let part = tokio::select! {
            biased;
            () = to.closed() => return,
            why = stop.called() => Part::Failed(why),
            part = parts.next() => part.unwrap_or(Part::End),
        };
        let last = !matches!(part, Part::Rows(_));
        let sent = tokio::select! {
            sent = to.send(part) => sent.is_ok(),
            _ = stop.called() => false,
            () = tokio::time::sleep_until(until) => false,
        };
        if last || !sent {
            return;
        }
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let part = ready!(self.parts.poll_recv(context));
        self.ended = !matches!(part, Some(Part::Rows(_)));
        Poll::Ready(match part {
            Some(Part::Rows(batch)) => Some(Ok(batch)),
            Some(Part::Failed(error)) => Some(Err(error)),
            Some(Part::End) => None,
            None => Some(Err(Error::NotTaken(self.within.as_millis()))),
        })
    }
}
