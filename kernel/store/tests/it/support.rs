//! Small changes to write.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, RecordBatch, TimestampMicrosecondArray, UInt8Array, UInt64Array, new_null_array,
};
use arrow::datatypes::DataType;
use kernel_model::schema::Table;
use kernel_model::{
    Change, Coord, DatastreamDraft, EntityDraft, Geometry, HeightReference, Kind, Observation, ObservationBatch, Place,
    PositionBatch, PositionFix, Quality, Shape, SourceKey, TimeUs,
};
use kernel_store::{Options, Snapshot, Store};

pub(crate) fn key(id: &str) -> SourceKey {
    SourceKey::new("test", id)
}

pub(crate) fn thing(id: &str, class: &str) -> Change {
    let mut draft = EntityDraft::new(key(id), Kind::Sensor, class);
    draft.geometry = Some(Geometry::flat(Shape::Point(Coord::new(116.31, 39.98, 0.0))));
    Change::Entity(draft)
}

pub(crate) fn mover(id: &str) -> Change {
    let mut draft = EntityDraft::new(key(id), Kind::Vehicle, "car");
    draft.height_reference = HeightReference::Ellipsoid;
    Change::Entity(draft)
}

pub(crate) fn datastream(id: &str, entity: &str, unit: &str) -> Change {
    Change::Datastream(DatastreamDraft {
        source: key(id),
        entity: key(entity),
        property: "pm25".to_owned(),
        unit: unit.to_owned(),
        name: id.to_owned(),
    })
}

pub(crate) fn reading(t: i64, value: f64) -> Observation {
    Observation { phenomenon_time: TimeUs(t), result_time: None, value, quality: Quality::Good }
}

pub(crate) fn readings(datastream: &str, rows: Vec<Observation>) -> Change {
    Change::Observations(ObservationBatch { datastream: key(datastream), unit: None, rows, places: Vec::new() })
}

pub(crate) fn fix(entity: &str, t: i64, lon_deg: f64) -> Change {
    let place = Place { lon_deg, lat_deg: 39.98, height_m: Some(42.0) };
    let row = PositionFix { time: TimeUs(t), place, heading_deg: Some(90.0), speed_m_s: Some(8.0) };
    Change::Positions(PositionBatch {
        entity: key(entity),
        height_reference: HeightReference::Ellipsoid,
        rows: vec![row],
    })
}

pub(crate) fn open(dir: &std::path::Path, seal_rows: usize) -> Store {
    Store::open(dir, Options { seal_rows, ..Options::default() }).unwrap().0
}

/// Rows of each table that comes before `lineage`.
pub(crate) fn counts(snapshot: &Snapshot) -> [u64; 6] {
    let [counts @ .., _, _, _, _, _] = Table::ALL.map(|table| snapshot.row_count(table));
    counts
}

/// A reading to load in bulk: datastream, instant, value, longitude and latitude, which may be missing.
pub(crate) type Row = (u64, i64, f64, Option<(f64, f64)>);

/// Readings in the schema of `observations`.
pub(crate) fn observation_rows(rows: &[Row]) -> RecordBatch {
    let schema = Table::Observations.schema();
    let times: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1)).with_timezone("+00:00"));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.0))),
        times,
        new_null_array(&kernel_model::schema::timestamp(), rows.len()),
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
        Arc::new(UInt8Array::from(vec![0; rows.len()])),
        Arc::new(rows.iter().map(|row| row.3.map(|place| place.0)).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.3.map(|place| place.1)).collect::<Float64Array>()),
        Arc::new(UInt64Array::from(vec![0; rows.len()])),
        new_null_array(&DataType::Float64, rows.len()),
        new_null_array(&DataType::UInt64, rows.len()),
        new_null_array(&kernel_model::schema::timestamp(), rows.len()),
    ];
    RecordBatch::try_new(schema, columns).unwrap()
}
