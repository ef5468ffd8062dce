//! The scan's conversion of stored bytes to SQL text, as a function of the engine so that its optimizer may move it.
//! It is not registered: no question can call it by name.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, FixedSizeBinaryArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::columns::Encoding;

/// The conversion of `encoding`.
pub(crate) fn conversion(encoding: Encoding) -> Arc<ScalarUDF> {
    static UUID: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(AsText::new(Encoding::Uuid).into()));
    static HEX: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(AsText::new(Encoding::Hex).into()));
    match encoding {
        Encoding::Uuid => UUID.clone(),
        Encoding::Hex => HEX.clone(),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AsText {
    encoding: Encoding,
    signature: Signature,
}

impl AsText {
    fn new(encoding: Encoding) -> Self {
        Self { encoding, signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for AsText {
    fn name(&self) -> &'static str {
        match self.encoding {
            Encoding::Uuid => "uuid_text",
            Encoding::Hex => "hex_text",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), DataType::Utf8, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let bytes = columns.first().and_then(|column| column.as_any().downcast_ref::<FixedSizeBinaryArray>());
        let bytes = bytes.ok_or_else(|| DataFusionError::Execution(format!("{} takes stored bytes", self.name())))?;
        Ok(ColumnarValue::Array(self.encoding.texts(bytes)?))
    }
}
