//! The order of rows in a part: by space-time key (cell, then hour), then series, then instant; rows without a place come
//! last.

use std::cmp::Ordering;

use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use coding_system::batch::{Positions, morton_2d};
use kernel_model::schema::Table;

use super::layout::{self, Layout};
use crate::error::Error;

const HOUR_US: i64 = 3_600_000_000;

/// Rows of a table in the order of a part, and how many of the first ones have a place. Tables without places stay as they
/// are.
pub(crate) fn sorted(table: Table, rows: &RecordBatch) -> Result<(RecordBatch, usize), Error> {
    let Some(layout) = Layout::of(table) else { return Ok((rows.clone(), 0)) };
    let series = layout::series(rows.column(layout.series));
    let keys = Keys::of(rows, layout, layout::numbers(&series));
    let mut order: Vec<(u64, u32)> = keys.cells.iter().copied().zip(0..).collect();
    let placed =
        order.iter_mut().fold(0, |placed, (cell, row)| match rows.column(layout.lon).is_valid(*row as usize) {
            true => placed + 1,
            false => {
                *cell = u64::MAX;
                placed
            }
        });
    if !order.is_sorted_by(|a, b| keys.compare(*a, *b) != Ordering::Greater) {
        order.sort_unstable_by(|a, b| keys.compare(*a, *b));
        let order: UInt32Array = order.into_iter().map(|(_, row)| row).collect();
        let rows = take_record_batch(rows, &order).map_err(Error::arrow("sort rows"))?;
        return Ok((rows, placed));
    }
    Ok((rows.clone(), placed))
}

/// Rows of several batches as one, in the order of a part.
pub(crate) fn merged(table: Table, batches: &[RecordBatch]) -> Result<(RecordBatch, usize), Error> {
    let together = concat_batches(&table.schema(), batches).map_err(Error::arrow("gather rows"))?;
    sorted(table, &together)
}

/// What rows are compared by.
struct Keys<'a> {
    cells: Vec<u64>,
    times: &'a [i64],
    series: &'a [u64],
}

impl<'a> Keys<'a> {
    fn of(rows: &'a RecordBatch, layout: Layout, series: &'a [u64]) -> Self {
        let (lon, lat) = (layout::degrees(rows.column(layout.lon)), layout::degrees(rows.column(layout.lat)));
        let mut cells = vec![0; rows.num_rows()];
        // A commit refuses what is off the globe; a file from elsewhere may hold it, and keeps it in any order.
        let coded = Positions::new_2d(lon, lat).and_then(|positions| morton_2d(&positions, &mut cells));
        drop(coded);
        Self { cells, times: layout::instants(rows.column(layout.time)), series }
    }

    #[inline]
    fn compare(&self, a: (u64, u32), b: (u64, u32)) -> Ordering {
        a.0.cmp(&b.0).then_with(|| {
            let key = |row: u32| {
                let (time, series) = (self.times[row as usize], self.series[row as usize]);
                (time.div_euclid(HOUR_US), series, time, row)
            };
            key(a.1).cmp(&key(b.1))
        })
    }
}
