//! The left side, read whole: its rows as one batch, the reach of each, and a tree of the reaches.

use std::sync::Arc;

use arrow::array::{Array, BinaryArray, RecordBatch};
use datafusion::common::cast::as_binary_array;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use spatial_index::{LonLatBox, Packed, PackedBuilder, Region};

use super::condition::Condition;
use super::reach::{Reach, failed, on_the_globe};
use super::whole::read_whole;

/// Bytes of a reach and its place in the tree, beside the corners of an area.
const ROW_BYTES: usize = 192;

/// The rows of the left side.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) rows: RecordBatch,
    pub(super) reaches: Vec<Reach>,
    tree: Packed<2>,
    /// Rows that the tree cannot hold: they are candidates of everything.
    anywhere: Vec<u32>,
    _memory: MemoryReservation,
}

impl Left {
    /// Reads the plan.
    pub(super) async fn read(
        plan: Arc<dyn ExecutionPlan>,
        condition: &Condition,
        context: Arc<TaskContext>,
    ) -> Result<Self> {
        let (rows, memory) = read_whole(plan, ROW_BYTES, context).await?;
        let shapes = shapes(&condition.left, &rows)?;
        let reaches: Vec<Reach> = (0..rows.num_rows())
            .map(|row| Reach::of(shapes.is_valid(row).then(|| shapes.value(row)), condition.lie))
            .collect();
        let (tree, anywhere) = tree(&reaches)?;
        Ok(Self { rows, reaches, tree, anywhere, _memory: memory })
    }

    /// Calls `take` with the rows whose reach may meet a box; without one it is all rows.
    pub(super) fn candidates(&self, bounds: Option<&LonLatBox>, mut take: impl FnMut(u32)) {
        match bounds.filter(|bounds| on_the_globe(bounds)) {
            Some(bounds) => {
                self.tree.candidates(&bounds.as_numbers()).into_iter().for_each(&mut take);
                self.anywhere.iter().copied().for_each(take);
            }
            None => (0..self.reaches.len() as u32).for_each(take),
        }
    }
}

fn tree(reaches: &[Reach]) -> Result<(Packed<2>, Vec<u32>)> {
    let mut builder = PackedBuilder::with_capacity(reaches.len());
    let mut anywhere = Vec::new();
    for (row, reach) in reaches.iter().enumerate() {
        let row = row as u32;
        match (reach.region().map(Region::bounds), reach) {
            (_, Reach::Nothing) => {}
            // A radius may go over the antimeridian, as the tree has it.
            (Some(bounds), Reach::Circle(_)) => drop(failed(builder.boxed(bounds, row))?),
            (Some(bounds), _) if on_the_globe(&bounds) => drop(failed(builder.boxed(bounds, row))?),
            _ => anywhere.push(row),
        }
    }
    Ok((failed(builder.build())?, anywhere))
}

/// The WKB that an expression gives for every row.
pub(super) fn shapes(expr: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<BinaryArray> {
    let shapes = expr.evaluate(rows)?.into_array(rows.num_rows())?;
    let shapes = arrow::compute::cast(&shapes, &arrow::datatypes::DataType::Binary)?;
    Ok(as_binary_array(&shapes)?.clone())
}
