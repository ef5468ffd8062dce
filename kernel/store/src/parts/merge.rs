//! Several parts as one: rows come out in the order of a part, some thousands at a time, so that no more than a chunk of each
//! is in memory; cut at instants where they are too many for one segment.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::interleave;
use arrow::datatypes::Float64Type;
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
        Some(layout) => Merge::begin(table, layout, parts, 0..=u64::MAX)?.run(cuts, writers),
        None => one_after_the_other(table, parts, writers),
    }
}

/// Writes the rows of `parts` whose cells are in a range, each once: rows that are equal in series, instant, place and value
/// to another one or to one of `stored` are left out. They are cut at instants as those of [`merge`].
pub(crate) fn merge_range(
    table: Table,
    parts: &[Part],
    stored: &[Part],
    cells: RangeInclusive<u64>,
    cuts: &[i64],
    writers: &mut [SegmentWriter],
) -> Result<(), Error> {
    let layout = Layout::of(table).ok_or_else(|| Error::defect("only rows with places are merged by ranges"))?;
    // Those that are stored come first, so that an equal one is the later.
    let both = [stored, parts].concat();
    let mut merge = Merge::begin(table, layout, &both, cells)?;
    merge.once = Some(Once { stored: stored.iter().filter(|part| part.rows() > 0).count(), ..Once::default() });
    merge.run(cuts, writers)
}

/// Cell and instant of every `step`th row of a chunk.
pub(crate) fn samples(part: &Part, chunk: usize, step: usize) -> Result<Vec<(u64, i64)>, Error> {
    let Some(layout) = Layout::of(part.table()) else { return Ok(Vec::new()) };
    let rows = read_chunk(part.table(), part, chunk)?;
    let keys = Keys::of(&rows, layout);
    let instants = layout::instants(rows.column(layout.time)).iter().copied();
    Ok(keys.cells.into_iter().zip(instants).step_by(step).collect())
}

fn one_after_the_other(table: Table, parts: &[Part], writers: &mut [SegmentWriter]) -> Result<(), Error> {
    for part in parts {
        for chunk in 0..part.groups()? {
            let rows = read_chunk(table, part, chunk)?;
            if let Some(writer) = writers.first_mut() {
                writer.push(&rows, 0)?;
            }
        }
    }
    Ok(())
}

/// All columns of a chunk, past the cache.
pub(crate) fn read_chunk(table: Table, part: &Part, chunk: usize) -> Result<RecordBatch, Error> {
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
    last_cell: u64,
    /// Where every row comes out once.
    once: Option<Once>,
}

/// Rows of one cell, series and instant that were seen.
#[derive(Default)]
struct Once {
    /// So many cursors stand in rows that are stored already.
    stored: usize,
    key: Option<(u64, Rank)>,
    seen: Vec<[u64; 3]>,
}

impl<'a> Merge<'a> {
    fn begin(table: Table, layout: Layout, parts: &'a [Part], cells: RangeInclusive<u64>) -> Result<Self, Error> {
        let mut cursors = Vec::new();
        for part in parts.iter().filter(|part| part.rows() > 0) {
            cursors.push(Cursor::begin(table, layout, part, *cells.start())?);
        }
        let mut merge = Self {
            table,
            layout,
            cursors,
            heads: BinaryHeap::new(),
            picked: Vec::with_capacity(BATCH_ROWS),
            last_cell: *cells.end(),
            once: None,
        };
        (0..merge.cursors.len()).for_each(|number| merge.push_head(number));
        Ok(merge)
    }

    fn push_head(&mut self, number: usize) {
        let head = self.cursors[number].head(number);
        self.heads.extend(head.filter(|Reverse((cell, ..))| *cell <= self.last_cell));
    }

    fn run(mut self, cuts: &[i64], writers: &mut [SegmentWriter]) -> Result<(), Error> {
        while let Some(Reverse((cell, rank, number))) = self.heads.pop() {
            if self.is_new((cell, rank), number) {
                self.picked.push((number, self.cursors[number].row));
            }
            let cursor = &mut self.cursors[number];
            cursor.row += 1;
            let ended = cursor.row == cursor.rows.num_rows();
            if ended || self.picked.len() == BATCH_ROWS {
                self.write(cuts, writers)?;
            }
            if ended {
                self.cursors[number].next_chunk(self.table, self.layout)?;
            }
            self.push_head(number);
        }
        self.write(cuts, writers)
    }

    /// Whether the next row of a cursor is to be written.
    fn is_new(&mut self, key: (u64, Rank), number: usize) -> bool {
        let Some(once) = &mut self.once else { return true };
        if once.key != Some(key) {
            once.key = Some(key);
            once.seen.clear();
        }
        let cursor = &self.cursors[number];
        let bits = |column: usize| match cursor.rows.column(column).as_primitive_opt::<Float64Type>() {
            Some(values) if values.is_valid(cursor.row) => values.value(cursor.row).to_bits(),
            _ => 0,
        };
        let row = [bits(self.layout.lon), bits(self.layout.lat), self.layout.value.map_or(0, bits)];
        if once.seen.contains(&row) {
            return false;
        }
        once.seen.push(row);
        number >= once.stored
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

impl<'a> Cursor<'a> {
    /// At the first row of a part whose cell is not below `first`.
    fn begin(table: Table, layout: Layout, part: &'a Part, first: u64) -> Result<Self, Error> {
        let mut chunk = 0;
        if first > 0 {
            // The last chunk that begins below it may hold it.
            let mut begins = Vec::with_capacity(part.chunks());
            for chunk in 0..part.chunks() {
                begins.push(first_cell(layout, part, chunk)?);
            }
            chunk = begins.partition_point(|cell| *cell < first).saturating_sub(1);
        }
        let rows = read_chunk(table, part, chunk)?;
        let mut cursor = Self { part, chunk, keys: Keys::of(&rows, layout), rows, row: 0 };
        cursor.row = cursor.keys.cells.partition_point(|cell| *cell < first);
        if cursor.row == cursor.rows.num_rows() {
            cursor.next_chunk(table, layout)?;
        }
        Ok(cursor)
    }

    /// Reads on; at its end a cursor has no rows.
    fn next_chunk(&mut self, table: Table, layout: Layout) -> Result<(), Error> {
        self.chunk += 1;
        self.rows = match self.chunk < self.part.chunks() {
            true => read_chunk(table, self.part, self.chunk)?,
            false => RecordBatch::new_empty(table.schema()),
        };
        self.keys = Keys::of(&self.rows, layout);
        self.row = 0;
        Ok(())
    }

    fn head(&self, number: usize) -> Option<Head> {
        let cell = self.keys.cells.get(self.row)?;
        Some(Reverse((*cell, self.keys.rank(self.row), number)))
    }
}

/// The cell of the first row of a chunk.
fn first_cell(layout: Layout, part: &Part, chunk: usize) -> Result<u64, Error> {
    let column = |column: usize| part.column_once(chunk, column).map(|column| column.slice(0, 1));
    let (lon, lat) = (column(layout.lon)?, column(layout.lat)?);
    Ok(super::order::cell(&lon, &lat))
}
