//! Where place, time and series stand in the tables that have them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, UInt64Array};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;

/// Positions of columns in a table's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) series: usize,
    pub(crate) time: usize,
    pub(crate) lon: usize,
    pub(crate) lat: usize,
    pub(crate) height: Option<usize>,
    /// Where a row says more than its place.
    pub(crate) value: Option<usize>,
}

impl Layout {
    /// Of a table whose rows have a place and a time.
    pub(crate) fn of(table: Table) -> Option<Self> {
        match table {
            Table::Observations => Some(Self { series: 0, time: 1, lon: 5, lat: 6, height: Some(8), value: Some(3) }),
            Table::Positions => Some(Self { series: 0, time: 1, lon: 2, lat: 3, height: Some(4), value: None }),
            Table::ObservationsMinute | Table::ObservationsHour | Table::ObservationsDay => {
                Some(Self { series: 0, time: 1, lon: 13, lat: 14, height: Some(15), value: None })
            }
            _ => None,
        }
    }
}

/// Instants in microseconds.
pub(crate) fn instants(column: &ArrayRef) -> &[i64] {
    column.as_primitive::<TimestampMicrosecondType>().values()
}

/// Degrees; what stands where the value is null means nothing.
pub(crate) fn degrees(column: &ArrayRef) -> &[f64] {
    column.as_primitive::<Float64Type>().values()
}

/// Metres, NaN where the value is null.
pub(crate) fn heights(column: &ArrayRef) -> ArrayRef {
    let heights = column.as_primitive::<Float64Type>();
    match heights.null_count() {
        0 => column.clone(),
        _ => Arc::new(Float64Array::from_iter_values(heights.iter().map(|height| height.unwrap_or(f64::NAN)))),
    }
}

/// Numbers of series: a datastream's own; of an entity the last half of its id.
pub(crate) fn series(column: &ArrayRef) -> ArrayRef {
    match column.as_fixed_size_binary_opt() {
        None => column.clone(),
        Some(ids) => Arc::new(UInt64Array::from_iter_values((0..ids.len()).map(|row| series_of(ids.value(row))))),
    }
}

/// A column of [`series`].
pub(crate) fn numbers(column: &ArrayRef) -> &[u64] {
    column.as_primitive::<UInt64Type>().values()
}

/// The last eight bytes of an id as a number: in ids that begin with a time these differ most.
pub fn series_of(id: &[u8]) -> u64 {
    id.iter().skip(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
