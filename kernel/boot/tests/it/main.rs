//! The program as its users meet it: started, asked, killed, and asked again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first thing that is not as it should be, and says what it left out"
)]

mod access;
mod alarms;
mod assembly;
mod clients;
mod commands;
mod crash;
mod export;
mod features;
mod full_disk;
mod history;
mod house;
mod import;
mod objects;
mod read_only;
mod retention;
#[path = "../../../store/tests/it/s3.rs"]
mod s3;
mod sensorthings;
mod snapshots;
mod streams;
mod support;
mod trust;
mod wires;
