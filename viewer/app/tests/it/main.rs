//! The city on a real adapter: a small town is told in Arrow messages and looked at. Without an adapter the pictures are
//! left out, with a word, unless CI is set. Pictures are kept under `URBIS_ARTEFACTS` (default `target/artefacts`).

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on says so by failing")]

mod adapter;
mod messages;
mod pictures;
mod town;
