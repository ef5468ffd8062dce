//! What the crate claims, against a small deterministic city whose rows lie half in memory and half in Parquet.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may fail the test")]

mod as_of;
mod city;
mod codes;
mod condition;
mod conditions;
mod formats;
mod index;
mod join;
mod latest;
mod limits;
mod plans;
mod predicates;
mod short;
mod slt;
mod strings;
