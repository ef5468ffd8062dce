//! The shape that all `code_<scheme>` functions share: a position (two numbers, or a geometry whose anchor it is), for
//! the 3D ones a height in metres above the ellipsoid, and a level come in; the code's text goes out. A geometry never
//! gives the height: what its heights are counted from is another column's word. Whole columns at one level go through the
//! coding system's batch forms.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, StringArray, StringBuilder};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use coding_system::batch::Positions;
use coding_system::{CodeText, Position};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::args::{Places, finish, integers, is_bytes, level, numbers, refuse};

/// Position and level to code.
type Encode = fn(&Position, u8) -> Result<CodeText, coding_system::Error>;

/// A whole column at one level: how wide its texts are, and the texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) width: fn(u8) -> Result<usize, coding_system::Error>,
    pub(super) encode: fn(&Positions, u8, &mut [u8]) -> Result<usize, coding_system::Error>,
}

/// A function that makes codes.
#[derive(Debug)]
struct Code {
    name: &'static str,
    with_height: bool,
    encode: Encode,
    column: Option<Column>,
    signature: Signature,
}

// Two of one name are one function; addresses of functions say nothing.
impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Code {}

impl std::hash::Hash for Code {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// `name(lon, lat, level)` and `name(geometry, level)`.
pub(super) fn on_the_ground(name: &'static str, encode: Encode, column: Option<Column>) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    Code { name, with_height: false, encode, column, signature }.into()
}

/// `name(lon, lat, height_m, level)`.
pub(super) fn in_space(name: &'static str, encode: Encode, column: Option<Column>) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    Code { name, with_height: true, encode, column, signature }.into()
}

impl ScalarUDFImpl for Code {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let number = DataType::Float64;
        match (self.with_height, given) {
            (true, [_, _, _, _]) => Ok(vec![number.clone(), number.clone(), number, DataType::Int64]),
            (false, [first, _]) if is_bytes(first) => Ok(vec![DataType::Binary, DataType::Int64]),
            (false, [_, _, _]) => Ok(vec![number.clone(), number, DataType::Int64]),
            (true, _) => Err(DataFusionError::Plan(format!("{0} takes {0}(lon, lat, height_m, level)", self.name))),
            (false, _) => {
                Err(DataFusionError::Plan(format!("{0} takes {0}(lon, lat, level) or {0}(geometry, level)", self.name)))
            }
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let one_level = matches!(args.args.last(), Some(ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let call = Call::of(self.name, &columns, self.with_height)?;
        let codes = match self.column.filter(|_| one_level && !constant).and_then(|column| call.whole(column)) {
            Some(codes) => codes.map_err(|error| refuse(self.name, error))?,
            None => self.row_by_row(&call)?,
        };
        finish(Arc::new(codes), constant)
    }
}

impl Code {
    fn row_by_row(&self, call: &Call) -> Result<StringArray> {
        let mut codes = StringBuilder::with_capacity(call.levels.len(), call.levels.len() * 20);
        for row in 0..call.levels.len() {
            let (Some((lon, lat)), Some(level)) = (call.places.get(self.name, row)?, level(call.levels, row)) else {
                codes.append_null();
                continue;
            };
            if call.heights.is_some_and(|heights| heights.is_null(row)) {
                codes.append_null();
                continue;
            }
            let position = Position::new(lon, lat, call.heights.map(|heights| heights.value(row)));
            let code = position.and_then(|position| (self.encode)(&position, level));
            codes.append_value(code.map_err(|error| refuse(self.name, error))?.as_str());
        }
        Ok(codes.finish())
    }
}

/// The columns of a call.
struct Call<'a> {
    places: Places<'a>,
    heights: Option<&'a Float64Array>,
    levels: &'a Int64Array,
}

impl<'a> Call<'a> {
    fn of(name: &str, columns: &'a [ArrayRef], with_height: bool) -> Result<Self> {
        let missing = || refuse(name, "an argument is missing");
        let (places, next) = Places::of(columns)?;
        let heights = if with_height { Some(numbers(columns.get(next).ok_or_else(missing)?)?) } else { None };
        let levels = integers(columns.get(next + usize::from(with_height)).ok_or_else(missing)?)?;
        Ok(Self { places, heights, levels })
    }

    /// All codes at once, where the places are plain numbers without nulls.
    fn whole(&self, column: Column) -> Option<Result<StringArray, coding_system::Error>> {
        let Places::LonLat(lon, lat) = &self.places else { return None };
        let nulls = lon.null_count() + lat.null_count() + self.heights.map_or(0, Array::null_count);
        let level = level(self.levels, 0).filter(|_| nulls == 0)?;
        Some(self.texts(column, lon.values(), lat.values(), level))
    }

    fn texts(&self, column: Column, lon: &[f64], lat: &[f64], level: u8) -> Result<StringArray, coding_system::Error> {
        let positions = match self.heights {
            Some(heights) => Positions::new_3d(lon, lat, heights.values())?,
            None => Positions::new_2d(lon, lat)?,
        };
        let width = (column.width)(level)?;
        let mut texts = vec![0; width * lon.len()];
        (column.encode)(&positions, level, &mut texts)?;
        let offsets: ScalarBuffer<i32> = (0..=lon.len()).map(|row| (row * width) as i32).collect();
        Ok(StringArray::new(OffsetBuffer::new(offsets), Buffer::from_vec(texts), None))
    }
}
