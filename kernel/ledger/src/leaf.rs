//! Asset records in, canonical bytes out and back. Bytes that are not exactly the canonical form of the record they
//! hold are refused, so one record has one leaf hash.

use kernel_model::AssetRecord;

/// The longest leaf: the entry bundles of c2sp.org/tlog-tiles give its length sixteen bits.
pub(crate) const MAX_LEAF_BYTES: usize = 65_535;

/// The record layout this version writes and reads.
pub(crate) const RECORD_VERSION: u32 = 1;

/// The largest whole number that JSON carries exactly everywhere (RFC 7493, 2.2).
const MAX_WHOLE: u64 = (1 << 53) - 1;

/// Why bytes or a record are no leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not JSON, or JSON of another shape.
    #[error("the leaf is no asset record: {0}")]
    Shape(String),
    /// A later layout.
    #[error("the leaf has record version {0}, this program reads version 1: use a newer program")]
    Version(u32),
    /// The same record has other canonical bytes.
    #[error("the leaf is not the canonical JSON (RFC 8785) of its record")]
    NotCanonical,
    /// The encoding is longer than an entry bundle can hold.
    #[error("the leaf is {0} bytes long, at most 65535 fit: shorten the record's content list or lineage")]
    TooLong(usize),
    /// A number that would lose digits in JSON.
    #[error("`{field}` is {value}, above 2^53 - 1, and would lose digits in JSON")]
    Number {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// No asset id.
    #[error("the record names no asset")]
    NoAsset,
}

/// The canonical JSON of the record.
pub(crate) fn encode(record: &AssetRecord) -> Result<Vec<u8>, LeafError> {
    if record.version != RECORD_VERSION {
        return Err(LeafError::Version(record.version));
    }
    if record.asset.is_empty() {
        return Err(LeafError::NoAsset);
    }
    whole("sequence", record.sequence)?;
    record.content.iter().try_for_each(|content| whole("content.size", content.size))?;
    let bytes = serde_json_canonicalizer::to_vec(record).map_err(|e| LeafError::Shape(e.to_string()))?;
    match bytes.len() {
        0..=MAX_LEAF_BYTES => Ok(bytes),
        long => Err(LeafError::TooLong(long)),
    }
}

/// The record of canonical bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<AssetRecord, LeafError> {
    let record: AssetRecord = serde_json::from_slice(bytes).map_err(|e| LeafError::Shape(e.to_string()))?;
    match encode(&record)? == bytes {
        true => Ok(record),
        false => Err(LeafError::NotCanonical),
    }
}

fn whole(field: &'static str, value: u64) -> Result<(), LeafError> {
    match value {
        0..=MAX_WHOLE => Ok(()),
        value => Err(LeafError::Number { field, value }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use kernel_model::{ContentRef, Operation};

    use super::*;

    pub(crate) fn record(asset: &str, sequence: u64) -> AssetRecord {
        AssetRecord {
            version: 1,
            asset: asset.to_owned(),
            operation: Operation::Register,
            sequence,
            kind: "building".to_owned(),
            class: "residential".to_owned(),
            source: "delft/b1".to_owned(),
            cells: vec!["G001310322-230230".to_owned()],
            datum: "CGCS2000/WGS84".to_owned(),
            height_reference: "EPSG:5709".to_owned(),
            valid_from: None,
            valid_to: None,
            recorded: "2026-11-22T00:00:00Z".to_owned(),
            content: vec![ContentRef {
                alg: "sha-256".to_owned(),
                digest: "ab".repeat(32),
                media_type: "application/wkb".to_owned(),
                size: 93,
            }],
            lineage: "EPSG:7415 -> OGC:CRS84".to_owned(),
            previous: None,
        }
    }

    #[test]
    fn a_leaf_is_the_sorted_json_without_spaces() {
        let bytes = encode(&record("a", 7)).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(
            text.starts_with(r#"{"asset":"a","cells":["G001310322-230230"],"class":"residential","content":[{"alg""#)
        );
        assert!(text.ends_with(r#""sequence":7,"source":"delft/b1","valid_from":null,"valid_to":null,"version":1}"#));
        assert_eq!(decode(&bytes).unwrap(), record("a", 7));
    }

    #[test]
    fn other_bytes_of_the_same_record_are_refused() {
        let spaced = serde_json::to_vec_pretty(&record("a", 7)).unwrap();
        assert_eq!(decode(&spaced), Err(LeafError::NotCanonical));
        let text = String::from_utf8(encode(&record("a", 7)).unwrap()).unwrap();
        let extended = text.replace(r#","version":1}"#, r#","version":1,"zone":2}"#);
        assert_eq!(decode(extended.as_bytes()), Err(LeafError::NotCanonical));
    }

    #[test]
    fn records_that_json_cannot_carry_are_refused() {
        assert!(matches!(encode(&record("a", 1 << 53)), Err(LeafError::Number { field: "sequence", .. })));
        assert_eq!(encode(&record("", 1)), Err(LeafError::NoAsset));
        let long = AssetRecord { lineage: "x".repeat(70_000), ..record("a", 1) };
        assert!(matches!(encode(&long), Err(LeafError::TooLong(70_000..))));
        assert_eq!(encode(&AssetRecord { version: 2, ..record("a", 1) }), Err(LeafError::Version(2)));
    }
}
