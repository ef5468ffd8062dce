//! What the arguments of our functions are: columns of places, levels and texts, read row by row. A null in any argument
//! makes a null; a number out of range is an error that names it, never a code of somewhere else.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::common::cast::as_binary_array;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use kernel_model::Geometry;

/// An error on some row, in words.
pub(super) fn refuse(function: &str, what: impl std::fmt::Display) -> DataFusionError {
    DataFusionError::Execution(format!("{function}: {what}"))
}

/// Whether a type can hold WKB.
pub(super) fn is_bytes(kind: &DataType) -> bool {
    matches!(kind, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// Positions on the ground.
pub(super) enum Places<'a> {
    /// Degrees.
    LonLat(&'a Float64Array, &'a Float64Array),
    /// WKB; a thing that is not a point stands at its anchor.
    Wkb(&'a BinaryArray),
}

impl<'a> Places<'a> {
    /// Reads the leading columns of a call and returns how many they were.
    pub(super) fn of(columns: &'a [ArrayRef]) -> Result<(Self, usize)> {
        match columns {
            [first, ..] if is_bytes(first.data_type()) => Ok((Self::Wkb(as_binary_array(first)?), 1)),
            [lon, lat, ..] => Ok((Self::LonLat(numbers(lon)?, numbers(lat)?), 2)),
            _ => Err(DataFusionError::Execution("a position is missing".to_owned())),
        }
    }

    /// Longitude and latitude of a row in degrees.
    pub(super) fn get(&self, function: &str, row: usize) -> Result<Option<(f64, f64)>> {
        match self {
            Self::LonLat(lon, lat) if lon.is_null(row) || lat.is_null(row) => Ok(None),
            Self::LonLat(lon, lat) => Ok(Some((lon.value(row), lat.value(row)))),
            Self::Wkb(bytes) if bytes.is_null(row) => Ok(None),
            Self::Wkb(bytes) => {
                let geometry = Geometry::from_wkb(bytes.value(row)).map_err(|error| refuse(function, error))?;
                Ok(geometry.anchor().map(|place| (place.lon_deg, place.lat_deg)))
            }
        }
    }
}

/// A column of real numbers.
pub(super) fn numbers(column: &ArrayRef) -> Result<&Float64Array> {
    let wrong = || DataFusionError::Execution(format!("a number is wanted, not {}", column.data_type()));
    column.as_primitive_opt::<Float64Type>().ok_or_else(wrong)
}

/// A column of whole numbers.
pub(super) fn integers(column: &ArrayRef) -> Result<&Int64Array> {
    let wrong = || DataFusionError::Execution(format!("a whole number is wanted, not {}", column.data_type()));
    column.as_primitive_opt::<Int64Type>().ok_or_else(wrong)
}

/// A level of a code; what does not fit is 255, which every scheme refuses by name.
pub(super) fn level(levels: &Int64Array, row: usize) -> Option<u8> {
    (!levels.is_null(row)).then(|| u8::try_from(levels.value(row)).unwrap_or(u8::MAX))
}

/// A computed column, or its one value where all arguments were constants.
pub(super) fn finish(column: ArrayRef, constant: bool) -> Result<ColumnarValue> {
    Ok(if constant { ScalarValue::try_from_array(&column, 0)?.into() } else { ColumnarValue::Array(column) })
}
