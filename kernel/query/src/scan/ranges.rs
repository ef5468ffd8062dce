//! Boxes as one step. Of a conjunction, the comparisons of double columns with constants (`lon BETWEEN 116.2 AND 116.5 AND
//! lat > 39.8`) come in; one expression that looks at every row once goes out, with exactly the truth values of the
//! comparisons it stands for, but that null is false, as it is in a filter. The engine's own way makes a column of truths for each comparison, and filters and
//! scatters between them: four times as much for a box over a million rows.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, Float64Array, RecordBatch};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Float64Type, Schema};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{ColumnarValue, Expr, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::expressions::Column;

/// A column's values from `low` to `high`, both inside, in the order of [`key`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Range {
    column: String,
    low: i64,
    high: i64,
}

/// Ranges that all must hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Ranges {
    ranges: Vec<Range>,
    columns: Vec<Arc<dyn PhysicalExpr>>,
}

/// Splits a conjunction: its comparisons of double columns of `schema` with constants, if there are any, and the rest.
pub(super) fn take(predicate: Expr, schema: &Schema) -> Result<(Option<Ranges>, Option<Expr>)> {
    let (mut ranges, mut rest): (Vec<Range>, Vec<Expr>) = (Vec::new(), Vec::new());
    for part in split_conjunction_owned(predicate) {
        match range_of(&part, schema) {
            None => rest.push(part),
            Some(new) => match ranges.iter_mut().find(|range| range.column == new.column) {
                Some(range) => {
                    range.low = range.low.max(new.low);
                    range.high = range.high.min(new.high);
                }
                None => ranges.push(new),
            },
        }
    }
    let columns = ranges.iter().map(|range| {
        let column = Column::new(&range.column, schema.index_of(&range.column)?);
        Ok(Arc::new(column) as Arc<dyn PhysicalExpr>)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(((!ranges.is_empty()).then_some(Ranges { ranges, columns }), conjunction(rest)))
}

fn range_of(expr: &Expr, schema: &Schema) -> Option<Range> {
    let binary = match expr {
        Expr::BinaryExpr(binary) => binary,
        // In a filter null and false are the same.
        Expr::IsTrue(inner) => return range_of(inner, schema),
        _ => return None,
    };
    let (column, op, value) = match (&*binary.left, &*binary.right) {
        (Expr::Column(column), Expr::Literal(ScalarValue::Float64(Some(value)), _)) => (column, binary.op, *value),
        (Expr::Literal(ScalarValue::Float64(Some(value)), _), Expr::Column(column)) => {
            (column, binary.op.swap()?, *value)
        }
        _ => return None,
    };
    let field = schema.field_with_name(&column.name).ok()?;
    if *field.data_type() != DataType::Float64 {
        return None;
    }
    let at = key(value);
    let (low, high) = match op {
        Operator::Eq => (at, at),
        Operator::Gt => (at.checked_add(1)?, i64::MAX),
        Operator::GtEq => (at, i64::MAX),
        Operator::Lt => (i64::MIN, at.checked_sub(1)?),
        Operator::LtEq => (i64::MIN, at),
        _ => return None,
    };
    Some(Range { column: column.name.clone(), low, high })
}

/// Doubles as whole numbers of the same order: IEEE 754 total order, which is how the engine compares.
fn key(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

impl Ranges {
    fn hold(&self, columns: &[&Float64Array], rows: usize) -> BooleanBuffer {
        if self.ranges.iter().any(|range| range.low > range.high) {
            return BooleanBuffer::new_unset(rows);
        }
        let bounds = columns.iter().zip(&self.ranges).map(|(column, range)| Within::new(column, range));
        match bounds.collect::<Vec<_>>().as_slice() {
            [a] => BooleanBuffer::collect_bool(rows, |row| a.holds(row)),
            [a, b] => BooleanBuffer::collect_bool(rows, |row| a.holds(row) && b.holds(row)),
            many => BooleanBuffer::collect_bool(rows, |row| many.iter().all(|within| within.holds(row))),
        }
    }
}

/// A column and its range as one subtraction and one comparison.
struct Within<'a> {
    values: &'a [f64],
    low: i64,
    width: u64,
}

impl<'a> Within<'a> {
    fn new(column: &'a Float64Array, range: &Range) -> Self {
        Self { values: column.values(), low: range.low, width: range.high.wrapping_sub(range.low) as u64 }
    }

    #[inline]
    fn holds(&self, row: usize) -> bool {
        key(self.values[row]).wrapping_sub(self.low) as u64 <= self.width
    }
}

impl PhysicalExpr for Ranges {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(false)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            arrays.push(column.evaluate(batch)?.into_array(batch.num_rows())?);
        }
        let doubles = arrays.iter().map(|array| array.as_primitive_opt::<Float64Type>());
        let doubles = doubles.collect::<Option<Vec<_>>>();
        let doubles = doubles.ok_or_else(|| DataFusionError::Internal(format!("{self} over other types")))?;
        let nulls = doubles.iter().fold(None, |nulls, column| NullBuffer::union(nulls.as_ref(), column.nulls()));
        let held = self.hold(&doubles, batch.num_rows());
        // Never null: in a filter that is the same as false, and what stands after it is then not looked at.
        let truths = BooleanArray::new(nulls.map_or(held.clone(), |nulls| &held & nulls.inner()), None);
        Ok(ColumnarValue::Array(Arc::new(truths)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.columns.iter().collect()
    }

    fn with_new_children(self: Arc<Self>, columns: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self { ranges: self.ranges.clone(), columns }))
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Display for Ranges {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, range) in self.ranges.iter().enumerate() {
            let joint = if n == 0 { "" } else { " AND " };
            let (name, low, high) = (&range.column, value(range.low), value(range.high));
            match (range.low, range.high) {
                (i64::MIN, _) => write!(f, "{joint}{name} <= {high}")?,
                (_, i64::MAX) => write!(f, "{joint}{name} >= {low}")?,
                _ => write!(f, "{joint}{name} BETWEEN {low} AND {high}")?,
            }
        }
        Ok(())
    }
}

/// The double of a key.
fn value(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;
    use datafusion::common::DFSchema;
    use datafusion::logical_expr::{col, lit};
    use datafusion::physical_expr::create_physical_expr;
    use datafusion::physical_expr::execution_props::ExecutionProps;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    const ODD: [f64; 9] =
        [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, f64::MIN_POSITIVE, 1.0, -1.0];

    /// Against the engine's own comparisons, over odd values and nulls.
    #[test]
    fn one_step_says_what_the_comparisons_say() {
        let schema = Schema::new(vec![
            Field::new("a", DataType::Float64, true),
            Field::new("b", DataType::Float64, false),
            Field::new("c", DataType::Float64, true),
        ]);
        let mut random = StdRng::seed_from_u64(5);
        let operators: [fn(Expr, Expr) -> Expr; 5] = [Expr::gt, Expr::gt_eq, Expr::lt, Expr::lt_eq, Expr::eq];
        for _ in 0..400 {
            let draw = |random: &mut StdRng| match random.random_range(0..3) {
                0 => ODD[random.random_range(0..ODD.len())],
                _ => random.random_range(-2.0..2.0),
            };
            let rows = 130;
            let column = |nullable: bool, random: &mut StdRng| -> Float64Array {
                (0..rows).map(|_| (!nullable || random.random_bool(0.8)).then(|| draw(random))).collect()
            };
            let columns = [column(true, &mut random), column(false, &mut random), column(true, &mut random)];
            let batch =
                RecordBatch::try_new(Arc::new(schema.clone()), columns.map(|c| Arc::new(c) as _).to_vec()).unwrap();
            let parts = (0..random.random_range(1..5)).map(|_| {
                let name = ["a", "b", "c"][random.random_range(0..3)];
                let constant = lit(draw(&mut random));
                let operator = operators[random.random_range(0..5)];
                if random.random_bool(0.5) { operator(col(name), constant) } else { operator(constant, col(name)) }
            });
            let predicate = conjunction(parts.collect::<Vec<_>>()).unwrap();
            let (ranges, rest) = take(predicate.clone(), &schema).unwrap();
            let whole = DFSchema::try_from(schema.clone()).unwrap();
            let engine = create_physical_expr(&predicate, &whole, &ExecutionProps::new()).unwrap();
            let truths = |expr: &dyn PhysicalExpr| -> Vec<bool> {
                let array = expr.evaluate(&batch).unwrap().into_array(rows).unwrap();
                array.as_boolean().iter().map(|truth| truth == Some(true)).collect()
            };
            let own = ranges.map_or(vec![true; rows], |ranges| truths(&ranges));
            let rest = rest.map_or(vec![true; rows], |rest| {
                truths(create_physical_expr(&rest, &whole, &ExecutionProps::new()).unwrap().as_ref())
            });
            let both: Vec<bool> = own.iter().zip(&rest).map(|(a, b)| *a && *b).collect();
            assert_eq!(both, truths(engine.as_ref()), "{predicate}");
        }
    }

    #[test]
    fn keys_keep_the_order_and_come_back() {
        let mut values = ODD.to_vec();
        values.sort_by(f64::total_cmp);
        assert!(values.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        assert!(ODD.iter().all(|v| value(key(*v)).to_bits() == v.to_bits()));
    }
}
