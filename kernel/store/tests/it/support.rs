//! Small changes to write.

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

pub(crate) fn counts(snapshot: &Snapshot) -> [u64; 6] {
    Table::ALL.map(|table| snapshot.row_count(table))
}
