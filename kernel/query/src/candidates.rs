//! A spatial predicate in, a cheap predicate over plain columns out that every row of the answer fulfils: boxes that
//! meet, points in a box or in the cell of a code. It is evaluated first (and prunes row groups of files); the exact predicate stays.

use arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, col, lit};
use kernel_model::{Geometry, Region};

use crate::cells;
use crate::columns::is_geometry;

/// Predicates that are false unless their two geometries share a point.
pub(crate) const MEETING: [&str; 7] =
    ["st_intersects", "st_contains", "st_within", "st_covers", "st_coveredby", "st_equals", "st_touches"];

/// A predicate that holds wherever `expr` does, over box or coordinate columns of `stored`; `None` where none is known.
pub(crate) fn implied(expr: &Expr, stored: &Schema) -> Option<Expr> {
    match expr {
        Expr::BinaryExpr(binary) => from_binary(binary, stored),
        Expr::ScalarFunction(call) if call.name().starts_with("code_") => cells::of_call(call, stored),
        Expr::ScalarFunction(call) => {
            let (a, b) = (call.args.first()?, call.args.get(1)?);
            match call.name() {
                name if MEETING.contains(&name) => pair(a, b, 0.0, stored),
                "st_dwithin" => pair(a, b, number(call.args.get(2)?)?, stored),
                _ => None,
            }
        }
        Expr::InList(list) if !list.negated => {
            let one = |item: &Expr| implied(&(*list.expr).clone().eq(item.clone()), stored);
            list.list.iter().map(one).collect::<Option<Vec<_>>>()?.into_iter().reduce(Expr::or)
        }
        _ => None,
    }
}

fn from_binary(binary: &BinaryExpr, stored: &Schema) -> Option<Expr> {
    let both = || (implied(&binary.left, stored), implied(&binary.right, stored));
    match binary.op {
        Operator::And => match both() {
            (Some(left), Some(right)) => Some(left.and(right)),
            (left, right) => left.or(right),
        },
        Operator::Or => match both() {
            (Some(left), Some(right)) => Some(left.or(right)),
            _ => None,
        },
        Operator::Eq => cells::of_comparison(binary, stored),
        Operator::Lt | Operator::LtEq => within_distance(&binary.left, &binary.right, stored),
        Operator::Gt | Operator::GtEq => within_distance(&binary.right, &binary.left, stored),
        _ => None,
    }
}

/// `st_distance(a, b) <= limit`.
fn within_distance(distance: &Expr, limit: &Expr, stored: &Schema) -> Option<Expr> {
    let Expr::ScalarFunction(call) = distance else { return None };
    let [a, b] = call.args.as_slice() else { return None };
    if call.name() == "st_distance" { pair(a, b, number(limit)?, stored) } else { None }
}

/// One side a constant geometry, the other a thing of the table.
fn pair(a: &Expr, b: &Expr, margin: f64, stored: &Schema) -> Option<Expr> {
    let (region, subject) = match (constant_box(a), constant_box(b)) {
        (Some(region), None) => (region, b),
        (None, Some(region)) => (region, a),
        _ => return None,
    };
    // Rounding in the exact predicate must not lose a row at the rim.
    let margin = if margin > 0.0 { margin * 1.000_001 + 1e-9 } else { 0.0 };
    let corners = [region.west - margin, region.south - margin, region.east + margin, region.north + margin];
    if margin.is_nan() || corners.iter().any(|c| !c.is_finite()) { None } else { meets(subject, corners, stored) }
}

fn meets(subject: &Expr, [west, south, east, north]: [f64; 4], stored: &Schema) -> Option<Expr> {
    match subject {
        Expr::Column(column) => {
            let field = stored.field_with_name(&column.name).ok()?;
            let boxed = ["west", "south", "east", "north"].iter().all(|name| stored.field_with_name(name).is_ok());
            (is_geometry(field) && boxed).then(|| {
                let lon = col("west").lt_eq(lit(east)).and(col("east").gt_eq(lit(west)));
                lon.and(col("south").lt_eq(lit(north))).and(col("north").gt_eq(lit(south)))
            })
        }
        Expr::ScalarFunction(call) if matches!(call.name(), "st_point" | "st_pointz") => {
            let (x, y) = (plain_column(call.args.first()?, stored)?, plain_column(call.args.get(1)?, stored)?);
            let inside = |c: Expr, low: f64, high: f64| c.clone().gt_eq(lit(low)).and(c.lt_eq(lit(high)));
            Some(inside(x, west, east).and(inside(y, south, north)))
        }
        _ => None,
    }
}

fn plain_column(expr: &Expr, stored: &Schema) -> Option<Expr> {
    let Expr::Column(column) = expr else { return None };
    let field = stored.field_with_name(&column.name).ok()?;
    (*field.data_type() == arrow::datatypes::DataType::Float64).then(|| col(column.name.as_str()))
}

fn constant_box(expr: &Expr) -> Option<Region> {
    let Expr::Literal(value, _) = expr else { return None };
    let (ScalarValue::Binary(Some(bytes))
    | ScalarValue::LargeBinary(Some(bytes))
    | ScalarValue::BinaryView(Some(bytes))) = value
    else {
        return None;
    };
    let region = Geometry::from_wkb(bytes).ok()?.region();
    (!region.is_empty()).then_some(region)
}

fn number(expr: &Expr) -> Option<f64> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::Float64(value) => *value,
        ScalarValue::Float32(value) => value.map(f64::from),
        ScalarValue::Int64(value) => value.map(|value| value as f64),
        _ => None,
    }
}
