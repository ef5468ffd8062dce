//! The kernel's doors: HTTP, WebSocket, and the one task that writes.
//!
//! Changes come in from connectors over a bounded channel ([`Ingest`]); they are committed, the live clients are told
//! ([`live`]), the ledger registers what is an asset ([`registrar`]). Questions come in over HTTP and are answered from
//! snapshots, so that no reader ever waits for the writer. Every write over HTTP needs an API key; every queue, body,
//! answer and deadline is bounded. Who asks is found out at the one way in ([`Access`]); every door behind it has a reader that
//! gives only what that principal sees.

mod access;
mod alarms;
mod api;
mod assets;
mod audit;
mod changes;
mod codes;
mod entrance;
mod error;
mod hooks;
mod ingest;
mod limit;
mod listen;
pub mod live;
mod memory;
mod metrics;
mod ogc;
mod page;
mod parameters;
mod quality;
mod rates;
pub mod registrar;
mod router;
mod rows;
mod sensorthings;
mod sql;
mod state;
#[cfg(test)]
mod tests;
mod tiles;
mod times;
mod traffic;
mod trust;

pub use access::Access;
pub use alarms::{AlarmDoor, Feed, Webhook, WebhookError, deliver, start_alarms};
pub use assets::asset_table;
pub use audit::{Audit, AuditLevel};
pub use error::{ApiError, Error};
pub use hooks::Hooks;
pub use ingest::{Ingest, IngestCounters, Receipt};
pub use kernel_access::Secret as FirstKey;
pub use listen::{Bounds, Server, Tls, TlsError, serve};
pub use metrics::{Gauge, Gauges};
pub use quality::{QualityError, QualityRule, Rate, Rules as QualityRules};
pub use registrar::Registrar;
pub use sensorthings::publish_sensorthings;
pub use sql::view;
pub use state::{AppState, Settings};
pub use trust::{
    Trust, WitnessDoor, ask_witness, check_anchor, check_heads, keep_anchored, keep_heads, register_heads,
};
