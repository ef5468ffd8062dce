//! One client's connection: what it may ask of, what it has set, the cursors it has open, and how its question is called off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::StartupHandler;
use datafusion_postgres::pgwire::api::cancel::CancelHandler;
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::{PgWireServerHandlers, PidSecretKeyGenerator};
use datafusion_postgres::pgwire::error::PgWireResult;
use datafusion_postgres::pgwire::messages::cancel::CancelRequest;
use datafusion_postgres::pgwire::messages::startup::SecretKey;
use kernel_query::View;
use tokio::sync::watch;

use super::Shared;
use super::login;
use super::obey::Cursor;
use super::run::Parser;
use super::settings::Settings;
use super::status::fatal;
use crate::door::Session;
use crate::rows::{Called, Stop};

type Calls = watch::Sender<Option<Called>>;

/// The connections that there are, by the number and the secret with which another connection may cancel what they run.
pub(super) struct Running {
    connections: Mutex<HashMap<i32, (SecretKey, Calls)>>,
    generator: Arc<dyn PidSecretKeyGenerator>,
}

impl Default for Running {
    fn default() -> Self {
        Self { connections: Mutex::default(), generator: login::generator() }
    }
}

impl Running {
    pub(super) fn generator(&self) -> &dyn PidSecretKeyGenerator {
        self.generator.as_ref()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What changes while it lasts.
#[derive(Default)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) transaction: Option<Transaction>,
    pub(super) cursors: HashMap<String, Cursor>,
}

/// All questions of a transaction are asked of one view, which the first of them takes.
#[derive(Default)]
pub(super) struct Transaction {
    view: Option<View>,
}

/// One connection.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    session: OnceLock<Session>,
    state: Mutex<State>,
    calls: Calls,
    pid: OnceLock<i32>,
    parser: Arc<Parser>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(pid) = self.pid.get() {
            lock(&self.shared.running.connections).remove(pid);
        }
    }
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>) -> Arc<Self> {
        let (session, state, pid) = (OnceLock::new(), Mutex::default(), OnceLock::new());
        Arc::new_cyclic(|own| {
            let parser = Arc::new(Parser(own.clone()));
            Self { shared, session, state, calls: watch::channel(None).0, pid, parser }
        })
    }

    pub(super) fn parser(&self) -> Arc<Parser> {
        self.parser.clone()
    }

    /// By which its question is called off.
    pub(super) fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// Lets it ask.
    pub(super) fn begin(&self, session: Session) -> PgWireResult<()> {
        self.session.set(session).map_err(|_| fatal("08P01", "the connection has begun already".to_owned()))
    }

    /// Lets another connection cancel what it runs.
    pub(super) fn known_as(&self, pid: i32, secret: SecretKey) {
        let pid = self.pid.get_or_init(|| pid);
        lock(&self.shared.running.connections).insert(*pid, (secret, self.calls.clone()));
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Calls of its question that begins now.
    pub(super) fn stop(&self) -> Stop {
        Stop::new(self.calls.subscribe())
    }

    /// What its next question is asked of.
    pub(super) fn view(&self) -> PgWireResult<View> {
        let session = self.session.get().ok_or_else(|| fatal("08P01", "the connection has not begun".to_owned()))?;
        let mut state = self.state();
        let recorded = state.settings.recorded();
        match &mut state.transaction {
            None => Ok(session.view(recorded)),
            Some(transaction) => Ok(transaction.view.get_or_insert_with(|| session.view(recorded)).clone()),
        }
    }
}

#[async_trait]
impl CancelHandler for Connection {
    async fn on_cancel_request(&self, request: CancelRequest) {
        // The connection that cancels may speak another version, in which the same secret is read otherwise.
        if let Some((secret, calls)) = lock(&self.shared.running.connections).get(&request.pid)
            && secret.eq_value(&request.secret_key)
        {
            calls.send_replace(Some(Called::Cancel));
        }
    }
}

/// As the protocol's loop asks for its handlers; each is the connection itself.
impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        self.0.clone()
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        self.0.clone()
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        self.0.clone()
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        self.0.clone()
    }
}

/// A connection as the protocol's handlers.
pub(super) struct Handlers(pub(super) Arc<Connection>);
