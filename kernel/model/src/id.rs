//! Names of things: bytes and numbers in, typed ids out. An id never says what it points at by guesswork.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The text was not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct IdError {
    /// What was given.
    pub text: String,
    /// What was expected, with an example.
    pub wanted: &'static str,
}

/// An entity's identity for ever: a UUID version 7 (RFC 9562), minted by the store at the first sight of a source key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityId(pub Uuid);

impl EntityId {
    /// The sixteen bytes, big-endian.
    pub fn bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// From sixteen big-endian bytes; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self)
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for EntityId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::parse_str(text).map(Self).map_err(|_| IdError {
            text: text.to_owned(),
            wanted: "an entity id such as 0192f0c1-7b1e-7cc2-9a53-2f4f7d6b1a10",
        })
    }
}

/// A datastream's number (OGC SensorThings 1.1 `@iot.id`), counted up from 1 by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DatastreamId(pub u64);

impl fmt::Display for DatastreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a commit: one commit, one log record, one sequence number. Zero means "before the first".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sequence(pub u64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The SHA-256 of a content object's bytes: the same bytes are the same object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub [u8; 32]);

impl ContentId {
    /// Hashes the bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentId({self})")
    }
}

impl FromStr for ContentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = || IdError { text: text.to_owned(), wanted: "a SHA-256 of 64 hexadecimal digits" };
        if text.len() != 64 || !text.is_ascii() {
            return Err(refused());
        }
        let mut bytes = [0_u8; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| refused())?;
        }
        Ok(Self(bytes))
    }
}

/// What a source calls a thing: the dataset's name and the id inside it. The store maps it to one [`EntityId`] (or
/// [`DatastreamId`]) for ever, so that importing the same file again finds the same things.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceKey {
    /// The dataset: by default the file's stem, or the broker's name for live data.
    pub dataset: Arc<str>,
    /// The id inside the dataset.
    pub id: Arc<str>,
}

impl SourceKey {
    /// Joins the two names.
    pub fn new(dataset: impl Into<Arc<str>>, id: impl Into<Arc<str>>) -> Self {
        Self { dataset: dataset.into(), id: id.into() }
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.dataset, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_parse_back() {
        let id: EntityId = "0192f0c1-7b1e-7cc2-9a53-2f4f7d6b1a10".parse().unwrap();
        assert_eq!(EntityId::from_slice(id.bytes()), Some(id));
        assert_eq!(id.to_string().parse(), Ok(id));
        let content = ContentId::of(b"abc");
        assert_eq!(content.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(content.to_string().parse(), Ok(content));
    }

    #[test]
    fn a_wrong_id_says_what_was_wanted() {
        let error = "house 7".parse::<EntityId>().unwrap_err();
        assert!(error.to_string().starts_with("`house 7` is not an entity id such as"));
        assert!("zz".repeat(32).parse::<ContentId>().is_err());
    }
}
