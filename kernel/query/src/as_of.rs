//! The city as it was: `entities_as_of(valid)`, `observations_as_of(valid)`, `positions_as_of(valid)`, each also with
//! `recorded` as a second argument. Instants come in as RFC 3339 texts, or null: valid time null is what stands by the last
//! state of each thing and the newest reading and fix, recorded time null is all that is known today. Out come tables: the
//! description of each thing that held then, the newest reading of each datastream and the newest fix of each moving thing
//! by then, by what was recorded until then.

use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::functions_aggregate::expr_fn::first_value;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};
use kernel_model::schema::Table;
use kernel_model::{Span, TimeUs};
use kernel_store::Snapshot;

use crate::catalog::provider;
use crate::table::SnapshotTable;

/// Makes the functions of a snapshot known to a question.
pub(crate) fn register(state: &mut SessionState, snapshot: &Snapshot) {
    for table in [Table::Entities, Table::Observations, Table::Positions] {
        state.register_udtf(name(table), Arc::new(AsOf { table, snapshot: snapshot.clone() }));
    }
}

/// The name in SQL.
fn name(table: Table) -> &'static str {
    match table {
        Table::Observations => "observations_as_of",
        Table::Positions => "positions_as_of",
        _ => "entities_as_of",
    }
}

/// One of the functions over one snapshot.
#[derive(Debug)]
struct AsOf {
    table: Table,
    snapshot: Snapshot,
}

impl TableFunctionImpl for AsOf {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let name = name(self.table);
        let instants = args.exprs().iter().map(|expr| instant(name, expr)).collect::<Result<Vec<_>>>()?;
        let (valid, recorded) = match instants.as_slice() {
            [valid] => (*valid, None),
            [valid, recorded] => (*valid, *recorded),
            other => {
                return plan_err!(
                    "{name} takes a valid time and perhaps a recorded time, not {} arguments",
                    other.len()
                );
            }
        };
        let snapshot = recorded.map_or_else(|| self.snapshot.clone(), |recorded| self.snapshot.known_at(recorded));
        match self.table {
            Table::Observations => newest(&snapshot, self.table, "datastream", "phenomenon_time", valid),
            Table::Positions => newest(&snapshot, self.table, "entity", "time", valid),
            table => {
                let held = snapshot.entities_within(valid.map(Span::at));
                Ok(Arc::new(SnapshotTable::present(&table.schema(), &held, snapshot.entity_boxes())?))
            }
        }
    }
}

/// An instant that is written in the question.
pub(crate) fn instant(name: &str, expr: &Expr) -> Result<Option<TimeUs>> {
    let wanted = "an instant such as '2026-11-22T08:00:00+08:00', with its zone, or null";
    match expr {
        Expr::Cast(cast) => instant(name, &cast.expr),
        Expr::Literal(value, _) if value.is_null() => Ok(None),
        Expr::Literal(ScalarValue::TimestampMicrosecond(Some(at), Some(_)), _) => Ok(Some(TimeUs(*at))),
        Expr::Literal(value, _) => match value.try_as_str().flatten().map(TimeUs::parse) {
            Some(Ok(at)) => Ok(Some(at)),
            Some(Err(error)) => plan_err!("{name}: {error}"),
            None => plan_err!("{name} takes {wanted}, not {value}"),
        },
        other => plan_err!("{name} takes {wanted}, not {other}"),
    }
}

/// The newest row of each series by an instant; of one instant the row recorded last.
fn newest(
    snapshot: &Snapshot,
    table: Table,
    series: &str,
    time: &str,
    valid: Option<TimeUs>,
) -> Result<Arc<dyn TableProvider>> {
    let rows = provider_as_source(provider(snapshot, table)?);
    let mut plan = LogicalPlanBuilder::scan(table.name(), rows, None)?;
    if let Some(TimeUs(at)) = valid {
        plan = plan.filter(col(time).lt_eq(lit(ScalarValue::TimestampMicrosecond(Some(at), Some("+00:00".into())))))?;
    }
    let (schema, order) = (table.schema(), [col(time).sort(false, false), col("seq").sort(false, false)]);
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    // DISTINCT ON says the same, but sorts, and a join above the sort cannot be planned (DataFusion 54).
    let first = |name: &str| first_value(col(name), order.to_vec()).alias(name);
    let plan = plan.aggregate([col(series)], names().filter(|name| *name != series).map(first))?;
    let plan = plan.project(names().map(col))?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}
