//! One way for a row to be meant: where it lies, how high, when, and of which series; all of them. Comparisons and predicates
//! over stored columns come in one by one and narrow it, each with a word on whether it still has to be tested.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use kernel_store::series_of;
use spatial_index::{Circle, LonLatBox, Region, Spans, TimeBand};

use super::instants;
use crate::functions::DISTANCE_M;
use crate::places::{constant, constant_point, faces, holding, is_row_place};

/// What became of a predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Taken {
    /// It says nothing that an index knows.
    No,
    /// It leaves rows out and is still to be tested.
    Narrows,
    /// It holds for all rows that are left.
    Exactly,
}

impl Taken {
    /// Of two predicates that both have to hold.
    pub(super) fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::Narrows }
    }

    fn exactly(exact: bool) -> Self {
        if exact { Self::Exactly } else { Self::Narrows }
    }
}

/// A region that a plan can keep.
pub(super) trait AreaAsked: Region<2> + fmt::Debug + Send + Sync {}

impl<R: Region<2> + fmt::Debug + Send + Sync> AreaAsked for R {}

const ANYWHERE: LonLatBox = LonLatBox { min: [f64::NEG_INFINITY; 2], max: [f64::INFINITY; 2] };

/// One way to be meant.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// Rows without a place are in none.
    pub(super) window: Option<LonLatBox>,
    /// Polygons and radii.
    pub(super) areas: Vec<Arc<dyn AreaAsked>>,
    /// Lowest and highest, metres above the ellipsoid; rows without a height are in none.
    pub(super) heights_m: Option<[f64; 2]>,
    pub(super) spans: Spans,
}

impl Way {
    /// All rows are meant.
    pub(super) const ALL: Self = Self { window: None, areas: Vec::new(), heights_m: None, spans: Spans::ALL };

    /// Whether no row can be meant.
    pub(super) fn is_nothing(&self) -> bool {
        let upside_down = |[least, greatest]: [f64; 2]| least > greatest;
        let window = self.window.is_some_and(|w| (0..2).any(|axis| upside_down([w.min[axis], w.max[axis]])));
        let band = self.spans.band.from_us > self.spans.band.to_us;
        let series = self.spans.series.is_some_and(|(least, greatest)| least > greatest);
        window || band || series || self.heights_m.is_some_and(upside_down)
    }

    /// What holds all rows of some ways, without their areas.
    pub(super) fn hull(ways: &[Self]) -> Self {
        let first = Self { areas: Vec::new(), ..ways.first().cloned().unwrap_or(Self::ALL) };
        ways.iter().fold(first, |hull, way| {
            let wider = |a: [f64; 2], b: [f64; 2]| [a[0].min(b[0]), a[1].max(b[1])];
            let (a, b) = (hull.spans, way.spans);
            let window = hull.window.zip(way.window).map(|(a, b)| LonLatBox {
                min: std::array::from_fn(|axis| a.min[axis].min(b.min[axis])),
                max: std::array::from_fn(|axis| a.max[axis].max(b.max[axis])),
            });
            let band = TimeBand { from_us: a.band.from_us.min(b.band.from_us), to_us: a.band.to_us.max(b.band.to_us) };
            let series = a.series.zip(b.series).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1)));
            let heights_m = hull.heights_m.zip(way.heights_m).map(|(a, b)| wider(a, b));
            Self { window, areas: Vec::new(), heights_m, spans: Spans { band, series } }
        })
    }

    /// Narrows it by a predicate that is no conjunction.
    pub(super) fn take(&mut self, part: &Expr, stored: &Schema) -> Taken {
        match part {
            Expr::BinaryExpr(binary) => {
                let (expr, op, value) = match (&*binary.left, &*binary.right) {
                    (expr, Expr::Literal(value, _)) => (expr, binary.op, value),
                    (Expr::Literal(value, _), expr) => match binary.op.swap() {
                        Some(op) => (expr, op, value),
                        None => return Taken::No,
                    },
                    _ => return Taken::No,
                };
                match self.take_comparison(expr, op, value, stored) {
                    Taken::No => self.take_radius(binary, stored),
                    taken => taken,
                }
            }
            Expr::ScalarFunction(call) => self.take_area(call, stored),
            Expr::IsNotNull(inner) => self.take_presence(inner),
            _ => Taken::No,
        }
    }

    fn take_comparison(&mut self, expr: &Expr, op: Operator, value: &ScalarValue, stored: &Schema) -> Taken {
        if let Expr::Column(column) = expr {
            match (column.name.as_str(), value) {
                ("lon", ScalarValue::Float64(Some(value))) => return self.narrow_window(0, op, *value),
                ("lat", ScalarValue::Float64(Some(value))) => return self.narrow_window(1, op, *value),
                ("height_m", ScalarValue::Float64(Some(value))) => return self.narrow_heights(op, *value),
                ("datastream", ScalarValue::UInt64(Some(value))) => return self.narrow_series(op, *value),
                ("entity", ScalarValue::FixedSizeBinary(16, Some(id)))
                    if op == Operator::Eq && first_column_is_id(stored) =>
                {
                    // Two ids may be of one series: this only narrows the search.
                    return self.narrow_series(op, series_of(id)).min(Taken::Narrows);
                }
                _ => {}
            }
        }
        let Some((TimeBand { from_us, to_us }, exact)) = instants::band(expr, op, value) else { return Taken::No };
        let band = &mut self.spans.band;
        *band = TimeBand { from_us: band.from_us.max(from_us), to_us: band.to_us.min(to_us) };
        Taken::exactly(exact)
    }

    fn narrow_window(&mut self, axis: usize, op: Operator, value: f64) -> Taken {
        let Some([low, high]) = ends(op, value) else { return Taken::No };
        let window = self.window.get_or_insert(ANYWHERE);
        window.min[axis] = window.min[axis].max(low);
        window.max[axis] = window.max[axis].min(high);
        // The engine tells 0.0 from -0.0; the index does not.
        Taken::exactly(value != 0.0)
    }

    fn narrow_heights(&mut self, op: Operator, value: f64) -> Taken {
        let Some([low, high]) = ends(op, value) else { return Taken::No };
        let [least, greatest] = self.heights_m.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
        self.heights_m = Some([least.max(low), greatest.min(high)]);
        Taken::exactly(value != 0.0)
    }

    fn narrow_series(&mut self, op: Operator, value: u64) -> Taken {
        let (low, high) = match op {
            Operator::Eq => (value, value),
            Operator::GtEq => (value, u64::MAX),
            Operator::Gt if value < u64::MAX => (value + 1, u64::MAX),
            Operator::LtEq => (0, value),
            Operator::Lt if value > 0 => (0, value - 1),
            _ => return Taken::No,
        };
        let (least, greatest) = self.spans.series.unwrap_or((0, u64::MAX));
        self.spans.series = Some((least.max(low), greatest.min(high)));
        Taken::Exactly
    }

    /// A place and a height are there, or are not.
    fn take_presence(&mut self, inner: &Expr) -> Taken {
        let Expr::Column(column) = inner else { return Taken::No };
        match column.name.as_str() {
            "lon" | "lat" => drop(self.window.get_or_insert(ANYWHERE)),
            "height_m" => drop(self.heights_m.get_or_insert([f64::NEG_INFINITY, f64::INFINITY])),
            _ => return Taken::No,
        }
        Taken::Exactly
    }

    /// Narrows the search to a radius; distances are still to be compared, because they are rounded otherwise there.
    fn take_radius(&mut self, binary: &BinaryExpr, stored: &Schema) -> Taken {
        let circle = radius(binary, stored)
            .and_then(|(from, metres)| Circle::new(from, metres.max(0.0) * (1.0 + 1e-9) + 0.01).ok());
        match circle {
            Some(circle) => {
                self.areas.push(Arc::new(circle));
                Taken::Narrows
            }
            None => Taken::No,
        }
    }

    /// `st_intersects(st_point(lon, lat), 'polygon')` and its like: exactly the rows in the area, with or without its border.
    fn take_area(&mut self, call: &ScalarFunction, stored: &Schema) -> Taken {
        let [a, b] = call.args.as_slice() else { return Taken::No };
        let (geometry, first) = match (constant(a), constant(b)) {
            (Some(geometry), None) if is_row_place(b, stored) => (geometry, true),
            (None, Some(geometry)) if is_row_place(a, stored) => (geometry, false),
            _ => return Taken::No,
        };
        match holding(call.name(), first).zip(faces(&geometry)).map(|(border, faces)| border.of(faces)) {
            Some(area) => {
                self.areas.push(Arc::new(area));
                Taken::Exactly
            }
            None => Taken::No,
        }
    }
}

/// The least and the greatest number of which a comparison is true.
fn ends(op: Operator, value: f64) -> Option<[f64; 2]> {
    Some(match op {
        _ if value.is_nan() => return None,
        Operator::Eq => [value, value],
        Operator::GtEq => [value, f64::INFINITY],
        Operator::Gt => [value.next_up(), f64::INFINITY],
        Operator::LtEq => [f64::NEG_INFINITY, value],
        Operator::Lt => [f64::NEG_INFINITY, value.next_down()],
        _ => return None,
    })
}

/// The constant point and the greatest distance of `st_distancespheroid(row, point) <= metres`.
fn radius(binary: &BinaryExpr, stored: &Schema) -> Option<([f64; 2], f64)> {
    let (distance, limit) = match binary.op {
        Operator::Lt | Operator::LtEq => (&*binary.left, &*binary.right),
        Operator::Gt | Operator::GtEq => (&*binary.right, &*binary.left),
        _ => return None,
    };
    let (Expr::ScalarFunction(call), Expr::Literal(ScalarValue::Float64(Some(metres)), _)) = (distance, limit) else {
        return None;
    };
    let [a, b] = call.args.as_slice() else { return None };
    let from = match (constant_point(a), constant_point(b)) {
        (Some(from), None) if is_row_place(b, stored) => from,
        (None, Some(from)) if is_row_place(a, stored) => from,
        _ => return None,
    };
    (call.name() == DISTANCE_M).then_some((from, *metres))
}

fn first_column_is_id(stored: &Schema) -> bool {
    stored.fields().first().is_some_and(|field| *field.data_type() == DataType::FixedSizeBinary(16))
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        match self.window {
            None => {}
            Some(ANYWHERE) => words.push("placed".to_owned()),
            Some(LonLatBox { min: [west, south], max: [east, north] }) => {
                words.push(format!("lon {west}..{east} lat {south}..{north}"));
            }
        }
        if !self.areas.is_empty() {
            words.push("area".to_owned());
        }
        if let Some([low, high]) = self.heights_m {
            words.push(format!("height_m {low}..{high}"));
        }
        let TimeBand { from_us, to_us } = self.spans.band;
        if self.spans.band != TimeBand::ALWAYS {
            words.push(format!("time_us {from_us}..{to_us}"));
        }
        if let Some((least, greatest)) = self.spans.series {
            words.push(format!("series {least}..{greatest}"));
        }
        f.write_str(&words.join(", "))
    }
}
