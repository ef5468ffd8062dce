//! The city as it was: `entities_as_of(valid)`, `entities_as_of(valid, recorded)`. Instants come in as RFC 3339 texts, or null:
//! valid time null is what stands by the newest description, recorded time null is all that is known today. Out comes a table
//! like `entities`, with the description of each thing that held then, by what was known then.
//!
//! Of the revisions known, the newest that begins no later than the valid time holds; one without a beginning holds always, as
//! a correction does. The thing is there unless that description had ended.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use kernel_model::TimeUs;
use kernel_model::schema::Table;
use kernel_store::Snapshot;

use crate::table::SnapshotTable;

/// The name in SQL.
pub(crate) const NAME: &str = "entities_as_of";

/// Columns of `entities`.
const RECORDED_AT: usize = 2;
const VALID_FROM: usize = 20;
const VALID_TO: usize = 21;
const RETIRED: usize = 22;

/// The function over one snapshot.
#[derive(Debug)]
pub(crate) struct EntitiesAsOf(pub(crate) Snapshot);

impl TableFunctionImpl for EntitiesAsOf {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let instants = args.exprs().iter().map(instant).collect::<Result<Vec<_>>>()?;
        let moment = match instants.as_slice() {
            [valid] => Moment { valid: *valid, recorded: None },
            [valid, recorded] => Moment { valid: *valid, recorded: *recorded },
            other => {
                return plan_err!(
                    "{NAME} takes a valid time and perhaps a recorded time, not {} arguments",
                    other.len()
                );
            }
        };
        let revisions = self.0.entities();
        let masks = moment.masks(revisions);
        let marked: Vec<_> = revisions.iter().map(|(batch, _)| batch.clone()).zip(masks).collect();
        Ok(Arc::new(SnapshotTable::present(&Table::Entities.schema(), &marked)?))
    }
}

/// An instant that is written in the question.
fn instant(expr: &Expr) -> Result<Option<i64>> {
    let wanted = "an instant such as '2026-11-22T08:00:00+08:00', with its zone, or null";
    match expr {
        Expr::Cast(cast) => instant(&cast.expr),
        Expr::Literal(value, _) if value.is_null() => Ok(None),
        Expr::Literal(ScalarValue::TimestampMicrosecond(Some(at), Some(_)), _) => Ok(Some(*at)),
        Expr::Literal(value, _) => match value.try_as_str().flatten().map(TimeUs::parse) {
            Some(Ok(at)) => Ok(Some(at.0)),
            Some(Err(error)) => plan_err!("{NAME}: {error}"),
            None => plan_err!("{NAME} takes {wanted}, not {value}"),
        },
        other => plan_err!("{NAME} takes {wanted}, not {other}"),
    }
}

/// A point of valid time and one of recorded time, UTC microseconds.
#[derive(Debug, Clone, Copy)]
struct Moment {
    valid: Option<i64>,
    recorded: Option<i64>,
}

impl Moment {
    /// For each batch which of its revisions held at the moment.
    fn masks(self, revisions: &[(RecordBatch, BooleanArray)]) -> Vec<BooleanArray> {
        let mut newest: HashMap<&[u8], (usize, usize)> = HashMap::new();
        for (number, (batch, _)) in revisions.iter().enumerate() {
            let ids = batch.column(0).as_fixed_size_binary();
            let times = Times::of(batch);
            // Revisions come in the order of their commits: a later one stands over an earlier one.
            for row in (0..batch.num_rows()).filter(|row| times.begun(self, *row)) {
                newest.insert(ids.value(row), (number, row));
            }
        }
        let mut masks: Vec<BooleanBufferBuilder> = Vec::with_capacity(revisions.len());
        for (batch, _) in revisions {
            let mut mask = BooleanBufferBuilder::new(batch.num_rows());
            mask.append_n(batch.num_rows(), false);
            masks.push(mask);
        }
        for (number, row) in newest.into_values() {
            let there = Times::of(&revisions[number].0).there(self, row);
            masks[number].set_bit(row, there);
        }
        masks.into_iter().map(|mut mask| BooleanArray::new(mask.finish(), None)).collect()
    }
}

/// The times of the revisions of a batch.
struct Times<'a> {
    recorded_at: &'a [i64],
    valid: [&'a arrow::array::PrimitiveArray<TimestampMicrosecondType>; 2],
    retired: &'a BooleanArray,
}

impl<'a> Times<'a> {
    fn of(batch: &'a RecordBatch) -> Self {
        let times = |column: usize| batch.column(column).as_primitive::<TimestampMicrosecondType>();
        Self {
            recorded_at: times(RECORDED_AT).values(),
            valid: [times(VALID_FROM), times(VALID_TO)],
            retired: batch.column(RETIRED).as_boolean(),
        }
    }

    /// Whether a revision is known at the moment and does not begin after it.
    fn begun(&self, moment: Moment, row: usize) -> bool {
        let known = moment.recorded.is_none_or(|at| self.recorded_at[row] <= at);
        let from = self.valid[0];
        known && moment.valid.is_none_or(|at| from.is_null(row) || from.value(row) <= at)
    }

    /// Whether the thing is there by this revision.
    fn there(&self, moment: Moment, row: usize) -> bool {
        let to = self.valid[1];
        match moment.valid {
            None => !self.retired.value(row),
            Some(at) => to.is_null(row) || at < to.value(row),
        }
    }
}
