//! What the page asks: the city in short, one thing in full, search, a series of readings. Each answer is read from one
//! snapshot, so that its parts belong together, and none waits for the writer.

mod entity;
mod info;
mod newest;
mod observations;
mod search;

pub(crate) use entity::entity;
pub(crate) use info::{health, info};
pub(crate) use observations::observations;
pub(crate) use search::search;
