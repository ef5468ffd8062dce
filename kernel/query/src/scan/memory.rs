//! Record batches in, a source of as many partitions as the engine has threads out. Batches are sliced, never copied;
//! a small table stays one partition because a second thread costs more than it brings.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;

/// Rows of one slice: some columns of it fit a core's cache.
const SLICE_ROWS: usize = 16_384;
/// Rows below which one thread is enough.
const ONE_THREAD_ROWS: usize = 32_768;

pub(super) fn source(
    state: &dyn Session,
    stored: &SchemaRef,
    batches: &[RecordBatch],
    read: &[usize],
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let partitions = spread(batches, state.config().target_partitions());
    let config = MemorySourceConfig::try_new(&partitions, stored.clone(), Some(read.to_vec()))?;
    Ok(DataSourceExec::from_data_source(config.with_limit(limit)))
}

/// Slices of the batches in their order, in up to `parts` runs of about equal length.
fn spread(batches: &[RecordBatch], parts: usize) -> Vec<Vec<RecordBatch>> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let parts = if rows <= ONE_THREAD_ROWS { 1 } else { parts.max(1) };
    let share = rows.div_ceil(parts).max(1);
    let mut partitions = vec![Vec::new(); parts];
    let mut done = 0;
    for batch in batches {
        let mut at = 0;
        while at < batch.num_rows() {
            let part = (done / share).min(parts - 1);
            let length = (batch.num_rows() - at).min(SLICE_ROWS).min((part + 1) * share - done);
            partitions[part].push(batch.slice(at, length));
            at += length;
            done += length;
        }
    }
    partitions
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    fn batch(from: i64, rows: i64) -> RecordBatch {
        RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from_iter_values(from..from + rows)) as _)]).unwrap()
    }

    #[test]
    fn every_row_comes_once_in_order_and_the_parts_are_even() {
        let batches = [batch(0, 100_000), batch(100_000, 3), batch(100_003, 20_000)];
        for parts in 1..5 {
            let spread = spread(&batches, parts);
            let rows: Vec<usize> = spread.iter().map(|part| part.iter().map(RecordBatch::num_rows).sum()).collect();
            assert_eq!(rows.iter().sum::<usize>(), 120_003);
            assert!(rows.iter().max().unwrap() - rows.iter().min().unwrap() < parts, "{rows:?}");
            let first = |b: &RecordBatch| b.column(0).as_any().downcast_ref::<Int64Array>().unwrap().value(0);
            let firsts: Vec<i64> = spread.iter().flatten().map(first).collect();
            assert!(firsts.is_sorted(), "{firsts:?}");
        }
        assert_eq!(spread(&[batch(0, 10)], 4).len(), 1);
        assert_eq!(spread(&[], 4), vec![Vec::new()]);
    }
}
