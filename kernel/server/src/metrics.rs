//! `GET /metrics` in the Prometheus text format 0.0.4, and figures that connectors bring.

use std::fmt::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use kernel_model::schema::Table;

use crate::state::AppState;
use crate::traffic::Traffic;

/// One figure: name, help, whether it only grows, value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gauge {
    /// Name without the prefix `urbis_`; a counter's ends in `_total`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Now.
    pub value: f64,
}

type Source = Box<dyn Fn() -> Vec<Gauge> + Send + Sync>;

/// Where further figures come from.
#[derive(Clone, Default)]
pub struct Gauges {
    sources: Arc<Mutex<Vec<Source>>>,
    traffic: Arc<Traffic>,
}

impl std::fmt::Debug for Gauges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gauges(..)")
    }
}

impl Gauges {
    /// Adds a source that is asked at every scrape.
    pub fn add(&self, source: impl Fn() -> Vec<Gauge> + Send + Sync + 'static) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(source));
    }

    /// Requests by their doors.
    pub(crate) fn traffic(&self) -> Arc<Traffic> {
        self.traffic.clone()
    }

    fn read(&self) -> Vec<Gauge> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).iter().flat_map(|source| source()).collect()
    }
}

/// The scrape.
pub(crate) async fn metrics(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    let mut text = String::new();
    for gauge in own(&state).into_iter().chain(state.gauges.read()) {
        let kind = if gauge.name.ends_with("_total") { "counter" } else { "gauge" };
        let Gauge { name, help, value } = gauge;
        // Writing to a string cannot fail.
        let _ = write!(text, "# HELP urbis_{name} {help}\n# TYPE urbis_{name} {kind}\nurbis_{name} {value}\n");
    }
    text += &state.gauges.traffic.text();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn own(state: &AppState) -> Vec<Gauge> {
    let (snapshot, counters) = (state.reader.snapshot(), state.ingest.counters());
    let hub = &state.hub.counters;
    let gauge = |name, help, value: u64| Gauge { name, help, value: value as f64 };
    let relaxed = Ordering::Relaxed;
    let removed = |table| state.reader.removed_rows(table);
    vec![
        gauge("sequence", "The last commit.", snapshot.sequence().0),
        gauge("uptime_seconds", "Time since the start.", state.started.elapsed().as_secs()),
        gauge("entity_revisions", "Revisions of things kept.", snapshot.row_count(Table::Entities)),
        gauge("observations", "Readings kept.", snapshot.row_count(Table::Observations)),
        gauge("positions", "Fixes kept.", snapshot.row_count(Table::Positions)),
        gauge("observations_minute", "Summaries of minutes kept.", snapshot.row_count(Table::ObservationsMinute)),
        gauge("observations_hour", "Summaries of hours kept.", snapshot.row_count(Table::ObservationsHour)),
        gauge("observations_day", "Summaries of days kept.", snapshot.row_count(Table::ObservationsDay)),
        gauge("observations_removed_total", "Readings gone for their age.", removed(Table::Observations)),
        gauge("positions_removed_total", "Fixes gone for their age.", removed(Table::Positions)),
        gauge("rejected_removed_total", "Refused records gone for their age.", removed(Table::Rejected)),
        gauge("ledger_leaves", "Leaves of the ledger.", state.registrar.ledger().size()),
        gauge("commits_total", "Commits since the start.", counters.commits),
        gauge("observations_written_total", "Readings kept since the start.", counters.observations),
        gauge("positions_written_total", "Fixes kept since the start.", counters.positions),
        gauge("entities_written_total", "Things created or revised since the start.", counters.entities),
        gauge("rejected_total", "Records refused since the start.", counters.rejected),
        gauge("unchanged_total", "Records that were there already.", counters.unchanged),
        gauge("ingest_waits_total", "Times a sender found the writer's queue full.", counters.waits),
        gauge("ingest_waited_us_total", "How long senders waited, microseconds.", counters.waited_us),
        gauge("commits_failed_total", "Commits that failed; nothing of them was kept.", counters.failed),
        gauge("ingest_queued", "Groups of changes that wait for the writer.", state.ingest.queued() as u64),
        gauge("live_clients", "Live clients.", state.hub.len() as u64),
        gauge("live_messages_total", "Messages sent to live clients.", hub.messages.load(relaxed)),
        gauge("live_bytes_total", "Bytes sent to live clients.", hub.bytes.load(relaxed)),
        gauge("live_coalesced_total", "States replaced by newer ones before sending.", hub.coalesced.load(relaxed)),
        gauge("live_missed_total", "States left out for slow clients.", hub.missed.load(relaxed)),
    ]
}
