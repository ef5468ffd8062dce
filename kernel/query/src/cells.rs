//! A predicate on a row's code in, the box of the cell it names out: `code_contains('N50J475', code_beidou(lon, lat, 5))`,
//! `code_h3(lon, lat, 9) = '8931aa...'`, `code_parent(code_geosot(geometry, 18), 12) = 'G...'`. The predicate stays: a box says
//! only where it can be true.

use arrow::datatypes::Schema;
use coding_system::{Decoded, Scheme, decode};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, col, lit};

use crate::columns::is_geometry;

/// Room for the rounding of a cell's sides: 0.1 mm on the ground.
const MARGIN_DEG: f64 = 1e-9;
/// Longitudes and latitudes beyond which a box in degrees says too little: at the poles and at the antimeridian cells meet.
const FARTHEST_DEG: [f64; 2] = [179.9, 85.0];

/// What is implied by `code_contains(code, place)`, also with a longitude, a latitude and a height instead of a code.
pub(crate) fn of_call(call: &ScalarFunction, stored: &Schema) -> Option<Expr> {
    if call.name() != "code_contains" {
        return None;
    }
    let cell = written(call.args.first()?)?;
    match &call.args[1..] {
        [code] => holds(&cell, &Coded::of(code, stored)?),
        [lon, lat, more @ ..] => {
            let (lon, lat, height) = (column(lon, stored)?, column(lat, stored)?, more.first());
            let height = height.and_then(|height| column(height, stored));
            holds(&cell, &Coded { scheme: cell.place_scheme, place: [lon, lat], height })
        }
        [] => None,
    }
}

/// What is implied by `code(place) = code`.
pub(crate) fn of_comparison(binary: &BinaryExpr, stored: &Schema) -> Option<Expr> {
    if binary.op != Operator::Eq {
        return None;
    }
    let (cell, code) = match (written(&binary.left), written(&binary.right)) {
        (Some(cell), None) => (cell, &binary.right),
        (None, Some(cell)) => (cell, &binary.left),
        _ => return None,
    };
    holds(&cell, &Coded::of(code, stored)?)
}

/// The code of a row's place.
struct Coded {
    scheme: Scheme,
    place: [Expr; 2],
    height: Option<Expr>,
}

impl Coded {
    fn of(expr: &Expr, stored: &Schema) -> Option<Self> {
        let Expr::ScalarFunction(call) = expr else { return None };
        let (scheme, in_space) = match call.name() {
            // What is in a cell is in the cell above it.
            "code_parent" => return Self::of(call.args.first()?, stored),
            "code_beidou" => (Scheme::BeiDou, false),
            "code_beidou3d" => (Scheme::BeiDou, true),
            "code_geosot" => (Scheme::GeoSot, false),
            "code_geosot3d" => (Scheme::GeoSot, true),
            "code_rslc" => (Scheme::Rslc, false),
            "code_rslc3d" => (Scheme::Rslc, true),
            "code_h3" => (Scheme::H3, false),
            _ => return None,
        };
        if let (false, [geometry, _]) = (in_space, call.args.as_slice()) {
            // The columns beside a geometry are its anchor, of which the code is.
            let Expr::Column(name) = geometry else { return None };
            is_geometry(stored.field_with_name(&name.name).ok()?).then_some(())?;
            let place = [column(&col("lon"), stored)?, column(&col("lat"), stored)?];
            return Some(Self { scheme, place, height: None });
        }
        let place = [column(call.args.first()?, stored)?, column(call.args.get(1)?, stored)?];
        let height = call.args.get(2).filter(|_| in_space).and_then(|height| column(height, stored));
        Some(Self { scheme, place, height })
    }
}

/// The box of a cell in comparisons of a row's place.
fn holds(cell: &Decoded, coded: &Coded) -> Option<Expr> {
    if cell.place_scheme != coded.scheme || cell.area.crosses_antimeridian() {
        return None;
    }
    let (low, high) = ([cell.area.west_deg(), cell.area.south_deg()], [cell.area.east_deg(), cell.area.north_deg()]);
    let mut all = Vec::new();
    for axis in 0..2 {
        // Cells below an H3 cell stand out of it, by less than its own width.
        let margin = if coded.scheme == Scheme::H3 { high[axis] - low[axis] } else { MARGIN_DEG };
        let ends = [low[axis] - margin, high[axis] + margin];
        if ends.iter().any(|end| end.abs() > FARTHEST_DEG[axis]) {
            return None;
        }
        all.push(within(&coded.place[axis], ends));
    }
    if let (Some(band), Some(height)) = (cell.height_band, &coded.height) {
        let margin = 1e-3 + 1e-9 * band.low_m.abs().max(band.high_m.abs());
        all.push(within(height, [band.low_m - margin, band.high_m + margin]));
    }
    all.into_iter().reduce(Expr::and)
}

fn within(value: &Expr, [low, high]: [f64; 2]) -> Expr {
    value.clone().gt_eq(lit(low)).and(value.clone().lt_eq(lit(high)))
}

fn written(expr: &Expr) -> Option<Decoded> {
    match expr {
        Expr::Literal(value @ (ScalarValue::Utf8(_) | ScalarValue::LargeUtf8(_) | ScalarValue::Utf8View(_)), _) => {
            decode(value.try_as_str()??).ok()
        }
        _ => None,
    }
}

/// A column of degrees or metres.
fn column(expr: &Expr, stored: &Schema) -> Option<Expr> {
    let Expr::Column(column) = expr else { return None };
    let field = stored.field_with_name(&column.name).ok()?;
    (*field.data_type() == arrow::datatypes::DataType::Float64).then(|| col(column.name.as_str()))
}
