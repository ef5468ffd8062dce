//! ADS-B positions as JSON (the columns of OpenSky's tables, as pandas writes them by record or by column) into fixes of
//! aircraft. Times are milliseconds of UTC since 1970. Knots become metres a second and feet metres, which the lineage says;
//! an altitude is barometric, so its reference stays unknown. One above 60,000 ft, which no airliner reaches and a damaged
//! message shows, is refused and its fix goes in without a height.

use std::fmt;

use kernel_model::{EntityDraft, HeightReference, Kind, Place, PositionFix, TimeUs};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::Used;
use crate::error::Error;
use crate::fixes::Fixes;
use crate::intake::{Intake, Refusal};
use crate::options::Options;

const FOOT_M: f64 = 0.3048;
const KNOT_M_S: f64 = 1852.0 / 3600.0;
/// Feet above which an altitude is taken for damage.
const CEILING_FT: f64 = 60_000.0;
/// Bytes of a document by column, which has to be held whole.
const MAX_BY_COLUMN_BYTES: usize = 256 << 20;
const LINEAGE: &str =
    "WGS84 coordinates as given; speeds from knots, altitudes from feet (barometric, standard atmosphere)";

/// Reads one document.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    if options.crs.is_some() {
        return Err(Error::Option { option: "--crs", reason: "ADS-B is always WGS 84; leave it out".to_owned() });
    }
    let reference = options.stated_height()?.unwrap_or(HeightReference::Unknown);
    let mut flights = Flights { fixes: Fixes::new(reference), intake, failed: None };
    let is_records = flights.intake.input.head(64)?.trim_ascii_start().starts_with(b"[");
    if is_records {
        let mut source = serde_json::Deserializer::from_reader(flights.intake.input.open()?);
        let read = (&mut source).deserialize_seq(&mut flights).and_then(|()| source.end());
        if let Some(error) = flights.failed.take() {
            return Err(error);
        }
        read.map_err(|e| Error::from_json(flights.intake.file(), "", e))?;
    } else {
        by_column(&mut flights)?;
    }
    flights.fixes.flush(flights.intake)?;
    Ok(Used { crs: "OGC:CRS84".to_owned(), lineage: LINEAGE.to_owned() })
}

/// A document of columns, each an object of values by row.
fn by_column(flights: &mut Flights<'_, '_>) -> Result<(), Error> {
    let file = flights.intake.file().to_owned();
    let bytes = flights.intake.input.whole()?;
    if bytes.len() > MAX_BY_COLUMN_BYTES {
        let reason = "more than 256 MiB by column; write it by record".to_owned();
        return Err(Error::Malformed { file, place: "document".to_owned(), reason });
    }
    let columns: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|e| Error::from_json(&file, "", e))?;
    let rows = columns.get("icao24").and_then(Value::as_object);
    for row in rows.into_iter().flat_map(Map::keys) {
        let of = |column: &str| columns.get(column).and_then(|c| c.get(row)).filter(|v| !v.is_null());
        let text = |column: &str| of(column).and_then(Value::as_str).map(str::to_owned);
        let number = |column: &str| of(column).and_then(Value::as_f64);
        flights.take(Row {
            icao24: text("icao24"),
            callsign: text("callsign"),
            timestamp: of("timestamp").and_then(Value::as_i64),
            latitude: number("latitude"),
            longitude: number("longitude"),
            altitude: number("altitude"),
            groundspeed: number("groundspeed"),
            track: number("track"),
        })?;
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Row {
    icao24: Option<String>,
    callsign: Option<String>,
    /// Milliseconds.
    timestamp: Option<i64>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    /// Feet.
    altitude: Option<f64>,
    /// Knots.
    groundspeed: Option<f64>,
    /// Degrees clockwise from north.
    track: Option<f64>,
}

impl Row {
    fn fix(&self) -> Result<(&str, PositionFix), Refusal> {
        let id = self.icao24.as_deref().filter(|id| !id.is_empty()).ok_or("it has no icao24")?;
        let time = self.timestamp.and_then(|ms| ms.checked_mul(1000)).map(TimeUs).ok_or("it has no timestamp")?;
        let (lon, lat) = self.longitude.zip(self.latitude).ok_or("it has no longitude and latitude")?;
        let height_m = self.altitude.filter(|feet| *feet <= CEILING_FT).map(|feet| feet * FOOT_M);
        let place = Place::new(lon, lat, height_m).map_err(|e| e.to_string())?;
        let heading_deg = self.track.map(|track| track.rem_euclid(360.0) as f32);
        let speed_m_s = self.groundspeed.map(|knots| (knots * KNOT_M_S) as f32);
        Ok((id, PositionFix { time, place, heading_deg, speed_m_s }))
    }
}

struct Flights<'a, 'b> {
    intake: &'a mut Intake<'b>,
    fixes: Fixes,
    failed: Option<Error>,
}

impl Flights<'_, '_> {
    fn take(&mut self, row: Row) -> Result<(), Error> {
        self.intake.count_record();
        let place = format!("record {}", self.intake.read);
        let (id, fix) = match row.fix() {
            Ok(both) => both,
            Err(reason) => {
                self.intake.refuse(place, reason, &format!("{row:?}"));
                return Ok(());
            }
        };
        if let Some(feet) = row.altitude.filter(|feet| *feet > CEILING_FT) {
            let reason = format!("altitude {feet} ft is above {CEILING_FT} ft: the fix goes in without a height");
            self.intake.refuse(place, reason, &format!("{row:?}"));
        }
        self.fixes.keep(self.intake, id, fix, |key| {
            let mut draft = EntityDraft::new(key, Kind::Vehicle, "aircraft");
            draft.name = row.callsign.as_deref().map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned);
            draft.properties.insert("icao24".to_owned(), id.into());
            draft.lineage = LINEAGE.into();
            draft
        })
    }
}

impl<'de> Visitor<'de> for &mut Flights<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(row) = seq.next_element::<Row>()? {
            if let Err(error) = self.take(row) {
                self.failed = Some(error);
                return Err(A::Error::custom("the sink takes no more"));
            }
        }
        Ok(())
    }
}
