//! Values of a statement of the extended protocol. What a client bound comes in, as text or binary, with the types that it said;
//! out go values of the types that their places want. What would have to be guessed is refused.

use arrow::datatypes::DataType;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion_postgres::arrow_pg::datatypes::df::deserialize_parameters;
use datafusion_postgres::arrow_pg::datatypes::into_pg_type;
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::portal::{Format, Portal};
use datafusion_postgres::pgwire::error::PgWireResult;

use super::status::failed;
use crate::error::Error;

/// The types that a client is told. What nobody knows the type of is text, as in PostgreSQL.
pub(super) fn types(wanted: &[Option<DataType>]) -> PgWireResult<Vec<Type>> {
    wanted.iter().map(|wanted| wanted.as_ref().map_or(Ok(Type::TEXT), into_pg_type)).collect()
}

/// The values of a portal, for places that want these types.
pub(super) fn values<S: Clone>(portal: &Portal<S>, wanted: &[Option<DataType>]) -> PgWireResult<Vec<ScalarValue>> {
    let count = portal.parameter_len();
    if let Format::Individual(codes) = &portal.parameter_format
        && codes.len() != count
    {
        return Err(failed(Error::Invalid(format!("{count} values in {} forms", codes.len()))));
    }
    if count < wanted.len() {
        let text = format!("the statement has places for {} values, {count} were given", wanted.len());
        return Err(failed(Error::Invalid(text)));
    }
    let said = &portal.statement.parameter_types;
    let types = (0..count).map(|at| place(at, wanted.get(at).and_then(Option::as_ref), said.get(at)));
    match deserialize_parameters(portal, &types.collect::<PgWireResult<Vec<_>>>()?)? {
        ParamValues::List(values) => Ok(values.into_iter().map(|value| value.value).collect()),
        ParamValues::Map(_) => Ok(Vec::new()),
    }
}

/// As what a value is read.
fn place<'a>(
    at: usize,
    wanted: Option<&'a DataType>,
    said: Option<&Option<Type>>,
) -> PgWireResult<Option<&'a DataType>> {
    match (wanted, said) {
        (None, Some(Some(_))) => Ok(None),
        (None, _) => Ok(Some(&DataType::Utf8)),
        (Some(DataType::Timestamp(..)), Some(Some(number)))
            if [Type::INT2, Type::INT4, Type::INT8, Type::FLOAT4, Type::FLOAT8, Type::NUMERIC].contains(number) =>
        {
            let text = format!("value {} is to be a time and is a number: give a time with its zone", at + 1);
            Err(failed(Error::Invalid(text)))
        }
        (wanted, _) => Ok(wanted),
    }
}
