//! Stops, stations, entrances and boarding areas. Those that hold others come first, so that a parent is there before its
//! parts.

use std::collections::{BTreeSet, HashMap};

use kernel_model::{Coord, EntityDraft, Geometry, Kind, Place, Shape};

use super::routes::Routes;
use super::tables::Row;
use super::{Feed, MAX_THINGS};
use crate::error::Error;
use crate::intake::Refusal;

/// A stop's place, where it has one, and what comes there.
pub(super) struct Stop {
    pub(super) id: String,
    pub(super) place: Option<(f64, f64)>,
    /// Numbers of the routes that call there.
    pub(super) routes: BTreeSet<u32>,
}

/// Stops by number and by id.
#[derive(Default)]
pub(super) struct Stops {
    pub(super) list: Vec<Stop>,
    pub(super) by_id: HashMap<String, u32>,
}

/// `location_type`s in the order in which they hold each other.
const LEVELS: [&[&str]; 3] = [&["1"], &["", "0", "2", "3"], &["4"]];

impl Feed<'_, '_> {
    /// The stops' places; rows that cannot be are refused here, and left out when stops are written.
    pub(super) fn stop_places(&mut self) -> Result<Stops, Error> {
        let mut stops = Stops::default();
        self.each_row("stops.txt", |feed, row| {
            if stops.list.len() >= MAX_THINGS {
                return Err(feed.malformed("stops.txt", "more stops than any feed has"));
            }
            let id = row.get("stop_id");
            let place = match place(row) {
                Ok(place) => place,
                Err(reason) => return Ok(Err(reason)),
            };
            if id.is_empty() {
                return Ok(Err("its stop_id is empty".to_owned()));
            }
            if stops.by_id.contains_key(id) {
                return Ok(Err(format!("an earlier stop has the id `{id}` already")));
            }
            stops.by_id.insert(id.to_owned(), stops.list.len() as u32);
            stops.list.push(Stop { id: id.to_owned(), place, routes: BTreeSet::new() });
            Ok(Ok(()))
        })?;
        Ok(stops)
    }

    pub(super) fn write_stops(&mut self, stops: &Stops, routes: &Routes) -> Result<(), Error> {
        for level in LEVELS {
            let mut written = vec![false; stops.list.len()];
            let Some(mut table) = super::Table::open(&self.bundle, "stops.txt", &self.file)? else { return Ok(()) };
            while let Some(row) = table.next()? {
                let Ok(row) = row else { continue };
                let number = stops.by_id.get(row.get("stop_id")).copied().map_or(usize::MAX, |n| n as usize);
                let is_first = written.get(number) == Some(&false);
                if is_first && level.contains(&row.get("location_type")) && place(row).is_ok() {
                    written[number] = true;
                    self.write_stop(row, &stops.list[number], stops, routes)?;
                }
            }
        }
        Ok(())
    }

    fn write_stop(&mut self, row: Row<'_>, stop: &Stop, stops: &Stops, routes: &Routes) -> Result<(), Error> {
        let key = self.intake.key(format!("stop/{}", stop.id));
        let mut draft = EntityDraft::new(key, Kind::Poi, class(row.get("location_type")));
        draft.name = row.some("stop_name").map(str::to_owned);
        let parent = row.some("parent_station").filter(|parent| stops.by_id.contains_key(*parent));
        draft.parent = parent.map(|parent| self.intake.key(format!("stop/{parent}")));
        draft.geometry = stop.place.map(|(lon, lat)| Geometry::flat(Shape::Point(Coord::new(lon, lat, 0.0))));
        draft.properties = row.properties();
        for key in ["stop_lat", "stop_lon"] {
            draft.properties.remove(key);
        }
        if !stop.routes.is_empty() {
            let names: Vec<&str> =
                stop.routes.iter().filter_map(|at| routes.names.get(*at as usize)).map(String::as_str).collect();
            draft.properties.insert("routes".to_owned(), names.into());
        }
        self.put(draft)
    }
}

fn class(location_type: &str) -> &'static str {
    match location_type {
        "1" => "transit_station",
        "2" => "transit_entrance",
        "3" => "transit_node",
        "4" => "transit_boarding_area",
        _ => "transit_stop",
    }
}

/// Places are required of stops, stations and entrances, not of nodes and boarding areas.
fn place(row: Row<'_>) -> Result<Option<(f64, f64)>, Refusal> {
    let (lat, lon) = (row.get("stop_lat"), row.get("stop_lon"));
    if lat.is_empty() && lon.is_empty() {
        return match row.get("location_type") {
            "3" | "4" => Ok(None),
            _ => Err("it has no stop_lat and stop_lon, which the standard asks for".to_owned()),
        };
    }
    let numbers = lon.parse().ok().zip(lat.parse().ok());
    let (lon, lat): (f64, f64) = numbers.ok_or_else(|| format!("`{lat}`, `{lon}` is no place"))?;
    Place::new(lon, lat, None).map(|_| Some((lon, lat))).map_err(|e| e.to_string())
}
