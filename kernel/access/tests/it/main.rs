//! Against a real issuer of tokens.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first thing that is not as it should be, and says what it left out"
)]

mod oidc;
