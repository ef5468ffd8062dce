//! Asset records in, canonical bytes out and back. Bytes that are not exactly the canonical form of the record they
//! hold are refused, so one record has one leaf hash.

use kernel_model::{AssetEvent, AssetRecord, ContentRef, Operation};
use serde::Serialize;

/// The longest leaf: the entry bundles of c2sp.org/tlog-tiles give its length sixteen bits.
pub(crate) const MAX_LEAF_BYTES: usize = 65_535;

/// The record layout this version writes and reads.
pub(crate) const RECORD_VERSION: u32 = 1;

/// The layout of statements.
pub(crate) const EVENT_VERSION: u32 = 2;

/// The largest whole number that JSON carries exactly everywhere (RFC 7493, 2.2).
const MAX_WHOLE: u64 = (1 << 53) - 1;

/// What a leaf of the log of assets holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// What the store recorded of a thing.
    Record(Box<AssetRecord>),
    /// What somebody stated of it and signed.
    Event(Box<AssetEvent>),
}

impl Leaf {
    /// The leaf of canonical bytes. Whether an event's signature holds is [`crate::check_event`]'s to say.
    ///
    /// # Errors
    /// Where the bytes are something else, or another form of it.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        #[derive(serde::Deserialize)]
        struct Version {
            version: u32,
        }
        let version: Version = serde_json::from_slice(bytes).map_err(|e| LeafError::Shape(e.to_string()))?;
        match version.version {
            RECORD_VERSION => decode(bytes).map(|record| Self::Record(Box::new(record))),
            EVENT_VERSION => decode_event(bytes).map(|event| Self::Event(Box::new(event))),
            other => Err(LeafError::Version(other)),
        }
    }

    /// The asset it speaks of.
    pub fn asset(&self) -> &str {
        match self {
            Self::Record(record) => &record.asset,
            Self::Event(event) => &event.statement.asset,
        }
    }

    /// What was done.
    pub fn operation(&self) -> Operation {
        match self {
            Self::Record(record) => record.operation,
            Self::Event(event) => event.statement.operation,
        }
    }

    /// The store's sequence.
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Record(record) => record.sequence,
            Self::Event(event) => event.sequence,
        }
    }

    /// When it was recorded, RFC 3339.
    pub fn recorded(&self) -> &str {
        match self {
            Self::Record(record) => &record.recorded,
            Self::Event(event) => &event.recorded,
        }
    }

    /// Hexadecimal hash of the asset's leaf before.
    pub fn previous(&self) -> Option<&str> {
        match self {
            Self::Record(record) => record.previous.as_deref(),
            Self::Event(event) => event.statement.previous.as_deref(),
        }
    }

    /// The record, if it is one.
    pub fn record(&self) -> Option<&AssetRecord> {
        match self {
            Self::Record(record) => Some(record),
            Self::Event(_) => None,
        }
    }
}

/// Canonical JSON (RFC 8785) of an event.
pub(crate) fn encode_event(event: &AssetEvent) -> Result<Vec<u8>, LeafError> {
    if event.version != EVENT_VERSION || event.statement.version != EVENT_VERSION {
        return Err(LeafError::Version(event.version));
    }
    if event.statement.asset.is_empty() {
        return Err(LeafError::NoAsset);
    }
    whole("sequence", event.sequence)?;
    let bytes = serde_json_canonicalizer::to_vec(event).map_err(|e| LeafError::Shape(e.to_string()))?;
    match bytes.len() {
        0..=MAX_LEAF_BYTES => Ok(bytes),
        long => Err(LeafError::TooLong(long)),
    }
}

fn decode_event(bytes: &[u8]) -> Result<AssetEvent, LeafError> {
    let event: AssetEvent = serde_json::from_slice(bytes).map_err(|e| LeafError::Shape(e.to_string()))?;
    if encode_event(&event)? == bytes { Ok(event) } else { Err(LeafError::NotCanonical) }
}

/// Why bytes or a record are no leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not JSON, or JSON of another shape.
    #[error("the leaf is no asset record: {0}")]
    Shape(String),
    /// A later layout.
    #[error("the leaf has record version {0}, this program reads versions 1 and 2: use a newer program")]
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
    /// A record of what only somebody can state.
    #[error("a record has no operation {0:?}: somebody has to state and sign it")]
    Operation(Operation),
    /// No asset id.
    #[error("the record names no asset")]
    NoAsset,
}

/// The canonical JSON (RFC 8785) of the record with `previous` in place of its own.
pub(crate) fn encode(record: &AssetRecord, previous: Option<&str>) -> Result<Vec<u8>, LeafError> {
    if record.version != RECORD_VERSION {
        return Err(LeafError::Version(record.version));
    }
    if record.asset.is_empty() {
        return Err(LeafError::NoAsset);
    }
    if !matches!(record.operation, Operation::Register | Operation::Update | Operation::Retire) {
        return Err(LeafError::Operation(record.operation));
    }
    whole("sequence", record.sequence)?;
    record.content.iter().try_for_each(|content| whole("content.size", content.size))?;
    let bytes = serde_json::to_vec(&Sorted::new(record, previous)).map_err(|e| LeafError::Shape(e.to_string()))?;
    match bytes.len() {
        0..=MAX_LEAF_BYTES => Ok(bytes),
        long => Err(LeafError::TooLong(long)),
    }
}

/// The record with its fields in the order of their names. RFC 8785 asks for sorted names, shortest numbers, no spaces
/// and the fewest escapes; with ASCII names and whole numbers below 2^53, sorting is all that serde_json lacks. A test
/// holds it against a general canonicalizer.
#[derive(Serialize)]
struct Sorted<'a> {
    asset: &'a str,
    cells: &'a [String],
    class: &'a str,
    content: Vec<SortedContent<'a>>,
    datum: &'a str,
    height_reference: &'a str,
    kind: &'a str,
    lineage: &'a str,
    operation: Operation,
    previous: Option<&'a str>,
    recorded: &'a str,
    sequence: u64,
    source: &'a str,
    valid_from: Option<&'a str>,
    valid_to: Option<&'a str>,
    version: u32,
}

#[derive(Serialize)]
struct SortedContent<'a> {
    alg: &'a str,
    digest: &'a str,
    media_type: &'a str,
    size: u64,
}

impl<'a> Sorted<'a> {
    /// Takes the records apart by name, so that a field that is added to them does not compile until it stands here.
    fn new(record: &'a AssetRecord, previous: Option<&'a str>) -> Self {
        let AssetRecord {
            version,
            asset,
            operation,
            sequence,
            kind,
            class,
            source,
            cells,
            datum,
            height_reference,
            valid_from,
            valid_to,
            recorded,
            content,
            lineage,
            previous: _,
        } = record;
        let content = content.iter().map(|ContentRef { alg, digest, media_type, size }| SortedContent {
            alg,
            digest,
            media_type,
            size: *size,
        });
        Self {
            asset,
            cells,
            class,
            content: content.collect(),
            datum,
            height_reference,
            kind,
            lineage,
            operation: *operation,
            previous,
            recorded,
            sequence: *sequence,
            source,
            valid_from: valid_from.as_deref(),
            valid_to: valid_to.as_deref(),
            version: *version,
        }
    }
}

/// The record of canonical bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<AssetRecord, LeafError> {
    let record: AssetRecord = serde_json::from_slice(bytes).map_err(|e| LeafError::Shape(e.to_string()))?;
    if encode(&record, record.previous.as_deref())? == bytes { Ok(record) } else { Err(LeafError::NotCanonical) }
}

fn whole(field: &'static str, value: u64) -> Result<(), LeafError> {
    match value {
        0..=MAX_WHOLE => Ok(()),
        value => Err(LeafError::Number { field, value }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

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
        let bytes = encode(&record("a", 7), None).unwrap();
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
        let text = String::from_utf8(encode(&record("a", 7), None).unwrap()).unwrap();
        let extended = text.replace(r#","version":1}"#, r#","version":1,"zone":2}"#);
        assert_eq!(decode(extended.as_bytes()), Err(LeafError::NotCanonical));
    }

    #[test]
    fn records_that_json_cannot_carry_are_refused() {
        assert!(matches!(encode(&record("a", 1 << 53), None), Err(LeafError::Number { field: "sequence", .. })));
        assert_eq!(encode(&record("", 1), None), Err(LeafError::NoAsset));
        let long = AssetRecord { lineage: "x".repeat(70_000), ..record("a", 1) };
        assert!(matches!(encode(&long, None), Err(LeafError::TooLong(70_000..))));
        assert_eq!(encode(&AssetRecord { version: 2, ..record("a", 1) }, None), Err(LeafError::Version(2)));
    }

    proptest! {
        /// Our own order of fields against a general RFC 8785 canonicalizer.
        #[test]
        fn the_bytes_are_those_of_a_general_canonicalizer(
            texts in prop::collection::vec(any::<String>(), 12),
            sequence in 0..1_u64 << 53,
            size in 0..1_u64 << 53,
            previous in any::<Option<String>>(),
        ) {
            let content = ContentRef { alg: texts[0].clone(), digest: texts[1].clone(), media_type: texts[2].clone(), size };
            let record = AssetRecord {
                asset: format!("a{}", texts[3]),
                operation: Operation::Retire,
                sequence,
                kind: texts[4].clone(),
                class: texts[5].clone(),
                source: texts[6].clone(),
                cells: texts[7..9].to_vec(),
                height_reference: texts[9].clone(),
                valid_to: Some(texts[10].clone()),
                lineage: texts[11].clone(),
                content: vec![content.clone(), content],
                previous,
                ..record("", 0)
            };
            let bytes = encode(&record, record.previous.as_deref()).unwrap();
            prop_assert_eq!(&bytes, &serde_json_canonicalizer::to_vec(&record).unwrap());
            prop_assert_eq!(decode(&bytes), Ok(record));
        }
    }
}
