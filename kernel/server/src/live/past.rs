//! The city as it was, for a live client. An instant of valid time comes in, and perhaps one by which it had been told; out
//! come the two messages of the present (`LIVE_ENTITIES`, `LIVE_STATES`): the description of each thing that held then, and
//! the newest fix and reading by then. Everything is asked of the query engine, so that what a question may not see, a
//! picture does not show. A fix older than ten minutes or a reading older than a day says nothing about the instant.

use std::collections::HashSet;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, Float32Array, Float64Array, RecordBatch, StringArray,
    new_null_array,
};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use kernel_model::schema::{LIVE_ENTITIES, LIVE_STATES};
use kernel_model::{EntityId, Region, TimeUs};
use kernel_query::Limits;
use serde::Deserialize;

use super::hub::Filter;
use super::messages::{CHUNK, height_above_ground, is_flat};
use crate::error::ApiError;
use crate::state::AppState;
use crate::times::Times;

/// How far back a fix still says where a thing is.
const FIXES: &str = "INTERVAL '10 minutes'";
/// How far back a reading still says what is measured.
const READINGS: &str = "INTERVAL '1 day'";
/// More things, fixes or readings than these are refused: the answers are in memory while they are sent.
const MOST: usize = 1_000_000;

/// Which instant is asked of, in the address or in a text frame later on.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Instant {
    datetime: String,
    recorded: Option<String>,
}

/// The messages of one instant.
#[derive(Debug)]
pub(crate) struct Past {
    /// The instant.
    pub(crate) at: TimeUs,
    /// The commit of the snapshot that was asked.
    pub(crate) sequence: u64,
    /// How many things held.
    pub(crate) things: usize,
    /// Arrow IPC streams in the order in which they are sent.
    pub(crate) messages: Vec<Vec<u8>>,
}

impl Instant {
    pub(crate) fn new(datetime: String, recorded: Option<String>) -> Self {
        Self { datetime, recorded }
    }

    /// An instant, not a stretch of time.
    pub(crate) fn read(&self) -> Result<(TimeUs, Times), ApiError> {
        let at = TimeUs::parse(&self.datetime)
            .map_err(|error| ApiError::bad_request(format!("datetime: {error}: the picture is of one instant")))?;
        Ok((at, Times::read(None, self.recorded.as_deref())?))
    }
}

/// Asks for the city as it was.
///
/// # Errors
/// When the instant is none, or the questions are refused or cut: a picture is whole or none.
pub(crate) async fn past(state: &Arc<AppState>, instant: &Instant, filter: &Filter) -> Result<Past, ApiError> {
    let (at, times) = instant.read()?;
    let _place = state.sql_places.acquire().await.map_err(ApiError::internal)?;
    let snapshot = times.known(state.reader.snapshot());
    let limits = Limits { deadline: state.settings.sql_deadline, max_rows: MOST };
    let ask = async |sql: String| -> Result<RecordBatch, ApiError> {
        let running = state.engine.query(&snapshot, &[], &sql, limits).await.map_err(crate::sql::refused)?;
        let answer = running.collect().await.map_err(crate::sql::refused)?;
        if let Some(cut) = answer.truncated {
            let why = format!("the city of {at} is not shown in part: {cut}; ask with bbox or kinds for less of it");
            return Err(ApiError::unavailable(why));
        }
        concat_batches(&answer.schema, &answer.batches).map_err(ApiError::internal)
    };
    let things = ask(things(at, filter)).await?;
    let (mut fixes, mut readings) = (ask(fixes(at, filter)).await?, ask(readings(at)).await?);
    if filter.kinds.is_some() || filter.region.is_some() {
        let told: HashSet<&str> = things.column(0).as_string::<i32>().iter().flatten().collect();
        fixes = of_things(&fixes, &told).map_err(ApiError::internal)?;
        readings = of_things(&readings, &told).map_err(ApiError::internal)?;
    }
    let mut messages = Vec::new();
    for (rows, message) in [
        (&things, entities as fn(&RecordBatch) -> Result<Vec<u8>, ArrowError>),
        (&fixes, fix_states),
        (&readings, reading_states),
    ] {
        for from in (0..rows.num_rows()).step_by(CHUNK) {
            let piece = rows.slice(from, CHUNK.min(rows.num_rows() - from));
            messages.push(message(&piece).map_err(ApiError::internal)?);
        }
    }
    Ok(Past { at, sequence: snapshot.sequence().0, things: things.num_rows(), messages })
}

fn things(at: TimeUs, filter: &Filter) -> String {
    let mut sql = format!(
        "SELECT id, kind, class, name, lon, lat, height_m, geometry, seq, properties FROM entities_as_of('{at}') WHERE true"
    );
    if let Some(kinds) = &filter.kinds {
        let names: Vec<_> = kinds.iter().map(|kind| format!("'{}'", kind.name())).collect();
        sql.extend([" AND kind IN (", &names.join(", "), ")"]);
    }
    if let Some(region) = &filter.region {
        let [west, south, east, north] = [region.west, region.south, region.east, region.north];
        let meets = format!("west <= {east} AND east >= {west} AND south <= {north} AND north >= {south}");
        sql.extend([" AND (west IS NULL OR (", &meets, "))"]);
    }
    sql
}

/// The rows whose first column names one of these things.
fn of_things(rows: &RecordBatch, told: &HashSet<&str>) -> Result<RecordBatch, ArrowError> {
    let ids = rows.column(0).as_string::<i32>();
    let keep: BooleanArray = ids.iter().map(|id| Some(id.is_some_and(|id| told.contains(id)))).collect();
    filter_record_batch(rows, &keep)
}

fn fixes(at: TimeUs, filter: &Filter) -> String {
    let newest = |name: &str| format!("first_value({name} ORDER BY time DESC, seq DESC) AS {name}");
    let columns = ["lon", "lat", "height_m", "heading_deg", "speed_m_s"].map(newest).join(", ");
    let newest = format!(
        "SELECT entity, max(time) AS time, {columns} FROM positions \
         WHERE time <= TIMESTAMP '{at}' AND time > TIMESTAMP '{at}' - {FIXES} GROUP BY entity"
    );
    match &filter.region {
        None => newest,
        Some(Region { west, south, east, north }) => {
            format!("SELECT * FROM ({newest}) WHERE lon BETWEEN {west} AND {east} AND lat BETWEEN {south} AND {north}")
        }
    }
}

fn readings(at: TimeUs) -> String {
    format!(
        "SELECT d.entity, o.datastream, o.time, d.property, o.value, d.unit FROM (\
           SELECT datastream, max(phenomenon_time) AS time, \
                  first_value(value ORDER BY phenomenon_time DESC, seq DESC) AS value FROM observations \
           WHERE phenomenon_time <= TIMESTAMP '{at}' AND phenomenon_time > TIMESTAMP '{at}' - {READINGS} \
           GROUP BY datastream) o JOIN datastreams d ON d.id = o.datastream"
    )
}

/// `id`, `kind`, `class`, `name`, `lon`, `lat`, `height_m`, `geometry`, `seq`, `properties` as a message of things.
fn entities(rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let (geometry, properties) = (rows.column(7).as_binary::<i32>(), rows.column(9).as_string::<i32>());
    let extrude: Float32Array = (0..rows.num_rows())
        .map(|row| {
            let flat = geometry.is_valid(row) && is_flat(geometry.value(row));
            flat.then(|| height_above_ground(properties.value(row))).flatten()
        })
        .collect();
    let number = |index: usize| -> ArrayRef {
        let column = rows.column(index).as_primitive::<Float64Type>();
        Arc::new(column.iter().map(|value| value.unwrap_or(f64::NAN)).collect::<Float64Array>())
    };
    let columns = vec![
        ids(rows.column(0))?,
        rows.column(1).clone(),
        rows.column(2).clone(),
        rows.column(3).clone(),
        number(4),
        number(5),
        rows.column(6).clone(),
        Arc::new(extrude) as ArrayRef,
        rows.column(7).clone(),
        rows.column(8).clone(),
        Arc::new(BooleanArray::from(vec![false; rows.num_rows()])),
    ];
    message(&LIVE_ENTITIES, columns)
}

/// `entity`, `time`, `lon`, `lat`, `height_m`, `heading_deg`, `speed_m_s` as a message of states.
fn fix_states(rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let nothing = |kind: &DataType| new_null_array(kind, rows.num_rows());
    let columns = vec![
        ids(rows.column(0))?,
        nothing(&DataType::UInt64),
        microseconds(rows.column(1))?,
        rows.column(2).clone(),
        rows.column(3).clone(),
        rows.column(4).clone(),
        rows.column(5).clone(),
        rows.column(6).clone(),
        nothing(&DataType::Utf8),
        nothing(&DataType::Float64),
        nothing(&DataType::Utf8),
    ];
    message(&LIVE_STATES, columns)
}

/// `entity`, `datastream`, `time`, `property`, `value`, `unit` as a message of states.
fn reading_states(rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let nothing = |kind: &DataType| new_null_array(kind, rows.num_rows());
    let columns = vec![
        ids(rows.column(0))?,
        cast(rows.column(1), &DataType::UInt64)?,
        microseconds(rows.column(2))?,
        nothing(&DataType::Float64),
        nothing(&DataType::Float64),
        nothing(&DataType::Float64),
        nothing(&DataType::Float32),
        nothing(&DataType::Float32),
        rows.column(3).clone(),
        rows.column(4).clone(),
        rows.column(5).clone(),
    ];
    message(&LIVE_STATES, columns)
}

fn message(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<Vec<u8>, ArrowError> {
    let columns = columns.iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
    let batch = RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)?;
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    writer.write(&batch)?;
    writer.into_inner()
}

fn microseconds(times: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    cast(times, &DataType::Int64)
}

fn ids(texts: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let texts = cast(texts, &DataType::Utf8)?;
    let parsed = texts.as_any().downcast_ref::<StringArray>().into_iter().flatten().flatten().map(|text| {
        EntityId::from_str(text)
            .map(|id| id.bytes().to_vec())
            .map_err(|error| ArrowError::ParseError(error.to_string()))
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(parsed.into_iter().map(Some), 16)?))
}
