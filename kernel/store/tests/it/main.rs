//! The store as its callers see it: what was committed is there after any restart, once, and says so.

mod durability;
mod identity;
mod support;
