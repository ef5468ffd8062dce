//! GTFS schedules (gtfs.org/schedule/reference), a zip archive or a folder: agencies, stops, routes and trips into entities,
//! and the timetable of stated days into positions. Ids are `agency/…`, `stop/…`, `route/…`, `trip/…`. Rows that cannot be
//! are refused one by one; a feed without an agency's time zone is refused where times are asked for. Held in memory are ids,
//! the shapes' points and 28 bytes a stop time, each up to a bound.

mod routes;
mod stops;
mod tables;
mod times;
mod timetable;
mod trips;

use chrono_tz::Tz;
use kernel_model::{EntityDraft, Kind};

use crate::Used;
use crate::archive::Bundle;
use crate::crs::Crs;
use crate::error::Error;
use crate::intake::{Intake, Refusal};
use crate::options::{Ground, Options};
use tables::{Row, Table};
use times::{Service, Services};

/// Trips, stops and routes a feed may have, each.
const MAX_THINGS: usize = 8 << 20;

/// A feed while it is read.
struct Feed<'a, 'b> {
    intake: &'a mut Intake<'b>,
    bundle: Bundle,
    ground: Ground,
    file: String,
    zone: Option<Tz>,
}

/// Reads one feed.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    if options.crs.is_some() {
        return Err(Error::Option { option: "--crs", reason: "GTFS is always WGS 84; leave it out".to_owned() });
    }
    let days = options.days.as_deref().map(times::days).transpose();
    let days = days.map_err(|reason| Error::Option { option: "--days", reason })?.unwrap_or_default();
    let file = intake.file().to_owned();
    let ground = Ground::new(&file, &Crs::wgs84(), options)?;
    let bundle = Bundle::open(intake.input)?;
    let mut feed = Feed { intake, bundle, ground, file, zone: None };
    feed.agencies()?;
    let services = feed.services()?;
    let routes = feed.routes()?;
    let mut trips = feed.trips(&routes)?;
    let mut places = feed.stop_places()?;
    let calls = feed.timetable(&mut trips, &mut places)?;
    let shapes = feed.shapes(&trips)?;
    feed.write_stops(&places, &routes)?;
    feed.write_routes(&trips, &shapes)?;
    drop(shapes);
    feed.write_trips(&trips, &places, &calls, &services)?;
    feed.write_positions(&trips, &places, &calls, &services, &days)?;
    let size = feed.bundle.members().iter().map(|m| m.size).sum();
    feed.intake.input.note_read(size);
    Ok(feed.ground.used())
}

impl Feed<'_, '_> {
    fn malformed(&self, table: &str, reason: impl Into<String>) -> Error {
        Error::Malformed { file: self.file.clone(), place: table.to_owned(), reason: reason.into() }
    }

    /// Calls `each` for every row of a table that the feed has; what it refuses is told with the row's place.
    fn each_row(
        &mut self,
        name: &'static str,
        mut each: impl FnMut(&mut Self, Row<'_>) -> Result<Result<(), Refusal>, Error>,
    ) -> Result<bool, Error> {
        let Some(mut table) = Table::open(&self.bundle, name, &self.file)? else { return Ok(false) };
        while let Some(row) = table.next()? {
            self.intake.count_record();
            let refused = match row {
                Ok(row) => each(self, row)?,
                Err(reason) => Err(reason),
            };
            if let Err(reason) = refused {
                let (place, sample) = (table.place(), table.sample());
                self.intake.refuse(place, reason, &sample);
            }
        }
        Ok(true)
    }

    fn put(&mut self, mut draft: EntityDraft) -> Result<(), Error> {
        self.ground.stamp(&mut draft);
        self.intake.entity(draft)
    }

    /// Writes the agencies, and takes the zone that they have to share.
    fn agencies(&mut self) -> Result<(), Error> {
        self.each_row("agency.txt", |feed, row| {
            let zone = row.get("agency_timezone");
            let Ok(zone) = zone.parse::<Tz>() else {
                return Ok(Err(format!("its time zone `{zone}` is not of the IANA's")));
            };
            if feed.zone.is_some_and(|first| first != zone) {
                return Err(
                    feed.malformed("agency.txt", "its agencies have different time zones, which the standard forbids")
                );
            }
            feed.zone = Some(zone);
            let id = row.some("agency_id").unwrap_or("0");
            let mut draft = EntityDraft::new(feed.intake.key(format!("agency/{id}")), Kind::Other, "transit_agency");
            draft.name = row.some("agency_name").map(str::to_owned);
            draft.properties = row.properties();
            feed.put(draft)?;
            Ok(Ok(()))
        })
        .map(|_| ())
    }

    /// The calendar and its exceptions.
    fn services(&mut self) -> Result<Services, Error> {
        const WEEK: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let mut services = Services::new();
        self.each_row("calendar.txt", |feed, row| {
            let span = times::day(row.get("start_date")).and_then(|from| Ok((from, times::day(row.get("end_date"))?)));
            let span = match span {
                Ok((from, to)) if from <= to => (from, to),
                Ok(_) => return Ok(Err("it ends before it begins".to_owned())),
                Err(reason) => return Ok(Err(reason)),
            };
            if services.len() >= MAX_THINGS {
                return Err(feed.malformed("calendar.txt", "more services than any feed has"));
            }
            let weekdays = WEEK.map(|day| row.get(day) == "1");
            let service = Service { weekdays, span: Some(span), ..Service::default() };
            services.insert(row.get("service_id").to_owned(), service);
            Ok(Ok(()))
        })?;
        self.each_row("calendar_dates.txt", |feed, row| {
            let day = match times::day(row.get("date")) {
                Ok(day) => day,
                Err(reason) => return Ok(Err(reason)),
            };
            if services.len() >= MAX_THINGS {
                return Err(feed.malformed("calendar_dates.txt", "more services than any feed has"));
            }
            let service = services.entry(row.get("service_id").to_owned()).or_default();
            match row.get("exception_type") {
                "1" => drop(service.added.insert(day)),
                "2" => drop(service.removed.insert(day)),
                other => return Ok(Err(format!("`{other}` is neither 1 (added) nor 2 (removed)"))),
            }
            Ok(Ok(()))
        })?;
        Ok(services)
    }
}
