//! What can go wrong with keys, tokens and policies, and why somebody is not let in.

use std::path::PathBuf;

/// Keys, policies or tokens cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file of keys is damaged.
    #[error("{} is not a file of keys: {why}; restore it from a backup, or move it away and make new keys", path.display())]
    Keys {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Somebody else writes the file of keys.
    #[error("{} is there: another `urbis key` is at work; where none is, remove that file", .0.display())]
    Busy(PathBuf),
    /// No random bits.
    #[error("the system gives no random bits: {0}")]
    Random(String),
    /// There is no such key.
    #[error("there is no key {0}; `urbis key list` shows them")]
    NoKey(String),
    /// Not a scope.
    #[error("`{0}` is not a scope: give read, write or administer")]
    Scope(String),
    /// Policies that are none.
    #[error("policies: {0}")]
    Policy(String),
    /// The issuer of tokens cannot be used.
    #[error("OpenID Connect issuer {issuer}: {why}")]
    Issuer {
        /// Whose tokens are taken.
        issuer: String,
        /// What is wrong.
        why: String,
    },
}

/// Why somebody is not known. Nothing in it tells of other keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key is none of this server's.
    #[error("this API key is not one of this server's")]
    UnknownKey,
    /// Its time is over.
    #[error("this API key expired: ask for a new one")]
    ExpiredKey,
    /// It was taken back.
    #[error("this API key was revoked")]
    RevokedKey,
    /// Two proofs, of which neither goes before the other.
    #[error("send one of X-Api-Key and Authorization, not both")]
    TwoProofs,
    /// What was sent is no key and no token.
    #[error("Authorization is to be `Bearer ` and a key (urbis_...) or a token of this server's issuer")]
    NoProof,
    /// The token is not to be trusted.
    #[error("this bearer token is refused: {0}")]
    Token(String),
}
