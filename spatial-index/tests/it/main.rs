//! The laws of the indexes, against brute force under random change.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod boxes;
mod bytes;
mod fences;
mod make;
mod moving;
mod packed;
mod regions;
mod zones;
