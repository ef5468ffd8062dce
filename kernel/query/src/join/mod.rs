//! Joins on where things are. A nested loop whose condition says that two geometries meet, or lie within a distance, comes
//! in; a join that looks pairs up goes out, with the same rows. Every other join is left as it is.
//!
//! The left side is read whole and each of its rows becomes a region ([`reach`]). Where the right side is a table of
//! readings or positions, the index of that table is asked for every region ([`looked_up`]); elsewhere rows of the right
//! side stream past a tree of the regions ([`streamed`]). What the regions do not settle is tested by the condition itself.
//! A condition that asks for neighbours is [`nearest`]; a count of the pairs of each left row is [`counts`].

mod chain;
mod condition;
mod counts;
mod exec;
mod left;
mod looked_up;
mod nearest;
mod objects;
mod output;
mod reach;
mod run;
mod streamed;
mod whole;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::projection::{ProjectionExec, try_embed_projection};

use exec::SpatialJoinExec;
use nearest::NearestJoinExec;

/// The rule that makes nested loops spatial joins.
#[derive(Debug)]
pub(crate) struct JoinInSpace;

impl PhysicalOptimizerRule for JoinInSpace {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        // What is only compared need not come out: a column of polygons is dear to copy.
        let embed = |node: Arc<dyn ExecutionPlan>| {
            let projection = node.downcast_ref::<ProjectionExec>();
            let over = projection.and_then(|above| Some((above, above.input().downcast_ref::<NestedLoopJoinExec>()?)));
            let embedded = over.map(|(above, join)| try_embed_projection(above, join)).transpose()?.flatten();
            Ok(embedded.map_or_else(|| Transformed::no(node), Transformed::yes))
        };
        let plan = plan.transform_up(embed).data()?;
        let join = |node: Arc<dyn ExecutionPlan>| {
            let Some(shape) = node.downcast_ref::<NestedLoopJoinExec>() else { return Ok(Transformed::no(node)) };
            if let Some(spatial) = SpatialJoinExec::of(shape)? {
                return Ok(Transformed::yes(Arc::new(spatial) as Arc<dyn ExecutionPlan>));
            }
            Ok(match NearestJoinExec::of(shape)? {
                Some(nearest) => Transformed::yes(Arc::new(nearest) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(node),
            })
        };
        plan.transform_up(join).data()?.transform_up(counts::count).data()
    }

    fn name(&self) -> &'static str {
        "join_in_space"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
