//! One question's view of a snapshot: names of tables in, tables out, made only when a question names them. Two
//! questions never share one, so a question always sees one state of the city; of a snapshot of what was known at an
//! instant every stored table is that of the instant.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, col, lit};
use kernel_model::schema::Table;
use kernel_model::{EntityId, TimeUs};
use kernel_store::{Eye, Snapshot};

use crate::columns::sql_schema;
use crate::latest::{LatestTable, Of};
use crate::seen::SeenTable;
use crate::table::{File, SnapshotTable};

/// The catalog's name in SQL.
pub const CATALOG: &str = "urbis";
/// The schema's name in SQL.
pub const SCHEMA: &str = "city";
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
    seen: Seen,
}

/// What is told of a table to somebody who does not see everything.
#[derive(Clone)]
enum Seen {
    /// Nothing.
    Hidden,
    /// Its rows: they were read as they are seen.
    AsRead,
    /// Rows of which all things that these columns name are seen as they are; rows that name none are not told.
    ByThings(&'static [&'static str]),
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
        Self { name: name.to_owned(), schema, rows: Arc::new(rows), seen: Seen::Hidden }
    }

    /// Its rows are read as whoever asks sees them. Without this word, or the other, it is told only to who sees everything.
    #[must_use]
    pub fn read_as_seen(self) -> Self {
        Self { seen: Seen::AsRead, ..self }
    }

    /// Its rows are told where all things that these columns name (as ids, in text or bytes) are seen as they are; a place in
    /// the columns `lon` and `lat` counts too.
    #[must_use]
    pub fn of_things(self, columns: &'static [&'static str]) -> Self {
        Self { seen: Seen::ByThings(columns), ..self }
    }

    /// Its name and its columns as SQL sees them.
    fn shape(&self) -> (String, SchemaRef) {
        (self.name.clone(), sql_schema(&self.schema))
    }

    fn is_told(&self, snapshot: &Snapshot) -> bool {
        snapshot.is_whole() || !matches!(self.seen, Seen::Hidden)
    }

    fn read(&self, snapshot: &Snapshot) -> Result<SnapshotTable> {
        let mut batches = (self.rows)().map_err(DataFusionError::External)?;
        if let (Seen::ByThings(columns), Some(mut eye)) = (&self.seen, snapshot.eye()) {
            batches = batches.iter().map(|batch| sifted(batch, columns, &mut eye)).collect::<Result<_>>()?;
        }
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

/// Every table by its name, with its columns as SQL sees them; sorted by name.
pub(crate) fn shapes(snapshot: &Snapshot, extra: &[ExtraTable]) -> Vec<(String, SchemaRef)> {
    let stored = Table::ALL.into_iter().map(|table| (table.name().to_owned(), sql_schema(&table.schema())));
    let revisions = (REVISIONS.to_owned(), sql_schema(&Table::Entities.schema()));
    let latest = Of::ALL.into_iter().map(|of| (of.name().to_owned(), of.schema()));
    let told = extra.iter().filter(|extra| extra.is_told(snapshot)).map(ExtraTable::shape);
    let mut shapes: Vec<_> = stored.chain([revisions]).chain(latest).chain(told).collect();
    // Stable: a stored table goes before one of the same name that the caller brings.
    shapes.sort_by(|(a, _), (b, _)| a.cmp(b));
    shapes.dedup_by(|(a, _), (b, _)| a == b);
    shapes
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
            return provider(&self.snapshot, table).map(Some);
        } else {
            let extra = self.extra.iter().find(|extra| extra.name == name && extra.is_told(&self.snapshot));
            extra.map(|extra| extra.read(&self.snapshot)).transpose()?
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

/// A stored table as the snapshot is seen.
pub(crate) fn provider(snapshot: &Snapshot, table: Table) -> Result<Arc<dyn TableProvider>> {
    let all = stored(snapshot, table)?;
    Ok(match table {
        Table::Observations
        | Table::Positions
        | Table::ObservationsMinute
        | Table::ObservationsHour
        | Table::ObservationsDay
            if !snapshot.is_whole() =>
        {
            Arc::new(SeenTable::new(all, snapshot))
        }
        _ => Arc::new(all),
    })
}

/// Rows of a table that the caller brings of which every thing is seen as it is.
fn sifted(batch: &RecordBatch, columns: &[&str], eye: &mut Eye) -> Result<RecordBatch> {
    let degrees = ["lon", "lat"].map(|name| batch.column_by_name(name)?.as_primitive_opt::<Float64Type>());
    let place = |row: usize| match degrees {
        [Some(lon), Some(lat)] if lon.is_valid(row) && lat.is_valid(row) => Some([lon.value(row), lat.value(row)]),
        _ => None,
    };
    let mut keep = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let named = columns.iter().filter_map(|name| batch.column_by_name(name)).filter(|ids| ids.is_valid(row));
        let seen: Vec<bool> = named
            .map(|ids| {
                let id = thing(ids, row);
                let view = match (id, place(row)) {
                    (Some(id), Some(place)) => eye.fix(&id, place),
                    (Some(id), None) => eye.thing(&id),
                    (None, _) => None,
                };
                view.is_some_and(|view| view.is_exact())
            })
            .collect();
        keep.push(!seen.is_empty() && seen.into_iter().all(|seen| seen));
    }
    Ok(filter_record_batch(batch, &BooleanArray::from(keep))?)
}

fn thing(ids: &dyn Array, row: usize) -> Option<EntityId> {
    match ids.data_type() {
        DataType::Utf8 => ids.as_string::<i32>().value(row).parse().ok(),
        DataType::FixedSizeBinary(16) => EntityId::from_slice(ids.as_fixed_size_binary().value(row)),
        _ => None,
    }
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
        let extra = self.extra.iter().filter(|extra| extra.is_told(&self.snapshot)).map(|extra| extra.name.clone());
        let mut names: Vec<String> = stored.chain(extra).collect();
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
