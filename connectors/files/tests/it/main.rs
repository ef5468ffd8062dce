//! Real files and broken ones through the public door, against counts made by other readers.

mod cityjson;
mod crs;
mod geojson;
mod osm;
mod points;
mod support;
mod tables;
