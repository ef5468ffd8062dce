//! What the ledger registers of a thing: a record whose canonical JSON (RFC 8785) is the leaf of the log.

use serde::{Deserialize, Serialize};

/// What was done to the asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// First registration.
    Register,
    /// A new revision.
    Update,
    /// The thing is gone.
    Retire,
    /// It is somebody else's from now on.
    Transfer,
    /// Somebody else keeps it from now on.
    Custody,
    /// What it is worth.
    Evaluate,
    /// How sensitive it is.
    Grade,
    /// A credential holds no longer.
    Revoke,
    /// The ends of chains of readings.
    Head,
}

/// Bytes an asset is made of, by hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRef {
    /// Always `sha-256`.
    pub alg: String,
    /// Hexadecimal digest.
    pub digest: String,
    /// IANA media type.
    pub media_type: String,
    /// Number of bytes.
    pub size: u64,
}

/// One leaf. Times are RFC 3339, UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetRecord {
    /// Version of this record's layout: 1.
    pub version: u32,
    /// The entity's id.
    pub asset: String,
    /// What was done.
    pub operation: Operation,
    /// The store's sequence number of the revision.
    pub sequence: u64,
    /// Kind of the thing.
    pub kind: String,
    /// Class of the thing.
    pub class: String,
    /// Dataset and id at the source.
    pub source: String,
    /// At most eight GeoSOT cells (GB/T 40087-2021) that together hold the geometry.
    pub cells: Vec<String>,
    /// Always `CGCS2000/WGS84`.
    pub datum: String,
    /// What heights are measured from.
    pub height_reference: String,
    /// Valid since.
    pub valid_from: Option<String>,
    /// Valid until.
    pub valid_to: Option<String>,
    /// When the store recorded it.
    pub recorded: String,
    /// The geometry (media type `application/wkb`) and any content objects.
    pub content: Vec<ContentRef>,
    /// How it came into the kernel's frame.
    pub lineage: String,
    /// Hexadecimal hash of the asset's previous leaf.
    pub previous: Option<String>,
}
