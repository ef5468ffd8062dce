//! The leaf of the log of areas: of which log the map is, how long that was, and the map's root. Beside every log of assets
//! there is a second one, of the same key and with `/areas` after its name, whose leaves these are: so that what the map
//! said cannot be unsaid, and checkpoints need no extension lines, which c2sp.org/tlog-checkpoint advises against.

use serde::{Deserialize, Serialize};

/// What the log of areas has after the name of its log of assets.
pub const AREA_LOG: &str = "/areas";

/// A map's root as of a size of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapRoot {
    /// Assets that are somewhere.
    pub assets: u64,
    /// Entries of the map.
    pub entries: u64,
    /// Root of the log of assets.
    pub log_root: [u8; 32],
    /// Leaves of the log that the map is of.
    pub log_size: u64,
    /// Root of the map.
    pub map_root: [u8; 32],
}

/// The form on paper, its fields in the order of their names (RFC 8785).
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    assets: u64,
    entries: u64,
    log_root: String,
    log_size: u64,
    map_root: String,
    version: u32,
}

/// Bytes that are no such leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no root of a map: {0}")]
pub struct MapRootError(String);

impl MapRoot {
    /// The bytes of the leaf, canonical JSON.
    pub fn encode(&self) -> Vec<u8> {
        let Self { assets, entries, log_root, log_size, map_root } = self;
        let (log_root, map_root) = (hex::encode(log_root), hex::encode(map_root));
        format!(
            r#"{{"assets":{assets},"entries":{entries},"log_root":"{log_root}","log_size":{log_size},"map_root":"{map_root}","version":1}}"#
        )
        .into_bytes()
    }

    /// Reads them back; only the canonical form is taken.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, MapRootError> {
        let written: Written = serde_json::from_slice(bytes).map_err(|e| MapRootError(e.to_string()))?;
        let hash = |text: &str| {
            let mut hash = [0; 32];
            hex::decode_to_slice(text, &mut hash).map_err(|e| MapRootError(e.to_string()))?;
            Ok(hash)
        };
        let root = Self {
            assets: written.assets,
            entries: written.entries,
            log_root: hash(&written.log_root)?,
            log_size: written.log_size,
            map_root: hash(&written.map_root)?,
        };
        if root.encode() == bytes { Ok(root) } else { Err(MapRootError("other bytes than its own".to_owned())) }
    }
}
