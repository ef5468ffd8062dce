//! One question's view of a snapshot: names of tables in, tables out, made only when a question names them. Two
//! questions never share one, so a question always sees one state of the city.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::error::{DataFusionError, Result};
use kernel_model::schema::Table;
use kernel_store::Snapshot;

use crate::table::{File, SnapshotTable};

/// The catalog's name in SQL.
pub(crate) const CATALOG: &str = "urbis";
/// The schema's name in SQL.
pub(crate) const SCHEMA: &str = "city";
/// All revisions of things, beside `entities`, which has the present ones.
const REVISIONS: &str = "entity_revisions";

/// A table that the caller brings, for example the assets of the ledger. Columns of fixed-size bytes look to SQL like
/// the stored ones do.
#[derive(Debug, Clone)]
pub struct ExtraTable {
    /// Name in SQL, lower case; a stored table of the same name wins.
    pub name: String,
    /// Shape of the rows, also where there are none.
    pub schema: arrow::datatypes::SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
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
    fn make(&self, name: &str) -> Result<Option<SnapshotTable>> {
        if name == REVISIONS {
            let batches = self.snapshot.batches(Table::Entities);
            return Ok(Some(SnapshotTable::new(Table::Entities.schema(), batches, Vec::new())));
        }
        if let Some(table) = Table::ALL.into_iter().find(|table| table.name() == name) {
            return self.stored(table).map(Some);
        }
        let brought = self.extra.iter().find(|extra| extra.name == name);
        Ok(brought.map(|extra| SnapshotTable::new(extra.schema.clone(), extra.batches.clone(), Vec::new())))
    }

    fn stored(&self, table: Table) -> Result<SnapshotTable> {
        if table == Table::Entities {
            return SnapshotTable::present(&table.schema(), self.snapshot.entities());
        }
        let segments = self.snapshot.segments(table);
        let files = segments.iter().map(|segment| File { path: segment.path.clone(), rows: segment.rows }).collect();
        Ok(SnapshotTable::new(table.schema(), self.snapshot.batches(table), files))
    }
}

#[async_trait]
impl SchemaProvider for SnapshotSchema {
    fn table_names(&self) -> Vec<String> {
        let stored = Table::ALL.into_iter().map(Table::name).chain([REVISIONS]).map(str::to_owned);
        let mut names: Vec<String> = stored.chain(self.extra.iter().map(|extra| extra.name.clone())).collect();
        names.sort();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        Ok(self.make(name)?.map(|table| Arc::new(table) as Arc<dyn TableProvider>))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }
}
