//! The revisions of a commit on their way into rows: what was described and what is gone, in the order in which it was said.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::interleave_record_batch;
use kernel_model::{Sequence, TimeUs};

use crate::error::Error;
use crate::live::Live;
use crate::rows::{instants, maybe_instants, repeated};

/// Where the row of a revision is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row {
    /// Its number in the present city.
    Stored(usize),
    /// Its number among those described in this commit.
    New(usize),
}

/// A revision of this commit.
pub(crate) enum Revision {
    Described(usize),
    /// A row again with the end of its validity.
    Gone {
        last: Row,
        at: TimeUs,
        /// Why, where a file says it.
        note: Option<Arc<str>>,
    },
}

/// All revisions of a commit in their order.
pub(crate) fn in_order(
    described: &RecordBatch,
    revisions: &[Revision],
    live: &Live,
    sequence: Sequence,
    at: TimeUs,
) -> Result<RecordBatch, Error> {
    let (mut pieces, mut order) = (vec![described.clone()], Vec::with_capacity(revisions.len()));
    for revision in revisions {
        match revision {
            Revision::Described(row) => order.push((0, *row)),
            Revision::Gone { last, at: gone_at, note } => {
                let last = match last {
                    Row::Stored(row) => live.present.numbered(*row),
                    Row::New(row) => described.slice(*row, 1),
                };
                order.push((pieces.len(), 0));
                pieces.push(gone(&last, sequence, at, *gone_at, note.as_deref())?);
            }
        }
    }
    if pieces.len() == 1 {
        return Ok(described.clone());
    }
    interleave_record_batch(&pieces.iter().collect::<Vec<_>>(), &order).map_err(Error::arrow("put revisions in order"))
}

/// The last revision of a thing that is gone: its row again with the end of its validity.
fn gone(
    row: &RecordBatch,
    sequence: Sequence,
    at: TimeUs,
    gone_at: TimeUs,
    note: Option<&str>,
) -> Result<RecordBatch, Error> {
    let mut columns = row.columns().to_vec();
    columns[1] = repeated(sequence, 1);
    columns[2] = instants(vec![at.0]);
    columns[21] = maybe_instants(vec![Some(gone_at.0)]);
    columns[22] = Arc::new(BooleanArray::from(vec![true]));
    if let Some(note) = note {
        let before = columns[23].as_string::<i32>().value(0);
        columns[23] = Arc::new(StringArray::from(vec![[before, note].join("; ").trim_start_matches("; ")]));
    }
    RecordBatch::try_new(row.schema(), columns).map_err(Error::arrow("retire a thing"))
}
