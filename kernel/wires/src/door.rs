//! Who may ask, and how much. A key or none comes in with every connection; out goes a [`Session`], that is, what the client
//! may ask of, or why not. Questions of all clients of a wire share a number of places, so that a crowd waits and does not
//! starve the rest of the program; whoever waits too long is told.

use std::sync::Arc;
use std::time::Duration;

use datafusion::common::ScalarValue;
use kernel_model::TimeUs;
use kernel_query::{Described, Engine, Limits, View};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::Error;
use crate::rows::{Rows, Stop};

/// Why a client may not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It showed no key.
    #[error("an API key is needed: over Flight SQL as bearer token or password, over PostgreSQL as password")]
    NoKey,
    /// It showed one that nobody gave out.
    #[error("this API key is not one of this server's")]
    UnknownKey,
}

/// What a client may ask of; made anew for every question.
#[derive(Clone)]
pub struct Session {
    view: Arc<dyn Fn() -> View + Send + Sync>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Session")
    }
}

impl Session {
    /// A client that sees what `view` gives.
    pub fn new(view: impl Fn() -> View + Send + Sync + 'static) -> Self {
        Self { view: Arc::new(view) }
    }

    /// What it sees now, of which only that which had been told by `recorded`, where that is given.
    pub(crate) fn view(&self, recorded: Option<TimeUs>) -> View {
        let view = (self.view)();
        match recorded {
            None => view,
            Some(at) => view.known_at(at),
        }
    }
}

type Admit = dyn Fn(Option<&str>) -> Result<Session, Refusal> + Send + Sync;

/// One question.
#[derive(Debug, Clone)]
pub(crate) struct Question<'a> {
    pub(crate) sql: &'a str,
    pub(crate) parameters: Vec<ScalarValue>,
    /// Less time than the door gives.
    pub(crate) within: Option<Duration>,
}

/// A place among those who ask.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// The way in of every client of a wire.
#[derive(Clone)]
pub struct Door {
    engine: Arc<Engine>,
    limits: Limits,
    places: Arc<Semaphore>,
    admit: Arc<Admit>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Door").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Door {
    /// Questions go to `engine` within `limits`, at most `at_once` at a time; `admit` looks at the key that a client shows.
    pub fn new(
        engine: Arc<Engine>,
        limits: Limits,
        at_once: usize,
        admit: impl Fn(Option<&str>) -> Result<Session, Refusal> + Send + Sync + 'static,
    ) -> Self {
        Self { engine, limits, places: Arc::new(Semaphore::new(at_once)), admit: Arc::new(admit) }
    }

    pub(crate) fn admit(&self, key: Option<&str>) -> Result<Session, Refusal> {
        (self.admit)(key)
    }

    pub(crate) fn limits(&self, within: Option<Duration>) -> Limits {
        let deadline = within.map_or(self.limits.deadline, |within| within.min(self.limits.deadline));
        Limits { deadline, ..self.limits }
    }

    /// A place, as soon as there is one.
    pub(crate) async fn place(&self) -> Result<Place, Error> {
        let wait = self.limits.deadline;
        match tokio::time::timeout(wait, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(Arc::new(place)),
            _ => Err(Error::Busy(wait.as_millis())),
        }
    }

    /// Asks; the answer comes as it is made, holds the place until its end, and ends when `stop` is called.
    pub(crate) async fn ask(
        &self,
        view: &View,
        question: Question<'_>,
        place: Place,
        mut stop: Stop,
    ) -> Result<Rows, Error> {
        let limits = self.limits(question.within);
        let until = Instant::now() + limits.deadline;
        let result = tokio::select! {
            why = stop.called() => return Err(why),
            result = self.engine.ask(view, question.sql, question.parameters, limits) => result?,
        };
        Ok(Rows::of_engine(result, until, place, stop))
    }

    /// What a question would answer.
    pub(crate) async fn describe(&self, view: &View, question: Question<'_>) -> Result<Described, Error> {
        let deadline = self.limits(question.within).deadline;
        let _place = self.place().await?;
        Ok(self.engine.describe(view, question.sql, question.parameters, deadline).await?)
    }
}
