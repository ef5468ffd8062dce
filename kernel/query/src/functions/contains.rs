//! `code_contains(code, code)`: whether the first cell holds the second, both of one scheme. `code_contains(code, lon, lat)`, and
//! with a height in metres above the ellipsoid: whether a cell holds a place, that is, whether the place's own code in the
//! cell's scheme, at its level, is the cell. A null in any argument gives a null.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanBuilder, Float64Array, StringArray};
use arrow::datatypes::DataType;
use coding_system::{AnyCell, Decoded, Position, Scheme, decode, encode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::args::{finish, numbers, refuse};

const NAME: &str = "code_contains";

#[derive(Debug, PartialEq, Eq, Hash)]
struct Contains(Signature);

pub(super) fn function() -> ScalarUDF {
    let place = |numbers: usize| {
        let numbers = std::iter::repeat_n(DataType::Float64, numbers);
        TypeSignature::Exact(std::iter::once(DataType::Utf8).chain(numbers).collect())
    };
    let codes = TypeSignature::Exact(vec![DataType::Utf8, DataType::Utf8]);
    Contains(Signature::one_of(vec![codes, place(2), place(3)], Volatility::Immutable)).into()
}

impl ScalarUDFImpl for Contains {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let wrong =
            || DataFusionError::Plan(format!("{NAME} takes two codes, or a code, lon, lat and perhaps height_m"));
        let [cells, rest @ ..] = columns.as_slice() else { return Err(wrong()) };
        let cells = cells.as_string_opt::<i32>().ok_or_else(wrong)?;
        let truths = match rest {
            [codes] => of_codes(cells, codes.as_string_opt::<i32>().ok_or_else(wrong)?),
            [lon, lat] => of_places(cells, [numbers(lon)?, numbers(lat)?], None),
            [lon, lat, height] => of_places(cells, [numbers(lon)?, numbers(lat)?], Some(numbers(height)?)),
            _ => return Err(wrong()),
        };
        finish(Arc::new(truths.map_err(|error| refuse(NAME, error))?.finish()), constant)
    }
}

fn of_codes(cells: &StringArray, codes: &StringArray) -> Result<BooleanBuilder, coding_system::Error> {
    let mut truths = BooleanBuilder::with_capacity(cells.len());
    for (cell, code) in cells.iter().zip(codes) {
        let both = cell.zip(code).map(|(cell, code)| AnyCell::parse(cell)?.contains(&AnyCell::parse(code)?));
        truths.append_option(both.transpose()?);
    }
    Ok(truths)
}

fn of_places(
    cells: &StringArray,
    [lon, lat]: [&Float64Array; 2],
    heights: Option<&Float64Array>,
) -> Result<BooleanBuilder, coding_system::Error> {
    let mut truths = BooleanBuilder::with_capacity(cells.len());
    let mut last: Option<(&str, Cell)> = None;
    for row in 0..cells.len() {
        let nulls = [cells.is_null(row), lon.is_null(row), lat.is_null(row)];
        if nulls.contains(&true) || heights.is_some_and(|heights| heights.is_null(row)) {
            truths.append_null();
            continue;
        }
        let (text, height) = (cells.value(row), heights.map(|heights| heights.value(row)));
        let cell = match &last {
            Some((known, cell)) if *known == text => cell,
            _ => &last.insert((text, Cell::parse(text)?)).1,
        };
        truths.append_value(cell.holds(lon.value(row), lat.value(row), height)?);
    }
    Ok(truths)
}

/// A cell that is asked for places.
struct Cell {
    text: String,
    said: Decoded,
}

impl Cell {
    fn parse(text: &str) -> Result<Self, coding_system::Error> {
        Ok(Self { text: AnyCell::parse(text)?.text().as_str().to_owned(), said: decode(text)? })
    }

    fn holds(&self, lon: f64, lat: f64, height_m: Option<f64>) -> Result<bool, coding_system::Error> {
        // A cell of the ground holds what is above it; one of space holds nothing of which the height is not known.
        let (scheme, in_space) = (self.said.place_scheme, self.said.height_band.is_some());
        let position = Position::new(lon, lat, height_m.filter(|_| in_space))?;
        if scheme != Scheme::SpatialId && in_space && height_m.is_none() {
            return Ok(false);
        }
        Ok(encode(scheme, self.said.level, &position, None)? == self.text)
    }
}
