//! The wires over a small city, with the client of arrow-flight and with psql. Other people's clients are met where the whole
//! program runs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first thing that is not as it should be, and says what it left out"
)]

mod city;
mod flight;
mod psql;
