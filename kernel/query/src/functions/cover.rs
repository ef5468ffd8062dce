//! `code_cover(west, south, east, north, max_cells)`: the GeoSOT cells that together hold a box; west beyond east crosses the
//! antimeridian. `code_cover(geometry, scheme, level, max_cells)`: the cells of a scheme, none finer than the level, that
//! together hold a shape; `code_cover_inner` only those of them that lie wholly inside. Lists of texts in the order of
//! their codes, never more than asked for, or than 100,000.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field};
use coding_system::{GridCell, LonLatBox, Scheme, cover, geosot};
use datafusion::common::cast::as_binary_array;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use kernel_model::Geometry;

use super::args::{finish, integers, is_bytes, numbers, refuse};
use crate::covering::{Wanted, cover_geometry};

const MOST_CELLS: i64 = 100_000;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Cover {
    name: &'static str,
    only_inner: bool,
    signature: Signature,
}

pub(super) fn functions() -> [ScalarUDF; 2] {
    [("code_cover", false), ("code_cover_inner", true)].map(|(name, only_inner)| {
        Cover { name, only_inner, signature: Signature::user_defined(Volatility::Immutable) }.into()
    })
}

impl ScalarUDFImpl for Cover {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [first, _, _, _] if is_bytes(first) => {
                Ok(vec![DataType::Binary, DataType::Utf8, DataType::Int64, DataType::Int64])
            }
            [_, _, _, _, _] if !self.only_inner => Ok([vec![DataType::Float64; 4], vec![DataType::Int64]].concat()),
            _ => Err(self.usage()),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = columns.first().map_or(0, Array::len);
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in 0..rows {
            if columns.iter().any(|column| column.is_null(row)) {
                lists.append_null();
                continue;
            }
            let codes = match columns.as_slice() {
                [shape, scheme, level, most] => self.of_shape(shape, scheme, level, most, row)?,
                [sides @ .., most] => self.of_box(sides, most, row)?,
                [] => return Err(self.usage()),
            };
            for code in codes {
                lists.values().append_value(code);
            }
            lists.append(true);
        }
        finish(Arc::new(lists.finish()), constant)
    }
}

impl Cover {
    fn usage(&self) -> DataFusionError {
        let boxes = if self.only_inner { "" } else { " or code_cover(west, south, east, north, max_cells)" };
        DataFusionError::Plan(format!("{0} takes {0}(geometry, scheme, level, max_cells){boxes}", self.name))
    }

    fn most(&self, column: &ArrayRef, row: usize) -> Result<usize> {
        let most = integers(column)?.value(row);
        match usize::try_from(most) {
            Ok(cells) if (1..=MOST_CELLS).contains(&most) => Ok(cells),
            _ => Err(refuse(self.name, format!("max_cells is {most}: give 1 to {MOST_CELLS}"))),
        }
    }

    fn of_box(&self, sides: &[ArrayRef], most: &ArrayRef, row: usize) -> Result<Vec<String>> {
        let [west, south, east, north] = sides else { return Err(self.usage()) };
        let most = self.most(most, row)?;
        let side = |column: &ArrayRef| numbers(column).map(|column| column.value(row));
        let cells = LonLatBox::new(side(west)?, side(south)?, side(east)?, side(north)?)
            .and_then(|area| cover::cover_box_cells(&area, most, geosot::FINEST_LEVEL));
        let cells = cells.map_err(|error| refuse(self.name, error))?;
        Ok(cells.into_iter().map(|(cell, _)| cell.text().into()).collect())
    }

    fn of_shape(
        &self,
        shape: &ArrayRef,
        scheme: &ArrayRef,
        level: &ArrayRef,
        most: &ArrayRef,
        row: usize,
    ) -> Result<Vec<String>> {
        let scheme = scheme.as_string_opt::<i32>().ok_or_else(|| self.usage())?.value(row);
        let scheme: Scheme = scheme.parse().map_err(|error| refuse(self.name, error))?;
        let wanted = Wanted {
            scheme,
            level: u8::try_from(integers(level)?.value(row)).unwrap_or(u8::MAX),
            max_cells: self.most(most, row)?,
            heights: None,
            geoid_height_m: None,
            width_m: 0.0,
        };
        let shape = Geometry::from_wkb(as_binary_array(shape)?.value(row)).map_err(|error| refuse(self.name, error))?;
        let cells = cover_geometry(&shape, &wanted).map_err(|error| refuse(self.name, error))?;
        Ok(cells.into_iter().filter(|cell| cell.inner || !self.only_inner).map(|cell| cell.code).collect())
    }
}
