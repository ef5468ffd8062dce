//! The PBF container: blobs in, nodes, ways and relations out, one after the other. Only one blob is decoded at a time;
//! a broken blob ends the reading with an error, and a fault inside the decoding library becomes one too.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, SecondsFormat, Utc};
use osmpbf::{BlobDecode, BlobReader};

use super::tags::Tags;
use crate::error::Error;
use crate::input::Input;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: i64,
    pub(super) lon_e7: i32,
    pub(super) lat_e7: i32,
    pub(super) tags: Tags,
    pub(super) edited: Option<String>,
}

#[derive(Debug)]
pub(super) struct Way {
    pub(super) id: i64,
    pub(super) nodes: Vec<i64>,
    pub(super) tags: Tags,
    pub(super) edited: Option<String>,
}

#[derive(Debug)]
pub(super) struct Relation {
    pub(super) id: i64,
    /// Member ways, and whether each bounds a hole.
    pub(super) ways: Vec<(i64, bool)>,
    pub(super) tags: Tags,
    pub(super) edited: Option<String>,
}

#[derive(Debug)]
pub(super) enum Element {
    Node(Node),
    Way(Way),
    Relation(Relation),
}

/// What the header may ask of a reader.
const FEATURES: [&str; 2] = ["OsmSchema-V0.6", "DenseNodes"];

/// Whether the file is PBF, and not XML.
pub(super) fn is_pbf(input: &Input) -> Result<bool, Error> {
    Ok(input.head(1)?.first() == Some(&0))
}

/// Calls `visit` for every element in the file's order.
pub(super) fn for_each(input: &Input, mut visit: impl FnMut(Element) -> Result<(), Error>) -> Result<(), Error> {
    if !is_pbf(input)? {
        return super::xml::for_each(input, visit);
    }
    for blob in BlobReader::new(input.open()?) {
        let blob = blob.map_err(|e| from_pbf(input, e))?;
        // The library checks lengths and checksums, but indexes into what it decoded.
        let elements = catch_unwind(AssertUnwindSafe(|| decode(&blob)));
        let elements = match elements {
            Ok(Ok(elements)) => elements,
            Ok(Err(Fault::Pbf(error))) => return Err(from_pbf(input, error)),
            Ok(Err(Fault::Feature(name))) => {
                return Err(malformed(input, format!("it asks for `{name}`, which is not read here")));
            }
            Err(_) => return Err(malformed(input, "a block contradicts itself".to_owned())),
        };
        elements.into_iter().try_for_each(&mut visit)?;
    }
    Ok(())
}

enum Fault {
    Pbf(osmpbf::Error),
    Feature(String),
}

fn decode(blob: &osmpbf::Blob) -> Result<Vec<Element>, Fault> {
    let mut elements = Vec::new();
    match blob.decode().map_err(Fault::Pbf)? {
        BlobDecode::OsmHeader(header) => {
            if let Some(name) = header.required_features().iter().find(|f| !FEATURES.contains(&f.as_str())) {
                return Err(Fault::Feature(name.clone()));
            }
        }
        BlobDecode::OsmData(block) => block.elements().for_each(|e| elements.extend(element(&e))),
        BlobDecode::Unknown(_) => {}
    }
    Ok(elements)
}

fn element(element: &osmpbf::Element<'_>) -> Option<Element> {
    Some(match element {
        osmpbf::Element::Node(n) => Element::Node(Node {
            id: n.id(),
            lon_e7: n.decimicro_lon(),
            lat_e7: n.decimicro_lat(),
            tags: collect(n.tags()),
            edited: time(n.info().milli_timestamp()),
        }),
        osmpbf::Element::DenseNode(n) => {
            if n.info().is_some_and(|i| !i.visible()) {
                return None;
            }
            let tags = collect(n.tags());
            let edited =
                if tags.is_empty() { None } else { time(n.info().map(osmpbf::DenseNodeInfo::milli_timestamp)) };
            Element::Node(Node { id: n.id(), lon_e7: n.decimicro_lon(), lat_e7: n.decimicro_lat(), tags, edited })
        }
        osmpbf::Element::Way(w) => Element::Way(Way {
            id: w.id(),
            nodes: w.refs().collect(),
            tags: collect(w.tags()),
            edited: time(w.info().milli_timestamp()),
        }),
        osmpbf::Element::Relation(r) => Element::Relation(Relation {
            id: r.id(),
            ways: r
                .members()
                .filter(|m| m.member_type == osmpbf::RelMemberType::Way)
                .map(|m| (m.member_id, m.role().is_ok_and(|role| role == "inner")))
                .collect(),
            tags: collect(r.tags()),
            edited: time(r.info().milli_timestamp()),
        }),
    })
}

fn collect<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Tags {
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn time(milliseconds: Option<i64>) -> Option<String> {
    let time = DateTime::<Utc>::from_timestamp_millis(milliseconds.filter(|ms| *ms > 0)?)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn malformed(input: &Input, reason: String) -> Error {
    Error::Malformed { file: input.name.clone(), place: "block".to_owned(), reason }
}

/// An early end is a truncated file; the rest is a broken one.
fn from_pbf(input: &Input, error: osmpbf::Error) -> Error {
    let text = error.to_string();
    match error.into_kind() {
        osmpbf::ErrorKind::Io(source) => Error::from_io(&input.name, source),
        osmpbf::ErrorKind::Protobuf { err, .. } if is_early_end(&err.to_string()) => {
            Error::Truncated { file: input.name.clone(), detail: "in the middle of a block".to_owned() }
        }
        _ => malformed(input, text),
    }
}

/// The library gives an early end no kind of its own, only these words.
fn is_early_end(text: &str) -> bool {
    text.contains("end of file") || text.contains("EOF")
}
