//! One module for each command.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod code;
pub(crate) mod compact;
pub(crate) mod demo;
pub(crate) mod export;
mod folder;
pub(crate) mod import;
pub(crate) mod key;
pub(crate) mod render;
pub(crate) mod retain;
pub(crate) mod serve;
pub(crate) mod sql;
mod streams;
pub(crate) mod verify;
mod wires;
