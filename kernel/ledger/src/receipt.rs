//! Receipts: a text that proves offline that one record stands in the log. In comes the text and the log's public key,
//! out comes the record with its place in the log, or the exact reason of the refusal. No file, clock or network is
//! used, and nothing in the text is believed before the key's signature covers it.
//!
//! The text is a c2sp.org/tlog-proof: the leaf (base64, in the `extra` line), its index, the inclusion proof of RFC 6962
//! section 2.1.1, and the signed checkpoint. The specification leaves the `extra` line unauthenticated; here it holds
//! the very bytes whose hash the proof starts from, so a changed `extra` fails the proof.

use std::fmt;

use base64::prelude::*;
use tlog_tiles::Hash;

use crate::event::{EventError, check_event};
use crate::keys::{KeyRing, SignedBy};
use crate::leaf::Leaf;
use crate::leaf::LeafError;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The longest text that is looked at; the longest honest one has a leaf of 65,535 bytes and 63 hashes.
const MAX_RECEIPT_BYTES: usize = 1 << 18;

/// The longest proof: a tree of 2^63 leaves.
const MAX_PROOF_HASHES: usize = 63;

/// A proof that can leave the house: print it to a file with the extension `.tlog-proof`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Canonical JSON of the record.
    pub leaf: Vec<u8>,
    /// The leaf's place in the log, from 0.
    pub index: u64,
    /// Sibling hashes, from the leaf's up to the root's child.
    pub proof: Vec<[u8; 32]>,
    /// The signed note, as the log published it.
    pub checkpoint: String,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nextra {}\nindex {}", BASE64_STANDARD.encode(&self.leaf), self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", BASE64_STANDARD.encode(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// What a receipt proves. The checkpoint of a log that is signed by its own key alone carries no time; the record's
/// `recorded` is the time that the log's holder states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The record, or what somebody stated and signed.
    pub leaf: Leaf,
    /// Its place in the log, from 0.
    pub index: u64,
    /// How many leaves the log had when it signed.
    pub log_size: u64,
    /// The log's name.
    pub origin: String,
    /// Hexadecimal RFC 6962 hash of the leaf.
    pub leaf_hash: String,
    /// Hexadecimal root of the log.
    pub root_hash: String,
}

/// Why a receipt is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The public key is unusable.
    #[error("the public key is {0}: give the line from log.pub, `<origin>+<8 hex digits>+<base64>`")]
    Key(String),
    /// The text is no receipt.
    #[error("line {line} of the receipt: {what}")]
    Format {
        /// Line number, from 1.
        line: usize,
        /// What was expected there.
        what: &'static str,
    },
    /// Longer than any receipt.
    #[error("the receipt has {0} bytes, at most 262144 are looked at")]
    TooLong(usize),
    /// The part after the empty line is no signed checkpoint.
    #[error("the checkpoint is malformed: {0}")]
    Checkpoint(&'static str),
    /// Another log's receipt.
    #[error("the checkpoint is of the log `{found}`, the key is of `{wanted}`: take the key of that log")]
    Origin {
        /// In the checkpoint.
        found: String,
        /// In the key.
        wanted: String,
    },
    /// Nobody signed with this key.
    #[error("the checkpoint bears no signature of the key {wanted}; it is signed by {found}: take the right key")]
    WrongKey {
        /// The key's name and id.
        wanted: String,
        /// Names and ids on the note.
        found: String,
    },
    /// The key's signature does not cover this text.
    #[error("the signature does not match: the checkpoint or the signature was altered")]
    Signature,
    /// No such leaf in a log of that size.
    #[error("the index {index} is beyond the log's {size} leaves")]
    Index {
        /// In the receipt.
        index: u64,
        /// In the checkpoint.
        size: u64,
    },
    /// The proof has hashes too few.
    #[error("the proof is too short: {found} hashes, leaf {index} of {size} needs {wanted}")]
    ProofTooShort {
        /// How many there are.
        found: usize,
        /// How many there have to be.
        wanted: usize,
        /// The leaf.
        index: u64,
        /// The log's size.
        size: u64,
    },
    /// The proof has hashes too many.
    #[error("the proof is too long: {found} hashes, leaf {index} of {size} needs {wanted}")]
    ProofTooLong {
        /// How many there are.
        found: usize,
        /// How many there have to be.
        wanted: usize,
        /// The leaf.
        index: u64,
        /// The log's size.
        size: u64,
    },
    /// The hashes do not lead to the signed root.
    #[error("the leaf does not lead to the signed root: the leaf, its index or the proof was altered")]
    Altered,
    /// Proven bytes that are no record.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// A statement in the log that its actor did not sign.
    #[error(transparent)]
    Event(#[from] EventError),
    /// A line of the key's file.
    #[error("line {line} of the public key: {what}")]
    Rotation {
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A key signed what it no longer may, or not yet.
    #[error(
        "the key that signed is for {from} to {until} leaves, this checkpoint has {size}: the key was taken out of use"
    )]
    KeyRetired {
        /// In the checkpoint.
        size: u64,
        /// The least that the key signs.
        from: u64,
        /// The most that it signs.
        until: u64,
    },
    /// Too few witnesses.
    #[error(
        "{found} of the {wanted} witnesses that are wanted have signed the checkpoint: ask for a receipt that they have seen"
    )]
    Witnesses {
        /// How many have.
        found: usize,
        /// How many have to.
        wanted: usize,
    },
}

/// Checks a receipt against the log's public key (`log.pub`, a C2SP signed-note vkey and what it gave way to).
///
/// # Errors
/// [`VerifyError`], in this order of tests: key, form, origin, signature, index, proof, leaf, the actor's signature.
pub fn verify(receipt_text: &str, vkey_text: &str) -> Result<Verified, VerifyError> {
    let proven = verify_leaf(receipt_text, &KeyRing::parse(vkey_text)?)?;
    let leaf = Leaf::decode(&proven.leaf)?;
    if let Leaf::Event(event) = &leaf {
        check_event(event)?;
    }
    Ok(Verified {
        leaf,
        index: proven.index,
        log_size: proven.log_size,
        origin: proven.origin,
        leaf_hash: hex::encode(tlog_tiles::record_hash(&proven.leaf).0),
        root_hash: hex::encode(proven.root),
    })
}

/// A leaf of any log, proven.
pub(crate) struct Proven {
    pub(crate) leaf: Vec<u8>,
    pub(crate) index: u64,
    pub(crate) log_size: u64,
    pub(crate) root: [u8; 32],
    pub(crate) origin: String,
    pub(crate) signed_by: SignedBy,
}

/// Checks that the leaf of a receipt stands in the log, whatever it is.
pub(crate) fn verify_leaf(receipt_text: &str, keys: &KeyRing) -> Result<Proven, VerifyError> {
    let receipt: Receipt = receipt_text.parse()?;
    let (checkpoint, signed_by) = keys.open_checkpoint(&receipt.checkpoint)?;
    let leaf_hash = tlog_tiles::record_hash(&receipt.leaf);
    let proof: Vec<Hash> = receipt.proof.iter().map(|hash| Hash(*hash)).collect();
    check_inclusion(&proof, checkpoint.size(), *checkpoint.hash(), receipt.index, leaf_hash)?;
    Ok(Proven {
        leaf: receipt.leaf,
        index: receipt.index,
        log_size: checkpoint.size(),
        root: checkpoint.hash().0,
        origin: checkpoint.origin().to_owned(),
        signed_by,
    })
}

/// Whether the proof leads from the leaf hash to the root (RFC 6962, 2.1.1).
pub(crate) fn check_inclusion(
    proof: &Vec<Hash>,
    size: u64,
    root: Hash,
    index: u64,
    leaf_hash: Hash,
) -> Result<(), VerifyError> {
    if index >= size {
        return Err(VerifyError::Index { index, size });
    }
    let (found, wanted) = (proof.len(), proof_length(index, size));
    match found.cmp(&wanted) {
        std::cmp::Ordering::Less => Err(VerifyError::ProofTooShort { found, wanted, index, size }),
        std::cmp::Ordering::Greater => Err(VerifyError::ProofTooLong { found, wanted, index, size }),
        std::cmp::Ordering::Equal => {
            tlog_tiles::check_record(proof, size, root, index, leaf_hash).map_err(|_| VerifyError::Altered)
        }
    }
}

/// Hashes in the proof of leaf `index` in a tree of `size` leaves: one for each level at which the paths of this leaf
/// and of the last leaf still differ, then one for each turn to the left above.
fn proof_length(index: u64, size: u64) -> usize {
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    (inner + border) as usize
}

impl std::str::FromStr for Receipt {
    type Err = VerifyError;

    /// Reads the text without believing it: only [`verify`] says whether it proves anything.
    fn from_str(text: &str) -> Result<Self, VerifyError> {
        if text.len() > MAX_RECEIPT_BYTES {
            return Err(VerifyError::TooLong(text.len()));
        }
        let wrong = |line: usize, what: &'static str| VerifyError::Format { line, what };
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or_else(|| wrong(1, "an empty line has to stand before the checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(wrong(1, "it has to be `c2sp.org/tlog-proof@v1`"));
        }
        let leaf = lines
            .next()
            .and_then(|line| line.strip_prefix("extra "))
            .and_then(|base64| BASE64_STANDARD.decode(base64).ok())
            .ok_or_else(|| wrong(2, "it has to be `extra ` and the leaf in base64"))?;
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(decimal)
            .ok_or_else(|| wrong(3, "it has to be `index ` and a decimal number"))?;
        let mut proof = Vec::new();
        for (i, line) in lines.enumerate() {
            if i == MAX_PROOF_HASHES {
                return Err(wrong(4 + i, "no proof has more than 63 hashes"));
            }
            let hash = Hash::parse_hash(line).map_err(|_| wrong(4 + i, "it has to be a SHA-256 hash in base64"))?;
            proof.push(hash.0);
        }
        Ok(Self { leaf, index, proof, checkpoint: checkpoint.to_owned() })
    }
}

/// A decimal number without sign or leading zeroes.
fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

#[cfg(test)]
mod tests;
