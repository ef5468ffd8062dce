//! `code_cover(west, south, east, north, max_cells)`: the GeoSOT cells that together hold a box, as a list of texts in
//! the order of their codes. West beyond east crosses the antimeridian. Never more cells than asked for, or than 10,000.

use std::sync::Arc;

use arrow::array::{Array, Float64Array, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field};
use coding_system::{GridCell, LonLatBox, cover};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::args::{finish, integers, numbers, refuse};

const NAME: &str = "code_cover";
const MOST_CELLS: i64 = 10_000;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Cover(Signature);

pub(super) fn function() -> ScalarUDF {
    let number = || DataType::Float64;
    let types = vec![number(), number(), number(), number(), DataType::Int64];
    Cover(Signature::exact(types, Volatility::Immutable)).into()
}

impl ScalarUDFImpl for Cover {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let [west, south, east, north, most] = columns.as_slice() else {
            return Err(DataFusionError::Plan(format!("{NAME} takes (west, south, east, north, max_cells)")));
        };
        let sides = [numbers(west)?, numbers(south)?, numbers(east)?, numbers(north)?];
        let most = integers(most)?;
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in 0..most.len() {
            if most.is_null(row) || sides.iter().any(|side| side.is_null(row)) {
                lists.append_null();
                continue;
            }
            for cell in cells(sides, most.value(row), row)? {
                lists.values().append_value(cell);
            }
            lists.append(true);
        }
        let lists = Arc::new(lists.finish());
        finish(lists, constant)
    }
}

fn cells(sides: [&Float64Array; 4], most: i64, row: usize) -> Result<Vec<String>> {
    if !(1..=MOST_CELLS).contains(&most) {
        return Err(refuse(NAME, format!("max_cells is {most}: give 1 to {MOST_CELLS}")));
    }
    let [west, south, east, north] = sides.map(|side| side.value(row));
    let found = LonLatBox::new(west, south, east, north)
        .and_then(|area| cover::cover_box_cells(&area, most as usize, coding_system::geosot::FINEST_LEVEL));
    let found = found.map_err(|error| refuse(NAME, error))?;
    Ok(found.into_iter().map(|(cell, _)| cell.text().into()).collect())
}
