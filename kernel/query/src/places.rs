//! What of an expression says where: a geometry that is written down, the point of a row. Nothing else of the expression is
//! understood here.

use arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use kernel_model::{Geometry, Shape};

/// The geometry of a constant.
pub(crate) fn constant(expr: &Expr) -> Option<Geometry> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::Binary(Some(bytes))
        | ScalarValue::LargeBinary(Some(bytes))
        | ScalarValue::BinaryView(Some(bytes)) => Geometry::from_wkb(bytes).ok(),
        _ => None,
    }
}

/// Longitude and latitude of a constant point, degrees.
pub(crate) fn constant_point(expr: &Expr) -> Option<[f64; 2]> {
    match constant(expr)?.shape {
        Shape::Point(at) => Some([at.lon_deg, at.lat_deg]),
        _ => None,
    }
}

/// Whether it is the place of a row: `st_point(lon, lat)` of stored columns.
pub(crate) fn is_row_place(expr: &Expr, stored: &Schema) -> bool {
    let Expr::ScalarFunction(call) = expr else { return false };
    let is_column = |arg: Option<&Expr>, name: &str| matches!(arg, Some(Expr::Column(column)) if column.name == name && stored.field_with_name(name).is_ok());
    call.name() == "st_point" && is_column(call.args.first(), "lon") && is_column(call.args.get(1), "lat")
}
