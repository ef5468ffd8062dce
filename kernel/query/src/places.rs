//! What of an expression says where: a geometry that is written down, the point of a row. Nothing else of the expression is
//! understood here.

use arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use kernel_model::{Coord, Geometry, Polygon, Shape};
use spatial_index::Faces;

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

/// What a predicate makes of an area's border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Border {
    /// A point on it is in the area.
    In,
    /// It is not.
    Out,
}

impl Border {
    /// The area as the predicate has it.
    pub(crate) fn of(self, faces: Faces) -> Faces {
        match self {
            Self::In => faces,
            Self::Out => faces.without_border(),
        }
    }
}

/// What a predicate between an area and a point makes of the border; `area_first` where the area is its first argument. `None`
/// where it is not true of exactly the points of an area.
pub(crate) fn holding(predicate: &str, area_first: bool) -> Option<Border> {
    match (predicate, area_first) {
        ("st_intersects", _) | ("st_covers", true) | ("st_coveredby", false) => Some(Border::In),
        ("st_contains", true) | ("st_within", false) => Some(Border::Out),
        _ => None,
    }
}

/// The area of one polygon or several. On the globe only: elsewhere degrees run on and the index would see the area on both
/// sides of the antimeridian, the predicates do not.
pub(crate) fn faces(geometry: &Geometry) -> Option<Faces> {
    let polygons = match &geometry.shape {
        Shape::Polygon(rings) => std::slice::from_ref(rings),
        Shape::MultiPolygon(polygons) => polygons,
        _ => return None,
    };
    let on_the_globe = |at: &Coord| at.lon_deg.abs() < 180.0 && at.lat_deg.abs() <= 90.0;
    if !polygons.iter().flatten().flatten().all(on_the_globe) {
        return None;
    }
    let ring = |ring: &Vec<Coord>| ring.iter().map(|at| [at.lon_deg, at.lat_deg]).collect::<Vec<_>>();
    let rings = |polygon: &Polygon| polygon.iter().map(ring).collect::<Vec<_>>();
    Faces::new(&polygons.iter().map(rings).collect::<Vec<_>>()).ok()
}
