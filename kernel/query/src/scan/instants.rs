//! What a comparison says of the time of a row. The time itself, in any unit, moved by an interval, as a date, cut to an hour or
//! put into a bin comes in, with what it is compared with; a band of instants goes out that holds every row of which the
//! comparison is true, and whether no other row is in it.
//!
//! All these never fall as time goes on. So it is enough to know the least instant at which a value is reached: from there on
//! the value is no less, before it is less.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, Operator};
use spatial_index::TimeBand;

/// Nanoseconds.
const MICROSECOND: i128 = 1_000;
const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// The band in which `expr op value` holds, and whether it holds of all of it; `None` where it says nothing of the time.
pub(super) fn band(expr: &Expr, op: Operator, value: &ScalarValue) -> Option<(TimeBand, bool)> {
    let (value, unit) = instant(value)?;
    (unit == unit_of(expr)?).then_some(())?;
    let (reached, passed) = (least(expr, value)?, least(expr, value + 1)?);
    let (from, before) = match op {
        Operator::Eq => (Some(reached), Some(passed)),
        Operator::GtEq => (Some(reached), None),
        Operator::Gt => (Some(passed), None),
        Operator::Lt => (None, Some(reached)),
        Operator::LtEq => (None, Some(passed)),
        _ => return None,
    };
    let clamped = |at: i128| i64::try_from(at).unwrap_or(if at > 0 { i64::MAX } else { i64::MIN });
    let band = TimeBand {
        from_us: from.map_or(i64::MIN, |from| clamped(from.no_earlier)),
        to_us: before.map_or(i64::MAX, |before| clamped(before.no_later - 1)),
    };
    let exact = [from, before].into_iter().flatten().all(|end| {
        let inner = i128::from(i64::MIN) < end.no_earlier && end.no_later < i128::from(i64::MAX);
        end.no_earlier == end.no_later && inner
    });
    Some((band, exact))
}

/// Between which instants the least one lies at which a value is reached, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Least {
    no_earlier: i128,
    no_later: i128,
}

impl Least {
    fn at(at: i128) -> Self {
        Self { no_earlier: at, no_later: at }
    }
}

/// The least instant at which an expression over the time of a row reaches a value, in the expression's unit.
fn least(expr: &Expr, value: i128) -> Option<Least> {
    match expr {
        Expr::Column(column) if matches!(column.name.as_str(), "time" | "phenomenon_time") => Some(Least::at(value)),
        Expr::Cast(cast) => of_cast(&cast.expr, cast.field.data_type(), value),
        Expr::BinaryExpr(binary) => {
            let (Expr::Literal(by, _), unit) = (&*binary.right, unit_of(&binary.left)?) else { return None };
            let by = length(by).filter(|by| by % unit == 0)? / unit;
            match binary.op {
                Operator::Plus => least(&binary.left, value - by),
                Operator::Minus => least(&binary.left, value + by),
                _ => None,
            }
        }
        Expr::ScalarFunction(call) => of_call(call, value),
        _ => None,
    }
}

fn of_cast(inner: &Expr, to: &DataType, value: i128) -> Option<Least> {
    let (from, to_unit) = (unit_of(inner)?, unit_of_type(to)?);
    let scaled = value * to_unit;
    if to_unit <= from {
        return least(inner, ceil(scaled, from));
    }
    let at = scaled / from;
    // A coarser unit is cut toward 1970, a date toward the past.
    let margin = if *to == DataType::Date32 || at > to_unit / from { 0 } else { to_unit / from };
    between(inner, at - margin, at + margin)
}

/// `date_trunc('hour', time)`, `date_bin(interval, time)`, `date_bin(interval, time, origin)`.
fn of_call(call: &ScalarFunction, value: i128) -> Option<Least> {
    let (Expr::Literal(how, _), inner) = (call.args.first()?, call.args.get(1)?) else { return None };
    let unit = unit_of(inner)?;
    let (step, origin) = match (call.name(), call.args.get(2)) {
        ("date_trunc", None) => match how.try_as_str()?? {
            "week" => (7 * DAY, 4 * DAY),
            "day" => (DAY, 0),
            "hour" => (3_600 * SECOND, 0),
            "minute" => (60 * SECOND, 0),
            "second" => (SECOND, 0),
            // Their lengths differ: it lies within the longest.
            "month" => return between(inner, value, value + 31 * DAY / unit),
            "quarter" => return between(inner, value, value + 92 * DAY / unit),
            "year" => return between(inner, value, value + 366 * DAY / unit),
            _ => return None,
        },
        ("date_bin", None) => (length(how)?, 0),
        ("date_bin", Some(Expr::Literal(origin, _))) => {
            let (origin, unit) = instant(origin)?;
            (length(how)?, origin * unit)
        }
        _ => return None,
    };
    if step <= 0 || step % unit != 0 || origin % unit != 0 {
        return None;
    }
    let (step, origin) = (step / unit, origin / unit);
    let at = origin + ceil(value - origin, step) * step;
    // Before 1970 and before the origin libraries cut in their own ways.
    let margin = if at > step && at > origin + step { 0 } else { step };
    between(inner, at - margin, at + margin)
}

/// The least instant at which an expression reaches a value that lies between two.
fn between(expr: &Expr, least_value: i128, greatest_value: i128) -> Option<Least> {
    let (first, last) = (least(expr, least_value)?, least(expr, greatest_value)?);
    Some(Least { no_earlier: first.no_earlier, no_later: last.no_later })
}

/// Nanoseconds of what an expression over the time of a row counts in.
fn unit_of(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Column(_) => Some(MICROSECOND),
        Expr::Cast(cast) => unit_of_type(cast.field.data_type()),
        Expr::BinaryExpr(binary) => unit_of(&binary.left),
        Expr::ScalarFunction(call) => unit_of(call.args.get(1)?),
        _ => None,
    }
}

fn unit_of_type(kind: &DataType) -> Option<i128> {
    match kind {
        DataType::Timestamp(unit, zone)
            if zone.as_deref().is_none_or(|zone| matches!(zone, "+00:00" | "UTC" | "Z")) =>
        {
            Some(match unit {
                TimeUnit::Nanosecond => 1,
                TimeUnit::Microsecond => MICROSECOND,
                TimeUnit::Millisecond => 1_000_000,
                TimeUnit::Second => SECOND,
            })
        }
        DataType::Date32 => Some(DAY),
        _ => None,
    }
}

/// A written instant and the nanoseconds of what it counts in.
fn instant(value: &ScalarValue) -> Option<(i128, i128)> {
    let counted = match value {
        ScalarValue::TimestampNanosecond(Some(at), _)
        | ScalarValue::TimestampMicrosecond(Some(at), _)
        | ScalarValue::TimestampMillisecond(Some(at), _)
        | ScalarValue::TimestampSecond(Some(at), _) => i128::from(*at),
        ScalarValue::Date32(Some(day)) => i128::from(*day),
        _ => return None,
    };
    Some((counted, unit_of_type(&value.data_type())?))
}

/// Nanoseconds of a written interval; a month has no length.
fn length(value: &ScalarValue) -> Option<i128> {
    match value {
        ScalarValue::IntervalMonthDayNano(Some(length)) if length.months == 0 => {
            Some(i128::from(length.days) * DAY + i128::from(length.nanoseconds))
        }
        ScalarValue::IntervalDayTime(Some(length)) => {
            Some(i128::from(length.days) * DAY + i128::from(length.milliseconds) * 1_000_000)
        }
        ScalarValue::DurationNanosecond(Some(length)) => Some(i128::from(*length)),
        ScalarValue::DurationMicrosecond(Some(length)) => Some(i128::from(*length) * MICROSECOND),
        _ => None,
    }
}

/// The least whole number of steps that is no less.
fn ceil(value: i128, step: i128) -> i128 {
    -(-value).div_euclid(step)
}
