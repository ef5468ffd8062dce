//! Tiles over HTTP: a small city, plain requests, and other people's programs.

mod clients;
mod doors;
mod town;
