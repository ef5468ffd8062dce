//! One table of a snapshot as the engine's table: record batches in memory and Parquet files read as one. In: rows and
//! files of one stored schema. Out: a plan that reads only the columns asked for, sorts rows out by stored bytes and
//! boxes first, and turns bytes into text only in rows and columns that come out. Nothing is ever written.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, col};
use datafusion::physical_plan::ExecutionPlan;
use kernel_store::{EntityBoxes, Part};

use crate::columns::sql_schema;
use crate::pushdown::to_stored;
use crate::scan::{self, Boxed, Metric, Only, Subject};

/// The column that says which revisions are the present ones. No question can name it.
const PRESENT: &str = "__present";

/// A sealed file of a table.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// How many rows it has.
    pub(crate) rows: u64,
}

/// Where the rows are.
#[derive(Debug, Clone)]
enum Rows {
    /// In memory and in files.
    Plain(Vec<RecordBatch>, Vec<File>),
    /// Where an index of places and times leads.
    Indexed(Vec<Part>),
    /// In memory, their geometries with boxes.
    Boxed(Boxed),
}

/// A table over rows.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotTable {
    /// What SQL sees.
    schema: SchemaRef,
    /// What is stored; may have columns after those of `schema`.
    stored: SchemaRef,
    rows: Rows,
    /// What holds for every row of the table, over stored columns.
    always: Option<Expr>,
    /// Only these matter.
    only: Option<Only>,
}

impl SnapshotTable {
    /// A table of all rows of `batches` and `files`.
    pub(crate) fn new(stored: SchemaRef, batches: Vec<RecordBatch>, files: Vec<File>) -> Self {
        Self::over(stored, Rows::Plain(batches, files))
    }

    fn over(stored: SchemaRef, rows: Rows) -> Self {
        Self { schema: sql_schema(&stored), stored, rows, always: None, only: None }
    }

    /// A table of all rows of parts that have places and times.
    pub(crate) fn of_parts(stored: SchemaRef, parts: Vec<Part>) -> Self {
        Self::over(stored, Rows::Indexed(parts))
    }

    /// The same with only the rows for which `expr` holds, over stored columns.
    pub(crate) fn always(self, expr: Option<Expr>) -> Self {
        let always = self.always.into_iter().chain(expr).reduce(Expr::and);
        Self { always, ..self }
    }

    /// The present revisions, as the masks mark them; `boxes` are those of the batches.
    pub(crate) fn present(
        stored: &SchemaRef,
        revisions: &[(RecordBatch, BooleanArray)],
        boxes: &[Arc<EntityBoxes>],
    ) -> Result<Self> {
        let mut fields = stored.fields().to_vec();
        fields.push(Arc::new(Field::new(PRESENT, DataType::Boolean, false)));
        let marked = Arc::new(Schema::new(fields));
        let batches = revisions
            .iter()
            .map(|(batch, present)| {
                let mut columns = batch.columns().to_vec();
                columns.push(Arc::new(present.clone()) as ArrayRef);
                Ok(RecordBatch::try_new(marked.clone(), columns)?)
            })
            .collect::<Result<Vec<_>>>()?;
        let always = Some(col(PRESENT));
        let rows = Rows::Boxed(Boxed { batches, boxes: boxes.to_vec() });
        Ok(Self { schema: sql_schema(stored), always, ..Self::over(marked, rows) })
    }

    /// What is stored.
    pub(crate) fn stored(&self) -> &Schema {
        &self.stored
    }

    /// The table of which only some rows matter; `None` where no index finds them or it was said before.
    pub(crate) fn with_only(&self, only: Only) -> Option<Self> {
        let found = match (&self.rows, &only) {
            (Rows::Indexed(_), Only::Newest(_)) => true,
            (Rows::Indexed(_), Only::Nearest(nearest)) => nearest.subject == Subject::Place,
            (Rows::Boxed(_), Only::Nearest(nearest)) => {
                nearest.subject == Subject::Geometry && nearest.metric == Metric::Degrees
            }
            _ => false,
        };
        (found && self.only.is_none()).then(|| Self { only: Some(only), ..self.clone() })
    }

    /// Plans a scan of the columns at `wanted`; `filters` are over stored columns.
    pub(crate) fn plan_scan(
        &self,
        state: &dyn Session,
        wanted: Vec<usize>,
        filters: Vec<Expr>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let predicates = self.always.iter().cloned().chain(filters).collect();
        let request = scan::Request { stored: self.stored.clone(), wanted, predicates, limit, only: self.only };
        match &self.rows {
            Rows::Plain(batches, files) => request.plan(state, batches, files),
            Rows::Indexed(parts) => request.plan_parts(state, parts),
            Rows::Boxed(boxed) => request.plan_boxed(state, boxed),
        }
    }
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match to_stored(filter, &self.stored) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let filters = filters.iter().filter_map(|filter| to_stored(filter, &self.stored)).collect();
        self.plan_scan(state, wanted, filters, limit)
    }
}
