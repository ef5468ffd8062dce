//! Arrow IPC streams to rows: what the server sends becomes entities or states, and nothing else is believed.
//! A stream whose schema does not say what it is, or that has a column of another type, is refused as a whole.

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;

use crate::columns::Columns;
use crate::{EntityId, Error, checked};

/// The schema metadata key that tells the two messages apart.
pub const MESSAGE_KEY: &str = "urbis.message";

/// One thing in the city, or the word that it is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityRow {
    /// Which thing.
    pub id: EntityId,
    /// "building", "road" and so on.
    pub kind: String,
    /// A finer class, for example "residential"; may be empty.
    pub class: String,
    /// What people call it.
    pub name: Option<String>,
    /// The anchor point's longitude and latitude in degrees.
    pub anchor_deg: Option<[f64; 2]>,
    /// The anchor's height in metres in the data set's own reference; `None` is the ground.
    pub height_m: Option<f64>,
    /// How high a footprint stands above the ground, metres.
    pub extrude_m: Option<f32>,
    /// Well-known binary.
    pub geometry: Option<Vec<u8>>,
    /// The record's sequence number; an older one never replaces a newer.
    pub recorded_seq: u64,
    /// The thing is gone.
    pub removed: bool,
}

/// What was last known of a thing that moves or measures.
#[derive(Debug, Clone, PartialEq)]
pub struct StateRow {
    /// Which thing.
    pub id: EntityId,
    /// When, UTC microseconds.
    pub time_us: i64,
    /// Longitude and latitude in degrees.
    pub place_deg: Option<[f64; 2]>,
    /// Height in metres in the data set's own reference; `None` is the ground.
    pub height_m: Option<f64>,
    /// Clockwise from north, degrees.
    pub heading_deg: Option<f32>,
    /// Metres a second.
    pub speed_m_s: Option<f32>,
    /// What was measured, for example "pm25".
    pub property: Option<String>,
    /// The figure.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: Option<String>,
}

/// A message's rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Things.
    Entities(Vec<EntityRow>),
    /// What they do.
    States(Vec<StateRow>),
}

/// Reads one whole stream.
///
/// # Errors
/// When the bytes are no Arrow stream, the stream is of neither kind, or a column is missing or of another type.
pub fn read(bytes: &[u8]) -> Result<Message, Error> {
    checked::stream(bytes)?;
    let reader = StreamReader::try_new(bytes, None)?;
    let found = reader.schema().metadata().get(MESSAGE_KEY).cloned();
    let batches = reader.map(|batch| batch.map_err(Error::from));
    match found.as_deref() {
        Some("entities") => Ok(Message::Entities(gather(batches, entities)?)),
        Some("states") => Ok(Message::States(gather(batches, states)?)),
        _ => Err(Error::UnknownMessage { found }),
    }
}

fn gather<T>(
    batches: impl Iterator<Item = Result<RecordBatch, Error>>,
    rows: impl Fn(&RecordBatch, &mut Vec<T>) -> Result<(), Error>,
) -> Result<Vec<T>, Error> {
    let mut out = Vec::new();
    for batch in batches {
        rows(&batch?, &mut out)?;
    }
    Ok(out)
}

fn degrees(lon: Option<f64>, lat: Option<f64>) -> Option<[f64; 2]> {
    let (lon, lat) = (lon?, lat?);
    (lon.abs() <= 360.0 && lat.abs() <= 90.0).then_some([lon, lat])
}

fn entities(batch: &RecordBatch, out: &mut Vec<EntityRow>) -> Result<(), Error> {
    let columns = Columns { batch, message: "entities" };
    let id = columns.needed_ids("id")?;
    let (kind, class, name) = (columns.texts("kind")?, columns.texts("class")?, columns.texts("name")?);
    let (lon, lat, height) = (columns.f64s("lon")?, columns.f64s("lat")?, columns.f64s("height_m")?);
    let (extrude, geometry) = (columns.f32s("extrude_m")?, columns.binaries("geometry")?);
    let (seq, removed) = (columns.u64s("recorded_seq")?, columns.flags("removed")?);
    out.extend((0..batch.num_rows()).filter_map(|row| {
        Some(EntityRow {
            id: id.id(row)?,
            kind: kind.text(row).unwrap_or("other").to_owned(),
            class: class.text(row).unwrap_or_default().to_owned(),
            name: name.text(row).map(str::to_owned),
            anchor_deg: degrees(lon.f64(row), lat.f64(row)),
            height_m: height.f64(row),
            extrude_m: extrude.f32(row),
            geometry: geometry.bytes(row).map(<[u8]>::to_vec),
            recorded_seq: seq.u64(row).unwrap_or(0),
            removed: removed.flag(row).unwrap_or(false),
        })
    }));
    Ok(())
}

fn states(batch: &RecordBatch, out: &mut Vec<StateRow>) -> Result<(), Error> {
    let columns = Columns { batch, message: "states" };
    let id = columns.needed_ids("id")?;
    let time = columns.times("time_us")?;
    let (lon, lat, height) = (columns.f64s("lon")?, columns.f64s("lat")?, columns.f64s("height_m")?);
    let (heading, speed) = (columns.f32s("heading_deg")?, columns.f32s("speed_m_s")?);
    let (property, value, unit) = (columns.texts("property")?, columns.f64s("value")?, columns.texts("unit")?);
    out.extend((0..batch.num_rows()).filter_map(|row| {
        Some(StateRow {
            id: id.id(row)?,
            time_us: time.time_us(row)?,
            place_deg: degrees(lon.f64(row), lat.f64(row)),
            height_m: height.f64(row),
            heading_deg: heading.f32(row),
            speed_m_s: speed.f32(row),
            property: property.text(row).map(str::to_owned),
            value: value.f64(row),
            unit: unit.text(row).map(str::to_owned),
        })
    }));
    Ok(())
}
