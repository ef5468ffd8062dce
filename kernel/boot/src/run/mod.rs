//! One module for each command.

pub mod check;
pub mod code;
pub mod demo;
pub mod import;
pub mod render;
pub mod serve;
pub mod sql;
pub mod verify;
