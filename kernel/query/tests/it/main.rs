//! What the crate claims, against a small deterministic city whose rows lie half in memory and half in Parquet.

mod city;
mod codes;
mod formats;
mod limits;
mod plans;
mod predicates;
mod slt;
mod strings;
