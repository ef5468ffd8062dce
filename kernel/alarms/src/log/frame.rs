//! A frame of the log: some records that were appended together. Records in, bytes out, and back; bytes that are not whole or
//! not what was written are told apart.
//!
//! Length of the body, CRC-32C of the body, CRC-32C of the eight bytes before it (4 bytes each, little-endian), then the body:
//! the frame in CBOR (RFC 8949).

use kernel_model::{Sequence, TimeUs};
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Record};

/// Bytes before the body.
pub(super) const HEAD: usize = 12;

/// What was appended together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Frame {
    /// Transitions; with them the log is whole through a commit.
    Alerts {
        /// The commit.
        through: u64,
        alerts: Vec<Alert>,
    },
    Acknowledged {
        alert: u64,
        by: String,
        time_us: i64,
    },
}

impl Frame {
    /// Through which commit the log is whole with it, where it says so.
    pub(super) fn through(&self) -> Option<Sequence> {
        match self {
            Self::Alerts { through, .. } => Some(Sequence(*through)),
            Self::Acknowledged { .. } => None,
        }
    }

    pub(super) fn into_records(self) -> Vec<Record> {
        match self {
            Self::Alerts { alerts, .. } => alerts.into_iter().map(Record::Alert).collect(),
            Self::Acknowledged { alert, by, time_us } => {
                vec![Record::Acknowledged { alert, by, time: TimeUs(time_us) }]
            }
        }
    }
}

/// The bytes of a frame.
pub(super) fn encode(frame: &Frame) -> Vec<u8> {
    let mut bytes = vec![0; HEAD];
    // A vector takes every byte, and every field has a form in CBOR.
    drop(ciborium::into_writer(frame, &mut bytes));
    let length = ((bytes.len() - HEAD) as u32).to_le_bytes();
    let sum = crc32c::crc32c(&bytes[HEAD..]).to_le_bytes();
    bytes[..4].copy_from_slice(&length);
    bytes[4..8].copy_from_slice(&sum);
    let head = crc32c::crc32c(&bytes[..8]).to_le_bytes();
    bytes[8..HEAD].copy_from_slice(&head);
    bytes
}

/// What bytes begin with.
#[derive(Debug, PartialEq)]
pub(super) enum Begin {
    /// A whole frame, and how many bytes it has.
    Whole(Frame, usize),
    /// A frame that is not all there.
    Torn,
    /// Something else.
    Damaged(&'static str),
}

/// Looks at what bytes begin with, which are the end of a file.
pub(super) fn begin(bytes: &[u8]) -> Begin {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else { return Begin::Torn };
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if number(8) != crc32c::crc32c(&head[..8]) {
        // A file system may have made the file longer and not yet written what it has.
        let is_empty = bytes.iter().all(|byte| *byte == 0);
        return if is_empty { Begin::Torn } else { Begin::Damaged("the head of a frame does not fit its checksum") };
    }
    let length = number(0) as usize;
    let Some((body, behind)) = rest.split_at_checked(length) else { return Begin::Torn };
    if number(4) != crc32c::crc32c(body) {
        // The last frame may have been written in part; with anything behind it, it was whole once.
        return if behind.is_empty() { Begin::Torn } else { Begin::Damaged("a frame does not fit its checksum") };
    }
    match ciborium::from_reader(body) {
        Ok(frame) => Begin::Whole(frame, HEAD + length),
        Err(_) => Begin::Damaged("a frame is none that this program knows: use a newer one"),
    }
}
