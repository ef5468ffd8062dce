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
        memory.try_grow(2 * batch.get_array_memory_size() + beside * batch.num_rows())?;
        batches.push(batch);
    }
    Ok((concat_batches(&plan.schema(), &batches)?, memory))
}
