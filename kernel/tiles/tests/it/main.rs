//! Tiles of small cities against brute force over their entities.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

mod edits;
mod mvt;
mod space;
mod support;
mod vector;
