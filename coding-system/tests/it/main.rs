//! Every vector row of the standards, and the laws the codes keep.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod any_input;
mod batch;
mod convert;
mod cover_sets;
mod cover_shapes;
mod cover_time;
mod differential;
mod docs;
mod grids;
mod keys;
mod laws;
mod published;
mod sweep;
mod vectors;
mod vectors_other;
