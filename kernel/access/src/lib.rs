//! Who may see and do what. What was proven comes in: an API key, a bearer token, or nothing. A [`Principal`] goes out, and its
//! [`Rights`] by the policies: what it may see ([`kernel_model::Sight`]), whether and where it may write. Never: a key or token in a
//! file, a log or a message; a doubt that is decided in favour of whoever asks.

mod error;
mod file;
mod guard;
mod keys;
mod policy;
mod principal;
mod tokens;

pub use error::{Error, Refusal};
pub use guard::{Guard, Proof, Rights};
pub use keys::{Key, KeyRing, NewKey, Secret};
pub use policy::Policies;
pub use principal::{FULL_CLEARANCE, Principal, Scope};
pub use tokens::{Issuer, Tokens};
