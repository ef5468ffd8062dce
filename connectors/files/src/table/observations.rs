//! Rows of readings: each new station is declared with its datastreams before its first values, and values go on in
//! batches by datastream. A value the mapping calls missing makes no observation.

use std::collections::HashMap;
use std::sync::Arc;

use csv::ByteRecord;
use kernel_model::{Change, DatastreamDraft, Observation, ObservationBatch, Place, Quality, SourceKey, TimeUs};

use super::columns::Fields;
use super::mapping::{Column, Layout};
use super::rows::{Row, Rows};
use super::{BATCH_ROWS, Frame, HELD_ROWS, MAX_THINGS, too_many};
use crate::error::Error;
use crate::intake::{Intake, Refusal};

struct Value {
    at: usize,
    property: String,
    unit: Arc<str>,
    ceiling: Option<f64>,
}

/// One station's values, by the mapping's order of them.
struct Station {
    streams: Vec<(SourceKey, Vec<Observation>)>,
}

pub(super) fn read(intake: &mut Intake<'_>, layout: &Layout, frame: &Frame, rows: &mut Rows) -> Result<(), Error> {
    let file = intake.file().to_owned();
    let misfit = |reason| Error::Malformed { file: file.clone(), place: "header".to_owned(), reason };
    let mut values = Vec::with_capacity(layout.values.len());
    for value in &layout.values {
        let at = rows.header.find(&value.column).map_err(misfit)?;
        let unit = Arc::from(value.unit.as_str());
        values.push(Value { at, property: value.property.clone(), unit, ceiling: value.ceiling });
    }
    let index = |column: &Column| {
        let at = rows.header.find(column)?;
        values.iter().position(|v| v.at == at).ok_or_else(|| format!("{column:?} is none of its values"))
    };
    let pairs: Result<Vec<(usize, usize)>, String> =
        layout.suspect_where_less.iter().map(|(a, b)| Ok((index(a)?, index(b)?))).collect();
    let pairs = pairs.map_err(misfit)?;
    let mut reader =
        Reader { layout, frame, values, pairs, stations: Vec::new(), by_id: HashMap::new(), read: Vec::new(), held: 0 };
    let mut record = ByteRecord::new();
    loop {
        match rows.next(&mut record)? {
            Row::End => break,
            Row::Refused(reason) => {
                intake.count_record();
                let sample = Fields::new(&record).sample();
                intake.refuse(format!("line {}", rows.line(&record)), reason, &sample);
            }
            Row::Sound => reader.row(intake, &record, rows.line(&record))?,
        }
    }
    reader.flush(intake)
}

struct Reader<'a> {
    layout: &'a Layout,
    frame: &'a Frame,
    values: Vec<Value>,
    pairs: Vec<(usize, usize)>,
    stations: Vec<Station>,
    by_id: HashMap<String, usize>,
    /// The row being read, by the mapping's order of values.
    read: Vec<Option<f64>>,
    held: usize,
}

impl Reader<'_> {
    fn row(&mut self, intake: &mut Intake<'_>, record: &ByteRecord, line: u64) -> Result<(), Error> {
        intake.count_record();
        let fields = Fields::new(record);
        let frame = self.frame;
        let when =
            frame.clock.as_ref().ok_or_else(|| "the mapping has no time".to_owned()).and_then(|c| c.read(fields));
        let found = frame.id(fields, line).and_then(|id| when.map(|time| (id, time)));
        let (id, time) = match found {
            Ok(both) => both,
            Err(reason) => {
                intake.refuse(format!("line {line}"), reason, &fields.sample());
                return Ok(());
            }
        };
        let known = self.by_id.get(&*id).copied();
        let station = match known.map_or_else(|| self.declare(intake, &id, fields), |at| Ok(Ok(at)))? {
            Ok(at) => at,
            Err(reason) => {
                intake.refuse(format!("line {line}"), reason, &fields.sample());
                return Ok(());
            }
        };
        self.read.clear();
        for value in &self.values {
            self.read.push(fields.number(value.at, &self.layout.missing).unwrap_or_else(|reason| {
                intake.refuse(format!("line {line}, {}", value.property), reason, &fields.sample());
                None
            }));
        }
        self.keep(intake, station, time)
    }

    /// Writes the station and its datastreams. A station that has a place only in the mapping's list and is not in it
    /// goes in without one.
    fn declare(
        &mut self,
        intake: &mut Intake<'_>,
        id: &str,
        fields: Fields<'_>,
    ) -> Result<Result<usize, Refusal>, Error> {
        if self.stations.len() >= MAX_THINGS {
            return Err(too_many(intake));
        }
        let place = if let Some(columns) = &self.frame.place {
            match columns.read(fields, &self.layout.missing) {
                Ok(place) => place,
                Err(reason) => return Ok(Err(reason)),
            }
        } else {
            let listed = self.layout.stations.as_ref().and_then(|s| s.places.iter().find(|s| s.id == id));
            listed.and_then(|s| Place::new(s.lon, s.lat, None).ok())
        };
        let key = intake.key(id);
        let mut draft = self.frame.draft(self.layout, key.clone(), fields, place);
        draft.name.get_or_insert_with(|| id.to_owned());
        intake.entity(draft)?;
        let mut streams = Vec::with_capacity(self.values.len());
        for value in &self.values {
            let source = intake.key(format!("{id}/{}", value.property));
            intake.put(Change::Datastream(DatastreamDraft {
                source: source.clone(),
                entity: key.clone(),
                property: value.property.clone(),
                unit: value.unit.to_string(),
                name: format!("{id} {}", value.property),
            }))?;
            streams.push((source, Vec::new()));
        }
        self.by_id.insert(id.to_owned(), self.stations.len());
        self.stations.push(Station { streams });
        Ok(Ok(self.stations.len() - 1))
    }

    /// Keeps the row's values until their batch is full.
    fn keep(&mut self, intake: &mut Intake<'_>, station: usize, time: TimeUs) -> Result<(), Error> {
        let less = |a: Option<f64>, b: Option<f64>| matches!((a, b), (Some(a), Some(b)) if a < b);
        let Some(Station { streams }) = self.stations.get_mut(station) else { return Ok(()) };
        for (at, (value, stream)) in self.values.iter().zip(streams).enumerate() {
            let Some(number) = self.read[at] else { continue };
            let at_ceiling = value.ceiling.is_some_and(|ceiling| number >= ceiling);
            let contradicted =
                self.pairs.iter().any(|(a, b)| (*a == at || *b == at) && less(self.read[*a], self.read[*b]));
            let quality = if at_ceiling || contradicted { Quality::Suspect } else { Quality::Good };
            stream.1.push(Observation { phenomenon_time: time, result_time: None, value: number, quality });
            self.held += 1;
            if stream.1.len() >= BATCH_ROWS {
                self.held -= stream.1.len();
                let rows = std::mem::take(&mut stream.1);
                let batch = ObservationBatch {
                    datastream: stream.0.clone(),
                    unit: Some(Arc::clone(&value.unit)),
                    rows,
                    places: Vec::new(),
                };
                intake.put(Change::Observations(batch))?;
            }
        }
        if self.held >= HELD_ROWS { self.flush(intake) } else { Ok(()) }
    }

    /// Hands on all that is held.
    fn flush(&mut self, intake: &mut Intake<'_>) -> Result<(), Error> {
        for station in &mut self.stations {
            for (value, stream) in self.values.iter().zip(&mut station.streams) {
                if !stream.1.is_empty() {
                    let rows = std::mem::take(&mut stream.1);
                    let unit = Some(Arc::clone(&value.unit));
                    intake.put(Change::Observations(ObservationBatch {
                        datastream: stream.0.clone(),
                        unit,
                        rows,
                        places: Vec::new(),
                    }))?;
                }
            }
        }
        self.held = 0;
        Ok(())
    }
}
