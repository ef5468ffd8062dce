//! The two live messages as Arrow IPC streams (schemas: `kernel_model::schema::LIVE_ENTITIES`, `LIVE_STATES`).

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, Float32Builder, Float64Builder,
    Int64Builder, RecordBatch, StringBuilder, UInt64Builder,
};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use kernel_model::schema::{LIVE_ENTITIES, LIVE_STATES};
use kernel_model::{DatastreamId, EntityId, Kind, Observation, PositionFix};
use kernel_store::{LiveView, PresentEntity, Reader};

use super::hub::{Filter, Pending};

/// Things in one piece of a snapshot.
pub(crate) const CHUNK: usize = 4_096;

fn ipc(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<Vec<u8>, ArrowError> {
    let batch = RecordBatch::try_new(schema.clone(), columns)?;
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    writer.write(&batch)?;
    writer.into_inner()
}

/// Message `entities` of the given things; those that are gone, or hidden now, say `removed`.
///
/// # Errors
/// None on rows of the store; Arrow's where a column cannot be built.
pub fn entities_message(
    live: &LiveView<'_>,
    entities: &[PresentEntity],
    hidden: &[EntityId],
) -> Result<Vec<u8>, ArrowError> {
    let mut id = FixedSizeBinaryBuilder::new(16);
    let (mut kind, mut class, mut name) = (StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let (mut lon, mut lat, mut height) = (Float64Builder::new(), Float64Builder::new(), Float64Builder::new());
    let (mut extrude, mut geometry) = (Float32Builder::new(), BinaryBuilder::new());
    let (mut sequence, mut removed) = (UInt64Builder::new(), BooleanBuilder::new());
    for entity in entities {
        let Some(row) = live.entity_row(entity) else { continue };
        let place = entity.place.or_else(|| live.fix(&entity.id).map(|fix| fix.place));
        id.append_value(entity.id.bytes())?;
        kind.append_value(entity.kind.name());
        class.append_value(&entity.class);
        name.append_option(entity.name.as_deref());
        lon.append_value(place.map_or(f64::NAN, |p| p.lon_deg));
        lat.append_value(place.map_or(f64::NAN, |p| p.lat_deg));
        height.append_option(place.and_then(|p| p.height_m));
        let wkb = row.column(9).as_binary::<i32>();
        let wkb = (!entity.retired && wkb.is_valid(0)).then(|| wkb.value(0));
        extrude.append_option(
            wkb.filter(|wkb| is_flat(wkb))
                .and_then(|_| height_above_ground(row.column(19).as_string::<i32>().value(0))),
        );
        geometry.append_option(wkb);
        sequence.append_value(entity.sequence.0);
        removed.append_value(entity.retired);
    }
    for gone in hidden {
        id.append_value(gone.bytes())?;
        kind.append_value(Kind::Other.name());
        class.append_value("");
        name.append_null();
        lon.append_value(f64::NAN);
        lat.append_value(f64::NAN);
        height.append_null();
        extrude.append_null();
        geometry.append_null();
        sequence.append_value(0);
        removed.append_value(true);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(id.finish()),
        Arc::new(kind.finish()),
        Arc::new(class.finish()),
        Arc::new(name.finish()),
        Arc::new(lon.finish()),
        Arc::new(lat.finish()),
        Arc::new(height.finish()),
        Arc::new(extrude.finish()),
        Arc::new(geometry.finish()),
        Arc::new(sequence.finish()),
        Arc::new(removed.finish()),
    ];
    ipc(&LIVE_ENTITIES, columns)
}

/// A 2D polygon or multipolygon in ISO WKB: what can be raised to a block.
pub(crate) fn is_flat(wkb: &[u8]) -> bool {
    matches!(wkb, [1, 3 | 6, 0, 0, 0, ..])
}

/// What the properties of a thing, JSON, say of its height above the ground, metres.
pub(crate) fn height_above_ground(properties: &str) -> Option<f32> {
    let properties: serde_json::Value = serde_json::from_str(properties).ok()?;
    properties.get("height_m")?.as_f64().map(|h| h as f32)
}

/// Message `states` of fixes and readings.
///
/// # Errors
/// None on rows of the store; Arrow's where a column cannot be built.
pub fn states_message<'a>(
    live: &LiveView<'_>,
    fixes: impl Iterator<Item = (&'a EntityId, &'a PositionFix)>,
    readings: impl Iterator<Item = (&'a (EntityId, DatastreamId), &'a Observation)>,
) -> Result<Vec<u8>, ArrowError> {
    let mut rows = StateRows::default();
    fixes.for_each(|(entity, fix)| rows.fix(entity, fix));
    for ((entity, datastream), observation) in readings {
        let info = live.datastream(*datastream);
        rows.reading(entity, *datastream, observation, info.map(|i| (i.property.as_str(), i.unit.as_str())));
    }
    rows.finish()
}

struct StateRows {
    id: FixedSizeBinaryBuilder,
    datastream: UInt64Builder,
    time: Int64Builder,
    lon: Float64Builder,
    lat: Float64Builder,
    height: Float64Builder,
    heading: Float32Builder,
    speed: Float32Builder,
    property: StringBuilder,
    value: Float64Builder,
    unit: StringBuilder,
}

impl Default for StateRows {
    fn default() -> Self {
        Self {
            id: FixedSizeBinaryBuilder::new(16),
            datastream: UInt64Builder::new(),
            time: Int64Builder::new(),
            lon: Float64Builder::new(),
            lat: Float64Builder::new(),
            height: Float64Builder::new(),
            heading: Float32Builder::new(),
            speed: Float32Builder::new(),
            property: StringBuilder::new(),
            value: Float64Builder::new(),
            unit: StringBuilder::new(),
        }
    }
}

impl StateRows {
    fn start(&mut self, entity: &EntityId, datastream: Option<u64>, time_us: i64) {
        // Sixteen bytes into a column of sixteen: this cannot fail.
        self.id.append_value(entity.bytes()).unwrap_or_default();
        self.datastream.append_option(datastream);
        self.time.append_value(time_us);
    }

    fn fix(&mut self, entity: &EntityId, fix: &PositionFix) {
        self.start(entity, None, fix.time.0);
        self.lon.append_value(fix.place.lon_deg);
        self.lat.append_value(fix.place.lat_deg);
        self.height.append_option(fix.place.height_m);
        self.heading.append_option(fix.heading_deg);
        self.speed.append_option(fix.speed_m_s);
        self.property.append_null();
        self.value.append_null();
        self.unit.append_null();
    }

    fn reading(&mut self, entity: &EntityId, id: DatastreamId, row: &Observation, names: Option<(&str, &str)>) {
        self.start(entity, Some(id.0), row.phenomenon_time.0);
        self.lon.append_null();
        self.lat.append_null();
        self.height.append_null();
        self.heading.append_null();
        self.speed.append_null();
        self.property.append_option(names.map(|(property, _)| property));
        self.value.append_value(row.value);
        self.unit.append_option(names.map(|(_, unit)| unit));
    }

    fn finish(mut self) -> Result<Vec<u8>, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.datastream.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.lon.finish()),
            Arc::new(self.lat.finish()),
            Arc::new(self.height.finish()),
            Arc::new(self.heading.finish()),
            Arc::new(self.speed.finish()),
            Arc::new(self.property.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.unit.finish()),
        ];
        ipc(&LIVE_STATES, columns)
    }
}

/// What a snapshot for a client is of, in the order in which it was first seen.
pub fn snapshot_things(live: &LiveView<'_>, filter: &Filter) -> Vec<EntityId> {
    live.entities().filter(|entity| filter.wants(entity)).map(|entity| entity.id).collect()
}

/// The present city in pieces: messages of some things and of the newest state of each. Every piece is a glance of its own,
/// so that the writer waits for one at most; what changes meanwhile is told by deltas, and what is gone is left out.
///
/// # Errors
/// None on rows of the store; Arrow's where a column cannot be built.
pub fn snapshot_messages<'a>(
    reader: &'a Reader,
    things: &'a [EntityId],
) -> impl Iterator<Item = Result<Vec<Vec<u8>>, ArrowError>> + 'a {
    things.chunks(CHUNK).map(|things| piece(&reader.live(), things))
}

fn piece(live: &LiveView<'_>, things: &[EntityId]) -> Result<Vec<Vec<u8>>, ArrowError> {
    let present: Vec<_> = things.iter().filter_map(|id| live.entity(id)).filter(|entity| !entity.retired).collect();
    let mut state = Pending::default();
    for id in present.iter().map(|entity| entity.id) {
        state.fixes.extend(live.fix(&id).map(|fix| (id, fix)));
        let series = live.datastreams_of(&id);
        let readings = series.iter().filter_map(|series| Some(((id, *series), live.reading(*series)?)));
        state.readings.extend(readings);
    }
    let mut messages = Vec::new();
    if !present.is_empty() {
        messages.push(entities_message(live, &present, &[])?);
    }
    if !state.fixes.is_empty() || !state.readings.is_empty() {
        messages.push(states_message(live, state.fixes.iter(), state.readings.iter())?);
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use arrow::ipc::reader::StreamReader;
    use kernel_model::{Change, EntityDraft, Kind, SourceKey, TimeUs};
    use kernel_store::{Options, Store};

    use super::*;

    #[test]
    fn the_writer_goes_on_between_two_pieces_of_a_snapshot() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path(), Options::default()).unwrap().0;
        let key = |n: usize| SourceKey::new("test", format!("tree-{n}"));
        let tree = |n: usize| Change::Entity(EntityDraft::new(key(n), Kind::Vegetation, "tree"));
        store.commit(&[(0..CHUNK + 2).map(tree).collect()]).unwrap();
        let reader = store.reader();
        let things = snapshot_things(&reader.live(), &Filter::default());
        assert_eq!(things.len(), CHUNK + 2);
        let mut pieces = snapshot_messages(&reader, &things);
        assert_eq!(rows(&pieces.next().unwrap().unwrap()), CHUNK);
        store.commit(&[vec![Change::Retire { source: key(CHUNK), at: TimeUs::now() }]]).unwrap();
        assert_eq!(rows(&pieces.next().unwrap().unwrap()), 1, "one is gone meanwhile");
        assert!(pieces.next().is_none());
    }

    fn rows(messages: &[Vec<u8>]) -> usize {
        let read =
            |bytes: &[u8]| StreamReader::try_new(bytes, None).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
        messages.iter().map(|bytes| -> usize { read(bytes) }).sum()
    }
}
