//! What the page asks: the city in short, one thing in full, search, a series of readings.

mod entity;
mod info;
mod observations;
mod search;

pub(crate) use entity::entity;
pub(crate) use info::{health, info};
pub(crate) use observations::observations;
pub(crate) use search::search;
