//! Alarms: rules come in as data, the store's commits in their order; transitions go out, each once: a thing enters a fence,
//! leaves it, stays, is too fast in it; a reading crosses a limit or changes too quickly.
//!
//! The alarms are a function of the store's sequence ([`Engine`]): no clock is read, and what a commit brings is looked at in
//! one order whatever order it came in. So what a crash cut off is made anew from a checkpoint and the rows that the store has
//! after it ([`Alarms::open`]); the log of transitions ([`AlertLog`]) says up to which commit it is whole, and nothing that is
//! in it comes again.

mod alarms;
mod alert;
mod checkpoint;
mod commit;
mod engine;
mod error;
mod log;
mod replay;
mod rules;

pub use alarms::{Alarms, check};
pub use alert::{Alert, Event, Record};
pub use commit::{Commit, FixRow, ReadingRow, Stream};
pub use engine::Engine;
pub use error::Error;
pub use log::{AlertLog, LogReader};
pub use replay::replay;
pub use rules::{Checked, Events, FenceRule, Filter, NearRule, RateRule, Rules, Schedule, ThresholdRule};
