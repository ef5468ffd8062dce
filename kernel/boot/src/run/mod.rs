//! One module for each command.

pub(crate) mod assembly;
pub(crate) mod asset;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod code;
pub(crate) mod compact;
pub(crate) mod demo;
pub(crate) mod export;
mod folder;
pub(crate) mod import;
pub(crate) mod key;
pub(crate) mod prove;
pub(crate) mod render;
pub(crate) mod retain;
pub(crate) mod serve;
pub(crate) mod sql;
mod streams;
pub(crate) mod verify;
mod wires;

pub(crate) use asset::write_identity;
