//! What every request handler can reach.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel_model::TimeUs;
use kernel_query::Engine;
use kernel_store::Reader;
use tokio::sync::Semaphore;

use crate::access::Access;
use crate::alarms::AlarmDoor;
use crate::hooks::Hooks;
use crate::ingest::Ingest;
use crate::live::Hub;
use crate::metrics::Gauges;
use crate::registrar::Registrar;

/// Bounds of the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Longest time a question may take.
    pub sql_deadline: Duration,
    /// Most rows of an answer.
    pub sql_rows: usize,
    /// Questions answered at once.
    pub sql_at_once: usize,
    /// Largest body of a write, bytes.
    pub body_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sql_deadline: Duration::from_secs(30), sql_rows: 100_000, sql_at_once: 4, body_bytes: 1 << 30 }
    }
}

/// Everything behind the doors.
#[derive(Debug)]
pub struct AppState {
    /// The store's readers' door.
    pub reader: Reader,
    /// The writer's queue.
    pub ingest: Ingest,
    /// Live clients.
    pub hub: Arc<Hub>,
    /// The ledger.
    pub registrar: Arc<Registrar>,
    /// The alarms, where there are rules.
    pub alarms: Option<Arc<AlarmDoor>>,
    /// SQL.
    pub engine: Engine,
    /// Who may write.
    pub access: Access,
    /// What other services send by themselves.
    pub hooks: Hooks,
    /// Bounds.
    pub settings: Settings,
    /// Figures of connectors, shown in `/metrics`.
    pub gauges: Gauges,
    /// Since when it runs.
    pub started: Instant,
    /// Places for questions answered at once.
    pub sql_places: Semaphore,
}

impl AppState {
    /// Since when it runs, by the clock.
    pub(crate) fn started_us(&self) -> TimeUs {
        TimeUs(TimeUs::now().0.saturating_sub(self.started.elapsed().as_micros() as i64))
    }
}
