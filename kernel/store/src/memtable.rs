//! Rows in memory. Those that are not sealed yet: batches come in small, are merged like the digits of a binary counter
//! so that there are never many, and go out all at once when they are frozen for sealing. And those of small tables,
//! which stay here when sealed.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use kernel_model::schema::Table;

/// Batches of at least this many rows are left as they are.
const LARGE: usize = 131_072;

/// Unsealed rows, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memtable {
    batches: Vec<RecordBatch>,
    rows: usize,
}

impl Memtable {
    /// Takes a batch; batches of like size are merged, so their number grows with the logarithm of the rows.
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<(), arrow::error::ArrowError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows();
        self.batches.push(batch);
        let mut last = self.batches.len();
        while last >= 2 {
            let (older, newer) = (self.batches[last - 2].num_rows(), self.batches[last - 1].num_rows());
            if older >= LARGE || older > 2 * newer {
                break;
            }
            let merged = concat_batches(&self.batches[last - 1].schema(), &self.batches[last - 2..])?;
            self.batches.truncate(last - 2);
            self.batches.push(merged);
            last -= 1;
        }
        Ok(())
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The batches, cheap to clone.
    pub(crate) fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Empties it.
    pub(crate) fn take(&mut self) -> Vec<RecordBatch> {
        self.rows = 0;
        std::mem::take(&mut self.batches)
    }
}

/// Batches of every table, by its number.
pub(crate) type Batches = [Vec<RecordBatch>; Table::ALL.len()];

/// Tables whose sealed rows stay in memory.
pub(crate) fn resident(table: Table) -> bool {
    matches!(table, Table::Entities | Table::Datastreams | Table::Contents)
}

/// All rows in memory but those being sealed.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) sealed: Batches,
    pub(crate) unsealed: [Memtable; Table::ALL.len()],
}

impl Rows {
    /// The batches of a table, oldest first; `frozen` are those being sealed.
    pub(crate) fn batches(&self, table: Table, frozen: &[Vec<RecordBatch>]) -> Vec<RecordBatch> {
        let at = table as usize;
        let frozen = frozen.get(at).map(Vec::as_slice).unwrap_or_default();
        [self.sealed[at].as_slice(), frozen, self.unsealed[at].batches()].concat()
    }

    /// Rows not sealed and not being sealed.
    pub(crate) fn unsealed_rows(&self) -> usize {
        self.unsealed.iter().map(Memtable::rows).sum()
    }

    /// Takes what is not sealed yet.
    pub(crate) fn freeze(&mut self) -> Batches {
        self.unsealed.each_mut().map(Memtable::take)
    }

    /// Takes rows that are sealed now; those of resident tables stay.
    pub(crate) fn keep_resident(&mut self, sealed: &Batches) {
        for table in Table::ALL.into_iter().filter(|table| resident(*table)) {
            self.sealed[table as usize].extend_from_slice(&sealed[table as usize]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_keep_their_order_in_few_batches(sizes in prop::collection::vec(0_usize..40, 0..200)) {
            let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
            let mut table = Memtable::default();
            let mut next = 0_i64;
            for size in sizes {
                let column = Int64Array::from_iter_values(next..next + size as i64);
                next += size as i64;
                table.push(RecordBatch::try_new(schema.clone(), vec![Arc::new(column)]).unwrap()).unwrap();
            }
            let seen: Vec<i64> =
                table.batches().iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
            prop_assert!(seen.iter().copied().eq(0..next));
            prop_assert_eq!(table.rows() as i64, next);
            prop_assert!(table.batches().len() <= 16, "{} batches", table.batches().len());
        }
    }
}
