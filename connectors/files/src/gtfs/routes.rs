//! Routes with the shapes of their trips as lines.

use std::collections::{BTreeSet, HashMap};

use kernel_model::{Coord, EntityDraft, Geometry, Kind, Place, Shape};

use super::trips::Trips;
use super::{Feed, MAX_THINGS};
use crate::error::Error;

/// Points all shapes may have: 24 bytes each.
const MAX_SHAPE_POINTS: usize = 20 << 20;

/// Routes by id, with the names people use.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) by_id: HashMap<String, u32>,
    pub(super) names: Vec<String>,
}

/// Points of each shape that a trip names, by sequence.
pub(super) type Shapes = Vec<Vec<(u32, f64, f64)>>;

impl Feed<'_, '_> {
    pub(super) fn routes(&mut self) -> Result<Routes, Error> {
        let mut routes = Routes::default();
        self.each_row("routes.txt", |feed, row| {
            let id = row.get("route_id");
            if routes.names.len() >= MAX_THINGS {
                return Err(feed.malformed("routes.txt", "more routes than any feed has"));
            }
            if id.is_empty() || routes.by_id.contains_key(id) {
                return Ok(Err(format!("its route_id `{id}` is empty or was there before")));
            }
            let name = row.some("route_short_name").or(row.some("route_long_name")).unwrap_or(id);
            routes.by_id.insert(id.to_owned(), routes.names.len() as u32);
            routes.names.push(name.to_owned());
            Ok(Ok(()))
        })?;
        Ok(routes)
    }

    /// The points of the shapes that trips name.
    pub(super) fn shapes(&mut self, trips: &Trips) -> Result<Shapes, Error> {
        let mut shapes: Shapes = vec![Vec::new(); trips.shapes.len()];
        let mut points = 0;
        self.each_row("shapes.txt", |feed, row| {
            let Some(at) = trips.shapes.get(row.get("shape_id")) else { return Ok(Ok(())) };
            let number = |name: &str| row.get(name).parse::<f64>().ok();
            let place = number("shape_pt_lon").zip(number("shape_pt_lat"));
            let place = place.filter(|(lon, lat)| Place::new(*lon, *lat, None).is_ok());
            let (Some((lon, lat)), Ok(sequence)) = (place, row.get("shape_pt_sequence").parse()) else {
                return Ok(Err("it has no place and number in its shape".to_owned()));
            };
            points += 1;
            if points > MAX_SHAPE_POINTS {
                return Err(
                    feed.malformed("shapes.txt", format!("more than {MAX_SHAPE_POINTS} points; split the feed"))
                );
            }
            shapes[*at as usize].push((sequence, lon, lat));
            Ok(Ok(()))
        })?;
        for shape in &mut shapes {
            shape.sort_by_key(|point| point.0);
        }
        Ok(shapes)
    }

    pub(super) fn write_routes(&mut self, trips: &Trips, shapes: &Shapes) -> Result<(), Error> {
        let mut of_route: HashMap<u32, BTreeSet<u32>> = HashMap::new();
        for trip in &trips.list {
            of_route.entry(trip.route).or_default().extend(trip.shape);
        }
        let mut number = 0;
        let mut seen = std::collections::HashSet::new();
        let Some(mut table) = super::Table::open(&self.bundle, "routes.txt", &self.file)? else { return Ok(()) };
        while let Some(row) = table.next()? {
            let Ok(row) = row else { continue };
            let id = row.get("route_id");
            if id.is_empty() || !seen.insert(id.to_owned()) {
                continue;
            }
            let mut draft =
                EntityDraft::new(self.intake.key(format!("route/{id}")), Kind::Other, class(row.get("route_type")));
            draft.name = row.some("route_long_name").or(row.some("route_short_name")).map(str::to_owned);
            draft.properties = row.properties();
            let lines = of_route.get(&number).into_iter().flatten().filter_map(|shape| shapes.get(*shape as usize));
            let line = |shape: &Vec<(u32, f64, f64)>| {
                shape.iter().map(|(_, lon, lat)| Coord::new(*lon, *lat, 0.0)).collect::<Vec<_>>()
            };
            let mut lines: Vec<_> = lines.map(line).filter(|line| line.len() > 1).collect();
            draft.geometry = match lines.len() {
                0 => None,
                1 => Some(Geometry::flat(Shape::LineString(lines.remove(0)))),
                _ => Some(Geometry::flat(Shape::MultiLineString(lines))),
            };
            number += 1;
            self.put(draft)?;
        }
        Ok(())
    }
}

/// By `route_type`, the extended ones (100 to 1700) by their hundred.
fn class(route_type: &str) -> &'static str {
    match route_type.parse::<u32>() {
        Ok(0 | 900..=999) => "tram_route",
        Ok(1 | 400..=699) => "subway_route",
        Ok(2 | 100..=199) => "rail_route",
        Ok(3 | 11 | 200..=299 | 700..=899) => "bus_route",
        Ok(4 | 1000..=1299) => "ferry_route",
        Ok(5 | 6 | 7 | 1300..=1499) => "cable_route",
        Ok(12) => "monorail_route",
        _ => "transit_route",
    }
}
