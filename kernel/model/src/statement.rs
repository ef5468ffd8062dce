//! What people state of assets: a statement that its actor signs, whose canonical JSON (RFC 8785) with the signature is a
//! leaf of the log beside the store's own records.

use serde::{Deserialize, Serialize};

use crate::asset::{ContentRef, Operation};

/// A right to an asset, as its owner grants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Right {
    /// What the holder may do: `use`, `process`, `operate`, `grade`, `evaluate`, or a word of the parties' own.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose it is, a DID.
    pub holder: String,
    /// Until when, RFC 3339; without end where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// On what terms: a licence's name or the digest of a contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
}

/// What an asset is worth, and by which method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Valuation {
    /// A decimal number as a text, so that no digit is lost.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// How it was found.
    pub method: String,
}

/// Where an asset comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// The asset that it was made of.
    pub parent: String,
    /// How.
    pub operation: String,
}

/// The end of a chain of readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainHead {
    /// Number of the datastream.
    pub datastream: u64,
    /// Readings in the chain.
    pub count: u64,
    /// Hexadecimal hash of the last link.
    pub hash: String,
}

/// The ends of chains as of a commit of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainHeads {
    /// The store's sequence up to which they go.
    pub through: u64,
    /// Those that have grown.
    pub chains: Vec<ChainHead>,
}

/// What an actor states of an asset. Which fields are there depends on the operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Version of this layout: 2.
    pub version: u32,
    /// The asset; of a revocation the subject's id, of chains of readings the name of their group.
    pub asset: String,
    /// What is done.
    pub operation: Operation,
    /// Who does it, a `did:key` of Ed25519.
    pub actor: String,
    /// When the actor signed, RFC 3339.
    pub issued: String,
    /// Hexadecimal hash of the asset's newest leaf as the actor knew it: so a statement holds once and in one order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Whose it becomes (transfer).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Who keeps it (custody).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custodian: Option<String>,
    /// All rights to it from now on (register, update).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<Vec<Right>>,
    /// Its grade by GB/T 43697-2024: `general-1` to `general-4`, `important`, `core` (grade).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// By which rule (grade).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// What it is worth (evaluate).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Valuation>,
    /// Documents that belong to the statement, by hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<ContentRef>,
    /// What it was made of (register, update).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lineage: Vec<Derivation>,
    /// The id of the credential that holds no longer (revoke).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The ends of chains (head).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heads: Option<ChainHeads>,
}

/// A statement with its signature, and when the log took it in: one leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetEvent {
    /// Version of this layout: 2.
    pub version: u32,
    /// The store's sequence when it came.
    pub sequence: u64,
    /// When it came, RFC 3339.
    pub recorded: String,
    /// What is stated.
    pub statement: Statement,
    /// The actor's signature, multibase (base58btc).
    pub signature: String,
}
