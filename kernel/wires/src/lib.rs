//! The SQL wires: Arrow Flight SQL and PostgreSQL over the query engine.
//!
//! In: connections of other people's clients, a [`Door`] that says who may ask of what, and a certificate where there is one.
//! Out: the engine's answers in each wire's own form, batch by batch as they are made, and every refusal in the engine's own
//! words. Never: a write, a whole answer in memory, an answer that was cut and looks whole, a question that goes on after its
//! client has gone or its deadline has passed.

mod door;
mod error;
pub mod flight;
pub mod pg;
mod rows;
mod tls;
mod wire;

pub use door::{Door, Refusal, Session};
pub use error::Error;
pub use tls::Certificate;
pub use wire::Wire;
