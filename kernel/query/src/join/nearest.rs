//! `JOIN ... ON ST_KNN(from, to, k)`: for each row with a point, the k nearest rows of the other side. A nested loop with that
//! condition comes in; rows of the `from` side stream, and what is nearest to each is looked for in the index of the other
//! side, or, where it has none, in a tree of its geometries. Other parts of the condition are tested afterwards.

use std::fmt::{self, Formatter};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use datafusion::common::JoinType;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::joins::utils::{JoinFilter, build_join_schema};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};
use futures_util::{StreamExt, TryStreamExt};
use kernel_model::{Geometry, Shape as Shapes};
use tokio::sync::OnceCell;
use tokio::task::yield_now;

use super::chain::Chain;
use super::condition::{Neighbours, Shape};
use super::left::shapes;
use super::objects::Objects;
use super::output::{Output, Pairs, other_side};

/// Rows that are looked for together.
const TOGETHER: usize = 256;
/// Pairs that are made before somebody else has a turn.
const PAIRS: usize = 65_536;

/// A join of each row with the nearest ones of another side.
#[derive(Debug)]
pub(super) struct NearestJoinExec {
    /// What is looked for, and what it is looked for from.
    sides: [Arc<dyn ExecutionPlan>; 2],
    neighbours: Neighbours,
    /// Over the columns of `sides`: left is what is looked for.
    rest: Option<JoinFilter>,
    output: Output,
    chain: Option<Chain>,
    objects: Arc<OnceCell<Objects>>,
    properties: Arc<PlanProperties>,
}

impl NearestJoinExec {
    /// `None` where the nested loop asks for no neighbours, or is not an inner one.
    pub(super) fn of(shape: &NestedLoopJoinExec) -> Result<Option<Self>> {
        if *shape.join_type() != JoinType::Inner {
            return Ok(None);
        }
        let Some((neighbours, rest)) = shape.filter().map(Neighbours::of).transpose()?.flatten() else {
            return Ok(None);
        };
        let (_, all) = build_join_schema(&shape.left().schema(), &shape.right().schema(), &JoinType::Inner);
        let columns: Vec<_> = match shape.projection() {
            Some(projection) => projection.iter().map(|at| all[*at].clone()).collect(),
            None => all,
        };
        let (left, right) = (shape.left().clone(), shape.right().clone());
        let (sides, rest, columns) = if neighbours.objects_are_left {
            ([left, right], rest, columns)
        } else {
            ([right, left], rest.map(|rest| rest.swap()), columns.iter().map(other_side).collect())
        };
        let output = Output { schema: shape.schema(), columns, join_type: JoinType::Inner };
        Ok(Some(Self::new(sides, neighbours, rest, output)))
    }

    fn new(
        sides: [Arc<dyn ExecutionPlan>; 2],
        neighbours: Neighbours,
        rest: Option<JoinFilter>,
        output: Output,
    ) -> Self {
        let chain = Chain::of(&sides[0]).filter(|chain| !chain.filters() && chain.is_row_place(&neighbours.to));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(output.schema.clone()),
            Partitioning::UnknownPartitioning(sides[1].output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { sides, neighbours, rest, output, chain, objects: Arc::default(), properties: Arc::new(properties) }
    }
}

impl DisplayAs for NearestJoinExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> fmt::Result {
        let Neighbours { most, to, from, metric, .. } = &self.neighbours;
        let by = if self.chain.is_some() { "index" } else { "tree" };
        write!(f, "NearestJoinExec: {most} {to} nearest to {from} in {metric}, by={by}")?;
        match &self.rest {
            Some(rest) => write!(f, ", filter={}", rest.expression()),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for NearestJoinExec {
    fn name(&self) -> &'static str {
        "NearestJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::UnspecifiedDistribution; 2]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.sides.iter().collect()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let sides =
            <[_; 2]>::try_from(children).map_err(|_| DataFusionError::Internal("a join has two sides".to_owned()))?;
        Ok(Arc::new(Self::new(sides, self.neighbours.clone(), self.rest.clone(), self.output.clone())))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let search = Search {
            plan: self.sides[0].clone(),
            objects: self.objects.clone(),
            chain: self.chain.clone(),
            neighbours: self.neighbours.clone(),
            rest: self.rest.clone(),
            output: self.output.clone(),
            context: context.clone(),
        };
        let run = Run { rows: self.sides[1].execute(partition, context)?, passing: None, search: Arc::new(search) };
        let rows = futures_util::stream::try_unfold(run, async |mut run| Ok(run.next().await?.map(|rows| (rows, run))));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows.boxed())))
    }
}

/// One partition as it runs.
struct Run {
    rows: SendableRecordBatchStream,
    /// A batch and how many of its rows are done.
    passing: Option<(RecordBatch, usize)>,
    search: Arc<Search>,
}

/// What is looked for, and where.
struct Search {
    plan: Arc<dyn ExecutionPlan>,
    objects: Arc<OnceCell<Objects>>,
    chain: Option<Chain>,
    neighbours: Neighbours,
    rest: Option<JoinFilter>,
    output: Output,
    context: Arc<TaskContext>,
}

impl Run {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let (batch, done) = match self.passing.take() {
                Some(passing) => passing,
                None => match self.rows.try_next().await? {
                    Some(batch) => (batch, 0),
                    None => return Ok(None),
                },
            };
            let together = (PAIRS / self.search.neighbours.most.max(1)).clamp(1, TOGETHER);
            let some = batch.slice(done, together.min(batch.num_rows() - done));
            if done + some.num_rows() < batch.num_rows() {
                self.passing = Some((batch, done + some.num_rows()));
            }
            let search = self.search.clone();
            let joined = search.join(&some).await?;
            if joined.num_rows() > 0 {
                return Ok(Some(joined));
            }
            yield_now().await;
        }
    }
}

impl Search {
    /// Some rows with the nearest ones to each.
    async fn join(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let from = points(&self.neighbours.from, rows)?;
        let (objects, pairs) = if let Some(chain) = &self.chain {
            chain.neighbours(&from, &self.neighbours)?
        } else {
            let (plan, context) = (self.plan.clone(), self.context.clone());
            let read = || Objects::read(plan, self.neighbours.to.clone(), context);
            let objects = self.objects.get_or_try_init(read).await?;
            (objects.rows.clone(), objects.neighbours(&from, &self.neighbours)?)
        };
        let pairs = Pairs::of(pairs);
        let pairs = match &self.rest {
            Some(rest) => pairs.tested(rest, &objects, rows)?,
            None => pairs,
        };
        self.output.of(&objects, rows, &pairs)
    }
}

/// The points that rows are looked for from; none where there is no geometry.
fn points(from: &Shape, rows: &RecordBatch) -> Result<Vec<Option<[f64; 2]>>> {
    let shapes = shapes(from, rows)?;
    let point = |row: usize| {
        if shapes.is_null(row) {
            return Ok(None);
        }
        match Geometry::from_wkb(shapes.value(row)).map(|geometry| geometry.shape) {
            Ok(Shapes::Point(at)) if at.lon_deg.is_finite() && at.lat_deg.is_finite() => {
                Ok(Some([at.lon_deg, at.lat_deg]))
            }
            Ok(Shapes::Point(_)) => Ok(None),
            _ => Err(DataFusionError::Execution(
                "ST_KNN looks from points: give ST_Centroid(geometry) or ST_Point(lon, lat) first".to_owned(),
            )),
        }
    };
    (0..rows.num_rows()).map(point).collect()
}
