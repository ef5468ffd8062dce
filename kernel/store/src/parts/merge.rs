//! Several parts as one: rows come out in the order of a part, some thousands at a time, so that no more than a chunk of each
//! is in memory; cut at instants where they are too many for one segment.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::interleave;
use kernel_model::schema::Table;

use super::layout::{self, Layout};
use super::order::{Keys, Rank};
use super::part::Part;
use super::writer::SegmentWriter;
use crate::error::Error;

/// Rows written together.
const BATCH_ROWS: usize = 32_768;

/// Writes the rows of `parts` of one table into the writers: the first takes those before the first instant of `cuts`, the
/// last those from the last one on.
pub(crate) fn merge(table: Table, parts: &[Part], cuts: &[i64], writers: &mut [SegmentWriter]) -> Result<(), Error> {
    match Layout::of(table) {
        Some(layout) => Merge::begin(table, layout, parts)?.run(cuts, writers),
        None => one_after_the_other(table, parts, writers),
    }
}

fn one_after_the_other(table: Table, parts: &[Part], writers: &mut [SegmentWriter]) -> Result<(), Error> {
    for part in parts {
        for chunk in 0..part.chunks() {
            let rows = read_chunk(table, part, chunk)?;
            if let Some(writer) = writers.first_mut() {
                writer.push(&rows, 0)?;
            }
        }
    }
    Ok(())
}

fn read_chunk(table: Table, part: &Part, chunk: usize) -> Result<RecordBatch, Error> {
    let columns = (0..table.schema().fields().len()).map(|column| part.column_once(chunk, column));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(table.schema(), columns).map_err(Error::arrow("merge segments"))
}

/// Where the merge stands in one part.
struct Cursor<'a> {
    part: &'a Part,
    chunk: usize,
    rows: RecordBatch,
    keys: Keys,
    row: usize,
}

/// The next row of a cursor: cell, rank, number of the cursor.
type Head = Reverse<(u64, Rank, usize)>;

struct Merge<'a> {
    table: Table,
    layout: Layout,
    cursors: Vec<Cursor<'a>>,
    heads: BinaryHeap<Head>,
    /// Cursor and row of what is to be written next.
    picked: Vec<(usize, usize)>,
}

impl<'a> Merge<'a> {
    fn begin(table: Table, layout: Layout, parts: &'a [Part]) -> Result<Self, Error> {
        let mut cursors = Vec::new();
        for part in parts.iter().filter(|part| part.rows() > 0) {
            let rows = read_chunk(table, part, 0)?;
            cursors.push(Cursor { part, chunk: 0, keys: Keys::of(&rows, layout), rows, row: 0 });
        }
        let heads = cursors.iter().enumerate().map(|(number, cursor)| cursor.head(number)).collect();
        Ok(Self { table, layout, cursors, heads, picked: Vec::with_capacity(BATCH_ROWS) })
    }

    fn run(mut self, cuts: &[i64], writers: &mut [SegmentWriter]) -> Result<(), Error> {
        while let Some(Reverse((_, _, number))) = self.heads.pop() {
            let cursor = &mut self.cursors[number];
            self.picked.push((number, cursor.row));
            cursor.row += 1;
            let ended = cursor.row == cursor.rows.num_rows();
            if ended || self.picked.len() == BATCH_ROWS {
                self.write(cuts, writers)?;
            }
            if !ended || self.next_chunk(number)? {
                self.heads.push(self.cursors[number].head(number));
            }
        }
        self.write(cuts, writers)
    }

    /// Reads on in a part; `false` at its end.
    fn next_chunk(&mut self, number: usize) -> Result<bool, Error> {
        let cursor = &mut self.cursors[number];
        cursor.chunk += 1;
        if cursor.chunk == cursor.part.chunks() {
            return Ok(false);
        }
        cursor.rows = read_chunk(self.table, cursor.part, cursor.chunk)?;
        cursor.keys = Keys::of(&cursor.rows, self.layout);
        cursor.row = 0;
        Ok(true)
    }

    /// Writes the picked rows, each where its instant belongs.
    fn write(&mut self, cuts: &[i64], writers: &mut [SegmentWriter]) -> Result<(), Error> {
        let picked = std::mem::take(&mut self.picked);
        if cuts.is_empty() {
            if let Some(writer) = writers.first_mut() {
                self.write_to(writer, &picked)?;
            }
        } else {
            for (number, writer) in writers.iter_mut().enumerate() {
                let own = |(cursor, row): &(usize, usize)| {
                    let time = layout::instants(self.cursors[*cursor].rows.column(self.layout.time))[*row];
                    cuts.partition_point(|cut| *cut <= time) == number
                };
                let picked: Vec<_> = picked.iter().copied().filter(own).collect();
                self.write_to(writer, &picked)?;
            }
        }
        self.picked = picked;
        self.picked.clear();
        Ok(())
    }

    fn write_to(&self, writer: &mut SegmentWriter, picked: &[(usize, usize)]) -> Result<(), Error> {
        if picked.is_empty() {
            return Ok(());
        }
        let column = |column: usize| -> Result<ArrayRef, arrow::error::ArrowError> {
            let columns: Vec<&dyn Array> =
                self.cursors.iter().map(|cursor| cursor.rows.column(column).as_ref()).collect();
            interleave(&columns, picked)
        };
        let columns = (0..self.table.schema().fields().len()).map(column).collect::<Result<Vec<_>, _>>();
        let rows = columns.and_then(|columns| RecordBatch::try_new(self.table.schema(), columns));
        let rows = rows.map_err(Error::arrow("merge segments"))?;
        let placed = rows.num_rows() - rows.column(self.layout.lon).null_count();
        writer.push(&rows, placed)
    }
}

impl Cursor<'_> {
    fn head(&self, number: usize) -> Head {
        Reverse((self.keys.cells[self.row], self.keys.rank(self.row), number))
    }
}
