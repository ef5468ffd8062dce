//! Rows that have a place and a time, in parts: each sorted by its space-time key, with a zone map, in memory or sealed in a
//! file. A region, a time band, a series come in; the rows that are meant come out, and only what borders on them is read.

mod cache;
mod filter;
mod layout;
pub(crate) mod mapped;
mod merge;
mod newest;
mod order;
mod part;
mod sealed;
mod search;
mod segment;
mod sums;
mod writer;

pub use cache::ColumnCache;
pub use layout::series_of;
pub use part::{CHUNK_ROWS, Part};
pub use search::Nearest;
pub use segment::SegmentRef;

pub(crate) use filter::Mark;
pub(crate) use layout::{Layout, instants};
pub(crate) use merge::{merge, merge_range, read_chunk, samples};
pub(crate) use newest::{Asked, newest_fix, newest_readings};
pub(crate) use sealed::Segment;
pub(crate) use segment::{Measured, SegmentMeta, is_placed, read, read_from, space_time_key};
pub(crate) use writer::{SegmentWriter, write};
