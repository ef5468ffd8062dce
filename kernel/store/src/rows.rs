//! Rows of a commit on their way into Arrow columns, and observation and position columns back into rows. Sequence and
//! recording time are the commit's. Readings and fixes, which are many, have a module of their own (`series_rows`).

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryBuilder, Float64Array, PrimitiveArray, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{ArrowPrimitiveType, Float32Type, Float64Type, TimestampMicrosecondType, UInt8Type, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{
    DatastreamId, Descent, EntityId, Observation, Place, PositionFix, Quality, Rejection, Sequence, TimeUs,
};

use crate::entities::DatastreamInfo;
use crate::error::Error;
use crate::origins::OriginRow;

pub(crate) fn batch(table: Table, columns: Vec<ArrayRef>) -> Result<RecordBatch, Error> {
    RecordBatch::try_new(table.schema(), columns).map_err(Error::arrow(format!("build rows of {}", table.name())))
}

pub(crate) fn instants(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("+00:00"))
}

pub(crate) fn maybe_instants(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("+00:00"))
}

pub(crate) fn repeated(sequence: Sequence, rows: usize) -> ArrayRef {
    Arc::new(UInt64Array::from(vec![sequence.0; rows]))
}

/// Fixed-size binary column of slices that all have the size.
pub(crate) fn fixed<'a>(size: i32, values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<ArrayRef, Error> {
    let mut builder = FixedSizeBinaryBuilder::new(size);
    for value in values {
        match value {
            Some(bytes) => builder.append_value(bytes).map_err(Error::arrow("build a binary column"))?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn text<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Hands every row of an `observations` batch to `each`.
pub(crate) fn read_observations(batch: &RecordBatch, mut each: impl FnMut(DatastreamId, Observation)) {
    let ids = batch.column(0).as_primitive::<UInt64Type>();
    let phenomenon = batch.column(1).as_primitive::<TimestampMicrosecondType>();
    let result = batch.column(2).as_primitive::<TimestampMicrosecondType>();
    let value = batch.column(3).as_primitive::<Float64Type>();
    let quality = batch.column(4).as_primitive::<UInt8Type>();
    for row in 0..batch.num_rows() {
        let observation = Observation {
            phenomenon_time: TimeUs(phenomenon.value(row)),
            result_time: get(result, row).map(TimeUs),
            value: value.value(row),
            quality: match quality.value(row) {
                0 => Quality::Good,
                1 => Quality::Suspect,
                _ => Quality::Missing,
            },
        };
        each(DatastreamId(ids.value(row)), observation);
    }
}

fn get<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}

/// Hands every row of a `positions` batch to `each`.
pub(crate) fn read_positions(batch: &RecordBatch, mut each: impl FnMut(EntityId, PositionFix)) {
    let ids = batch.column(0).as_fixed_size_binary();
    let time = batch.column(1).as_primitive::<TimestampMicrosecondType>();
    let real = |column: usize| batch.column(column).as_primitive::<Float64Type>();
    let small = |column: usize| batch.column(column).as_primitive::<Float32Type>();
    let (lon, lat, height, heading, speed) = (real(2), real(3), real(4), small(5), small(6));
    for row in 0..batch.num_rows() {
        let Some(entity) = EntityId::from_slice(ids.value(row)) else { continue };
        let fix = PositionFix {
            time: TimeUs(time.value(row)),
            place: Place { lon_deg: lon.value(row), lat_deg: lat.value(row), height_m: get(height, row) },
            heading_deg: get(heading, row),
            speed_m_s: get(speed, row),
        };
        each(entity, fix);
    }
}

/// Datastreams.
pub(crate) fn datastreams(rows: &[DatastreamInfo], sequence: Sequence, at: TimeUs) -> Result<RecordBatch, Error> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.id.0))),
        repeated(sequence, rows.len()),
        instants(vec![at.0; rows.len()]),
        fixed(16, rows.iter().map(|row| Some(row.entity.bytes().as_slice())))?,
        text(rows.iter().map(|row| row.property.as_str())),
        text(rows.iter().map(|row| row.unit.as_str())),
        text(rows.iter().map(|row| row.name.as_str())),
        text(rows.iter().map(|row| &*row.source.dataset)),
        text(rows.iter().map(|row| &*row.source.id)),
    ];
    batch(Table::Datastreams, columns)
}

/// A content object that was kept.
#[derive(Debug, Clone)]
pub(crate) struct ContentRow {
    pub(crate) digest: [u8; 32],
    pub(crate) entity: EntityId,
    pub(crate) media_type: String,
    pub(crate) name: String,
    pub(crate) size: u64,
}

/// Contents.
pub(crate) fn contents(rows: &[ContentRow], sequence: Sequence, at: TimeUs) -> Result<RecordBatch, Error> {
    let columns: Vec<ArrayRef> = vec![
        fixed(32, rows.iter().map(|row| Some(row.digest.as_slice())))?,
        fixed(16, rows.iter().map(|row| Some(row.entity.bytes().as_slice())))?,
        text(rows.iter().map(|row| row.media_type.as_str())),
        text(rows.iter().map(|row| row.name.as_str())),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.size))),
        repeated(sequence, rows.len()),
        instants(vec![at.0; rows.len()]),
    ];
    batch(Table::Contents, columns)
}

/// Rejected records.
pub(crate) fn rejected(rows: &[Rejection], sequence: Sequence, at: TimeUs) -> Result<RecordBatch, Error> {
    let columns: Vec<ArrayRef> = vec![
        instants(vec![at.0; rows.len()]),
        text(rows.iter().map(|row| row.source.as_str())),
        text(rows.iter().map(|row| row.place.as_str())),
        text(rows.iter().map(|row| row.reason.as_str())),
        text(rows.iter().map(|row| row.sample.as_str())),
        repeated(sequence, rows.len()),
    ];
    batch(Table::Rejected, columns)
}

/// One thing that came of another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineageRow {
    pub(crate) predecessor: EntityId,
    pub(crate) successor: EntityId,
    pub(crate) kind: Descent,
    pub(crate) valid_time: TimeUs,
}

/// Lineage.
pub(crate) fn lineage(rows: &[LineageRow], sequence: Sequence, at: TimeUs) -> Result<RecordBatch, Error> {
    let columns: Vec<ArrayRef> = vec![
        fixed(16, rows.iter().map(|row| Some(row.predecessor.bytes().as_slice())))?,
        fixed(16, rows.iter().map(|row| Some(row.successor.bytes().as_slice())))?,
        text(rows.iter().map(|row| row.kind.name())),
        instants(rows.iter().map(|row| row.valid_time.0).collect()),
        repeated(sequence, rows.len()),
        instants(vec![at.0; rows.len()]),
    ];
    batch(Table::Lineage, columns)
}

/// Origins.
pub(crate) fn origins(rows: &[OriginRow], sequence: Sequence, at: TimeUs) -> Result<RecordBatch, Error> {
    let columns: Vec<ArrayRef> = vec![
        fixed(16, rows.iter().map(|row| Some(row.entity.bytes().as_slice())))?,
        text(rows.iter().map(|row| &*row.origin.dataset)),
        text(rows.iter().map(|row| &*row.origin.file)),
        Arc::new(rows.iter().map(|row| Some(row.there)).collect::<BooleanArray>()),
        repeated(sequence, rows.len()),
        instants(vec![at.0; rows.len()]),
    ];
    batch(Table::Origins, columns)
}

/// Entity revisions.
#[derive(Debug, Default)]
pub(crate) struct EntityRows<'a> {
    rows: Vec<EntityRow<'a>>,
}

/// One revision with its resolved ids.
#[derive(Debug)]
pub(crate) struct EntityRow<'a> {
    pub(crate) id: EntityId,
    pub(crate) parent: Option<EntityId>,
    pub(crate) digest: [u8; 32],
    pub(crate) draft: Cow<'a, kernel_model::EntityDraft>,
}

impl<'a> EntityRows<'a> {
    /// Takes a row and gives its number.
    pub(crate) fn push(&mut self, row: EntityRow<'a>) -> usize {
        self.rows.push(row);
        self.rows.len() - 1
    }

    pub(crate) fn finish(self, sequence: Sequence, at: TimeUs) -> Result<RecordBatch, Error> {
        let rows = &self.rows;
        let geometry: Vec<Option<Shape>> = rows.iter().map(Shape::of).collect();
        let shaped = |get: fn(&Shape) -> Option<f64>| -> ArrayRef {
            Arc::new(geometry.iter().map(|s| s.as_ref().and_then(get)).collect::<Float64Array>())
        };
        let wkb: Vec<Option<&[u8]>> = geometry.iter().map(|s| s.as_ref().map(|s| s.wkb.as_slice())).collect();
        let mut properties = StringBuilder::new();
        for row in rows {
            properties.append_value(row.draft.properties_text());
        }
        let columns: Vec<ArrayRef> = vec![
            fixed(16, rows.iter().map(|row| Some(row.id.bytes().as_slice())))?,
            repeated(sequence, rows.len()),
            instants(vec![at.0; rows.len()]),
            text(rows.iter().map(|row| row.draft.kind.name())),
            text(rows.iter().map(|row| row.draft.class.as_str())),
            Arc::new(rows.iter().map(|row| row.draft.name.as_deref()).collect::<StringArray>()),
            fixed(16, rows.iter().map(|row| row.parent.as_ref().map(|parent| parent.bytes().as_slice())))?,
            text(rows.iter().map(|row| &*row.draft.source.dataset)),
            text(rows.iter().map(|row| &*row.draft.source.id)),
            Arc::new(arrow::array::BinaryArray::from_iter(wkb)),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.draft.height_reference.to_string()))),
            shaped(|s| Some(s.anchor.lon_deg)),
            shaped(|s| Some(s.anchor.lat_deg)),
            shaped(|s| s.heights.map(|(low, _)| low)),
            shaped(|s| Some(s.region.west)),
            shaped(|s| Some(s.region.south)),
            shaped(|s| Some(s.region.east)),
            shaped(|s| Some(s.region.north)),
            shaped(|s| s.heights.map(|(_, high)| high)),
            Arc::new(properties.finish()),
            maybe_instants(rows.iter().map(|row| row.draft.valid_from.map(|t| t.0)).collect()),
            maybe_instants(rows.iter().map(|row| row.draft.valid_to.map(|t| t.0)).collect()),
            Arc::new(BooleanArray::from(vec![false; rows.len()])),
            text(rows.iter().map(|row| &*row.draft.lineage)),
            fixed(32, rows.iter().map(|row| Some(row.digest.as_slice())))?,
            fixed(16, geometry.iter().map(|s| s.as_ref().and_then(|s| s.key.as_ref()).map(<[u8; 16]>::as_slice)))?,
        ];
        batch(Table::Entities, columns)
    }
}

/// What is derived from a draft's geometry.
struct Shape {
    wkb: Vec<u8>,
    anchor: kernel_model::Coord,
    region: kernel_model::Region,
    heights: Option<(f64, f64)>,
    key: Option<[u8; 16]>,
}

impl Shape {
    fn of(row: &EntityRow<'_>) -> Option<Self> {
        let geometry = row.draft.geometry.as_ref()?;
        let anchor = geometry.anchor()?;
        Some(Self {
            wkb: geometry.to_wkb(),
            anchor,
            region: geometry.region(),
            heights: geometry.height_range_m(),
            key: crate::parts::space_time_key(anchor.lon_deg, anchor.lat_deg, row.draft.valid_from),
        })
    }
}
