//! Spatial SQL over snapshots of the store.
//!
//! In: a [`kernel_store::Snapshot`], one SQL statement that only reads, and [`Limits`]. Out: Arrow record batches, or one
//! line that says what is wrong with the question. Never: a write, a panic on any text, more memory, rows or time than
//! allowed without saying so.
//!
//! Tables: `entities` (present, not retired), `entity_revisions`, `datastreams`, `observations`, `positions`, `contents`,
//! `rejected`, `lineage`, `origins`, `latest_observations`, `latest_positions`, and those the caller brings ([`ExtraTable`]); functions that are tables: `entities_as_of`,
//! `observations_as_of`, `positions_as_of`, `lineage`, `ancestors`, `descendants`. UUIDs, digests and space-time keys read
//! as text. Geometry is WKB marked `geoarrow.wkb`, taken by SedonaDB's `st_` functions. [`format`] writes answers as JSON,
//! CSV, a table for terminals, Arrow IPC or GeoParquet.

mod as_of;
mod candidates;
mod catalog;
mod cells;
mod columns;
mod condition;
mod covering;
mod engine;
mod error;
pub mod format;
mod functions;
mod join;
mod latest;
mod leash;
mod lineage;
mod members;
mod parameters;
mod places;
mod planner;
mod pushdown;
mod result;
mod rules;
mod running;
mod scan;
mod seen;
mod shapes;
mod short;
mod size;
mod statement;
mod table;
mod text;
mod view;

pub use catalog::{CATALOG, ExtraTable, SCHEMA};
pub use condition::Condition;
pub use covering::{CoverCode, Wanted, cover_geometry};
pub use engine::{Engine, Limits, Options, QuestionMemory};
pub use error::Error;
pub use members::{Members, members, text_of};
pub use parameters::{bind as bind_parameters, types as parameter_types};
pub use planner::Described;
pub use result::{Answer, Cut, QueryResult};
pub use running::RunningQuestion;
pub use size::check as check_size;
pub use view::View;
