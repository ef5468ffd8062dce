//! Retention: rows that are older than their table keeps them go, and of readings a summary of each minute, hour or day stays.
//! Ages come in; out come new segments and the names of those that go. A reading is in the raw table or in the summaries,
//! never in both, never in neither: one manifest changes both.

mod cut;
mod late;
mod pass;
mod policy;
mod summarise;
mod summary;

pub use pass::{Removed, Retired, would_retire};
pub use policy::{Keep, Retention};

pub(crate) use cut::Cut;
pub(crate) use late::{Limits, check_bulk, settle as settle_late};
pub(crate) use pass::{Pass, TABLES, Written};
