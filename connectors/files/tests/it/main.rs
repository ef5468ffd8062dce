//! Real files and broken ones through the public door, against counts made by other readers.

mod cityjson;
mod osm;
mod support;
