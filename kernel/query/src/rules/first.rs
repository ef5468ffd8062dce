//! `ORDER BY ST_Distance(ST_Point(lon, lat), point) LIMIT k`, the same in metres, and of geometries. Such a sort comes in; the table below it
//! goes out with the word that only the nearest k rows matter. `ORDER BY time DESC LIMIT k` likewise: only the newest. The sort
//! stays: it makes the order, the table only leaves out rows that certainly do not come first.

use std::sync::Arc;

use datafusion::catalog::default_table_source::{provider_as_source, source_as_provider};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Sort, SortExpr, SubqueryAlias, TableScan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::functions::DISTANCE_M;
use crate::latest::LatestTable;
use crate::places::{constant_point, is_row_place};
use crate::scan::{Metric, NearestRows, Only, Subject};
use crate::table::SnapshotTable;

/// When rows of the tables with an index were so.
const TIMES: [&str; 2] = ["phenomenon_time", "time"];

/// The rule.
#[derive(Debug)]
pub(crate) struct FirstRows;

impl OptimizerRule for FirstRows {
    fn name(&self) -> &'static str {
        "first_rows"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Sort(sort) = &plan else { return Ok(Transformed::no(plan)) };
        let (Some(most), Some(key)) = (sort.fetch, sort.expr.first()) else { return Ok(Transformed::no(plan)) };
        Ok(match narrowed(&sort.input, key.clone(), most)? {
            None => Transformed::no(plan),
            Some(input) => {
                Transformed::yes(LogicalPlan::Sort(Sort { input: Arc::new(input), expr: sort.expr.clone(), ..*sort }))
            }
        })
    }
}

/// The plan with the table below it told; `None` where the key is not a distance of its rows, or it was told before.
fn narrowed(plan: &LogicalPlan, key: SortExpr, most: usize) -> Result<Option<LogicalPlan>> {
    Ok(match plan {
        LogicalPlan::Projection(below) => {
            let key = resolved(key, &below.schema, |place| below.expr.get(place).cloned().map(Expr::unalias))?;
            let input = narrowed(&below.input, key, most)?;
            input
                .map(|input| {
                    Projection::try_new_with_schema(below.expr.clone(), Arc::new(input), below.schema.clone())
                        .map(LogicalPlan::Projection)
                })
                .transpose()?
        }
        LogicalPlan::SubqueryAlias(below) => {
            let inner = below.input.schema().columns();
            let key = resolved(key, &below.schema, |place| inner.get(place).cloned().map(Expr::Column))?;
            let input = narrowed(&below.input, key, most)?;
            input
                .map(|input| {
                    SubqueryAlias::try_new(Arc::new(input), below.alias.clone()).map(LogicalPlan::SubqueryAlias)
                })
                .transpose()?
        }
        LogicalPlan::TableScan(scan) if scan.fetch.is_none() => told(scan, &key, most),
        _ => None,
    })
}

/// A key over the columns of a schema as one over what these stand for.
fn resolved(key: SortExpr, schema: &DFSchema, below: impl Fn(usize) -> Option<Expr>) -> Result<SortExpr> {
    let resolve = |node: Expr| {
        let Expr::Column(column) = &node else { return Ok(Transformed::no(node)) };
        Ok(match schema.maybe_index_of_column(column).and_then(&below) {
            Some(below) => Transformed::yes(below),
            None => Transformed::no(node),
        })
    };
    Ok(SortExpr { expr: key.expr.transform_up(resolve)?.data, ..key })
}

fn told(scan: &TableScan, key: &SortExpr, most: usize) -> Option<LogicalPlan> {
    let provider = source_as_provider(&scan.source).ok()?;
    let source = if let Some(table) = provider.downcast_ref::<SnapshotTable>() {
        provider_as_source(Arc::new(table.with_only(only(key, table, most)?)?))
    } else {
        let latest = provider.downcast_ref::<LatestTable>()?;
        provider_as_source(Arc::new(latest.with_only(only(key, &latest.indexed()?, most)?)?))
    };
    Some(LogicalPlan::TableScan(TableScan { source, ..scan.clone() }))
}

/// Which rows of a table alone matter where the first `most` by a key are wanted; `None` where that can be any.
pub(crate) fn only(key: &SortExpr, table: &SnapshotTable, most: usize) -> Option<Only> {
    let expr = key.expr.clone().unalias();
    match (key.asc, key.nulls_first, &expr) {
        // Times are never null.
        (false, _, Expr::Column(column)) if TIMES.contains(&column.name.as_str()) => Some(Only::Newest(most)),
        (true, false, expr) => nearest(expr, table, most).map(Only::Nearest),
        _ => None,
    }
}

fn nearest(expr: &Expr, table: &SnapshotTable, most: usize) -> Option<NearestRows> {
    let Expr::ScalarFunction(call) = expr else { return None };
    let metric = match call.name() {
        "st_distance" => Metric::Degrees,
        DISTANCE_M => Metric::Metres,
        _ => return None,
    };
    let [a, b] = call.args.as_slice() else { return None };
    let (from, row) = match (constant_point(a), constant_point(b)) {
        (Some(from), None) => (from, b),
        (None, Some(from)) => (from, a),
        _ => return None,
    };
    let subject = match row {
        Expr::Column(column) if column.name == "geometry" => Subject::Geometry,
        row if is_row_place(row, table.stored()) => Subject::Place,
        _ => return None,
    };
    Some(NearestRows { from, subject, metric, most })
}
