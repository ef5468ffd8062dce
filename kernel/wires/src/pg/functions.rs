//! Functions of PostgreSQL that clients call at their beginning and that datafusion-pg-catalog has not, or has otherwise. Each
//! says what is so here: which version's catalogue is shown, what settings stand at, that nothing has a comment.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::prelude::SessionContext;

use super::encode::GEOMETRY_OID;
use super::settings::{SERVER_VERSION, Settings};

/// From the arguments of a row to its value.
type OfRow = fn(&[Option<&str>]) -> Option<String>;

/// All of them: name, type, function.
const ALL: [(&str, DataType, OfRow); 9] = [
    ("version", DataType::Utf8, |_| Some(format!("PostgreSQL {SERVER_VERSION} (Urbis {})", env!("CARGO_PKG_VERSION")))),
    ("postgis_version", DataType::Utf8, |_| Some("3.4 USE_GEOS=0 USE_PROJ=0 USE_STATS=0".to_owned())),
    ("postgis_lib_version", DataType::Utf8, |_| Some("3.4.0".to_owned())),
    ("current_setting", DataType::Utf8, |arguments| Settings::default().get(arguments.first().copied()??).ok()),
    ("obj_description", DataType::Utf8, |_| None),
    ("col_description", DataType::Utf8, |_| None),
    ("shobj_description", DataType::Utf8, |_| None),
    ("to_regtype", DataType::Int32, |arguments| {
        (arguments.first().copied()?? == "geometry").then(|| GEOMETRY_OID.to_string())
    }),
    ("pg_is_in_recovery", DataType::Boolean, |_| Some("false".to_owned())),
];

/// Words that name a function of the catalogue; with `pg_...` these are all.
pub(super) const NAMES: [&str; 29] = [
    "array_lower",
    "array_upper",
    "col_description",
    "current_catalog",
    "current_database",
    "current_role",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_user",
    "format_type",
    "has_any_column_privilege",
    "has_database_privilege",
    "has_schema_privilege",
    "has_table_privilege",
    "obj_description",
    "parse_ident",
    "postgis_lib_version",
    "postgis_version",
    "quote_ident",
    "regclass",
    "regnamespace",
    "regproc",
    "regtype",
    "session_user",
    "shobj_description",
    "to_regtype",
    "user",
    "version",
];

/// Makes them known.
pub(super) fn register(context: &SessionContext) {
    for (name, data_type, of_row) in ALL {
        let forms = vec![TypeSignature::VariadicAny, TypeSignature::Nullary];
        let signature = Signature::one_of(forms, Volatility::Stable);
        context.register_udf(ScalarUDF::new_from_impl(Function { name, data_type, of_row, signature }));
    }
}

#[derive(Debug)]
struct Function {
    name: &'static str,
    data_type: DataType,
    of_row: OfRow,
    signature: Signature,
}

/// Its name says which it is.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let columns = arguments
            .args
            .iter()
            .map(|column| Ok(cast(&column.to_array(rows)?, &DataType::Utf8)?))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let value = |row: usize| {
            let arguments: Vec<_> = columns
                .iter()
                .map(AsArray::as_string::<i32>)
                .map(|texts| (!texts.is_null(row)).then(|| texts.value(row)))
                .collect();
            (self.of_row)(&arguments)
        };
        let values: StringArray = (0..rows).map(value).collect();
        Ok(ColumnarValue::Array(cast(&(Arc::new(values) as ArrayRef), &self.data_type)?))
    }
}
