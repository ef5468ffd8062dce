//! Batches as rows of the protocol. Geometry goes out as PostGIS sends it, as extended WKB, in hexadecimal digits where text is
//! wanted; numbers with a fraction as PostgreSQL prints them where text is wanted; every other column as arrow-pg writes its
//! type. What has no form in the protocol is refused by its column's name.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryBuilder, RecordBatch, StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Schema};
use datafusion_postgres::arrow_pg::datatypes::{encode_recordbatch, field_into_pg_type};
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{FieldFormat, FieldInfo, QueryResponse};
use datafusion_postgres::pgwire::error::PgWireResult;
use futures_util::{StreamExt, stream};
use kernel_query::SCHEMA;
use postgres_types::Kind;

use super::status::failed;
use super::{ewkb, numbers};
use crate::error::Error;
use crate::rows::Rows;

/// The number of the type `geometry`. PostGIS has none of its own: it is looked up by name in `pg_type`.
pub(super) const GEOMETRY_OID: u32 = 90_001;

static GEOMETRY: LazyLock<Type> =
    LazyLock::new(|| Type::new("geometry".to_owned(), GEOMETRY_OID, Kind::Simple, SCHEMA.to_owned()));

/// Whether a column is geometry as WKB.
pub(super) fn is_geometry(field: &Field) -> bool {
    field.extension_type_name() == Some("geoarrow.wkb")
}

/// The reference system that a column says; `None` where it says none.
fn srid(field: &Field) -> Option<u32> {
    let metadata = field.extension_type_metadata()?;
    ["OGC:CRS84", "EPSG:4326", "EPSG:4979"].iter().any(|crs| metadata.contains(crs)).then_some(ewkb::SRID)
}

/// The columns of an answer in the forms that the client wants.
pub(super) fn fields(schema: &Schema, format: &Format) -> PgWireResult<Vec<FieldInfo>> {
    let columns = schema.fields().len();
    if let Format::Individual(codes) = format
        && codes.len() != columns
    {
        let text = format!("{} forms were asked for, the answer has {columns} columns", codes.len());
        return Err(failed(Error::Invalid(text)));
    }
    let of = |(at, field): (usize, &Arc<Field>)| {
        let data_type = match is_geometry(field) {
            true => GEOMETRY.clone(),
            false => field_into_pg_type(field)
                .map_err(|error| unsent(field, &format!("{error}: cast it, or leave it out")))?,
        };
        Ok(FieldInfo::new(field.name().clone(), None, None, data_type, format.format_for(at)))
    };
    schema.fields().iter().enumerate().map(of).collect()
}

fn unsent(field: &Field, reason: &str) -> datafusion_postgres::pgwire::error::PgWireError {
    failed(Error::Encode { column: field.name().clone(), reason: reason.to_owned() })
}

/// An answer as the protocol's.
pub(super) fn response(rows: Rows, format: &Format) -> PgWireResult<QueryResponse> {
    let fields = Arc::new(fields(&rows.schema(), format)?);
    let own = fields.clone();
    let rows = rows.flat_map(move |batch| {
        let batch = batch.map_err(failed).and_then(|batch| in_own_forms(&batch, &own));
        match batch {
            Ok(batch) => stream::iter(encode_recordbatch(own.clone(), batch)).boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    });
    Ok(QueryResponse::new(fields, rows))
}

/// The batch with columns in place of those that arrow-pg would write otherwise.
fn in_own_forms(batch: &RecordBatch, fields: &[FieldInfo]) -> PgWireResult<RecordBatch> {
    let schema = batch.schema();
    let mut columns = Vec::with_capacity(batch.num_columns());
    let mut own = Vec::with_capacity(batch.num_columns());
    for ((field, column), info) in schema.fields().iter().zip(batch.columns()).zip(fields) {
        let written = match (column.data_type(), info.format()) {
            _ if is_geometry(field) => Some(extended(field, column, info.format())?),
            (DataType::Float64, FieldFormat::Text) => Some(numbers::<Float64Type>(column, numbers::double)),
            (DataType::Float32, FieldFormat::Text) => Some(numbers::<Float32Type>(column, numbers::real)),
            _ => None,
        };
        own.push(match &written {
            Some(column) => Arc::new(Field::new(field.name(), column.data_type().clone(), true)),
            None => field.clone(),
        });
        columns.push(written.unwrap_or_else(|| column.clone()));
    }
    RecordBatch::try_new(Arc::new(Schema::new(own)), columns)
        .map_err(|error| failed(Error::Question(kernel_query::Error::Internal(error.to_string()))))
}

fn numbers<T: ArrowPrimitiveType>(column: &ArrayRef, text: fn(T::Native) -> String) -> ArrayRef {
    Arc::new(column.as_primitive::<T>().iter().map(|value| value.map(text)).collect::<StringArray>())
}

fn extended(field: &Field, column: &ArrayRef, format: FieldFormat) -> PgWireResult<ArrayRef> {
    let srid = srid(field);
    let value = |row: usize| match column.data_type() {
        DataType::Binary => Ok(column.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Ok(column.as_binary::<i64>().value(row)),
        DataType::BinaryView => Ok(column.as_binary_view().value(row)),
        other => Err(unsent(field, &format!("geometry as {other}"))),
    };
    let mut wkb = Vec::new();
    let (mut bytes, mut texts) = (BinaryBuilder::new(), StringBuilder::new());
    for row in 0..column.len() {
        wkb.clear();
        if !column.is_null(row) {
            ewkb::write(value(row)?, srid, &mut wkb).map_err(|error| unsent(field, &error.to_string()))?;
        }
        match (format, column.is_null(row)) {
            (FieldFormat::Binary, true) => bytes.append_null(),
            (FieldFormat::Binary, false) => bytes.append_value(&wkb),
            (FieldFormat::Text, true) => texts.append_null(),
            (FieldFormat::Text, false) => texts.append_value(digits(&wkb)),
        }
    }
    Ok(match format {
        FieldFormat::Binary => Arc::new(bytes.finish()),
        FieldFormat::Text => Arc::new(texts.finish()),
    })
}

/// Upper-case hexadecimal digits, as PostGIS writes them.
fn digits(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}
