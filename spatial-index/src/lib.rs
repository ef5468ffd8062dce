//! In-memory candidate indexes. Boxes of longitude and latitude with a number come in; for a query box the numbers of
//! all that may meet it come out. Law: the candidates contain the answer. What the numbers mean is the caller's
//! business, and so is the exact test.

mod boxes;

pub use boxes::{BoxIndex, LonLatBox};
