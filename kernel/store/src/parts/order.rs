//! The order of rows in a part: by space-time key (cell, then hour), then series, then instant; rows without a place come
//! last. Rows that are equal in all of that stay in the order in which they came.

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use coding_system::batch::{Positions, morton_2d};
use kernel_model::schema::Table;

use super::layout::{self, Layout};
use crate::error::Error;

const HOUR_US: i64 = 3_600_000_000;
/// Stands for the cell of a row without a place.
const NOWHERE: u64 = u64::MAX;

/// What rows are compared by, with the cell compared first.
pub(super) type Rank = (i64, u64, i64);

/// The keys of the rows of a batch.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) cells: Vec<u64>,
    times: ArrayRef,
    series: ArrayRef,
    pub(super) placed: usize,
}

/// The cells of some places.
fn cells(lon: &ArrayRef, lat: &ArrayRef) -> Vec<u64> {
    let mut cells = vec![0; lon.len()];
    // A commit refuses what is off the globe; a file from elsewhere may hold it, and keeps it in any order.
    let coded = Positions::new_2d(layout::degrees(lon), layout::degrees(lat))
        .and_then(|positions| morton_2d(&positions, &mut cells));
    drop(coded);
    if lon.null_count() > 0 {
        (0..cells.len()).filter(|row| lon.is_null(*row)).for_each(|row| cells[row] = NOWHERE);
    }
    cells
}

/// The cell of the first of some places.
pub(super) fn cell(lon: &ArrayRef, lat: &ArrayRef) -> u64 {
    cells(lon, lat).first().copied().unwrap_or(NOWHERE)
}

impl Keys {
    pub(super) fn of(rows: &RecordBatch, layout: Layout) -> Self {
        let (lon, lat) = (rows.column(layout.lon), rows.column(layout.lat));
        let cells = cells(lon, lat);
        let series = layout::series(rows.column(layout.series));
        Self { cells, times: rows.column(layout.time).clone(), series, placed: rows.num_rows() - lon.null_count() }
    }

    /// What comes after the cell.
    #[inline]
    pub(super) fn rank(&self, row: usize) -> Rank {
        let time = layout::instants(&self.times)[row];
        (time.div_euclid(HOUR_US), layout::numbers(&self.series)[row], time)
    }

    fn is_sorted(&self) -> bool {
        (1..self.cells.len()).all(|row| {
            let (a, b) = (self.cells[row - 1], self.cells[row]);
            a < b || (a == b && self.rank(row - 1) <= self.rank(row))
        })
    }
}

/// Rows of a table in the order of a part, and how many of the first ones have a place. Tables without places stay as they
/// are.
fn sorted(table: Table, rows: RecordBatch) -> Result<(RecordBatch, usize), Error> {
    let Some(layout) = Layout::of(table) else { return Ok((rows, 0)) };
    let keys = Keys::of(&rows, layout);
    if keys.is_sorted() {
        return Ok((rows, keys.placed));
    }
    let mut order: Vec<(u64, u32)> = keys.cells.iter().copied().zip(0..).collect();
    // The stable sort finds the runs that are in order already, which are the parts that are merged.
    order.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| keys.rank(a.1 as usize).cmp(&keys.rank(b.1 as usize))));
    let order: UInt32Array = order.into_iter().map(|(_, row)| row).collect();
    Ok((take_record_batch(&rows, &order).map_err(Error::arrow("sort rows"))?, keys.placed))
}

/// Rows of several batches as one, in the order of a part, and how many of the first ones have a place.
pub(super) fn merged(table: Table, batches: &[RecordBatch]) -> Result<(RecordBatch, usize), Error> {
    let together = match batches {
        [one] => one.clone(),
        many => concat_batches(&table.schema(), many).map_err(Error::arrow("gather rows"))?,
    };
    sorted(table, together)
}
