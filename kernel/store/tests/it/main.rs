//! The store as its callers see it: what was committed is there after any restart, once, and says so.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]
#![expect(clippy::print_stdout, reason = "what is left out, and why")]

mod backup;
mod beside;
mod bulk;
mod by_id;
mod clock;
mod columns;
mod damage;
mod durability;
mod faults;
mod history;
mod identity;
mod import;
mod kill;
mod moving;
mod objects;
mod origins;
mod parts;
mod retention;
mod retention_kill;
mod s3;
mod support;
