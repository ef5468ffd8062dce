//! `st_distancespheroid(point, point)`: metres between two points along the ellipsoid, as the index measures them
//! ([`spatial_index::distance_m`]). Points of longitude and latitude come in; heights do not count.

use std::sync::Arc;

use arrow::array::{Array, BinaryArray, Float64Builder};
use arrow::datatypes::DataType;
use datafusion::common::cast::as_binary_array;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use kernel_model::{Geometry, Shape};
use spatial_index::distance_m;

use super::args::{finish, is_bytes, refuse};

/// The function's name.
pub(crate) const NAME: &str = "st_distancespheroid";

#[derive(Debug, PartialEq, Eq, Hash)]
struct Distance(Signature);

pub(super) fn function() -> ScalarUDF {
    Distance(Signature::any(2, Volatility::Immutable)).into()
}

impl ScalarUDFImpl for Distance {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        match args.iter().find(|kind| !is_bytes(kind) && **kind != DataType::Null) {
            None => Ok(DataType::Float64),
            Some(other) => {
                Err(DataFusionError::Plan(format!("{NAME} takes two points such as ST_Point(lon, lat), not {other}")))
            }
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let [a, b] = columns.as_slice() else { return Err(refuse(NAME, "two points are wanted")) };
        if a.data_type().is_null() || b.data_type().is_null() {
            let nothing = arrow::array::new_null_array(&DataType::Float64, a.len());
            return finish(nothing, constant);
        }
        let (a, b) = (as_binary_array(a)?, as_binary_array(b)?);
        let mut metres = Float64Builder::with_capacity(a.len());
        for row in 0..a.len() {
            metres.append_option(point(a, row)?.zip(point(b, row)?).map(|(a, b)| distance_m(a, b)));
        }
        finish(Arc::new(metres.finish()), constant)
    }
}

/// The place of a row; none where it is null or an empty geometry.
fn point(column: &BinaryArray, row: usize) -> Result<Option<[f64; 2]>> {
    if column.is_null(row) {
        return Ok(None);
    }
    match Geometry::from_wkb(column.value(row)).map_err(|error| refuse(NAME, error))?.shape {
        Shape::Point(at) if at.lon_deg.is_nan() => Ok(None),
        Shape::Point(at) => Ok(Some([at.lon_deg, at.lat_deg])),
        _ => Err(refuse(NAME, "it measures between points; give ST_Point(lon, lat) or ST_Centroid(geometry)")),
    }
}
