//! GTFS-Realtime 2.0 (gtfs.org/realtime/reference): one feed message into fixes of vehicles, delays of trips and alerts. Ids
//! are `vehicle/…`, `run/<trip>/<day>` and `alert/…` in the dataset of the schedule, which `--dataset` names. One entity is
//! decoded at a time; what has no time, no place or no delay is refused.

mod messages;

use std::io::{BufRead, Read};
use std::sync::Arc;

use kernel_model::{
    Change, DatastreamDraft, EntityDraft, HeightReference, Kind, Observation, ObservationBatch, Place, PositionBatch,
    PositionFix, Quality, TimeUs,
};
use prost::Message;
use serde_json::{Map, Value, json};

use crate::Used;
use crate::crs::Crs;
use crate::error::Error;
use crate::intake::{Intake, Refusal};
use crate::options::{Ground, Options};
use messages::{Alert, FeedEntity, FeedHeader, TranslatedString, TripDescriptor, TripUpdate, VehiclePosition};

/// Bytes one entity may have.
const MAX_ENTITY_BYTES: u64 = 1 << 20;
/// Seconds of a POSIX time that is one: the year 2200.
const MAX_POSIX: u64 = 7_258_118_400;

/// Reads one message.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    if options.crs.is_some() {
        return Err(Error::Option { option: "--crs", reason: "GTFS is always WGS 84; leave it out".to_owned() });
    }
    let ground = Ground::new(intake.file(), &Crs::wgs84(), options)?;
    let mut reader = intake.input.open()?;
    let mut header: Option<FeedHeader> = None;
    let mut bytes = Vec::new();
    let mut index = 0;
    while let Some(field) = field(&mut reader, intake.file(), &mut bytes)? {
        let broken = |e: prost::DecodeError| malformed(intake.file(), &e.to_string());
        match field {
            1 => header = Some(FeedHeader::decode(bytes.as_slice()).map_err(broken)?),
            2 => {
                let header = header.as_ref().ok_or_else(|| malformed(intake.file(), "an entity before the header"))?;
                let entity = FeedEntity::decode(bytes.as_slice()).map_err(broken)?;
                take(intake, &ground, header, entity, index)?;
                index += 1;
            }
            _ => {}
        }
    }
    match header {
        Some(_) => Ok(ground.used()),
        None => Err(Error::Truncated { file: intake.file().to_owned(), detail: "no header".to_owned() }),
    }
}

fn malformed(file: &str, reason: &str) -> Error {
    Error::Malformed { file: file.to_owned(), place: "feed message".to_owned(), reason: reason.to_owned() }
}

/// The next field of the outer message: its number, its bytes where they have a length.
fn field(reader: &mut Box<dyn BufRead + Send>, file: &str, bytes: &mut Vec<u8>) -> Result<Option<u64>, Error> {
    let io = |e| Error::from_io(file, e);
    if reader.fill_buf().map_err(io)?.is_empty() {
        return Ok(None);
    }
    let key = varint(reader, file)?;
    bytes.clear();
    match key & 7 {
        0 => drop(varint(reader, file)?),
        1 => reader.read_exact(&mut [0; 8]).map_err(io)?,
        2 => {
            let length = varint(reader, file)?;
            if length > MAX_ENTITY_BYTES {
                return Err(malformed(file, &format!("an entity of {length} bytes, more than 1 MiB")));
            }
            if (reader.take(length).read_to_end(bytes).map_err(io)? as u64) < length {
                return Err(Error::Truncated {
                    file: file.to_owned(),
                    detail: "in the middle of an entity".to_owned(),
                });
            }
        }
        5 => reader.read_exact(&mut [0; 4]).map_err(io)?,
        _ => return Err(malformed(file, "a field of no known wire type")),
    }
    Ok(Some(key >> 3))
}

fn varint(reader: &mut impl Read, file: &str) -> Result<u64, Error> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        reader.read_exact(&mut byte).map_err(|e| Error::from_io(file, e))?;
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(malformed(file, "a number of more than 64 bits"))
}

fn take(
    intake: &mut Intake<'_>,
    ground: &Ground,
    header: &FeedHeader,
    entity: FeedEntity,
    index: u64,
) -> Result<(), Error> {
    let place = format!("entity {index} ({})", entity.id.chars().take(60).collect::<String>());
    intake.count_record();
    if entity.is_deleted {
        return Ok(());
    }
    let parts = [entity.trip_update.is_some(), entity.vehicle.is_some(), entity.alert.is_some()];
    if parts == [false; 3] {
        intake.refuse(place, "it is neither a trip update, a vehicle position nor an alert", "");
        return Ok(());
    }
    let mut made: Vec<Result<Vec<Change>, Refusal>> = Vec::new();
    made.extend(entity.vehicle.map(|vehicle| position(intake, ground, header, &entity.id, vehicle)));
    made.extend(entity.trip_update.map(|update| delays(intake, ground, header, update)));
    made.extend(entity.alert.map(|notice| Ok(vec![alert(intake, ground, &entity.id, notice)])));
    for changes in made {
        match changes {
            Ok(changes) => {
                for change in changes {
                    match change {
                        Change::Entity(draft) => intake.entity(draft)?,
                        other => intake.put(other)?,
                    }
                }
            }
            Err(reason) => intake.refuse(place.clone(), reason, ""),
        }
    }
    Ok(())
}

fn posix(seconds: u64) -> Option<TimeUs> {
    (seconds > 0 && seconds < MAX_POSIX).then(|| TimeUs(seconds as i64 * 1_000_000))
}

fn text(text: Option<String>) -> Option<String> {
    text.filter(|t| !t.is_empty())
}

/// A vehicle and where it is. What changes from message to message (its trip) is no property of it.
fn position(
    intake: &Intake<'_>,
    ground: &Ground,
    header: &FeedHeader,
    entity: &str,
    vehicle: VehiclePosition,
) -> Result<Vec<Change>, Refusal> {
    let time = vehicle.timestamp.or(header.timestamp).and_then(posix).ok_or("neither it nor the header has a time")?;
    let position = vehicle.position.ok_or("it has no position")?;
    let (lon, lat) = position.longitude.zip(position.latitude).ok_or("its position has no longitude and latitude")?;
    let place = Place::new(f64::from(lon), f64::from(lat), None).map_err(|e| e.to_string())?;
    let described = vehicle.vehicle.unwrap_or_default();
    let (label, plate) = (text(described.label), text(described.license_plate));
    let id =
        text(described.id).or_else(|| label.clone()).or_else(|| plate.clone()).unwrap_or_else(|| entity.to_owned());
    let key = intake.key(format!("vehicle/{id}"));
    let mut draft = EntityDraft::new(key.clone(), Kind::Vehicle, "transit");
    draft.name = label;
    draft.properties.extend(plate.map(|plate| ("license_plate".to_owned(), plate.into())));
    ground.stamp(&mut draft);
    let fix = PositionFix {
        time,
        place,
        heading_deg: position.bearing.filter(|b| b.is_finite()).map(|b| b.rem_euclid(360.0)),
        speed_m_s: position.speed.filter(|s| s.is_finite() && *s >= 0.0),
    };
    let batch = PositionBatch { entity: key, height_reference: HeightReference::None, rows: vec![fix] };
    Ok(vec![Change::Entity(draft), Change::Positions(batch)])
}

/// A run (a trip on a day) and its delays: each at the instant it is foreseen for, or at the message's.
fn delays(
    intake: &Intake<'_>,
    ground: &Ground,
    header: &FeedHeader,
    update: TripUpdate,
) -> Result<Vec<Change>, Refusal> {
    let told = update.timestamp.or(header.timestamp).and_then(posix).ok_or("neither it nor the header has a time")?;
    let trip = update.trip.unwrap_or_default();
    let trip_id = text(trip.trip_id.clone()).or_else(|| text(trip.route_id.clone())).ok_or("it names no trip")?;
    let day = trip.start_date.clone().or_else(|| trip.start_time.clone()).unwrap_or_default();
    let row = |time: TimeUs, delay: i32| Observation {
        phenomenon_time: time,
        result_time: Some(told),
        value: f64::from(delay),
        quality: Quality::Good,
    };
    let mut rows: Vec<Observation> = update.delay.map(|delay| row(told, delay)).into_iter().collect();
    for stop in update.stop_time_update.into_iter().filter(|stop| stop.schedule_relationship == 0) {
        for event in [stop.arrival, stop.departure].into_iter().flatten() {
            let time = event.time.and_then(|t| u64::try_from(t).ok()).and_then(posix);
            rows.extend(event.delay.map(|delay| row(time.unwrap_or(told), delay)));
        }
    }
    // Of one instant the first stands: the trip's own word, then stop by stop.
    rows.sort_by_key(|row| row.phenomenon_time);
    rows.dedup_by_key(|row| row.phenomenon_time);
    if rows.is_empty() {
        return Err("it says no delay; times without delays need the schedule, which is not asked here".to_owned());
    }
    let key = intake.key(format!("run/{trip_id}/{day}"));
    let mut draft = EntityDraft::new(key.clone(), Kind::Other, "transit_run");
    draft.properties = described(&trip);
    ground.stamp(&mut draft);
    let source = intake.key(format!("run/{trip_id}/{day}/delay"));
    let name = format!("{trip_id} delay");
    let stream = DatastreamDraft {
        source: source.clone(),
        entity: key,
        property: "delay".to_owned(),
        unit: "s".to_owned(),
        name,
    };
    let batch = ObservationBatch { datastream: source, unit: Some(Arc::from("s")), rows, places: Vec::new() };
    Ok(vec![Change::Entity(draft), Change::Datastream(stream), Change::Observations(batch)])
}

fn described(trip: &TripDescriptor) -> Map<String, Value> {
    let fields = [
        ("trip_id", trip.trip_id.clone().map(Value::from)),
        ("route_id", trip.route_id.clone().map(Value::from)),
        ("start_date", trip.start_date.clone().map(Value::from)),
        ("start_time", trip.start_time.clone().map(Value::from)),
        ("direction_id", trip.direction_id.map(Value::from)),
    ];
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// A notice to passengers, valid in its period where it has one.
fn alert(intake: &Intake<'_>, ground: &Ground, id: &str, alert: Alert) -> Change {
    const CAUSES: [&str; 12] = [
        "unknown_cause",
        "other_cause",
        "technical_problem",
        "strike",
        "demonstration",
        "accident",
        "holiday",
        "weather",
        "maintenance",
        "construction",
        "police_activity",
        "medical_emergency",
    ];
    const EFFECTS: [&str; 11] = [
        "no_service",
        "reduced_service",
        "significant_delays",
        "detour",
        "additional_service",
        "modified_service",
        "other_effect",
        "unknown_effect",
        "stop_moved",
        "no_effect",
        "accessibility_issue",
    ];
    let word = |words: &[&str], number: Option<i32>| {
        let at = usize::try_from(number? - 1).ok()?;
        words.get(at).map(|word| Value::from(*word))
    };
    let mut draft = EntityDraft::new(intake.key(format!("alert/{id}")), Kind::Other, "service_alert");
    draft.name = alert.header_text.as_ref().and_then(|t| t.translation.first()).map(|t| t.text.clone());
    if let [period] = alert.active_period.as_slice() {
        draft.valid_from = period.start.and_then(posix);
        draft.valid_to = period.end.and_then(posix);
    }
    let instant = |seconds: Option<u64>| seconds.and_then(posix).map(|time| time.to_string());
    let periods: Vec<Value> =
        alert.active_period.iter().map(|p| json!({ "from": instant(p.start), "to": instant(p.end) })).collect();
    let concerns: Vec<Value> = alert
        .informed_entity
        .iter()
        .map(|who| {
            let mut fields = who.trip.as_ref().map(described).unwrap_or_default();
            for (key, value) in [("agency_id", &who.agency_id), ("route_id", &who.route_id), ("stop_id", &who.stop_id)]
            {
                fields.extend(value.clone().map(|value| (key.to_owned(), value.into())));
            }
            Value::Object(fields)
        })
        .collect();
    let fields = [
        ("cause", word(&CAUSES, alert.cause)),
        ("effect", word(&EFFECTS, alert.effect)),
        ("header", languages(alert.header_text.as_ref())),
        ("description", languages(alert.description_text.as_ref())),
        ("url", languages(alert.url.as_ref())),
        ("periods", (!periods.is_empty()).then(|| periods.into())),
        ("concerns", (!concerns.is_empty()).then(|| concerns.into())),
    ];
    draft.properties = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    ground.stamp(&mut draft);
    Change::Entity(draft)
}

/// The texts by their languages; one without a language stands under an empty name.
fn languages(text: Option<&TranslatedString>) -> Option<Value> {
    let texts = &text?.translation;
    let pairs = texts.iter().map(|t| (t.language.clone().unwrap_or_default(), Value::from(t.text.as_str())));
    (!texts.is_empty()).then(|| Value::Object(pairs.collect()))
}
