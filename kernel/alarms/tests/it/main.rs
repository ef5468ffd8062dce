//! The alarms against naive models, over real stores, through restarts and cuts.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod city;
mod fences;
mod limits;
mod restart;
