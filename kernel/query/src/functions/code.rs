//! The shape that all `code_<scheme>` functions share: a position (two numbers, or a geometry whose anchor it is), for
//! the 3D ones a height in metres above the ellipsoid, and a level come in; the code's text goes out. A geometry never
//! gives the height: what its heights are counted from is another column's word.

use std::sync::Arc;

use arrow::array::{Array, StringBuilder};
use arrow::datatypes::DataType;
use coding_system::{CodeText, Position};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::args::{Places, finish, integers, is_bytes, level, numbers, refuse};

/// Position and level to code.
type Encode = fn(&Position, u8) -> Result<CodeText, coding_system::Error>;

/// A function that makes codes.
#[derive(Debug)]
struct Code {
    name: &'static str,
    with_height: bool,
    encode: Encode,
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
pub(super) fn on_the_ground(name: &'static str, encode: Encode) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    Code { name, with_height: false, encode, signature }.into()
}

/// `name(lon, lat, height_m, level)`.
pub(super) fn in_space(name: &'static str, encode: Encode) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    Code { name, with_height: true, encode, signature }.into()
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
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let (places, mut next) = Places::of(&columns)?;
        let missing = || refuse(self.name, "an argument is missing");
        let heights = if self.with_height { Some(numbers(columns.get(next).ok_or_else(missing)?)?) } else { None };
        next += usize::from(self.with_height);
        let levels = integers(columns.get(next).ok_or_else(missing)?)?;
        let mut codes = StringBuilder::with_capacity(levels.len(), levels.len() * 20);
        for row in 0..levels.len() {
            let (Some((lon, lat)), Some(level)) = (places.get(self.name, row)?, level(levels, row)) else {
                codes.append_null();
                continue;
            };
            if heights.is_some_and(|heights| heights.is_null(row)) {
                codes.append_null();
                continue;
            }
            let position = Position::new(lon, lat, heights.map(|heights| heights.value(row)));
            let code = position.and_then(|position| (self.encode)(&position, level));
            codes.append_value(code.map_err(|error| refuse(self.name, error))?.as_str());
        }
        let codes = Arc::new(codes.finish());
        finish(codes, constant)
    }
}
