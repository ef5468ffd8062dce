//! `code_decode(text)`: what the text of a code of any scheme says: scheme, level, middle, box, heights and time.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Builder, StringBuilder, StructArray, TimestampMicrosecondBuilder, UInt8Builder,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use coding_system::{Decoded, HeightReference, decode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use kernel_model::schema::timestamp;

use super::args::{finish, refuse};

const NAME: &str = "code_decode";
const NUMBERS: [&str; 8] = ["lon", "lat", "west", "south", "east", "north", "low_m", "high_m"];

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    let mut fields = vec![Field::new("scheme", DataType::Utf8, true), Field::new("level", DataType::UInt8, true)];
    fields.extend(NUMBERS.map(|name| Field::new(name, DataType::Float64, true)));
    fields.push(Field::new("height_reference", DataType::Utf8, true));
    fields.extend(["valid_from", "valid_to"].map(|name| Field::new(name, timestamp(), true)));
    fields.into()
});

#[derive(Debug, PartialEq, Eq, Hash)]
struct Decode(Signature);

pub(super) fn function() -> ScalarUDF {
    Decode(Signature::exact(vec![DataType::Utf8], Volatility::Immutable)).into()
}

impl ScalarUDFImpl for Decode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(FIELDS.clone()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = columns.first().and_then(|column| column.as_string_opt::<i32>());
        let texts = texts.ok_or_else(|| DataFusionError::Plan(format!("{NAME} takes one text")))?;
        let mut rows = Rows::default();
        for text in texts {
            match text {
                Some(text) => rows.push(Some(&decode(text).map_err(|error| refuse(NAME, error))?)),
                None => rows.push(None),
            }
        }
        let decoded = Arc::new(rows.finish(texts.nulls().cloned())?);
        finish(decoded, constant)
    }
}

#[derive(Default)]
struct Rows {
    scheme: StringBuilder,
    level: UInt8Builder,
    numbers: [Float64Builder; NUMBERS.len()],
    reference: StringBuilder,
    times: [TimestampMicrosecondBuilder; 2],
}

impl Rows {
    fn push(&mut self, decoded: Option<&Decoded>) {
        self.scheme.append_option(decoded.map(|code| code.scheme.name()));
        self.level.append_option(decoded.map(|code| code.level));
        for (builder, value) in self.numbers.iter_mut().zip(decoded.map_or([None; NUMBERS.len()], numbers_of)) {
            builder.append_option(value);
        }
        self.reference.append_option(decoded.filter(|code| code.height_band.is_some()).map(|code| {
            match code.height_reference {
                HeightReference::Ellipsoid => "ellipsoid",
                HeightReference::SeaLevel => "sea level",
            }
        }));
        let interval = decoded.and_then(|code| code.interval);
        let ends = [interval.map(|interval| interval.start_us()), interval.map(|interval| interval.end_us())];
        self.times.iter_mut().zip(ends).for_each(|(builder, end)| builder.append_option(end));
    }

    fn finish(mut self, nulls: Option<NullBuffer>) -> Result<StructArray> {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.scheme.finish()), Arc::new(self.level.finish())];
        columns.extend(self.numbers.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef));
        columns.push(Arc::new(self.reference.finish()));
        for builder in &mut self.times {
            columns.push(Arc::new(builder.finish().with_timezone("+00:00")));
        }
        Ok(StructArray::try_new(FIELDS.clone(), columns, nulls)?)
    }
}

fn numbers_of(code: &Decoded) -> [Option<f64>; NUMBERS.len()] {
    let (lon, lat) = code.centre_deg;
    let area = &code.area;
    [
        Some(lon),
        Some(lat),
        Some(area.west_deg()),
        Some(area.south_deg()),
        Some(area.east_deg()),
        Some(area.north_deg()),
        code.height_band.map(|band| band.low_m),
        code.height_band.map(|band| band.high_m),
    ]
}
