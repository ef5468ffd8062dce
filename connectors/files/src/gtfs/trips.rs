//! Trips: which route, which days, which stops at which times.

use std::collections::HashMap;
use std::ops::Range;

use chrono::NaiveDate;
use kernel_model::{Change, EntityDraft, HeightReference, Kind, Place, PositionBatch, PositionFix};
use serde_json::{Value, json};

use super::routes::Routes;
use super::stops::Stops;
use super::times::{Service, Services, clock, instant};
use super::timetable::Call;
use super::{Feed, MAX_THINGS};
use crate::error::Error;

/// Fixes that are handed on together.
const BATCH_ROWS: usize = 8192;

pub(super) struct Trip {
    pub(super) id: String,
    pub(super) route: u32,
    pub(super) service: u32,
    pub(super) shape: Option<u32>,
    /// Its calls among all of the feed's.
    pub(super) calls: Range<usize>,
}

/// Trips by number and by id, and the shapes and services that they name.
#[derive(Default)]
pub(super) struct Trips {
    pub(super) list: Vec<Trip>,
    pub(super) by_id: HashMap<String, u32>,
    pub(super) shapes: HashMap<String, u32>,
    services: Vec<String>,
    service_numbers: HashMap<String, u32>,
}

impl Trips {
    fn service<'s>(&self, trip: &Trip, services: &'s Services) -> Option<&'s Service> {
        services.get(self.services.get(trip.service as usize)?)
    }

    /// The number of a service's id.
    fn service_number(&mut self, id: &str) -> u32 {
        if let Some(number) = self.service_numbers.get(id) {
            return *number;
        }
        let number = self.services.len() as u32;
        self.services.push(id.to_owned());
        self.service_numbers.insert(id.to_owned(), number);
        number
    }
}

impl Feed<'_, '_> {
    pub(super) fn trips(&mut self, routes: &Routes) -> Result<Trips, Error> {
        let mut trips = Trips::default();
        self.each_row("trips.txt", |feed, row| {
            if trips.list.len() >= MAX_THINGS {
                return Err(feed.malformed("trips.txt", "more trips than any feed has"));
            }
            let id = row.get("trip_id");
            let Some(route) = routes.by_id.get(row.get("route_id")).copied() else {
                return Ok(Err(format!("its route `{}` is not in routes.txt", row.get("route_id"))));
            };
            if id.is_empty() || trips.by_id.contains_key(id) {
                return Ok(Err(format!("its trip_id `{id}` is empty or was there before")));
            }
            let next = trips.shapes.len() as u32;
            let shape = row.some("shape_id").map(|shape| *trips.shapes.entry(shape.to_owned()).or_insert(next));
            let service = trips.service_number(row.get("service_id"));
            trips.by_id.insert(id.to_owned(), trips.list.len() as u32);
            trips.list.push(Trip { id: id.to_owned(), route, service, shape, calls: 0..0 });
            Ok(Ok(()))
        })?;
        Ok(trips)
    }

    pub(super) fn write_trips(
        &mut self,
        trips: &Trips,
        stops: &Stops,
        calls: &[Call],
        services: &Services,
    ) -> Result<(), Error> {
        let Some(mut table) = super::Table::open(&self.bundle, "trips.txt", &self.file)? else { return Ok(()) };
        let mut written = vec![false; trips.list.len()];
        while let Some(row) = table.next()? {
            let Ok(row) = row else { continue };
            let Some(number) = trips.by_id.get(row.get("trip_id")).map(|n| *n as usize) else { continue };
            if std::mem::replace(&mut written[number], true) {
                continue;
            }
            let trip = &trips.list[number];
            let mut draft = EntityDraft::new(self.intake.key(format!("trip/{}", trip.id)), Kind::Other, "transit_trip");
            draft.name = row.some("trip_headsign").or(row.some("trip_short_name")).map(str::to_owned);
            draft.parent = Some(self.intake.key(format!("route/{}", row.get("route_id"))));
            draft.properties = row.properties();
            let own = calls.get(trip.calls.clone()).unwrap_or_default();
            if !own.is_empty() {
                draft.properties.insert("stop_times".to_owned(), own.iter().map(|c| describe(c, stops)).collect());
            }
            if let Some(service) = trips.service(trip, services) {
                draft.properties.insert("service".to_owned(), service.describe());
                let last = own.last().map_or(0, |call| call.departure);
                if let (Some((from, to)), Some(zone)) = (service.bounds(), self.zone) {
                    draft.valid_from = instant(from, 0, zone).ok();
                    draft.valid_to = instant(to, last.max(86_400), zone).ok();
                }
            }
            self.put(draft)?;
        }
        Ok(())
    }

    /// Where every trip is to be on the days asked for: at its stops, on arrival and on departure.
    pub(super) fn write_positions(
        &mut self,
        trips: &Trips,
        stops: &Stops,
        calls: &[Call],
        services: &Services,
        days: &[NaiveDate],
    ) -> Result<(), Error> {
        if days.is_empty() {
            return Ok(());
        }
        let Some(zone) = self.zone else {
            return Err(self.malformed("agency.txt", "no agency says the time zone that --days needs"));
        };
        for trip in &trips.list {
            let Some(service) = trips.service(trip, services) else { continue };
            let own = calls.get(trip.calls.clone()).unwrap_or_default();
            let mut rows = Vec::new();
            for day in days.iter().filter(|day| service.runs(**day)) {
                for call in own {
                    let Some((lon, lat)) = stops.list.get(call.stop as usize).and_then(|s| s.place) else { continue };
                    let place = Place { lon_deg: lon, lat_deg: lat, height_m: None };
                    let both = [Some(call.arrival), Some(call.departure).filter(|d| *d != call.arrival)];
                    for seconds in both.into_iter().flatten() {
                        let time =
                            instant(*day, seconds, zone).map_err(|reason| self.malformed("calendar.txt", reason))?;
                        rows.push(PositionFix { time, place, heading_deg: None, speed_m_s: None });
                    }
                }
                if rows.len() >= BATCH_ROWS {
                    self.put_positions(trip, std::mem::take(&mut rows))?;
                }
            }
            self.put_positions(trip, rows)?;
        }
        Ok(())
    }

    fn put_positions(&mut self, trip: &Trip, rows: Vec<PositionFix>) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let entity = self.intake.key(format!("trip/{}", trip.id));
        self.intake.put(Change::Positions(PositionBatch { entity, height_reference: HeightReference::None, rows }))
    }
}

/// `[stop, arrival, departure]`, and a word where the times are ours.
fn describe(call: &Call, stops: &Stops) -> Value {
    let stop = stops.list.get(call.stop as usize).map_or("", |stop| stop.id.as_str());
    if call.interpolated {
        json!([stop, clock(call.arrival), clock(call.departure), "interpolated"])
    } else {
        json!([stop, clock(call.arrival), clock(call.departure)])
    }
}
