//! What of a predicate the index can answer. A conjunction over stored columns comes in; out come a region, a time band, a
//! span of series, which every row of the answer is in, and the part of the predicate that is still to be tested row by row.
//! A comparison that the index answers exactly is not tested again.

use std::fmt;
use std::ops::Range;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use kernel_store::{Error as StoreError, Nearest, Part, series_of};
use spatial_index::{Both, Circle, LonLatBox, Ranking, Region, Spans, TimeBand, Windows};

use crate::candidates::implied;
use crate::functions::DISTANCE_M;
use crate::places::{constant, constant_point, faces, holding, is_row_place};
use crate::scan::calls_function;

/// A question to the index.
#[derive(Debug)]
pub(super) struct Asked {
    window: LonLatBox,
    /// A polygon or a radius.
    area: Option<Box<dyn AreaAsked>>,
    spans: Spans,
    /// Where everything that matters lies, where less than everything does.
    near: Option<Windows<2>>,
    /// What is left to be tested.
    pub(super) rest: Option<Expr>,
}

/// A region that a plan can keep.
trait AreaAsked: Region<2> + fmt::Debug + Send + Sync {}

impl<R: Region<2> + fmt::Debug + Send + Sync> AreaAsked for R {}

const NOWHERE: LonLatBox = LonLatBox { min: [f64::INFINITY; 2], max: [f64::NEG_INFINITY; 2] };
const ANYWHERE: LonLatBox = LonLatBox { min: [f64::NEG_INFINITY; 2], max: [f64::INFINITY; 2] };

impl Asked {
    /// Of the conjunction of some predicates over a table with places and times.
    pub(super) fn of(predicates: &[Expr], stored: &Schema) -> Self {
        let mut asked = Self { window: ANYWHERE, area: None, spans: Spans::ALL, near: None, rest: None };
        let mut rest = Vec::new();
        let mut parts: Vec<_> =
            predicates.iter().flat_map(|predicate| split_conjunction_owned(predicate.clone())).collect();
        // An area says more than a box.
        parts.sort_by_key(|part| !calls_function(part));
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
        self.rows_in_spans(part, &self.spans)
    }

    /// Those of them that are no older than an instant.
    pub(super) fn rows_since(&self, part: &Part, from_us: i64) -> Result<Vec<Range<usize>>, StoreError> {
        let band = TimeBand { from_us: self.spans.band.from_us.max(from_us), ..self.spans.band };
        self.rows_in_spans(part, &Spans { band, ..self.spans })
    }

    fn rows_in_spans(&self, part: &Part, spans: &Spans) -> Result<Vec<Range<usize>>, StoreError> {
        if !part.time_band().is_none_or(|band| band.meets(spans.band)) {
            return Ok(Vec::new());
        }
        let window = self.window.as_numbers();
        match (&self.area, &self.near) {
            (Some(area), None) => part.rows_in(&&**area, spans),
            (Some(area), Some(near)) => part.rows_in(&Both(near, &**area), spans),
            (None, Some(near)) => part.rows_in(&Both(near, window), spans),
            (None, None) if self.has_window() => part.rows_in(&window, spans),
            (None, None) => part.rows_in_spans(spans),
        }
    }

    /// The first and the last instant that is asked for and that there is.
    pub(super) fn band_of(&self, parts: &[Part]) -> Option<TimeBand> {
        let bands = parts.iter().filter_map(Part::time_band);
        let all = bands.reduce(|a, b| TimeBand { from_us: a.from_us.min(b.from_us), to_us: a.to_us.max(b.to_us) })?;
        let TimeBand { from_us, to_us } = self.spans.band;
        Some(TimeBand { from_us: all.from_us.max(from_us), to_us: all.to_us.min(to_us) })
    }

    /// Leaves out what is older than an instant.
    pub(super) fn since(&mut self, from_us: i64) {
        self.spans.band.from_us = self.spans.band.from_us.max(from_us);
    }

    /// Those of them that lie in a region.
    pub(super) fn rows_within(&self, part: &Part, region: &dyn Region<2>) -> Result<Vec<Range<usize>>, StoreError> {
        if !part.time_band().is_none_or(|band| band.meets(self.spans.band)) {
            return Ok(Vec::new());
        }
        let (window, spans) = (self.window.as_numbers(), &self.spans);
        match (&self.area, &self.near) {
            (Some(area), None) => part.rows_in(&Both(region, &**area), spans),
            (Some(area), Some(near)) => part.rows_in(&Both(region, Both(near, &**area)), spans),
            (None, Some(near)) => part.rows_in(&Both(region, Both(near, window)), spans),
            (None, None) if self.has_window() => part.rows_in(&Both(region, window), spans),
            (None, None) => part.rows_in(&region, spans),
        }
    }

    /// The nearest rows of the parts that are meant.
    pub(super) fn nearest<K: Ranking<2> + Copy>(
        &self,
        parts: &[Part],
        ranking: K,
        most: usize,
    ) -> Result<Nearest, StoreError> {
        let mut nearest = Nearest::new(most);
        for (number, part) in parts.iter().enumerate() {
            if let Some(area) = &self.area {
                part.nearest(number, ranking, Some(&&**area), &self.spans, &mut nearest)?;
            } else {
                let window = self.has_window().then(|| self.window.as_numbers());
                part.nearest(number, ranking, window.as_ref(), &self.spans, &mut nearest)?;
            }
        }
        Ok(nearest)
    }

    /// Leaves out what does not lie in a box, which may go over the antimeridian.
    pub(super) fn only_near(&mut self, around: LonLatBox) {
        self.near = Some(around.region());
    }

    /// Takes a part of the predicate in; whether it need not be tested again.
    fn take(&mut self, part: &Expr, stored: &Schema) -> bool {
        match bare(part) {
            Expr::BinaryExpr(binary) => self.take_comparison(binary, stored) || self.take_radius(binary, stored),
            Expr::ScalarFunction(call) => self.take_area(call, stored),
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

    /// Narrows the search to a radius; distances are still to be compared, because they are rounded otherwise there.
    fn take_radius(&mut self, binary: &BinaryExpr, stored: &Schema) -> bool {
        if self.area.is_none()
            && !self.has_window()
            && let Some((from, metres)) = radius(binary, stored)
            && let Ok(circle) = Circle::new(from, metres.max(0.0) * (1.0 + 1e-9) + 0.01)
        {
            self.area = Some(Box::new(circle));
        }
        false
    }

    /// `st_intersects(st_point(lon, lat), 'polygon')` and its like: exactly the rows in the area, with or without its border.
    fn take_area(&mut self, call: &ScalarFunction, stored: &Schema) -> bool {
        let [a, b] = call.args.as_slice() else { return false };
        // The area takes the place of the box: one that was taken before would be forgotten.
        if self.has_window() || self.area.is_some() {
            return false;
        }
        let (geometry, first) = match (constant(a), constant(b)) {
            (Some(geometry), None) if is_row_place(b, stored) => (geometry, true),
            (None, Some(geometry)) if is_row_place(a, stored) => (geometry, false),
            _ => return false,
        };
        let Some(area) = holding(call.name(), first).zip(faces(&geometry)).map(|(border, faces)| border.of(faces))
        else {
            return false;
        };
        self.area = Some(Box::new(area));
        true
    }
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
        if self.near.is_some() {
            words.push("nearest".to_owned());
        }
        if words.is_empty() { f.write_str("all") } else { f.write_str(&words.join(", ")) }
    }
}
