//! `latest_observations` and `latest_positions`: of each datastream the latest reading, of each moving thing the latest fix,
//! with what they are of. A snapshot comes in, and the datastreams or things that the question names, or none; rows in memory
//! go out. No history is read: the store keeps the latest values by number. Filters only say which; they are tested above. What
//! moves is also found by place, height, time and nearness (`by_place`).

mod by_place;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, RecordBatch, RecordBatchOptions};
use arrow::array::{StringArray, TimestampMicrosecondArray, UInt8Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::Column;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use kernel_model::schema::{Table, timestamp};
use kernel_model::{DatastreamId, EntityId, Observation, PositionFix, Quality, TimeUs};
use kernel_store::{DatastreamInfo, Snapshot};

pub(crate) use self::by_place::table as positions_by_place;
use crate::pushdown::to_stored;
use crate::scan::{Only, RowsExec};
use crate::table::SnapshotTable;

/// One of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Observations,
    Positions,
}

impl Of {
    pub(crate) const ALL: [Self; 2] = [Self::Observations, Self::Positions];

    /// The name in SQL.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Observations => "latest_observations",
            Self::Positions => "latest_positions",
        }
    }

    /// The columns.
    pub(crate) fn schema(self) -> SchemaRef {
        match self {
            Self::Observations => OBSERVATIONS.clone(),
            Self::Positions => POSITIONS.clone(),
        }
    }
}

static OBSERVATIONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut fields = vec![Field::new("datastream", DataType::UInt64, false)];
    fields.extend(
        ["entity", "entity_name", "property", "unit", "name"].map(|name| Field::new(name, DataType::Utf8, true)),
    );
    fields.push(Field::new("phenomenon_time", timestamp(), false));
    fields.push(Field::new("result_time", timestamp(), true));
    fields.push(Field::new("value", DataType::Float64, false));
    fields.push(Field::new("quality", DataType::UInt8, false));
    fields.extend(["lon", "lat"].map(|name| Field::new(name, DataType::Float64, true)));
    Arc::new(Schema::new(fields))
});

static POSITIONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut fields = vec![Field::new("entity", DataType::Utf8, false), Field::new("entity_name", DataType::Utf8, true)];
    fields.push(Field::new("time", timestamp(), false));
    fields.extend(["lon", "lat"].map(|name| Field::new(name, DataType::Float64, false)));
    fields.push(Field::new("height_m", DataType::Float64, true));
    fields.extend(["heading_deg", "speed_m_s"].map(|name| Field::new(name, DataType::Float32, true)));
    Arc::new(Schema::new(fields))
});

/// The latest values of one snapshot.
#[derive(Debug, Clone)]
pub(crate) struct LatestTable {
    of: Of,
    snapshot: Snapshot,
    /// Only these matter.
    only: Option<Only>,
}

impl LatestTable {
    pub(crate) fn new(of: Of, snapshot: &Snapshot) -> Self {
        Self { of, snapshot: snapshot.clone(), only: None }
    }

    /// Which of the two it is.
    pub(crate) fn of(&self) -> Of {
        self.of
    }

    /// The fixes with an index, where there is one.
    pub(crate) fn indexed(&self) -> Option<SnapshotTable> {
        match self.of {
            Of::Positions => positions_by_place(&self.snapshot).ok().flatten(),
            Of::Observations => None,
        }
    }

    /// The table of which only some rows matter; `None` where no index finds them or it was said before.
    pub(crate) fn with_only(&self, only: Only) -> Option<Self> {
        (self.only.is_none() && self.indexed()?.with_only(only).is_some())
            .then(|| Self { only: Some(only), ..self.clone() })
    }

    /// Where columns of the table stand in that of all fixes; the name of the thing stands in no fix.
    pub(crate) fn in_positions(&self, wanted: &[usize]) -> Vec<Option<usize>> {
        let (own, all) = (self.of.schema(), Table::Positions.schema());
        wanted.iter().map(|column| all.index_of(own.field(*column).name()).ok()).collect()
    }
}

/// Which are asked for: numbers of datastreams or ids of things.
#[derive(Debug, Clone, PartialEq)]
enum Named {
    Datastreams(BTreeSet<u64>),
    Entities(BTreeSet<EntityId>),
}

#[async_trait]
impl TableProvider for LatestTable {
    fn schema(&self) -> SchemaRef {
        self.of.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match named(filter).is_some() || self.is_of_fixes(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
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
        let wanted = projection.cloned().unwrap_or_else(|| (0..self.schema().fields().len()).collect());
        let schema = Arc::new(self.schema().project(&wanted)?);
        let named = filters.iter().find_map(named);
        let by_place = self.only.is_some() || filters.iter().any(|filter| self.is_of_fixes(filter));
        if named.is_none()
            && by_place
            && let Some(plan) = self.scan_by_place(state, &wanted, filters)?
        {
            return Ok(plan);
        }
        let rows = match self.of {
            Of::Observations => self.observations(named.as_ref(), &schema),
            Of::Positions => self.positions(named.as_ref(), &schema),
        }?;
        let asked = match &named {
            None => "all".to_owned(),
            Some(Named::Datastreams(ids)) => format!("{} by datastream", ids.len()),
            Some(Named::Entities(ids)) => format!("{} by entity", ids.len()),
        };
        let (readings, fixes) = self.snapshot.latest_count();
        let all = if self.of == Of::Observations { readings } else { fixes };
        let all = all.max(rows.num_rows());
        Ok(Arc::new(RowsExec::new(schema, vec![rows], asked, all)))
    }
}

/// A thing as it is beside its values: name, longitude, latitude.
type Thing = (Option<String>, Option<[f64; 2]>);

impl LatestTable {
    /// Whether a filter says something of fixes themselves.
    fn is_of_fixes(&self, filter: &Expr) -> bool {
        self.of == Of::Positions && to_stored(filter, &Table::Positions.schema()).is_some()
    }

    /// A plan that asks the index, where there is one.
    fn scan_by_place(
        &self,
        state: &dyn Session,
        wanted: &[usize],
        filters: &[Expr],
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(table) = by_place::table(&self.snapshot)? else { return Ok(None) };
        let table = match self.only {
            Some(only) => table.with_only(only).unwrap_or(table),
            None => table,
        };
        let filters = filters.iter().filter_map(|filter| to_stored(filter, table.stored())).collect();
        let places = self.in_positions(wanted);
        // A name is looked up by the id.
        let below: Vec<usize> = places.iter().map(|place| place.unwrap_or(0)).collect();
        let plan = table.plan_scan(state, below, filters, None)?;
        if places.iter().all(Option::is_some) {
            return Ok(Some(plan));
        }
        let names = by_place::names(&self.snapshot);
        let column = |(at, place): (usize, &Option<usize>)| {
            let input = plan.schema();
            let own = Arc::new(Column::new(input.field(at).name(), at));
            let alias = self.of.schema().field(wanted[at]).name().clone();
            if place.is_some() {
                return Ok(ProjectionExpr { expr: own, alias });
            }
            let options = Arc::new(state.config_options().clone());
            let expr = Arc::new(ScalarFunctionExpr::try_new(names.clone(), vec![own], &input, options)?);
            Ok(ProjectionExpr { expr, alias })
        };
        let columns = places.iter().enumerate().map(column).collect::<Result<Vec<_>>>()?;
        Ok(Some(Arc::new(ProjectionExec::try_new(columns, plan)?)))
    }

    fn observations(&self, named: Option<&Named>, schema: &SchemaRef) -> Result<RecordBatch> {
        let ids: Option<Vec<DatastreamId>> = named.map(|named| match named {
            Named::Datastreams(ids) => ids.iter().copied().map(DatastreamId).collect(),
            Named::Entities(ids) => {
                ids.iter().flat_map(|id| self.snapshot.datastreams_of(id)).map(|info| info.id).collect()
            }
        });
        let rows: Vec<(DatastreamId, Observation)> = match &ids {
            None => self.snapshot.latest_readings().map_err(failed)?.into_iter().collect(),
            Some(ids) => some(ids, |id| self.snapshot.latest_reading(*id))?,
        };
        let needs = |names: &[&str]| schema.fields().iter().any(|field| names.contains(&field.name().as_str()));
        let things_are_needed = needs(&["entity_name", "lon", "lat"]);
        let infos: Vec<Option<DatastreamInfo>> = match ids {
            _ if !needs(&["entity", "property", "unit", "name"]) && !things_are_needed => Vec::new(),
            Some(_) => rows.iter().map(|(id, _)| self.snapshot.datastream(*id)).collect(),
            None => {
                let mut all = self.snapshot.all_datastreams();
                rows.iter().map(|(id, _)| all.remove(id)).collect()
            }
        };
        let of_info = |get: fn(&DatastreamInfo) -> String| -> ArrayRef {
            Arc::new(infos.iter().map(|info| info.as_ref().map(get)).collect::<StringArray>())
        };
        let entities: Vec<_> = infos.iter().map(|info| info.as_ref().map(|info| info.entity)).collect();
        let things = if things_are_needed { self.things(&entities, named.is_some()) } else { Vec::new() };
        batch(schema, rows.len(), |name| match name {
            "datastream" => Arc::new(UInt64Array::from_iter_values(rows.iter().map(|(id, _)| id.0))),
            "entity" => of_info(|info| info.entity.to_string()),
            "property" => of_info(|info| info.property.clone()),
            "unit" => of_info(|info| info.unit.clone()),
            "name" => of_info(|info| info.name.clone()),
            "phenomenon_time" => instants(rows.iter().map(|(_, reading)| Some(reading.phenomenon_time))),
            "result_time" => instants(rows.iter().map(|(_, reading)| reading.result_time)),
            "value" => Arc::new(Float64Array::from_iter_values(rows.iter().map(|(_, reading)| reading.value))),
            "quality" => {
                Arc::new(UInt8Array::from_iter_values(rows.iter().map(|(_, reading)| match reading.quality {
                    Quality::Good => 0,
                    Quality::Suspect => 1,
                    Quality::Missing => 2,
                })))
            }
            other => of_thing(other, &things),
        })
    }

    fn positions(&self, named: Option<&Named>, schema: &SchemaRef) -> Result<RecordBatch> {
        let rows: Vec<(EntityId, PositionFix)> = match named {
            Some(Named::Entities(ids)) => {
                some(&ids.iter().copied().collect::<Vec<_>>(), |id| self.snapshot.latest_fix(id))?
            }
            _ => self.snapshot.latest_fixes().map_err(failed)?.into_iter().collect(),
        };
        let needs_names = schema.field_with_name("entity_name").is_ok();
        let ids: Vec<_> = rows.iter().map(|(id, _)| Some(*id)).collect();
        let things = if needs_names { self.things(&ids, named.is_some()) } else { Vec::new() };
        let fixes = || rows.iter().map(|(_, fix)| fix);
        let real =
            |get: fn(&PositionFix) -> Option<f64>| -> ArrayRef { Arc::new(fixes().map(get).collect::<Float64Array>()) };
        let small =
            |get: fn(&PositionFix) -> Option<f32>| -> ArrayRef { Arc::new(fixes().map(get).collect::<Float32Array>()) };
        batch(schema, rows.len(), |name| match name {
            "entity" => Arc::new(StringArray::from_iter_values(rows.iter().map(|(id, _)| id.to_string()))),
            "time" => instants(fixes().map(|fix| Some(fix.time))),
            "lon" => real(|fix| Some(fix.place.lon_deg)),
            "lat" => real(|fix| Some(fix.place.lat_deg)),
            "height_m" => real(|fix| fix.place.height_m),
            "heading_deg" => small(|fix| fix.heading_deg),
            "speed_m_s" => small(|fix| fix.speed_m_s),
            other => of_thing(other, &things),
        })
    }

    /// Names and places of things: of a few one by one, of many by one way through all.
    fn things(&self, ids: &[Option<EntityId>], few: bool) -> Vec<Thing> {
        if few {
            let one = |id: EntityId| self.snapshot.entity(&id, None).map(|row| thing(&row, 0));
            return ids.iter().map(|id| id.and_then(one).unwrap_or_default()).collect();
        }
        let mut places: HashMap<EntityId, (&RecordBatch, usize)> = HashMap::new();
        for (rows, present) in self.snapshot.entities() {
            let own = rows.column(0).as_fixed_size_binary();
            let all = (0..rows.num_rows()).filter(|row| present.value(*row));
            places.extend(all.filter_map(|row| Some((EntityId::from_slice(own.value(row))?, (rows, row)))));
        }
        let one = |id: &EntityId| places.get(id).map(|(rows, row)| thing(rows, *row));
        ids.iter().map(|id| id.as_ref().and_then(one).unwrap_or_default()).collect()
    }
}

/// A row of the table `entities`.
fn thing(rows: &RecordBatch, row: usize) -> Thing {
    let degrees = |name: &str| {
        let column = rows.column_by_name(name)?.as_primitive_opt::<Float64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    };
    let names = rows.column_by_name("name").and_then(|names| names.as_string_opt::<i32>());
    let name = names.filter(|names| names.is_valid(row)).map(|names| names.value(row).to_owned());
    (name, degrees("lon").zip(degrees("lat")).map(|(lon, lat)| [lon, lat]))
}

fn of_thing(name: &str, things: &[Thing]) -> ArrayRef {
    match name {
        "lon" => Arc::new(things.iter().map(|(_, place)| place.map(|[lon, _]| lon)).collect::<Float64Array>()),
        "lat" => Arc::new(things.iter().map(|(_, place)| place.map(|[_, lat]| lat)).collect::<Float64Array>()),
        _ => Arc::new(things.iter().map(|(name, _)| name.as_deref()).collect::<StringArray>()),
    }
}

fn some<K: Copy, V>(
    keys: &[K],
    latest: impl Fn(&K) -> std::result::Result<Option<V>, kernel_store::Error>,
) -> Result<Vec<(K, V)>> {
    let found = keys.iter().map(|key| Ok(latest(key).map_err(failed)?.map(|value| (*key, value))));
    Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn batch(schema: &SchemaRef, rows: usize, column: impl Fn(&str) -> ArrayRef) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| column(field.name())).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

fn instants(times: impl Iterator<Item = Option<TimeUs>>) -> ArrayRef {
    let times: TimestampMicrosecondArray = times.map(|time| time.map(|time| time.0)).collect();
    Arc::new(times.with_timezone("+00:00"))
}

fn failed(error: kernel_store::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The datastreams or things one of which every row is of for which a filter holds.
fn named(filter: &Expr) -> Option<Named> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (&**left, &**right) {
            (Expr::Column(column), Expr::Literal(value, _)) | (Expr::Literal(value, _), Expr::Column(column)) => {
                of_value(&column.name, value)
            }
            _ => None,
        },
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => either(named(left)?, named(right)?),
        Expr::InList(list) if !list.negated => {
            let Expr::Column(column) = &*list.expr else { return None };
            let one = |item: &Expr| match item {
                Expr::Literal(value, _) => of_value(&column.name, value),
                _ => None,
            };
            list.list.iter().map(one).reduce(|a, b| either(a?, b?)).flatten()
        }
        _ => None,
    }
}

fn of_value(column: &str, value: &ScalarValue) -> Option<Named> {
    match (column, value) {
        ("datastream", ScalarValue::UInt64(Some(number))) => Some(Named::Datastreams(BTreeSet::from([*number]))),
        // What is no id names nothing.
        ("entity", value) => {
            let text = value.try_as_str()??;
            Some(Named::Entities(text.parse::<EntityId>().ok().into_iter().collect()))
        }
        _ => None,
    }
}

fn either(a: Named, b: Named) -> Option<Named> {
    match (a, b) {
        (Named::Datastreams(a), Named::Datastreams(b)) => Some(Named::Datastreams(&a | &b)),
        (Named::Entities(a), Named::Entities(b)) => Some(Named::Entities(&a | &b)),
        _ => None,
    }
}
