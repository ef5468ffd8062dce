//! `code_area(text)`: the ground that a code of any scheme names, as a polygon for the `st_` functions. An H3 cell is
//! its corners joined by straight lines in longitude and latitude; a cell across the antimeridian is two polygons.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryBuilder};
use arrow::datatypes::{DataType, FieldRef};
use coding_system::{LonLatBox, Scheme, decode, h3};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use kernel_model::{Coord, Geometry, Polygon, Shape};

use super::args::{finish, refuse};

const NAME: &str = "code_area";

#[derive(Debug, PartialEq, Eq, Hash)]
struct Area(Signature);

pub(super) fn function() -> ScalarUDF {
    Area(Signature::exact(vec![DataType::Utf8], Volatility::Immutable)).into()
}

impl ScalarUDFImpl for Area {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(kernel_model::schema::geometry(NAME)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = columns.first().and_then(|column| column.as_string_opt::<i32>());
        let texts = texts.ok_or_else(|| DataFusionError::Plan(format!("{NAME} takes one text")))?;
        let mut areas = BinaryBuilder::with_capacity(texts.len(), texts.len() * 93);
        for text in texts {
            match text {
                Some(text) => areas.append_value(polygon(text).map_err(|error| refuse(NAME, error))?.to_wkb()),
                None => areas.append_null(),
            }
        }
        let areas = Arc::new(areas.finish());
        finish(areas, constant)
    }
}

fn polygon(text: &str) -> Result<Geometry, coding_system::Error> {
    let decoded = decode(text)?;
    if decoded.scheme == Scheme::H3 && !decoded.area.crosses_antimeridian() {
        return Ok(Geometry::flat(Shape::Polygon(vec![ring(&h3::Cell::parse(text)?.boundary_deg())])));
    }
    let area = &decoded.area;
    let (west, east) = (area.west_deg(), area.east_deg());
    Ok(Geometry::flat(if area.crosses_antimeridian() {
        Shape::MultiPolygon(vec![rectangle(area, west, 180.0), rectangle(area, -180.0, east)])
    } else {
        Shape::Polygon(rectangle(area, west, east))
    }))
}

fn rectangle(area: &LonLatBox, west: f64, east: f64) -> Polygon {
    let (south, north) = (area.south_deg(), area.north_deg());
    vec![ring(&[(west, south), (east, south), (east, north), (west, north)])]
}

fn ring(corners: &[(f64, f64)]) -> Vec<Coord> {
    corners.iter().chain(corners.first()).map(|(lon, lat)| Coord::new(*lon, *lat, 0.0)).collect()
}
