//! A right side that is a table with an index, and what stands above the table: a plan comes in, its source and the steps
//! from there up go out, so that rows can be taken from the source by number and brought up.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{concat_batches, filter, filter_record_batch};
use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::common::cast::{as_boolean_array, as_uint32_array};
use datafusion::error::Result;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use kernel_store::CHUNK_ROWS;

use super::condition::Neighbours;
use crate::columns::nullable;
use crate::scan::{PartsExec, Piece};

/// A source and the way up from it.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    plan: Arc<dyn ExecutionPlan>,
    /// The first one stands on the source.
    steps: Vec<Step>,
    /// Which columns of the table are read.
    needed: Vec<bool>,
}

#[derive(Debug, Clone)]
enum Step {
    Filter { predicate: Arc<dyn PhysicalExpr>, projection: Option<Vec<usize>> },
    Project { columns: Vec<Arc<dyn PhysicalExpr>>, schema: SchemaRef },
}

impl Chain {
    /// `None` where the plan is anything but a table with an index, filters and projections.
    pub(super) fn of(plan: &Arc<dyn ExecutionPlan>) -> Option<Self> {
        if let Some(source) = plan.downcast_ref::<PartsExec>() {
            let needed = vec![true; plan.schema().fields().len()];
            return source.is_whole().then(|| Self { plan: plan.clone(), steps: Vec::new(), needed });
        }
        let step = if let Some(node) = plan.downcast_ref::<FilterExec>() {
            // One that stops early brings other rows.
            if node.fetch().is_some() {
                return None;
            }
            let projection = node.projection().as_ref().map(|columns| columns.to_vec());
            Some(Step::Filter { predicate: node.predicate().clone(), projection })
        } else if let Some(node) = plan.downcast_ref::<ProjectionExec>() {
            let columns = node.expr().iter().map(|column| column.expr.clone()).collect();
            Some(Step::Project { columns, schema: node.schema() })
        } else if plan.is::<CooperativeExec>() || plan.is::<RepartitionExec>() {
            None
        } else {
            return None;
        };
        let [below] = plan.children().try_into().ok()?;
        let mut chain = Self::of(below)?;
        chain.steps.extend(step);
        Some(chain)
    }

    /// The table.
    pub(super) fn source(&self) -> Option<&PartsExec> {
        self.plan.downcast_ref::<PartsExec>()
    }

    /// Whether it leaves rows of the table out.
    pub(super) fn filters(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Filter { .. }))
    }

    /// For each point the rows of the table nearest to it: the rows, and pairs of a row and the number of a point.
    pub(super) fn neighbours(
        &self,
        from: &[Option<[f64; 2]>],
        asked: &Neighbours,
    ) -> Result<(RecordBatch, Vec<(u32, u32)>)> {
        let mut found: Vec<(usize, usize, u32)> = Vec::new();
        for (number, from) in (0_u32..).zip(from) {
            let (Some(source), Some(from)) = (self.source(), from) else { continue };
            let nearest = source.nearest(*from, asked.metric, asked.most)?;
            found.extend(nearest.into_iter().map(|(part, row)| (part, row, number)));
        }
        found.sort_unstable();
        let mut batches = Vec::new();
        for some in found.chunk_by(|a, b| (a.0, a.1 / CHUNK_ROWS) == (b.0, b.1 / CHUNK_ROWS)) {
            let (part, chunk) = (some[0].0, some[0].1 / CHUNK_ROWS);
            let runs = some.iter().map(|(_, row, _)| row % CHUNK_ROWS..row % CHUNK_ROWS + 1).collect();
            let rows = self.read(&Piece { part, chunk, runs, rows: some.len() })?;
            let numbers = UInt32Array::from_iter_values(some.iter().map(|(_, _, number)| *number));
            batches.extend(rows.map(|rows| self.bring_up(rows, numbers)).transpose()?.map(|(rows, _)| rows));
        }
        let rows = concat_batches(&self.schema(), &batches)?;
        Ok((rows, (0_u32..).zip(found).map(|(row, (_, _, number))| (row, number)).collect()))
    }

    fn schema(&self) -> SchemaRef {
        let made = self.steps.iter().rev().find_map(|step| match step {
            Step::Project { schema, .. } => Some(schema.clone()),
            Step::Filter { .. } => None,
        });
        made.unwrap_or_else(|| self.plan.schema())
    }

    /// Whether a geometry over the columns on top is the place of the table's rows.
    pub(super) fn is_row_place(&self, geometry: &Arc<dyn PhysicalExpr>) -> bool {
        let Some(Origin::Made(made, steps)) = origin(geometry, &self.steps) else { return false };
        let Some(call) = made.downcast_ref::<ScalarFunctionExpr>().filter(|call| call.name() == "st_point") else {
            return false;
        };
        let stored = |arg: &Arc<dyn PhysicalExpr>, name: &str| match origin(arg, steps) {
            Some(Origin::Stored(at)) => self.plan.schema().field(at).name() == name,
            _ => false,
        };
        matches!(call.args(), [lon, lat] if stored(lon, "lon") && stored(lat, "lat"))
    }

    /// The same, in which columns on top that are not needed have no values where that saves work.
    pub(super) fn needing(mut self, needed: &[usize]) -> Self {
        let mut needed: HashSet<usize> = needed.iter().copied().collect();
        for step in self.steps.iter_mut().rev() {
            let used = |expr: &Arc<dyn PhysicalExpr>| collect_columns(expr).into_iter().map(|column| column.index());
            match step {
                Step::Filter { predicate, projection } => {
                    let below = needed.iter().map(|at| projection.as_ref().map_or(*at, |columns| columns[*at]));
                    needed = below.chain(used(predicate)).collect();
                }
                Step::Project { columns, schema } => {
                    for (at, column) in columns.iter_mut().enumerate().filter(|(at, _)| !needed.contains(at)) {
                        if let Ok(nothing) = ScalarValue::try_from(schema.field(at).data_type()) {
                            *column = Arc::new(Literal::new(nothing));
                        }
                    }
                    *schema = nullable(schema);
                    needed = columns.iter().flat_map(used).collect();
                }
            }
        }
        self.needed = (0..self.plan.schema().fields().len()).map(|at| needed.contains(&at)).collect();
        self
    }

    /// Rows of the table; columns that are not needed have no values.
    pub(super) fn read(&self, piece: &Piece) -> Result<Option<RecordBatch>> {
        self.source().map(|source| source.read(piece, &self.needed)).transpose()
    }

    /// Brings rows of the table up, with a number for each: filters leave some out.
    pub(super) fn bring_up(
        &self,
        mut rows: RecordBatch,
        mut numbers: UInt32Array,
    ) -> Result<(RecordBatch, UInt32Array)> {
        for step in &self.steps {
            match step {
                Step::Filter { predicate, projection } => {
                    let mask = predicate.evaluate(&rows)?.into_array(rows.num_rows())?;
                    let mask = as_boolean_array(&mask)?;
                    numbers = as_uint32_array(&filter(&numbers, mask)?)?.clone();
                    rows = filter_record_batch(&rows, mask)?;
                    if let Some(columns) = projection {
                        rows = rows.project(columns)?;
                    }
                }
                Step::Project { columns, schema } => {
                    let count = rows.num_rows();
                    let column = |expr: &Arc<dyn PhysicalExpr>| expr.evaluate(&rows)?.into_array(count);
                    let columns = columns.iter().map(column).collect::<Result<Vec<_>>>()?;
                    let options = RecordBatchOptions::new().with_row_count(Some(count));
                    rows = RecordBatch::try_new_with_options(schema.clone(), columns, &options)?;
                }
            }
        }
        Ok((rows, numbers))
    }
}

/// Where the values of an expression come from.
enum Origin<'a> {
    /// From a column of the table.
    Stored(usize),
    /// From an expression over the columns below so many steps.
    Made(&'a Arc<dyn PhysicalExpr>, &'a [Step]),
}

/// The origin of an expression over the columns above some steps.
fn origin<'a>(expr: &'a Arc<dyn PhysicalExpr>, steps: &'a [Step]) -> Option<Origin<'a>> {
    let Some(column) = expr.downcast_ref::<Column>() else { return Some(Origin::Made(expr, steps)) };
    let mut at = column.index();
    for (below, step) in steps.iter().enumerate().rev() {
        match step {
            Step::Filter { projection, .. } => at = projection.as_ref().map_or(at, |columns| columns[at]),
            Step::Project { columns, .. } => return origin(columns.get(at)?, &steps[..below]),
        }
    }
    Some(Origin::Stored(at))
}
