//! `information_schema` (ISO/IEC 9075-11): the schema, its tables, and their columns with the names that PostgreSQL has for
//! their types. The shapes of the tables come in.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;
use datafusion_postgres::arrow_pg::datatypes::field_into_pg_type;
use kernel_query::{CATALOG, SCHEMA};

use super::encode::is_geometry;

/// The schema's name.
pub(super) const NAME: &str = "information_schema";

/// The views that clients look at, with their rows.
pub(super) fn views(shapes: &[(String, SchemaRef)]) -> Result<Vec<(&'static str, RecordBatch)>, ArrowError> {
    Ok(vec![
        ("schemata", schemata()?),
        ("tables", tables(shapes)?),
        ("columns", columns(shapes)?),
        ("views", tables(&[])?),
    ])
}

fn schemata() -> Result<RecordBatch, ArrowError> {
    let names = [SCHEMA, NAME, "pg_catalog"];
    RecordBatch::try_from_iter([
        ("catalog_name", texts(names.map(|_| CATALOG))),
        ("schema_name", texts(names)),
        ("schema_owner", texts(names.map(|_| CATALOG))),
    ])
}

fn tables(shapes: &[(String, SchemaRef)]) -> Result<RecordBatch, ArrowError> {
    let same = |value: &'static str| texts(shapes.iter().map(move |_| value));
    RecordBatch::try_from_iter([
        ("table_catalog", same(CATALOG)),
        ("table_schema", same(SCHEMA)),
        ("table_name", texts(shapes.iter().map(|(name, _)| name.as_str()))),
        ("table_type", same("BASE TABLE")),
        ("is_insertable_into", same("NO")),
        ("is_typed", same("NO")),
    ])
}

fn columns(shapes: &[(String, SchemaRef)]) -> Result<RecordBatch, ArrowError> {
    let all: Vec<(&str, i32, &Arc<Field>)> = shapes
        .iter()
        .flat_map(|(name, schema)| (1..).zip(schema.fields()).map(move |(at, field)| (name.as_str(), at, field)))
        .collect();
    let same = |value: &'static str| texts(all.iter().map(move |_| value));
    let types: Vec<(String, String)> = all.iter().map(|(_, _, field)| type_names(field)).collect();
    RecordBatch::try_from_iter([
        ("table_catalog", same(CATALOG)),
        ("table_schema", same(SCHEMA)),
        ("table_name", texts(all.iter().map(|(table, ..)| *table))),
        ("column_name", texts(all.iter().map(|(_, _, field)| field.name().as_str()))),
        ("ordinal_position", numbers(all.iter().map(|(_, at, _)| *at))),
        ("column_default", no_text(all.len())),
        ("is_nullable", texts(all.iter().map(|(_, _, field)| if field.is_nullable() { "YES" } else { "NO" }))),
        ("data_type", texts(types.iter().map(|(name, _)| name.as_str()))),
        ("character_maximum_length", no_number(all.len())),
        ("numeric_precision", no_number(all.len())),
        ("numeric_scale", no_number(all.len())),
        ("datetime_precision", no_number(all.len())),
        ("udt_catalog", same(CATALOG)),
        ("udt_schema", same("pg_catalog")),
        ("udt_name", texts(types.iter().map(|(_, udt)| udt.as_str()))),
        ("is_identity", same("NO")),
        ("is_generated", same("NEVER")),
        ("is_updatable", same("NO")),
    ])
}

/// The name that the standard has for a column's type, and the one in `pg_type`.
fn type_names(field: &Arc<Field>) -> (String, String) {
    if is_geometry(field) {
        return ("USER-DEFINED".to_owned(), "geometry".to_owned());
    }
    let udt = field_into_pg_type(field).map_or_else(|_| "unknown".to_owned(), |own| own.name().to_owned());
    let name = match udt.as_str() {
        "bool" => "boolean",
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "time" => "time without time zone",
        array if array.starts_with('_') => "ARRAY",
        other => other,
    };
    (name.to_owned(), udt)
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<StringArray>())
}

fn numbers(values: impl IntoIterator<Item = i32>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<Int32Array>())
}

fn no_text(rows: usize) -> ArrayRef {
    Arc::new(StringArray::new_null(rows))
}

fn no_number(rows: usize) -> ArrayRef {
    Arc::new(Int32Array::new_null(rows))
}
