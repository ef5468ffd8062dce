//! What every request handler can reach.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use kernel_model::{Sight, TimeUs};
use kernel_query::Engine;
use kernel_store::Reader;
use tokio::sync::Semaphore;

use crate::access::Access;
use crate::alarms::AlarmDoor;
use crate::hooks::Hooks;
use crate::ingest::Ingest;
use crate::limit::{Limit, May};
use crate::listen::{Bounds, Tls};
use crate::live::Hub;
use crate::metrics::Gauges;
use crate::registrar::Registrar;
use crate::trust::Trust;

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
    /// Connections and their patience.
    pub bounds: Bounds,
    /// With what the port speaks TLS; nothing: it does not.
    pub tls: Option<Tls>,
    /// Origins of pages elsewhere that may ask.
    pub origins: Vec<HeaderValue>,
    /// Requests a second of one principal, or of one address where nobody is proven; 0: as many as come.
    pub requests_per_s: u32,
    /// Requests answered at once.
    pub requests_at_once: usize,
    /// Longest time until the answer to a request that reads begins.
    pub deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sql_deadline: Duration::from_secs(30),
            sql_rows: 100_000,
            sql_at_once: 4,
            body_bytes: 1 << 30,
            bounds: Bounds::default(),
            tls: None,
            origins: Vec::new(),
            requests_per_s: 0,
            requests_at_once: 1_024,
            deadline: Duration::from_secs(120),
        }
    }
}

/// Everything behind the doors. What a handler has is made for the sight of whoever asks: its reader gives only what is seen,
/// so no handler can tell more by forgetting to look.
#[derive(Debug, Clone)]
pub struct AppState {
    /// The store's readers' door, as far as whoever asks sees.
    pub reader: Reader,
    /// The writer's queue.
    pub ingest: Ingest,
    /// Live clients.
    pub hub: Arc<Hub>,
    /// The ledger.
    pub registrar: Arc<Registrar>,
    /// What it is to other logs.
    pub trust: Arc<Trust>,
    /// The alarms, where there are rules.
    pub alarms: Option<Arc<AlarmDoor>>,
    /// SQL.
    pub engine: Arc<Engine>,
    /// Who may write.
    pub access: Access,
    /// What other services send by themselves.
    pub hooks: Arc<Hooks>,
    /// Bounds.
    pub settings: Settings,
    /// Figures of connectors, shown in `/metrics`.
    pub gauges: Gauges,
    /// Since when it runs.
    pub started: Instant,
    /// Places for questions answered at once.
    pub sql_places: Arc<Semaphore>,
}

impl AppState {
    /// The same for somebody who sees less, or writes to some datasets only.
    pub(crate) fn for_one(&self, sight: &Sight, writes_to: Option<May>) -> Self {
        let limited = |may| self.ingest.limited(Limit::new(self.reader.clone(), may));
        let ingest = writes_to.map_or_else(|| self.ingest.clone(), limited);
        Self { reader: self.reader.seen_by(sight), ingest, ..self.clone() }
    }

    /// The same as far as whoever shows this key or token, or nothing, sees; nothing where the proof is none.
    pub fn seen_with(self: &Arc<Self>, shown: Option<&str>) -> Option<Arc<Self>> {
        let rights = self.access.rights_of(shown)?;
        Some(match rights.sight.is_whole() {
            true => self.clone(),
            false => Arc::new(self.for_one(&rights.sight, None)),
        })
    }

    /// Since when it runs, by the clock.
    pub(crate) fn started_us(&self) -> TimeUs {
        TimeUs(TimeUs::now().0.saturating_sub(self.started.elapsed().as_micros() as i64))
    }
}
