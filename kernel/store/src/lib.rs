//! Every byte on disk. [`Change`](kernel_model::Change)s come in, grouped into commits; a commit is one record of the
//! log, synced before anybody is told that it is kept; what is kept shows in immutable [`Snapshot`]s that readers hold
//! as long as they like and that never make the writer wait.
//!
//! The life of a row: `commit` resolves it (ids, units, duplicates) -> log record, fsync -> memtable and live state ->
//! new snapshot -> some time later a background thread writes it into a Parquet segment, the manifest names the
//! segment, the log file that held it goes.
//!
//! What has grown older than its table keeps it goes; of readings summaries stay (`retention`).
//!
//! Sealed files lie in the data folder, or in an object store of which the folder then holds what is asked most
//! (`objects`).
//!
//! A data folder holds: `LOCK`, `manifest` (replaced atomically), `log/*.log`, `segments/*.parquet`,
//! `latest-*.arrow`, `content/xx/<sha-256>`. FORMAT.md draws each of them.

mod background;
mod backup;
mod bulk;
mod by_id;
mod catalog;
mod check;
mod clock;
mod commit;
mod compact;
mod content;
mod delta;
mod disk;
mod door;
mod duplicates;
mod entities;
mod entity_boxes;
mod error;
mod flusher;
mod glance;
mod hash;
mod history;
mod last;
mod latest;
mod lineage;
mod live;
mod load;
mod log;
mod manifest;
mod memtable;
mod moving;
mod objects;
mod onebit;
mod origins;
mod parts;
mod reader;
mod record;
mod retention;
mod revisions;
mod rows;
mod sampler;
mod seal;
mod series;
mod series_rows;
mod sight;
mod snapshot;
mod store;
mod story;
mod succession;
mod tidy;

pub use backup::{BackupReport, backup, backup_by};
pub use bulk::Loaded;
pub use by_id::EntitiesById;
pub use check::{CheckReport, check};
pub use clock::Clock;
pub use commit::{Committed, Outcome};
pub use delta::{Delta, Fix, Reading};
pub use disk::{Action, Disk, Verdict};
pub use door::{Door, Kept};
pub use entities::{DatastreamInfo, PresentEntity};
pub use entity_boxes::EntityBoxes;
pub use error::Error;
pub use flusher::Durability;
pub use glance::LiveView;
pub use last::LastFix;
pub use load::Opened;
pub use log::TornTail;
pub use moving::MovingThings;
pub use objects::{Access, SegmentsAt};
pub use parts::{CHUNK_ROWS, ColumnCache, Nearest, Part, SegmentRef, series_of};
pub use reader::{Reader, entity_rows_after};
pub use retention::{Keep, Removed, Retention, Retired, would_retire};
pub use sight::{Eye, blurred};
pub use snapshot::{MemoryUse, Snapshot};
pub use store::{Import, Options, Store};
