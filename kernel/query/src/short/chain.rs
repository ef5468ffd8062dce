//! Plans that are a chain above one scan. An optimised plan comes in; out go the scan and the steps above it, from the lowest
//! to the uppermost, where it is nothing but columns, order with a limit, limits and a count of rows above one stored table.

use std::sync::Arc;

use datafusion::catalog::default_table_source::source_as_provider;
use datafusion::common::{DFSchemaRef, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::unnormalize_cols;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Aggregate, Expr, FetchType, LogicalPlan, SkipType, SortExpr, TableScan};
use kernel_model::schema::Table;
use kernel_store::Snapshot;

use crate::catalog::stored;
use crate::latest::{LatestTable, Of, positions_by_place};
use crate::table::SnapshotTable;

/// Tables whose questions can be short.
const TABLES: [Table; 3] = [Table::Observations, Table::Positions, Table::Entities];

/// What a scan reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Stored(Table),
    /// The latest fixes, by place.
    LatestFixes,
}

impl Source {
    /// The table of a snapshot.
    pub(super) fn table(self, snapshot: &Snapshot) -> Result<Option<SnapshotTable>> {
        match self {
            Self::Stored(table) => stored(snapshot, table).map(Some),
            Self::LatestFixes => positions_by_place(snapshot),
        }
    }
}

/// A scan and what is above it.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) source: Source,
    /// What SQL sees of the table.
    pub(super) schema: DFSchemaRef,
    /// Which of its columns are wanted.
    pub(super) wanted: Vec<usize>,
    /// What every row must fulfil, over columns as SQL sees them.
    pub(super) predicates: Vec<Expr>,
    /// How many rows are enough.
    pub(super) fetch: Option<usize>,
    pub(super) steps: Vec<Step>,
}

/// One step; `input` are the columns below it.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Columns { exprs: Vec<Expr>, input: DFSchemaRef },
    First { keys: Vec<SortExpr>, most: usize, input: DFSchemaRef },
    Limit { skip: usize, most: Option<usize> },
    Count { expr: Expr, input: DFSchemaRef },
}

impl Chain {
    /// The chain that `plan` is.
    pub(super) fn of(plan: &LogicalPlan) -> Option<Self> {
        Some(match plan {
            LogicalPlan::TableScan(scan) => Self::from_scan(scan)?,
            LogicalPlan::SubqueryAlias(below) => Self::of(&below.input)?,
            LogicalPlan::Filter(filter) => {
                let mut chain = Self::of(&filter.input)?;
                // Above a limit a filter means something else.
                (chain.steps.is_empty() && chain.fetch.is_none()).then_some(())?;
                chain.predicates.extend(unnormalize_cols(split_conjunction_owned(filter.predicate.clone())));
                chain
            }
            LogicalPlan::Projection(columns) => {
                let step = Step::Columns { exprs: columns.expr.clone(), input: columns.input.schema().clone() };
                Self::of(&columns.input)?.then(step)
            }
            LogicalPlan::Sort(sort) => {
                let step =
                    Step::First { keys: sort.expr.clone(), most: sort.fetch?, input: sort.input.schema().clone() };
                Self::of(&sort.input)?.then(step)
            }
            LogicalPlan::Limit(limit) => match (limit.get_skip_type().ok()?, limit.get_fetch_type().ok()?) {
                (SkipType::Literal(skip), FetchType::Literal(most)) => {
                    Self::of(&limit.input)?.then(Step::Limit { skip, most })
                }
                _ => return None,
            },
            LogicalPlan::Aggregate(aggregate) => {
                let chain = Self::of(&aggregate.input)?;
                chain.steps.is_empty().then_some(())?;
                let input = aggregate.input.schema().clone();
                chain.then(Step::Count { expr: counted(aggregate)?, input })
            }
            _ => return None,
        })
    }

    fn from_scan(scan: &TableScan) -> Option<Self> {
        let provider = source_as_provider(&scan.source).ok()?;
        let schema = provider.schema();
        let mut wanted = scan.projection.clone().unwrap_or_else(|| (0..schema.fields().len()).collect());
        let source = if let Some(latest) = provider.downcast_ref::<LatestTable>() {
            // Without a filter no index is asked.
            (latest.of() == Of::Positions && !scan.filters.is_empty()).then_some(())?;
            wanted = latest.in_positions(&wanted).into_iter().collect::<Option<_>>()?;
            Source::LatestFixes
        } else {
            provider.downcast_ref::<SnapshotTable>()?;
            Source::Stored(TABLES.into_iter().find(|table| table.name() == scan.table_name.table())?)
        };
        Some(Self {
            source,
            schema: Arc::new(schema.as_ref().clone().try_into().ok()?),
            wanted,
            predicates: unnormalize_cols(scan.filters.iter().cloned()),
            fetch: scan.fetch,
            steps: Vec::new(),
        })
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// All expressions that rows are tried or ordered by, or that make columns.
    pub(super) fn expressions(&mut self) -> impl Iterator<Item = &mut Expr> {
        let above = self.steps.iter_mut().flat_map(|step| -> Box<dyn Iterator<Item = &mut Expr>> {
            match step {
                Step::Columns { exprs, .. } => Box::new(exprs.iter_mut()),
                Step::First { keys, .. } => Box::new(keys.iter_mut().map(|key| &mut key.expr)),
                Step::Limit { .. } | Step::Count { .. } => Box::new(std::iter::empty()),
            }
        });
        self.predicates.iter_mut().chain(above)
    }
}

/// The one `count(*)` that an aggregate is.
fn counted(aggregate: &Aggregate) -> Option<Expr> {
    let ([], [expr]) = (aggregate.group_expr.as_slice(), aggregate.aggr_expr.as_slice()) else { return None };
    let Expr::AggregateFunction(call) = expr.clone().unalias() else { return None };
    let params = &call.params;
    let rows = matches!(params.args.as_slice(), [Expr::Literal(ScalarValue::Int64(Some(_)), _)]);
    let plain = !params.distinct && params.filter.is_none() && params.order_by.is_empty();
    (call.func.name() == "count" && rows && plain).then(|| expr.clone())
}
