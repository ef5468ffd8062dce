//! What of a predicate the index can answer. A conjunction over stored columns comes in; out come a region, a time band, a
//! span of series, which every row of the answer is in, and the part of the predicate that is still to be tested row by row.
//! A comparison that the index answers exactly is not tested again.

use std::fmt;
use std::ops::Range;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use kernel_model::{Coord, Geometry, Shape};
use kernel_store::{Error as StoreError, Part, series_of};
use spatial_index::{Area, LonLatBox, Spans, TimeBand};

use crate::candidates::implied;

/// A question to the index.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    window: LonLatBox,
    area: Option<Area>,
    spans: Spans,
    /// What is left to be tested.
    pub(super) rest: Option<Expr>,
}

const NOWHERE: LonLatBox = LonLatBox { min: [f64::INFINITY; 2], max: [f64::NEG_INFINITY; 2] };
const ANYWHERE: LonLatBox = LonLatBox { min: [f64::NEG_INFINITY; 2], max: [f64::INFINITY; 2] };

impl Asked {
    /// Of the conjunction of some predicates over a table with places and times.
    pub(super) fn of(predicates: &[Expr], stored: &Schema) -> Self {
        let mut asked = Self { window: ANYWHERE, area: None, spans: Spans::ALL, rest: None };
        let mut rest = Vec::new();
        let mut parts: Vec<_> =
            predicates.iter().flat_map(|predicate| split_conjunction_owned(predicate.clone())).collect();
        // An area says more than a box.
        parts.sort_by_key(|part| !matches!(bare(part), Expr::ScalarFunction(_)));
        for part in parts {
            if !asked.take(&part, stored) {
                // What is implied narrows the search; the part itself is still to be tested.
                for narrower in implied(&part, stored).into_iter().flat_map(split_conjunction_owned) {
                    asked.take(&narrower, stored);
                }
                rest.push(part);
            }
        }
        asked.rest = conjunction(rest);
        asked
    }

    /// Whether a place is asked for.
    fn has_window(&self) -> bool {
        self.window != ANYWHERE
    }

    /// Rows of a part that are meant, ascending runs.
    pub(super) fn rows(&self, part: &Part) -> Result<Vec<Range<usize>>, StoreError> {
        if !part.time_band().is_none_or(|band| band.meets(self.spans.band)) {
            return Ok(Vec::new());
        }
        match &self.area {
            Some(area) => part.rows_in(area, &self.spans),
            None if self.has_window() => part.rows_in(&self.window.as_numbers(), &self.spans),
            None => part.rows_in_spans(&self.spans),
        }
    }

    /// Takes a part of the predicate in; whether it need not be tested again.
    fn take(&mut self, part: &Expr, stored: &Schema) -> bool {
        match bare(part) {
            Expr::BinaryExpr(binary) => self.take_comparison(binary, stored),
            Expr::ScalarFunction(call) if call.name() == "st_intersects" => self.take_area(&call.args, stored),
            _ => false,
        }
    }

    fn take_comparison(&mut self, binary: &BinaryExpr, stored: &Schema) -> bool {
        let (column, op, value) = match (&*binary.left, &*binary.right) {
            (Expr::Column(column), Expr::Literal(value, _)) => (column, binary.op, value),
            (Expr::Literal(value, _), Expr::Column(column)) => match binary.op.swap() {
                Some(op) => (column, op, value),
                None => return false,
            },
            _ => return false,
        };
        match (column.name.as_str(), value) {
            ("lon", ScalarValue::Float64(Some(value))) => self.narrow_window(0, op, *value),
            ("lat", ScalarValue::Float64(Some(value))) => self.narrow_window(1, op, *value),
            ("time" | "phenomenon_time", ScalarValue::TimestampMicrosecond(Some(value), _)) => {
                self.narrow_band(op, *value)
            }
            ("datastream", ScalarValue::UInt64(Some(value))) => self.narrow_series(op, *value),
            ("entity", ScalarValue::FixedSizeBinary(16, Some(id))) if first_column_is_id(stored) => {
                // Two ids may be of one series: this only narrows the search.
                if op == Operator::Eq {
                    self.narrow_series(op, series_of(id));
                }
                false
            }
            _ => false,
        }
    }

    fn narrow_window(&mut self, axis: usize, op: Operator, value: f64) -> bool {
        if value.is_nan() {
            return false;
        }
        let (low, high) = match op {
            Operator::Eq => (value, value),
            Operator::GtEq => (value, f64::INFINITY),
            Operator::Gt => (value.next_up(), f64::INFINITY),
            Operator::LtEq => (f64::NEG_INFINITY, value),
            Operator::Lt => (f64::NEG_INFINITY, value.next_down()),
            _ => return false,
        };
        // The engine tells 0.0 from -0.0; the index does not.
        let exact = value != 0.0;
        self.window.min[axis] = self.window.min[axis].max(low);
        self.window.max[axis] = self.window.max[axis].min(high);
        if self.window.min[axis] > self.window.max[axis] {
            self.window = NOWHERE;
        }
        exact && self.area.is_none()
    }

    fn narrow_band(&mut self, op: Operator, value: i64) -> bool {
        let (from_us, to_us) = match op {
            Operator::Eq => (value, value),
            Operator::GtEq => (value, i64::MAX),
            Operator::Gt => (value.saturating_add(1), i64::MAX),
            Operator::LtEq => (i64::MIN, value),
            Operator::Lt => (i64::MIN, value.saturating_sub(1)),
            _ => return false,
        };
        let band = &mut self.spans.band;
        *band = TimeBand { from_us: band.from_us.max(from_us), to_us: band.to_us.min(to_us) };
        // At the very ends of time the next instant is the same one.
        !(value == i64::MAX || value == i64::MIN)
    }

    fn narrow_series(&mut self, op: Operator, value: u64) -> bool {
        let (least, greatest) = self.spans.series.unwrap_or((0, u64::MAX));
        let (low, high) = match op {
            Operator::Eq => (value, value),
            Operator::GtEq => (value, u64::MAX),
            Operator::LtEq => (0, value),
            _ => return false,
        };
        self.spans.series = Some((least.max(low), greatest.min(high)));
        true
    }

    /// `st_intersects(st_point(lon, lat), 'polygon')`: exactly the rows in the area, its border included.
    fn take_area(&mut self, args: &[Expr], stored: &Schema) -> bool {
        let [a, b] = args else { return false };
        // The area takes the place of the box: one that was taken before would be forgotten.
        if self.has_window() {
            return false;
        }
        let constant = match (constant(a), constant(b)) {
            (Some(geometry), None) if is_place(b, stored) => geometry,
            (None, Some(geometry)) if is_place(a, stored) => geometry,
            _ => return false,
        };
        let Some((area, rings)) = area(&constant).filter(|_| self.area.is_none()) else { return false };
        self.area = Some(area);
        // Holes that lie half outside are no polygon's: the index and the predicate may then differ in what they leave out.
        rings == 1
    }
}

/// In a filter null and false are the same.
fn bare(part: &Expr) -> &Expr {
    match part {
        Expr::IsTrue(inner) => bare(inner),
        other => other,
    }
}

fn first_column_is_id(stored: &Schema) -> bool {
    stored.fields().first().is_some_and(|field| *field.data_type() == DataType::FixedSizeBinary(16))
}

fn constant(expr: &Expr) -> Option<Geometry> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::Binary(Some(bytes))
        | ScalarValue::LargeBinary(Some(bytes))
        | ScalarValue::BinaryView(Some(bytes)) => Geometry::from_wkb(bytes).ok(),
        _ => None,
    }
}

fn is_place(expr: &Expr, stored: &Schema) -> bool {
    let Expr::ScalarFunction(call) = expr else { return false };
    let is_column = |arg: Option<&Expr>, name: &str| matches!(arg, Some(Expr::Column(column)) if column.name == name && stored.field_with_name(name).is_ok());
    call.name() == "st_point" && is_column(call.args.first(), "lon") && is_column(call.args.get(1), "lat")
}

/// The area of a polygon and how many rings it has.
fn area(geometry: &Geometry) -> Option<(Area, usize)> {
    let Shape::Polygon(rings) = &geometry.shape else { return None };
    let ring = |ring: &Vec<Coord>| ring.iter().map(|c| [c.lon_deg, c.lat_deg]).collect::<Vec<_>>();
    let rings: Vec<Vec<[f64; 2]>> = rings.iter().map(ring).collect();
    // On the globe only: elsewhere degrees run on and the area would be seen on both sides.
    let plain = rings.iter().flatten().all(|[lon, lat]| lon.abs() < 180.0 && lat.abs() <= 90.0);
    let area = Area::new(&rings).ok().filter(|_| plain)?;
    Some((area, rings.len()))
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LonLatBox { min: [west, south], max: [east, north] } = self.window;
        let mut words = Vec::new();
        if self.has_window() {
            words.push(format!("lon {west}..{east} lat {south}..{north}"));
        }
        if self.area.is_some() {
            words.push("area".to_owned());
        }
        let TimeBand { from_us, to_us } = self.spans.band;
        if self.spans.band != TimeBand::ALWAYS {
            words.push(format!("time_us {from_us}..{to_us}"));
        }
        if let Some((least, greatest)) = self.spans.series {
            words.push(format!("series {least}..{greatest}"));
        }
        if words.is_empty() { f.write_str("all") } else { f.write_str(&words.join(", ")) }
    }
}
