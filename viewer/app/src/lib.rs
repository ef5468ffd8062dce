//! The city on screen.
#[cfg(target_arch = "wasm32")]
mod web;
