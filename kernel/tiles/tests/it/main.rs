//! Tiles of small cities against brute force over their entities.

mod edits;
mod mvt;
mod space;
mod support;
mod vector;
