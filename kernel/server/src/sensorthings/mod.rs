//! SensorThings API 1.1, sensing profile (OGC 18-088), at `/sta/v1.1`, over the one model of the kernel: things of the city are
//! Things, datastreams are Datastreams, readings are Observations, fixes are HistoricalLocations. Addresses with their
//! options come in (`path`, `options`, `filter`); each question is answered from one snapshot (`world`), Observations by the
//! index of the store (`readings`). What is written goes through the one writer and is answered when it is durable (`create`,
//! `update`, `delete`). An address that is wrong is refused with its place; nothing that is asked can make the service fail.

mod answer;
mod city;
mod create;
mod data_array;
mod delete;
mod draft;
mod eval;
mod fields;
mod filter;
mod functions;
mod history;
mod item;
mod json_patch;
mod memory;
mod observe;
mod options;
mod path;
mod places;
mod property;
mod publish;
mod reading;
mod readings;
mod series;
mod service;
mod set;
#[cfg(test)]
mod tests;
mod tokens;
mod update;
mod value;
mod world;

pub use publish::publish_sensorthings;
pub(crate) use service::router;

/// Where the service is.
pub(crate) const ROOT: &str = "/sta/v1.1";
