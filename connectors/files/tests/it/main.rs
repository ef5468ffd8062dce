//! Real files and broken ones through the public door, against counts made by other readers.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests stand outside the test functions that the lints leave alone"
)]

mod any_file;
mod changes;
mod city_files;
mod citygml;
mod cityjson;
mod crs;
mod geojson;
mod geoparquet;
mod osm;
mod points;
mod shared_files;
mod support;
mod tables;
mod terrain;
mod transit;
mod vector;
