//! The join as a plan: the nested loop it stands for says what it looks like from outside; how its rows are found is said
//! here. Left rows are read once, by whichever partition comes first.

use std::fmt::{self, Formatter};
use std::sync::Arc;

use datafusion::common::{JoinSide, JoinType};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::joins::utils::build_join_schema;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, PlanProperties};
use futures_util::StreamExt;

use super::chain::Chain;
use super::condition::{Condition, Lie};
use super::left::Left;
use super::output::Output;
use super::reach::Reach;
use super::run::{Run, Shared, Way, is_worth_looking_up};

/// A join of two sides by where they are.
#[derive(Debug)]
pub(super) struct SpatialJoinExec {
    shape: NestedLoopJoinExec,
    condition: Condition,
    output: Output,
    /// The right side, where it has an index.
    chain: Option<Chain>,
    shared: Arc<Shared>,
    metrics: ExecutionPlanMetricsSet,
}

impl SpatialJoinExec {
    /// `None` where the nested loop does not compare geometries of its sides.
    pub(super) fn of(shape: &NestedLoopJoinExec) -> Result<Option<Self>> {
        let join_type = *shape.join_type();
        if matches!(join_type, JoinType::LeftMark | JoinType::RightMark) {
            return Ok(None);
        }
        let Some(condition) = shape.filter().map(Condition::of).transpose()?.flatten() else { return Ok(None) };
        let (_, all) = build_join_schema(&shape.left().schema(), &shape.right().schema(), &join_type);
        let columns = match shape.projection() {
            Some(projection) => projection.iter().map(|at| all[*at].clone()).collect(),
            None => all,
        };
        let chain = Chain::of(shape.right())
            .filter(|chain| !Output::follows_right(join_type) && chain.is_row_place(&condition.right));
        let shape = NestedLoopJoinExec::try_new(
            shape.left().clone(),
            shape.right().clone(),
            shape.filter().cloned(),
            &join_type,
            shape.projection().as_ref().map(|columns| columns.to_vec()),
        )?;
        let output = Output { schema: shape.schema(), columns, join_type };
        Ok(Some(Self {
            shape,
            condition,
            output,
            chain,
            shared: Arc::default(),
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }
}

impl SpatialJoinExec {
    pub(super) fn join_type(&self) -> JoinType {
        self.output.join_type
    }

    /// Whether every right row in a left row's region is its partner, if the region settles who is in it, and the index
    /// knows all these rows.
    pub(super) fn counts_by_index(&self) -> bool {
        self.condition.rest.is_none() && self.chain.as_ref().is_some_and(|chain| !chain.filters())
    }

    /// The left or the right side.
    pub(super) fn side(&self, side: JoinSide) -> Option<&Arc<dyn ExecutionPlan>> {
        match side {
            JoinSide::Left => Some(self.shape.left()),
            JoinSide::Right => Some(self.shape.right()),
            JoinSide::None => None,
        }
    }

    /// The side and the column that a column of the join is.
    pub(super) fn origin(&self, at: usize) -> Option<(JoinSide, usize)> {
        self.output.columns.get(at).map(|column| (column.side, column.index))
    }

    pub(super) async fn read_left(&self, context: Arc<TaskContext>) -> Result<Left> {
        Left::read(self.shape.left().clone(), &self.condition, context).await
    }

    /// Whether the index is to be asked for each left row.
    pub(super) fn is_worth_looking_up(&self, left: &Left) -> bool {
        self.chain.as_ref().is_some_and(|chain| is_worth_looking_up(chain, left))
    }

    /// How many rows of the right side's table lie in a region.
    pub(super) fn count_right(&self, reach: &Reach) -> Result<usize> {
        let (Some(source), Some(region)) = (self.chain.as_ref().and_then(Chain::source), reach.region()) else {
            return Ok(0);
        };
        let mut count = 0;
        source.rows_within(region, |_, run| count += run.len())?;
        Ok(count)
    }
}

impl DisplayAs for SpatialJoinExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> fmt::Result {
        let Condition { lie, left, right, rest, .. } = &self.condition;
        write!(f, "SpatialJoinExec: join_type={:?}, ", self.output.join_type)?;
        match lie {
            Lie::Meet { predicate, left_first: true } => write!(f, "on={predicate}({left}, {right})")?,
            Lie::Meet { predicate, left_first: false } => write!(f, "on={predicate}({right}, {left})")?,
            Lie::WithinDegrees(degrees) => write!(f, "on={left} within {degrees} degrees of {right}")?,
            Lie::WithinMetres(metres) => write!(f, "on={left} within {metres} m of {right}")?,
        }
        write!(f, ", by={}", if self.chain.is_some() { "index of the right side" } else { "tree of the left side" })?;
        match rest {
            Some(rest) => write!(f, ", filter={}", rest.expression()),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for SpatialJoinExec {
    fn name(&self) -> &'static str {
        "SpatialJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.shape.properties()
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        self.shape.required_input_distribution()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.shape.children()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let [left, right] =
            <[_; 2]>::try_from(children).map_err(|_| DataFusionError::Internal("a join has two sides".to_owned()))?;
        let projection = self.shape.projection().as_ref().map(|columns| columns.to_vec());
        let filter = self.shape.filter().cloned();
        let shape = NestedLoopJoinExec::try_new(left, right, filter, self.shape.join_type(), projection)?;
        match Self::of(&shape)? {
            Some(join) => Ok(Arc::new(join)),
            None => Ok(Arc::new(shape)),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let run = Run {
            partition,
            context,
            condition: self.condition.clone(),
            output: self.output.clone(),
            sides: [self.shape.left().clone(), self.shape.right().clone()],
            chain: self.chain.clone(),
            shared: self.shared.clone(),
            tested: MetricBuilder::new(&self.metrics).counter("pairs_tested", partition),
            baseline: BaselineMetrics::new(&self.metrics, partition),
            way: Way::Unknown,
        };
        let rows = futures_util::stream::try_unfold(run, async |mut run| Ok(run.next().await?.map(|rows| (rows, run))));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows.boxed())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
