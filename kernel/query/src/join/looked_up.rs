//! The index of the right side, asked for the reach of every left row: reaches come in, batches of right rows with the left
//! row of each go out. A right row that several reach comes out for each of them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{RecordBatch, UInt32Array};
use datafusion::error::Result;
use kernel_store::CHUNK_ROWS;

use super::chain::Chain;
use super::left::Left;
use crate::scan::{BATCH_ROWS, PartsExec, Piece};

/// Left rows that are asked for together at most, so that their right rows fill batches.
const TOGETHER: usize = 512;
/// Turns in which the left rows are asked for at least, so that every thread has some.
const TURNS: usize = 16;

/// The next left row that nobody has asked for; shared by all partitions.
#[derive(Debug, Default)]
pub(super) struct Next(AtomicUsize);

/// One partition's share.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    pieces: VecDeque<Owned>,
}

/// Rows of a chunk, and the left row of each run.
#[derive(Debug)]
struct Owned {
    piece: Piece,
    owners: Vec<u32>,
}

/// Right rows, with the left row of each.
pub(super) struct Met {
    pub(super) rows: RecordBatch,
    pub(super) left: UInt32Array,
}

impl Lookup {
    /// The next rows; `None` at the end.
    pub(super) fn next(&mut self, left: &Left, chain: &Chain, next: &Next) -> Result<Option<Met>> {
        let Some(source) = chain.source() else { return Ok(None) };
        loop {
            if let Some(owned) = self.pieces.pop_front() {
                let Some(rows) = chain.read(&owned.piece)? else { return Ok(None) };
                let (rows, left) = chain.bring_up(rows, owned.numbers())?;
                return Ok(Some(Met { rows, left }));
            }
            let together = (left.reaches.len() / TURNS).clamp(1, TOGETHER);
            let from = next.0.fetch_add(together, Ordering::Relaxed);
            if from >= left.reaches.len() {
                return Ok(None);
            }
            self.pieces = look_up(left, source, from..left.reaches.len().min(from + together))?;
        }
    }
}

impl Owned {
    fn numbers(&self) -> UInt32Array {
        let runs = self.piece.runs.iter().zip(&self.owners);
        runs.flat_map(|(run, owner)| std::iter::repeat_n(*owner, run.len())).collect::<Vec<_>>().into()
    }
}

/// Right rows in the reach of some left ones, cut at chunks and at the size of a batch.
fn look_up(left: &Left, source: &PartsExec, rows: Range<usize>) -> Result<VecDeque<Owned>> {
    let mut runs: Vec<(usize, usize, Range<usize>, u32)> = Vec::new();
    for row in rows {
        let Some(region) = left.reaches[row].region() else { continue };
        source.rows_within(region, |part, run| {
            let mut run = run;
            while !run.is_empty() {
                let chunk = run.start / CHUNK_ROWS;
                let to = run.end.min((chunk + 1) * CHUNK_ROWS);
                runs.push((part, chunk, run.start..to, row as u32));
                run.start = to;
            }
        })?;
    }
    runs.sort_unstable_by_key(|(part, chunk, run, _)| (*part, *chunk, run.start));
    let mut pieces: VecDeque<Owned> = VecDeque::new();
    for (part, chunk, mut run, owner) in runs {
        while !run.is_empty() {
            let open = pieces.back().is_some_and(|open| {
                (open.piece.part, open.piece.chunk) == (part, chunk) && open.piece.rows < BATCH_ROWS
            });
            if !open {
                pieces.push_back(Owned { piece: Piece { part, chunk, runs: Vec::new(), rows: 0 }, owners: Vec::new() });
            }
            let Some(Owned { piece, owners }) = pieces.back_mut() else { break };
            let length = run.len().min(BATCH_ROWS - piece.rows);
            let from = run.start - chunk * CHUNK_ROWS;
            piece.runs.push(from..from + length);
            piece.rows += length;
            owners.push(owner);
            run.start += length;
        }
    }
    Ok(pieces)
}
