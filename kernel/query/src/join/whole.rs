//! A side of a join that is read whole: a plan comes in, all its rows go out as one batch, with the memory that they take.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures_util::TryStreamExt;

/// Reads all partitions; `beside` is how many bytes are wanted for each row beside the row itself.
pub(super) async fn read_whole(
    plan: Arc<dyn ExecutionPlan>,
    beside: usize,
    context: Arc<TaskContext>,
) -> Result<(RecordBatch, MemoryReservation)> {
    let plan = match plan.output_partitioning().partition_count() {
        1 => plan,
        _ => Arc::new(CoalescePartitionsExec::new(plan)),
    };
    let memory = MemoryConsumer::new("SpatialJoin").register(context.memory_pool());
    let mut batches = Vec::new();
    let mut rows = plan.execute(0, context)?;
    while let Some(batch) = rows.try_next().await? {
        // Once as it comes, once in the one batch.
        memory.try_grow(2 * own_bytes(&batch)? + beside * batch.num_rows())?;
        batches.push(batch);
    }
    Ok((concat_batches(&plan.schema(), &batches)?, memory))
}

/// Bytes of the rows themselves: a batch may be a piece of a far larger one that is in memory anyway.
fn own_bytes(batch: &RecordBatch) -> Result<usize> {
    let columns = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size());
    Ok(columns.sum::<std::result::Result<usize, _>>()?)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use datafusion::execution::memory_pool::GreedyMemoryPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;

    use super::*;
    use crate::scan::RowsExec;

    /// Pieces of one large batch take the memory of their own rows, each once, and no more is allowed than that.
    #[tokio::test]
    async fn pieces_of_a_batch_take_the_memory_of_their_own_rows() -> Result<()> {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100_000));
        let large = RecordBatch::try_from_iter([("n", numbers)])?;
        let read = |most_bytes: usize| {
            let pieces = (0..100).map(|piece| large.slice(piece * 1_000, 1_000)).collect();
            let plan = Arc::new(RowsExec::new(large.schema(), pieces, String::new(), 100_000));
            let pool = Arc::new(GreedyMemoryPool::new(most_bytes));
            let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc();
            async move { read_whole(plan, 8, Arc::new(TaskContext::default().with_runtime(runtime?))).await }
        };
        let (whole, memory) = read(3_000_000).await?;
        assert_eq!(whole, large);
        assert_eq!(memory.size(), 2 * 800_000 + 8 * 100_000);
        assert!(read(2_000_000).await.is_err());
        Ok(())
    }
}
