//! A column of an Arrow batch as JSON values, row by row: numbers stay numbers, booleans booleans, lists and structs are
//! taken in depth. A timestamp with a zone is an RFC 3339 instant in UTC, one without stays a clock's reading without
//! offset; what has no value in JSON (NaN, a map) is left out.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, NaiveTime, SecondsFormat, Utc};
use serde_json::{Map, Number, Value};

use crate::geopackage::hex;

/// The value of a row; `Value::Null`: none.
pub(crate) type Cell<'a> = Box<dyn Fn(usize) -> Value + 'a>;

/// Levels of lists and structs.
const MAX_DEPTH: usize = 8;

/// How to read a column's rows.
pub(crate) fn cell(array: &dyn Array) -> Cell<'_> {
    at_depth(array, 0)
}

fn at_depth(array: &dyn Array, depth: usize) -> Cell<'_> {
    let read = typed(array, depth);
    if array.null_count() == 0 {
        return read;
    }
    Box::new(move |row| if array.is_null(row) { Value::Null } else { read(row) })
}

fn real(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

fn primitive<'a, T: ArrowPrimitiveType>(array: &'a dyn Array, make: impl Fn(T::Native) -> Value + 'a) -> Cell<'a> {
    let array = array.as_primitive::<T>();
    Box::new(move |row| make(array.value(row)))
}

fn typed(array: &dyn Array, depth: usize) -> Cell<'_> {
    if depth > MAX_DEPTH {
        return Box::new(|_| Value::Null);
    }
    match array.data_type() {
        DataType::Boolean => {
            let array = array.as_boolean();
            Box::new(|row| array.value(row).into())
        }
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            Box::new(|row| array.value(row).into())
        }
        DataType::LargeUtf8 => {
            let array = array.as_string::<i64>();
            Box::new(|row| array.value(row).into())
        }
        DataType::Utf8View => {
            let array = array.as_string_view();
            Box::new(|row| array.value(row).into())
        }
        DataType::Int8 => primitive::<Int8Type>(array, Value::from),
        DataType::Int16 => primitive::<Int16Type>(array, Value::from),
        DataType::Int32 => primitive::<Int32Type>(array, Value::from),
        DataType::Int64 => primitive::<Int64Type>(array, Value::from),
        DataType::UInt8 => primitive::<UInt8Type>(array, Value::from),
        DataType::UInt16 => primitive::<UInt16Type>(array, Value::from),
        DataType::UInt32 => primitive::<UInt32Type>(array, Value::from),
        DataType::UInt64 => primitive::<UInt64Type>(array, Value::from),
        DataType::Float16 => primitive::<Float16Type>(array, |n| real(n.to_f64())),
        DataType::Float32 => primitive::<Float32Type>(array, |n| real(f64::from(n))),
        DataType::Float64 => primitive::<Float64Type>(array, real),
        DataType::Timestamp(unit, zone) => timestamp(array, *unit, zone.is_some()),
        DataType::Date32 => primitive::<Date32Type>(array, |days| date(i64::from(days))),
        DataType::Date64 => primitive::<Date64Type>(array, |ms| date(ms.div_euclid(86_400_000))),
        DataType::Time32(TimeUnit::Second) => primitive::<Time32SecondType>(array, |s| clock(i64::from(s) * 1_000_000)),
        DataType::Time32(_) => primitive::<Time32MillisecondType>(array, |ms| clock(i64::from(ms) * 1000)),
        DataType::Time64(TimeUnit::Microsecond) => primitive::<Time64MicrosecondType>(array, clock),
        DataType::Time64(_) => primitive::<Time64NanosecondType>(array, |ns| clock(ns / 1000)),
        DataType::Decimal128(..) => {
            let array = array.as_primitive::<Decimal128Type>();
            Box::new(|row| decimal(&array.value_as_string(row)))
        }
        _ => nested(array, depth),
    }
}

fn nested(array: &dyn Array, depth: usize) -> Cell<'_> {
    match array.data_type() {
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            Box::new(|row| hex(array.value(row)).into())
        }
        DataType::LargeBinary => {
            let array = array.as_binary::<i64>();
            Box::new(|row| hex(array.value(row)).into())
        }
        DataType::BinaryView => {
            let array = array.as_binary_view();
            Box::new(|row| hex(array.value(row)).into())
        }
        DataType::FixedSizeBinary(_) => {
            let array = array.as_fixed_size_binary();
            Box::new(|row| hex(array.value(row)).into())
        }
        DataType::Dictionary(..) => {
            let array = array.as_any_dictionary();
            let values = at_depth(array.values().as_ref(), depth + 1);
            let keys = array.normalized_keys();
            Box::new(move |row| keys.get(row).map_or(Value::Null, |key| values(*key)))
        }
        DataType::List(_) => {
            let array = array.as_list::<i32>();
            let values = at_depth(array.values().as_ref(), depth + 1);
            Box::new(move |row| {
                let ends = array.value_offsets();
                (ends[row] as usize..ends[row + 1] as usize).map(&values).collect()
            })
        }
        DataType::LargeList(_) => {
            let array = array.as_list::<i64>();
            let values = at_depth(array.values().as_ref(), depth + 1);
            Box::new(move |row| {
                let ends = array.value_offsets();
                (ends[row] as usize..ends[row + 1] as usize).map(&values).collect()
            })
        }
        DataType::Struct(_) => {
            let array = array.as_struct();
            let fields: Vec<(&str, Cell<'_>)> = array
                .column_names()
                .into_iter()
                .zip(array.columns().iter().map(|c| at_depth(c.as_ref(), depth + 1)))
                .collect();
            Box::new(move |row| {
                let mut object = Map::new();
                for (name, value) in &fields {
                    let value = value(row);
                    if !value.is_null() {
                        object.insert((*name).to_owned(), value);
                    }
                }
                Value::Object(object)
            })
        }
        _ => Box::new(|_| Value::Null),
    }
}

fn timestamp(array: &dyn Array, unit: TimeUnit, has_zone: bool) -> Cell<'_> {
    let text = move |time: Option<DateTime<Utc>>| match time {
        None => Value::Null,
        Some(time) if has_zone => time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
        Some(time) => time.naive_utc().format("%Y-%m-%dT%H:%M:%S%.f").to_string().into(),
    };
    match unit {
        TimeUnit::Second => primitive::<TimestampSecondType>(array, move |t| text(DateTime::from_timestamp(t, 0))),
        TimeUnit::Millisecond => {
            primitive::<TimestampMillisecondType>(array, move |t| text(DateTime::from_timestamp_millis(t)))
        }
        TimeUnit::Microsecond => {
            primitive::<TimestampMicrosecondType>(array, move |t| text(DateTime::from_timestamp_micros(t)))
        }
        TimeUnit::Nanosecond => primitive::<TimestampNanosecondType>(array, move |t| {
            text(DateTime::from_timestamp(t.div_euclid(1_000_000_000), t.rem_euclid(1_000_000_000) as u32))
        }),
    }
}

fn date(days: i64) -> Value {
    let time = days.checked_mul(86_400).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map_or(Value::Null, |t| t.date_naive().to_string().into())
}

fn clock(micros: i64) -> Value {
    let seconds = u32::try_from(micros.div_euclid(1_000_000)).ok();
    let nanos = micros.rem_euclid(1_000_000) as u32 * 1000;
    let time = seconds.and_then(|s| NaiveTime::from_num_seconds_from_midnight_opt(s, nanos));
    time.map_or(Value::Null, |t| t.format("%H:%M:%S%.f").to_string().into())
}

/// A number where it is exact as one; else its text.
fn decimal(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.parse().ok().filter(|_| digits <= 15).map_or_else(|| text.into(), real)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Date32Array, Float64Array, ListArray, TimestampMillisecondArray, UInt64Array};
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_kept_and_zones_not_guessed() {
        let of = |array: &dyn Array| (0..array.len()).map(cell(array)).collect::<Vec<_>>();
        assert_eq!(
            of(&Float64Array::from(vec![Some(1.5), None, Some(f64::NAN)])),
            [json!(1.5), json!(null), json!(null)]
        );
        assert_eq!(of(&UInt64Array::from(vec![u64::MAX])), [json!(u64::MAX)]);
        assert_eq!(of(&Date32Array::from(vec![0, i32::MAX])), [json!("1970-01-01"), json!(null)]);
        let clock = TimestampMillisecondArray::from(vec![1500]);
        assert_eq!(of(&clock), [json!("1970-01-01T00:00:01.500")]);
        assert_eq!(of(&clock.with_timezone("Asia/Shanghai")), [json!("1970-01-01T00:00:01.500Z")]);
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), None]), None]);
        assert_eq!(of(&(Arc::new(list) as Arc<dyn Array>)), [json!([1, null]), json!(null)]);
        assert_eq!(
            (decimal("12.50"), decimal("7"), decimal("1234567890.123456789")),
            (json!(12.5), json!(7), json!("1234567890.123456789"))
        );
    }
}
