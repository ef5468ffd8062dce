//! Constants put into a template: a template, the constants of one statement and a snapshot come in, a plan that runs goes
//! out. Where the constants are refused, or mean more than the template can say, nothing goes out, and the statement is planned
//! by itself, which also says what is wrong with it.

use std::sync::{Arc, LazyLock};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::expr::physical_name;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{ColumnarValue, Expr, SortExpr};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::aggregate::LoweredAggregateBuilder;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, create_physical_expr, create_physical_sort_exprs};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::ensure_coop::EnsureCooperative;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::expressions::lit;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use kernel_store::Snapshot;

use super::chain::Step;
use super::template::{Constant, Template, number};
use crate::pushdown::to_stored;
use crate::rules::only;
use crate::scan::Only;
use crate::table::SnapshotTable;

/// One row without columns.
static ONE_ROW: LazyLock<RecordBatch> = LazyLock::new(|| {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
        .unwrap_or_else(|_| RecordBatch::new_empty(Arc::new(Schema::empty())))
});

/// A template with the constants of one statement.
pub(super) struct Bound<'a> {
    template: &'a Template,
    constants: Vec<Expr>,
    state: &'a SessionState,
}

impl<'a> Bound<'a> {
    /// Computes the constants.
    pub(super) fn new(template: &'a Template, values: &[ScalarValue], state: &'a SessionState) -> Result<Self> {
        let props = state.execution_props();
        let constants = template.constants.iter().map(|constant| computed(constant, values, props));
        Ok(Self { template, constants: constants.collect::<Result<_>>()?, state })
    }

    /// The plan; at most `max_rows` rows of it are wanted.
    pub(super) fn plan(&self, snapshot: &Snapshot, max_rows: usize) -> Result<Arc<dyn ExecutionPlan>> {
        let chain = &self.template.chain;
        let table = chain.source.table(snapshot)?.ok_or_else(|| otherwise("there is no index"))?;
        let table = match self.only(&table)? {
            Some(only) => table.with_only(only).unwrap_or(table),
            None => table,
        };
        let filters = chain.predicates.iter().map(|predicate| self.predicate(predicate, &table));
        let filters = filters.collect::<Result<Vec<_>>>()?;
        let ordered = chain.steps.iter().any(|step| !matches!(step, Step::Columns { .. }));
        let limit = chain.fetch.or((!ordered).then_some(max_rows));
        let mut plan = table.plan_scan(self.state, chain.wanted.clone(), filters, limit)?;
        for step in &chain.steps {
            plan = self.step(step, plan)?;
        }
        EnsureCooperative::new().optimize(plan, self.state.config_options())
    }

    /// The expression with its constants.
    fn bind(&self, expr: &Expr) -> Result<Expr> {
        let bound = expr.clone().transform(|part| {
            Ok(match number(&part).and_then(|number| self.constants.get(number)) {
                Some(constant) => Transformed::yes(constant.clone()),
                None => Transformed::no(part),
            })
        })?;
        Ok(bound.data)
    }

    /// A predicate over stored columns.
    fn predicate(&self, predicate: &Expr, table: &SnapshotTable) -> Result<Expr> {
        let mut bound = self.bind(predicate)?;
        // The engine moves a conversion from a column to the constant, so that an index can answer; it has to see the constant.
        if bound.exists(|part| Ok(matches!(part, Expr::Cast(_) | Expr::TryCast(_))))? {
            let context = SimplifyContext::builder()
                .with_schema(self.template.chain.schema.clone())
                .with_config_options(self.state.config_options().clone())
                .build();
            bound = ExprSimplifier::new(context).simplify(bound)?;
        }
        to_stored(&bound, table.stored()).ok_or_else(|| otherwise("a predicate is over text"))
    }

    /// Which rows alone matter, where an order with a limit has nothing but columns between it and the rows.
    fn only(&self, table: &SnapshotTable) -> Result<Option<Only>> {
        let chain = &self.template.chain;
        let columns = chain.steps.iter().take_while(|step| matches!(step, Step::Columns { .. })).count();
        let (Some(Step::First { keys, most, input }), None) = (chain.steps.get(columns), chain.fetch) else {
            return Ok(None);
        };
        let Some(key) = keys.first() else { return Ok(None) };
        let (mut expr, mut schema) = (self.bind(&key.expr)?, input);
        for step in chain.steps[..columns].iter().rev() {
            if let Step::Columns { exprs, input } = step {
                expr = self.resolved(expr, schema, exprs)?;
                schema = input;
            }
        }
        Ok(only(&SortExpr { expr, ..key.clone() }, table, *most))
    }

    /// An expression over columns as one over what these stand for.
    fn resolved(&self, expr: Expr, schema: &DFSchema, below: &[Expr]) -> Result<Expr> {
        let resolved = expr.transform_up(|part| {
            let Expr::Column(column) = &part else { return Ok(Transformed::no(part)) };
            Ok(match schema.maybe_index_of_column(column).and_then(|at| below.get(at)) {
                Some(below) => Transformed::yes(self.bind(below)?.unalias()),
                None => Transformed::no(part),
            })
        })?;
        Ok(resolved.data)
    }

    fn step(&self, step: &Step, below: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let props = self.state.execution_props();
        Ok(match step {
            Step::Columns { exprs, input } => {
                let columns = exprs.iter().map(|expr| {
                    // A column keeps its name without that of its table.
                    let alias = match expr {
                        Expr::Column(column) => below.schema().field(input.index_of_column(column)?).name().clone(),
                        other => physical_name(other)?,
                    };
                    Ok(ProjectionExpr { expr: create_physical_expr(&self.bind(expr)?, input, props)?, alias })
                });
                Arc::new(ProjectionExec::try_new(columns.collect::<Result<Vec<_>>>()?, below)?)
            }
            Step::First { keys, most, input } => {
                let keys = keys.iter().map(|key| Ok(SortExpr { expr: self.bind(&key.expr)?, ..key.clone() }));
                let keys = create_physical_sort_exprs(&keys.collect::<Result<Vec<_>>>()?, input, props)?;
                let order = LexOrdering::new(keys).ok_or_else(|| otherwise("an order without keys"))?;
                Arc::new(SortExec::new(order, together(below)).with_fetch(Some(*most)))
            }
            Step::Limit { skip, most } => Arc::new(GlobalLimitExec::new(together(below), *skip, *most)),
            Step::Count { expr, input } => counted(expr, input, below, props)?,
        })
    }
}

/// A constant as the engine's own optimizer computes it.
fn computed(constant: &Constant, values: &[ScalarValue], props: &ExecutionProps) -> Result<Expr> {
    let given = |part: Expr| {
        let Expr::Placeholder(placeholder) = &part else { return Ok(Transformed::no(part)) };
        let number = placeholder.id.strip_prefix('$').and_then(|id| id.parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number.checked_sub(1)?));
        let value = value.ok_or_else(|| otherwise("a constant is missing"))?;
        Ok(Transformed::yes(Expr::Literal(value.clone(), None)))
    };
    let expr = constant.expr.clone().transform(given)?.data;
    if matches!(expr, Expr::Literal(..)) {
        return Ok(expr);
    }
    let physical: Arc<dyn PhysicalExpr> = create_physical_expr(&expr, &DFSchema::empty(), props)?;
    let field = physical.return_field(ONE_ROW.schema_ref())?;
    let value = match physical.evaluate(&ONE_ROW)? {
        ColumnarValue::Scalar(value) => value,
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0)?,
    };
    // What was planned holds for constants of this type only.
    if field.data_type() != constant.field.data_type() || field.metadata() != constant.field.metadata() {
        return Err(otherwise("a constant is of another type"));
    }
    let metadata = (!field.metadata().is_empty()).then(|| FieldMetadata::from(field.metadata()));
    Ok(Expr::Literal(value, metadata))
}

/// The number of rows, which may be known.
fn counted(
    expr: &Expr,
    input: &DFSchema,
    below: Arc<dyn ExecutionPlan>,
    props: &ExecutionProps,
) -> Result<Arc<dyn ExecutionPlan>> {
    let count = LoweredAggregateBuilder::new(expr, input, &below.schema(), props).build()?;
    if let Precision::Exact(rows) = below.partition_statistics(None)?.num_rows {
        let column = ProjectionExpr { expr: lit(rows as i64), alias: count.aggregate.name().to_owned() };
        let row = Arc::new(PlaceholderRowExec::new(Arc::new(Schema::empty())));
        return Ok(Arc::new(ProjectionExec::try_new(vec![column], row)?));
    }
    let (below, all) = (together(below), PhysicalGroupBy::new_single(Vec::new()));
    let (calls, schema) = (vec![count.aggregate], below.schema());
    Ok(Arc::new(AggregateExec::try_new(AggregateMode::Single, all, calls, vec![count.filter], below, schema)?))
}

/// All rows as one partition.
fn together(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    match plan.properties().partitioning.partition_count() {
        1 => plan,
        _ => Arc::new(CoalescePartitionsExec::new(plan)),
    }
}

/// Why a statement is planned by itself; nobody sees it.
fn otherwise(why: &str) -> DataFusionError {
    DataFusionError::Plan(why.to_owned())
}
