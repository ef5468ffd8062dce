//! `property_number(json, name)`, `property_text`, `property_boolean`, `property_type`: what a source said of a thing, out of
//! the JSON object in the column `properties`. A property of another type than is asked for is null, and so is one that is
//! not there; nothing is converted. `property_type` says `number`, `text`, `boolean`, `list` or `object`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanBuilder, Float64Builder, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::cast::as_string_array;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::args::{finish, refuse};
use crate::members::{members, text_of};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Wanted {
    Number,
    Text,
    Boolean,
    Type,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Property {
    wanted: Wanted,
    signature: Signature,
}

pub(super) fn functions() -> impl Iterator<Item = ScalarUDF> {
    let signature = || Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable);
    let function = move |wanted| Property { wanted, signature: signature() }.into();
    [Wanted::Number, Wanted::Text, Wanted::Boolean, Wanted::Type].into_iter().map(function)
}

impl ScalarUDFImpl for Property {
    fn name(&self) -> &'static str {
        match self.wanted {
            Wanted::Number => "property_number",
            Wanted::Text => "property_text",
            Wanted::Boolean => "property_boolean",
            Wanted::Type => "property_type",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.wanted {
            Wanted::Number => DataType::Float64,
            Wanted::Boolean => DataType::Boolean,
            Wanted::Text | Wanted::Type => DataType::Utf8,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let [objects, names] = columns.as_slice() else { return Err(refuse(self.name(), "takes two texts")) };
        let (objects, names) = (as_string_array(objects)?, as_string_array(names)?);
        let found = (0..objects.len()).map(|row| {
            let both = objects.is_valid(row) && names.is_valid(row);
            both.then(|| value(objects.value(row), names.value(row))).flatten()
        });
        finish(self.wanted.column(found), constant)
    }
}

/// The JSON text of a member; of two of one name the last.
fn value<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    members(object).filter(|(key, _)| text_of(key).is_some_and(|key| key == name)).last().map(|(_, value)| value)
}

impl Wanted {
    fn column<'a>(self, values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
        match self {
            Self::Number => {
                let mut numbers = Float64Builder::new();
                values.for_each(|value| numbers.append_option(value.and_then(|value| value.parse().ok())));
                Arc::new(numbers.finish())
            }
            Self::Boolean => {
                let mut truths = BooleanBuilder::new();
                values.for_each(|value| truths.append_option(value.and_then(|value| value.parse().ok())));
                Arc::new(truths.finish())
            }
            Self::Text => {
                let mut texts = StringBuilder::new();
                values.for_each(|value| texts.append_option(value.and_then(text_of)));
                Arc::new(texts.finish())
            }
            Self::Type => {
                let mut types = StringBuilder::new();
                values.for_each(|value| types.append_option(value.and_then(type_of)));
                Arc::new(types.finish())
            }
        }
    }
}

fn type_of(value: &str) -> Option<&'static str> {
    match value.as_bytes().first()? {
        b'"' => Some("text"),
        b't' | b'f' => Some("boolean"),
        b'[' => Some("list"),
        b'{' => Some("object"),
        b'n' => None,
        _ => Some("number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_by_its_name_and_kept_in_its_type() {
        let object = r#"{"a":{"b":1},"b":-2.5e1,"c\"":"x\ny","d":true,"e":null,"b2":[1,{"b":3}]}"#;
        assert_eq!(value(object, "b"), Some("-2.5e1"));
        assert_eq!(value(object, "c\"").and_then(text_of).as_deref(), Some("x\ny"));
        let types: Vec<_> =
            ["a", "b", "c\"", "d", "e", "b2", "z"].map(|name| value(object, name).and_then(type_of)).to_vec();
        assert_eq!(types, [Some("object"), Some("number"), Some("text"), Some("boolean"), None, Some("list"), None]);
        let numbers = Wanted::Number.column([Some("1e2"), Some("\"7\""), Some("true"), None].into_iter());
        assert_eq!(numbers.null_count(), 3);
    }
}
