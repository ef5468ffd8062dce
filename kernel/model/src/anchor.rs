//! Anchors: where a log writes down how long it is and what its root is, outside of its own house, so that it cannot take
//! it back. What an anchor holds is small; the log never waits for it.

use serde::{Deserialize, Serialize};

/// A tree of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorPoint {
    /// The log's name.
    pub origin: String,
    /// Its leaves.
    pub size: u64,
    /// Hexadecimal root, RFC 6962.
    pub root: String,
}

/// A tree that is anchored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchored {
    /// The tree.
    pub point: AnchorPoint,
    /// Where: a line of a file, a transaction and its height.
    pub place: String,
}

/// Why an anchor does not take a tree or say what it has.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// It has a larger one, or another of this size.
    #[error(
        "{anchor} has {held} leaves of `{origin}` with the root {root}: it takes no tree that goes back or differs"
    )]
    Refused {
        /// Which anchor.
        anchor: String,
        /// Of which log.
        origin: String,
        /// Leaves of what it has.
        held: u64,
        /// Root of what it has.
        root: String,
    },
    /// What it holds was altered.
    #[error("{anchor}: {what}")]
    Damaged {
        /// Which anchor.
        anchor: String,
        /// What is wrong.
        what: String,
    },
    /// It cannot be reached.
    #[error("{anchor}: {source}")]
    Away {
        /// Which anchor.
        anchor: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A place outside where trees of logs are written down. Laws, which a test holds against every one of them: what was
/// anchored is there for ever; the same tree twice is there once; a smaller tree, or another of the same size, is refused.
pub trait Anchor: Send {
    /// Its name in messages.
    fn name(&self) -> String;

    /// The largest tree of a log.
    ///
    /// # Errors
    /// Where it cannot be reached or was altered.
    fn newest(&mut self, origin: &str) -> Result<Option<Anchored>, AnchorError>;

    /// Writes a tree down; it lasts when this returns.
    ///
    /// # Errors
    /// Where it cannot be reached, or has a larger one or another one of this size.
    fn anchor(&mut self, point: &AnchorPoint) -> Result<Anchored, AnchorError>;
}
