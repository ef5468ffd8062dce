//! A condition over the columns of `entities`, planned once and tested on rows that somebody else picked: SQL text comes in,
//! then rows of the stored shape; which of them it holds for goes out, and beforehand the window in which all of them lie.
//! So whoever walks over things in an order of their own asks the same predicates as SQL does, and an index first.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use kernel_model::Region;
use kernel_model::schema::Table;

use crate::columns::{encoding, sql_schema};
use crate::error::Error;
use crate::pushdown::to_stored;
use crate::scan;

/// A planned condition.
#[derive(Debug)]
pub struct Condition {
    /// What is asked of stored columns, bytes among them.
    stored: Option<Test>,
    /// What is asked of columns as SQL sees them, because no equal form over the stored ones is known.
    text: Option<Test>,
    window: Option<Region>,
}

#[derive(Debug)]
struct Test {
    /// Positions of the columns it reads.
    columns: Vec<usize>,
    /// Their shape.
    schema: SchemaRef,
    expr: Arc<dyn PhysicalExpr>,
}

impl Condition {
    pub(crate) fn plan(state: &SessionState, sql: &str) -> Result<Self, Error> {
        let stored = Table::Entities.schema();
        let seen = sql_schema(&stored);
        let names = DFSchema::try_from(seen.as_ref().clone())?;
        let expr = state.create_logical_expr(sql, &names)?;
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(names.clone()))
            .with_config_options(state.config_options().clone())
            .build();
        let simplifier = ExprSimplifier::new(context);
        let expr = simplifier.simplify(simplifier.coerce(expr, &names)?)?;
        if !matches!(expr.get_type(&names)?, DataType::Boolean | DataType::Null) {
            return Err(Error::Plan("this is no condition: it is neither true nor false".to_owned()));
        }
        let (mut over_stored, mut over_text) = (Vec::new(), Vec::new());
        for part in split_conjunction_owned(expr) {
            match to_stored(&part, &stored) {
                Some(part) => over_stored.push(part),
                None => over_text.push(part),
            }
        }
        let window = scan::window(&over_stored, &stored);
        Ok(Self {
            window: window.map(|window| Region {
                west: window.min[0],
                south: window.min[1],
                east: window.max[0],
                north: window.max[1],
            }),
            stored: Test::plan(state, &over_stored, &stored)?,
            text: Test::plan(state, &over_text, &seen)?,
        })
    }

    /// The window that the box of every row meets for which it holds; `None`: it may hold anywhere. Sides may be infinite.
    pub fn window(&self) -> Option<Region> {
        self.window
    }

    /// For which of some rows of a batch it holds; null counts as false, as in SQL. `batch` has the stored columns of
    /// `entities`.
    ///
    /// # Errors
    /// [`Error::Execution`] and its like where it cannot be worked out on some row.
    pub fn test(&self, batch: &RecordBatch, rows: &[u32]) -> Result<Vec<bool>, Error> {
        let mut holds = vec![true; rows.len()];
        for (test, as_text) in [(&self.stored, false), (&self.text, true)] {
            let Some(test) = test else { continue };
            let left: Vec<usize> = (0..rows.len()).filter(|at| holds[*at]).collect();
            let numbers = UInt32Array::from_iter_values(left.iter().map(|at| rows[*at]));
            let truths = test.of(batch, &numbers, as_text)?;
            left.iter().enumerate().for_each(|(row, at)| holds[*at] = truths.is_valid(row) && truths.value(row));
        }
        Ok(holds)
    }
}

impl Test {
    fn plan(state: &SessionState, parts: &[Expr], schema: &Schema) -> Result<Option<Self>, Error> {
        let Some((columns, expr)) = scan::test(state, parts, schema)? else { return Ok(None) };
        let schema = Arc::new(schema.project(&columns).map_err(|error| Error::Internal(error.to_string()))?);
        Ok(Some(Self { columns, schema, expr }))
    }

    fn of(&self, batch: &RecordBatch, rows: &UInt32Array, as_text: bool) -> Result<BooleanArray, Error> {
        let failed = |error: arrow::error::ArrowError| Error::Internal(error.to_string());
        let column = |at: &usize| -> Result<ArrayRef, arrow::error::ArrowError> {
            let taken = take(batch.column(*at), rows, None)?;
            match encoding(batch.schema_ref().field(*at)).filter(|_| as_text) {
                Some(form) => form.texts(taken.as_fixed_size_binary()),
                None => Ok(taken),
            }
        };
        let columns = self.columns.iter().map(column).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let picked = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map_err(failed)?;
        let truths = self.expr.evaluate(&picked)?.into_array(rows.len())?;
        match truths.as_boolean_opt() {
            Some(truths) => Ok(truths.clone()),
            // A condition that is always null.
            None => Ok(BooleanArray::from(vec![false; rows.len()])),
        }
    }
}
