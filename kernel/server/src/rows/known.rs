//! What rows in bulk are of: names and numbers come in, what they stand for goes out, looked up once each. What was never
//! declared, or is in another unit or above another reference, is refused.

use std::collections::HashMap;

use kernel_model::{DatastreamId, EntityId, HeightReference, Names, Place, PlaceColumns, SourceKey};
use kernel_store::Reader;

use crate::error::ApiError;

/// Datastreams and things that were looked up.
pub(super) struct Known {
    reader: Reader,
    datastreams: HashMap<u64, Datastream>,
    things: HashMap<EntityId, HeightReference>,
}

struct Datastream {
    unit: String,
    /// Where its thing stands, heights above the ellipsoid.
    stands: Option<Place>,
}

impl Known {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, datastreams: HashMap::new(), things: HashMap::new() }
    }

    /// The number of each row's datastream; all have the unit.
    pub(super) fn datastreams(
        &mut self,
        names: &Names<DatastreamId>,
        unit: Option<&str>,
    ) -> Result<Vec<u64>, ApiError> {
        let numbers: Vec<u64> = match names {
            Names::Ids(ids) => ids.iter().map(|id| id.0).collect(),
            Names::Sources { names, of } => {
                let live = self.reader.live();
                let found = names.iter().map(|name| {
                    let known = live.datastream_of(name).map(|known| known.id.0);
                    known.ok_or_else(|| undeclared(format!("datastream {name}")))
                });
                let found = found.collect::<Result<Vec<_>, _>>()?;
                of.iter().map(|at| found[*at as usize]).collect()
            }
        };
        let mut last = None;
        for number in numbers.iter().filter(|number| last.replace(**number) != Some(**number)) {
            if !self.datastreams.contains_key(number) {
                let found = self.look_up(*number)?;
                self.datastreams.insert(*number, found);
            }
            let known = &self.datastreams[number];
            if let Some(unit) = unit.filter(|unit| *unit != known.unit) {
                let line = format!(
                    "the unit of datastream {number} is {}, these rows say {unit}: send them in {}",
                    known.unit, known.unit
                );
                return Err(ApiError::bad_request(line));
            }
        }
        Ok(numbers)
    }

    fn look_up(&self, number: u64) -> Result<Datastream, ApiError> {
        let live = self.reader.live();
        let info = live.datastream(DatastreamId(number)).ok_or_else(|| undeclared(format!("datastream {number}")))?;
        let stands = live.entity(&info.entity).and_then(|thing| {
            let above = |place: Place| place.height_m.filter(|_| thing.height_reference == HeightReference::Ellipsoid);
            thing.place.map(|place| Place { height_m: above(place), ..place })
        });
        Ok(Datastream { unit: info.unit.clone(), stands })
    }

    /// Gives rows without a place that where their thing stands.
    pub(super) fn fill_places(&self, datastreams: &[u64], places: &mut Option<PlaceColumns>) {
        let own = places.take().unwrap_or_default();
        let unknown = |column: &[f64], row: usize| column.get(row).copied().unwrap_or(f64::NAN);
        let complete = !own.lon_deg.is_empty() && !own.lon_deg.iter().any(|lon| lon.is_nan());
        if complete {
            *places = Some(own);
            return;
        }
        let mut filled = PlaceColumns::default();
        for (row, number) in datastreams.iter().enumerate() {
            let (mut lon, mut lat, mut height) =
                (unknown(&own.lon_deg, row), unknown(&own.lat_deg, row), unknown(&own.height_m, row));
            if lon.is_nan() {
                let stands = self.datastreams.get(number).and_then(|known| known.stands);
                (lon, lat) = stands.map_or((f64::NAN, f64::NAN), |place| (place.lon_deg, place.lat_deg));
                height = stands.and_then(|place| place.height_m).unwrap_or(f64::NAN);
            }
            filled.lon_deg.push(lon);
            filled.lat_deg.push(lat);
            filled.height_m.push(height);
        }
        *places = Some(filled);
    }

    /// The id of each row's thing; the heights of all are above the reference.
    pub(super) fn things(
        &mut self,
        names: &Names<EntityId>,
        reference: &HeightReference,
    ) -> Result<Vec<[u8; 16]>, ApiError> {
        let live = self.reader.live();
        let by_name = |name: &SourceKey| live.entity_of(name).ok_or_else(|| undeclared(format!("thing {name}")));
        let (found, of) = match names {
            Names::Ids(ids) => (ids.clone(), None),
            Names::Sources { names, of } => (names.iter().map(by_name).collect::<Result<Vec<_>, _>>()?, Some(of)),
        };
        for id in &found {
            if !self.things.contains_key(id) {
                let thing = live.entity(id).ok_or_else(|| undeclared(format!("thing {id}")))?;
                self.things.insert(*id, thing.height_reference.clone());
            }
            let known = &self.things[id];
            if *reference != HeightReference::None && reference != known {
                let line =
                    format!("heights of {id} are above {known}, these rows say {reference}: convert or leave them out");
                return Err(ApiError::bad_request(line));
            }
        }
        Ok(match of {
            None => found.iter().map(|id| *id.bytes()).collect(),
            Some(of) => of.iter().map(|at| *found[*at as usize].bytes()).collect(),
        })
    }
}

fn undeclared(what: String) -> ApiError {
    ApiError::bad_request(format!("{what} was never declared: declare it first; nothing was kept"))
}
