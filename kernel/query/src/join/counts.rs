//! `SELECT a.name, count(*) FROM areas a JOIN readings o ON ST_Contains(a.geometry, ST_Point(o.lon, o.lat)) GROUP BY a.name`: a
//! count of the pairs of a join, by columns of the left side, comes in; a plan that asks the index how many right rows each left
//! row has goes out. A zone inside an area is counted by its rows' number; only rows at borders are looked at, and no pair is
//! made. Where a left row's region does not settle who is in it, the count of the pairs is run as it came.

use std::fmt::{self, Formatter};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::take;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{JoinSide, JoinType};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;
use tokio::task::yield_now;

use super::exec::SpatialJoinExec;
use super::left::Left;
use super::reach::Reach;

/// Left rows that are counted between two turns of others.
const TOGETHER: usize = 4;

/// What is counted of a left row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// Its rows: one that has no partner in an outer join is a row too.
    Rows,
    /// Its partners.
    Partners,
}

/// The count as a plan.
#[derive(Debug)]
pub(super) struct SpatialCountExec {
    /// The count of the pairs, as it came.
    pairs: Arc<dyn ExecutionPlan>,
    question: Arc<Question>,
    shared: Arc<Shared>,
}

/// What has to be known to count.
#[derive(Debug)]
struct Question {
    /// The columns of the left side by which it is counted.
    by: Vec<usize>,
    counted: Vec<Counted>,
    outer: bool,
}

/// What the partitions of one run have in common.
#[derive(Debug, Default)]
struct Shared {
    /// The left side; none where the pairs have to be made.
    left: OnceCell<Option<Left>>,
    next: AtomicUsize,
}

/// Puts counts by the index in the place of counts of pairs.
pub(super) fn count(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(aggregate) = node.downcast_ref::<AggregateExec>() else { return Ok(Transformed::no(node)) };
    let question = match Question::of(aggregate) {
        Some(question) => Arc::new(question),
        None => return Ok(Transformed::no(node)),
    };
    let exec = |pairs| Arc::new(SpatialCountExec { pairs, question, shared: Arc::default() });
    match aggregate.mode() {
        AggregateMode::Partial => Ok(Transformed::yes(exec(node))),
        // Left rows of one group are added up.
        AggregateMode::Single if aggregate.input().output_partitioning().partition_count() == 1 => {
            let (by, what) = (aggregate.group_expr(), aggregate.aggr_expr().to_vec());
            let (filters, schema) = (aggregate.filter_expr().to_vec(), aggregate.input_schema());
            let input = aggregate.input().clone();
            let partial = AggregateMode::Partial;
            let partial =
                AggregateExec::try_new(partial, by.clone(), what.clone(), filters.clone(), input, schema.clone())?;
            let counts = exec(Arc::new(partial));
            let whole = AggregateExec::try_new(AggregateMode::Final, by.as_final(), what, filters, counts, schema)?;
            Ok(Transformed::yes(Arc::new(whole)))
        }
        _ => Ok(Transformed::no(node)),
    }
}

impl Question {
    /// `None` where it is no count of the pairs of such a join by columns of its left side.
    fn of(aggregate: &AggregateExec) -> Option<Self> {
        let by = aggregate.group_expr();
        if by.has_grouping_set() || aggregate.limit_options().is_some() {
            return None;
        }
        let input = aggregate.input();
        let join = join_below(input)?;
        let outer = match join.join_type() {
            JoinType::Inner => false,
            JoinType::Left => true,
            _ => return None,
        };
        join.counts_by_index().then_some(())?;
        let left_column = |expr: &Arc<dyn PhysicalExpr>| match origin(expr, input)? {
            (JoinSide::Left, at) => Some(at),
            _ => None,
        };
        let by = by.expr().iter().map(|(expr, _)| left_column(expr)).collect::<Option<Vec<_>>>()?;
        let filters = aggregate.filter_expr().iter().all(Option::is_none);
        let counted =
            aggregate.aggr_expr().iter().map(|what| counted(what, input, join)).collect::<Option<Vec<_>>>()?;
        filters.then_some(Self { by, counted, outer })
    }

    /// Rows of the partial count: the groups' columns and a number for each count.
    fn batch(&self, plan: &SpatialCountExec, left: &Left, rows: &[u32], partners: &[i64]) -> Result<RecordBatch> {
        let numbers = UInt32Array::from(rows.to_vec());
        let by = self.by.iter().map(|at| Ok(take(left.rows.column(*at), &numbers, None)?));
        let counts = self.counted.iter().map(|counted| {
            let of = |partners: &i64| match counted {
                Counted::Rows => (*partners).max(1),
                Counted::Partners => *partners,
            };
            Ok(Arc::new(Int64Array::from_iter_values(partners.iter().map(of))) as ArrayRef)
        });
        Ok(RecordBatch::try_new(plan.schema(), by.chain(counts).collect::<Result<Vec<_>>>()?)?)
    }
}

/// What a count counts; `None` where it is another one, or leaves rows out.
fn counted(what: &AggregateFunctionExpr, input: &Arc<dyn ExecutionPlan>, join: &SpatialJoinExec) -> Option<Counted> {
    if what.fun().name() != "count" || what.is_distinct() || !what.order_bys().is_empty() {
        return None;
    }
    let [argument] = <[_; 1]>::try_from(what.expressions()).ok()?;
    if let Some(literal) = argument.downcast_ref::<Literal>() {
        return (!literal.value().is_null()).then_some(Counted::Rows);
    }
    let (side, at) = origin(&argument, input)?;
    let of = join.side(side)?.schema();
    match side {
        _ if of.field(at).is_nullable() => None,
        JoinSide::Left => Some(Counted::Rows),
        _ => Some(Counted::Partners),
    }
}

/// The join below steps that leave its rows as they are.
fn join_below(plan: &Arc<dyn ExecutionPlan>) -> Option<&SpatialJoinExec> {
    match plan.downcast_ref::<SpatialJoinExec>() {
        Some(join) => Some(join),
        None if [plan.is::<ProjectionExec>(), plan.is::<CooperativeExec>(), plan.is::<RepartitionExec>()]
            .contains(&true) =>
        {
            join_below(plan.children().into_iter().next()?)
        }
        None => None,
    }
}

/// The side and the column that an expression over the rows of such steps stands for.
fn origin(expr: &Arc<dyn PhysicalExpr>, plan: &Arc<dyn ExecutionPlan>) -> Option<(JoinSide, usize)> {
    let at = expr.downcast_ref::<Column>()?.index();
    if let Some(join) = plan.downcast_ref::<SpatialJoinExec>() {
        return join.origin(at);
    }
    let below = plan.children().into_iter().next()?;
    match plan.downcast_ref::<ProjectionExec>() {
        Some(projection) => origin(&projection.expr().get(at)?.expr, below),
        None => origin(expr, below),
    }
}

impl SpatialCountExec {
    fn aggregate(&self) -> Option<&AggregateExec> {
        self.pairs.downcast_ref::<AggregateExec>()
    }
}

/// Reads the left side, if all its rows say for certain who is in their regions.
async fn read_left(pairs: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<Option<Left>> {
    let join = pairs.downcast_ref::<AggregateExec>().and_then(|aggregate| join_below(aggregate.input()));
    let Some(join) = join else { return Ok(None) };
    let left = join.read_left(context).await?;
    let settled = left.reaches.iter().all(Reach::settles_points);
    Ok(Some(left).filter(|left| settled && join.is_worth_looking_up(left)))
}

/// Left rows that nobody has counted yet.
fn turn(shared: &Shared, left: &Left) -> Option<Range<usize>> {
    let from = shared.next.fetch_add(TOGETHER, Ordering::Relaxed);
    (from < left.reaches.len()).then(|| from..left.reaches.len().min(from + TOGETHER))
}

impl DisplayAs for SpatialCountExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SpatialCountExec: by=index of the right side for each left row, no pairs; as below where areas do not settle it"
        )
    }
}

impl ExecutionPlan for SpatialCountExec {
    fn name(&self) -> &'static str {
        "SpatialCountExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.pairs.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.pairs]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(pairs) if children.is_empty() => {
                Ok(Arc::new(Self { pairs, question: self.question.clone(), shared: Arc::default() }))
            }
            _ => Err(DataFusionError::Internal("a count has one plan below".to_owned())),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let plan =
            Arc::new(Self { pairs: self.pairs.clone(), question: self.question.clone(), shared: self.shared.clone() });
        let schema = self.schema();
        let rows = futures_util::stream::once(async move {
            let shared = plan.shared.clone();
            let read = || read_left(plan.pairs.clone(), context.clone());
            if shared.left.get_or_try_init(read).await?.is_none() {
                return plan.pairs.execute(partition, context);
            }
            let schema = plan.schema();
            let counts = futures_util::stream::try_unfold(plan, async |plan| {
                let counts = plan.next().await?;
                Ok(counts.map(|counts| (counts, plan)))
            });
            Ok(Box::pin(RecordBatchStreamAdapter::new(schema, counts.boxed())) as SendableRecordBatchStream)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows.try_flatten().boxed())))
    }
}

impl SpatialCountExec {
    /// The counts of the next left rows that have any.
    async fn next(&self) -> Result<Option<RecordBatch>> {
        let join = self.aggregate().and_then(|aggregate| join_below(aggregate.input()));
        let (Some(join), Some(Some(left))) = (join, self.shared.left.get()) else { return Ok(None) };
        while let Some(turn) = turn(&self.shared, left) {
            let (mut rows, mut partners) = (Vec::new(), Vec::new());
            for row in turn {
                let count = join.count_right(&left.reaches[row])?;
                if count > 0 || self.question.outer {
                    rows.push(row as u32);
                    partners.push(count as i64);
                }
            }
            if !rows.is_empty() {
                return self.question.batch(self, left, &rows, &partners).map(Some);
            }
            // Whoever asked may have gone.
            yield_now().await;
        }
        Ok(None)
    }
}
