//! Readings, their summaries and fixes as somebody sees them. A table of all rows and a snapshot that is not seen whole come in; a
//! table goes out of which hidden rows are no part, and in which places are as they are told. The test of a row stands below
//! whatever the question asks: no condition, function or order of it ever meets a hidden row or an exact place that is not to
//! be known, so that neither counts nor errors can tell of them.

use std::fmt::{self, Formatter};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Float64Type, SchemaRef, UInt64Type};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures_util::StreamExt;
use kernel_model::{DatastreamId, EntityId};
use kernel_store::{Eye, Snapshot, blurred};

use crate::candidates::implied;
use crate::pushdown::{is_comparison, to_stored};
use crate::table::SnapshotTable;

/// Columns that say where.
const PLACE: [&str; 3] = ["lon", "lat", "height_m"];
/// Columns that say of what a row is.
const KEYS: [&str; 2] = ["entity", "datastream"];

/// A table of rows that have to be looked at one by one.
#[derive(Debug)]
pub(crate) struct SeenTable {
    all: SnapshotTable,
    snapshot: Snapshot,
}

impl SeenTable {
    /// Of all rows, which say their thing or datastream and their place.
    pub(crate) fn new(all: SnapshotTable, snapshot: &Snapshot) -> Self {
        Self { all, snapshot: snapshot.clone() }
    }

    /// Whether a filter may be tried on rows that are hidden, and on places as they are.
    fn is_harmless(&self, filter: &Expr) -> bool {
        cannot_fail(filter) && (self.snapshot.has_exact_places() || !names_place(filter))
    }

    /// What may be asked of all rows where a filter is asked of those that are seen.
    fn below(&self, filter: &Expr) -> Option<Expr> {
        let stored = self.all.stored();
        match self.is_harmless(filter) {
            true => to_stored(filter, stored),
            false => implied(filter, stored).filter(|implied| self.is_harmless(implied)),
        }
    }
}

/// Comparisons of columns with constants, and what is made of them by logic: evaluating these never fails on any row.
fn cannot_fail(filter: &Expr) -> bool {
    let mut harmless = true;
    let visited = filter.apply(|node| {
        harmless &= match node {
            Expr::Column(_)
            | Expr::Literal(..)
            | Expr::InList(_)
            | Expr::Between(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::Not(_) => true,
            Expr::BinaryExpr(BinaryExpr { op, .. }) => is_comparison(*op) || matches!(op, Operator::And | Operator::Or),
            _ => false,
        };
        Ok(if harmless { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    visited.is_ok() && harmless
}

fn names_place(filter: &Expr) -> bool {
    filter.column_refs().iter().any(|column| PLACE.contains(&column.name.as_str()))
}

#[async_trait]
impl TableProvider for SeenTable {
    fn schema(&self) -> SchemaRef {
        self.all.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match (self.is_harmless(filter), self.below(filter)) {
            (true, Some(_)) => TableProviderFilterPushDown::Exact,
            (false, Some(_)) => TableProviderFilterPushDown::Inexact,
            (_, None) => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let mut read = projection.cloned().unwrap_or_else(|| (0..schema.fields().len()).collect());
        let told = Arc::new(schema.project(&read)?);
        for needed in KEYS.iter().chain(&PLACE).filter_map(|name| schema.index_of(name).ok()) {
            if !read.contains(&needed) {
                read.push(needed);
            }
        }
        let below = filters.iter().filter_map(|filter| self.below(filter)).collect();
        let rows = self.all.plan_scan(state, read, below, None)?;
        Ok(Arc::new(SeenExec::new(rows, told, self.snapshot.clone())))
    }
}

/// Leaves out what is hidden, and tells places as they are to be told.
#[derive(Debug)]
struct SeenExec {
    rows: Arc<dyn ExecutionPlan>,
    /// The columns that go out, the first of those that come in.
    told: SchemaRef,
    snapshot: Snapshot,
    properties: Arc<PlanProperties>,
}

impl SeenExec {
    fn new(rows: Arc<dyn ExecutionPlan>, told: SchemaRef, snapshot: Snapshot) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(told.clone()),
            rows.output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { rows, told, snapshot, properties: Arc::new(properties) }
    }
}

impl DisplayAs for SeenExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SeenExec")
    }
}

impl ExecutionPlan for SeenExec {
    fn name(&self) -> &'static str {
        "SeenExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.rows]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([rows]) => Ok(Arc::new(Self::new(rows, self.told.clone(), self.snapshot.clone()))),
            Err(_) => Err(DataFusionError::Internal("what is seen has one source".to_owned())),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.rows.execute(partition, context)?;
        let (told, mut eye) = (self.told.clone(), self.snapshot.eye());
        let seen = rows.map(move |batch| match &mut eye {
            Some(eye) => look(&batch?, eye, &told),
            None => batch?.project(&(0..told.fields().len()).collect::<Vec<_>>()).map_err(Into::into),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.told.clone(), seen)))
    }
}

/// The rows of a batch that are seen, as they are told.
fn look(batch: &RecordBatch, eye: &mut Eye, told: &SchemaRef) -> Result<RecordBatch> {
    let places = [column(batch, "lon")?, column(batch, "lat")?].map(AsArray::as_primitive::<Float64Type>);
    let of = Of::read(batch)?;
    let mut levels = Vec::with_capacity(batch.num_rows());
    let mut keep = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let place =
            places.iter().all(|degrees| degrees.is_valid(row)).then(|| places.map(|degrees| degrees.value(row)));
        let view = of.look(row, place, eye);
        keep.push(view.is_some());
        levels.extend(view.map(|view| view.cell_level));
    }
    let kept = filter_record_batch(batch, &BooleanArray::from(keep))?;
    let mut columns = kept.columns()[..told.fields().len()].to_vec();
    if levels.iter().any(Option::is_some) {
        let [lon, lat] = [column(&kept, "lon")?, column(&kept, "lat")?].map(AsArray::as_primitive::<Float64Type>);
        let centre = |row: usize| levels[row].map(|level| blurred(lon.value(row), lat.value(row), level));
        let degrees = |own: &Float64Array, axis: usize| -> ArrayRef {
            let told =
                |row: usize| own.is_valid(row).then(|| centre(row).map_or(own.value(row), |centre| centre[axis]));
            Arc::new((0..own.len()).map(told).collect::<Float64Array>())
        };
        for (at, field) in told.fields().iter().enumerate() {
            columns[at] = match field.name().as_str() {
                "lon" => degrees(lon, 0),
                "lat" => degrees(lat, 1),
                "height_m" => {
                    let own = columns[at].as_primitive::<Float64Type>();
                    let told = |row: usize| (levels[row].is_none() && own.is_valid(row)).then(|| own.value(row));
                    Arc::new((0..own.len()).map(told).collect::<Float64Array>())
                }
                _ => continue,
            };
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(kept.num_rows()));
    Ok(RecordBatch::try_new_with_options(told.clone(), columns, &options)?)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| DataFusionError::Internal(format!("rows are to be looked at by {name}")))
}

/// Of what the rows of a batch are.
enum Of<'a> {
    Datastreams(&'a arrow::array::UInt64Array),
    /// Ids as texts.
    Things(&'a arrow::array::StringArray),
}

impl<'a> Of<'a> {
    fn read(batch: &'a RecordBatch) -> Result<Self> {
        if let Some(column) = batch.column_by_name("datastream") {
            return Ok(Self::Datastreams(column.as_primitive::<UInt64Type>()));
        }
        let things = column(batch, "entity")?;
        match things.data_type() {
            DataType::Utf8 => Ok(Self::Things(things.as_string::<i32>())),
            other => Err(DataFusionError::Internal(format!("ids of things are texts, not {other}"))),
        }
    }

    fn look(&self, row: usize, place: Option<[f64; 2]>, eye: &mut Eye) -> Option<Arc<kernel_model::View>> {
        match self {
            Self::Datastreams(ids) => eye.reading(DatastreamId(ids.value(row)), place),
            Self::Things(ids) => eye.fix(&ids.value(row).parse::<EntityId>().ok()?, place?),
        }
    }
}
