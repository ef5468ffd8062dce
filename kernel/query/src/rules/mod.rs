//! What is done to plans before they run, beyond the engine's own rules: each finds one form of question that an index
//! answers, and leaves every other as it is.

mod first;

pub(crate) use first::{FirstRows, only};
