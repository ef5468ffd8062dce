//! Types of columns that the catalogue does not know by itself. PostGIS adds `geometry` to a database, so that clients look it up
//! by name: here it is added to `pg_type`. The columns that have it, and those that are instants, say so in `pg_attribute`. The
//! catalogue without them comes in.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};
use datafusion::prelude::SessionContext;
use datafusion_postgres::pgwire::api::Type;
use kernel_query::CATALOG;

use super::encode::{GEOMETRY_OID, is_geometry};

const PG_CATALOG: &str = "pg_catalog";
/// The name of [`own_types`] while they are asked for.
const OWN: &str = "own_types";

/// `pg_catalog` in which some tables are ours.
#[derive(Debug)]
struct Amended {
    inner: Arc<dyn SchemaProvider>,
    types: Arc<MemTable>,
    attributes: Arc<MemTable>,
}

#[async_trait]
impl SchemaProvider for Amended {
    fn table_names(&self) -> Vec<String> {
        self.inner.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match name {
            "pg_type" => Ok(Some(self.types.clone())),
            "pg_attribute" => Ok(Some(self.attributes.clone())),
            _ => self.inner.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.inner.table_exist(name)
    }
}

/// Adds the types to a catalogue of these tables.
pub(super) async fn amend(context: &SessionContext, tables: &[(String, SchemaRef)]) -> Result<()> {
    let missing = || DataFusionError::Internal("the catalogue has no pg_catalog".to_owned());
    let catalog = context.catalog(CATALOG).ok_or_else(missing)?;
    let inner = catalog.schema(PG_CATALOG).ok_or_else(missing)?;
    let (types, attributes) = (types(context).await?, attributes(context, tables).await?);
    catalog.register_schema(PG_CATALOG, Arc::new(Amended { inner, types, attributes }))?;
    if let Some(inner) = context.state().scalar_functions().get("format_type") {
        context.register_udf(ScalarUDF::new_from_impl(FormatType { inner: inner.clone() }));
    }
    Ok(())
}

/// `pg_type` with one row more, which is that of `bytea` by another name.
async fn types(context: &SessionContext) -> Result<Arc<MemTable>> {
    let all = rows(context, "SELECT * FROM pg_catalog.pg_type").await?;
    let schema = all.schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "oid" => format!("{GEOMETRY_OID} AS oid"),
        "typname" => "'geometry' AS typname".to_owned(),
        "typarray" => "0 AS typarray".to_owned(),
        name => format!("\"{name}\""),
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    let own = rows(context, &format!("SELECT {columns} FROM pg_catalog.pg_type WHERE oid = 17")).await?;
    let both = concat_batches(&schema, [&all, &like(&own, &schema)?])?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![both]])?))
}

/// `pg_attribute` in which columns have the types that are added.
async fn attributes(context: &SessionContext, tables: &[(String, SchemaRef)]) -> Result<Arc<MemTable>> {
    let all = rows(context, "SELECT * FROM pg_catalog.pg_attribute LIMIT 0").await?;
    let columns = all.schema_ref().fields().iter().map(|field| match field.name().as_str() {
        "atttypid" => "coalesce(o.type, a.atttypid) AS atttypid".to_owned(),
        name => format!("a.\"{name}\""),
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT {columns} FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
         LEFT JOIN {OWN} o ON o.relation = c.relname AND o.attribute = a.attname"
    );
    context.register_batch(OWN, own_types(tables)?)?;
    let own = like(&rows(context, &sql).await?, all.schema_ref())?;
    context.deregister_table(OWN)?;
    Ok(Arc::new(MemTable::try_new(all.schema(), vec![vec![own]])?))
}

/// Columns whose types the catalogue does not know: their tables, names and types.
fn own_types(tables: &[(String, SchemaRef)]) -> Result<RecordBatch> {
    let columns = tables.iter().flat_map(|(table, schema)| schema.fields().iter().map(move |field| (table, field)));
    let typed = columns.filter_map(|(table, field)| Some((table.as_str(), field.name().as_str(), own_type(field)?)));
    let (mut relations, mut attributes, mut types) = (Vec::new(), Vec::new(), Vec::new());
    for (relation, attribute, own) in typed {
        relations.push(relation);
        attributes.push(attribute);
        types.push(own as i32);
    }
    Ok(RecordBatch::try_from_iter([
        ("relation", Arc::new(StringArray::from(relations)) as ArrayRef),
        ("attribute", Arc::new(StringArray::from(attributes))),
        ("type", Arc::new(Int32Array::from(types))),
    ])?)
}

fn own_type(field: &Field) -> Option<u32> {
    match field.data_type() {
        _ if is_geometry(field) => Some(GEOMETRY_OID),
        DataType::Timestamp(_, Some(_)) => Some(Type::TIMESTAMPTZ.oid()),
        _ => None,
    }
}

async fn rows(context: &SessionContext, sql: &str) -> Result<RecordBatch> {
    let frame = context.sql(sql).await?;
    let schema: Schema = frame.schema().as_arrow().clone();
    let batches = frame.collect().await?;
    // Types are settled after planning: those of the rows count, where there are any.
    let schema = batches.first().map_or_else(|| Arc::new(schema), RecordBatch::schema);
    Ok(concat_batches(&schema, &batches)?)
}

/// The same rows with the types of another table.
fn like(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = rows.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
    Ok(RecordBatch::try_new(schema.clone(), columns.collect::<std::result::Result<Vec<_>, _>>()?)?)
}

/// `format_type` that knows the type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FormatType {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for FormatType {
    fn name(&self) -> &'static str {
        "format_type"
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let oids = arguments.args.first().map(|oids| oids.to_array(rows)).transpose()?;
        let named = self.inner.invoke_with_args(arguments)?.to_array(rows)?;
        let Some(oids) = oids else { return Ok(ColumnarValue::Array(named)) };
        let oids = cast(&oids, &DataType::Int32)?;
        let (oids, names) = (oids.as_primitive::<Int32Type>(), cast(&named, &DataType::Utf8)?);
        let names = names.as_string::<i32>();
        let name = |row: usize| match (oids.is_valid(row), names.is_valid(row)) {
            (true, _) if oids.value(row) == GEOMETRY_OID as i32 => Some("geometry"),
            (_, valid) => valid.then(|| names.value(row)),
        };
        let names: StringArray = (0..rows).map(name).collect();
        Ok(ColumnarValue::Array(cast(&(Arc::new(names) as ArrayRef), named.data_type())?))
    }
}
