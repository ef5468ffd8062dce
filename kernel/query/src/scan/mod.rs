//! The plan of one scan. In: stored schema, wanted columns, predicates over stored columns, and where the rows are. Out:
//! source, filter, conversion to SQL columns as one plan. Predicates given here are applied to every row; nobody above has
//! to repeat them.

mod asked;
mod boxed;
mod files;
mod instants;
mod memory;
mod nearest;
mod nearest_shapes;
mod newest;
mod parts;
mod ranges;
mod rows;
mod way;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Operator, lit};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr, create_physical_expr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::{BinaryExpr, Column};
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::union::UnionExec;
use kernel_store::Part;

use crate::candidates::implied;
use crate::columns::encoding;
use crate::table::File;
use crate::text::conversion;

pub(crate) use boxed::{Boxed, window};
pub(crate) use nearest::{Metric, NearestRows, Only, Subject};
pub(crate) use parts::{BATCH_ROWS, PartsExec, Piece};
pub(crate) use rows::RowsExec;

/// What a scan has to bring.
pub(crate) struct Request {
    /// The stored columns.
    pub(crate) stored: SchemaRef,
    /// Positions of the columns to bring, in order.
    pub(crate) wanted: Vec<usize>,
    /// What every row must fulfil, over stored columns.
    pub(crate) predicates: Vec<Expr>,
    /// How many rows are enough, if there is no predicate.
    pub(crate) limit: Option<usize>,
    /// Only these rows matter, if there is an index.
    pub(crate) only: Option<Only>,
}

/// Cheap predicates, which are evaluated first, and those that call functions.
struct Ordered {
    cheap: Option<Expr>,
    costly: Option<Expr>,
}

impl Request {
    /// Plans the scan of `batches` and `files` together.
    pub(crate) fn plan(
        &self,
        state: &dyn Session,
        batches: &[RecordBatch],
        files: &[File],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let ordered = ordered(&self.predicates, &self.stored);
        let read = self.read(&ordered)?;
        let limit = self.limit.filter(|_| self.predicates.is_empty());
        let mut parts = Vec::new();
        if !batches.is_empty() || files.is_empty() {
            let source = memory::source(state, &self.stored, batches, &read, limit)?;
            let schema = source.schema();
            let predicate = ordered.for_memory().map(|predicate| in_one_step(state, predicate, &schema)).transpose()?;
            parts.push(self.finish(state, source, &read, predicate)?);
        }
        if !files.is_empty() {
            let source = files::source(state, &self.stored, files, &read, limit)?;
            let schema = source.schema();
            let predicate = ordered.for_files().map(|predicate| physical(state, predicate, &schema)).transpose()?;
            parts.push(self.finish(state, source, &read, predicate)?);
        }
        match parts.len() {
            1 => Ok(parts.swap_remove(0)),
            _ => UnionExec::try_new(parts),
        }
    }

    /// Plans the scan of parts: the index is asked first, what it does not answer is tested.
    pub(crate) fn plan_parts(&self, state: &dyn Session, parts: &[Part]) -> Result<Arc<dyn ExecutionPlan>> {
        let mut asked = asked::Asked::of(&self.predicates, &self.stored);
        let ordered = ordered(asked.rest.as_slice(), &self.stored);
        let read = self.read(&ordered)?;
        if let Some(only) = &self.only {
            let test = nearest::Test::of(state, &self.stored, &ordered)?;
            match only {
                Only::Nearest(nearest) => nearest.narrow(&mut asked, parts, test.as_ref())?,
                Only::Newest(most) => newest::narrow(*most, &mut asked, parts, test.as_ref())?,
            }
        }
        let most = self.limit.filter(|_| asked.rest.is_none());
        let threads = state.config().target_partitions();
        let source = Arc::new(parts::PartsExec::new(&self.stored, parts, &read, asked, threads, most)?);
        let schema = source.schema();
        let predicate = ordered.for_memory().map(|predicate| in_one_step(state, predicate, &schema)).transpose()?;
        self.finish(state, source, &read, predicate)
    }

    /// Plans the scan of rows whose geometries have boxes: the few that matter are picked out, where that is few.
    pub(crate) fn plan_boxed(&self, state: &dyn Session, boxed: &Boxed) -> Result<Arc<dyn ExecutionPlan>> {
        let ordered = ordered(&self.predicates, &self.stored);
        let nearest = match (&self.only, self.stored.index_of("geometry")) {
            (Some(Only::Nearest(nearest)), Ok(geometry)) => {
                let test = nearest::Test::of(state, &self.stored, &ordered)?;
                nearest.pick(boxed, geometry, test.as_ref())?
            }
            _ => None,
        };
        let Some(picked) = nearest.or_else(|| boxed.pick(&self.predicates, &self.stored)) else {
            return self.plan(state, &boxed.batches, &[]);
        };
        let read = self.read(&ordered)?;
        let schema = Arc::new(self.stored.project(&read)?);
        let predicate = ordered.for_memory().map(|predicate| in_one_step(state, predicate, &schema)).transpose()?;
        let rows = rows::RowsExec::new(schema, boxed.read(&picked, &read)?, picked.asked, boxed.len());
        self.finish(state, Arc::new(rows), &read, predicate)
    }

    /// The columns to read: the wanted ones and those of the predicates, by position.
    fn read(&self, ordered: &Ordered) -> Result<Vec<usize>> {
        let mut read = self.wanted.clone();
        for expr in [&ordered.cheap, &ordered.costly].into_iter().flatten() {
            for column in expr.column_refs() {
                read.push(self.stored.index_of(&column.name)?);
            }
        }
        read.sort_unstable();
        read.dedup();
        Ok(read)
    }

    /// Filter and conversion above a source that brings the columns `read`.
    fn finish(
        &self,
        state: &dyn Session,
        source: Arc<dyn ExecutionPlan>,
        read: &[usize],
        predicate: Option<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let places: Vec<usize> = self.wanted.iter().filter_map(|column| read.binary_search(column).ok()).collect();
        let schema = source.schema();
        let filtered: Arc<dyn ExecutionPlan> = match predicate {
            Some(predicate) => {
                Arc::new(FilterExecBuilder::new(predicate, source).apply_projection(Some(places))?.build()?)
            }
            None if places.iter().copied().eq(0..schema.fields().len()) => source,
            None => {
                let columns = places.iter().map(|at| column(&schema, *at)).collect::<Vec<_>>();
                Arc::new(ProjectionExec::try_new(columns, source)?)
            }
        };
        convert(state, filtered)
    }
}

fn ordered(predicates: &[Expr], stored: &Schema) -> Ordered {
    let all = predicates.iter().flat_map(|predicate| split_conjunction_owned(predicate.clone()));
    let (costly, mut cheap): (Vec<_>, Vec<_>) = all.partition(calls_function);
    cheap.extend(costly.iter().filter_map(|predicate| implied(predicate, stored)));
    Ordered { cheap: conjunction(cheap), costly: conjunction(costly) }
}

impl Ordered {
    /// A null in the cheap part would make the engine evaluate the costly part on every row: make it false instead.
    fn for_memory(&self) -> Option<Expr> {
        match (&self.cheap, &self.costly) {
            (Some(cheap), Some(costly)) => {
                let cheap = split_conjunction_owned(cheap.clone()).into_iter().map(|part| Expr::IsTrue(Box::new(part)));
                conjunction(cheap).map(|cheap| cheap.and(costly.clone()))
            }
            _ => self.for_files(),
        }
    }

    /// Kept plain, so that statistics of row groups and pages can be held against it.
    fn for_files(&self) -> Option<Expr> {
        conjunction([&self.cheap, &self.costly].into_iter().flatten().cloned())
    }
}

/// Columns that are read, by position, and what is tested on them.
type Tested = (Vec<usize>, Arc<dyn PhysicalExpr>);

/// Predicates over the stored columns as one test of rows, the cheap parts first, and the columns it reads, by position. The
/// rows to test have these columns and no others.
pub(crate) fn test(state: &dyn Session, predicates: &[Expr], stored: &Schema) -> Result<Option<Tested>> {
    let Some(predicate) = ordered(predicates, stored).for_memory() else { return Ok(None) };
    let mut read =
        predicate.column_refs().iter().map(|column| stored.index_of(&column.name)).collect::<Result<Vec<_>, _>>()?;
    read.sort_unstable();
    let test = in_one_step(state, predicate, &stored.project(&read)?)?;
    Ok(Some((read, test)))
}

fn calls_function(expr: &Expr) -> bool {
    let mut calls = false;
    let visited = expr.apply(|node| {
        calls |= matches!(node, Expr::ScalarFunction(_) | Expr::Like(_) | Expr::SimilarTo(_) | Expr::Case(_));
        Ok(if calls { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    visited.is_err() || calls
}

/// Comparisons of doubles with constants as one expression, then the rest.
fn in_one_step(state: &dyn Session, predicate: Expr, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    match ranges::take(predicate, schema)? {
        (None, None) => physical(state, lit(true), schema),
        (None, Some(rest)) => physical(state, rest, schema),
        (Some(ranges), None) => Ok(Arc::new(ranges)),
        (Some(ranges), Some(rest)) => {
            let rest = physical(state, rest, schema)?;
            Ok(Arc::new(BinaryExpr::new(Arc::new(ranges), Operator::And, rest)))
        }
    }
}

fn physical(state: &dyn Session, predicate: Expr, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    // A predicate that is null leaves the row out, as in SQL; the filter does the same.
    let predicate =
        if matches!(predicate, Expr::Literal(ref value, _) if value.is_null()) { lit(false) } else { predicate };
    // Types are right already: what is asked has been planned, and what follows from it compares columns with their own types.
    create_physical_expr(&predicate, &DFSchema::try_from(schema.clone())?, state.execution_props())
}

fn column(schema: &Schema, at: usize) -> ProjectionExpr {
    let name = schema.field(at).name().clone();
    ProjectionExpr { expr: Arc::new(Column::new(&name, at)), alias: name }
}

/// Turns the byte columns of `plan` into text.
fn convert(state: &dyn Session, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = plan.schema();
    if schema.fields().iter().all(|field| encoding(field).is_none()) {
        return Ok(plan);
    }
    let options = state.config().options().clone();
    let columns = (0..schema.fields().len())
        .map(|at| {
            let ProjectionExpr { expr, alias } = column(&schema, at);
            let Some(form) = encoding(schema.field(at)) else { return Ok(ProjectionExpr { expr, alias }) };
            let call = ScalarFunctionExpr::try_new(conversion(form), vec![expr], &schema, options.clone())?;
            Ok(ProjectionExpr { expr: Arc::new(call), alias })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
}
