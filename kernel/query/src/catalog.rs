//! One question's view of a snapshot: names of tables in, tables out, made only when a question names them. Two
//! questions never share one, so a question always sees one state of the city; of a snapshot of what was known at an
//! instant every stored table is that of the instant.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, col, lit};
use kernel_model::TimeUs;
use kernel_model::schema::Table;
use kernel_store::Snapshot;

use crate::latest::{LatestTable, Of};
use crate::table::{File, SnapshotTable};

/// The catalog's name in SQL.
pub(crate) const CATALOG: &str = "urbis";
/// The schema's name in SQL.
pub(crate) const SCHEMA: &str = "city";
/// All revisions of things, beside `entities`, which has the present ones.
const REVISIONS: &str = "entity_revisions";

/// Reads the rows of a table that the caller brings.
type ReadRows =
    dyn Fn() -> std::result::Result<Vec<RecordBatch>, Box<dyn std::error::Error + Send + Sync>> + Send + Sync;

/// A table that the caller brings, for example the assets of the ledger; read when a question names it. Columns of
/// fixed-size bytes look to SQL like the stored ones do.
#[derive(Clone)]
pub struct ExtraTable {
    name: String,
    schema: SchemaRef,
    rows: Arc<ReadRows>,
}

impl ExtraTable {
    /// A table by its name in SQL, lower case (a stored table of the same name wins), the shape of its rows, also where
    /// there are none, and how to read them.
    pub fn new<E>(
        name: &str,
        schema: SchemaRef,
        rows: impl Fn() -> std::result::Result<Vec<RecordBatch>, E> + Send + Sync + 'static,
    ) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let rows = move || rows().map_err(|error| Box::new(error).into());
        Self { name: name.to_owned(), schema, rows: Arc::new(rows) }
    }

    fn read(&self) -> Result<SnapshotTable> {
        let batches = (self.rows)().map_err(DataFusionError::External)?;
        Ok(SnapshotTable::new(self.schema.clone(), batches, Vec::new()))
    }
}

/// The tables of one snapshot.
struct SnapshotSchema {
    snapshot: Snapshot,
    extra: Vec<ExtraTable>,
}

impl std::fmt::Debug for SnapshotSchema {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SnapshotSchema({:?})", self.snapshot.sequence())
    }
}

/// The catalogs that a question over `snapshot` sees.
pub(crate) fn catalogs(snapshot: &Snapshot, extra: &[ExtraTable]) -> Result<Arc<dyn CatalogProviderList>> {
    let schema = SnapshotSchema { snapshot: snapshot.clone(), extra: extra.to_vec() };
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(SCHEMA, Arc::new(schema))?;
    let list = MemoryCatalogProviderList::new();
    list.register_catalog(CATALOG.to_owned(), Arc::new(catalog));
    Ok(Arc::new(list))
}

impl SnapshotSchema {
    fn make(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(of) = Of::ALL.into_iter().find(|of| of.name() == name) {
            return Ok(Some(Arc::new(LatestTable::new(of, &self.snapshot))));
        }
        let table = if name == REVISIONS {
            let batches = self.snapshot.batches(Table::Entities);
            Some(SnapshotTable::new(Table::Entities.schema(), batches, Vec::new()))
        } else if let Some(table) = Table::ALL.into_iter().find(|table| table.name() == name) {
            Some(stored(&self.snapshot, table)?)
        } else {
            self.extra.iter().find(|extra| extra.name == name).map(ExtraTable::read).transpose()?
        };
        Ok(table.map(|table| Arc::new(table) as Arc<dyn TableProvider>))
    }
}

/// A stored table, of which only that is seen which the snapshot knows.
pub(crate) fn stored(snapshot: &Snapshot, table: Table) -> Result<SnapshotTable> {
    let seen = match table {
        Table::Entities => {
            return SnapshotTable::present(&table.schema(), snapshot.entities(), snapshot.entity_boxes());
        }
        Table::Observations
        | Table::Positions
        | Table::ObservationsMinute
        | Table::ObservationsHour
        | Table::ObservationsDay => SnapshotTable::of_parts(table.schema(), snapshot.parts(table).to_vec()),
        _ => {
            let (mut batches, mut files) = (snapshot.batches(table), Vec::new());
            for segment in snapshot.segments(table) {
                match segment.path().map_err(|error| DataFusionError::External(error.into()))? {
                    Some(path) => files.push(File { path, rows: segment.rows() }),
                    // It is in an object store only, where the store reads it.
                    None => batches.extend(segment.read().map_err(|error| DataFusionError::External(error.into()))?),
                }
            }
            SnapshotTable::new(table.schema(), batches, files)
        }
    };
    Ok(seen.always(snapshot.known_until().map(|until| known(table, until))))
}

/// Rows recorded no later than an instant. Those that are older than the column count as known.
fn known(table: Table, until: TimeUs) -> Expr {
    let schema = table.schema();
    let recorded = col(schema.field(table.recorded_column()).name().as_str());
    let until = lit(ScalarValue::TimestampMicrosecond(Some(until.0), Some("+00:00".into())));
    recorded.clone().is_null().or(recorded.lt_eq(until))
}

#[async_trait]
impl SchemaProvider for SnapshotSchema {
    fn table_names(&self) -> Vec<String> {
        let stored = Table::ALL.into_iter().map(Table::name).chain([REVISIONS]).chain(Of::ALL.map(Of::name));
        let stored = stored.map(str::to_owned);
        let mut names: Vec<String> = stored.chain(self.extra.iter().map(|extra| extra.name.clone())).collect();
        names.sort();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        self.make(name)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }
}
