//! Makes a running plan stop when nobody waits for it any more. In: a plan. Out: the same plan, in which every join
//! gives way to the scheduler after some batches, and in which conditions of joins, which can be tried for hours without
//! one row coming out, fail once the leash is pulled. Answers that are waited for are never touched.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec};

/// Shared by an answer and the plan behind it; pulled once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leash(Arc<AtomicBool>);

impl Leash {
    /// Says that nobody waits any more.
    pub(crate) fn pull(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The plan on this leash.
    pub(crate) fn hold(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let held = plan.transform_up(|node| {
            // Only sources and exchanges give way by themselves, and a join can make many rows of few.
            if node.name().contains("Join") || node.name() == "UnnestExec" {
                let guarded = self.guard_join(node)?;
                return Ok(Transformed::yes(Arc::new(CooperativeExec::new(guarded)) as Arc<dyn ExecutionPlan>));
            }
            Ok(Transformed::no(node))
        })?;
        Ok(held.data)
    }

    fn guard_join(&self, node: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
            if let Some(filter) = join.filter() {
                let projection = join.projection().as_ref().map(|columns| columns.to_vec());
                let (left, right) = (join.left().clone(), join.right().clone());
                let filter = Some(self.guard_filter(filter));
                return Ok(Arc::new(NestedLoopJoinExec::try_new(left, right, filter, join.join_type(), projection)?));
            }
        } else if let Some(join) = node.downcast_ref::<HashJoinExec>()
            && let Some(filter) = join.filter()
        {
            return join.builder().with_filter(Some(self.guard_filter(filter))).build_exec();
        }
        Ok(node)
    }

    fn guard_filter(&self, filter: &JoinFilter) -> JoinFilter {
        let guard = Guard { condition: filter.expression().clone(), leash: self.clone() };
        JoinFilter::new(Arc::new(guard), filter.column_indices().to_vec(), filter.schema().clone())
    }
}

/// A condition that fails once the leash is pulled.
#[derive(Debug)]
struct Guard {
    condition: Arc<dyn PhysicalExpr>,
    leash: Leash,
}

impl PartialEq for Guard {
    fn eq(&self, other: &Self) -> bool {
        self.condition.eq(&other.condition)
    }
}

impl Eq for Guard {}

impl Hash for Guard {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(out)
    }
}

impl PhysicalExpr for Guard {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.condition.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.condition.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.condition.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.leash.0.load(Ordering::Relaxed) {
            return Err(DataFusionError::Execution("nobody waits for the answer any more".to_owned()));
        }
        self.condition.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match children.pop() {
            Some(condition) if children.is_empty() => Ok(Arc::new(Self { condition, leash: self.leash.clone() })),
            _ => Err(DataFusionError::Internal("a guard has one condition".to_owned())),
        }
    }

    fn fmt_sql(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(out)
    }
}
